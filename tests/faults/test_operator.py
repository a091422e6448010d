"""What operators change, restore, empty and forget: what the engine makes of it."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from talk_assets.hub.tables import cursors
from talk_assets.simulate.people import system_of
from talk_assets.sync.ask import ask
from talk_assets.sync.doubt.unread import READING
from talk_assets.sync.guards import Limits
from tests.faults.bench import ERP, PO, SPECS, Answer, Bench, product, shown

CUSTOMERS, PMS = "poweroffice_go.customers", "custom_pms.customer"
DATAFLOW = "dataflows/customerp_powerofficego.yaml"
COST = "      - {source: unitCost, target: UnitCost, added: true}\n"
SPARE = "      - {source: description, target: Description, added: true}\n"


def several(bench: Bench, count: int = 6, **more: object) -> list[str]:
    made = [bench.add(ERP, **product(number, **more)) for number in range(count)]
    bench.loaded()
    return made


def test_o01_a_row_that_was_added_writes_nothing_to_many_records_without_approval(bench: Bench):
    bench.engine.limits = Limits(updates=(3, 0.3))
    bench.with_specs(DATAFLOW, lambda text: text.replace(COST, ""))
    several(bench, unitCost=5.5)
    bench.with_specs(DATAFLOW, lambda text: text + "\n")
    report = bench.cycle(full=True)
    assert report.planned.trips[0].reason == "6 of 6 records would be changed at once"
    assert bench.writes == []


def test_o01_editing_a_mapping_forgets_no_base_and_writes_nothing_by_itself(bench: Bench):
    one, *_ = several(bench)
    bench.with_specs(DATAFLOW, lambda text: text.replace(COST, ""))
    bench.cycle(full=True)
    assert bench.writes == []
    bench.edit(one, name="Edited after")
    bench.settle()
    assert bench.record(bench.partner(one, PO))["Name"] == "Edited after"
    assert bench.hub.value("SELECT count(*) FROM conflicts") == 0


def test_o01_without_the_document_that_comes_first_no_base_is_forgotten_nor_when_it_is_back(tmp_path: Path):
    """Fields are called after the first property that rows name, so both times they are called otherwise."""
    bench = Bench(tmp_path, "customer")
    bench.fault(PMS, "normalise", property="name", rule="upper")
    acme = bench.add(CUSTOMERS, Name="Acme AS", OrganizationNumber="810000007", InvoiceDeliveryType="Print")
    bench.loaded()
    bench.edit(acme, Name="Acme Norge AS")
    bench.settle()
    theirs = bench.partner(acme, PMS)
    before = bench.engine.world.model.fields.keys()
    bench.with_specs(DATAFLOW, None)
    assert "custom_pms.customer.name" in bench.engine.world.model.fields.keys() - before
    bench.cycle(full=True)
    bench.with_specs("dataflows/*.yaml", lambda text: text + "\n")
    bench.cycle(full=True)
    assert bench.writes == []
    assert (bench.record(acme)["Name"], bench.record(theirs)["name"]) == ("Acme Norge AS", "ACME NORGE AS")
    bench.edit(theirs, name="ACME SVERIGE AS")
    bench.settle()
    assert bench.record(acme)["Name"] == "ACME SVERIGE AS"
    assert bench.hub.value("SELECT count(*) FROM conflicts") == 0
    bench.engine.close()


def test_o02_what_was_edited_on_both_sides_while_its_row_was_away_is_a_conflict_that_is_kept(bench: Bench):
    one, other, *_ = several(bench)
    bench.with_specs(DATAFLOW, lambda text: text.replace(SPARE, ""))
    bench.cycle(full=True)
    bench.edit(one, description="Here")
    bench.edit(bench.partner(other, PO), Description="There alone")
    bench.time.sleep(60)
    bench.edit(bench.partner(one, PO), Description="There")
    bench.cycle(full=True)
    bench.with_specs(DATAFLOW, lambda text: text + "\n")
    bench.settle(full=True)
    assert bench.record(one)["description"] == bench.record(bench.partner(one, PO))["Description"] == "There"
    assert set(bench.hub.read("SELECT value FROM conflicts")["value"]) >= {"Here", "There"}
    assert bench.record(other)["description"] == "There alone"


def test_o03_a_narrower_filter_parts_and_deletes_nothing(bench: Bench):
    one, *_ = several(bench)
    at = SPECS / DATAFLOW
    assert at.is_file()
    narrow = """target: product
    labels: {target: PowerOffice Product, system: PowerOffice}
    create: {when: "code = 'P5'"}"""
    wide = """target: product
    labels: {target: PowerOffice Product, system: PowerOffice}
    create: always"""
    bench.with_specs(DATAFLOW, lambda text: text.replace(wide, narrow))
    bench.edit(one, name="Out of scope")
    bench.add(ERP, **product(7))
    bench.settle(full=True)
    assert bench.record(bench.partner(one, PO))["Name"] == "Out of scope"
    assert (len(bench.all(ERP)), len(bench.all(PO)), bench.told("gone")) == (7, 6, [])


def test_o04_a_dataflow_that_is_taken_away_and_put_back_goes_on_where_it_was(tmp_path: Path):
    bench = Bench(tmp_path, "customer")
    one = bench.add(CUSTOMERS, Name="Acme AS", OrganizationNumber="810000007", InvoiceDeliveryType="Print")
    bench.loaded()
    theirs = bench.partner(one, "invoiced.customers_company")
    bench.with_specs("dataflows/powerofficego_invoiced.yaml", None)
    bench.edit(one, Name="Acme Norge AS")
    bench.settle(full=True)
    assert bench.record(theirs)["name"] == "Acme AS"
    bench.with_specs(DATAFLOW, lambda text: text + "\n")
    bench.settle(full=True)
    assert bench.record(theirs)["name"] == "Acme Norge AS"
    assert bench.partner(one, "invoiced.customers_company") == theirs
    assert len(bench.all("invoiced.customers_company")) == 1
    bench.engine.close()


def test_o05_a_system_that_was_emptied_empties_no_other(bench: Bench):
    made = several(bench)
    partners = [bench.partner(one, PO) for one in made]
    for one in made:
        bench.erase(one)
    for _ in range(3):
        bench.cycle(full=True)
    assert (bench.writes, bench.told("gone")) == ([], [])
    assert sorted(partners) == sorted(bench.all(PO))


def test_o07_another_account_behind_the_same_address_is_not_taken_for_the_known_one(bench: Bench):
    several(bench)
    for one in bench.all(PO):
        bench.erase(one)
    for number in range(7):
        bench.add(PO, Code=f"X{number}", Name=f"Of another company {number}")
    report = bench.cycle(full=True)
    assert "seems to be another account of PowerOffice GO" in report.failed[PO]
    for _ in range(2):
        bench.edit(bench.all(ERP)[0], name=f"Edited {bench.time.ticks()}")
        bench.cycle(full=True)
    assert (bench.writes, bench.told("gone")) == ([], [])
    assert bench.hub.value("SELECT count(*) FROM records WHERE entity = ?", [PO]) == 6


def test_o07_where_the_newest_were_deleted_and_others_made_it_is_the_same_account(bench: Bench):
    several(bench)
    newest = [bench.add(ERP, **product(number)) for number in range(10, 13)]
    bench.settle()
    for one in newest:
        bench.erase(one)
    for number in range(20, 23):
        bench.add(ERP, **product(number))
    assert bench.cycle().failed == {}
    bench.settle()
    assert len(bench.all(PO)) == 12


def test_o07_where_single_records_cannot_be_read_only_all_of_a_list_tells_another_account(bench: Bench):
    bench.with_specs("systems/custom_erp.yaml", lambda text: text.replace('    get: {path: "products/{id}"}\n', ""))
    several(bench)
    for number in range(20, 23):
        bench.add(ERP, **product(number))
    assert bench.cycle().failed == {}
    for one in bench.all(ERP):
        bench.erase(one)
    for number in range(30, 37):
        bench.add(ERP, **product(number))
    assert "seems to be another account of CustomERP" in bench.cycle().failed[ERP]


def test_o07_a_system_that_moved_to_another_address_is_known_by_its_records(bench: Bench):
    one, *_ = several(bench)
    for consumer, read in cursors.positions(bench.hub, READING).items():
        elsewhere = {**read, "at": read["at"].replace("127.0.0.1", "old.example")}
        bench.hub.run(partial(cursors.move, bench.hub, consumer, expected=read, to=elsewhere))
    bench.edit(one, name="After the move")
    report = bench.cycle()
    assert report.failed == {}
    assert bench.record(bench.partner(one, PO))["Name"] == "After the move"


def test_o08_a_system_restored_from_an_old_copy_is_told_again_what_was_agreed_and_undoes_nothing(bench: Bench):
    one, other, *_ = several(bench)
    partner = bench.partner(one, PO)
    restore = bench.copy_of("poweroffice_go")
    bench.edit(one, name="After the copy")
    bench.settle()
    bench.edit(bench.partner(other, PO), Name="Also after")
    bench.settle()
    restore()
    assert bench.record(partner)["Name"] == "Product 0"
    bench.settle(full=True)
    assert bench.record(one)["name"] == bench.record(partner)["Name"] == "After the copy"
    assert bench.record(other)["name"] == bench.record(bench.partner(other, PO))["Name"] == "Also after"
    assert len(bench.told("put back")) == 2


def test_o08_what_a_restored_system_makes_under_an_id_of_before_is_found_again_without_an_answer(bench: Bench):
    several(bench)
    restore = bench.copy_of("poweroffice_go")
    before = bench.add(ERP, **product(7))
    bench.settle()
    lost = bench.partner(before, PO)
    restore()
    one = bench.add(ERP, **product(8))

    def unanswered(request: httpx.Request, answer: Answer) -> httpx.Response:
        response = answer(request)
        if request.method == "POST" and b'"P8"' in request.content:
            raise httpx.ReadTimeout("no answer", request=request)
        return response

    bench.between = unanswered
    bench.settle(full=True)
    assert bench.partner(one, PO) == lost
    assert bench.told("rejected") == [], "nobody was asked whose it is"


def test_o08_a_restore_that_would_write_to_many_waits_for_a_person(bench: Bench):
    bench.engine.limits = Limits(updates=(3, 0.3))
    made = several(bench)
    restore = bench.copy_of("poweroffice_go")
    for one in made[:3]:
        bench.edit(one, name=f"New {one[-4:]}")
    bench.settle()
    for one in made[3:]:
        bench.edit(one, name=f"New {one[-4:]}")
    bench.settle()
    restore()
    report = bench.cycle(full=True)
    assert report.planned.trips[0].guard == "updates"
    assert bench.writes == []


def test_o08_an_edit_by_a_clock_that_was_set_back_is_no_restored_system(bench: Bench):
    one, *_ = several(bench)
    place = one.rpartition("/")[2]
    stamp: dict[str, str] = {}

    def stamped(request: httpx.Request, answer: Answer) -> httpx.Response:
        if request.method != "GET" or not request.url.path.endswith("/products"):
            return answer(request)

        def at(page: Any) -> Any:
            return {**page, "items": [{**item, **stamp} if item["id"] == place else item for item in page["items"]]}

        return shown(request, answer(request), at)

    bench.between = stamped
    for at, name in (("2026-11-20T12:40:00Z", "First"), ("2026-11-20T12:38:00Z", "By a clock that was set")):
        stamp["modifiedAt"] = at
        bench.edit(one, name=name)
        bench.settle(full=True)
        assert bench.record(bench.partner(one, PO))["Name"] == name
    assert bench.told("put back") == []


def test_o09_a_hub_restored_from_an_old_copy_doubles_and_undoes_nothing(bench: Bench):
    one, *_ = several(bench)
    restore = bench.hub_copy()
    nameless = bench.add(ERP, code="LATE", name="Made after the copy")
    bench.edit(one, name="After the copy")
    bench.settle()
    late = bench.partner(nameless, PO)
    restore()
    bench.cycle(full=True)
    bench.cycle(full=True)
    assert bench.writes == []
    assert bench.partner(nameless, PO) == late
    assert bench.record(one)["name"] == bench.record(bench.partner(one, PO))["Name"] == "After the copy"


def test_o09_an_edit_that_was_never_synchronised_survives_the_restored_hub(bench: Bench):
    one, *_ = several(bench)
    restore = bench.hub_copy()
    bench.edit(one, name="First")
    bench.settle()
    bench.edit(one, name="Second")
    restore()
    bench.settle()
    told = set(bench.hub.read("SELECT value FROM conflicts UNION ALL SELECT after FROM history")["value"])
    assert bench.record(one)["name"] == bench.record(bench.partner(one, PO))["Name"] == "Second"
    assert {"First", "Second"} <= told


def test_o12_two_engines_on_the_same_systems_double_nothing(bench: Bench):
    one = bench.add(ERP, **product(1))
    other = bench.another_engine()
    bench.settle()
    bench.time.sleep(700)
    assert other.run().written == 0
    bench.edit(one, name="Renamed")
    for _ in range(3):
        bench.time.sleep(700)
        other.run(full=True)
        bench.cycle(full=True)
    bench.settle()
    assert (len(bench.all(ERP)), len(bench.all(PO))) == (1, 1)
    assert bench.record(bench.partner(one, PO))["Name"] == "Renamed"
    other.close()


def test_o13_another_integration_that_insists_on_its_own_value_is_named_and_held(bench: Bench):
    one, *_ = several(bench)
    partner = bench.partner(one, PO)
    for _ in range(6):
        bench.edit(one, name="Theirs")
        bench.cycle()
        bench.edit(partner, Name="Ours")
        bench.cycle()
    (reason,) = bench.held()
    assert re.search(r"two writers replace each other: .*custom_erp.*poweroffice_go|.*poweroffice_go.*custom_erp", reason)
    before = len(bench.writes)
    bench.edit(one, name="Theirs")
    bench.cycle()
    bench.cycle()
    assert len(bench.writes) == before


def test_o14_links_that_were_deleted_by_hand_are_found_again_and_nothing_is_made_twice(bench: Bench):
    several(bench)
    bench.edit(bench.all(PO)[0], Name="Edited without a link")
    bench.hub.run(lambda: [bench.hub.write(f"DELETE FROM {table}") for table in ("members", "golden", "cursors", "keys")])  # noqa: S608
    bench.engine.die()
    bench.settle(full=True)
    assert (len(bench.all(ERP)), len(bench.all(PO))) == (6, 6)
    names = [sorted(bench.record(one)[name] for one in bench.all(key)) for key, name in ((ERP, "name"), (PO, "Name"))]
    assert names[0] == names[1]
    assert "Edited without a link" in names[0]


class Hang:
    """One system takes connections and never answers."""

    def __init__(self, bench: Bench, system: str) -> None:
        self.bench, self.system, self.asked = bench, system, 0
        bench.between = self

    def __call__(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        if system_of(request) != self.system:
            return answer(request)
        self.asked += 1
        self.bench.time.sleep(60)
        raise httpx.ReadTimeout("no answer", request=request)


def test_o16_a_system_that_hangs_is_waited_for_twice_a_run_and_keeps_no_other_from_agreeing(tmp_path: Path):
    bench = Bench(tmp_path, "customer", "contact", "project")
    made = bench.add("custom_erp.customer", name="Acme AS", organisationNumber="983456789", number=10001)
    bench.loaded()
    bench.edit(made, name="Uten Svar AS")
    hang = Hang(bench, "poweroffice_go")
    began = bench.time.monotonic()
    report = bench.cycle(pause=0)
    assert {key.split(".")[0] for key in report.failed} == {"poweroffice_go"}
    assert len(report.failed) > 2 == hang.asked
    assert bench.time.monotonic() - began < 150
    assert bench.record(bench.partner(made, "custom_pms.customer"))["name"] == "Uten Svar AS"
    bench.between = lambda request, answer: answer(request)
    bench.settle()
    assert bench.record(bench.partner(made, "poweroffice_go.customers"))["Name"] == "Uten Svar AS"


def test_o16_who_reads_again_and_again_spends_a_tenth_of_the_time_on_a_system_that_hangs(bench: Bench):
    several(bench)
    hang = Hang(bench, "poweroffice_go")

    def read(*, is_patient: bool = False) -> dict[str, str]:
        found = ask(bench.engine.world, [ERP, PO], is_patient=is_patient)
        return {key: told for key, told, _ in found if isinstance(told, str)}

    first = read()
    assert "no answer" in first[PO]
    for _ in range(20):
        bench.time.sleep(10)
        assert read() == first
    assert hang.asked == 1
    assert read(is_patient=True).keys() == {PO}
    assert hang.asked == 2
    bench.time.sleep(300)
    bench.between = lambda request, answer: answer(request)
    assert read() == {}
