"""Values between a record's JSON and ours, both ways, by the type its property has. What does not fit is said, not bent."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from talk_assets.specs.property import Property
from talk_assets.specs.system import Entity
from talk_assets.systems import stamps
from talk_assets.systems.errors import CannotWrite, Mistyped

_MISSING: Any = object()
_DATE_LENGTH = len("2026-11-20")
_MAGNITUDE = 1_000
_NUMBER = re.compile(r"-?[0-9]{1,1000}(\.[0-9]{1,1000})?([eE][+-]?[0-9]{1,4})?")
_Number = TypeVar("_Number", int, Decimal, int | Decimal)
_JSON_KINDS: Mapping[str, type] = {"string": str, "integer": int, "boolean": bool, "date": str, "datetime": str}


@dataclass(frozen=True)
class Decoded:
    values: dict[str, Any]
    """By property. One that the record does not mention is not here; null is None."""
    mistyped: dict[str, str] = field(default_factory=dict)
    """Properties whose value does not fit their type, and why."""


def decode_record(entity: Entity, record: Mapping[str, Any], zone: str) -> Decoded:
    """All declared properties of a record."""
    found = Decoded({})
    for path, prop in entity.properties.items():
        raw = raw_at(record, path)
        if raw is _MISSING or is_hidden(prop, raw):
            continue
        try:
            found.values[path] = decode(prop, raw, path, zone)
        except Mistyped as failure:
            found.mistyped[path] = str(failure)
    return found


def decode(prop: Property, raw: Any, path: str = "", zone: str = "UTC") -> Any:
    """Text, int, Decimal, bool, date, datetime in UTC, or JSON as it is; what is empty is None whatever the type."""
    if type(raw) is type(prop.empty_as) and raw == prop.empty_as:
        return None
    value = _decode(prop, raw, path, zone)
    # A number may be written in several ways, or as text.
    return None if prop.empty_as is not None and value == prop.empty_as else value


def _decode(prop: Property, raw: Any, path: str, zone: str) -> Any:
    if raw is None or (raw == "" and prop.encoded == "text"):
        return None
    if prop.encoded == "text":
        raw = _in_text(raw, path)
    match prop.type:
        case "string":
            text = _fitting(raw, str, path)
            return text.upper() if prop.encoded == "lower_case" else text
        case "integer":
            return _integer(raw, path)
        case "decimal":
            return _bounded(Decimal(_fitting(raw, int | Decimal, path)), path)
        case "boolean":
            return _fitting(raw, bool, path)
        case "date":
            return _date(prop, raw, path)
        case "datetime":
            return _datetime(prop, raw, path, zone)
        case "json":
            return raw


def json_kind(prop: Property) -> type | None:
    """What JSON has for a property's values besides null. None: a number that must be read digit by digit, or anything."""
    match prop.encoded:
        case "unix_seconds" | "unix_milliseconds":
            return int
        case "text":
            return str
        case _:
            return _JSON_KINDS.get(prop.type)


def encode(prop: Property, value: Any, path: str = "", zone: str = "UTC", held: Any = None) -> Any:
    """The same the other way; ids of references come as text and leave as the API has them, stamps in the zone of its own, but
    with an offset where the value that is `held` now has one.
    """
    if value is None:
        is_number = prop.type in {"integer", "decimal"} and prop.empty_as not in {None, ""}
        return _encode(prop, prop.empty_as, path, zone) if is_number else prop.empty_as
    if is_hidden(prop, value):
        raise CannotWrite(f"{path}: {value!r} stands for a value we may not see and is not written")
    has_offset = prop.type == "datetime" and isinstance(held, str) and bool(held) and not stamps.is_offsetless(held)
    encoded = _encode(prop, value, path, "UTC" if has_offset else zone)
    if prop.values and str(encoded) not in prop.values:
        raise CannotWrite(f"{path}: {encoded!r} is not one of {', '.join(prop.values)}")
    if prop.max_length is not None and isinstance(encoded, str) and len(encoded) > prop.max_length:
        raise CannotWrite(f"{path}: {len(encoded)} characters, and {prop.max_length} are allowed")
    return encoded


def alike(prop: Property, one: Any, other: Any, zone: str = "UTC") -> bool:
    """Whether two raw values say the same, even if a server trimmed one or changed its case."""
    if one == other:
        return True
    try:
        first, second = decode(prop, one, zone=zone), decode(prop, other, zone=zone)
    except Mistyped:
        return False
    return first == second or _plain(first) == _plain(second)


def raw_at(record: Any, path: str) -> Any:
    """The raw value at a path. Below a null everything is null; what nobody mentions is `missing`."""
    for step in path.split("."):
        if record is None:
            return None
        if not isinstance(record, Mapping) or step not in record:
            return _MISSING
        record = record[step]
    return record


def missing(raw: Any) -> bool:
    return raw is _MISSING


def is_hidden(prop: Property, value: Any) -> bool:
    return prop.hidden_as is not None and value == prop.hidden_as


