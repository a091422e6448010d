"""Properties that count only while their record holds something else, as documents say it in a cell: what is read of them, what
is written to them, and what becomes of them when that changes.
"""

from typing import Any

import polars as pl
import pytest

from talk_assets.hub import Hub, open_hub
from talk_assets.hub.tables import conflicts
from talk_assets.sync.depending import told_where_it_counts
from talk_assets.sync.plan import DUE
from talk_assets.sync.world import World, make_world
from talk_assets.systems.clock import SystemClock
from tests.specs.samples import BETA
from tests.sync.support import COMPANY, CUSTOMER, flow, model
from tests.sync.test_first_words import due, put

NO, SE = "NO", "SE"
EMAIL = "email (Dependant on having NO in currency)"
MAIL = "mail (Dependant on having NO in currency)"
LINKED = {"create": "never", "match": "[[name, name]]"}
READ = flow("[name, name]", f"[{EMAIL}, mail]", **LINKED)
BOTH = flow("[name, name]", f"[{EMAIL}, mail]", "[currency, currency]", **LINKED)
MADE = {"create": "always"}


def world(hub: Hub, text: str, beta: str = BETA) -> World:
    return make_world(hub, model(text, beta=beta), {}, SystemClock(), "run")


def company(at: World, minute: int = 0, **values: Any) -> None:
    put(at, COMPANY, "1", minute, name="A", **values)


def customer(at: World, minute: int = 0, **values: Any) -> None:
    put(at, CUSTOMER, 1, minute, name="A", **values)


def to(entity: str, path: str, before: str | None, after: str | None) -> list[tuple]:
    return [(entity, "1", "ready", [path], [before], [after])]


def in_step(hub: Hub, text: str = READ) -> World:
    """Both hold the same, and have agreed on it while it counted."""
    at = world(hub, text)
    company(at, email="a@x.no", currency=NO)
    customer(at, mail="a@x.no", currency=NO)
    assert due(at) == []
    return at


@pytest.mark.parametrize(("currency", "says"), [(NO, True), (SE, False), (None, False)])
def test_a_record_says_something_of_it_only_while_what_it_depends_on_is_so(currency: str | None, says: bool):
    with open_hub(":memory:") as hub:
        at = world(hub, READ)
        company(at, email="a@x.no", currency=currency)
        customer(at, mail=None)
        assert due(at) == (to(CUSTOMER, "mail", None, "a@x.no") if says else [])


def test_a_record_that_does_not_show_what_it_depends_on_says_nothing_of_it():
    with open_hub(":memory:") as hub:
        at = world(hub, READ)
        company(at, email="a@x.no")
        customer(at, mail=None)
        assert due(at) == []


@pytest.mark.parametrize("email", ["b@x.no", None])
def test_what_is_edited_once_it_no_longer_counts_goes_nowhere(email: str | None):
    with open_hub(":memory:") as hub:
        at = in_step(hub)
        company(at, 1, currency=SE, email=email)
        assert due(at) == []
        company(at, 2, currency=SE, email="c@x.no")
        assert due(at) == []
        assert conflicts.recent(hub).is_empty()


def test_a_value_is_written_where_it_counts_and_nowhere_else():
    with open_hub(":memory:") as hub:
        at = in_step(hub)
        customer(at, 1, mail="b@x.no")
        assert due(at) == to(COMPANY, "email", "a@x.no", "b@x.no")
        company(at, 2, email="a@x.no", currency=SE)
        assert due(at) == []


def test_what_counts_again_and_is_as_it_was_agreed_is_in_step():
    with open_hub(":memory:") as hub:
        at = in_step(hub)
        for minute, currency in enumerate((SE, NO, SE, NO), 1):
            company(at, minute, email="a@x.no", currency=currency)
            assert due(at) == []
        assert conflicts.recent(hub).is_empty()


def test_what_counts_again_and_is_empty_is_told_what_was_agreed_meanwhile():
    with open_hub(":memory:") as hub:
        at = in_step(hub)
        company(at, 1, email=None, currency=SE)
        assert due(at) == []
        customer(at, 2, mail="b@x.no")
        assert due(at) == []
        company(at, 3, email=None, currency=NO)
        assert due(at) == to(COMPANY, "email", None, "b@x.no")


