"""Rule S26: a made-up person with a name of its own in every property, shown, erased, kept out, and let in again."""

import json
import re
import shutil
from pathlib import Path

import pytest

from talk_assets.hub import FRAMES, open_hub
from talk_assets.sandbox.faults import Fault
from tests.operator.desk import SPECS, Desk, Kept, keep

EMAIL = "kanari.kvitreheim@canary.example"
PERSON = {
    "firstName": "Kanarigunn",
    "lastName": "Kvitreheim",
    "email": EMAIL,
    "phone": "+4799887766",
    "jobTitle": "Kanarivokter",
    "dateOfBirth": "1971-03-09",
    "address.line1": "Kanarifaret 17",
    "address.line2": "Oppgang Kvitre",
    "address.postalCode": "0977",
    "address.city": "Kanarivik",
    "address.countryCode": "NO",
}
CANARIES = ["Kanari", "Kvitre", "canary.example", "99887766", "90807060", "91827364", "1971-03-09"]
"""What stands in no record but this person's."""


@pytest.fixture(scope="module")
def with_person(synced: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """After a first sync with the person, a contradiction about it, and a write that was refused with a value in the words."""
    one = synced(tmp_path_factory.mktemp("person") / "desk")
    made = one.sandbox.systems["custom_erp"].add("employee", {**PERSON, "number": 9171})
    one.talk("sync", "--cycles", "4")
    here = f"custom_erp.employee/{made['id']}"
    there = next(name for name in members(one, here) if name.startswith("poweroffice_go."))
    one.edit(there, {"PhoneNumber": "90807060"})
    one.sandbox.clock.advance(2)
    one.edit(here, {"phone": "+4791827364"})
    one.refuse("poweroffice_go", "employees", "update", "Kanarigunn may not have 91827364", times=9)
    one.talk("sync", code=3)
    return keep(one)


@pytest.fixture
def desk(with_person: Kept, tmp_path: Path) -> Desk:
    return with_person(tmp_path / "desk")


@pytest.fixture
def known(desk: Desk) -> dict[str, str]:
    """By entity: the person's records."""
    (here,) = [
        f"custom_erp.employee/{one.id}"
        for one in desk.sandbox.systems["custom_erp"].collections["employee"].view().scan()
        if one.body.get("email") == EMAIL
    ]
    return {member.partition("/")[0]: member for member in members(desk, here)}


def members(desk: Desk, record: str) -> list[str]:
    return [member["record"] for member in json.loads(desk.talk("why", record, "--json"))["members"]]


def found_in(desk: Desk) -> dict[str, list[str]]:
    """By table: the canaries that stand anywhere in the hub."""
    with open_hub(desk.hub) as hub:
        texts = {table: hub.read(f"SELECT * FROM {table}").write_json() for table in FRAMES}  # noqa: S608 - our own names
    return {table: told for table, text in texts.items() if (told := [one for one in CANARIES if one in text])}


def history_head(desk: Desk) -> str:
    return re.search(r"head ([0-9a-f]{64})", desk.talk("history", "verify"))[1]  # type: ignore[index]


def test_all_that_is_held_about_a_person_is_exported(desk: Desk, known: dict[str, str]) -> None:
    told = json.loads(desk.talk("person", "export", EMAIL.upper()))
    assert {one["record"] for one in told["records"]} == set(known.values())
    assert all(told[part] for part in ("agreed", "links", "writes", "conflicts", "holds", "history"))
    held = found_in(desk)
    assert {"records", "members", "golden", "intents", "conflicts", "holds", "history"} <= held.keys()
    text = json.dumps(told, ensure_ascii=False)
    assert not [one for one in CANARIES if one not in text]
    assert json.loads(desk.talk("person", "export", known["custom_erp.employee"]))["records"] == told["records"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "nobody"], "names nobody"),
        (["export", "nobody@nowhere.example"], "no record in the hub has the e-mail address"),
        (["erase", "custom_erp.employee/4711", "--yes"], "the hub holds nothing about"),
        (["lift", "nobody@nowhere.example"], "was not erased"),
    ],
)
def test_mistakes_are_told_in_words(desk: Desk, arguments: list[str], message: str) -> None:
    desk.talk("person", *arguments, code=1)
    assert message in desk.said


def test_s09_the_progress_and_the_report_of_a_sync_name_nobody(desk: Desk, known: dict[str, str]) -> None:
    assert known
    words = f"{PERSON['firstName']} {PERSON['lastName']} ({EMAIL}, {PERSON['dateOfBirth']}) may not be listed"
    answer = {"status": 400, "body": {"message": words}}
    desk.sandbox.systems["custom_erp"].faults.add(Fault("answer", "employee", "list", 5, options=answer))
    told = desk.talk("sync", code=1) + desk.said
    assert "*** *** (***, ***) may not be listed" in told
    assert not [one for one in CANARIES if one in told]
    assert "Kanarigunn may not have 91827364" in desk.talk("holds")


def test_nothing_is_erased_before_it_is_confirmed(desk: Desk, known: dict[str, str]) -> None:
    shown = desk.talk("person", "erase", EMAIL, code=1)
    assert all(name in shown for name in known.values())
    assert "for good?" in desk.said
    assert found_in(desk)["records"]