def _encode(prop: Property, value: Any, path: str, zone: str) -> Any:
    match prop.type:
        case "string" if isinstance(value, str):
            return value.lower() if prop.encoded == "lower_case" else value
        case "integer" if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
            return str(_whole(value, path)) if prop.encoded else _whole(value, path)
        case "decimal" if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool):
            return f"{Decimal(_number(value, path)):f}" if prop.encoded else _number(value, path)
        case "boolean" if isinstance(value, bool):
            return value
        case "date" if isinstance(value, date) and not isinstance(value, datetime):
            return (
                _since_1970(prop, datetime(value.year, value.month, value.day, tzinfo=UTC))
                if prop.encoded
                else value.isoformat()
            )
        case "datetime" if isinstance(value, datetime) and value.tzinfo:
            text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
            return _since_1970(prop, value) if prop.encoded else stamps.told_in(text, zone)
        case "datetime" if isinstance(value, str) and (moment := stamps.instant(value, zone)):
            return _since_1970(prop, moment.at()) if prop.encoded else stamps.told_in(value, zone)
        case "json":
            return value
    raise CannotWrite(f"{path}: a {type(value).__name__} cannot be written as {prop.type}")


def _fitting(raw: Any, kind: Any, path: str) -> Any:
    if not isinstance(raw, kind) or (isinstance(raw, bool) and kind is not bool):
        raise Mistyped(path, f"found {_told(raw)}")
    return raw


def _in_text(raw: Any, path: str) -> Decimal:
    text = _fitting(raw, str, path)
    if not _NUMBER.fullmatch(text):
        raise Mistyped(path, f"{text[:40]!r} is no number")
    return Decimal(text)


def _integer(raw: Any, path: str) -> int:
    number = _bounded(_fitting(raw, int | Decimal, path), path)
    if number != int(number):
        raise Mistyped(path, f"found {_told(raw)}, not a whole number")
    return int(number)


def _bounded(number: _Number, path: str) -> _Number:
    """A short text can say a number that fills the memory once it is written out."""
    if isinstance(number, Decimal) and abs(number.adjusted()) > _MAGNITUDE:
        raise Mistyped(path, f"{str(number)[:40]} is a number beyond all that can be kept")
    return number


def _date(prop: Property, raw: Any, path: str) -> date:
    if prop.encoded:
        return _counted(prop, raw, path).date()
    text = _fitting(raw, str, path)
    try:
        # Some send a time of day with it.
        if len(text) > _DATE_LENGTH and text[_DATE_LENGTH] not in "Tt ":
            raise Mistyped(path, f"{text[:40]!r} is no date")
        return date.fromisoformat(text[:_DATE_LENGTH])
    except ValueError:
        raise Mistyped(path, f"{text[:40]!r} is no date") from None


def _datetime(prop: Property, raw: Any, path: str, zone: str) -> datetime:
    if prop.encoded:
        return _counted(prop, raw, path)
    text = _fitting(raw, str, path)
    if stamps.is_ambiguous(text, zone):
        raise Mistyped(path, f"{text!r} happens twice or never in {zone}; the API should send an offset")
    return _moment(text, path, zone)


def _moment(text: str, path: str, zone: str) -> datetime:
    return _known(stamps.instant(text, zone), text, path)


def _counted(prop: Property, raw: Any, path: str) -> datetime:
    """A moment as a number of what went by since 1970."""
    if prop.encoded == "in_slashes":
        text = _fitting(raw, str, path)
        return _known(stamps.milliseconds(stamps.in_slashes(text) or ""), text, path)
    text = str(_integer(raw, path) if prop.type == "date" else _fitting(raw, int | Decimal, path))
    return _known(stamps.seconds(text) if prop.encoded == "unix_seconds" else stamps.milliseconds(text), text, path)


def _known(moment: stamps.Instant | None, text: str, path: str) -> datetime:
    if moment is None:
        raise Mistyped(path, f"{text[:40]!r} is no time stamp")
    return moment.at()


def _whole(value: int | str | Decimal, path: str) -> int:
    try:
        number = Decimal(value)
        if number == int(number) and not (isinstance(value, str) and str(int(number)) != value):
            return int(number)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise CannotWrite(f"{path}: {value!r} is no whole number")


def _number(value: float | Decimal | str, path: str) -> Decimal | int:
    if isinstance(value, int):
        return value
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise CannotWrite(f"{path}: {value!r} is no number") from None
    if not number.is_finite():
        raise CannotWrite(f"{path}: {value!r} is no number JSON knows")
    return number


def _since_1970(prop: Property, moment: datetime) -> int | str:
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    if prop.encoded == "unix_seconds":
        return passed // timedelta(seconds=1)
    milliseconds = passed // timedelta(milliseconds=1)
    return milliseconds if prop.encoded == "unix_milliseconds" else f"/Date({milliseconds})/"


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    return " ".join(unicodedata.normalize("NFC", value).casefold().split()) if isinstance(value, str) else value


def _told(raw: Any) -> str:
    names = {str: "text", bool: "true or false", int: "a number", Decimal: "a number", list: "a list", dict: "an object"}
    return names.get(type(raw), type(raw).__name__)
