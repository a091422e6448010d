"""Values as text. Between stages every value is text in one form per type, so that equal values are equal texts."""

from collections.abc import Mapping, Sequence

import polars as pl

from talk_assets.expressions import FAILURES
from talk_assets.expressions.gate import first_line

ABSENT = "\x00"
"""The record does not mention the property: no opinion, which is not the same as empty."""
PENDING = f"{ABSENT}names a record that is not known yet"
"""No opinion for now: it says something, and nobody knows what."""
MISFIT = "\x01"
"""Starts a text that says why a value does not fit; such a value is held, never written."""

_PARTS = 8
"""As many parts as what fails is divided into: with more, one failure costs more, with fewer, many do."""

_INTEGER = r"^[-+]?[0-9]+$"
_DECIMAL = r"^[-+]?[0-9]+(\.[0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MOMENT = "%Y-%m-%dT%H:%M:%S%.f"
_BEYOND_NINE_DECIMALS = r"\.[0-9]{9,}[1-9]"
_ROOM = {"integer": ": 64 bits", "decimal": ": 29 digits before the point and nine behind it"}


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


def day_of(value: pl.Expr, zone: str) -> pl.Expr:
    """The day that a moment is of in a zone; what is a day already stays one."""
    moment = value.str.to_datetime(_MOMENT, time_unit="us", strict=False).dt.replace_time_zone("UTC")
    day = moment.dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d")
    return pl.when(opinion(value)).then(pl.coalesce(day, value)).otherwise(value)


def start_of(value: pl.Expr, zone: str, path: str) -> pl.Expr:
    """The moment at which a day begins in a zone; what is a moment already stays one."""
    midnight = value.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
    start = midnight.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    said = pl.format(f"{MISFIT}{{}} does not begin at midnight in {zone}, as {path} needs", value)
    told = pl.coalesce(start.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f"), pl.when(midnight.is_not_null()).then(said), value)
    return pl.when(opinion(value)).then(told).otherwise(value)


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
            return plain.str.to_datetime(_MOMENT, time_unit="us", strict=False)
        case _:
            return plain


def beyond(value: pl.Expr, kind: str, path: str) -> pl.Expr:
    """A misfit where expressions cannot compute with what a text says, null where they can."""
    said = pl.format(f"{MISFIT}{{}} in {path} is beyond what expressions compute with{_ROOM.get(kind, '')}", value)
    is_rounded = value.str.contains(_BEYOND_NINE_DECIMALS) if kind == "decimal" else pl.lit(value=False)
    is_lost = opinion(value) & value.is_not_null() & (typed(value, kind).is_null() | is_rounded)
    return pl.when(misfit(value)).then(value).when(is_lost).then(said)


def cannot_be_computed(text: str, why_not: str = "") -> str:
    """A misfit, or its start."""
    return f"{MISFIT}{text} cannot be computed: {why_not}"


def computed(expression: pl.Expr, frame: pl.DataFrame, text: str, telling: pl.Expr | None = None) -> pl.Series:
    """What an expression gives for each record; a misfit for one that it cannot be computed of, which stops no other.

    `frame` has the columns that it reads. `telling` computes the same more slowly, with the misfits that are known beforehand.
    """
    try:
        return _at_once(expression, frame)
    except FAILURES:
        if telling is not None:
            return computed(telling, frame, text)
        # To look for what cannot be computed is dear, so records that say the same are looked at once.
        alike = frame.with_row_index("#row").group_by(frame.columns, maintain_order=True).agg("#row")
        values = _in_parts(expression, alike.drop("#row"), text)
        return alike.select("#row", value=values).explode("#row").sort("#row")["value"]


def _in_parts(expression: pl.Expr, frame: pl.DataFrame, text: str) -> pl.Series:
    try:
        return _at_once(expression, frame)
    except FAILURES as failure:
        if frame.height <= 1:
            return pl.Series("value", [cannot_be_computed(text, first_line(failure))] * frame.height, dtype=pl.String)
        parts = frame.iter_slices(-(-frame.height // _PARTS))
        return pl.concat([_in_parts(expression, part, text) for part in parts])


def _at_once(expression: pl.Expr, frame: pl.DataFrame) -> pl.Series:
    values = frame.select(expression.alias("value")).to_series()
    # What reads no column gives one value, however many records there are.
    return values if len(values) == frame.height else values.new_from_index(0, frame.height)


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
        plain = pl.when(text.str.contains(r"^[^e]*\.[^e]*$")).then(text.str.replace(r"\.?0+$", "")).otherwise(text)
        is_none = value.is_nan() | value.is_infinite() if dtype.is_float() else pl.lit(value=False)
        return (
            pl.when(is_none).then(pl.format(f"{MISFIT}{{}} is no number: something was divided by zero", text)).otherwise(plain)
        )
    return empty_to_null(value.cast(pl.String))
