"""What persons decide, kept in the hub; and that what has no answer is sent once."""

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from talk_assets.hub import open_hub
from talk_assets.hub.tables import never
from talk_assets.sandbox.faults import Fault
from tests.hub.support import make_lists
from tests.operator.desk import Desk
from tests.operator.test_day import ACME, linked

PAIR = pl.DataFrame({"entity": ["a.b"], "id": ["1"], "other_entity": ["c.d"], "other_id": ["2"]})
TURNED = PAIR.select(entity="other_entity", id="other_id", other_entity="entity", other_id="id")


def test_pairs_are_kept_apart_until_they_are_let_together_in_either_order() -> None:
    with open_hub(":memory:") as hub:
        for _ in range(2):
            hub.run(lambda: never.add(hub, PAIR, "Kari"))
        assert never.pairs(hub).equals(PAIR)
        hub.run(lambda: never.lift(hub, TURNED))
        assert never.pairs(hub).is_empty()


def test_a_hub_of_an_older_program_gets_the_tables_it_lacks(tmp_path: Path) -> None:
    url = f"duckdb:{tmp_path / 'hub.duckdb'}"
    with open_hub(url) as hub, hub.transaction():
        hub.write("DROP TABLE never")
        make_lists(hub)
        hub.write("UPDATE meta SET value = '1' WHERE key = 'schema'")
    with open_hub(url) as hub:
        assert never.pairs(hub).is_empty()


def test_a_creation_without_an_answer_is_found_again_and_not_repeated(desk: Desk) -> None:
    pms = desk.sandbox.systems["custom_pms"]
    pms.faults.add(Fault("drop_after", "customer", "create", 1))
    new = {"Name": "Ekko Lyd AS", "OrganizationNumber": "810009993", "EmailAddress": "post@ekko.example"}
    desk.sandbox.systems["poweroffice_go"].add("customers", new)
    desk.forget_requests()
    desk.talk("sync")
    sent = [write for write in desk.writes() if write.startswith("POST custom_pms")]
    found = [stored for stored in pms.collections["customer"].view().scan() if stored.body.get("name") == "Ekko Lyd AS"]
    assert (len(sent), len(found)) == (1, 1)
    story = json.loads(desk.talk("why", f"custom_pms.customer/{found[0].id}", "--json"))
    assert len(story["members"]) == 4
    assert any(" adopted " in line for line in story["history"])


@pytest.mark.long
def test_a_creation_without_an_answer_waits_while_nobody_can_log_in_there(desk: Desk) -> None:
    pms = desk.sandbox.systems["custom_pms"]
    pms.faults.add(Fault("drop_after", "customer", "create", 1))
    new = {"Name": "Stille Lyd AS", "OrganizationNumber": "810009993", "EmailAddress": "post@stille.example"}
    desk.sandbox.systems["poweroffice_go"].add("customers", new)
    desk.talk("sync", "--cycles", "1", code=1)
    desk.unset = frozenset({"CUSTOM_PMS_TOKEN"})
    report = json.loads(desk.talk("sync", "--json", code=1))
    assert (report["ending"], report["cycles"]) == ("failed", 1)
    desk.unset = frozenset()
    desk.forget_requests()
    desk.talk("sync")
    assert not [write for write in desk.writes() if write.startswith("POST custom_pms")]


PROJECT = {"Name": "Fjordkryss", "CustomerId": 1001, "StartDate": "2026-01-01"}
NAMES = {"poweroffice_go": "CustomerId", "custom_pms": "customer_id", "custom_erp": "customerId"}


def with_project(desk: Desk) -> dict[str, str]:
    """By system: the records of a project that was made in PowerOffice for the customer of `linked`."""
    made = desk.sandbox.systems["poweroffice_go"].add("projects", PROJECT)
    desk.talk("sync")
    found = linked(desk, f"poweroffice_go.projects/{made['Id']}").values()
    return {record.partition(".")[0]: record for record in found}


def customers_named(desk: Desk, projects: Mapping[str, str]) -> dict[str, str]:
    """By system: which customer each record of a project names."""
    return {system: str(desk.record(record)[NAMES[system]]) for system, record in projects.items()}


