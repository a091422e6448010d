"""Hashed match keys: what a record can be recognised by, under each rule."""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, remove

_WEIGHED = pl.Schema({"rule": pl.Int32, "key": pl.UInt64})


def put(hub: Hub, keys: pl.DataFrame) -> None:
    """Keys (`rule`, `side`, `key`, `entity`, `id`), each once, of records that have none."""
    add(hub, "keys", keys)


def forget(hub: Hub, of: pl.DataFrame) -> None:
    """Take away all keys of these records (`entity`, `id`)."""
    remove(hub, "keys", of.select("entity", "id").unique())


def holders(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """Every record with one of these keys (`rule`, `key`): `rule`, `side`, `key`, `entity`, `id`, `cluster`; the last is null
    for a record that is not linked.
    """
    return _held(hub, wanted, "k.rule, k.side, k.key, k.entity, k.id, m.cluster", "LEFT JOIN")


def clusters_of(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """The clusters (`cluster`) of all linked records with one of these keys (`rule`, `key`)."""
    return _held(hub, wanted, "DISTINCT m.cluster", "JOIN")


def _held(hub: Hub, wanted: pl.DataFrame, what: str, join: str) -> pl.DataFrame:
    """Of many keys it is those of one rule that are wanted: the rows of others are passed over."""
    statement = f"""
        SELECT {what}
        FROM (
            SELECT t.* FROM keys t SEMI JOIN weighed ON t.key = weighed.key AND t.rule = weighed.rule
            WHERE t.rule BETWEEN ? AND ?
        ) k {join} members m ON m.entity = k.entity AND m.id = k.id
    """  # noqa: S608 - our own words
    return hub.read(
        statement, [wanted["rule"].min(), wanted["rule"].max()], weighed=wanted.select(_WEIGHED.names()).cast(_WEIGHED)
    )
