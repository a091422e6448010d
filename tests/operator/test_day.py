"""A day of an operator, through the command line, on the sandbox."""

import json
import re
import shutil
from pathlib import Path

import pytest

from talk_assets.hub import open_hub
from talk_assets.hub.tables import holds
from talk_assets.sandbox.calls import Call
from talk_assets.sandbox.faults import Fault
from talk_assets.sandbox.ledger import Entry
from talk_assets.sandbox.system import System
from tests.operator.desk import SPECS, Desk

ACME = "poweroffice_go.customers/1001"


def linked(desk: Desk, record: str = ACME) -> dict[str, str]:
    """By entity: what a record is linked with."""
    story = json.loads(desk.talk("why", record, "--json"))
    return {member["record"].partition("/")[0]: member["record"] for member in story["members"]}


def test_a_second_sync_sends_nothing_that_changes_anything(desk: Desk) -> None:
    desk.forget_requests()
    report = json.loads(desk.talk("sync", "--json"))
    assert (report["ending"], report["cycles"], desk.writes()) == ("quiet", 1, [])
    assert "PowerOffice GO: customers:" in desk.said
    assert Path(desk.folder / "state").stat().st_mode & 0o077 == 0


def test_an_edit_arrives_everywhere_and_why_says_where_it_came_from(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Nordlys Vask AS"})
    dry = desk.talk("sync", "--dry-run")
    assert "nothing was written" in dry
    told = desk.talk("why", "custom_pms.customer/1", "name")
    assert "due, to become Nordlys Vask AS" in told
    assert "updated" in desk.talk("sync")
    others = linked(desk)
    assert desk.record(others["custom_pms.customer"])["name"] == "Nordlys Vask AS"
    assert desk.record(others["custom_erp.customer"])["name"] == "Nordlys Vask AS"
    told = desk.talk("why", others["custom_pms.customer"], "name")
    assert f"it comes from {ACME}" in told
    assert "powerofficego_custompms.yaml:" in told
    assert told.count("in step") >= 4
    record = desk.talk("why", ACME)
    assert "recognised by a match rule" in record
    assert "edit poweroffice_go.customers/1001" in record


def test_the_hub_can_be_looked_into_while_systems_are_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.edit(ACME, {"PhoneNumber": "22 33 44 55"})
    seen: list[str] = []

    def look(system: System) -> None:
        answer = system.ledger.open

        def opened(call: Call, entity: str, operation: str, now: int) -> Entry:
            if operation != "token" and call.method not in seen:
                open_hub(desk.hub, wait_seconds=30).close()
                seen.append(call.method)
            return answer(call, entity, operation, now)

        monkeypatch.setattr(system.ledger, "open", opened)

    for system in desk.sandbox.systems.values():
        look(system)
    desk.talk("sync")
    assert {"GET", "PATCH"} <= set(seen)


def test_why_not(desk: Desk) -> None:
    assert "not mapped" in desk.talk("why", ACME, "PaymentTermId")
    assert "id that its system gives" in desk.talk("why", ACME, "Id")
    missing = json.loads(desk.talk("why", ACME, "--json"))["missing"]
    assert any("not the other way" in one["reason"] for one in missing)
    waiting = json.loads(desk.talk("plan", "--offline", "--json"))["writes"]
    employee = next(write for write in waiting if write["state"] == "waiting")
    told = desk.talk("why", f"{employee['entity']}/{employee['id']}", "managerId")
    assert "not in this system yet" in told


def test_a_condition_that_cannot_be_computed_is_told_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    desk.specs = shutil.copytree(SPECS, tmp_path / "specs")
    file = desk.specs / "dataflows" / "powerofficego_invoiced.yaml"
    text = file.read_text(encoding="utf-8")
    when = "COALESCE(TRY_CAST(OrganizationNumber AS INTEGER), 1) * 20000000000 > 1"
    file.write_text(text.replace("create: always", f'create: {{when: "{when}"}}', 1), encoding="utf-8")
    company = {"Name": "Ekko Lyd AS", "OrganizationNumber": "810009993", "EmailAddress": "post@ekko.example"}
    ekko = f"poweroffice_go.customers/{desk.sandbox.systems['poweroffice_go'].add('customers', company)['Id']}"
    planned = json.loads(desk.talk("plan", "--json"))["writes"]
    (waiting,) = [write for write in planned if write["entity"] == "invoiced.customers_company"]
    told = f"the condition of powerofficego_invoiced/customers_customers_company cannot be computed for it: {when} cannot"
    assert (waiting["thing"], waiting["state"]) == (ekko, "waiting")
    assert waiting["reason"].startswith(told)
    missing = json.loads(desk.talk("why", ekko, "--json"))["missing"]
    (reason,) = [one["reason"] for one in missing if one["entity"] == "invoiced.customers_company"]
    assert f"waits: {told}" in reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["why", "poweroffice_go.customers"], "names no record"),
        (["why", "poweroffice_go.custumers/1"], "did you mean poweroffice_go.customers"),
        (["why", "poweroffice_go.customers/99"], "the hub has no record"),
        (["why", ACME, "Nam"], "did you mean Name"),
        (["conflicts", "4711"], "no conflict 4711"),
        (["retry"], "nothing is held"),
        (["retry", "4711"], "no hold has the number 4711"),
        (["approve", "abc"], "no guard holds a plan abc"),
        (["apply", "abc"], "nothing is ready"),
        (["unlink", "poweroffice_go.customers/99"], "the hub has no record"),
        (["unlink", ACME, ""], "'' names no record"),
        (["why", ACME, ""], "has no property ''"),
        (["link", ACME, "custom_pms.customer/1"], "linked already"),
        (["link", ACME, "custom_pms.customer/2"], "one record in each entity"),
        (["link", ACME, "custom_pms.project/1"], "never the same thing"),
    ],
)
def test_mistakes_are_told_in_words(desk: Desk, arguments: list[str], message: str) -> None:
    desk.talk(*arguments, code=1)
    assert message in desk.said


