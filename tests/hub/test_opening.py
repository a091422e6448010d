"""Where a hub may be, who may read it, and what happens when somebody else has it."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from random import Random
from traceback import format_exception
from typing import Self

import duckdb
import polars as pl
import pytest

from talk_assets.hub import BadUrl, Busy, HubError, NewerHub, Patience, open_hub, turn
from talk_assets.hub.address import Address, extension, without_password
from talk_assets.hub.tables import meta
from talk_assets.systems.clock import SystemClock
from tests.hub.support import Ticking, keep, record, told

HOLD = """
import sys
from talk_assets.hub import Hub, open_hub
hub = open_hub(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
hub.close()
"""
HOLD_WITHOUT_OUR_LOCK = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1].removeprefix("duckdb:"))
print("open", flush=True)
sys.stdin.read()
"""


class Holder:
    """Another process with the hub open, until it is told to let go."""

    def __init__(self, program: str, url: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", program, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "open\n"

    def let_go(self) -> None:
        self.process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.duckdb"


def test_what_was_kept_is_there_when_it_is_opened_again(lasting_url, hub_at):
    with hub_at(lasting_url) as hub:
        keep(hub, record("1", "Acme", None))
        position, installation = hub.position(), meta.get(hub, "installation")
    again = hub_at(lasting_url)
    assert again.position() == position
    assert meta.get(again, "installation") == installation
    assert again.read("SELECT id, vals FROM records").row(0) == ("1", told("Acme", None))


def test_a_plain_path_is_a_file(path, hub_at):
    hub_at(str(path))
    assert path.is_file()


def test_a_link_to_a_hub_is_the_hub(tmp_path, path, hub_at):
    hub_at(str(path)).close()
    link = tmp_path / "elsewhere" / "link.duckdb"
    link.parent.mkdir()
    link.symlink_to(path)
    with hub_at(f"duckdb:{link}") as hub:
        assert hub.address.path == path
    patience = Patience(Ticking(), Random(1), lambda _: None, 0)  # noqa: S311
    with turn(str(path), patience), pytest.raises(Busy), turn(str(link), patience):
        pass
    assert [one.name for one in link.parent.iterdir()] == ["link.duckdb"]


def test_a_path_that_is_not_utf8_is_said(tmp_path, monkeypatch):
    folder = tmp_path / "h\udce5r"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for url in ("duckdb:hub.duckdb", f"ducklake:sqlite:{folder}/hub.sqlite"):
        with pytest.raises(BadUrl, match=r"LC_ALL=C\.UTF-8"):
            open_hub(url)


def test_a_lake_has_its_files_where_the_url_says(tmp_path, hub_at):
    pytest.importorskip("duckdb_extension_ducklake")
    keep(hub_at(f"ducklake:sqlite:{tmp_path / 'catalog.sqlite'}?data={tmp_path / 'elsewhere'}"), record("1", "Acme", None))
    assert list((tmp_path / "elsewhere").rglob("*.parquet"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "duckdb:",
        "/",
        "ducklake:",
        "ducklake:oracle:x",
        "foo:/x",
        "ducklake:postgres:host=a",
        "nowhere/at/all/hub.duckdb",
        "a\0b",
    ],
)
def test_a_url_that_names_no_hub_is_refused(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadUrl):
        open_hub(url)


@pytest.mark.parametrize(
    "catalog",
    [
        "host=a password=hem?melig dbname=x",
        "host=a dbname=x password = 'hem melig\\' e'",
        "host=a dbname=x sslpassword=hemmelig PASSWORD=hemmelig",
        "postgresql://kari:hemmelig@a/x",
        "postgresql://a/x?user=kari&password=hemmelig",
    ],
)
def test_s08_the_password_of_a_catalog_is_told_nobody(catalog):
    place = Address.parse(f"ducklake:postgres:{catalog}?data=/var/files").place
    assert place.startswith(f"ducklake:postgres:{catalog[:6]}")
    assert place.endswith("?data=/var/files")
    words = without_password(f'at path + "postgres:{catalog}"Unable to connect to Postgres at "{catalog}": connection refused')
    assert words.endswith('": connection refused')
    assert not {found for found in ("hem", "melig", "' e'") if found in place + words}


def test_a_lake_that_cannot_be_opened_does_not_tell_its_password(tmp_path, monkeypatch):
    pytest.importorskip("duckdb_extension_ducklake")
    monkeypatch.setattr("talk_assets.hub.connection.extension", lambda _: extension("ducklake"))
    url = f"ducklake:postgres:host=127.0.0.1 port=1 password=hemmelig?data={tmp_path / 'files'}"
    with pytest.raises(HubError, match="cannot be opened") as failed:
        open_hub(url, wait_seconds=0)
    assert "hemmelig" not in "".join(format_exception(failed.value))


def test_a_quote_in_a_path_is_only_a_quote(tmp_path, hub_at):
    path = tmp_path / "o'hub (x); DROP.duckdb"
    keep(hub_at(str(path)), record("1", "Acme", None))
    assert path.is_file()


def test_only_the_owner_can_read_the_files(tmp_path, lasting_url, hub_at):
    hub = hub_at(lasting_url)
    keep(hub, record("1", "Acme", None))
    readable = {path.name for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mode & 0o077}
    hidden = stat.S_IMODE((tmp_path / "hub.sqlite.files").stat().st_mode) == 0o700 if hub.address.is_lake else True
    assert hidden
    assert not {name for name in readable if not name.endswith(".parquet")}


def test_what_does_not_fit_into_memory_is_private_too(path, hub_at):
    hub = hub_at(str(path))
    spill = path.with_name("hub.duckdb.tmp")
    assert stat.S_IMODE(spill.stat().st_mode) == 0o700
    hub.close()
    assert not spill.exists()


def test_a_hub_that_others_could_read_becomes_private(path, hub_at):
    hub_at(str(path)).close()
    path.chmod(0o644)
    hub_at(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_s18_a_hub_of_somebody_else_is_not_opened(lasting_url, hub_at, monkeypatch):
    hub = hub_at(lasting_url)
    hub.close()
    monkeypatch.setattr(os, "geteuid", lambda: hub.address.path.stat().st_uid + 4711)
    with pytest.raises(HubError, match=r"belongs to .*, and this runs as user \d+: run it as .* chown"):
        hub_at(lasting_url)


def test_a_file_that_is_no_hub_stays_as_it_is(path):
    path.write_text("my diary")
    with pytest.raises(HubError, match=str(path)):
        open_hub(str(path))
    assert path.read_text() == "my diary"


def test_a_database_of_something_else_stays_as_it_is(path):
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS other (STORAGE_VERSION 'v1.5.0')")
        connection.execute("CREATE TABLE other.diary (day DATE)")
    with pytest.raises(HubError, match="a database of something else: it holds diary"):
        open_hub(str(path))
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("diary",)]


def test_a_hub_of_a_newer_program_is_refused(lasting_url, hub_at):
    with hub_at(lasting_url) as hub, hub.transaction():
        meta.put(hub, "schema", "99")
    with pytest.raises(NewerHub, match=r"has schema 99.*use the newer program"):
        hub_at(lasting_url)


def test_a_busy_hub_is_waited_for_with_a_message(path, hub_at):
    hub_at(str(path)).close()
    said: list[str] = []
    with Holder(HOLD, f"duckdb:{path}") as holder:
        hub = hub_at(str(path), clock=Ticking(on_sleep=holder.let_go), tell=said.append)
        assert said == [f"the hub is busy: held by PID {holder.process.pid}; waiting"]
    assert hub.position() == 0


@pytest.mark.parametrize("program", [HOLD, HOLD_WITHOUT_OUR_LOCK], ids=["ours", "any DuckDB"])
def test_waiting_ends_and_names_the_file_and_the_process(path, hub_at, program):
    hub_at(str(path)).close()
    clock = Ticking()
    with Holder(program, f"duckdb:{path}") as holder:
        with pytest.raises(Busy, match=rf"{path} is held by PID {holder.process.pid}; gave up after 30 seconds"):
            hub_at(str(path), clock=clock, wait_seconds=30)
        assert 30 <= clock.seconds < 32


def test_the_same_process_does_not_open_a_hub_twice(path, hub_at):
    hub_at(str(path))
    with pytest.raises(Busy, match="this process"):
        hub_at(str(path), wait_seconds=0)


def test_opening_and_closing_the_file_lets_nobody_in(path, hub_at):
    """DuckDB's own lock is lost by this; ours is not."""
    hub_at(str(path))
    path.open("rb").close()
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", HOLD.replace("sys.argv[1])", "sys.argv[1], wait_seconds=0)"), str(path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "Busy" in found.stderr


