import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner

from talk_assets.cli import main
from talk_assets.cli import qa as cli_qa
from talk_assets.operator.qa import live, text
from talk_assets.operator.qa.checklist import (
    Evidence,
    MappingCheck,
    Report,
    RowCheck,
    State,
    Tick,
    Way,
    items,
    limit,
)
from talk_assets.operator.qa.html import page
from talk_assets.operator.qa.look import look
from talk_assets.operator.qa.map import Map
from talk_assets.operator.qa.sandbox import run_in_sandbox, sandbox_world
from talk_assets.operator.qa.values import Values, gtin, organisation_number
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.resolve import Resolved, resolve
from talk_assets.sync.cycle import cycle
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.world import silent

SPECS = Path("mapping_specs")


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return resolve(load_catalog(SPECS))


def only(resolved: Resolved, dataflow: str, spec: DataflowSpec | None = None) -> Resolved:
    """One document of the five, or what a spec makes of it."""
    catalog = resolved.catalog
    loaded = next(one for one in catalog.dataflows if one.file.stem == dataflow)
    return resolve(replace(catalog, dataflows=(replace(loaded, spec=spec or loaded.spec),)))


def spec_of(resolved: Resolved, dataflow: str) -> DataflowSpec:
    return next(one.spec for one in resolved.catalog.dataflows if one.file.stem == dataflow)


def rewired(spec: DataflowSpec, mapping: str, targets: Mapping[str, str | None], one_way: str) -> DataflowSpec:
    """Rows of a mapping led to other targets, or taken away, and one that goes there and never back."""

    def row(one):
        if one.target == one_way:
            return one.model_copy(update={"direction": "to_target"})
        return one.model_copy(update={"target": targets.get(str(one.target), one.target)})

    mappings = [
        one.model_copy(
            update={"properties": tuple(row(r) for r in one.properties if targets.get(str(r.target), "") is not None)}
        )
        if one.source == mapping
        else one
        for one in spec.mappings
    ]
    return spec.model_copy(update={"mappings": tuple(mappings)})


def without(spec: DataflowSpec, source: str) -> DataflowSpec:
    mappings = [
        one.model_copy(update={"properties": tuple(row for row in one.properties if row.source != source)})
        for one in spec.mappings
    ]
    return spec.model_copy(update={"mappings": tuple(mappings)})


def test_the_checklist_is_the_documents_and_our_rows_beside_it(resolved):
    rows = items(resolved)
    assert len(resolved.mappings) == 18
    assert [len([row for row in rows if row.row.spec.added is added]) for added in (False, True)] == [11, 127]


@pytest.mark.long
@pytest.mark.timeout(240, method="thread")
def test_everything_is_ticked_or_explained_by_what_an_api_cannot_take(resolved):
    report = run_in_sandbox(resolved, silent)
    assert not report.problems
    assert report.tallies == [("mappings", 18, 18), ("documented rows", 11, 11), ("added rows", 127, 127)]
    assert report.is_passed
    assert {(one.mapping, one.row) for one in report.explained} == {
        ("custom_erp.contact → poweroffice_go.contactperson", "customerId ↔ ContactId"),
        ("poweroffice_go.salesorders → invoiced.invoices", "CustomerId ↔ customer"),
        ("poweroffice_go.salesorders → invoiced.invoices", "CustomerReferenceContactPersonId ↔ customer"),
    }
    assert all(one.reason for one in report.explained)
    rows = [row for mapping in report.mappings for row in mapping.rows]
    assert [row.label for row in rows if row.by_link] == ["Id ↔ id"]
    ticked = [tick for row in rows for tick in row.ticks.values() if tick.state is State.ticked]
    assert len(ticked) > 370
    assert all(tick.evidence and tick.evidence.before != tick.evidence.after and tick.evidence.cycles for tick in ticked)
    assert all(set(row.ticks) == set(Way) for row in rows if not row.by_link)
    assert max(len(line) for line in text.lines(report, evidence=False)) <= text.WIDTH
    assert json.dumps(text.as_data(report))


def test_crossed_missing_and_one_way_wires_are_not_ticked(resolved):
    wrong = rewired(
        spec_of(resolved, "custompms_customerp"),
        "customer",
        {"email": "invoiceEmail", "invoiceEmail": "email", "address.city": None},
        one_way="website",
    )
    model = compile_model(only(resolved, "custompms_customerp", wrong))
    report = run_in_sandbox(only(resolved, "custompms_customerp"), silent, model=model)
    assert not report.is_passed
    customers = next(one for one in report.mappings if one.source == "custom_pms.customer")
    assert {row.source for row in customers.missed} == {"email", "invoice_email", "city", "website"}
    website = next(row for row in customers.rows if row.source == "website")
    assert [website.ticks[way].state for way in Way] == [State.ticked, State.ticked, State.missed]
    crossed = next(row for row in customers.rows if row.source == "email")
    assert {tick.state for tick in crossed.ticks.values()} == {State.missed}
    assert all(one.is_ticked for one in report.mappings if one is not customers)


