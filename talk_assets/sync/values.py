"""Values as text. Between stages every value is text in one form per type, so that equal values are equal texts."""

from collections.abc import Mapping, Sequence

import polars as pl

ABSENT = "\x00"
"""The record does not mention the property: no opinion, which is not the same as empty."""
PENDING = f"{ABSENT}names a record that is not known yet"
"""No opinion for now: it says something, and nobody knows what."""
MISFIT = "\x01"
"""Starts a text that says why a value does not fit; such a value is held, never written."""

_INTEGER = r"^[-+]?[0-9]+$"
_DECIMAL = r"^[-+]?[0-9]+(\.[0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"


def opinion(value: pl.Expr) -> pl.Expr:
    """Whether a text is a value or empty, rather than nothing said or a misfit."""
    return value.is_null() | ~(value.str.starts_with(ABSENT) | value.str.starts_with(MISFIT))


def misfit(value: pl.Expr) -> pl.Expr:
    return value.is_not_null() & value.str.starts_with(MISFIT)


def fitted(value: pl.Expr, kind: str, path: str) -> pl.Expr:
    """A value as a property of this kind writes it, or a misfit."""
    match kind:
        case "integer":
            whole = value.str.replace(r"\.0+$", "").str.replace(r"^\+", "")
            plain = whole.str.replace(r"^(-?)0+([0-9])", "${1}${2}")
            return _unless(whole.str.contains(_INTEGER), value, plain, path, "no whole number")
        case "decimal":
            return _unless(value.str.contains(_DECIMAL), value, value, path, "no number")
        case "boolean":
            return _unless(value.is_in(["true", "false"]), value, value, path, "neither true nor false")
        case "date":
            return _unless(value.str.contains(_DATE), value, value.str.slice(0, 10), path, "no date")
        case _:
            return value


def _unless(fits: pl.Expr, value: pl.Expr, fitting: pl.Expr, path: str, problem: str) -> pl.Expr:
    said = pl.format(f"{MISFIT}{{}} is {problem}, as {path} needs", value)
    return pl.when(~opinion(value) | value.is_null()).then(value).when(fits).then(fitting).otherwise(said)


def replaced(value: pl.Expr, values: Mapping[str, str], path: str) -> pl.Expr:
    """A value map; what it does not name is a misfit."""
    known = value.replace_strict(list(values), list(values.values()), default=None, return_dtype=pl.String)
    said = pl.format(f"{MISFIT}{{}} has no counterpart in the value map of {path}", value)
    return pl.when(~opinion(value) | value.is_null()).then(value).when(known.is_null()).then(said).otherwise(known)


def split_part(value: pl.Expr, separator: str, number: int, count: int) -> pl.Expr:
    """One part of a joined text: the last separators part it, so that a first part may hold them."""
    pieces = value.str.split(separator)
    part = (
        pieces.list.slice(0, pl.max_horizontal(pieces.list.len().cast(pl.Int64) - (count - 1), 1)).list.join(separator)
        if number == 0
        else pl.when(pieces.list.len() > count - number).then(pieces.list.get(number - count, null_on_oob=True))
    )
    return pl.when(opinion(value) & value.is_not_null()).then(empty_to_null(part)).otherwise(value)


def joined(parts: Sequence[pl.Expr], separator: str) -> pl.Expr:
    return empty_to_null(pl.concat_str(parts, separator=separator, ignore_nulls=True))


def empty_to_null(value: pl.Expr) -> pl.Expr:
    return pl.when(value != "").then(value)


def typed(value: pl.Expr, kind: str) -> pl.Expr:
    """Text → what expressions compute with; what says nothing becomes null."""
    plain = pl.when(opinion(value)).then(value)
    match kind:
        case "integer":
            return plain.cast(pl.Int64, strict=False)
        case "decimal":
            return plain.cast(pl.Decimal(38, 9), strict=False)
        case "boolean":
            return plain == "true"
        case "date":
            return plain.str.to_date("%Y-%m-%d", strict=False)
        case "datetime":
            return plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
        case _:
            return plain


def as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """What an expression gave → text, in the same forms."""
    if isinstance(dtype, pl.Boolean):
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
    if isinstance(dtype, pl.Date):
        return value.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    if dtype.is_decimal() or dtype.is_float():
        text = value.cast(pl.String)
        return pl.when(text.str.contains(".", literal=True)).then(text.str.replace(r"\.?0+$", "")).otherwise(text)
    return empty_to_null(value.cast(pl.String))
