"""Hashed match keys: what a record can be recognised by, under each rule."""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, remove


def put(hub: Hub, keys: pl.DataFrame, of: pl.DataFrame) -> None:
    """The keys (`rule`, `side`, `key`, `entity`, `id`), each once, that these records (`entity`, `id`) have from now on."""
    remove(hub, "keys", of.select("entity", "id").unique())
    add(hub, "keys", keys)


def holders(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """Every record with one of these keys (`rule`, `key`): `rule`, `side`, `key`, `entity`, `id`, `cluster`; the last is null
    for a record that is not linked.
    """
    return hub.read(
        """
        SELECT k.rule, k.side, k.key, k.entity, k.id, m.cluster
        FROM (SELECT t.* FROM keys t SEMI JOIN weighed ON t.key = weighed.key AND t.rule = weighed.rule) k
        LEFT JOIN members m ON m.entity = k.entity AND m.id = k.id
        """,
        weighed=wanted.select(pl.col("rule").cast(pl.Int32), pl.col("key").cast(pl.UInt64)).unique(),
    )