def test_the_live_list_tells_what_is_out_of_step(resolved, monkeypatch):
    some = only(resolved, "custompms_customerp")
    with sandbox_world(some, compile_model(some), seed=1, size=6) as (world, users):
        cycle(world, full=True)
        before = look(world, some)
        assert before.is_passed
        assert [mapping.linked == mapping.records and not mapping.duplicates for mapping in before.mappings] == [True] * 3
        assert before.mappings[1].records > 3
        customer = world.hub.read("SELECT id FROM records WHERE entity = 'custom_pms.customer' ORDER BY id").item(0, 0)
        users.edit("custom_pms.customer", customer, {"city": "Ålesund"})
        users.add("custom_pms.task", {"number": "T-1", "name": "Befaring"})
        cycle(world, full=True, dry=True)
        after = look(world, some)
        monkeypatch.setattr("talk_assets.operator.qa.look._AT_ONCE", 2)
        assert look(world, some) == after
    task, customers, _ = after.mappings
    assert (task.records - task.linked, list(task.reasons)) == (1, [""])
    city = next(row for row in customers.rows if row.source == "city")
    assert (city.differ, city.is_in_sync) == (1, False)
    assert f"{customer}: 'Ålesund'" in city.examples[0]
    assert [row.source for row in customers.rows if not row.is_in_sync] == ["city"]
    assert not after.is_passed
    assert any("city ↔ address.city: " in line for line in live.lines(after))
    assert json.dumps(live.as_data(after))


def test_the_live_list_of_what_nobody_read_and_of_mappings_without_rows_is_empty(resolved):
    spec = spec_of(resolved, "custompms_customerp")
    first, *others = spec.mappings
    bare = first.model_copy(update={"properties": ()})
    some = only(resolved, "custompms_customerp", spec.model_copy(update={"mappings": (bare, *others)}))
    with sandbox_world(some, compile_model(some), seed=1, size=3) as (world, _):
        report = look(world, some)
    assert [mapping.records for mapping in report.mappings] == [0, 0, 0]
    assert not report.mappings[0].rows
    assert {(row.pairs, row.differ, row.misfits) for mapping in report.mappings for row in mapping.rows} == {(0, 0, 0)}


def test_what_an_api_cannot_take_comes_from_its_spec(resolved):
    limits = {str(end): limit(end) for item in items(resolved) for end in (*item.row.sources, *item.row.targets) if limit(end)}
    assert limits.keys() == {
        "poweroffice_go.contactperson.ContactId",
        "invoiced.invoices.customer",
        "poweroffice_go.customers_person.Id",
        "invoiced.customers_person.id",
    }


def test_a_reference_through_an_owner_counts_only_where_the_engine_hears_it(resolved):
    """The customer of an order and that of its contact person are one in PowerOffice: what arrives does not tell them apart."""
    spec = spec_of(resolved, "powerofficego_invoiced")
    (row,) = [item for item in items(resolved) if item.row.sources[0].path == "CustomerReferenceContactPersonId"]
    for given, heard in ((spec, True), (without(spec, "CustomerReferenceContactPersonId"), False)):
        catalog = resolved.catalog
        flows = tuple(replace(one, spec=given) if one.spec is spec else one for one in catalog.dataflows)
        world: Any = SimpleNamespace(model=compile_model(resolve(replace(catalog, dataflows=flows))))
        world.entity = world.model.entities.__getitem__
        here = Map(world, cast("Any", None))
        assert here.goes_through_owner(row)
        assert here.hears_owner(row.row.sources[0]) is heard


def shouted(spec: DataflowSpec) -> DataflowSpec:
    """Names of customers are made on the way."""

    def row(one):
        made = {"to_target": "UPPER(name)", "direction": "to_target"}
        return one.model_copy(update=made) if one.source == "name" else one

    mappings = [
        one.model_copy(update={"properties": tuple(map(row, one.properties))}) if one.source == "customer" else one
        for one in spec.mappings
    ]
    return spec.model_copy(update={"mappings": tuple(mappings)})