def of_systems(records: Mapping[str, str], entities: Mapping[str, str]) -> dict[str, str]:
    return {system: records[f"{system}.{entity}"].partition("/")[2] for system, entity in entities.items()}


CUSTOMERS = {"poweroffice_go": "customers", "custom_pms": "customer", "custom_erp": "customer"}


@pytest.mark.long
def test_who_was_told_of_a_customer_that_is_told_apart_is_told_of_the_one_that_takes_its_place(desk: Desk) -> None:
    projects, theirs = with_project(desk), linked(desk)["custom_erp.customer"]
    desk.talk("unlink", theirs)
    desk.edit(theirs, {"number": "10950", "organisationNumber": "810009993", "email": "egen@kunde.example"})
    assert "waits: customerId names a record that is not" in desk.talk("why", projects["custom_erp"], "customerId")
    desk.talk("sync")
    assert linked(desk)["custom_erp.customer"] != theirs
    assert customers_named(desk, projects) == of_systems(linked(desk), CUSTOMERS)
    desk.forget_requests()
    desk.talk("sync")
    assert not desk.writes()


def test_whose_word_names_a_customer_that_is_told_apart_goes_on_meaning_it(desk: Desk) -> None:
    projects = with_project(desk)
    desk.talk("unlink", ACME)
    desk.edit(ACME, {"Number": 10950, "OrganizationNumber": "810009993", "EmailAddress": "egen@kunde.example"})
    desk.talk("sync")
    assert customers_named(desk, projects) == of_systems(linked(desk), CUSTOMERS)
    assert customers_named(desk, projects)["poweroffice_go"] == "1001"
    story = desk.talk("why", projects["poweroffice_go"], "CustomerId")
    assert f"it comes from {projects['poweroffice_go']}" in story
    assert "before: invoiced.customers_company/400001" in story or "before: custom_erp.customer/" in story
    assert "what it names was told apart" in desk.talk("why", projects["poweroffice_go"])


@pytest.mark.long
def test_what_is_told_apart_and_linked_again_is_named_as_before(desk: Desk) -> None:
    projects, theirs = with_project(desk), linked(desk)["custom_erp.customer"]
    before = customers_named(desk, projects)
    for record in (theirs, ACME):
        desk.talk("unlink", record)
        desk.talk("link", record, linked(desk, theirs if record == ACME else ACME)["custom_pms.customer"])
    desk.forget_requests()
    desk.talk("sync")
    assert customers_named(desk, projects) == before
    assert not desk.writes()


@pytest.mark.long
def test_who_names_a_customer_by_its_contact_person_goes_on_meaning_it_when_it_is_told_apart(desk: Desk) -> None:
    office = desk.sandbox.systems["poweroffice_go"]
    (person,) = office.collections["contactperson"].view().scan()
    owner, path = person.body["ContactId"], "CustomerReferenceContactPersonId"
    theirs = f"poweroffice_go.customers/{owner}"
    # What is left to tell whose an order is.
    office.faults.add(Fault("omit", "salesorders", None, options={"property": "CustomerId"}))
    made = office.add("salesorders", {"CustomerId": owner, path: int(person.id), "SalesOrderDate": "2026-01-05"})
    order = f"poweroffice_go.salesorders/{made['Id']}"
    desk.talk("sync")
    invoice = linked(desk, order)["invoiced.invoices"]
    assert f"invoiced.customers_company/{desk.record(invoice)['customer']}" in linked(desk, theirs).values()
    desk.talk("unlink", theirs)
    assert f"customerId, version 2): {theirs}\n" in desk.talk("why", order, path)
    assert "what it names was told apart" in desk.talk("why", order)
    own = {"Name": "Egen AS", "Number": 10950, "OrganizationNumber": "810009993", "EmailAddress": "egen@kunde.example"}
    desk.edit(theirs, own)
    desk.talk("sync")
    assert "cannot be written: Invoiced takes the customer of an invoice when it is created" in desk.talk("why", order, path)
    assert f"customerId, version 2): {linked(desk, theirs)['custom_erp.customer']}" in desk.talk("why", order, path)
