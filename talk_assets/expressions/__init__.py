"""Expressions in specs: SQL text that may look at one record's own properties and nothing else.

DuckDB only parses; what it parsed must consist of allowed kinds of nodes, functions, types and known properties. Only
then does Polars turn the text into an expression, and only an empty frame of the entity's shape is used to type it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from talk_assets.expressions.gate import TOO_DEEP, Properties, Refused, first_line, gate
from talk_assets.expressions.tree import as_sql_says, expression_of, rewritten, written
from talk_assets.expressions.whole import in_whole_numbers, overflow

__all__ = [
    "DTYPES",
    "FAILURES",
    "Compiled",
    "Properties",
    "Refused",
    "compile_expression",
    "evaluate",
    "frame_schema",
    "nested_frame",
]

_RESULTS = (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.Null)

DTYPES: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "decimal": pl.Decimal(38, 9),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),  # in UTC, without saying so: SQL's TIMESTAMP literals have no zone
    "json": pl.String(),
}
_TRIED: Mapping[str, tuple[Any, ...]] = {
    "string": ("", "a", "two words", "ÆØÅ", "0150", "-1", "2024-02-29", "(", "[", "\\", "99999999999999999999", None),
    "integer": (0, 1, -7, 1042, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63), None),
    "decimal": (
        *(Decimal(0), Decimal("0.1"), Decimal("-12.345"), Decimal("1234567890.12"), Decimal(10**20), Decimal(-(10**20))),
        None,
    ),
    "boolean": (True, False, None),
    "date": (dt.date(2024, 2, 29), dt.date(1999, 12, 31), None),
    "datetime": (dt.datetime(2024, 2, 29, 23, 59, 59, 123456), dt.datetime(1999, 12, 31), None),  # noqa: DTZ001  (see DTYPES)
    "json": ("[]", '{"a": 1}', None),
}
"""Values that any record may hold, so that an expression that fails on one of them fails here and not in a run."""
_ROWS_TRIED = 256
FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


@dataclass(frozen=True)
class Compiled:
    expression: pl.Expr
    """Over typed columns. It fails on a value that it cannot compute, of those that were not tried."""
    type: pl.DataType
    uses: frozenset[str]
    """The properties it reads."""
    told: tuple[pl.Expr, pl.Expr] | None = None
    """The same, but nothing where a whole number has more than 64 bits, and why not, where that is so."""


def compile_expression(text: str, properties: Properties) -> Compiled:
    """Check `text` against an entity's properties and turn it into a Polars expression, or raise Refused."""
    uses = frozenset(gate(text, properties))
    try:
        tree = rewritten(written(pl.sql_expr(text)), as_sql_says)
        nothing = pl.DataFrame(schema=frame_schema(properties))
        exact = expression_of(in_whole_numbers(tree, nothing, strict=True))
        whole = in_whole_numbers(tree, nothing, strict=False)
        lenient, too_large = expression_of(whole), overflow(whole, nothing)
        given = nothing.select(exact.alias("value")).schema["value"]
    except RecursionError as failure:
        raise Refused(TOO_DEEP) from failure
    except FAILURES as failure:
        raise Refused(first_line(failure)) from failure
    if not (given.is_numeric() or isinstance(given, _RESULTS)):
        raise Refused(f"an expression cannot give a {given}")
    # What has more than 64 bits is held in its record, and no reason to refuse the expression.
    _try_out(lenient, {path: properties[path] for path in sorted(uses)})
    return Compiled(exact, given, uses, None if too_large is None else (lenient, too_large))


def _try_out(expression: pl.Expr, properties: Properties) -> None:
    """One record that an expression cannot compute would stop all others, so it must compute whatever records may hold."""
    columns = [_tried(path, kind, shift) for shift, (path, kind) in enumerate(properties.items())]
    # As text, which each value becomes: not every moment that can be computed can be written.
    evaluate(expression.cast(pl.String), nested_frame(columns) if columns else pl.DataFrame({"nothing": [None]}))


def evaluate(expression: pl.Expr, frame: pl.DataFrame) -> pl.Series:
    """What the expression gives over a frame, or Refused where it cannot be computed."""
    try:
        return frame.select(expression.alias("value")).to_series()
    except FAILURES as failure:
        raise Refused(f"there are values on which it fails: {first_line(failure)}{_way_out(str(failure))}") from failure


def _tried(path: str, kind: str, shift: int) -> pl.Series:
    """Each value in turn, shifted so that it meets each value of the other columns."""
    values = _TRIED[kind]
    rows = range(_ROWS_TRIED)
    return pl.Series(path, [values[(row + shift * (row // len(values))) % len(values)] for row in rows], dtype=DTYPES[kind])


def _way_out(failure: str) -> str:
    if "division by zero" in failure:
        return "; divide by NULLIF(…, 0)"
    if "overflow in decimal" in failure:
        return "; TRY_CAST(… AS DECIMAL(18, 4)) leaves room to compute with"
    if "to `u64` failed" in failure:
        return "; GREATEST(…, 0) keeps a length from being negative"
    if "regex" in failure:
        return "; a pattern stands in the expression"
    return "; TRY_CAST gives null instead" if "conversion" in failure else ""


def nested_frame(columns: Sequence[pl.Series]) -> pl.DataFrame:
    """Columns that are named by dotted paths as the nested frame that an expression looks at."""
    leaves = pl.DataFrame([column.alias(f"#{number}") for number, column in enumerate(columns)])
    tree = _tree({column.name: pl.col(f"#{number}") for number, column in enumerate(columns)})
    return leaves.select(_column_of(node).alias(name) for name, node in tree.items())


def _column_of(node: Any) -> pl.Expr:
    return pl.struct(_column_of(inner).alias(name) for name, inner in node.items()) if isinstance(node, dict) else node


def frame_schema(properties: Properties) -> dict[str, pl.DataType]:
    """Dotted paths as the nested columns that an expression names with dots."""
    tree = _tree({path: DTYPES[kind] for path, kind in properties.items()})
    return {name: _dtype(node) for name, node in tree.items()}


def _tree(leaves: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, name = path.split(".")
        branch = tree
        for parent in parents:
            inner = branch.setdefault(parent, {})
            branch = inner if isinstance(inner, dict) else branch.setdefault(f"{parent}.", {})
        branch.setdefault(name, leaf)
    return tree


def _dtype(node: Any) -> pl.DataType:
    return pl.Struct({name: _dtype(inner) for name, inner in node.items()}) if isinstance(node, dict) else node
