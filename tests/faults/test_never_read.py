"""A system that was never read may be the only one that knows that what is about to be made is there already."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest

from talk_assets.operator.syncing import sync
from talk_assets.simulate.topology import topology
from talk_assets.sync.doubt.awaited import could_tell
from talk_assets.sync.doubt.loaded import loaded
from tests.faults.bench import SPECS, Bench

ERP, PO, PMS = "custom_erp.customer", "poweroffice_go.customers", "custom_pms.customer"
BILLED, DEPARTMENT = "invoiced.customers_company", "poweroffice_go.departments"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Customers: PowerOffice → CustomPMS → CustomERP → PowerOffice, and PowerOffice → Invoiced."""
    return Bench(tmp_path, "customer")


def known_through_pms(bench: Bench) -> tuple[str, str, str]:
    """One customer: CustomPMS has the number that CustomERP has, and the address that PowerOffice has."""
    return (
        bench.add(ERP, name="Acme", organisationNumber="923609016"),
        bench.add(PMS, name="Acme AS", organisation_number="923609016", email="post@acme.example"),
        bench.add(PO, Name="Acme Norge", EmailAddress="post@acme.example"),
    )


def down(bench: Bench, entity: str) -> None:
    bench.fault(entity, "answer", "list", status=503, body={"message": "down"})


def is_one(bench: Bench, *records: str, beside: Collection[str] = ()) -> bool:
    """Whether these are one thing, and each is the only record of its entity, beside a few of another thing."""
    entities = {one.partition("/")[0]: one for one in records}
    there = {one for key in entities for one in bench.all(key)}
    linked = bench.linked(records[0])
    return there == {*records, *beside} and all(linked.get(key) == one for key, one in entities.items())


def waiting(bench: Bench) -> dict[str, str]:
    """Why creations wait, by entity."""
    return dict(bench.hub.read("SELECT entity, reason FROM changes WHERE kind = 'create' AND state = 'waiting'").iter_rows())


def test_what_only_a_system_that_was_never_read_could_link_is_not_made_twice(bench: Bench):
    one = known_through_pms(bench)
    down(bench, PMS)
    for _ in range(3):
        bench.cycle()
    assert waiting(bench)[PO].startswith(f"it may be there already: {PMS} could tell, and was never read to its end (")
    bench.heal()
    bench.settle()
    assert is_one(bench, *one)
    assert waiting(bench) == {}


def test_what_is_known_on_both_sides_of_a_hub_that_was_never_read_is_not_made_twice_in_it(tmp_path: Path):
    bench = Bench(tmp_path, "project")
    bench.with_specs("dataflows/custompms_customerp.yaml", None)
    one = (
        bench.add("custom_erp.project", code="P1", name="One"),
        bench.add("poweroffice_go.projects", Code="P1", Name="One"),
        bench.add("custom_pms.project", code="P1", name="One"),
    )
    down(bench, "poweroffice_go.projects")
    bench.cycle()
    assert [*waiting(bench)] == ["poweroffice_go.projects"]
    bench.heal()
    bench.settle()
    # It comes with a project of its own.
    assert is_one(bench, *one, beside=bench.linked("poweroffice_go.projects/1").values())


def test_what_no_entity_that_was_never_read_could_tell_of_is_made_and_edited(bench: Bench):
    one = bench.add(PO, Name="Acme", EmailAddress="post@acme.example")
    down(bench, PMS)
    bench.cycle()
    billed = bench.partner(one, BILLED)
    assert [*waiting(bench)] == [PMS]
    bench.edit(one, Name="Acme AS")
    bench.cycle()
    assert bench.record(billed)["name"] == "Acme AS"


def test_where_the_first_reading_broke_off_the_rest_is_awaited_and_read_again_at_once(bench: Bench):
    one = known_through_pms(bench)
    bench.fault(PMS, "loop", "list", times=1)
    bench.fault(PMS, "error", "list", skip=1, times=4)
    report = sync(bench.engine.world)
    assert (report.ending, report.failed) == ("quiet", {})
    assert is_one(bench, *one)


