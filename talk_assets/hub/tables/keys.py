"""Hashed match keys: what a record can be recognised by, under each rule."""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, remove
from talk_assets.hub.tables.members import clusters_of

_WANTED = "keys t SEMI JOIN weighed ON t.key = weighed.key AND t.rule = weighed.rule WHERE t.rule BETWEEN ? AND ?"
"""Of many keys those of one rule are wanted at a time: the rows of others are passed over."""


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
    # Found by their narrow key first, so that the names of all other rows stay packed.
    statement = f"SELECT rule, side, key, entity, id FROM keys WHERE rowid IN (SELECT t.rowid FROM {_WANTED})"  # noqa: S608 - our own
    found = _read(hub, statement, wanted)
    return found.join(clusters_of(hub, found), on=["entity", "id"], how="left")


def rules_of(hub: Hub, records: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """By which rules these records (`entity`, `id`) have one of the wanted keys (`rule`, `key`): `rule`, `entity`, `id`."""
    holding = f"SELECT rule, entity, id FROM keys WHERE rowid IN (SELECT t.rowid FROM {_WANTED})"  # noqa: S608 - our own
    statement = f"SELECT DISTINCT k.* FROM ({holding}) k SEMI JOIN named n ON k.entity = n.entity AND k.id = n.id"  # noqa: S608
    return _read(hub, statement, wanted, named=records.select("entity", "id").unique())


def hit(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """The clusters (`cluster`) of all linked records with one of these keys (`rule`, `key`)."""
    holding = f"SELECT t.entity, t.id FROM {_WANTED}"  # noqa: S608 - our own
    return _read(hub, f"SELECT DISTINCT m.cluster FROM ({holding}) k JOIN members m USING (entity, id)", wanted)  # noqa: S608


def _read(hub: Hub, statement: str, wanted: pl.DataFrame, **frames: pl.DataFrame) -> pl.DataFrame:
    span = [wanted["rule"].min(), wanted["rule"].max()]
    return hub.read(statement, span, weighed=wanted.select("rule", "key"), **frames)
