"""From records to fields and back: what rows, value maps, joins and expressions of a spec do to values."""

import json

import polars as pl
import pytest

from talk_assets.sync.meaning.cells import LINKS, OWNERS, said
from talk_assets.sync.meaning.formula import Formula
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.meaning.values import ABSENT, MISFIT, PENDING
from talk_assets.sync.translate import translate
from talk_assets.sync.writing.prepare import value_of
from talk_assets.systems.encode import encode
from tests.specs.samples import ALPHA, BETA
from tests.sync.support import flow, golden, model, wide

COMPANY, CUSTOMER = "alpha.company", "beta.customer"


def speaks(made: Model, entity: str, record: dict[str, str | None]) -> dict[str, str | None]:
    """What one record says, by the short names of fields."""
    one = made.entities[entity]
    cells = said(one, wide(one, record), LINKS.to_frame(), OWNERS.to_frame())
    return {made.fields[field].label: value for field, value in cells.select("field", "value").rows()}


def becomes(made: Model, entity: str, fields: dict[str, str | None]) -> dict[str, str | None]:
    """What fields make of the entity's properties."""
    names = {one.label: name for name, one in made.fields.items()}
    desired = translate(made.mappings[0], golden({(1, names[label]): value for label, value in fields.items()}), made)
    rows = desired.filter((pl.col("entity") == entity) & (pl.col("value").ne_missing(ABSENT)))
    return dict(rows.select("path", "value").rows())


def test_a_plain_row_is_one_field_on_both_sides():
    made = model(flow("[name, name]"))
    assert speaks(made, COMPANY, {"name": "Acme"}) == speaks(made, CUSTOMER, {"name": "Acme"}) == {"name": "Acme"}
    assert becomes(made, CUSTOMER, {"name": "Acme"}) == {"name": "Acme"}
    assert becomes(made, COMPANY, {"name": None}) == {"name": None}


def test_properties_that_three_systems_share_are_one_field():
    back = "source: beta\ntarget: alpha\nmappings:\n  - {source: customer, target: company, properties: [[name, name]]}\n"
    assert len(model(flow("[name, name]"), back).fields) == 1


def test_what_is_absent_says_nothing_and_what_is_null_says_empty():
    made = model(flow("[name, name]", "[email, mail]"))
    assert speaks(made, COMPANY, {"email": None}) == {"name": ABSENT, "email": None}


def test_a_value_map_works_both_ways_and_holds_what_it_does_not_know():
    made = model(flow("{source: status, target: status, values: {lead: prospect, won: customer}}"))
    assert speaks(made, CUSTOMER, {"status": "prospect"}) == {"status": "lead"}
    assert becomes(made, CUSTOMER, {"status": "won"}) == {"status": "customer"}
    assert str(speaks(made, CUSTOMER, {"status": "other"})["status"]).startswith(MISFIT)


@pytest.mark.parametrize(
    ("prop", "own"), [("staff", ("10", "20")), ("IsActive", ("true", "false")), ("turnover", ("1.5", "2"))]
)
def test_a_value_map_leads_from_words_to_numbers_and_flags_and_back(prop: str, own: tuple[str, str]):
    """The word that a number stands for was held, for it is no number."""
    made = model(flow(f"{{source: status, target: {prop}, values: {{lead: {own[0]}, won: {own[1]}}}}}"))
    assert [speaks(made, CUSTOMER, {prop: value}) for value in own] == [{"status": "lead"}, {"status": "won"}]
    assert becomes(made, CUSTOMER, {"status": "won"}) == {prop: own[1]}
    assert speaks(made, CUSTOMER, {prop: None}) == {"status": None}


def test_flags_can_be_turned_round():
    made = model(flow('{source: isInactive, target: IsActive, values: {"true": false, "false": true}}'))
    assert speaks(made, CUSTOMER, {"IsActive": "true"}) == {"isInactive": "false"}
    assert becomes(made, CUSTOMER, {"isInactive": "true"}) == {"IsActive": "false"}