def test_an_erased_person_is_gone_and_stays_out_until_it_is_let_in(desk: Desk, known: dict[str, str]) -> None:
    here = known["custom_erp.employee"]
    backup = desk.folder / "before.duckdb"
    desk.talk("backup", str(backup))
    head = history_head(desk)
    told = desk.talk("person", "erase", EMAIL, "--yes", "--as", "kari")
    assert all(f"  {name}" in told for name in known.values())
    assert "delete them there" in told

    assert found_in(desk) == {}
    beside = found_list(desk).read_text(encoding="ascii")
    assert not [one for one in [*CANARIES, *known.values()] if one in beside]
    assert "as it was written; head" in desk.talk("history", "verify", "--head", head)
    erasure = json.loads(desk.talk("history", "show", "--limit", "1", "--json"))[0]
    assert (erasure["kind"], "by kari" in erasure["reason"]) == ("erased", True)

    desk.forget_requests()
    desk.edit(here, {"phone": "+4793939393"})
    assert json.loads(desk.talk("sync", "--full", "--json"))["ending"] == "quiet"
    assert (desk.writes(), found_in(desk)) == ([], {})
    desk.talk("why", here, code=1)
    assert "the hub has no record" in desk.said
    assert desk.record(here)["lastName"] == "Kvitreheim"

    shutil.copy(backup, hub_file(desk))
    desk.talk("sync")
    assert f"{len(known)} records are erased again" in desk.said
    assert (desk.writes(), found_in(desk)) == ([], {})

    desk.talk("person", "lift", here)
    desk.talk("sync", "--full")
    assert set(members(desk, here)) == set(known.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [('{"salt": "00", "keys": {}}', "belongs to another hub"), ('{"salt"', "is damaged")],
    ids=["another hub's", "half of it"],
)
def test_a_list_that_cannot_be_relied_on_stops_everything(desk: Desk, known: dict[str, str], text: str, message: str) -> None:
    desk.talk("person", "erase", known["custom_erp.employee"], "--yes")
    found_list(desk).write_text(text, encoding="ascii")
    desk.talk("sync", code=1)
    assert message in desk.said


def found_list(desk: Desk) -> Path:
    return desk.folder / "state" / "erased.json"


def hub_file(desk: Desk) -> Path:
    return desk.folder / "hub.duckdb"


def test_who_was_named_by_an_address_is_not_let_in_under_another_number(synced: Kept, tmp_path: Path) -> None:
    desk = synced(tmp_path / "desk")
    address = "gunnar.gjest@canary.example"
    erp = desk.sandbox.systems["custom_erp"]
    guest = {"firstName": "Gunnar", "lastName": "Gjest", "email": address}
    made = erp.add("employee", {**guest, "number": 9172})
    desk.talk("sync", "--dry-run")
    assert f"custom_erp.employee/{made['id']}" in desk.talk("person", "erase", address, "--yes")
    customer = next(iter(erp.collections["customer"].view().scan())).id
    contact = erp.add("contact", {**guest, "customerId": customer})
    # Who is known, and is given that address, is somebody else.
    desk.edit(f"custom_erp.customer/{customer}", {"invoiceEmail": address})
    desk.forget_requests()
    desk.talk("sync")
    desk.talk("why", f"custom_erp.contact/{contact['id']}", code=1)
    assert desk.writes()
    assert not [write for write in desk.writes() if "contact" in write.lower() or "employee" in write.lower()]
    assert address in desk.talk("why", f"custom_erp.customer/{customer}", "invoiceEmail")


def test_what_no_mapping_reads_any_more_is_found_exported_and_erased_as_well(synced: Kept, tmp_path: Path) -> None:
    desk = synced(tmp_path / "desk")
    address = "vilja.verdig@canary.example"
    made = desk.sandbox.systems["crm_office"].add("contacts", {"givenName": "Vilja", "familyName": "Verdig", "email": address})
    here = f"crm_office.contacts/{made['id']}"
    desk.talk("sync", "--dry-run")
    desk.specs = tmp_path / "specs"
    shutil.copytree(SPECS, desk.specs)
    (desk.specs / "dataflows" / "crmoffice_powerofficego.yaml").unlink()

    for asked in (address, here):
        told = json.loads(desk.talk("person", "export", asked))
        assert [one["record"] for one in told["records"]] == [here]
        assert told["records"][0]["observed"]["familyName"] == "Verdig"
        assert "Verdig" in json.dumps(told["agreed"])
    desk.talk("person", "export", "crm_office.contact/1", code=1)
    assert "no mapping has an entity 'crm_office.contact'" in desk.said

    backup = desk.folder / "before.duckdb"
    desk.talk("backup", str(backup))
    assert f"  {here}\n" in desk.talk("person", "erase", address, "--yes")
    desk.talk("person", "export", here, code=1)
    shutil.copy(backup, hub_file(desk))
    desk.talk("sync", "--dry-run")
    assert "1 records are erased again" in desk.said
