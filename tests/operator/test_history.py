"""`talk history`: looked at, proved and taken elsewhere. Needs no specs and no systems."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import polars as pl
import pytest
from click.testing import CliRunner

from talk_assets.cli import main
from talk_assets.hub import Patience, open_hub, turn
from talk_assets.hub.tables import history, records
from talk_assets.operator.project import Ports
from talk_assets.systems.clock import Clock, SystemClock
from tests.hub.support import Ticking

GUID = "4f1d1b86-6f4c-4b61-9c0e-7d2f0f0a3c55"
LONG = f"pms.guest/{GUID}"
ROWS = pl.DataFrame(
    {
        "kind": ["edit", "written"],
        "entity": ["erp.customer", "pms.guest"],
        "id": ["1", GUID],
        "path": ["name", "title"],
        "before": ["Acme\nAS", None],
        "after": ["Acme \x1b[2J", "Acme"],
    }
)


@pytest.fixture
def hub(tmp_path: Path) -> str:
    url = f"duckdb:{tmp_path / 'hub.duckdb'}"
    with open_hub(url) as opened:
        for run in ("run 1", "run 2"):
            with opened.transaction():
                history.append(opened, ROWS, run)
    return url


def talk(*arguments: str, code: int = 0, command: str = "history", clock: Clock | None = None) -> str:
    ports = Ports(wait_seconds=0, turn_seconds=0, clock=clock or SystemClock())
    result = CliRunner().invoke(main, [command, *arguments], obj=ports)
    assert result.exit_code == code, result.output
    return result.stderr if code and not result.stdout else result.stdout


def test_the_history_is_shown(hub: str) -> None:
    told = talk("show", "--hub", hub)
    assert told.count("Acme") > 3
    assert "\x1b" not in told
    # Where nobody looks at it, a row is a line, with names that can be searched for and copied.
    assert [line.split()[4] for line in told.splitlines()[1:]] == ["erp.customer/1", LONG] * 2
    of_one = json.loads(talk("show", LONG, "--run", "run 2", "--json", "--hub", hub))
    assert [(row["number"], row["after"]) for row in of_one] == [(4, "Acme")]
    with open_hub(hub) as opened, opened.transaction():
        history.append(opened, ROWS.head(1), "run 3")
        read = {"entity": ["pms.guest"], "id": ["10"], "shape": [1], "digest": [1], "body": ["{}"]}
        records.upsert(opened, pl.DataFrame(read))
    assert talk("show", LONG, "--run", "run 3", "--hub", hub) == f"nothing happened to {LONG} in run run 3\n"
    assert talk("show", "pms.guest/10", "--hub", hub) == "nothing happened to pms.guest/10\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pms.guset/9"], "the hub has no record of an entity 'pms.guset'; did you mean pms.guest?"),
        (["pms.guest/4711"], "the hub has no record pms.guest/4711"),
        (["pms.guest"], "'pms.guest' names no record: write SYSTEM.ENTITY/ID"),
        (["--run", "run 4"], "no run 'run 4' is in the history: its id begins otherwise, it did nothing, or what it did was "),
        (["--run", "run 4", "--json"], "the newest are run 2, run 1"),
    ],
)
def test_a_name_that_is_unknown_is_not_told_as_silence(hub: str, arguments: list[str], message: str) -> None:
    assert message in talk("show", *arguments, "--hub", hub, code=1)


def test_the_history_is_exported_and_verified(hub: str, tmp_path: Path) -> None:
    said = talk("verify", "--hub", hub)
    head = re.fullmatch(r"4 rows, each as it was written; head ([0-9a-f]{64})\n", said)
    assert head
    path = tmp_path / "history.ndjson"
    assert f"4 rows, for your eyes only; head {head[1]}" in talk("export", str(path), "--hub", hub)
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()] == ["1", GUID, "1", GUID]
    assert "never overwrites" in talk("export", str(path), "--hub", hub, code=1)
    assert talk("verify", "--head", head[1], "--hub", hub) == said


def test_a_change_is_said_with_its_place_and_its_exit_code(hub: str) -> None:
    with open_hub(hub) as opened, opened.transaction():
        opened.write("UPDATE history SET after = 'Bcme' WHERE number = 3")
    assert talk("verify", "--hub", hub, code=1) == "row 3 of the history was changed\n"
    assert "no batch ends with the head '00ff'" in talk("verify", "--head", "00ff", "--hub", hub, code=1)


def test_a_head_that_was_not_kept_is_not_taken_for_one_that_holds(hub: str) -> None:
    assert "no batch ends with the head ''" in talk("verify", "--head", "", "--hub", hub, code=1)


@pytest.mark.parametrize("arguments", [["history", "show", "--limit", "9" * 23], ["prune", "--days", "999999"]])
def test_a_number_beyond_all_reason_is_a_wrong_command_line(hub: str, arguments: list[str]) -> None:
    command, *others = arguments
    assert "is not in the range" in talk(*others, "--hub", hub, command=command, code=2)


def test_json_steers_no_terminal_either(hub: str) -> None:
    said = "red \x9b31m \x7f \N{RIGHT-TO-LEFT OVERRIDE} \N{DESERET CAPITAL LETTER LONG I} \U000e0041"
    with open_hub(hub) as opened, opened.transaction():
        history.append(opened, pl.DataFrame({"kind": ["edit"], "entity": "pms.guest", "id": "7", "after": said}), "run 3")
    told = talk("show", "--run", "run 3", "--json", "--hub", hub)
    assert told.replace("\n", "").isprintable()
    assert [row["after"] for row in json.loads(told)] == [said]


def test_s27_old_history_is_let_go_by_a_command_and_not_by_itself(
    hub: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = talk("verify", "--hub", hub).split()[-1]
    later = Ticking()
    later.seconds = (datetime.now(UTC) - later.now()).total_seconds() + 100 * 86_400
    assert talk("verify", "--hub", hub, clock=later).startswith("4 rows")
    assert "nothing is over" in talk("--days", "101", "--hub", hub, command="prune", clock=later)
    with turn(hub, Patience(later, Random(1), print, 0)):  # noqa: S311
        assert "the turn to work on" in talk("--hub", hub, command="prune", clock=later, code=1)
    monkeypatch.setenv("TALK_KEEP_DAYS", "99")
    assert "gone are 4 history" in talk("--as", "kari", "--hub", hub, command="prune", clock=later)
    (row,) = json.loads(talk("show", "--json", "--hub", hub))
    assert (row["kind"], row["reason"].endswith("by kari")) == ("pruned", True)
    assert talk("verify", "--head", head, "--hub", hub).startswith("1 rows")
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".duckdb") == ["hub.duckdb"]


def test_there_must_be_a_hub(tmp_path: Path) -> None:
    assert "run `talk sync` first" in talk("verify", "--hub", f"duckdb:{tmp_path / 'none.duckdb'}", code=1)
