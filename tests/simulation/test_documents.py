"""Documents that are added, taken away or called otherwise, while records are linked and edited."""

from pathlib import Path

import pytest

from talk_assets.simulate.documents import Filing, filed
from tests.faults.bench import SPECS, Bench

ERP, PMS, PO, INVOICED = "custom_erp.customer", "custom_pms.customer", "poweroffice_go.customers", "invoiced.customers_company"
APART: Filing = (
    ("custompms_customerp", ("custompms_customerp/customer_customer",)),
    ("powerofficego_invoiced", ("powerofficego_invoiced/customers_customers_company",)),
)
BETWEEN = ("powerofficego_custompms", ("powerofficego_custompms/customers_customer",))
TOGETHER: Filing = (*APART, BETWEEN)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "customer")


def customer(number: int) -> dict[str, str]:
    return {"Name": f"Acme {number}", "OrganizationNumber": f"90000{number}000", "EmailAddress": f"{number}@acme.no"}


def work_by(bench: Bench, filing: Filing) -> None:
    bench.engine.work_by(filed(SPECS, filing))


def test_records_that_earlier_documents_have_linked_are_joined_by_one_that_comes_later(bench: Bench):
    work_by(bench, APART)
    pms = bench.add(PMS, name="Acme", organisation_number="900001000")
    po = bench.add(PO, **customer(1))
    bench.loaded()
    assert bench.linked(pms).keys() == {PMS, ERP}
    assert bench.linked(po).keys() == {PO, INVOICED}
    work_by(bench, TOGETHER)
    bench.settle()
    assert bench.linked(pms).keys() == {PMS, ERP, PO, INVOICED}
    assert bench.hub.read("SELECT * FROM ambiguous").is_empty()


def test_a_key_that_is_edited_joins_no_linked_records_however_documents_are_called_since(bench: Bench):
    work_by(bench, TOGETHER)
    one, other = (bench.add(PO, **customer(number)) for number in (1, 2))
    bench.loaded()
    bench.edit(bench.partner(other, INVOICED), name="Acme")
    bench.edit(bench.partner(other, PMS), organisation_number="900001000")
    bench.settle()
    work_by(bench, tuple((f"0 {file}", names) for file, names in TOGETHER))
    bench.settle()
    assert bench.linked(one).keys() == bench.linked(other).keys() == {PMS, ERP, PO, INVOICED}


def test_what_is_linked_goes_on_by_halves_where_documents_no_longer_connect_them(bench: Bench):
    work_by(bench, TOGETHER)
    po = bench.add(PO, **customer(1))
    bench.loaded()
    pms, erp, invoiced = (bench.partner(po, entity) for entity in (PMS, ERP, INVOICED))
    work_by(bench, APART)
    bench.edit(po, Name="Acme in PowerOffice")
    bench.edit(pms, name="Acme in CustomPMS")
    bench.settle()
    assert bench.record(invoiced)["name"] == "Acme in PowerOffice"
    assert bench.record(erp)["name"] == "Acme in CustomPMS"
    work_by(bench, TOGETHER)
    bench.edit(erp, name="Acme")
    bench.settle()
    assert {bench.record(one)["name"] for one in (pms, erp, invoiced)} == {bench.record(po)["Name"]} == {"Acme"}
