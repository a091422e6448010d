"""Linking: what is found is found in any order, and nothing is guessed."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import combinations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talk_assets.sync.link import AMBIGUOUS, CLASH, EDITED, KEPT_APART, MERGED, NEVER, RECORDS, SHARED, TAKEN, Linked, link
from talk_assets.sync.meaning.keys import KEYS
from talk_assets.sync.meaning.model import MatchModel

A, B, C, D = "erp.a", "pms.b", "crm.c", "shop.d"
RULES = (
    MatchModel(0, A, B, (("x", "x"),)),
    MatchModel(1, A, B, (("y", "y"),)),
    MatchModel(2, B, C, (("x", "x"),)),
    MatchModel(3, C, A, (("y", "y"),)),
    MatchModel(4, C, D, (("z", "z"),)),
)
SEARCH = settings(max_examples=25)
Record = tuple[str, str]


@dataclass(frozen=True)
class World:
    clusters: dict[Record, int | None]
    keys: frozenset[tuple[int, str, int, Record]] = frozenset()
    """Rule, side, key and the record that has it."""
    never: frozenset[tuple[Record, Record]] = frozenset()
    new: frozenset[Record] = frozenset()
    """Records that are new although they have a cluster: our own writes made them."""
    next_cluster: int = 100

    @property
    def records(self) -> pl.DataFrame:
        rows = [(*one, cluster, cluster is None or one in self.new) for one, cluster in self.clusters.items()]
        return pl.DataFrame(rows, schema=RECORDS, orient="row")

    def link(
        self, order: random.Random | None = None, rules: tuple[MatchModel, ...] = RULES, *, is_in_parts: bool = False
    ) -> Linked:
        never = pl.DataFrame([(*one, *other) for one, other in sorted(self.never)], schema=NEVER, orient="row")
        keys = pl.DataFrame(
            [(rule, side, key, *one) for rule, side, key, one in sorted(self.keys)],
            schema={name: KEYS[name] for name in ("rule", "side", "key", "entity", "id")},
            orient="row",
        )
        frames = [self.records, keys, never]
        if order:
            frames = [frame.sample(fraction=1, shuffle=True, seed=order.randrange(2**32)) for frame in frames]
            rules = tuple(order.sample(rules, len(rules)))
        parts = frames[1].partition_by("rule") if is_in_parts else [frames[1]]
        return link(frames[0], parts, rules, self.next_cluster, frames[2])

    def after(self, linked: Linked) -> "World":
        moved = {(entity, one): cluster for entity, one, cluster, *_ in linked.members.iter_rows()}
        highest = max([self.next_cluster - 1, *moved.values()])
        return replace(self, clusters={**self.clusters, **moved}, new=frozenset(), next_cluster=highest + 1)

    def hits(self) -> dict[tuple[int, int], dict[str, set[Record]]]:
        found: dict[tuple[int, int], dict[str, set[Record]]] = defaultdict(lambda: {"source": set(), "target": set()})
        for rule, side, key, one in self.keys:
            found[rule, key][side].add(one)
        return {at: sides for at, sides in found.items() if sides["source"] and sides["target"]}


def world(clusters: dict[str, int | None], keys: dict[tuple[int, int], str], **others) -> World:
    """A story in short: `a1` is record 1 of A, and keys are listed with the records that have them."""
    return World(
        {record(name): cluster for name, cluster in clusters.items()},
        frozenset(
            (rule, "source" if record(name)[0] == RULES[rule].source else "target", key, record(name))
            for (rule, key), names in keys.items()
            for name in names.split()
        ),
        frozenset((record(one), record(other)) for one, other in others.pop("never", ())),
        frozenset(record(name) for name in others.pop("new", ())),
        **others,
    )


def record(name: str) -> Record:
    return {"a": A, "b": B, "c": C, "d": D}[name[0]], name


def members(linked: Linked) -> dict[str, tuple[int, str]]:
    return {one: (cluster, how) for _, one, cluster, how, _ in linked.members.iter_rows()}


def reasons(linked: Linked) -> dict[str, str]:
    return {row["id"]: row["reason"] for row in linked.ambiguous.iter_rows(named=True)}


def test_what_matches_is_linked_and_the_rest_stands_alone():
    linked = world({"a1": None, "b1": None, "b2": None}, {(0, 7): "a1 b1"}).link()
    assert members(linked) == {"a1": (100, "matched"), "b1": (100, "matched"), "b2": (102, "alone")}
    assert linked.merged.is_empty()
    assert linked.ambiguous.is_empty()


def test_rules_are_alternatives_and_the_first_that_hits_is_named():
    linked = world({"a1": None, "b1": None}, {(0, 7): "a1", (1, 8): "a1 b1"}).link()
    assert linked.members["rule"].to_list() == [1, 1]


def test_one_new_record_brings_two_clusters_together_under_the_smaller_number():
    linked = world({"a1": 4, "c1": 9, "b1": None}, {(0, 7): "a1 b1", (2, 7): "b1 c1"}).link()
    assert members(linked) == {"b1": (4, "matched"), "c1": (4, "matched")}
    assert linked.merged.rows() == [(9, 4)]
    assert linked.merged.schema == MERGED


def test_all_members_of_a_merged_cluster_move_with_it():
    linked = world({"a1": 4, "b1": 9, "c1": 9}, {(3, 7): "a1 c1"}).link()
    assert members(linked) == {"b1": (4, "merged"), "c1": (4, "matched")}


@pytest.mark.parametrize("second", ["a2", "b2"])
def test_a_key_that_two_records_of_an_entity_have_links_neither(second: str):
    linked = world({"a1": None, "b1": None, second: None}, {(0, 7): f"a1 b1 {second}"}).link()
    assert {how for _, how in members(linked).values()} == {"alone"}
    assert reasons(linked) == {"a1": SHARED, "b1": SHARED, second: SHARED}


def test_a_linked_record_claims_its_key_too():
    linked = world({"a1": 1, "b1": 1, "a2": None}, {(0, 7): "a1 b1 a2"}).link()
    assert members(linked) == {"a2": (100, "alone")}
    assert linked.ambiguous.rows() == [(0, A, "a2", ["pms.b/b1"], 1, SHARED)]
    assert linked.ambiguous.schema == AMBIGUOUS


def test_a_slot_that_is_taken_stays_taken():
    linked = world({"a1": 1, "b1": 1, "b2": None}, {(0, 7): "a1 b2"}).link()
    assert members(linked) == {"b2": (100, "alone")}
    assert reasons(linked) == {"b2": TAKEN}


def test_links_that_would_double_a_slot_together_are_all_left_open():
    linked = world({"a1": None, "b1": None, "b2": None}, {(0, 7): "a1 b1", (1, 7): "a1 b2"}).link()
    assert {how for _, how in members(linked).values()} == {"alone"}
    assert reasons(linked) == {"a1": CLASH, "b1": CLASH, "b2": CLASH}


def test_records_told_apart_are_not_linked_and_not_asked_about_again():
    linked = world({"a1": None, "b1": None}, {(0, 7): "a1 b1"}, never=[("b1", "a1")]).link()
    assert members(linked) == {"a1": (100, "alone"), "b1": (101, "alone")}
    assert linked.ambiguous.is_empty()


def test_records_told_apart_may_each_be_linked_to_others():
    linked = world({"a1": None, "b1": None, "c1": None}, {(0, 7): "a1 b1", (2, 7): "b1 c1"}, never=[("a1", "b1")]).link()
    assert members(linked) == {"c1": (100, "matched"), "a1": (101, "alone"), "b1": (100, "matched")}
    assert linked.ambiguous.is_empty()


def test_records_told_apart_do_not_meet_through_a_third():
    linked = world({"a1": None, "b1": None, "c1": None}, {(0, 7): "a1 b1", (2, 7): "b1 c1"}, never=[("a1", "c1")]).link()
    assert set(reasons(linked).values()) == {KEPT_APART}
    assert len({cluster for cluster, _ in members(linked).values()}) == 3


def test_who_is_one_with_a_record_that_was_told_apart_is_told_apart_too():
    clusters: dict[str, int | None] = {"a1": 1, "c1": 1, "b1": 2, "d2": 2}
    assert reasons(world(clusters, {(0, 7): "a1 b1"}).link()) == {"a1": EDITED, "b1": EDITED}
    linked = world(clusters, {(0, 7): "a1 b1"}, never=[("c1", "d2")]).link()
    assert linked.members.is_empty()
    assert linked.ambiguous.is_empty()


def test_who_was_told_apart_is_no_candidate_any_more():
    story = world({"a1": 1, "b1": 2, "b2": 3, "b3": 4}, {(0, 7): "a1 b1 b2 b3"}, never=[("b1", "a1")])
    rows = story.link().ambiguous.select("id", "candidates", "count").rows()
    assert rows == [("a1", ["pms.b/b2", "pms.b/b3"], 2), ("b2", [f"{A}/a1"], 1), ("b3", [f"{A}/a1"], 1)]


def test_of_several_candidates_those_told_apart_are_no_question_when_they_are_all():
    told = [("a1", "b1"), ("a1", "b2")]
    assert reasons(world({"a1": 1, "b1": 2, "b2": 3}, {(0, 7): "a1 b1 b2"}, never=told).link()) == {}
    assert reasons(world({"a1": 1, "b1": 2, "b2": 3}, {(0, 7): "a1 b1 b2"}, never=told[:1]).link()) == {
        "a1": SHARED,
        "b2": SHARED,
    }


def test_an_edited_key_links_only_what_was_alone():
    clusters: dict[str, int | None] = {"a1": 1, "b1": 1, "c1": 2}
    assert members(world(clusters, {(3, 7): "c1 a1"}).link()) == {"c1": (1, "matched")}


def test_an_edited_key_merges_no_linked_records():
    clusters: dict[str, int | None] = {"a1": 1, "b1": 1, "c1": 2, "d1": 2}
    linked = world(clusters, {(3, 7): "c1 a1"}).link()
    assert linked.members.is_empty()
    assert reasons(linked) == {"a1": EDITED, "c1": EDITED}


def test_a_record_that_our_own_write_made_brings_its_cluster_along():
    clusters: dict[str, int | None] = {"a1": 1, "b1": 1, "c1": 2, "d1": 2}
    assert world(clusters, {(3, 7): "c1 a1"}, new=["a1"]).link().merged.rows() == [(2, 1)]


@pytest.mark.parametrize("new", [["a1"], []])
def test_a_doubtful_link_does_not_become_certain_by_growing_old(new: list[str]):
    clusters: dict[str, int | None] = {"a1": 1, "b1": 1, "c1": 2, "d1": 2, "b2": 3}
    linked = world(clusters, {(3, 7): "c1 a1", (2, 8): "b2 c1"}, new=new).link()
    assert linked.members.is_empty()
    assert set(reasons(linked).values()) == {CLASH}


def test_many_candidates_are_counted_and_a_few_are_named():
    names = [f"b{number:02}" for number in range(30)]
    linked = world(dict.fromkeys(["a1", *names]), {(0, 7): " ".join(["a1", *names])}).link()
    row = linked.ambiguous.row(by_predicate=pl.col("id") == "a1", named=True)
    assert row["count"] == 30
    assert row["candidates"] == [f"pms.b/{name}" for name in names[:20]]


def test_a_long_chain_of_doubtful_links_is_one_question():
    size = 200
    keys = {(0, number): f"a{number} b{number}" for number in range(size)}
    keys |= {(1, number): f"a{number + 1} b{number}" for number in range(size - 1)}
    linked = world(dict.fromkeys(f"{letter}{number}" for letter in "ab" for number in range(size)), keys).link()
    assert set(linked.members["how"]) == {"alone"}
    assert set(linked.ambiguous["reason"]) == {CLASH}


def test_nothing_in_nothing_out():
    linked = world({}, {}).link()
    assert linked.members.is_empty()
    assert linked.ambiguous.is_empty()


def test_keys_of_records_that_are_not_given_have_no_say():
    linked = world({"a1": None, "b1": None, "a2": None}, {(0, 7): "a1 b1 b2", (0, 8): "a2 b9"}).link()
    assert sorted(linked.members.select("id", "how").rows()) == [("a1", "matched"), ("a2", "alone"), ("b1", "matched")]
    assert linked.ambiguous.is_empty()


def test_a_used_number_is_refused():
    with pytest.raises(ValueError, match="cluster 100 exists"):
        world({"a1": 100}, {}).link()


@st.composite
def worlds(draw: st.DrawFn) -> World:
    everyone = [record(f"{letter}{number}") for letter in "abcd" for number in range(draw(st.integers(0, 3)))]
    clusters: dict[Record, int | None] = {}
    for one in everyone:
        number = draw(st.one_of(st.none(), st.integers(1, 9)))
        is_free = all(cluster != number or entity != one[0] for (entity, _), cluster in clusters.items())
        clusters[one] = number if is_free else None
    keys = frozenset(
        (rule.number, side, key, one)
        for rule in RULES
        for side, entity in (("source", rule.source), ("target", rule.target))
        for one in everyone
        if one[0] == entity and (key := draw(st.one_of(st.none(), st.integers(0, 5)))) is not None
    )
    pairs = [(one, other) for one in everyone for other in everyone if one[0] != other[0]]
    never = draw(st.frozensets(st.sampled_from(pairs), max_size=3)) if pairs else frozenset()
    new = draw(st.frozensets(st.sampled_from(everyone), max_size=3)) if everyone else frozenset()
    return World(clusters, keys, never, new)


def outcome(linked: Linked) -> list[list[tuple]]:
    return [linked.members.rows(), linked.merged.rows(), linked.ambiguous.rows()]


def together(linked: World) -> set[frozenset[Record]]:
    found: dict[int | None, set[Record]] = defaultdict(set)
    for one, cluster in linked.clusters.items():
        found[cluster].add(one)
    return {frozenset(group) for group in found.values()}


@SEARCH
@given(worlds(), st.randoms(use_true_random=False))
def test_no_order_of_rows_or_rules_decides_anything(story: World, order: random.Random):
    assert outcome(story.link(order)) == outcome(story.link())


@SEARCH
@given(worlds())
def test_keys_that_come_in_parts_are_weighed_as_if_they_came_together(story: World):
    assert outcome(story.link(is_in_parts=True)) == outcome(story.link())


@SEARCH
@given(worlds())
def test_a_second_run_changes_nothing_and_asks_the_same(story: World):
    first = story.link()
    second = story.after(first).link()
    assert second.members.is_empty()
    assert second.merged.is_empty()
    assert second.ambiguous.rows() == first.ambiguous.rows()


@SEARCH
@given(worlds())
def test_every_record_is_in_one_cluster_and_no_slot_is_doubled(story: World):
    linked = story.link()
    after = story.after(linked)
    assert linked.members.select("entity", "id").is_unique().all()
    assert None not in after.clusters.values()
    assert max(Counter((cluster, entity) for (entity, _), cluster in after.clusters.items()).values(), default=1) == 1


@SEARCH
@given(worlds())
def test_clusters_only_grow_and_the_smallest_number_survives(story: World):
    linked = story.link()
    after = story.after(linked)
    merged = dict(linked.merged.iter_rows())
    for one, cluster in story.clusters.items():
        if cluster is not None:
            assert after.clusters[one] == merged.get(cluster, cluster)
            assert merged.get(cluster, cluster) <= cluster


@SEARCH
@given(worlds())
def test_records_told_apart_are_never_put_together(story: World):
    after = story.after(story.link())
    for one, other in story.never:
        were_together = story.clusters[one] is not None and story.clusters[one] == story.clusters[other]
        assert were_together or after.clusters[one] != after.clusters[other]


@SEARCH
@given(worlds())
def test_links_are_what_a_slow_and_simple_search_finds(story: World):
    """Groups that unique hits with free slots connect, each taken whole or not at all."""
    groups = {one: group for group in together(_named(story)) for one in group}
    edges: list[tuple[frozenset[Record], frozenset[Record], bool]] = []
    for sides in story.hits().values():
        if len(sides["source"]) == len(sides["target"]) == 1:
            (source,), (target,) = sides.values()
            a, b = groups[source], groups[target]
            is_free = {entity for entity, _ in a}.isdisjoint(entity for entity, _ in b)
            if is_free and story.never.isdisjoint({(source, target), (target, source)}):
                seeks = any(len(groups[one]) == 1 or one in story.new for one in (source, target))
                edges.append((a, b, seeks))
    whole = _union(set(groups.values()), [(a, b) for a, b, _ in edges])
    told = story.never - {(one, other) for one, other in story.never if groups[one] == groups[other]}
    bad = {
        group
        for group in whole
        if len({entity for entity, _ in group}) < len(group) or any({one, other} <= group for one, other in told)
    }
    good = [(a, b) for a, b, seeks in edges if seeks and not any(a <= group for group in bad)]
    assert together(story.after(story.link())) == _union(set(groups.values()), good)


@SEARCH
@given(worlds())
def test_whoever_is_hit_and_has_no_counterpart_is_shown(story: World):
    linked = story.link()
    after = story.after(linked)
    told = {frozenset(pair) for pair in story.never}
    expected = set()
    for (rule, _), sides in story.hits().items():
        for one in sides["source"] | sides["target"]:
            others = sides["target" if one in sides["source"] else "source"]
            has = any(
                after.clusters[one] == after.clusters[record] and record[0] == next(iter(others))[0]
                for record in after.clusters
            )
            if not has and any(frozenset({one, other}) not in told for other in others):
                expected.add((rule, *one))
    assert set(linked.ambiguous.select("rule", "entity", "id").rows()) == expected


@SEARCH
@given(worlds())
def test_records_that_nothing_touches_change_nothing(story: World):
    more = replace(story, clusters={**story.clusters, record("a-far"): 50, record("b-far"): 50, record("c-far"): 51})
    assert outcome(more.link()) == outcome(story.link())


def _named(story: World) -> World:
    return replace(
        story, clusters={one: -place if n is None else n for place, (one, n) in enumerate(story.clusters.items(), 1)}
    )


def _union(groups: set[frozenset[Record]], pairs: list[tuple[frozenset[Record], frozenset[Record]]]) -> set[frozenset[Record]]:
    joined = set(groups)
    for a, b in pairs:
        touching = {group for group in joined if a <= group or b <= group}
        joined = (joined - touching) | {frozenset().union(*touching)}
    assert all(one.isdisjoint(other) for one, other in combinations(joined, 2))
    return joined
