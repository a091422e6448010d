"""`talk status`: how everything stands, in one answer."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from talk_assets.cli import tables
from talk_assets.hub import open_hub
from talk_assets.sandbox.faults import Fault
from tests.operator.desk import SPECS, Desk

ACME = "poweroffice_go.customers/1001"


def status(desk: Desk, code: int = 0) -> dict[str, Any]:
    told = json.loads(desk.talk("status", "--json", code=code))
    assert told["exit_code"] == code
    return {**told, "entities": {one["entity"]: one for one in told["entities"]}}


def test_where_nothing_is_wrong_it_says_what_was_read_and_is_kept_and_happened_last(desk: Desk) -> None:
    told = status(desk)
    assert (told["attention"], told["guarded"], told["unmapped"]) == ({}, [], {})
    assert all(one["read_at"] and one["whole_at"] and one["failure"] is None for one in told["entities"].values())
    customers = told["entities"]["poweroffice_go.customers"]
    with open_hub(desk.hub) as hub:
        there = hub.read("SELECT count(*) FROM records WHERE entity = 'poweroffice_go.customers'").item()
        things = hub.read("SELECT count(*) FROM golden").item()
    assert (customers["records"], customers["linked"], sum(told["things"].values())) == (there, there, things)
    (first,) = told["runs"]
    assert first["created"] > 0
    desk.edit(ACME, {"Name": "Ny AS"})
    desk.talk("sync")
    (last, _) = status(desk)["runs"]
    assert (last["edits"], last["created"], last["updated"]) == (1, 0, 3)
    text = desk.talk("status", "--runs", "1")
    assert "nothing waits for you" in text
    assert (last["run"] in text, first["run"] in text) == (True, False)


def test_at_a_terminal_of_80_columns_no_row_of_the_tables_breaks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.refuse("custom_erp", "customer", "update", "no such postcode for kari", times=100)
    desk.edit(ACME, {"Name": "Bred Skjerm AS"})
    desk.talk("sync", code=3)
    monkeypatch.setattr(tables, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    for asked, row in ((["status"], "  timetrackingactivity  "), (["holds"], "    no such"), (["plan", "--offline"], "held: ")):
        lines = desk.talk(*asked, code=3 if asked == ["status"] else 0).splitlines()
        assert max(map(len, lines)) <= 80, asked
        assert any(line.startswith(row) for line in lines), asked


def test_what_could_not_be_read_is_said_with_since_when_until_it_could(desk: Desk) -> None:
    answer = {"status": 400, "body": {"message": "closed for kari@example.com"}}
    desk.sandbox.systems["custom_erp"].faults.add(Fault("answer", "employee", "list", options=answer))
    before = status(desk)["entities"]["custom_erp.employee"]["read_at"]
    since = set()
    for _ in range(2):
        desk.sandbox.clock.advance(60)
        desk.talk("sync", code=1)
        told = status(desk, code=1)["entities"]
        assert [key for key, one in told.items() if one["failure"]] == ["custom_erp.employee"]
        assert told["custom_erp.employee"]["read_at"] == before < told["custom_erp.contact"]["read_at"]
        assert "closed for ***" in told["custom_erp.employee"]["failure"]
        since.add(told["custom_erp.employee"]["failing_since"])
    assert len(since) == 1
    assert "custom_erp.employee could not be read since" in desk.talk("status", code=1)
    desk.heal()
    desk.talk("sync")
    assert status(desk)["entities"]["custom_erp.employee"]["read_at"] > before


def test_what_was_not_read_lately_is_told_to_whoever_asks_for_it(desk: Desk) -> None:
    """A sync that never ran, or found the disk full, leaves nothing in the hub that could tell of it."""
    desk.talk("sync")
    desk.sandbox.clock.advance(3 * 60)
    desk.talk("status", "--within", "5")
    desk.sandbox.clock.advance(3 * 60)
    desk.talk("status")
    told = json.loads(desk.talk("status", "--within", "5", "--json", code=1))
    assert all("was not read lately" in one["failure"] for one in told["entities"])
    desk.talk("sync")
    desk.talk("status", "--within", "5")


def test_what_waits_for_a_person_is_counted_and_what_nobody_reads_any_more_is_named(desk: Desk, tmp_path: Path) -> None:
    desk.refuse("custom_pms", "customer", "update", "no", times=9)
    desk.edit(ACME, {"Name": "Konfetti AS"})
    desk.talk("sync", code=3)
    told = status(desk, code=3)
    assert (told["attention"], told["entities"]["custom_pms.customer"]["held"]) == ({"rejected": 1}, 1)
    assert "1 write was refused by its system" in desk.talk("status", code=3)
    desk.specs = tmp_path / "specs"
    shutil.copytree(SPECS, desk.specs)
    (desk.specs / "dataflows" / "crmoffice_powerofficego.yaml").unlink()
    assert status(desk, code=3)["unmapped"]["crm_office.contacts"] == 1
    assert "in the hub there is still 1 record of crm_office.contacts" in desk.talk("status", code=3)


def test_plans_that_wait_for_an_approval_are_named_and_those_that_have_it(desk: Desk) -> None:
    products = [stored.id for stored in desk.sandbox.systems["poweroffice_go"].collections["product"].view().scan()]
    for id_ in products:
        desk.edit(f"poweroffice_go.product/{id_}", {"Description": f"Text {id_}"})
    desk.talk("sync")
    for id_ in products:
        desk.edit(f"poweroffice_go.product/{id_}", {"Description": ""})
    desk.talk("sync", code=3)
    (guarded,) = status(desk, code=3)["guarded"]
    assert f"talk approve {guarded['hash']}" in desk.talk("status", code=3)
    desk.talk("approve", guarded["hash"])
    told = status(desk)
    assert (told["approved"], told["guarded"], told["attention"]) == ([guarded["hash"]], [], {})
    text = desk.talk("status")
    assert f"approved, and passes with the next `talk sync`: {guarded['hash']}" in text
    assert "talk approve" not in text
    (hold,) = json.loads(desk.talk("holds", "--json"))
    assert (hold["kind"], hold["action"]) == ("guard", "approved, and passes with the next `talk sync`")
    desk.talk("sync")
    assert desk.talk("holds") == "nothing waits for you\n"


def test_refused_writes_that_were_let_go_of_are_no_values_that_do_not_fit(desk: Desk) -> None:
    desk.refuse("custom_pms", "customer", "update", "no", times=9)
    desk.edit(ACME, {"Name": "Konfetti AS"})
    desk.talk("sync", code=3)
    assert status(desk, code=3)["released"] == 0
    desk.talk("retry")
    told = status(desk)
    assert (told["attention"], told["released"]) == ({}, 1)
    assert "released, and tried by the next `talk sync`: 1 refused write" in desk.talk("status")
    (hold,) = json.loads(desk.talk("holds", "--json"))
    assert (hold["kind"], hold["action"]) == ("released", "released, and tried by the next `talk sync`")
    desk.talk("sync", code=3)
    assert (status(desk, code=3)["attention"], status(desk, code=3)["released"]) == ({"rejected": 1}, 0)
    desk.talk("retry")
    desk.heal()
    desk.talk("sync")
    assert (status(desk)["attention"], status(desk)["released"]) == ({}, 0)
    assert desk.talk("holds") == "nothing waits for you\n"


def test_what_was_never_read_is_said(tmp_path: Path, desk: Desk) -> None:
    fresh = Desk(desk.sandbox, tmp_path)
    open_hub(fresh.hub).close()
    assert {one["failure"] for one in status(fresh, code=1)["entities"].values()} == {"was never read"}
    assert "custom_pms (customer, task, project) was never read" in fresh.talk("status", code=1)
