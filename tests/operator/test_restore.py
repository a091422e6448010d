"""`talk restore`: back to a backup, from whatever the hub has become."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import duckdb
import pytest

from talk_assets.hub import HubError, Patience, turn
from talk_assets.hub.address import Address
from talk_assets.hub.upkeep.backup import restore
from talk_assets.systems.clock import SystemClock
from tests.operator.desk import Desk

ACME = "poweroffice_go.customers/1001"
LATER = "Etter Kopien AS"
PATIENCE = Patience(SystemClock(), Random(1), print, 0)  # noqa: S311


@pytest.fixture
def backup(desk: Desk) -> Path:
    file = desk.folder / "backup.duckdb"
    desk.talk("backup", str(file))
    return file


def files(desk: Desk) -> set[str]:
    return {path.name for path in desk.folder.iterdir() if path.name.startswith("hub")}


def other_database(file: Path) -> None:
    with duckdb.connect(str(file)) as database:
        database.execute("CREATE TABLE t AS SELECT 1")


def test_a_backup_takes_the_place_of_the_hub_which_is_kept_beside_it(desk: Desk, backup: Path) -> None:
    desk.edit(ACME, {"Name": LATER})
    desk.talk("sync")
    told = desk.talk("restore", str(backup))
    (kept,) = desk.folder.glob("hub.before-*.duckdb")
    assert f"what it held before is in {kept}" in told
    assert kept.stat().st_mode & 0o077 == 0
    assert LATER not in desk.talk("why", ACME, "Name")
    desk.forget_requests()
    desk.talk("sync")
    assert (desk.writes(), LATER in desk.talk("why", ACME, "Name")) == ([], True)


def test_a_hub_that_was_kept_is_not_overwritten_by_the_next_one(desk: Desk, backup: Path) -> None:
    before = (desk.folder / "hub.duckdb").stat().st_ino
    for _ in range(2):
        desk.talk("restore", str(backup))
    kept = list(desk.folder.glob("hub.before-*.duckdb"))
    assert len(kept) == 2
    assert before in {file.stat().st_ino for file in kept}


def test_what_a_killed_program_left_beside_the_hub_is_no_part_of_the_backup(desk: Desk, backup: Path) -> None:
    left = desk.folder / "hub.duckdb.wal"
    with duckdb.connect(str(desk.folder / "other.duckdb")) as other:
        other.execute("CREATE TABLE t AS SELECT 1; FORCE CHECKPOINT; INSERT INTO t VALUES (2)")
        shutil.copy(desk.folder / "other.duckdb.wal", left)
    desk.talk("status", code=1)
    assert "hub.duckdb.wal is of another hub, or damaged" in desk.said
    desk.talk("restore", str(backup))
    (kept,) = desk.folder.glob("hub.before-*.duckdb")
    assert (left.exists(), kept.with_name(f"{kept.name}.wal").exists()) == (False, True)
    desk.talk("why", ACME)


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b"x" * 5000), Path.unlink], ids=["damaged", "lost"])
def test_a_hub_that_cannot_be_opened_is_replaced(desk: Desk, backup: Path, spoil: Callable[[Path], object]) -> None:
    spoil(desk.folder / "hub.duckdb")
    desk.talk("restore", str(backup))
    desk.talk("why", ACME)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "there is no backup"),
        (Path.touch, "not a valid DuckDB database"),
        (lambda file: duckdb.connect(str(file)).close(), "there is nothing in it"),
        (lambda file: file.write_text("a letter"), "not a valid DuckDB database"),
        (other_database, "is a database of something else"),
        (lambda file: file.hardlink_to(file.with_name("hub.duckdb")), "is the hub itself"),
        (lambda file: (other_database(file), file.with_name(f"{file.name}.wal").touch()), "is a hub in use"),
    ],
    ids=["missing", "empty", "without a table", "no database", "another database", "the hub", "in use"],
)
def test_what_is_no_backup_changes_nothing(desk: Desk, make: Callable[[Path], object], message: str) -> None:
    before = files(desk)
    make(desk.folder / "backup.duckdb")
    desk.talk("restore", str(desk.folder / "backup.duckdb"), code=1)
    assert message in desk.said
    assert files(desk) == before
    desk.talk("why", ACME)


def test_a_run_that_is_at_work_is_waited_for(desk: Desk, backup: Path) -> None:
    with turn(desk.hub, PATIENCE):
        desk.talk("restore", str(backup), code=1)
    assert "another run is at work" in desk.said
    assert list(desk.folder.glob("hub.before*")) == []


def test_a_lake_is_no_file_to_be_replaced(tmp_path: Path) -> None:
    lake = Address.parse(f"ducklake:sqlite:{tmp_path / 'lake.sqlite'}")
    with pytest.raises(HubError, match="no backup can take its place"):
        restore(lake, tmp_path / "backup.duckdb", PATIENCE)
