"""Planning: which writes are due, which wait and for what, and which an API cannot take."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.sync.guards import guard, plan_hash
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.meaning.values import MISFIT
from talk_assets.sync.plan import DUE, Known, plan
from talk_assets.sync.translate import DESIRED, translate
from talk_assets.sync.writing.prepare import value_of
from tests.specs.samples import BETA
from tests.sync.support import flow, golden, in_full, known, model

COMPANY, CUSTOMER = "alpha.company", "beta.customer"
NAME = f"{COMPANY}.name"
FLOW = flow("[name, name]", "[email, mail]", create="always")
HERE, THERE = (1, COMPANY, "c1"), (1, CUSTOMER, "7")


def planned(made: Model, values: Mapping[tuple[int, str], str | None], there: Known, version: int = 1) -> pl.DataFrame:
    """What is due in the systems that are told; the companies are where the news comes from."""
    agreed = golden(values, version)
    subjects = {mapping.subject for mapping in made.mappings}
    per_subject = {one: [name for name, field in made.fields.items() if field.subject == one] for one in subjects}
    desired = [translate(one, agreed.filter(pl.col("field").is_in(per_subject[one.subject])), made) for one in made.mappings]
    return plan(pl.concat([DESIRED.to_frame(), *desired]), in_full(there, made), made).filter(pl.col("entity") != COMPANY)


def writes(due: pl.DataFrame) -> list[tuple]:
    return due.select("entity", "id", "kind", "path", "before", "after", "state").rows()


def test_a_newer_value_that_differs_is_due():
    there = known([HERE, THERE], {(*THERE, "name"): "Old", (*HERE, "name"): "New"}, {(*THERE, NAME): 1, (*HERE, NAME): 2})
    assert writes(planned(model(FLOW), {(1, NAME): "New"}, there, version=2)) == [
        (CUSTOMER, "7", "update", "name", "Old", "New", "ready")
    ]


def test_what_a_record_has_taken_is_never_written_again_whatever_it_made_of_it():
    there = known([HERE, THERE], {(*THERE, "name"): "NEW", (*HERE, "name"): "New"}, {(*THERE, NAME): 2, (*HERE, NAME): 2})
    assert writes(planned(model(FLOW), {(1, NAME): "New"}, there, version=2)) == []


def test_a_value_that_is_there_already_is_not_written():
    there = known([HERE, THERE], {(*THERE, "name"): "New", (*HERE, "name"): "New"}, {(*HERE, NAME): 2})
    assert writes(planned(model(FLOW), {(1, NAME): "New"}, there, version=2)) == []


def test_a_record_is_created_only_in_the_documented_direction():
    made = model(FLOW)
    forward = planned(made, {(1, NAME): "Acme"}, known([HERE]))
    assert writes(forward) == [(CUSTOMER, None, "create", "name", None, "Acme", "ready")]
    assert writes(planned(made, {(1, NAME): "Acme"}, known([THERE], {(*THERE, "name"): "Acme"}, {(*THERE, NAME): 1}))) == []


def test_never_creates_nothing():
    assert writes(planned(model(flow("[name, name]", create="never")), {(1, NAME): "Acme"}, known([HERE]))) == []


def test_what_was_deleted_is_not_made_again():
    assert writes(planned(model(FLOW), {(1, NAME): "Acme"}, known([HERE], tombstones=[(1, CUSTOMER)]))) == []


def test_a_created_record_has_its_further_counterparts_created_in_the_same_plan():
    onward = "source: beta\ntarget: alpha\nmappings:\n  - {source: customer, target: contact, properties: [[name, name]]}\n"
    due = planned(model(FLOW, onward), {(1, NAME): "Acme"}, known([HERE]))
    assert due["entity"].to_list() == ["alpha.contact", CUSTOMER]


def test_a_condition_decides_by_the_source_record():
    made = model(flow("[name, name]", create="{when: \"status = 'won'\"}"))
    won, lead = (1, COMPANY, "a"), (2, COMPANY, "b")
    there = known([won, lead], {(*won, "status"): "won", (*lead, "status"): "lead"})
    assert planned(made, {(1, NAME): "A", (2, NAME): "B"}, there)["cluster"].to_list() == [1]


BEYOND = "{when: employees * 4 > 1}"
LARGE = {(*HERE, "employees"): f"{2**62}"}


def test_a_creation_waits_where_its_condition_cannot_be_computed_and_none_goes_on_from_there():
    onward = "source: beta\ntarget: alpha\nmappings:\n  - {source: customer, target: contact, properties: [[name, name]]}\n"
    due = planned(model(flow("[name, name]", create=BEYOND), onward), {(1, NAME): "Acme"}, known([HERE], LARGE))
    assert due.select("entity", "kind", "state").rows() == [(CUSTOMER, "create", "waiting")]
    assert (
        "the condition of flow0/company_customer cannot be computed for it: employees * 4 > 1 cannot be computed: "
        in due["reason"][0]
    )
    assert f"[{2**64}]" in due["reason"][0]


def test_a_condition_that_reads_what_does_not_fit_is_told():
    there = known([HERE], {(*HERE, "employees"): f"{MISFIT}employees: found text"})
    due = planned(model(flow("[name, name]", create=BEYOND)), {(1, NAME): "Acme"}, there)
    assert due["state"].to_list() == ["waiting"]
    assert due["reason"][0].endswith("cannot be computed for it: employees: found text")


def test_what_another_mapping_creates_waits_for_no_condition():
    due = planned(model(flow("[name, name]", create=BEYOND), FLOW), {(1, NAME): "Acme"}, known([HERE], LARGE))
    assert due.select("state", "after").rows() == [("ready", "Acme")]


def test_what_is_linked_stays_in_step_whether_the_condition_can_be_computed_or_not():
    there = known([HERE, THERE], {**LARGE, (*THERE, "name"): "Old"}, {(*THERE, NAME): 1})
    due = planned(model(flow("[name, name]", create=BEYOND)), {(1, NAME): "New"}, there, version=2)
    assert writes(due) == [(CUSTOMER, "7", "update", "name", "Old", "New", "ready")]


def test_a_condition_in_words_alone_writes_nothing():
    made = model(flow("[name, name]", create="{condition: When it is won}"))
    assert made.fields == {}
    assert made.mappings[0].bound is False


def test_only_what_a_synchronised_record_refers_to_is_created():
    made = model(flow("[name, name]", create="{when_connected: [contact]}"))
    there = known([(1, COMPANY, "c1"), (2, COMPANY, "c2")], connected=[(made.mappings[0].name, 1)])
    due = planned(made, {(1, NAME): "A", (2, NAME): "B"}, there)
    assert due.filter(pl.col("entity") == CUSTOMER)["cluster"].to_list() == [1]


def test_nothing_is_planned_for_things_that_are_only_referred_to():
    there = known([HERE], referred=[(5, COMPANY, "c5")])
    assert set(planned(model(FLOW), {(1, NAME): "Acme"}, there)["cluster"]) == {1}


REFERRING = (
    flow("[name, name]", "[mainContact, contact]", create="always"),
    flow("[email, mail]", mapping="source: contact, target: person", create="always"),
)
CONTACT = f"{COMPANY}.mainContact"


def test_a_reference_is_written_as_the_id_of_the_other_system():
    there = known([HERE, THERE], {(*THERE, "contact"): None}, {(*THERE, CONTACT): 0}, referred=[(5, "beta.person", "55")])
    assert (CUSTOMER, "7", "update", "contact", None, "55", "ready") in writes(
        planned(model(*REFERRING), {(1, CONTACT): "5"}, there)
    )


def test_a_reference_to_what_is_not_there_yet_waits():
    there = known([HERE, THERE], {(*THERE, "contact"): None}, {(*THERE, CONTACT): 0}, referred=[(5, "alpha.contact", "c5")])
    due = planned(model(*REFERRING), {(1, CONTACT): "5"}, there).filter(pl.col("path") == "contact")
    assert due.select("state", "reason").row(0) == ("waiting", "contact names a record that is not in this system yet")


def test_a_creation_waits_for_a_required_reference_and_not_for_an_optional_one():
    required = BETA.replace("references: [person]", "references: [person], required: true")
    values, there = {(1, NAME): "Acme", (1, CONTACT): "5"}, known([HERE], referred=[(5, "alpha.contact", "c5")])
    waiting = planned(model(*REFERRING, beta=required), values, there).filter(pl.col("entity") == CUSTOMER)
    assert set(waiting["state"]) == {"waiting"}
    ready = planned(model(*REFERRING), values, there).filter(pl.col("entity") == CUSTOMER)
    assert ready.select("path", "after", "state").rows() == [("name", "Acme", "ready")]


def test_a_creation_without_a_required_value_says_what_is_missing():
    due = planned(model(flow("[email, mail]", create="always")), {(1, f"{COMPANY}.email"): "a@b.no"}, known([HERE]))
    assert due.select("state", "reason").row(0) == ("waiting", "name is required and has no value")


def test_what_the_api_cannot_change_is_refused_with_its_reason():
    limited = BETA.replace(
        "    subject: customer\n",
        "    subject: customer\n    limitations: [{property: name, cannot: update, reason: the name is printed on invoices}]\n",
        1,
    )
    there = known([HERE, THERE], {(*THERE, "name"): "Old"}, {(*THERE, NAME): 1})
    due = planned(model(FLOW, beta=limited), {(1, NAME): "New"}, there, version=2)
    assert due.select("state", "reason").row(0) == ("refused", "the name is printed on invoices")


def test_a_value_that_two_records_show_is_written_once_to_the_one_that_owns_it():
    """Two writes of a time tracking activity's name, one by way of its project activity, would make each other stale."""
    made = compile_model(resolve(load_catalog(Path("mapping_specs"))))
    name, go = "crm_office.activities.subject", "poweroffice_go"
    source, owner = (1, "crm_office.activities", "a1"), (1, f"{go}.timetrackingactivity", "9")
    shows = (1, f"{go}.projectactivity", "7")
    held = {(*source, "subject"): "New", (*owner, "name"): "Old", (*shows, "name"): "Old"}
    taken = {(*source, name): 2, (*owner, name): 1, (*shows, name): 1}
    both = planned(made, {(1, name): "New"}, known([source, owner, shows], held, taken), version=2)
    assert writes(both) == [(owner[1], "9", "update", "name", "Old", "New", "ready")]
    alone = planned(made, {(1, name): "New"}, known([source, shows], held, taken), version=2)
    assert (shows[1], "7", "update", "name", "Old", "New", "ready") in writes(alone)


