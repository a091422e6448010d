"""The trees that Polars makes of expressions, and how they are changed where Polars means something else than SQL."""

import io
import json
from collections.abc import Callable
from typing import Any

import polars as pl

from talk_assets.expressions.gate import TOO_DEEP, Refused

_SMALL_PARTS = {
    *("Millennium", "Century", "Year", "IsoYear", "Quarter", "Month", "Week", "WeekDay", "Day", "OrdinalDay"),
    *("Hour", "Minute", "Second", "Millisecond", "Microsecond", "Nanosecond"),
}
"""Parts of a date that Polars gives in 8, 16 or 32 bits, so that what is computed with them could wrap round."""


def written(expression: pl.Expr) -> Any:
    return json.loads(expression.meta.serialize(format="json"))


def expression_of(tree: Any) -> pl.Expr:
    try:
        return pl.Expr.deserialize(io.StringIO(json.dumps(tree)), format="json")
    except pl.exceptions.ComputeError as failure:
        # Polars takes back all that it wrote itself, unless it is nested deeper than 128.
        raise Refused(TOO_DEEP) from failure


def rewritten(tree: Any, change: Callable[[dict[str, Any]], Any]) -> Any:
    """An expression's tree with each node changed, those below it first."""
    return json.loads(json.dumps(tree), object_hook=change)


def as_sql_says(tree: dict[str, Any]) -> dict[str, Any]:
    """A node of what Polars made of an expression, which would compute something else than SQL says."""
    match tree:
        case {"Alias": _}:
            raise Refused("an expression cannot be given a name")
        case {"Cast": {"dtype": {"Literal": "Int32"}} as cast}:
            return {"Cast": {**cast, "dtype": {"Literal": "Int64"}}}
        case {"Function": {"input": [text, {"BinaryExpr": _} as start, *rest], "function": {"StringExpr": "Slice"}} as slice_}:
            # A start before the first character is none that counts from the end.
            return {"Function": {**slice_, "input": [text, written(expression_of(start).clip(lower_bound=0)), *rest]}}
        case {"Function": {"input": [text, sought], "function": {"StringExpr": {"Find": _}}}}:
            return written(_before(expression_of(text), expression_of(sought)))
        case {"Function": {"function": {"StringExpr": "LenChars"}}}:
            # Not below zero, LENGTH(x) - 5 would be a very large number.
            return written(expression_of(tree).cast(pl.Int64))
        case {"Function": {"function": {"TemporalExpr": str(part)}}} if part in _SMALL_PARTS:
            return written(expression_of(tree).cast(pl.Int64))
        case {"format": _, "strict": _}:
            # STRPTIME gives null where a text does not follow the format; SQL has no TRY_ for it.
            return {**tree, "strict": False}
        case _:
            return tree


def _before(text: pl.Expr, sought: pl.Expr) -> pl.Expr:
    """How many characters stand before a text that is looked for, which is no pattern; Polars would count bytes."""
    all_but_last = text.str.split(sought).list.reverse().list.slice(1)
    before = all_but_last.list.last().str.len_chars().cast(pl.Int64)
    # Nothing is found before everything.
    return pl.when(sought == "").then(pl.when(text.is_not_null()).then(0)).otherwise(before)
