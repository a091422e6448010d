"""The link stage: how much is taken at a time decides nothing."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import cache
from unittest.mock import patch

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from talk_assets.hub import Hub, records
from talk_assets.sync.linking import link_stage
from talk_assets.sync.model import Model
from talk_assets.sync.world import World, make_world
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.rows import digest
from tests.sync.support import NOON, flow, model

COMPANY, CUSTOMER = "alpha.company", "beta.customer"
Told = Mapping[tuple[str, int], tuple[str | None, str | None]]
"""What companies (`name`, `email`) and customers (`name`, `mail`) hold, by entity and id."""
TEXTS = st.none() | st.sampled_from(("acme", "bcme", "a@x.no", "b@x.no"))
TOLD = st.dictionaries(
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


def keep(world: World, told: Told, minute: int) -> None:
    """What systems hold, as it is kept when it was read."""
    for entity, mail in ((COMPANY, "email"), (CUSTOMER, "mail")):
        said = [(number, {"name": name, mail: address}) for (key, number), (name, address) in told.items() if key == entity]
        bodies = [
            encode({"id": number, **{path: text for path, text in one.items() if text is not None}}) for number, one in said
        ]
        rows = pl.DataFrame({"id": [f"{number}" for number, _ in said], "body": [body.decode() for body in bodies]})
        batch = rows.with_columns(
            entity=pl.lit(entity),
            digest=pl.Series([digest(body.decode()) for body in bodies], dtype=pl.UInt64),
            edited_at=pl.lit(NOON + timedelta(minutes=minute)),
        )
        if said:
            world.hub.run(lambda rows=batch, key=entity: records.upsert(world.hub, rows, lambda new: world.describe(key, new)))


def linked(world: World) -> dict[str, list[tuple]]:
    link_stage(world)
    return {table: world.hub.read(statement).rows() for table, statement in TABLES.items()}


@settings(max_examples=6)
@given(st.lists(TOLD, min_size=1, max_size=2))
def test_to_link_many_by_parts_is_to_link_them_at_once(rounds: Sequence[Told]):
    with ExitStack() as stack:
        whole, by_parts = (
            make_world(stack.enter_context(Hub.open(":memory:")), made(), {}, SystemClock(), "run") for _ in range(2)
        )
        for minute, told in enumerate(rounds):
            for world in (whole, by_parts):
                keep(world, told, minute)
            with (
                patch("talk_assets.sync.linking._KEYS_AT_ONCE", 0),
                patch("talk_assets.sync.linking._LINKED_AT_ONCE", 1),
                patch("talk_assets.sync.linking.AT_ONCE", 2),
            ):
                found = linked(by_parts)
            assert found == linked(whole)


@settings(max_examples=6)
@given(st.lists(TOLD, min_size=2, max_size=2), st.sampled_from(("[[name, name], [email, mail]]", "[[email, mail]]")))
def test_what_records_are_recognised_by_is_what_they_hold_now_by_the_rules_of_now(rounds: Sequence[Told], rules: str):
    now = made(rules)
    with Hub.open(":memory:") as hub, Hub.open(":memory:") as late:
        before, after, at_once = (
            make_world(one, model, {}, SystemClock(), "run") for one, model in ((hub, made()), (hub, now), (late, now))
        )
        for minute, told in enumerate(rounds):
            keep(before, told, minute)
            linked(before)
        keep(at_once, {place: texts for told in rounds for place, texts in told.items()}, 0)
        assert linked(after)["keys"] == linked(at_once)["keys"]