def test_a_resting_hub_lets_others_in_and_comes_back(path, hub_at):
    hub = hub_at(str(path))
    keep(hub, record("1", "Acme", None))
    hub.rest()
    with hub_at(str(path), clock=SystemClock()) as other:
        keep(other, record("2", "Bcme", None))
    assert hub.read("SELECT id FROM records ORDER BY id")["id"].to_list() == ["1", "2"]


def test_a_hub_that_is_used_again_at_once_does_not_rest(path, hub_at):
    hub = hub_at(str(path))
    hub.rest()
    assert hub.read("SELECT count(*) FROM records").item() == 0
    with pytest.raises(Busy):
        hub_at(str(path), clock=SystemClock(), wait_seconds=0.2)


def test_one_engine_works_at_a_time_and_others_may_look(path, hub_at):
    told: list[str] = []
    patience = Patience(Ticking(), Random(1), told.append, 30)  # noqa: S311
    with turn(str(path), patience):
        with hub_at(str(path)) as looking:
            assert looking.read("SELECT count(*) FROM records").item() == 0
        with (
            pytest.raises(Busy, match=rf"the turn to work on {path} is held by PID .*; gave up after 30 seconds"),
            turn(str(path), patience),
        ):
            pytest.fail("two had their turn")
    assert len(told) == 1
    assert told[0].startswith("another run is at work: PID")
    with turn(str(path), patience):
        assert len(told) == 1


def test_a_hub_in_memory_does_not_rest(hub_at):
    hub = hub_at(":memory:")
    keep(hub, record("1", "Acme", None))
    hub.rest()
    assert hub.read("SELECT count(*) FROM records").item() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY records TO '/tmp/records-of-the-hub.csv'",
        "ATTACH '/tmp/other-hub.duckdb' AS other",
        "INSTALL httpfs",
        "SET enable_external_access = true",
    ],
)
def test_a_hub_reaches_nothing_outside(hub, statement):
    with pytest.raises(duckdb.Error), hub.transaction():
        hub.write(statement)


def test_a_frame_goes_in_and_comes_out_as_it_was(hub):
    given = pl.DataFrame(
        {"text": ["a", None, "\x02"], "lists": [["x", None], None, []], "large": [2**64 - 1, 0, None]},
        schema_overrides={"large": pl.UInt64},
    )
    assert hub.read("SELECT * FROM given", given=given).equals(given)
