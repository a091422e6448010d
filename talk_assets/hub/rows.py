"""Rows of any table by their key: fetched, replaced, added, removed. Nothing is updated in place."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import polars as pl

from talk_assets.hub.errors import HubError
from talk_assets.hub.hub import Hub
from talk_assets.hub.schema import FRAMES, HINT, PACKED, column_list, fit, has_hint
from talk_assets.hub.text import quoted

_FEW_KEYS = 16
_SOME_NAMES = 2_000
"""Up to so many, rows are found by their hints; beyond, names are looked for at once."""
_ROW = "#row"
_WIDE = PACKED | {"body", "before", "after"}
"""Columns whose texts are long."""


def same(left: str, right: str, columns: Sequence[str]) -> str:
    """The condition that two rows agree in these columns, empty ones included."""
    return " AND ".join(f"{left}.{quoted(name)} IS NOT DISTINCT FROM {right}.{quoted(name)}" for name in columns)


def equal(left: str, right: str, columns: Sequence[str]) -> str:
    """The condition that two rows have the same key, of columns that are never empty."""
    return " AND ".join(f"{left}.{quoted(name)} = {right}.{quoted(name)}" for name in columns)


def fetch(
    hub: Hub, table: str, wanted: pl.DataFrame, columns: Sequence[str] | None = None, *, numbered: bool = False
) -> pl.DataFrame:
    """The rows of a table whose key is among those wanted; the columns of `wanted` are the key. Who is about to replace some of
    them in the same transaction has them `numbered`: where they are is known then.
    """
    chosen = list(columns or FRAMES[table].names())
    if wanted.is_empty():
        return _none(table, tuple(chosen)).clone()
    picked = ", ".join([*map(quoted, chosen), *([f"rowid AS {quoted(_ROW)}"] if numbered else [])])
    if few := _few(wanted):
        condition, values = few
        return hub.read(f"SELECT {picked} FROM {table} WHERE {condition}", values)  # noqa: S608 - names are ours
    given = _named(table, wanted)
    found = f"{table} t SEMI JOIN {quoted(given)} wanted ON {equal('t', 'wanted', wanted.columns)}"
    if _is_hinted(table, wanted):
        statement = _by_hint(table, given, chosen, picked)
    elif not _WIDE.isdisjoint(chosen):
        # Found by their narrow key first, and read by row number, so that the wide columns of all other rows stay packed.
        statement = f"SELECT {picked} FROM {table} WHERE rowid IN (SELECT t.rowid FROM {found})"  # noqa: S608 – names are ours
    else:
        statement = f"SELECT {picked} FROM {found}"  # noqa: S608
    return hub.read(statement, **{given: fit(table, wanted)})


def _is_hinted(table: str, keys: pl.DataFrame) -> bool:
    return has_hint(table) and keys.height <= _SOME_NAMES and keys.columns == ["entity", "id"]


def _by_hint(table: str, given: str, columns: Sequence[str], picked: str) -> str:
    """What is picked, of these columns and `rowid`, of the rows with the names given: of those with the same hints, which are
    hardly any others, the ones that have the names.
    """
    read = ", ".join(map(quoted, dict.fromkeys(["entity", "id", *columns])))
    hints = f"SELECT {HINT} AS hint FROM {quoted(given)}"  # noqa: S608 - names are ours
    places = f"SELECT t.rowid FROM {table} t SEMI JOIN ({hints}) h ON t.hint = h.hint"  # noqa: S608
    near = f"SELECT {read}, rowid FROM {table} WHERE rowid IN ({places})"  # noqa: S608
    meant = equal("t", "wanted", ["entity", "id"])
    return f"WITH near AS MATERIALIZED ({near}) SELECT {picked} FROM near t SEMI JOIN {quoted(given)} wanted ON {meant}"  # noqa: S608


def _few(keys: pl.DataFrame) -> tuple[str, list[Any]] | None:
    """Of few keys that differ in one column only: a condition that names them, and their values. A join takes three times as
    long.
    """
    if keys.height > _FEW_KEYS:
        return None
    values = [list(dict.fromkeys(keys[name].to_list())) for name in keys.columns]
    if sum(len(each) > 1 for each in values) > 1:
        return None
    # Of a length that many statements have, so that they are the same statement.
    padded = [each + each[-1:] * (2 ** (len(each) - 1).bit_length() - len(each)) for each in values]
    places = (f"{quoted(name)} IN ({', '.join('?' * len(each))})" for name, each in zip(keys.columns, padded, strict=True))
    return " AND ".join(places), [value for each in padded for value in each]


@cache
def _none(table: str, columns: tuple[str, ...]) -> pl.DataFrame:
    return FRAMES[table].to_frame().select(columns)


def _named(table: str, rows: pl.DataFrame) -> str:
    """One name for all rows of the same columns of a table, so that the hub need not learn another one."""
    return f"{table} by {' '.join(rows.columns)}"


def whole(hub: Hub, table: str, since: int | None = None) -> pl.DataFrame:
    """All rows of a table, or those written after a position."""
    if since is None:
        return hub.read(f"SELECT {column_list(table)} FROM {table}")  # noqa: S608
    return hub.read(f"SELECT {column_list(table)} FROM {table} WHERE seq > ?", [since])  # noqa: S608


def add(hub: Hub, table: str, rows: pl.DataFrame) -> None:
    """Rows that are certain to be new."""
    if not rows.is_empty():
        given = _named(table, rows)
        hint = f", {HINT} AS hint" if has_hint(table) else ""
        hub.write(f"INSERT INTO {table} BY NAME SELECT *{hint} FROM {quoted(given)}", **{given: fit(table, rows)})  # noqa: S608


def remove(hub: Hub, table: str, keys: pl.DataFrame) -> int:
    """Take away the rows with these keys; the columns of `keys` are the key."""
    if keys.is_empty():
        return 0
    if few := _few(keys):
        condition, values = few
        return hub.write(f"DELETE FROM {table} WHERE {condition}", values)  # noqa: S608 - names are ours
    given, condition = _named(table, keys), equal("t", "batch", keys.columns)
    if _is_hinted(table, keys):
        statement = f"DELETE FROM {table} WHERE rowid IN ({_by_hint(table, given, [], 'rowid')})"  # noqa: S608
    else:
        statement = f"DELETE FROM {table} t USING {quoted(given)} batch WHERE {condition}"  # noqa: S608
    return hub.write(statement, **{given: fit(table, keys)})


def remove_read(hub: Hub, table: str, rows: pl.DataFrame, key: Sequence[str]) -> None:
    """Take away rows that were read in this transaction: where they were found, if that is known."""
    if _ROW not in rows.columns:
        remove(hub, table, rows.select(key))
        return
    places = rows.select(place=_ROW).drop_nulls()
    if places.is_empty():
        return
    if places.height <= _FEW_KEYS:
        listed = ", ".join("?" * places.height)
        removed = hub.write(f"DELETE FROM {table} WHERE rowid IN ({listed})", places["place"].to_list())  # noqa: S608
    else:
        removed = hub.write(f"DELETE FROM {table} WHERE rowid IN (SELECT place FROM places)", places=places)  # noqa: S608
    if removed != places.height:
        raise HubError(f"{places.height - removed} of {places.height} rows of {table} were replaced after they had been read")


def put(hub: Hub, table: str, rows: pl.DataFrame, key: Sequence[str]) -> None:
    """Rows as they are from now on, whatever was there; of several with one key the last is taken."""
    rows = rows.unique(key, keep="last", maintain_order=True)
    remove(hub, table, rows.select(key))
    add(hub, table, rows)


def put_changed(
    hub: Hub,
    table: str,
    rows: pl.DataFrame,
    key: Sequence[str],
    *,
    ignoring: Sequence[str] = (),
    there: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The same for rows that may be there as they are already: those stay, keep their `seq`, and are not given back. Who has
    just read what is there gives it, whole.
    """
    if rows.is_empty():
        return rows
    rows = fit(table, rows.unique(key, keep="last", maintain_order=True))
    compared = [name for name in FRAMES[table] if name not in {*key, *ignoring, "seq"}]
    rows = rows.with_columns(pl.lit(None, FRAMES[table][name]).alias(name) for name in compared if name not in rows.columns)
    if there is None:
        there = fetch(hub, table, rows.select(key), [*key, *compared], numbered=True)
    was = there.select(*key, *(_ROW for name in there.columns if name == _ROW), was=pl.struct(compared))
    found = rows.join(was, on=key, how="left", maintain_order="left").filter(
        pl.col("was").is_null() | pl.struct(compared).ne_missing(pl.col("was"))
    )
    changed = found.drop("was", _ROW, strict=False)
    if not changed.is_empty():
        if not there.is_empty():
            remove_read(hub, table, found, key)
        add(hub, table, changed.with_columns(seq=pl.lit(hub.seq, pl.Int64)))
    return changed


def patch(
    hub: Hub, table: str, rows: pl.DataFrame, key: Sequence[str], *, seq: bool = True, there: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Set some columns of rows that exist; keys that do not exist are left out. Gives the rows that changed. Who has just read
    what is there gives it, whole.
    """
    if rows.is_empty():
        return _none(table, tuple(FRAMES[table].names())).clone()
    rows = fit(table, rows.unique(key, keep="last", maintain_order=True))
    there = fetch(hub, table, rows.select(key), numbered=True) if there is None else there
    given = [name for name in rows.columns if name not in key]
    found = (
        # What lies together stays together: rows that are read at once are found in few places.
        there.join(rows.select(*key, new=pl.struct(given)), on=key, maintain_order="left")
        .filter(pl.struct(given).ne_missing(pl.col("new")))
        .with_columns(pl.col("new").struct.field(name).alias(name) for name in given)
        .drop("new")
    )
    changed = found.drop(_ROW, strict=False)
    if not changed.is_empty():
        remove_read(hub, table, found, key)
        add(hub, table, changed.with_columns(seq=pl.lit(hub.seq, pl.Int64)) if seq else changed)
    return changed