@pytest.mark.parametrize(
    ("whole", "first", "last"),
    [("Anna Berg", "Anna", "Berg"), ("Anna van der Berg", "Anna van der", "Berg"), ("Anna", "Anna", None), (None, None, None)],
)
def test_a_joined_row_parts_and_joins_text(whole: str | None, first: str | None, last: str | None):
    made = model(
        flow('{source: name, target: [first, last], join: " ", added: true}', mapping="source: contact, target: person")
    )
    assert speaks(made, "alpha.contact", {"name": whole}) == {"first": first, "last": last}
    assert becomes(made, "alpha.contact", {"first": first, "last": last}) == {"name": whole}
    assert becomes(made, "beta.person", {"first": first, "last": last}) == {"first": first, "last": last}


def test_a_computed_row_computes_from_the_record():
    made = model(
        flow("{source: name, target: legalName, to_target: \"UPPER(name) || ' ' || code\", direction: to_target, added: true}")
    )
    assert speaks(made, COMPANY, {"name": "Acme", "code": "7"}) == {"legalName": "ACME 7"}
    assert becomes(made, CUSTOMER, {"legalName": "ACME 7"}) == {"legalName": "ACME 7"}
    assert becomes(made, COMPANY, {"legalName": "ACME 7"}) == {}


def computes(text: str, source: str, target: str, *records: dict[str, str | None]) -> list[str | None]:
    """What a computed row says of each of some records."""
    row = f"{{source: {source}, target: {target}, to_target: {json.dumps(text)}, direction: to_target, added: true}}"
    company = model(flow(row)).entities[COMPANY]
    return said(company, wide(company, *records), LINKS.to_frame(), OWNERS.to_frame())["value"].to_list()


@pytest.mark.parametrize(
    ("text", "source", "target", "good", "bad", "reason"),
    [
        ("turnover * 2", "turnover", "turnover", "8", "9" * 29, "turnover * 2 cannot be computed: overflow in decimal"),
        ("turnover + 1", "turnover", "turnover", "8", "9" * 29, "turnover + 1 cannot be computed: overflow in decimal"),
        ("turnover * 2", "turnover", "turnover", "8", "9" * 33, f"{'9' * 33} in turnover is beyond what expressions compute"),
        ("employees + 1", "employees", "staff", "8", f"{2**63 - 1}", "employees + 1 cannot be computed: conversion from `i128"),
        ("employees", "employees", "staff", "8", f"{2**63}", f"{2**63} in employees is beyond what expressions compute with"),
        ("8 / employees", "employees", "turnover", "1", "0", "inf is no number: something was divided by zero"),
        ("turnover", "turnover", "turnover", "8", f"{MISFIT}turnover: found text", "turnover: found text"),
    ],
)
def test_a_record_that_cannot_be_computed_is_told_and_stops_no_other(
    text: str, source: str, target: str, good: str, bad: str, reason: str
):
    (before, misfit, after) = computes(text, source, target, {source: good}, {source: bad}, {source: good})
    assert before == after
    assert before is not None
    assert not before.startswith(MISFIT)
    assert misfit is not None
    assert misfit.startswith(f"{MISFIT}{reason}")


@pytest.mark.parametrize(
    ("text", "source", "target", "values"),
    [
        ("employees * 4", "employees", "staff", [f"{2**61 - 4 + number}" for number in range(8)]),
        ("turnover * 2", "turnover", "turnover", ["8", "9" * 29, "7", "9" * 29, "6", f"{'9' * 28}8"]),
        ("CAST(employees * 4 AS DECIMAL(38, 20))", "employees", "turnover", ["8", f"3{'0' * 17}", f"{2**62}", "1"]),
        ("'{}' || (employees * 4)", "employees", "legalName", ["1", f"{2**62}", f"{2**62}", "2", f"{2**62 + 1}"]),
    ],
)
def test_what_many_records_say_is_what_each_says_alone(text: str, source: str, target: str, values: list[str]):
    records: list[dict[str, str | None]] = [{source: value} for value in values] * 2
    together = computes(text, source, target, *records)
    assert together == [said_alone for record in records for said_alone in computes(text, source, target, record)]
    assert 0 < sum(str(one).startswith(MISFIT) for one in together) < len(together)


