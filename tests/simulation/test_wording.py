"""Rows that say more than that two properties are equal, while records are edited within the engine's requests."""

from pathlib import Path

import httpx
import pytest

from talk_assets.simulate.ports import system_of
from talk_assets.simulate.wording import Dependent, Words, worded
from tests.faults.bench import ERP, PO, Answer, Bench, product

CUSTOMERS, COMPANY = "poweroffice_go.customers", "invoiced.customers_company"
ERP_CUSTOMER, PMS_CUSTOMER = "custom_erp.customer", "custom_pms.customer"
SWAPPED = (("NO", "SE"), ("SE", "NO"), ("DK", "DK"))


def once_planned(bench: Bench, record: str, **values: object) -> None:
    """Somebody edits a record at the next request to its system after the plan is made."""
    bench.points.clear()

    def between(request: httpx.Request, answer: Answer) -> httpx.Response:
        if "plan: before commit" in bench.points and record.startswith(system_of(request)):
            bench.between = lambda request, answer: answer(request)
            bench.edit(record, **values)
        return answer(request)

    bench.between = between


@pytest.mark.parametrize(
    ("here", "other", "path", "there", "said"),
    [
        pytest.param(ERP, PO, "description", "Description", Dependent(ERP, "description", "archived", "false"), id="whole"),
        pytest.param(PO, ERP, "Description", "description", Dependent(PO, "Description", "IsArchived", "false"), id="tested"),
    ],
)
def test_nothing_is_written_where_it_has_just_ceased_to_count(
    tmp_path: Path, here: str, other: str, path: str, there: str, said: Dependent
):
    bench = Bench(tmp_path)
    one = bench.add(ERP, **product(1, archived=False))
    bench.settle()
    record, edited = (bench.partner(one, entity) for entity in (here, other))
    bench.edit(bench.partner(one, PO), IsArchived=False)
    bench.engine.work_by(worded(bench.estate.topology, (said,)))
    bench.loaded()
    bench.edit(edited, **{there: "Another"})
    once_planned(bench, record, **{said.on: True})
    bench.settle()
    assert (bench.record(record)[path], bench.record(edited)[there]) == ("Text 1", "Another")


def test_nothing_is_written_where_it_has_just_ceased_to_count_and_no_write_can_be_guarded(tmp_path: Path):
    bench = Bench(tmp_path, "customer")
    values = {"Name": "Acme", "EmailAddress": "1@acme.no", "PhoneNumber": "+47 40001000"}
    address = {"MailAddress.City": "Oslo", "MailAddress.ZipCode": "0150", "MailAddress.CountryCode": "NO"}
    bench.engine.work_by(worded(bench.estate.topology, (Dependent(COMPANY, "phone", "country", "NO"),)))
    one = bench.add(CUSTOMERS, **values, **address)
    bench.loaded()
    company = bench.partner(one, COMPANY)
    before = bench.record(company)["phone"]
    bench.edit(one, PhoneNumber="+47 40002000")
    once_planned(bench, company, country="SE")
    bench.settle()
    assert (before, bench.record(company)["phone"]) == ("+47 40001000", "+47 40001000")


def test_an_edit_is_told_to_all_although_another_value_map_makes_of_it_what_was_agreed(tmp_path: Path):
    """By the new map it was what the field held already, so that nobody was told of it who had agreed by the old one."""
    bench = Bench(tmp_path, "customer")
    values = {"name": "Acme", "email": "1@acme.no", "city": "Oslo", "postal_code": "0150", "country_code": "NO"}
    pms = bench.add(PMS_CUSTOMER, **values)
    bench.loaded()
    po, erp = (bench.partner(pms, entity) for entity in (CUSTOMERS, ERP_CUSTOMER))
    bench.engine.work_by(worded(bench.estate.topology, (Words(ERP_CUSTOMER, "address.countryCode", SWAPPED),)))
    for _ in range(2):
        bench.cycle(full=True)
    assert bench.writes == [], "what is in step stays as it is"
    bench.edit(pms, country_code="SE")
    bench.settle()
    held = [bench.record(erp)["address"]["countryCode"], bench.record(po)["MailAddress"]["CountryCode"]]
    assert held == ["NO", "SE"]
