"""Pairs of records that a person has told apart: no rule ever links them again."""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import put, remove, whole

PAIR = ["entity", "id", "other_entity", "other_id"]


def add(hub: Hub, pairs: pl.DataFrame, who: str) -> None:
    """Keep these pairs (`entity`, `id`, `other_entity`, `other_id`) apart from now on."""
    put(hub, "never", pairs.select(PAIR).with_columns(who=pl.lit(who), at=pl.lit(hub.now(), pl.Datetime("us"))), PAIR)


def pairs(hub: Hub) -> pl.DataFrame:
    """All pairs that are kept apart, each in the order in which it was told."""
    return whole(hub, "never").select(PAIR)


def lift(hub: Hub, told: pl.DataFrame) -> int:
    """Let these pairs be linked again, in whichever order they were told apart."""
    turned = told.select(entity="other_entity", id="other_id", other_entity="entity", other_id="id")
    return remove(hub, "never", told.select(PAIR)) + remove(hub, "never", turned)