@pytest.mark.parametrize("text", ["turnover", "turnover * 2", "CASE WHEN turnover > 1 THEN 1 ELSE 0 END"])
def test_a_number_of_which_expressions_would_lose_digits_is_held_and_not_rounded(text: str):
    records: list[dict[str, str | None]] = [{"turnover": f"1.123456789{more}"} for more in ("", "1", "0")]
    (fits, is_finer, fits_as_well) = computes(text, "turnover", "turnover", *records)
    assert fits == fits_as_well
    assert str(is_finer).startswith(f"{MISFIT}1.1234567891 in turnover is beyond what expressions compute with: 29 digits")


@pytest.mark.parametrize(
    ("text", "value", "given"),
    [
        ("turnover * 0.000000001", "0.000000007", "0.000000000000000007"),
        ("turnover + 0.00000000000001", "1.5", "1.50000000000001"),
        ("COALESCE(turnover, 0.00000000000001)", None, "0.00000000000001"),
    ],
)
def test_what_an_expression_gives_keeps_all_its_digits(text: str, value: str | None, given: str):
    assert computes(text, "turnover", "turnover", {"turnover": value}) == [given]


def test_what_is_computed_of_nothing_said_says_nothing():
    assert computes("UPPER(name)", "name", "legalName", {"name": "Acme"}, {}, {"name": None}) == ["ACME", ABSENT, None]
    assert computes("name || code", "name", "legalName", {"name": "A", "code": "1"}, {"name": "A"}) == ["A1", ABSENT]
    assert computes("COALESCE(code, name)", "name", "legalName", {"name": "A"}) == ["A"]


def test_whole_numbers_are_computed_to_the_last_digit():
    assert computes("employees * 3", "employees", "staff", {"employees": "3074457345618258602"}) == ["9223372036854775806"]