def test_a_contradiction_is_shown_with_what_lost(desk: Desk) -> None:
    theirs = linked(desk)["custom_pms.customer"]
    desk.edit(theirs, {"phone": "22 11 11 11"})
    desk.sandbox.clock.advance(2)
    desk.edit(ACME, {"PhoneNumber": "22222222"})
    desk.talk("sync")
    number = desk.talk("conflicts").split()[0]
    one = desk.talk("conflicts", number)
    assert "edits that contradict each other" in one
    assert re.search(r"lost.*22 11 11 11", one)
    assert desk.record(theirs)["phone"] == "22222222"
    assert "22 11 11 11 of custom_pms" in desk.talk("why", ACME, "PhoneNumber")
    assert json.loads(desk.talk("conflicts", "--all", "--json"))


def test_what_is_empty_is_null_to_programs_and_said_in_words_to_people(desk: Desk) -> None:
    theirs = linked(desk)["custom_pms.customer"]
    desk.edit(ACME, {"WebsiteUrl": "https://to.example"})
    planned = json.loads(desk.talk("plan", "--json"))["writes"]
    assert {write["reason"] for write in planned if write["state"] == "ready"} == {None}
    desk.talk("sync")
    desk.edit(theirs, {"website": "https://tre.example"})
    desk.sandbox.clock.advance(2)
    desk.edit(ACME, {"WebsiteUrl": ""})
    desk.talk("sync")
    number = desk.talk("conflicts").split()[0]
    assert "(empty)" in desk.talk("conflicts", number)
    values = {row["entity"]: row["value"] for row in json.loads(desk.talk("conflicts", number, "--json"))}
    assert values == {"poweroffice_go.customers": None, "custom_pms.customer": "https://tre.example"}
    taken = json.loads(desk.talk("conflicts", number, "--take", ACME, "--json"))
    assert (taken["before"], taken["value"]) == ("https://tre.example", None)
    desk.talk("sync")
    story = json.loads(desk.talk("why", theirs, "website", "--json"))
    assert (story["value"], {place["value"] for place in story["places"]}) == (None, {None})
    assert "website = (empty)" in desk.talk("why", theirs, "website")
    changed = [row for row in json.loads(desk.talk("history", "show", theirs, "--json")) if row["path"] == "website"]
    assert (changed[-1]["before"], changed[-1]["after"]) == ("https://tre.example", None)