def test_a_record_waits_where_what_is_given_only_now_cannot_be_computed():
    made = model(flow("[name, name]", create="always", on_create='{staff: {expression: "employees + 1"}}'))
    due = planned(made, {(1, NAME): "A"}, known([HERE], {(*HERE, "employees"): f"{2**63 - 1}"}))
    assert due["state"].unique().to_list() == ["waiting"]
    assert "employees + 1 cannot be computed" in due["reason"][0]


@pytest.mark.parametrize("given", ["2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00Z", "2024-02-29T10:00:00"])
def test_a_time_that_is_given_on_create_is_written_as_the_moment_it_says(given: str):
    beta = BETA.replace("      code:", "      since: {type: datetime}\n      code:", 1)
    made = model(flow("[name, name]", create="always", on_create=f'{{since: "{given}"}}'), beta=beta)
    due = planned(made, {(1, NAME): "A"}, known([HERE]))
    (text,) = due.filter(pl.col("path") == "since")["after"]
    assert value_of(made.entities[CUSTOMER].prop("since"), text) == "2024-02-29T10:00:00Z"


def test_values_given_on_create_come_from_constants_and_from_the_source_record():
    made = model(flow("[name, name]", create="always", on_create="{staff: 3, legalName: {expression: \"'C-' || code\"}}"))
    due = planned(made, {(1, NAME): "Acme"}, known([HERE], {(*HERE, "code"): "77"}))
    assert due.select("path", "after").rows() == [("legalName", "C-77"), ("name", "Acme"), ("staff", "3")]


