"""Hashed match keys: what a record can be recognised by, under each rule."""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, fetch, remove
from talk_assets.hub.schema import FRAMES, fit


def put(hub: Hub, keys: pl.DataFrame, of: pl.DataFrame) -> None:
    """The keys (`rule`, `side`, `key`, `entity`, `id`) that these records (`entity`, `id`) have from now on."""
    remove(hub, "keys", of.select("entity", "id").unique())
    add(hub, "keys", keys.unique(maintain_order=True))


def differing(hub: Hub, keys: pl.DataFrame, of: pl.DataFrame) -> pl.DataFrame:
    """Those of these records (`entity`, `id`) whose keys are not the ones that are kept."""
    columns = FRAMES["keys"].names()
    now = fit("keys", keys.select(columns)).unique()
    kept = fetch(hub, "keys", of.select("entity", "id").unique(), columns)
    both = pl.concat([now, kept]).group_by(columns).len()
    return both.filter(pl.col("len") == 1).select("entity", "id").unique()


def holders(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """Every record with one of these keys (`rule`, `key`): `rule`, `side`, `key`, `entity`, `id`, `cluster`; the last is null
    for a record that is not linked.
    """
    return hub.read(
        """
        SELECT k.rule, k.side, k.key, k.entity, k.id, m.cluster
        FROM (SELECT t.* FROM keys t SEMI JOIN weighed ON t.key = weighed.key AND t.rule = weighed.rule) k
        LEFT JOIN members m ON m.entity = k.entity AND m.id = k.id
        ORDER BY k.rule, k.key, k.entity, k.id
        """,
        weighed=wanted.select(pl.col("rule").cast(pl.Int32), pl.col("key").cast(pl.UInt64)).unique(),
    )


def forget(hub: Hub, rules: pl.DataFrame) -> int:
    """Take away the keys of rules (`rule`) that have changed."""
    return remove(hub, "keys", rules.select("rule"))