def test_the_later_edit_wins_although_the_other_clock_is_an_hour_ahead(desk: Desk) -> None:
    theirs = linked(desk)["custom_pms.customer"]
    desk.sandbox.systems["custom_pms"].faults.add(Fault("skew", options={"seconds": 3600.0}))
    desk.edit(theirs, {"phone": "22 33 33 33"})
    desk.sandbox.clock.advance(5)
    desk.edit(ACME, {"PhoneNumber": "22444444"})
    desk.talk("sync")
    assert desk.record(theirs)["phone"] == "22444444"


def test_an_edit_after_a_clock_was_put_back_is_seen(desk: Desk) -> None:
    theirs = linked(desk)["custom_erp.customer"]
    clock = Fault("skew", options={"seconds": 3600.0})
    desk.sandbox.systems["custom_erp"].faults.add(clock)
    desk.edit(theirs, {"phone": "22 55 55 55"})
    desk.talk("sync")
    desk.heal()
    desk.edit(theirs, {"phone": "22 66 66 66"})
    desk.sandbox.clock.advance(600)
    desk.talk("sync")
    desk.talk("sync")
    assert desk.record(ACME)["PhoneNumber"] == "22 66 66 66"


def test_just_the_plan_that_was_seen_is_made(desk: Desk) -> None:
    desk.edit(ACME, {"WebsiteUrl": "https://en.example"})
    desk.forget_requests()
    shown = desk.talk("plan")
    assert "https://en.example" in shown
    assert f"from {ACME}:" in shown
    stale = json.loads(desk.talk("plan", "--offline", "--json"))
    desk.edit(ACME, {"WebsiteUrl": "https://to.example"})
    desk.talk("apply", stale["hash"], code=1)
    assert desk.writes() == []
    refusal = desk.said
    new = json.loads(desk.talk("plan", "--json"))
    assert f"talk apply {new['hash']}" in refusal
    part = new["hashes"]["custom_pms.customer"]
    assert "1 written" in desk.talk("apply", part)
    assert [write.split()[1] for write in desk.writes()] == ["custom_pms"]
    rest = json.loads(desk.talk("plan", "--json"))
    assert "custom_pms.customer" not in rest["hashes"]
    desk.talk("apply", rest["hash"])
    assert json.loads(desk.talk("sync", "--json"))["ending"] == "quiet"


def test_a_refused_write_waits_for_a_person_with_the_words_of_its_system(desk: Desk) -> None:
    theirs = linked(desk)["custom_pms.customer"]
    desk.refuse("custom_pms", "customer", "update", "No \x1b[31mconfetti allowed", times=10)
    desk.edit(ACME, {"Name": "Konfetti AS"})
    desk.talk("sync", code=3)
    held = desk.talk("holds")
    assert "confetti allowed" in held
    assert "\x1b" not in held
    assert "confetti allowed" in desk.talk("why", theirs)
    assert "confetti" in desk.talk("why", theirs, "name")
    desk.heal()
    desk.talk("sync", code=3)
    assert desk.record(theirs)["name"] != "Konfetti AS"
    assert "released" in desk.talk("retry", theirs)
    desk.talk("sync")
    assert desk.record(theirs)["name"] == "Konfetti AS"
    assert desk.talk("holds") == "nothing waits for you\n"


def test_a_guard_holds_mass_blanking_until_it_is_approved_and_then_once(desk: Desk) -> None:
    products = [stored.id for stored in desk.sandbox.systems["poweroffice_go"].collections["product"].view().scan()]
    described = [id_ for id_ in products if f"poweroffice_go.product/{id_}" in linked_products(desk)]
    assert len(described) > 10
    for id_ in described:
        desk.edit(f"poweroffice_go.product/{id_}", {"Description": f"Text {id_}"})
    desk.talk("sync")
    for id_ in described:
        desk.edit(f"poweroffice_go.product/{id_}", {"Description": ""})
    desk.forget_requests()
    report = json.loads(desk.talk("sync", "--json", code=3))
    (trip,) = report["trips"]
    assert (trip["guard"], desk.writes()) == ("blanks", [])
    assert f"talk approve {trip['hash']}" in desk.talk("holds")
    desk.talk("retry", json_number(desk), code=1)
    assert "approved by Kari" in desk.talk("approve", trip["hash"], "--as", "Kari")
    desk.talk("approve", trip["hash"], code=1)
    desk.talk("sync")
    assert len(desk.writes()) == len(described)
    assert desk.talk("holds") == "nothing waits for you\n"
    with open_hub(desk.hub) as hub:
        assert not holds.is_approved(hub, trip["hash"])
        assert hub.read("SELECT reason FROM history WHERE kind = 'approved'").item().endswith("by Kari")