def test_the_live_list_works_out_what_expressions_make_and_ticks_nothing_that_it_did_not_see(resolved):
    some = only(resolved, "custompms_customerp", shouted(spec_of(resolved, "custompms_customerp")))
    with sandbox_world(some, compile_model(some), seed=1, size=3) as (world, users):
        cycle(world, full=True)
        names = []
        for name in (None, "Nordlys Vask AS"):
            if name:
                customer = world.hub.read("SELECT id FROM records WHERE entity = 'custom_pms.customer' ORDER BY id").item(0, 0)
                users.edit("custom_pms.customer", customer, {"name": name})
                cycle(world, full=True, dry=True)
            report = look(world, some)
            names.append(next(row for row in report.mappings[1].rows if row.source == "name"))
    assert [(row.pairs > 0, row.differ, row.is_in_sync) for row in names] == [(True, 0, True), (True, 1, False)]
    assert "'NORDLYS VASK AS'" in names[1].examples[0]
    assert report.mappings[0].records == 0
    told = list(live.lines(report))
    assert " · custom_pms.task → custom_erp.project" in told
    assert [line for line in told if "number ↔ code: 0 pairs" in line] == ["     added    ·  number ↔ code: 0 pairs"]


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("custom_pms", "acme_pms", "the system acme_pms"),
        ("CUSTOM_ERP_URL", "ERP_ADDRESS", "the way to custom_erp (ERP_ADDRESS)"),
        ("dateOfBirth", "bornOn", "custom_erp.employee.bornOn"),
    ],
)
def test_what_the_sandbox_does_not_play_is_named_before_anything_starts(tmp_path, was, becomes, told):
    for file in SPECS.rglob("*.yaml"):
        copy = tmp_path / file.relative_to(SPECS).with_name(file.name.replace(was, becomes))
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(file.read_text("utf-8").replace(was, becomes), "utf-8")
    result = CliRunner().invoke(main, ["qa", "--specs", str(tmp_path)])
    assert result.exit_code == 1
    assert f"These mappings name what it does not play: {told}. For systems of your own: " in result.stderr
    assert "`talk qa --live`" in result.stderr


NASTY = "<script>alert(1)</script>&\"'\x1b[2J"


def nasty() -> Report:
    evidence = Evidence(NASTY, NASTY, NASTY, NASTY, NASTY, 1)
    ticks = {
        Way.created: Tick(State.ticked, evidence=evidence),
        Way.there: Tick(State.missed, NASTY, evidence),
        Way.back: Tick(State.explained, NASTY),
    }
    row = RowCheck(NASTY, NASTY, documented=True, ticks=ticks)
    fine = Tick(State.ticked, evidence=evidence)
    return Report((MappingCheck("flow", NASTY, NASTY, NASTY, fine, fine, (row,)),), 1, 1.0, (NASTY,))


def test_a_row_with_one_missed_way_is_missed():
    report = nasty()
    assert report.tallies == [("mappings", 0, 1), ("documented rows", 0, 1), ("added rows", 0, 0)]
    assert not report.is_passed


def test_a_row_that_was_never_tried_or_only_explained_is_not_ticked():
    assert RowCheck("a", "b", documented=True).state is State.missed
    only_explained = RowCheck("a", "b", documented=True, ticks={Way.there: Tick(State.explained, "no")})
    fine = Tick(State.ticked)
    report = Report((MappingCheck("flow", "Flow", "a", "b", fine, fine, (only_explained,)),), 1, 1.0)
    assert only_explained.state is State.explained
    assert report.tallies[1] == ("documented rows", 0, 1)
    assert report.is_passed


def test_the_page_is_escaped_and_needs_nothing_else():
    written = page(nasty(), NASTY)
    assert "<script" not in written
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in written
    assert not re.search(r"\b(src|href|srcset|style|on\w+)\s*=|url\(|@import|https?:", written)
    css = re.search(r"<style>(.*?)</style>", written, re.DOTALL)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', written)
    assert css
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    assert f"'sha256-{b64encode(sha256(css[1].encode()).digest()).decode()}'" in policy[1]
    assert "unsafe" not in policy[1]


def test_the_command_says_passed_by_its_exit_and_writes_the_page(monkeypatch, tmp_path):
    monkeypatch.setattr(cli_qa, "run_in_sandbox", lambda *_args, **_options: nasty())
    result = CliRunner().invoke(main, ["qa", "--html", str(tmp_path / "qa.html")])
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert "0 of 1 documented rows" in result.stdout
    assert (tmp_path / "qa.html").read_text("utf-8").startswith("<!doctype html>")
    monkeypatch.setattr(cli_qa, "run_in_sandbox", lambda *_args, **_options: Report((), 1, 1.0))
    result = CliRunner().invoke(main, ["qa", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["passed"]) == (0, True)


def test_a_page_of_the_live_list_is_refused_before_anything_is_opened():
    result = CliRunner().invoke(main, ["qa", "--live", "--html", "x.html"])
    assert result.exit_code == 2


def test_values_are_valid_and_never_the_same(resolved):
    values = Values()
    ends = [(*item.row.sources, *item.row.targets) for item in items(resolved) if item.row.is_plain and not item.is_reference]
    plain = [one for one in ends if not {end.spec.format for end in one} & {"country_code", "currency_code"}]
    texts = [value for one in plain if isinstance(value := values.new(one), str)]
    assert len(texts) == len(set(texts)) > 50
    for number in map(organisation_number, range(1, 200)):
        digits = [int(digit) for digit in number]
        assert sum(d * w for d, w in zip(digits, (3, 2, 7, 6, 5, 4, 3, 2, 1), strict=True)) % 11 == 0
    for code in map(gtin, range(1, 50)):
        assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code)) % 10 == 0


def test_codes_differ_from_what_was_there(resolved):
    country = next(item for item in items(resolved) if item.row.targets[0].spec.format == "country_code")
    values = Values()
    before = values.new(country.row.pair)
    for _ in range(40):
        now = values.new(country.row.pair, before)
        assert now != before
        before = now
