"""`talk history`: looked at, proved and taken elsewhere. Needs no specs and no systems."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from talk_assets.cli import main
from talk_assets.hub import Hub, history
from talk_assets.operator.project import Ports

ROWS = pl.DataFrame(
    {
        "kind": ["edit", "written"],
        "entity": ["erp.customer", "pms.guest"],
        "id": ["1", "9"],
        "path": ["name", "title"],
        "before": ["Acme", None],
        "after": ["Acme \x1b[2J", "Acme"],
    }
)


@pytest.fixture
def hub(tmp_path: Path) -> str:
    url = f"duckdb:{tmp_path / 'hub.duckdb'}"
    with Hub.open(url) as opened:
        for run in ("run 1", "run 2"):
            with opened.transaction():
                history.append(opened, ROWS, run)
    return url


def talk(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["history", *arguments], obj=Ports(wait_seconds=0))
    assert result.exit_code == code, result.output
    return result.stderr if code and not result.stdout else result.stdout


def test_the_history_is_shown_exported_and_verified(hub: str, tmp_path: Path) -> None:
    told = talk("show", "--hub", hub)
    assert told.count("Acme") > 3
    assert "\x1b" not in told
    of_one = json.loads(talk("show", "pms.guest/9", "--run", "run 2", "--json", "--hub", hub))
    assert [(row["number"], row["after"]) for row in of_one] == [(4, "Acme")]
    assert talk("show", "pms.guest/10", "--hub", hub) == "nothing happened\n"

    said = talk("verify", "--hub", hub)
    head = re.fullmatch(r"4 rows, each as it was written; head ([0-9a-f]{64})\n", said)
    assert head
    path = tmp_path / "history.ndjson"
    assert f"4 rows, for your eyes only; head {head[1]}" in talk("export", str(path), "--hub", hub)
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()] == ["1", "9", "1", "9"]
    assert "File exists" in talk("export", str(path), "--hub", hub, code=1)
    assert talk("verify", "--head", head[1], "--hub", hub) == said


def test_a_change_is_said_with_its_place_and_its_exit_code(hub: str) -> None:
    with Hub.open(hub) as opened, opened.transaction():
        opened.write("UPDATE history SET after = 'Bcme' WHERE number = 3")
    assert talk("verify", "--hub", hub, code=1) == "row 3 of the history was changed\n"
    assert "no batch ends with the head 00ff" in talk("verify", "--head", "00ff", "--hub", hub, code=1)


def test_there_must_be_a_hub(tmp_path: Path) -> None:
    assert "run `talk sync` first" in talk("verify", "--hub", f"duckdb:{tmp_path / 'none.duckdb'}", code=1)