def test_what_is_ambiguous_counts_once_and_is_told_with_its_candidates_its_rules_and_what_to_do(desk: Desk) -> None:
    twice = {"organisation_number": "810009993", "email": "post@dobbelt.example"}
    pms, po = desk.sandbox.systems["custom_pms"], desk.sandbox.systems["poweroffice_go"]
    one, other = (pms.add("customer", {"name": name, **twice})["id"] for name in ("Dobbelt AS", "Dobbelt Drift AS"))
    po.add("customers", {"Name": "Dobbelt AS", "OrganizationNumber": "810009993", "EmailAddress": "post@dobbelt.example"})
    report = json.loads(desk.talk("sync", "--json", code=3))
    (hold,) = json.loads(desk.talk("holds", "--json"))
    assert (report["attention"], hold["kind"]) == ({"ambiguous": 1}, "ambiguous")
    mine = hold["about"]
    theirs = next(f"custom_pms.customer/{id_}" for id_ in (one, other) if not mine.endswith(f"/{id_}"))

    story = json.loads(desk.talk("why", mine, "--json"))
    assert {gone["entity"] for gone in story["missing"] if "not certain which" in gone["reason"]} == {
        "custom_erp.customer",
        "poweroffice_go.customers",
    }
    (doubt,) = story["doubts"]
    assert doubt["record"] == mine
    found = {candidate["record"].partition("/")[0]: candidate for candidate in doubt["candidates"]}
    assert found["poweroffice_go.customers"]["instead"] == theirs
    assert found["poweroffice_go.customers"]["rules"] == [
        "poweroffice_go.customers.OrganizationNumber = custom_pms.customer.organisation_number",
        "poweroffice_go.customers.EmailAddress = custom_pms.customer.email",
    ]
    told = desk.talk("why", mine)
    assert f"{mine} is ambiguous" in told
    assert f"linked with {theirs} already" in told
    assert hold["action"] in told
    assert f"{mine} is ambiguous" in desk.talk("why", theirs)
    assert "1: it may be there already, only it is not certain which it is" in desk.talk("qa", "--live")

    for command in re.findall(r"`talk (unlink \S+|link \S+ \S+)`", hold["action"]):
        desk.talk(*command.split())
    assert mine in linked(desk, mine).values()
    assert "poweroffice_go.customers" in linked(desk, mine)


def test_a_candidate_that_was_told_apart_is_neither_listed_nor_advised_about_again(desk: Desk) -> None:
    pms, po = desk.sandbox.systems["custom_pms"], desk.sandbox.systems["poweroffice_go"]
    for name in ("Trippel AS", "Trippel Drift AS"):
        pms.add("customer", {"name": name, "organisation_number": "810009993"})
    for name in ("Trippel AS", "Trippel Vest AS"):
        address = f"{name.split()[1].lower()}@trippel.example"
        po.add("customers", {"Name": name, "OrganizationNumber": "810009993", "EmailAddress": address})
    desk.talk("sync", code=3)
    before = {hold["about"]: hold["action"] for hold in json.loads(desk.talk("holds", "--json"))}
    mine, action = next((about, action) for about, action in before.items() if about.startswith("custom_pms."))
    unlink = re.findall(r"`talk (unlink \S+ \S+)`", action)[0].split()
    desk.talk(*unlink)
    for _ in range(2):
        after = {hold["about"]: hold for hold in json.loads(desk.talk("holds", "--json"))}
        assert unlink[2] not in after[mine]["reason"] + after[mine]["action"]
        assert "`talk unlink" in after[mine]["action"]
        desk.talk("sync", code=3)


def linked_products(desk: Desk) -> set[str]:
    with open_hub(desk.hub) as hub:
        rows = hub.read(
            """
            SELECT entity || '/' || id FROM members WHERE entity = 'poweroffice_go.product'
            AND cluster IN (SELECT cluster FROM members WHERE entity = 'custom_erp.product')
            """
        )
    return set(rows.to_series())