def test_an_entity_that_is_mapped_later_is_read_before_anything_is_made_that_it_may_know(bench: Bench):
    bench.with_specs("dataflows/*custompms*.yaml", None)
    bench.loaded()
    bench.engine.work_by(topology(SPECS, bench.subjects))
    one = known_through_pms(bench)
    down(bench, PMS)
    for _ in range(2):
        bench.cycle()
    assert [*waiting(bench)] == [PMS, PO]
    bench.heal()
    bench.settle()
    assert is_one(bench, *one)


def test_what_waits_for_a_system_is_made_once_no_mapping_names_that(bench: Bench):
    erp = bench.add(ERP, name="Acme", organisationNumber="923609016")
    down(bench, PMS)
    bench.cycle()
    assert PO in waiting(bench)
    bench.with_specs("dataflows/*custompms*.yaml", None)
    bench.settle()
    assert bench.partner(erp, PO)


def test_a_system_that_was_read_once_is_not_awaited_when_it_is_down(bench: Bench):
    bench.loaded()
    down(bench, PMS)
    erp = bench.add(ERP, name="Acme", organisationNumber="923609016")
    bench.cycle()
    assert bench.partner(erp, PO)


def test_a_first_load_is_not_over_while_a_system_is_still_to_be_read(bench: Bench):
    down(bench, PMS)
    bench.cycle()
    bench.cycle()
    assert loaded(bench.hub) == frozenset()
    bench.heal()
    bench.settle()
    assert loaded(bench.hub) >= {ERP, PO, PMS}


def test_a_first_load_is_over_where_nothing_is_left_to_be_read_for_the_first_time(tmp_path: Path):
    """Guards watch although a login for something else may never come."""
    bench = Bench(tmp_path, "customer", "product")
    down(bench, PMS)
    bench.cycle()
    bench.cycle()
    assert loaded(bench.hub) == {"custom_erp.product", "poweroffice_go.product"}


@pytest.mark.parametrize(
    ("unread", "there", "target", "by"),
    [
        pytest.param({PMS}, {ERP}, PO, (PMS,), id="it lies between"),
        pytest.param({PMS}, {ERP, PO}, BILLED, (), id="it leads back to what is there"),
        pytest.param({PMS}, {PO}, BILLED, (), id="it leads to somewhere else"),
        pytest.param({BILLED}, {ERP}, PO, (), id="it knows the target alone"),
        pytest.param({BILLED}, {PO}, BILLED, (BILLED,), id="it is the target"),
        pytest.param({PMS}, {DEPARTMENT}, PMS, (PMS,), id="it is the target of another one"),
        pytest.param({PMS, PO}, {ERP}, BILLED, (PMS, PO), id="several of them in a row"),
        pytest.param({PMS}, {ERP}, BILLED, (PMS,), id="what was read leads on from it"),
        pytest.param({PMS}, {PMS}, ERP, (), id="it has a record there"),
        pytest.param(set(), {ERP}, PO, (), id="all were read"),
    ],
)
def test_who_could_tell_that_a_record_is_there(unread: set[str], there: set[str], target: str, by: tuple[str, ...]):
    assert could_tell(topology(SPECS, frozenset({"customer"})).model, unread, there, target) == by


def test_by_what_was_read_a_mapping_without_rules_leads_on_and_by_what_was_not_it_does_not():
    model = topology(SPECS, frozenset({"customer"})).model
    unruled = replace(
        model,
        mappings=tuple(
            replace(one, matches=(), made=()) if {one.source, one.target} == {PO, BILLED} else one for one in model.mappings
        ),
    )
    assert could_tell(unruled, {PMS}, {ERP}, BILLED) == (PMS,)
    assert could_tell(unruled, {BILLED}, {PO}, BILLED) == ()
