"""Merging: what records say becomes what is agreed, whatever the order, and nothing is made up or lost unseen."""

import datetime as dt
from collections.abc import Sequence

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from talk_assets.sync.meaning.model import ConflictRules
from talk_assets.sync.meaning.values import ABSENT, MISFIT
from talk_assets.sync.merge import CELLS, GOLDEN, Merged, merge

NOON = dt.datetime(2026, 11, 20, 12)  # noqa: DTZ001  (times of the engine are UTC without saying so)
FIELD = "erp.customer.name"


def at(minute: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minute)


def cell(
    entity: str,
    value: str | None,
    base: str | None = None,
    *,
    new: bool = False,
    accepted: int = 1,
    minute: int = 0,
    rank: int = 0,
):
    return (
        1,
        FIELD,
        entity,
        f"{entity}-1",
        value,
        None if new else base,
        not new,
        0 if new else accepted,
        at(minute),
        rank,
        False,
    )


def agreed(value: str | None, version: int = 1, entity: str = "erp", trail: tuple[str, ...] = (), minute: int = 0):
    return (1, FIELD, value, version, entity, f"{entity}-1", at(minute), list(trail))


def merged(cells: list[tuple], golden: Sequence[tuple] = (), rules: ConflictRules | None = None) -> Merged:
    known = pl.DataFrame(list(golden), schema=GOLDEN, orient="row")
    return merge(pl.DataFrame(cells, schema=CELLS, orient="row"), known, rules)


def outcome(result: Merged) -> tuple[str | None, int]:
    return result.golden.select("value", "version").row(0)


def told(result: Merged) -> dict[str, int]:
    return dict(result.accepted.select("entity", "accepted").rows())


def test_nothing_edited_changes_nothing():
    result = merged([cell("erp", "Acme", "Acme"), cell("crm", "Acme", "Acme")], [agreed("Acme")])
    assert outcome(result) == ("Acme", 1)
    assert result.changed.is_empty()
    assert result.conflicts.is_empty()


def test_the_one_that_was_edited_wins_whatever_the_clocks_say():
    result = merged([cell("erp", "Acme AS", "Acme", minute=-60), cell("crm", "Acme", "Acme", minute=60)], [agreed("Acme")])
    assert outcome(result) == ("Acme AS", 2)
    assert told(result) == {"erp": 2, "crm": 1}
    assert result.conflicts.is_empty()


def test_clearing_a_field_is_an_edit_like_any_other():
    result = merged([cell("erp", None, "Acme"), cell("crm", "Acme", "Acme")], [agreed("Acme")])
    assert outcome(result) == (None, 2)


def test_two_who_edit_to_the_same_value_agree():
    result = merged([cell("erp", "New", "Acme"), cell("crm", "New", "Acme")], [agreed("Acme")])
    assert outcome(result) == ("New", 2)
    assert told(result) == {"erp": 2, "crm": 2}
    assert result.conflicts.is_empty()


def test_of_two_different_edits_the_newest_wins_and_the_loser_hears_of_it():
    result = merged([cell("erp", "A", "Acme", minute=5), cell("crm", "B", "Acme", minute=9)], [agreed("Acme")])
    assert outcome(result) == ("B", 2)
    assert told(result) == {"erp": 0, "crm": 2}
    assert sorted(result.conflicts.select("entity", "value", "base", "won").rows()) == [
        ("crm", "B", "Acme", True),
        ("erp", "A", "Acme", False),
    ]


def test_edits_of_the_same_minute_fall_to_the_documents_source_side():
    assert outcome(merged([cell("crm", "B", "x", rank=9), cell("erp", "A", "x", rank=1)], [agreed("x")])) == ("A", 2)


def test_in_a_contradiction_a_value_beats_an_emptied_field():
    assert outcome(merged([cell("erp", None, "x", minute=9), cell("crm", "B", "x")], [agreed("x")])) == ("B", 2)