def test_the_plan_does_not_depend_on_the_order_of_what_is_known():
    values = {(number, NAME): f"N{number}" for number in range(1, 30)}
    members = [(number, COMPANY, f"c{number}") for number in range(1, 30)]
    made = model(FLOW)
    one, other = planned(made, values, known(members)), planned(made, values, known(reversed(members)))
    assert one.rows() == other.rows()
    assert plan_hash(one) == plan_hash(other.reverse())


def due(rows: Sequence[tuple[int, str, str | None, str | None]], kind: str = "update") -> pl.DataFrame:
    full = [
        (CUSTOMER, cluster, None, kind, path, before, after, 2, [], "m", "ready", None) for cluster, path, before, after in rows
    ]
    return pl.DataFrame(full, schema=DUE, orient="row")


def test_mass_creation_is_held_until_its_hash_is_approved():
    many = due([(number, "name", None, f"n{number}") for number in range(51)], "create")
    held, (trip,) = guard(many, {CUSTOMER: 100})
    assert set(held["state"]) == {"held"}
    assert trip.guard == "creates"
    released, trips = guard(many, {CUSTOMER: 100}, approved={trip.hash})
    assert (set(released["state"]), trips) == ({"ready"}, [])


def test_the_first_load_may_create_as_much_as_there_is():
    many = due([(number, "name", None, f"n{number}") for number in range(500)], "create")
    assert guard(many, {}, loading={CUSTOMER})[1] == []


def test_emptying_many_records_is_held_for_that_property_alone():
    rows = [(number, "mail", "a@b.no", None) for number in range(11)] + [
        (number, "name", "a", f"b{number}") for number in range(11)
    ]
    held, (trip,) = guard(due(rows), {CUSTOMER: 100})
    assert trip.guard == "blanks"
    assert set(held.filter(pl.col("path") == "mail")["state"]) == {"held"}
    assert set(held.filter(pl.col("path") == "name")["state"]) == {"ready"}


def test_every_value_that_many_records_would_get_is_held():
    values = ["NO"] * 61 + ["SE"] * 55
    held, trips = guard(due([(number, "name", f"a{number}", value) for number, value in enumerate(values)]), {CUSTOMER: 400})
    assert [trip.guard for trip in trips] == ["same value", "same value"]
    assert set(held["state"]) == {"held"}


def test_a_hundred_changes_pass_and_a_third_of_all_do_not():
    assert guard(due([(number, "name", f"a{number}", f"b{number}") for number in range(100)]), {CUSTOMER: 1000})[1] == []
    trips = guard(due([(number, "name", f"a{number}", f"b{number}") for number in range(301)]), {CUSTOMER: 1000})[1]
    assert [trip.guard for trip in trips] == ["updates"]


def test_one_value_for_everybody_is_held():
    trips = guard(due([(number, "mail", f"{number}@b.no", "x@y.no") for number in range(60)]), {CUSTOMER: 300})[1]
    assert [trip.guard for trip in trips] == ["same value"]
