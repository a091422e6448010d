"""Queries that find few rows: those come as they are, since laying them out in columns takes longer than finding them."""

from functools import cache

import duckdb
import polars as pl
from duckdb.sqltypes import DuckDBPyType

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
    schema = {name: _dtype(kind) for name, kind, *_ in answer.description or ()}
    if None in schema.values():
        return None
    rows = answer.fetchmany(FEW + 1)
    return None if len(rows) > FEW else pl.DataFrame(rows, schema=schema, orient="row")


def _dtype(kind: DuckDBPyType) -> pl.DataType | None:
    return _of(str(kind))


@cache
def _of(name: str) -> pl.DataType | None:
    if name.endswith("[]"):
        inner = _of(name.removesuffix("[]"))
        return pl.List(inner) if inner else None
    return _DTYPES.get(name.lower())
