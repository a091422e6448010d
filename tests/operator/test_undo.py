"""What a run wrote is put back, and what lost a conflict is taken after all."""

import json
from pathlib import Path

import pytest

from talk_assets.sandbox.faults import Fault
from talk_assets.sandbox.serve import start
from tests.operator.desk import Desk
from tests.operator.test_conflict_rules import with_rules

ACME, PMS = "poweroffice_go.customers/1001", "custom_pms.customer/1"


def names(desk: Desk) -> list[str]:
    """What Acme is called in the systems that keep it."""
    members = json.loads(desk.talk("why", ACME, "--json"))["members"]
    erp = next(one["record"] for one in members if one["record"].startswith("custom_erp.customer/"))
    return [desk.record(ACME)["Name"], desk.record(PMS)["name"], desk.record(erp)["name"]]


def run_of(desk: Desk, code: int = 0) -> str:
    """Synchronises; gives the run."""
    return str(json.loads(desk.talk("sync", "--json", code=code))["run"])


def test_an_edit_that_went_everywhere_is_put_back_everywhere(desk: Desk) -> None:
    before = names(desk)
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    assert names(desk) == ["Wrong AS"] * 3
    assert desk.talk("undo").splitlines()[1].startswith(run)
    assert f"name: Wrong AS → {before[0]}" in desk.talk("undo", run, "--dry-run")
    assert "nothing is to be written" in desk.talk("plan")
    assert "1 value agreed on as before" in desk.talk("undo", run, "--yes", "--as", "kari")
    assert f"Name: Wrong AS → {before[0]}" in desk.talk("plan")
    putting_back = run_of(desk)
    assert names(desk) == before
    assert f"name Wrong AS → {before[0]} (what run {run} wrote is put back, by kari)" in desk.talk("why", ACME)
    desk.forget_requests()
    desk.talk("sync")
    assert desk.writes() == []
    assert "there is nothing to put back" in desk.talk("undo", run, "--yes")
    desk.talk("undo", putting_back, "--yes")
    desk.talk("sync")
    assert names(desk) == ["Wrong AS"] * 3


def test_an_edit_after_something_was_put_back_is_taken_and_is_no_contradiction(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Wrong AS"})
    desk.talk("undo", run_of(desk), "--yes")
    desk.talk("sync")
    conflicts = desk.talk("conflicts", "--all")
    desk.edit(PMS, {"name": "Right AS"})
    desk.talk("sync")
    assert names(desk) == ["Right AS"] * 3
    assert desk.talk("conflicts", "--all") == conflicts


def test_what_was_changed_since_stays_and_all_else_is_put_back(desk: Desk) -> None:
    before = names(desk)
    desk.edit(ACME, {"Name": "Wrong AS", "PhoneNumber": "22 11 11 11"})
    run = run_of(desk)
    desk.edit(PMS, {"phone": "22 99 99 99"})
    told = json.loads(desk.talk("undo", run, "--json", "--yes"))
    assert [(one["field"], one["then"]) for one in told["back"]] == [("name", before[0])]
    assert {(one["what"], one["reason"]) for one in told["left"]} == {("phone", "it was changed since")}
    desk.talk("sync")
    assert names(desk) == before
    assert desk.record(ACME)["PhoneNumber"] == "22 99 99 99"


def test_an_edit_that_was_read_and_not_agreed_on_yet_is_not_put_back(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    desk.edit(PMS, {"name": "Right AS"})
    desk.talk("sync", "--dry-run")
    assert "it was changed since" in desk.talk("undo", run, "--offline", "--yes")
    desk.talk("sync")
    assert names(desk) == ["Right AS"] * 3


def test_what_a_run_made_stays_and_is_named(desk: Desk) -> None:
    desk.sandbox.systems["poweroffice_go"].add("customers", {"Name": "Ekko Lyd AS", "EmailAddress": "post@ekko.example"})
    told = json.loads(desk.talk("undo", run_of(desk), "--json", "--yes"))
    assert told["back"] == []
    assert any(name.startswith("custom_pms.customer/") for name in told["made"])
    desk.forget_requests()
    desk.talk("sync")
    assert desk.writes() == []


def test_a_reference_is_put_back_in_each_systems_words(desk: Desk) -> None:
    project = "custom_pms.project/1"
    desk.edit(project, {"customer_id": 1})
    desk.talk("sync")
    members = json.loads(desk.talk("why", project, "--json"))["members"]
    theirs = next(one["record"] for one in members if one["record"].startswith("poweroffice_go.projects/"))
    customer = desk.record(theirs)["CustomerId"]
    desk.edit(project, {"customer_id": 2})
    run = run_of(desk)
    assert desk.record(theirs)["CustomerId"] != customer
    told = json.loads(desk.talk("undo", run, "--json", "--yes"))
    assert any(one["then"].startswith("custom_erp.customer/") for one in told["back"])
    desk.talk("sync")
    assert (desk.record(theirs)["CustomerId"], desk.record(project)["customer_id"]) == (customer, 1)


def test_records_that_held_different_values_before_are_left_as_they_are(desk: Desk) -> None:
    desk.edit(ACME, {"WebsiteUrl": "https://one.example"})
    desk.refuse("custom_pms", "customer", "update", "not now", times=100)
    desk.talk("sync", code=3)
    desk.heal()
    desk.edit(ACME, {"WebsiteUrl": "https://two.example"})
    run = run_of(desk)
    told = json.loads(desk.talk("undo", run, "--json", "--yes"))
    assert told["back"] == []
    assert {one["reason"] for one in told["left"]} == {"the records that were written to held different values before"}


def test_a_write_that_was_found_to_have_happened_is_put_back_too(desk: Desk) -> None:
    before = names(desk)
    desk.sandbox.systems["custom_pms"].faults.add(Fault("drop_after", "customer", "update", 1))
    desk.edit(ACME, {"Name": "Wrong AS"})
    report = json.loads(desk.talk("sync", "--json"))
    line = next(line for line in report["lines"] if line["entity"] == "custom_pms.customer")
    assert (line["created"], line["updated"]) == (0, 1)
    desk.talk("undo", report["run"], "--yes")
    desk.talk("sync")
    assert names(desk) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["undo", "20240101-000000-abcdef"], "nothing was written in a run '20240101-000000-abcdef'"),
        (["conflicts", "4711", "--take", ACME], "no conflict 4711"),
    ],
)
def test_mistakes_are_told_in_words(desk: Desk, arguments: list[str], message: str) -> None:
    desk.talk(*arguments, code=1)
    assert message in desk.said


