"""“… will be created if it is connected to a … that is synchronised”: whenever the one that refers to it comes."""

import re
from pathlib import Path

import polars as pl
import pytest

from talk_assets.hub.tables import members
from tests.faults.bench import Bench

CUSTOMER, COUNTERPART = "poweroffice_go.customers", "custom_pms.customer"
PROJECT, ITS_COUNTERPART = "poweroffice_go.projects", "custom_pms.project"
RULE = "    labels: {source: PowerOffice Customers}\n    create: always"
REFERENCE = re.compile(r"      - \{source: customer_?id, target: customer_?id, added: true\}\n", re.IGNORECASE)


def only_connected(text: str) -> str:
    return text.replace(RULE, RULE.replace("always", "{when_connected: [projects]}"), 1)


@pytest.fixture(params=["mapped", pytest.param("not mapped", marks=pytest.mark.long)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """With the reference as a row of its own, or without one."""
    made = Bench(tmp_path, "customer", "project")
    is_mapped = request.param == "mapped"
    made.with_specs("dataflows/*.yaml", lambda text: only_connected(text if is_mapped else REFERENCE.sub("", text)))
    return made


def number(record: str) -> int:
    return int(record.partition("/")[2])


def test_what_a_new_record_refers_to_is_made_although_nothing_else_happened_to_it(bench: Bench):
    named, other = (
        bench.add(CUSTOMER, Name="Named AS", InvoiceEmailAddress="named@example.no"),
        bench.add(CUSTOMER, Name="Other AS", InvoiceEmailAddress="other@example.no"),
    )
    bench.settle()
    assert COUNTERPART not in bench.linked(named)
    project = bench.add(PROJECT, Code="P1", Name="First", CustomerId=number(named))
    bench.settle()
    assert bench.partner(project, ITS_COUNTERPART)
    assert bench.partner(named, COUNTERPART)
    assert COUNTERPART not in bench.linked(other)


def test_what_a_record_refers_to_from_now_on_is_made(bench: Bench):
    named = bench.add(CUSTOMER, Name="Named AS", InvoiceEmailAddress="named@example.no")
    project = bench.add(PROJECT, Code="P1", Name="First")
    bench.settle()
    bench.edit(project, CustomerId=number(named))
    bench.settle()
    assert bench.partner(named, COUNTERPART)


def test_what_could_not_be_made_is_still_due_when_only_it_is_looked_at(bench: Bench):
    named = bench.add(CUSTOMER, Name="Named AS", InvoiceEmailAddress="named@example.no")
    bench.add(PROJECT, Code="P1", Name="First", CustomerId=number(named))
    bench.fault(COUNTERPART, "status", "create", times=8, status=503)
    bench.cycle()
    bench.heal()
    bench.edit(named, Name="Named ASA")
    bench.settle()
    assert bench.record(bench.partner(named, COUNTERPART))["name"] == "Named ASA"


def test_another_record_of_the_same_system_is_no_counterpart(bench: Bench):
    named = bench.add(CUSTOMER, Name="Named AS", InvoiceEmailAddress="named@example.no")
    bench.settle()
    place = pl.DataFrame({"entity": [CUSTOMER], "id": [f"{number(named)}"]})
    beside = members.clusters_of(bench.hub, place).select("cluster", entity=pl.lit("custom_pms.task"), id=pl.lit("77"))
    linked = beside.with_columns(how=pl.lit("linked"), since=pl.lit(bench.hub.now(), pl.Datetime("us")))
    bench.hub.run(lambda: members.link(bench.hub, linked))
    bench.add(PROJECT, Code="P1", Name="First", CustomerId=number(named))
    bench.settle()
    assert bench.partner(named, COUNTERPART)