def test_large_results_with_an_exponent_keep_it():
    assert computes("CAST(turnover AS DOUBLE) * 1e3", "turnover", "turnover", {"turnover": f"15{'0' * 26}"}) == ["1.5e+30"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_expression_that_reads_nothing_says_the_same_of_each_record(count: int):
    given = {"create": '{when: "TRUE"}', "on_create": "{status: {expression: \"'prospect'\"}}"}
    made = model(flow("{source: name, target: legalName, to_target: \"'x'\", direction: to_target, added: true}", **given))
    mapping, company = made.mappings[0], made.entities[COMPANY]
    records = wide(company, *[{"name": "Acme"}] * count)
    assert mapping.when
    assert mapping.when.over(records).to_list() == ["true"] * count
    given_status = mapping.on_create["status"]
    assert isinstance(given_status, Formula)
    assert given_status.over(records).to_list() == ["prospect"] * count
    assert said(company, records, LINKS.to_frame(), OWNERS.to_frame())["value"].to_list() == ["x"] * count


def test_a_row_with_a_direction_neither_gives_nor_takes_the_other_way():
    made = model(flow("{source: status, target: legalName, direction: to_target, added: true}"))
    assert speaks(made, CUSTOMER, {"legalName": "x"}) == {}
    assert becomes(made, COMPANY, {"status": "x"}) == {}
    assert becomes(made, CUSTOMER, {"status": "x"}) == {"legalName": "x"}


def test_text_that_is_no_number_is_held_where_a_number_belongs():
    alpha = ALPHA.replace("status: {type: string, values: [lead, won]}", "status: {type: string, format: digits}")
    made = model(flow("[status, staff]"), alpha=alpha)
    assert becomes(made, CUSTOMER, {"status": "007"}) == {"staff": "7"}
    assert becomes(made, CUSTOMER, {"status": "x7"}) == {"staff": f"{MISFIT}x7 is no whole number, as staff needs"}


def test_a_reference_says_which_cluster_is_meant():
    made = model(
        flow("[name, name]", "[mainContact, contact]"), flow("[email, mail]", mapping="source: contact, target: person")
    )
    company = made.entities[COMPANY]
    links = pl.DataFrame([("alpha.contact", "c9", 42)], schema=LINKS, orient="row")
    cells = said(
        company, wide(company, {"mainContact": "c9"}, {"mainContact": "c8"}, {"mainContact": None}), links, OWNERS.to_frame()
    )
    assert cells.filter(pl.col("field").str.ends_with("mainContact"))["value"].to_list() == ["42", PENDING, None]


def test_a_reference_without_a_counterpart_of_its_own_means_its_owner():
    alpha = ALPHA.replace(
        "    subject: contact\n", "    subject: contact\n    parent: {property: company, entity: company}\n", 1
    )
    beta = BETA.replace("references: [person]", "references: [customer]")
    made = model(flow("[name, name]", "[mainContact, contact]"), alpha=alpha, beta=beta)
    company = made.entities[COMPANY]
    links = pl.DataFrame([("alpha.contact", "c9", 42), (COMPANY, "1", 7)], schema=LINKS, orient="row")
    owners = pl.DataFrame([("alpha.contact", "c9", COMPANY, "1")], schema=OWNERS, orient="row")
    cells = said(company, wide(company, {"mainContact": "c9"}), links, owners)
    assert cells.filter(pl.col("field").str.ends_with("mainContact"))["value"].to_list() == ["7"]


DAY = ALPHA.replace("    properties:\n", "    properties:\n      day: {type: date}\n", 1)
MOMENT = BETA.replace("    properties:\n", "    properties:\n      at: {type: datetime}\n", 1)


def in_zone(zone: str) -> Model:
    return model(flow("[day, at]"), alpha=DAY, beta=MOMENT.replace("system: beta\n", f"system: beta\ntime_zone: {zone}\n"))


@pytest.mark.parametrize(
    ("zone", "start"),
    [("UTC", "2026-07-01T00:00:00.000000"), ("Europe/Oslo", "2026-06-30T22:00:00.000000")],
)
def test_a_day_becomes_the_moment_at_which_it_begins_where_moments_are_told_and_is_that_day_again(zone: str, start: str):
    """It was no moment to the writer, so that no record with a day could be made or changed there."""
    made = in_zone(zone)
    moment = becomes(made, CUSTOMER, {"day": "2026-07-01"})["at"]
    assert moment == start
    prop = made.entities[CUSTOMER].prop("at")
    assert encode(prop, value_of(prop, moment), "at", zone).startswith("2026-07-01T00:00:00")
    assert speaks(made, CUSTOMER, {"at": moment}) == {"day": "2026-07-01"}


def test_a_moment_is_of_the_day_that_it_is_where_it_is_told():
    """Shortly after midnight it was of the day before."""
    made = in_zone("Europe/Oslo")
    assert speaks(made, CUSTOMER, {"at": "2025-12-31T23:30:00.1234567"}) == {"day": "2026-01-01"}
    assert speaks(made, CUSTOMER, {"at": None}) == {"day": None}
    assert speaks(made, CUSTOMER, {}) == {"day": ABSENT}
    assert str(speaks(made, CUSTOMER, {"at": f"{MISFIT}at: no"})["day"]).startswith(MISFIT)


def test_a_day_without_a_midnight_is_held():
    assert str(becomes(in_zone("America/Sao_Paulo"), CUSTOMER, {"day": "2018-11-04"})["at"]).startswith(MISFIT)


def test_a_field_of_moments_makes_the_days_of_where_they_are_told():
    back = "source: beta\ntarget: alpha\nmappings:\n  - {source: customer, target: company, properties: [[at, day]]}\n"
    made = model(back, alpha=DAY, beta=MOMENT.replace("system: beta\n", "system: beta\ntime_zone: Europe/Oslo\n"))
    assert becomes(made, COMPANY, {"at": "2025-12-31T23:00:00.000000"}) == {"day": "2026-01-01"}
    assert speaks(made, COMPANY, {"day": "2026-01-01"}) == {"at": "2025-12-31T23:00:00.000000"}
