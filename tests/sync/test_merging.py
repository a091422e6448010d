"""The merge stage: a record that holds what it agreed to is not heard, and that changes nothing."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from talk_assets.hub import Hub, open_hub
from talk_assets.hub.schema import FRAMES
from talk_assets.hub.tables import cells, changes, conflicts, golden, history, holds, members, records, shapes
from talk_assets.operator.deciding import retry
from talk_assets.operator.project import Unusable
from talk_assets.sync import merging
from talk_assets.sync.burial import bury
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.merging import merge_stage, overrule
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.skew import note_skew
from talk_assets.sync.world import World, make_world
from talk_assets.systems.clock import SystemClock
from tests.specs.samples import ALPHA, BETA
from tests.sync.support import COMPANY, CUSTOMER, NOON, PATHS, flow, keep, model

CLUSTERS = 2
PLACES = [(entity, number) for entity in PATHS for number in range(1, CLUSTERS + 1)]
Edit = tuple[str, int, int, str | None]
"""Which entity, which cluster, which of its properties, and what it holds from then on."""

TEXTS = st.sampled_from((None, ABSENT, "a@x.no", "b@x.no"))
EDITS = st.tuples(st.sampled_from((COMPANY, CUSTOMER)), st.integers(1, CLUSTERS), st.integers(0, 1), TEXTS)


@cache
def made() -> Model:
    return model(flow("[name, name]", "[email, mail]", create="always"))


def linked(world: World) -> None:
    world.hub.run(lambda: members.new_clusters(world.hub, CLUSTERS))
    link(world, PLACES)


def link(world: World, records_: Iterable[tuple[str, int]]) -> None:
    """Records, each in the cluster with its number."""
    rows = [(entity, f"{number}", number, "matched", NOON) for entity, number in records_]
    dtypes = {name: FRAMES["members"][name] for name in ("entity", "id", "cluster", "how", "since")}
    world.hub.run(lambda: members.link(world.hub, pl.DataFrame(rows, schema=dtypes, orient="row")))


def in_step(hub: Hub) -> World:
    """A world in which all records hold the same, as it is agreed and planned."""
    world = make_world(hub, made(), {}, SystemClock(), "run")
    keep(world, {(entity, number): ["Acme", "a@x.no"] for entity in PATHS for number in range(1, CLUSTERS + 1)})
    linked(world)
    plan_stage(world, seen=merge_stage(world).seen)
    return world


def agreed(world: World) -> list[pl.DataFrame]:
    """What is agreed on, by whom, what the records held then, and what they have taken."""
    everyone, known = pl.DataFrame({"cluster": range(1, CLUSTERS + 1)}), shapes.shapes(world.hub)
    sides = cells.sides(world.hub, everyone)
    return [
        golden.of(world.hub, everyone).sort("cluster", "field"),
        sides.select("cluster", "entity", "vals", "base"),
        cells.accepted(sides, known).sort("cluster", "entity", "field"),
    ]


@settings(max_examples=5)
@given(st.lists(TEXTS, min_size=8, max_size=8), st.lists(st.lists(EDITS, min_size=1, max_size=3), min_size=1, max_size=2))
def test_to_hear_only_those_with_news_is_to_hear_everybody(texts: Sequence[str | None], rounds: Sequence[Sequence[Edit]]):
    held = {place: list(texts[2 * at : 2 * at + 2]) for at, place in enumerate(PLACES)}
    with ExitStack() as stack:
        hubs = [stack.enter_context(open_hub(":memory:")) for _ in range(2)]
        worlds = [make_world(hub, made(), {}, SystemClock(), "run") for hub in hubs]
        for world in worlds:
            keep(world, held)
            linked(world)
            merge_stage(world)
        for minute, edits in enumerate(rounds, 1):
            changed = {}
            for entity, number, at, text in edits:
                held[entity, number][at] = text
                changed[entity, number] = held[entity, number]
            for world in worlds:
                keep(world, changed, minute)
            everyone = pl.DataFrame({"cluster": range(1, CLUSTERS + 1)})
            worlds[1].hub.run(lambda everyone=everyone: members.touch(worlds[1].hub, everyone))
            for world in worlds:
                merge_stage(world)
            for one, other in zip(*map(agreed, worlds), strict=True):
                assert one.equals(other)


def test_an_edit_is_measured_against_its_own_base_when_older_clusters_get_new_records():
    with open_hub(":memory:") as hub:
        world = make_world(hub, made(), {}, SystemClock(), "run")
        hub.run(lambda: members.new_clusters(hub, 3))
        keep(world, {(entity, 2): ["Acme", "a@x.no"] for entity in PATHS})
        link(world, [(entity, 2) for entity in PATHS])
        merge_stage(world)
        keep(world, {(entity, number): ["Beta", "b@x.no"] for entity in PATHS for number in (1, 3)})
        keep(world, {(COMPANY, 2): ["Acme AS", "a@x.no"]})
        link(world, [(entity, number) for entity in PATHS for number in (1, 3)])
        assert merge_stage(world).conflicts == 0
        name = golden.of(hub, pl.DataFrame({"cluster": [2]})).filter(pl.col("field") == "alpha.company.name")
        assert name.select("value", "version").row(0) == ("Acme AS", 2)
        edits = history.after(hub).filter(pl.col("kind") == "edit")
        assert edits.select("entity", "id", "before", "after").rows() == [(COMPANY, "2", "Acme", "Acme AS")]


@settings(max_examples=5)
@given(
    st.lists(TEXTS, min_size=8, max_size=8),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    st.lists(st.lists(EDITS, max_size=3), min_size=2, max_size=2),
)
# A new record in an older cluster, beside an edit in a younger one.
@pytest.mark.long
@example(["a@x.no", None] * 4, [1, 0, 0, 0], [[(COMPANY, 2, 0, "b@x.no")], []])
def test_to_merge_clusters_together_is_to_merge_each_alone(
    texts: Sequence[str | None], since: Sequence[int], rounds: Sequence[Sequence[Edit]]
):
    """`since` says in which round each record is linked."""
    held = {place: list(texts[2 * at : 2 * at + 2]) for at, place in enumerate(PLACES)}
    with ExitStack() as stack:
        hubs = [stack.enter_context(open_hub(":memory:")) for _ in range(2)]
        together, alone = worlds = [make_world(hub, made(), {}, SystemClock(), "run") for hub in hubs]
        for world in worlds:
            keep(world, held)
            world.hub.run(lambda world=world: members.new_clusters(world.hub, CLUSTERS))
        for minute, edits in enumerate(([], *rounds)):
            for entity, number, at, text in edits:
                held[entity, number][at] = text
            for world in worlds:
                keep(world, {(entity, number): held[entity, number] for entity, number, _, _ in edits}, minute)
                link(world, [place for place, first in zip(PLACES, since, strict=True) if first == minute])
            merge_stage(together)
            with patch.object(merging, "AT_ONCE", 1):
                merge_stage(alone)
            for one, other in zip(*map(agreed, worlds), strict=True):
                assert one.equals(other)
            told = [conflicts.recent(hub).drop("number", "at", "seq").sort("cluster", "field", "entity") for hub in hubs]
            assert told[0].equals(told[1])


@settings(max_examples=5)
@given(st.lists(TEXTS, min_size=8, max_size=8), st.lists(st.lists(EDITS, min_size=1, max_size=3), min_size=1, max_size=2))
# One record comes to hold what was agreed, and the other, that held it, is emptied: it must be told the same version again.
@pytest.mark.long
@example(["a@x.no", None] * 2 + ["b@x.no", None] * 2, [[(COMPANY, 1, 0, None), (CUSTOMER, 1, 0, "a@x.no")]])
def test_to_plan_with_what_merging_has_seen_is_to_plan_with_what_is_there(
    texts: Sequence[str | None], rounds: Sequence[Sequence[Edit]]
):
    held = {place: list(texts[2 * at : 2 * at + 2]) for at, place in enumerate(PLACES)}
    everyone = pl.DataFrame({"cluster": range(1, CLUSTERS + 1)})
    with ExitStack() as stack:
        hubs = [stack.enter_context(open_hub(":memory:")) for _ in range(2)]
        seeing, reading = worlds = [make_world(hub, made(), {}, SystemClock(), "run") for hub in hubs]
        for world in worlds:
            keep(world, held)
            linked(world)
        for minute, edits in enumerate(([], *rounds), 1):
            for entity, number, at, text in edits:
                held[entity, number][at] = text
                for world in worlds:
                    keep(world, {(entity, number): held[entity, number]}, minute)
            merge_stage(reading)
            seen = merge_stage(seeing).seen
            assert plan_stage(seeing, seen=seen) == plan_stage(reading)
            planned, read = (changes.in_clusters(hub, everyone).drop("seq").sort("entity", "cluster") for hub in hubs)
            assert planned.equals(read)


def test_what_came_after_merging_is_planned_with_too():
    with open_hub(":memory:") as hub:
        world = in_step(hub)
        keep(world, {(COMPANY, 1): ["Acme AS", "a@x.no"]}, 1)
        merged = merge_stage(world)
        keep(world, {(CUSTOMER, 1): ["Acme AS", "a@x.no"]}, 2)
        assert merged.changed == 1
        assert plan_stage(world, seen=merged.seen).ready == 0


def test_what_another_process_buries_after_merging_is_not_planned_for(tmp_path: Path):
    """Only in a lake: a file has one process at it."""
    pytest.importorskip("duckdb_extension_ducklake")
    lake = f"ducklake:sqlite:{tmp_path / 'hub.sqlite'}"
    with open_hub(lake) as hub, open_hub(lake) as elsewhere:
        world, other = in_step(hub), make_world(elsewhere, made(), {}, SystemClock(), "run")
        keep(world, {(COMPANY, 1): ["Acme AS", "a@x.no"]}, 1)
        merged = merge_stage(world)
        other.hub.run(lambda: bury(other, pl.DataFrame({"entity": [CUSTOMER], "id": ["1"]}), "gone"))
        assert merged.changed == 1
        assert plan_stage(world, seen=merged.seen).ready == 0


def test_what_was_agreed_is_told_on_after_its_subject_was_called_otherwise():
    alpha, beta = (text.replace("subject: customer", "subject: client") for text in (ALPHA, BETA))
    renamed = model(flow("[name, name]", "[email, mail]", create="always"), alpha=alpha, beta=beta)
    with open_hub(":memory:") as hub:
        in_step(hub)
        world = make_world(hub, renamed, {}, SystemClock(), "run")
        keep(world, {(COMPANY, 1): ["Acme AS", "a@x.no"]}, 1)
        assert merge_stage(world).changed == 1
        assert plan_stage(world).ready == 1


def test_a_record_that_cannot_be_computed_is_held_until_it_can_be_and_stops_no_other():
    text = "(TRY_CAST(name AS INTEGER) + 1) || ''"
    one_more = model(flow(f'{{source: name, target: name, to_target: "{text}", direction: to_target, added: true}}'))
    with open_hub(":memory:") as hub:
        world = make_world(hub, one_more, {}, SystemClock(), "run")
        keep(world, {(COMPANY, 1): [f"{2**63 - 1}", None], (CUSTOMER, 1): ["x", None], (COMPANY, 2): ["7", None]})
        link(world, [(COMPANY, 1), (CUSTOMER, 1), (COMPANY, 2)])
        merge_stage(world)
        (held,) = holds.still(hub, "misfit").select("cluster", "entity", "id", "field", "reason").rows()
        assert held[:4] == (1, COMPANY, "1", f"{CUSTOMER}.name")
        assert f"{text} cannot be computed" in held[4]
        everyone = pl.DataFrame({"cluster": [1, 2]})
        assert golden.of(hub, everyone).select("cluster", "value").rows() == [(2, "8")]
        keep(world, {(COMPANY, 1): ["41", None]}, minute=1)
        merge_stage(world)
        assert holds.still(hub, "misfit").is_empty()
        assert golden.of(hub, everyone).select("cluster", "value").sort("cluster").rows() == [(1, "42"), (2, "8")]


def test_a_creation_whose_condition_cannot_be_computed_waits_until_it_can_be_and_stops_no_other():
    when = "TRY_CAST(name AS INTEGER) * 4 > 1"
    with open_hub(":memory:") as hub:
        world = make_world(hub, model(flow("[name, name]", create=f'{{when: "{when}"}}')), {}, SystemClock(), "run")

        def after(held: dict[tuple[str, int], list[str | list[str] | None]], minute: int) -> list[tuple]:
            keep(world, held, minute)
            plan_stage(world, seen=merge_stage(world).seen)
            return changes.of(hub).sort("cluster").select("cluster", "entity", "state").rows()

        link(world, [(COMPANY, 1), (COMPANY, 2)])
        first = after({(COMPANY, 1): [f"{2**62}", None], (COMPANY, 2): ["7", None]}, 0)
        assert first == [(1, CUSTOMER, "waiting"), (2, CUSTOMER, "ready")]
        assert f"{when} cannot be computed" in changes.of(hub, state="waiting")["reason"][0]
        assert after({(COMPANY, 1): ["41", None]}, 1) == [(1, CUSTOMER, "ready"), (2, CUSTOMER, "ready")]
        assert after({(COMPANY, 1): ["none", None]}, 2) == [(2, CUSTOMER, "ready")]


@pytest.mark.parametrize("beside", [[], ["[name, name]"]])
def test_what_could_not_be_computed_is_told_once_the_row_is_corrected(beside: list[str]):
    def by(kind: str) -> Model:
        text = f"(TRY_CAST(name AS {kind}) + 1) || ''"
        return model(flow(*beside, f'{{source: name, target: mail, to_target: "{text}", direction: to_target, added: true}}'))

    with open_hub(":memory:") as hub:
        wrong = make_world(hub, by("INTEGER"), {}, SystemClock(), "run")
        keep(wrong, {(COMPANY, 1): [f"{2**63 - 1}", None], (CUSTOMER, 1): [f"{2**63 - 1}", None]})
        link(wrong, [(COMPANY, 1), (CUSTOMER, 1)])
        plan_stage(wrong, seen=merge_stage(wrong).seen)
        (number,) = holds.still(hub, "misfit")["number"]
        with pytest.raises(Unusable, match="the row of the mapping that reads it"):
            retry(wrong, str(number), "somebody")
        right = make_world(hub, by("DECIMAL"), {}, SystemClock(), "run")
        plan_stage(right, seen=merge_stage(right).seen)
        assert holds.still(hub).is_empty()
        assert changes.of(hub).select("entity", "paths", "state").rows() == [(CUSTOMER, ["mail"], "ready")]


@pytest.mark.parametrize("seconds", [-5, 5])
@pytest.mark.parametrize("stamp", ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_stamp_at_the_ends_of_time_stops_nothing_however_the_clock_of_its_system_goes(stamp: str, seconds: int):
    with open_hub(":memory:") as hub:
        world = make_world(hub, made(), {}, SystemClock(), "run")
        note_skew(hub, "alpha", timedelta(seconds=seconds))
        row = {"entity": COMPANY, "id": "1", "body": '{"id": "1", "name": "Acme"}', "digest": 1, "modified": stamp}
        rows = world.describe(COMPANY, pl.DataFrame([row], schema_overrides={"digest": pl.UInt64}))
        hub.run(lambda: records.upsert(hub, rows))
        linked(world)
        assert merge_stage(world).changed == 1


@settings(max_examples=6)
@given(st.lists(TEXTS, min_size=8, max_size=8), st.sampled_from((None, "a@x.no", "b@x.no", "c@x.no")))
# One holds what is said already, the other does not show the property.
@example(["a@x.no", None, ABSENT, None] * 2, "a@x.no")
def test_a_persons_word_is_agreed_on_and_told_to_whoever_holds_something_else(texts: Sequence[str | None], word: str | None):
    held = {place: list(texts[2 * at : 2 * at + 2]) for at, place in enumerate(PLACES)}
    words = {"cluster": [1], "field": ["alpha.company.name"], "value": [word], "entity": [CUSTOMER], "id": ["1"]}
    with open_hub(":memory:") as hub:
        world = make_world(hub, made(), {}, SystemClock(), "run")
        keep(world, held)
        linked(world)
        merge_stage(world)
        before = agreed(world)[0]
        hub.run(lambda: overrule(world, pl.DataFrame(words, schema_overrides={"value": pl.String})))
        is_said = (pl.col("cluster") == 1) & (pl.col("field") == "alpha.company.name")
        now = agreed(world)[0]
        assert now.filter(is_said).select("value", "entity", "id").rows() == [(word, CUSTOMER, "1")]
        assert now.filter(~is_said).equals(before.filter(~is_said))
        versions = [*before.filter(is_said)["version"]] or [0]
        assert [*now.filter(is_said)["version"]] == [version + 1 for version in versions]
        merged = merge_stage(world)
        assert (merged.changed, merged.conflicts) == (0, 0)
        assert agreed(world)[0].equals(now)
        plan_stage(world)
        due = changes.in_clusters(hub, pl.DataFrame({"cluster": [1]})).filter(pl.col("paths").list.contains("name"))
        others = {entity for entity in PATHS if held[entity, 1][0] not in (word, ABSENT)}
        assert set(due["entity"]) - {entity for entity in PATHS if held[entity, 1][0] == ABSENT} == others
        # Who edits it then knows what was said, if he holds it: there is nothing that contradicts him.
        holding = [entity for entity in PATHS if held[entity, 1][0] == word]
        for entity in holding:
            keep(world, {(entity, 1): ["d@x.no", held[entity, 1][1]]}, -1)
        assert merge_stage(world).conflicts == 0