@pytest.mark.parametrize(
    ("minute", "writes"), [(5, to(CUSTOMER, "mail", "a@x.no", "b@x.no")), (-1, to(COMPANY, "email", "b@x.no", "a@x.no"))]
)
def test_what_counts_again_and_differs_is_a_first_word_and_shown(minute: int, writes: list[tuple]):
    with open_hub(":memory:") as hub:
        at = world(hub, READ)
        company(at, 1, email="a@x.no", currency=NO)
        customer(at, 1, mail="a@x.no")
        due(at)
        company(at, 2, email="b@x.no", currency=SE)
        assert due(at) == []
        company(at, minute + 1, email="b@x.no", currency=NO)
        assert due(at) == writes
        assert {*conflicts.recent(hub)["kind"]} == {"first link"}


def test_what_counts_from_now_on_does_not_silently_overwrite_nor_get_overwritten():
    with open_hub(":memory:") as hub:
        at = world(hub, READ)
        company(at, 1, email="old@x.no", currency=SE)
        customer(at, 2, mail="a@x.no")
        assert due(at) == []
        company(at, 3, email="old@x.no", currency=NO)
        assert due(at) == to(CUSTOMER, "mail", "a@x.no", "old@x.no")
        assert conflicts.recent(hub).sort("value")["value"].to_list() == ["a@x.no", "old@x.no"]


def test_what_another_row_makes_of_it_in_the_same_write_decides():
    with open_hub(":memory:") as hub:
        at = in_step(hub, BOTH)
        customer(at, 1, mail="b@x.no", currency=SE)
        assert due(at) == to(COMPANY, "currency", NO, SE)
        company(at, 2, email="a@x.no", currency=SE)
        assert due(at) == []
        customer(at, 3, mail="c@x.no", currency=NO)
        assert due(at) == [(COMPANY, "1", "ready", ["currency", "email"], [SE, "a@x.no"], [NO, "c@x.no"])]


def test_what_counts_only_from_a_write_on_is_not_emptied_by_it():
    """A record whose value had had no say yet lost it to an empty one, unseen: to a first word, a value beats nothing."""
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", f"[{EMAIL}, {MAIL}]", "[currency, currency]", **LINKED))
        company(at, currency=SE, email="a@x.no")
        customer(at, currency=SE, mail=None)
        assert due(at) == []
        customer(at, 1, currency=NO, mail=None)
        assert due(at) == to(COMPANY, "currency", SE, NO)
        company(at, 2, currency=NO, email="a@x.no")
        assert due(at) == to(CUSTOMER, "mail", None, "a@x.no")


def test_what_counts_is_emptied_although_what_it_depends_on_is_held():
    made = model(BOTH)
    rows = [
        (COMPANY, 1, "1", "update", path, before, after, 2, [f"{COMPANY}.{path}"], "m", state, None)
        for path, before, after, state in (("currency", NO, SE, "held"), ("email", "a", None, "ready"))
    ]
    left = told_where_it_counts(pl.DataFrame(rows, schema=DUE, orient="row"), made, {})
    assert left["path"].to_list() == ["currency", "email"]


def test_what_is_held_of_the_same_write_does_not_count():
    made = model(BOTH)
    rows = [
        (COMPANY, 1, "1", "update", path, before, after, 2, [f"{COMPANY}.{path}"], "m", state, None)
        for path, before, after, state in (("currency", SE, NO, "held"), ("email", "a", "b", "ready"))
    ]
    left = told_where_it_counts(pl.DataFrame(rows, schema=DUE, orient="row"), made, {})
    assert left["path"].to_list() == ["currency"]


def test_of_two_edits_at_once_only_what_counts_is_one():
    with open_hub(":memory:") as hub:
        at = in_step(hub, BOTH)
        company(at, 1, email="b@x.no", currency=SE)
        assert due(at) == to(CUSTOMER, "currency", NO, SE)