def test_an_edit_made_in_ignorance_of_a_pending_one_contradicts_it():
    pending = agreed("From CRM", 2, "crm", minute=9)
    result = merged(
        [cell("erp", "From ERP", "Acme", accepted=1, minute=5), cell("crm", "From CRM", "From CRM", accepted=2)], [pending]
    )
    assert outcome(result) == ("From CRM", 2)
    assert told(result)["erp"] == 0
    assert set(result.conflicts["value"]) == {"From CRM", "From ERP"}


def test_at_first_sight_equal_is_agreed_and_a_value_beats_nothing():
    result = merged([cell("erp", "Acme", new=True), cell("crm", "Acme", new=True), cell("pms", None, new=True)])
    assert outcome(result) == ("Acme", 1)
    assert told(result) == {"erp": 1, "crm": 1, "pms": 0}


def test_at_first_sight_different_values_are_a_conflict():
    result = merged([cell("erp", "A", new=True, minute=1), cell("crm", "B", new=True, minute=2)])
    assert outcome(result) == ("B", 1)
    assert set(result.conflicts["kind"]) == {"first link"}


def test_a_newcomer_is_weighed_against_what_is_agreed():
    older = merged([cell("erp", "Acme", "Acme"), cell("crm", "Old", new=True, minute=-5)], [agreed("Acme")])
    assert outcome(older) == ("Acme", 1)
    newer = merged([cell("erp", "Acme", "Acme"), cell("crm", "New", new=True, minute=5)], [agreed("Acme")])
    assert outcome(newer) == ("New", 2)


def test_what_is_absent_or_does_not_fit_has_no_say():
    result = merged([cell("erp", ABSENT, "Acme"), cell("crm", f"{MISFIT}no number", "Acme")], [agreed("Acme")])
    assert outcome(result) == ("Acme", 1)


def test_two_writers_who_replace_each_other_by_turns_are_held():
    trail = ("crm=acme", "erp=ACME", "crm=acme")
    result = merged(
        [cell("crm", "acme", "ACME", accepted=4), cell("erp", "ACME", "ACME", accepted=4)], [agreed("ACME", 4, "erp", trail)]
    )
    assert outcome(result) == ("ACME", 4)
    assert result.held.select("entity", "id").row(0) == ("erp", "erp-1")


def test_one_person_who_changes_her_mind_is_not_held():
    trail = ("erp=a", "erp=b", "erp=a")
    result = merged([cell("erp", "a", "b", accepted=4)], [agreed("b", 4, "erp", trail)])
    assert outcome(result) == ("a", 5)


VALUES = st.sampled_from([None, "a", "b", "c", ABSENT, f"{MISFIT}x"])
PLAIN = st.sampled_from([None, "a", "b", "c"])


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[tuple], list[tuple]]:
    cells, golden = [], []
    for cluster in range(1, draw(st.integers(1, 3)) + 1):
        for field in ("f", "g"):
            version = draw(st.integers(0, 3))
            if version:
                golden.append((cluster, field, draw(PLAIN), version, "e0", "i", at(draw(st.integers(0, 9))), []))
            for number in range(draw(st.integers(0, 3))):
                new = draw(st.booleans()) or not version
                base = None if new else draw(PLAIN)
                accepted = 0 if new else draw(st.integers(0, version))
                cells.append(
                    (
                        cluster,
                        field,
                        f"e{number}",
                        "i",
                        draw(VALUES),
                        base,
                        not new,
                        accepted,
                        at(draw(st.integers(0, 9))),
                        number,
                        not new and draw(st.booleans()),
                    )
                )
    return cells, golden


