"""The link stage: how much is taken at a time decides nothing."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from talk_assets.hub import open_hub
from talk_assets.sync.linking import link_stage
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.world import World, make_world
from talk_assets.systems.clock import SystemClock
from tests.sync.support import COMPANY, CUSTOMER, Held, flow, keep, model

TEXTS = st.sampled_from((None, ABSENT, "acme", "bcme", "a@x.no", "b@x.no"))
HELD = st.dictionaries(
    st.tuples(st.sampled_from((COMPANY, CUSTOMER)), st.integers(1, 5)), st.tuples(TEXTS, TEXTS), min_size=1, max_size=6
)
TABLES = {
    "members": "SELECT entity, id, cluster, known_by FROM members ORDER BY ALL",
    "keys": "SELECT * FROM keys ORDER BY ALL",
    "ambiguous": "SELECT rule, entity, id, candidates FROM ambiguous ORDER BY ALL",
    "history": "SELECT entity, id, cluster, kind, reason FROM history ORDER BY ALL",
}


@cache
def made(rules: str = "[[name, name], [email, mail]]") -> Model:
    return model(flow("[name, name]", "[email, mail]", create="never", match=rules))


def linked(world: World) -> dict[str, list[tuple]]:
    link_stage(world)
    return {table: world.hub.read(statement).rows() for table, statement in TABLES.items()}


@settings(max_examples=6)
@given(st.lists(HELD, min_size=1, max_size=2))
def test_to_link_many_by_parts_is_to_link_them_at_once(rounds: Sequence[Held]):
    with ExitStack() as stack:
        whole, by_parts = (
            make_world(stack.enter_context(open_hub(":memory:")), made(), {}, SystemClock(), "run") for _ in range(2)
        )
        for minute, held in enumerate(rounds):
            for world in (whole, by_parts):
                keep(world, held, minute)
            with (
                patch("talk_assets.sync.linking._KEYS_AT_ONCE", 0),
                patch("talk_assets.sync.linking._LINKED_AT_ONCE", 1),
                patch("talk_assets.sync.linking.AT_ONCE", 2),
            ):
                found = linked(by_parts)
            assert found == linked(whole)


@settings(max_examples=6)
@given(st.lists(HELD, min_size=2, max_size=2), st.sampled_from(("[[name, name], [email, mail]]", "[[email, mail]]")))
def test_what_records_are_recognised_by_is_what_they_hold_now_by_the_rules_of_now(rounds: Sequence[Held], rules: str):
    now = made(rules)
    with open_hub(":memory:") as hub, open_hub(":memory:") as late:
        before, after, at_once = (
            make_world(one, model, {}, SystemClock(), "run") for one, model in ((hub, made()), (hub, now), (late, now))
        )
        for minute, held in enumerate(rounds):
            keep(before, held, minute)
            linked(before)
        keep(at_once, {place: texts for held in rounds for place, texts in held.items()})
        assert linked(after)["keys"] == linked(at_once)["keys"]


def test_what_is_ambiguous_by_one_rule_stays_so_when_another_rule_is_weighed():
    def asked() -> list[int]:
        """By which rules it is asked what the company is."""
        return [rule for rule, entity, *_ in linked(world)["ambiguous"] if entity == COMPANY]

    with open_hub(":memory:") as hub:
        world = make_world(hub, made(), {}, SystemClock(), "run")
        keep(world, {(COMPANY, 1): ("acme", "a@x.no"), (CUSTOMER, 1): ("acme", None), (CUSTOMER, 2): ("acme", None)})
        assert asked() == [0]
        keep(world, {(CUSTOMER, 3): (None, "a@x.no"), (CUSTOMER, 4): (None, "a@x.no")})
        assert asked() == [0, 1]
        # Once it is linked by the one, the other is no question any more.
        keep(world, {(CUSTOMER, 3): (None, "b@x.no")})
        assert asked() == []
        assert hub.value("SELECT count(DISTINCT cluster) FROM members WHERE entity = ? OR id = '4'", [COMPANY]) == 1


def test_who_waits_for_a_choice_by_two_rules_waits_by_one_once_the_other_names_nobody():
    """Seed 82077 of `talk simulate`: the company that it could be has another e-mail by then, and still its name."""
    with open_hub(":memory:") as hub:
        world = make_world(hub, made(), {}, SystemClock(), "run")
        keep(world, {(COMPANY, 1): ("acme", "a@x.no"), (CUSTOMER, 1): ("acme", "a@x.no")})
        linked(world)
        keep(world, {(CUSTOMER, 2): ("acme", "a@x.no")})
        assert [rule for rule, *_ in linked(world)["ambiguous"]] == [0, 1]
        keep(world, {(COMPANY, 1): ("acme", "b@x.no"), (CUSTOMER, 1): ("acme", "b@x.no")})
        assert [rule for rule, *_ in linked(world)["ambiguous"]] == [0]
