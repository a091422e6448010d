"""The first synchronisation makes nobody twice, whoever else knows the same person."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import Desk


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Desk]:
    with start(size=3, rate_limits=False) as sandbox:
        yield Desk(sandbox, tmp_path)


@pytest.mark.long
def test_a_person_known_to_crm_and_erp_is_made_once(fresh: Desk) -> None:
    """Neither is compared with the other: both would get a contact person of their own."""
    crm, erp, office = (fresh.sandbox.systems[name] for name in ("crm_office", "custom_erp", "poweroffice_go"))
    customer = next(iter(erp.collections["customer"].view().scan())).id
    email = "kari@nordmann.example"
    one = crm.add("contacts", {"givenName": "Kari", "familyName": "Nordmann", "email": email})["id"]
    other = erp.add("contact", {"firstName": "Kari", "lastName": "Nordmann", "email": email, "customerId": customer})["id"]
    fresh.talk("sync")
    people = [stored.body for stored in office.collections["contactperson"].view().scan()]
    assert sum(body["EmailAddress"] == email for body in people) == 1
    story = json.loads(fresh.talk("why", f"crm_office.contacts/{one}", "--json"))
    assert f"custom_erp.contact/{other}" in {member["record"] for member in story["members"]}


@pytest.mark.long
def test_what_a_rule_takes_for_one_can_be_told_apart(fresh: Desk) -> None:
    office, invoiced = (fresh.sandbox.systems[name] for name in ("poweroffice_go", "invoiced"))
    number = {"OrganizationNumber": "923609016", "InvoiceDeliveryType": "Print"}
    fjord, fjell = (office.add("customers", {"Name": name, **number})["Id"] for name in ("Fjord AS", "Fjell AS"))
    bill = f"invoiced.customers_company/{invoiced.add('customers_company', {'name': 'Fjord', 'tax_id': '923609016'})['id']}"
    fresh.talk("sync", code=3)
    assert f"talk unlink {bill}" in fresh.talk("holds")
    for customer in (fjord, fjell):
        fresh.talk("unlink", bill, f"poweroffice_go.customers/{customer}")
    fresh.talk("unlink", bill, bill, code=1)
    fresh.talk("sync", code=3)
    # What was made of one of the two could be the other one as well, by their number; it is answered once for all of it.
    (hold,) = json.loads(fresh.talk("holds", "--json"))
    assert hold["about"] == f"poweroffice_go.customers/{fjell}"
    fresh.talk(*re.findall(r"`talk (unlink \S+ \S+)`", hold["action"])[0].split())
    fresh.talk("sync")
    for customer in (fjord, fjell):
        story = json.loads(fresh.talk("why", f"poweroffice_go.customers/{customer}", "--json"))
        assert any(member["record"].startswith("invoiced.customers_company/") for member in story["members"])


@pytest.mark.long
def test_what_waits_for_a_system_without_a_login_is_told_and_made_once_it_has_one(fresh: Desk) -> None:
    """Only CustomPMS has both the number that CustomERP knows a customer by and the address that PowerOffice does."""
    erp, pms, office = (fresh.sandbox.systems[name] for name in ("custom_erp", "custom_pms", "poweroffice_go"))
    number, email = "923609016", "post@acme.example"
    erp_id = erp.add("customer", {"name": "Acme", "organisationNumber": number})["id"]
    pms_id = pms.add("customer", {"name": "Acme AS", "organisation_number": number, "email": email})["id"]
    office_id = office.add("customers", {"Name": "Acme Norge", "EmailAddress": email})["Id"]
    before = [stored.id for stored in office.collections["customers"].view().scan()]
    fresh.unset = frozenset({"CUSTOM_PMS_TOKEN"})
    ending = fresh.talk("sync", code=1)
    assert [stored.id for stored in office.collections["customers"].view().scan()] == before
    (waits,) = re.findall(r"(\d+) creations wait until custom_pms.customer was read once", ending)
    told = json.loads(fresh.talk("status", "--json", code=1))
    assert told["awaited"]["custom_pms.customer"] == int(waits)
    assert f"{waits} creations wait until custom_pms.customer" in fresh.talk("status", code=1)
    for asked in (("why", f"custom_erp.customer/{erp_id}"), ("plan", "--offline")):
        text = " ".join(fresh.talk(*asked).split())
        assert "custom_pms.customer could tell, and was never read to its end (" in text, asked
        assert "CUSTOM_PMS_TOKEN" in text, asked
        assert "take its mappings out of the specs" in text, asked
    fresh.unset = frozenset()
    fresh.talk("sync")
    story = json.loads(fresh.talk("why", f"custom_erp.customer/{erp_id}", "--json"))
    one = {f"custom_erp.customer/{erp_id}", f"custom_pms.customer/{pms_id}", f"poweroffice_go.customers/{office_id}"}
    assert one < {member["record"] for member in story["members"]}
    assert json.loads(fresh.talk("status", "--json"))["awaited"] == {}