def test_the_value_that_lost_is_taken_by_its_record(desk: Desk) -> None:
    desk.edit(PMS, {"phone": "22 11 11 11"})
    desk.sandbox.clock.advance(2)
    desk.edit(ACME, {"PhoneNumber": "22222222"})
    desk.talk("sync")
    assert desk.record(PMS)["phone"] == "22222222"
    number = desk.talk("conflicts").split()[0]
    assert f"talk conflicts {number} --take" in desk.talk("conflicts", number)
    assert "22222222 → 22 11 11 11" in desk.talk("conflicts", number, "--take", PMS, "--as", "kari")
    desk.talk("sync")
    assert desk.record(ACME)["PhoneNumber"] == desk.record(PMS)["phone"] == "22 11 11 11"
    assert f"its value in conflict {number} is taken, by kari" in desk.talk("why", ACME)
    desk.talk("conflicts", number, "--take", PMS, code=1)
    assert "22 11 11 11 is what is agreed on already" in desk.said
    desk.talk("conflicts", number, "--take", "custom_pms.customer/2", code=1)
    assert f"no part in conflict {number}; its values are those of" in desk.said
    desk.talk("conflicts", "--take", PMS, code=2)


def test_a_contradiction_that_is_held_is_settled_by_taking_one_of_its_values(tmp_path: Path) -> None:
    with start(size=3, rate_limits=False) as sandbox:
        desk = Desk(sandbox, tmp_path, with_rules(tmp_path / "specs"))
        desk.talk("sync")
        desk.edit(ACME, {"PhoneNumber": "22 11 11 11"})
        desk.edit(PMS, {"phone": "22 99 99 99"})
        desk.talk("sync", code=3)
        number = desk.talk("conflicts").split()[0]
        assert f"talk conflicts {number} --take" in desk.talk("holds")
        desk.talk("conflicts", number, "--take", PMS)
        assert desk.talk("holds") == "nothing waits for you\n"
        desk.talk("sync")
        assert desk.record(ACME)["PhoneNumber"] == desk.record(PMS)["phone"] == "22 99 99 99"
        before = desk.talk("conflicts", "--all")
        desk.edit(PMS, {"phone": "22 88 88 88"})
        desk.talk("sync")
        assert desk.record(ACME)["PhoneNumber"] == "22 88 88 88"
        assert desk.talk("conflicts", "--all") == before
