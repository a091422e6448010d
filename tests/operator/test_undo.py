"""What a run wrote is put back, and what lost a conflict is taken after all."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from talk_assets.hub import open_hub
from talk_assets.sandbox.faults import Fault
from talk_assets.sandbox.serve import start
from tests.operator.desk import SPECS, Desk, Kept, keep

ACME, PMS = "poweroffice_go.customers/1001", "custom_pms.customer/1"
NOT_BEFORE = "its records had not agreed on it before, or contradicted each other: see `talk conflicts`"


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """After the first sync of three systems."""
    folder = tmp_path_factory.mktemp("three")
    specs = shutil.copytree(SPECS, folder / "specs")
    for file in (specs / "dataflows").glob("*.yaml"):
        if file.stem not in ("powerofficego_custompms", "customerp_powerofficego"):
            file.unlink()
    (folder / "first").mkdir()
    with start(size=3, rate_limits=False) as sandbox:
        first = Desk(sandbox, folder / "first", specs)
        first.talk("sync", "--cycles", "4")
        yield keep(first)


@pytest.fixture
def desk(three: Kept, tmp_path: Path) -> Desk:
    return three(tmp_path / "desk")


def names(desk: Desk) -> list[str]:
    """What Acme is called in both systems."""
    return [desk.record(ACME)["Name"], desk.record(PMS)["name"]]


def member(desk: Desk, record: str, system: str) -> str:
    """What a record is linked with in a system."""
    members = json.loads(desk.talk("why", record, "--json"))["members"]
    return next(one["record"] for one in members if one["record"].startswith(f"{system}."))


def run_of(desk: Desk, code: int = 0) -> str:
    """Synchronises; gives the run."""
    return str(json.loads(desk.talk("sync", "--json", code=code))["run"])


def test_an_edit_that_went_everywhere_is_put_back_everywhere(desk: Desk) -> None:
    before = names(desk)
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    assert names(desk) == ["Wrong AS"] * 2
    assert desk.talk("undo").splitlines()[1].startswith(run)
    desk.forget_requests()
    assert f"name: Wrong AS → {before[0]}" in desk.talk("undo", run[:-2], "--dry-run", "--offline")
    assert "nothing is to be written" in desk.talk("plan", "--offline")
    assert "1 value agreed on as before" in desk.talk("undo", run, "--yes", "--as", "kari")
    assert f"Name: Wrong AS → {before[0]}" in desk.talk("plan", "--offline")
    assert desk.writes() == []
    putting_back = run_of(desk)
    assert names(desk) == before
    assert f"name Wrong AS → {before[0]} (what run {run} wrote is put back, by kari)" in desk.talk("why", ACME)
    assert "there is nothing to put back" in desk.talk("undo", run, "--offline", "--yes")
    desk.talk("undo", putting_back, "--offline", "--yes")
    desk.talk("sync")
    assert names(desk) == ["Wrong AS"] * 2


@pytest.mark.long
def test_an_edit_after_something_was_put_back_is_taken_and_is_no_contradiction(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Wrong AS"})
    desk.talk("undo", run_of(desk), "--offline", "--yes")
    desk.talk("sync")
    conflicts = desk.talk("conflicts", "--all")
    desk.edit(PMS, {"name": "Right AS"})
    desk.talk("sync")
    assert names(desk) == ["Right AS"] * 2
    assert desk.talk("conflicts", "--all") == conflicts


def test_what_was_changed_since_stays_and_all_else_is_put_back(desk: Desk) -> None:
    before = names(desk)
    desk.edit(ACME, {"Name": "Wrong AS", "PhoneNumber": "22 11 11 11"})
    run = run_of(desk)
    desk.edit(PMS, {"phone": "22 99 99 99"})
    told = json.loads(desk.talk("undo", run, "--json", "--yes"))
    assert told["undone"]
    assert [(one["field"], one["then"]) for one in told["back"]] == [("custom_erp.customer.name", before[0])]
    assert {(one["field"], one["reason"]) for one in told["left"]} == {("custom_erp.customer.phone", "it was changed since")}
    desk.talk("sync")
    assert names(desk) == before
    assert desk.record(ACME)["PhoneNumber"] == "22 99 99 99"


def test_an_edit_that_was_read_and_not_told_yet_is_not_put_back(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    desk.edit(PMS, {"name": "Right AS"})
    desk.talk("sync", "--dry-run")
    assert "it was changed since" in desk.talk("undo", run, "--offline", "--yes")
    desk.talk("sync")
    assert names(desk) == ["Right AS"] * 2


def test_what_a_run_made_stays_and_is_named(desk: Desk) -> None:
    desk.sandbox.systems["poweroffice_go"].add("customers", {"Name": "Ekko Lyd AS", "EmailAddress": "post@ekko.example"})
    told = json.loads(desk.talk("undo", run_of(desk), "--offline", "--json", "--yes"))
    assert told["back"] == []
    assert any(name.startswith("custom_pms.customer/") for name in told["made"])
    assert "nothing is to be written" in desk.talk("plan", "--offline")


@pytest.mark.long
def test_a_reference_is_put_back_in_each_systems_words(desk: Desk) -> None:
    project, theirs = (member(desk, "custom_pms.project/1", system) for system in ("custom_pms", "poweroffice_go"))
    one, other = (int(member(desk, f"poweroffice_go.customers/{id_}", "custom_pms").split("/")[1]) for id_ in (1001, 1002))
    desk.edit(project, {"customer_id": one})
    desk.talk("sync")
    desk.edit(project, {"customer_id": other})
    run = run_of(desk)
    assert desk.record(theirs)["CustomerId"] == 1002
    told = json.loads(desk.talk("undo", run, "--offline", "--json", "--yes"))
    assert any(back["then"].startswith("custom_erp.customer/") for back in told["back"])
    desk.talk("sync")
    assert (desk.record(theirs)["CustomerId"], desk.record(project)["customer_id"]) == (1001, one)


def test_what_was_agreed_before_comes_back_and_not_what_a_record_that_lagged_behind_held(desk: Desk) -> None:
    desk.edit(ACME, {"WebsiteUrl": "https://one.example"})
    desk.refuse("custom_pms", "customer", "update", "not now", times=100)
    desk.talk("sync", code=3)
    desk.heal()
    desk.edit(ACME, {"WebsiteUrl": "https://two.example"})
    told = json.loads(desk.talk("undo", run_of(desk), "--offline", "--json", "--yes"))
    assert [(one["now"], one["then"]) for one in told["back"]] == [("https://two.example", "https://one.example")]


def test_what_was_agreed_on_for_the_first_time_has_nothing_to_go_back_to(desk: Desk) -> None:
    first = json.loads(desk.talk("undo", "--json"))[-1]["run"]
    told = json.loads(desk.talk("undo", first, "--offline", "--json", "--yes"))
    assert (told["back"], told["undone"]) == ([], False)
    assert told["made"]
    assert {one["reason"] for one in told["left"]} == {NOT_BEFORE}


def test_an_edit_that_won_is_not_put_back_for_the_one_that_lost(desk: Desk) -> None:
    desk.edit(PMS, {"invoice_email": "lost@acme.example"})
    desk.sandbox.clock.advance(2)
    desk.edit(ACME, {"InvoiceEmailAddress": "won@acme.example"})
    run = run_of(desk)
    agreed = desk.talk("undo", run, "--offline", "--dry-run")
    assert "lost@acme.example" not in agreed


@pytest.mark.long
def test_a_value_that_came_back_by_an_edit_is_nobody_elses_to_undo(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    desk.edit(ACME, {"Name": "Other AS"})
    desk.talk("sync")
    desk.edit(PMS, {"name": "Wrong AS"})
    desk.talk("sync")
    told = json.loads(desk.talk("undo", run, "--offline", "--json", "--yes"))
    assert (told["back"], [one["reason"] for one in told["left"]]) == ([], ["it was changed since"])


def test_what_the_specs_have_no_more_stays(desk: Desk) -> None:
    desk.edit(ACME, {"PhoneNumber": "22 11 11 11"})
    run = run_of(desk)
    desk.specs = shutil.copytree(desk.specs, desk.folder / "specs")
    for file in (desk.specs / "dataflows").iterdir():
        rows = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(row for row in rows if "PhoneNumber" not in row), encoding="utf-8")
    assert "no row of a mapping names it any more" in desk.talk("undo", run, "--offline", "--yes")


def test_what_another_document_names_first_now_is_put_back(desk: Desk) -> None:
    before = names(desk)
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    whole, desk.specs = desk.specs, shutil.copytree(desk.specs, desk.folder / "specs")
    (desk.specs / "dataflows" / "customerp_powerofficego.yaml").unlink()
    assert "1 value agreed on as before" in desk.talk("undo", run, "--offline", "--yes")
    desk.specs = whole
    desk.talk("sync")
    assert names(desk) == before


def test_what_cannot_be_read_or_is_linked_with_others_since_stays(desk: Desk) -> None:
    before = names(desk)
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    desk.refuse("custom_pms", "customer", "list", "out of order", times=100)
    told = json.loads(desk.talk("undo", run, "--json", "--yes", code=1))
    assert told["failed"].keys() == {"custom_pms.customer"}
    assert [one["reason"] for one in told["left"]] == ["custom_pms.customer could not be read"]
    desk.heal()
    desk.talk("unlink", PMS)
    desk.talk("undo", run, "--offline", "--yes")
    planned = json.loads(desk.talk("plan", "--offline", "--json"))["writes"]
    told = {f"{one['entity']}/{one['id']}" for one in planned if any(cell["after"] == before[0] for cell in one["cells"])}
    assert ACME in told
    assert PMS not in told


def test_a_write_that_was_found_to_have_happened_is_put_back_too(desk: Desk) -> None:
    before = names(desk)
    desk.sandbox.systems["custom_pms"].faults.add(Fault("drop_after", "customer", "update", 1))
    desk.edit(ACME, {"Name": "Wrong AS"})
    report = json.loads(desk.talk("sync", "--json"))
    line = next(line for line in report["lines"] if line["entity"] == "custom_pms.customer")
    assert (line["created"], line["updated"]) == (0, 1)
    desk.talk("undo", report["run"], "--offline", "--yes")
    desk.talk("sync")
    assert names(desk) == before


def test_a_hub_of_an_older_program_knows_of_no_runs_and_learns(desk: Desk) -> None:
    with open_hub(desk.hub) as hub, hub.transaction():
        for column in ("run", "taken"):
            hub.write(f"ALTER TABLE intents DROP COLUMN {column}")
        hub.write("UPDATE meta SET value = '7' WHERE key = 'schema'")
    assert desk.talk("undo") == "no run has written anything yet, as far as is known\n"
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    assert "1 value agreed on as before" in desk.talk("undo", run, "--offline", "--yes")


def test_at_the_prompt_one_can_still_say_no(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Wrong AS"})
    run = run_of(desk)
    desk.talk("undo", run, "--offline", code=1)
    assert "Put 1 value back?" in desk.said
    assert not json.loads(desk.talk("undo", run, "--offline", "--json"))["undone"]
    assert "nothing is to be written" in desk.talk("plan", "--offline")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["undo", "2", "--offline"], "several runs begin with '2'"),
        (["undo", ""], "no write of a run '' is known"),
        (["undo", "20240101-000000-abcdef"], "no write of a run '20240101-000000-abcdef' is known"),
        (["conflicts", "4711", "--take", ACME], "no conflict 4711"),
    ],
)
def test_mistakes_are_told_in_words(desk: Desk, arguments: list[str], message: str) -> None:
    desk.edit(ACME, {"Name": "Wrong AS"})
    desk.talk("sync")
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