@pytest.mark.parametrize(
    ("rows", "more", "beta", "given"),
    [
        ([], {}, BETA, {"name": "A", "mail": "a@x.no", "currency": NO}),
        (["[currency, currency]"], {}, BETA, {"name": "A", "currency": SE}),
        ([], {"on_create": "{currency: SE}"}, BETA, {"name": "A", "currency": SE}),
        ([], {"on_create": "{currency: NO}"}, BETA, {"name": "A", "currency": NO, "mail": "a@x.no"}),
        ([], {}, BETA.replace("format: currency_code", "default: SE"), {"name": "A"}),
        ([], {}, BETA.replace("format: currency_code", "default: NO"), {"name": "A", "mail": "a@x.no"}),
        ([], {}, BETA.replace("format: currency_code", "access: read_only"), {"name": "A"}),
    ],
    ids=["nothing else says", "mapped", "given otherwise", "given so", "by default otherwise", "by default so", "read-only"],
)
def test_a_new_record_is_given_what_it_depends_on_unless_something_else_says(
    rows: list[str], more: dict[str, str], beta: str, given: dict[str, str]
):
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", f"[email, {MAIL}]", *rows, **MADE, **more), beta=beta)
        company(at, email="a@x.no", currency=SE)
        ((_, _, state, paths, _, after),) = due(at)
        assert (state, dict(zip(paths, after, strict=True))) == ("ready", given)


def test_a_new_record_without_the_value_is_not_given_what_it_depends_on():
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", f"[email, {MAIL}]", **MADE))
        company(at, email=None, currency=SE)
        assert [paths for *_, paths, _, _ in due(at)] == [["name"]]


def test_a_new_record_of_which_two_properties_depend_on_different_things_is_given_neither():
    with open_hub(":memory:") as hub:
        other = "legalName (Dependant on having SE in currency)"
        at = world(hub, flow("[name, name]", f"[email, {MAIL}]", f"[code, {other}]", **MADE))
        company(at, email="a@x.no", code="7")
        assert [paths for *_, paths, _, _ in due(at)] == [["name"]]


@pytest.mark.parametrize(("currency", "links"), [(NO, True), (SE, False)])
def test_a_record_is_recognised_by_it_only_while_it_counts(currency: str, links: bool):
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", create="never", match=f"[['{EMAIL}', mail]]"))
        put(at, COMPANY, "1", name="A", email="a@x.no", currency=currency)
        put(at, CUSTOMER, 1, name="A", mail="a@x.no")
        due(at)
        assert hub.value("SELECT count(DISTINCT cluster) FROM members") == (1 if links else 2)
        put(at, COMPANY, "1", 1, name="A", email="a@x.no", currency=NO)
        due(at)
        assert hub.value("SELECT count(DISTINCT cluster) FROM members") == 1


@pytest.mark.parametrize(
    "other",
    [
        flow("[name, name]", "[email, mail]", **LINKED),
        flow("[name, name]", f"[{EMAIL.replace('NO', 'SE')}, mail]", **LINKED),
    ],
    ids=["always", "elsewhere"],
)
def test_what_comes_to_count_by_other_specs_is_a_first_word(other: str):
    """What a record held while it did not count was taken for what it had agreed to, and written over."""
    with open_hub(":memory:") as hub:
        at = world(hub, READ)
        company(at, 5, email="old@x.no", currency=SE)
        customer(at, 1, mail="a@x.no")
        assert due(at) == []
        company(at, 6, email="older@x.no", currency=SE)
        assert due(at) == []
        assert due(world(hub, other)) == to(CUSTOMER, "mail", "a@x.no", "older@x.no")
        assert conflicts.recent(hub).height == 2


@pytest.mark.parametrize(("prop", "value", "so", "otherwise"), [("employees", "07", 7, 8), ("active", "True", True, False)])
def test_whole_numbers_and_flags_are_compared_as_what_they_are(prop: str, value: str, so: Any, otherwise: Any):
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", f"[email (Dependant on having {value} in {prop}), mail]", **LINKED))
        company(at, email="a@x.no", **{prop: otherwise})
        customer(at, mail=None)
        assert due(at) == []
        company(at, 1, email="a@x.no", **{prop: so})
        assert due(at) == to(CUSTOMER, "mail", None, "a@x.no")


def test_of_several_things_that_it_depends_on_all_must_be_so():
    with open_hub(":memory:") as hub:
        both = "email (Dependant on having NO in currencyDependant on having won in status)"
        at = world(hub, flow("[name, name]", f"[{both}, mail]", **LINKED))
        company(at, email="a@x.no", currency=NO, status="lead")
        customer(at, mail=None)
        assert due(at) == []
        company(at, 1, email="a@x.no", currency=NO, status="won")
        assert due(at) == to(CUSTOMER, "mail", None, "a@x.no")
