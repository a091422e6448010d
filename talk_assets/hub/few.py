"""Queries that find few rows: those come as they are, since laying them out in columns takes longer than finding them."""

from functools import cache

import duckdb
import polars as pl

FEW = 256
_DTYPES = {
    "boolean": pl.Boolean(),
    "tinyint": pl.Int8(),
    "integer": pl.Int32(),
    "bigint": pl.Int64(),
    "ubigint": pl.UInt64(),
    "double": pl.Float64(),
    "varchar": pl.String(),
    "timestamp": pl.Datetime("us"),
}


def few(answer: duckdb.DuckDBPyConnection) -> pl.DataFrame | None:
    """The rows of a query that was just asked; nothing if they are many, or hold what only columns can tell exactly."""
    empty = _empty(tuple((name, str(kind).lower()) for name, kind, *_ in answer.description or ()))
    if empty is None:
        return None
    rows = answer.fetchmany(FEW + 1)
    if not rows:
        return empty.clone()
    return None if len(rows) > FEW else pl.DataFrame(rows, schema=empty.schema, orient="row")


@cache
def _empty(columns: tuple[tuple[str, str], ...]) -> pl.DataFrame | None:
    """A frame without rows takes as long to make as one with some, and most queries of a quiet cycle find none."""
    schema = {name: _of(kind) for name, kind in columns}
    return None if None in schema.values() else pl.DataFrame(schema=schema)


def _of(name: str) -> pl.DataType | None:
    if name.endswith("[]"):
        inner = _of(name.removesuffix("[]"))
        return pl.List(inner) if inner else None
    return _DTYPES.get(name)