@settings(max_examples=50)
@given(situations(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(situation, chance):
    cells, golden = situation
    first = merged(cells, golden)
    chance.shuffle(cells)
    chance.shuffle(golden)
    second = merged(cells, golden)
    for name in ("golden", "accepted", "conflicts", "changed", "held"):
        one, other = getattr(first, name), getattr(second, name)
        assert sorted(map(repr, one.rows())) == sorted(map(repr, other.rows()))


@settings(max_examples=50)
@given(situations())
def test_what_was_merged_merges_to_itself(situation):
    cells, golden = situation
    result = merged(cells, golden)
    accepted = {(c, f, e): a for c, f, e, _, a in result.accepted.select("cluster", "field", "entity", "id", "accepted").rows()}
    settled = [
        (c, f, e, i, value, None if value in (ABSENT, f"{MISFIT}x") else value, True, accepted[c, f, e], when, rank, False)
        for c, f, e, i, value, _, _, _, when, rank, _ in cells
        if value not in (ABSENT, f"{MISFIT}x")
    ]
    again = merged(settled, result.golden.rows())
    assert again.changed.is_empty()
    assert again.conflicts.is_empty()


@settings(max_examples=50)
@given(situations())
def test_every_agreed_value_was_said_by_somebody(situation):
    cells, golden = situation
    said = {(c[0], c[1], c[4]) for c in cells} | {(g[0], g[1], g[2]) for g in golden}
    for cluster, field, value in (
        merged(cells, golden).golden.filter(pl.col("version") > 0).select("cluster", "field", "value").rows()
    ):
        assert (cluster, field, value) in said


@settings(max_examples=50)
@given(situations())
def test_no_edit_is_lost_without_a_trace(situation):
    cells, golden = situation
    result = merged(cells, golden)
    values = {(c, f): v for c, f, v in result.golden.select("cluster", "field", "value").rows()}
    logged = set(result.conflicts.select("cluster", "field", "entity").rows())
    for cluster, field, entity, _, value, base, has_base, *_ in cells:
        if has_base and value not in (base, ABSENT, f"{MISFIT}x"):
            assert values[cluster, field] == value or (cluster, field, entity) in logged


def test_nothing_at_all_is_fine():
    assert merged([], []).golden.is_empty()


PREFER_CRM = ConflictRules(
    pl.DataFrame(
        {"field": [FIELD, FIELD], "entity": ["crm", "erp"], "preference": [0, 1]}, schema_overrides={"preference": pl.Int32}
    )
)
HOLD = ConflictRules(hold=frozenset({FIELD}))


def test_a_preferred_system_wins_over_a_newer_edit_and_the_loser_is_kept():
    cells = [cell("erp", "New", "Acme", minute=9), cell("crm", "Mine", "Acme", minute=1)]
    result = merged(cells, [agreed("Acme")], PREFER_CRM)
    assert outcome(result) == ("Mine", 2)
    assert result.conflicts.select("entity", "won").sort("entity").rows() == [("crm", True), ("erp", False)]


def test_a_preferred_system_that_was_not_edited_has_no_say():
    result = merged([cell("erp", "New", "Acme"), cell("crm", "Acme", "Acme")], [agreed("Acme")], PREFER_CRM)
    assert outcome(result) == ("New", 2)


def test_edits_that_are_to_be_held_change_nothing_until_one_side_is_edited_again():
    cells = [cell("erp", "A", "Acme", minute=9), cell("crm", "B", "Acme"), cell("pms", "Acme", "Acme")]
    held = merged(cells, [agreed("Acme")], HOLD)
    assert outcome(held) == ("Acme", 1)
    assert told(held) == {"erp": 1, "crm": 1, "pms": 1}
    assert held.undecided["reason"].to_list() == ["B of crm/crm-1 against A of erp/erp-1"]
    assert not held.conflicts["won"].any()
    again = merged([cell("erp", "A", "A"), cell("crm", "C", "B"), cell("pms", "Acme", "Acme")], [agreed("Acme")], HOLD)
    assert outcome(again) == ("C", 2)
    assert again.undecided.is_empty()


def test_what_differs_at_first_sight_and_is_to_be_held_is_agreed_by_nobody():
    held = merged([cell("erp", "A", new=True), cell("crm", "B", new=True)], rules=HOLD)
    assert held.golden.is_empty()
    assert held.changed.is_empty()
    assert told(held) == {"erp": 0, "crm": 0}
    assert held.undecided.height == 1