def json_number(desk: Desk) -> str:
    return str(json.loads(desk.talk("holds", "--json"))[0]["number"])


def test_what_was_told_apart_is_never_linked_again_but_by_a_person(desk: Desk) -> None:
    record = linked(desk)["invoiced.customers_company"]
    told = desk.talk("unlink", record, "--as", "Ola")
    assert "`talk holds`" in told
    assert "is not custom_erp.customer/" in told
    assert len(linked(desk, record)) == 1
    desk.edit(record, {"phone": "33333333"})
    # What the documents create for a thing of its own is not what this is about.
    desk.talk("sync", "--dry-run")
    assert list(linked(desk, record).values()) == [record]
    assert "unlinked" in desk.talk("why", record)
    assert "linked: " in desk.talk("link", record, ACME)
    assert linked(desk, record)["poweroffice_go.customers"] == ACME
    desk.talk("sync")
    assert desk.record(ACME)["PhoneNumber"] == desk.record(record)["phone"]


def test_one_system_that_fails_does_not_keep_the_others_from_agreeing(desk: Desk) -> None:
    theirs = linked(desk)
    desk.edit(ACME, {"Name": "Uværsfast AS"})
    desk.refuse("custom_erp", "customer", "list", "out of order", times=100)
    report = json.loads(desk.talk("sync", "--json", "--cycles", "2", code=1))
    assert list(report["failed"]) == ["custom_erp.customer"]
    assert desk.record(theirs["custom_pms.customer"])["name"] == "Uværsfast AS"
    assert desk.record(theirs["custom_erp.customer"])["name"] != "Uværsfast AS"
    desk.heal()
    desk.talk("sync")
    assert desk.record(theirs["custom_erp.customer"])["name"] == "Uværsfast AS"


def test_a_system_whose_login_is_not_set_is_not_read_and_stops_no_other(desk: Desk) -> None:
    theirs = linked(desk)
    desk.edit(ACME, {"Name": "Uten Nøkkel AS"})
    desk.unset = frozenset({"CUSTOM_ERP_API_KEY"})
    told = [desk.talk(*asked, code=1) for asked in (("sync", "--full"), ("plan",), ("status",), ("qa", "--live"))]
    for text in (*told, desk.talk("plan", "--offline")):
        (line,) = [line for line in text.splitlines() if "CUSTOM_ERP_API_KEY" in line]
        assert "custom_erp (contact, customer, employee, order, product, project)" in line
    assert desk.record(theirs["custom_pms.customer"])["name"] == "Uten Nøkkel AS"
    desk.unset = frozenset()
    report = json.loads(desk.talk("sync", "--full", "--json"))
    assert desk.record(theirs["custom_erp.customer"])["name"] == "Uten Nøkkel AS"
    assert sum(line["gone"] for line in report["lines"]) == 0
    desk.talk("status")


def test_only_the_systems_that_were_asked_for_are_written_to(desk: Desk) -> None:
    desk.edit(ACME, {"Name": "Bare En AS"})
    desk.forget_requests()
    told = desk.talk("sync", "--system", "custom_pms")
    assert [line for line in desk.said.splitlines() if line.startswith("writing")] == ["writing 1 record"]
    assert {write.split()[1] for write in desk.writes()} == {"custom_pms"}
    assert "quiet: nothing is left to write to custom_pms" in told
    assert "left out: custom_erp, where 1 record would be written" in told
    report = json.loads(desk.talk("sync", "--system", "custom_pms", "--json"))
    assert report["left_out"] == {"custom_erp": 1, "invoiced": 1}
    assert json.loads(desk.talk("sync", "--json"))["left_out"] == {}


def test_a_system_that_no_mapping_has_is_a_wrong_command_line(desk: Desk) -> None:
    desk.forget_requests()
    desk.talk("sync", "--system", "invoized", code=2)
    assert "no mapping has a system 'invoized'; did you mean invoiced?" in desk.said
    assert not [entry for system in desk.sandbox.systems.values() for entry in system.ledger.entries()]


def test_a_busy_hub_is_waited_for_with_a_message(desk: Desk) -> None:
    with open_hub(desk.hub):
        desk.talk("why", ACME, code=1, wait=0.2)
    assert "the hub is busy" in desk.said
    assert "gave up" in desk.said
