"""`talk backup`: a copy to go back to."""

import errno
from pathlib import Path
from random import Random

import polars as pl
import pytest
from click.testing import CliRunner
from filelock import FileLock

from talk_assets.cli import main
from talk_assets.hub import HubError, Patience, open_hub
from talk_assets.hub.address import Address
from talk_assets.hub.tables import history
from talk_assets.hub.upkeep.backup import restore
from talk_assets.operator.project import Ports
from talk_assets.systems.clock import SystemClock


@pytest.fixture
def hub(tmp_path: Path) -> str:
    url = f"duckdb:{tmp_path / 'hub.duckdb'}"
    with open_hub(url) as opened, opened.transaction():
        history.append(opened, pl.DataFrame({"kind": ["edit"]}), "run")
    return url


def talk(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["backup", *arguments], obj=Ports(wait_seconds=0))
    assert (result.exit_code, type(result.exception)) == (code, SystemExit if code else type(None)), result.stderr
    return result.stderr if code else result.stdout


def test_the_copy_is_a_hub_for_its_owner_only(hub: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.duckdb"
    assert f"{copy}: all that {hub} held" in talk(str(copy), "--hub", hub)
    assert copy.stat().st_mode & 0o077 == 0
    with open_hub(f"duckdb:{copy}") as opened:
        assert history.after(opened)["kind"].to_list() == ["edit"]


def test_it_needs_no_specs(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALK_HUB", hub)
    talk("copy.duckdb")
    assert Path("copy.duckdb").is_file()


def test_mistakes_are_told_in_words(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    copy = str(tmp_path / "copy.duckdb")
    assert "run `talk sync` first" in talk(copy, code=1)
    assert "make it first" in talk(str(tmp_path / "nowhere" / "copy.duckdb"), "--hub", hub, code=1)
    talk(copy, "--hub", hub)
    assert "never overwrites" in talk(copy, "--hub", hub, code=1)
    assert not (tmp_path / ".talk").exists()


def test_a_full_disk_is_that_of_the_copy(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy.duckdb"

    def full(file: Path, to: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(file), None, str(to))

    monkeypatch.setattr("talk_assets.hub.upkeep.backup.shutil.copyfile", full)
    told = talk(str(copy), "--hub", hub, code=1)
    assert f"{tmp_path / 'hub.duckdb'} → {copy}.partial: No space left on device" in told
    assert not list(tmp_path.glob("copy*"))


def test_a_restore_into_a_lake_names_the_state_folder(tmp_path: Path) -> None:
    address = Address.parse(f"ducklake:sqlite:{tmp_path / 'hub.sqlite'}")
    patience = Patience(SystemClock(), Random(1), lambda _: None, 0)  # noqa: S311
    with pytest.raises(HubError, match=r"is no file.*TALK_STATE"):
        restore(address, tmp_path / "copy.duckdb", patience)


def test_of_a_hub_that_a_disk_has_damaged_there_is_no_copy(tmp_path: Path) -> None:
    file, copy = tmp_path / "hub.duckdb", tmp_path / "copy.duckdb"
    with open_hub(f"duckdb:{file}") as opened:
        for number in range(3):
            rows = pl.DataFrame({"kind": ["edit"] * 5_000, "after": [f"{number} {one} {one * 7919}" for one in range(5_000)]})
            opened.run(lambda rows=rows: history.append(opened, rows, "run"))
    whole = bytearray(file.read_bytes())
    for place in range(len(whole) // 4, len(whole), 4096):
        whole[place] ^= 0xFF
    file.write_bytes(whole)
    assert "damaged" in talk(str(copy), "--hub", f"duckdb:{file}", code=1)
    assert not copy.exists()


def test_a_hub_in_use_is_waited_for(hub: str, tmp_path: Path) -> None:
    with FileLock(tmp_path / "hub.duckdb.lock"):
        assert "is held by" in talk(str(tmp_path / "copy.duckdb"), "--hub", hub, code=1)
    assert not (tmp_path / "copy.duckdb").exists()
