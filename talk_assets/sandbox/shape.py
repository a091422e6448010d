"""What the records of an entity look like: a table of properties, and values checked against it."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

from talk_assets.sandbox.clock import NotAStamp, parse_stamp

Flat = dict[str, Any]
"""Values by dotted path."""

_KINDS = ("text", "int", "number", "bool", "date", "stamp", "uuid", "ints", "unix", "json")
_ACCESS = {
    "rw": (True, True, True),
    "ro": (False, False, True),
    "new": (True, False, True),
    "in": (True, False, False),
    "set": (False, True, True),
}


@dataclass(frozen=True, slots=True)
class Complaint(Exception):
    """What is wrong with one value that was sent."""

    path: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Property:
    path: str
    kind: str
    on_create: bool
    on_update: bool
    shown: bool
    required: bool = False
    unique: bool = False
    longest: int | None = None
    values: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    default: Any = None


@dataclass(frozen=True)
class Shape:
    entity: str
    properties: Mapping[str, Property] = field(hash=False)

    @cached_property
    def by_lower(self) -> Mapping[str, Property]:
        return {path.lower(): found for path, found in self.properties.items()}

    @cached_property
    def groups(self) -> frozenset[str]:
        """Paths that hold an object with properties of its own."""
        return frozenset(path.rpartition(".")[0] for path in self.properties if "." in path)

    @cached_property
    def references(self) -> Sequence[Property]:
        return [p for p in self.properties.values() if p.refers]

    @cached_property
    def uniques(self) -> Sequence[Property]:
        return [p for p in self.properties.values() if p.unique]

    def inside(self, group: str) -> list[Property]:
        return [p for p in self.properties.values() if p.path.startswith(f"{group}.")]


def shape(entity: str, table: str) -> Shape:
    """Reads one line per property: `path kind access [!] [unique] [<=50] [->entity] [{A|B}] [=default]`.
    Access: rw, ro, new (taken on create only), in (like new, and never shown), set (taken on update only).
    """
    properties = {}
    for line in table.strip().splitlines():
        path, kind, access, *marks = line.split()
        if kind not in _KINDS:
            raise ValueError(f"{entity}.{path}: no kind {kind!r}")
        on_create, on_update, shown = _ACCESS[access]
        properties[path] = Property(path, kind, on_create, on_update, shown, **_marks(marks))
    return Shape(entity, properties)


def _marks(marks: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mark in marks:
        if mark == "!":
            found["required"] = True
        elif mark == "unique":
            found["unique"] = True
        elif mark.startswith("<="):
            found["longest"] = int(mark[2:])
        elif mark.startswith("->"):
            found["refers"] = tuple(mark[2:].split("|"))
        elif mark.startswith("{"):
            found["values"] = tuple(mark[1:-1].split("|"))
        elif mark.startswith("="):
            found["default"] = {"true": True, "false": False}.get(mark[1:], mark[1:])
        else:
            raise ValueError(f"no mark {mark!r}")
    return found


def flatten(of: Shape, body: Mapping[str, Any], *, any_case: bool = False) -> tuple[Flat, list[str]]:
    """The values of a body by the shape's own paths, and the paths the shape does not have.
    A group that is null gives null for everything inside.
    """
    flat: Flat = {}
    unknown: list[str] = []
    groups = {group.lower(): group for group in of.groups} if any_case else {group: group for group in of.groups}
    known = of.by_lower if any_case else of.properties

    def walk(part: Mapping[str, Any], prefix: str) -> None:
        for name, value in part.items():
            path = f"{prefix}{name}"
            look = path.lower() if any_case else path
            if look in known:
                flat[known[look].path] = value
            elif look in groups and value is None:
                flat.update({p.path: None for p in of.inside(groups[look])})
            elif look in groups and isinstance(value, Mapping):
                walk(value, f"{path}.")
            else:
                unknown.append(path)

    walk(body, "")
    return flat, unknown


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *groups, last = path.split(".")
        part = nested
        for group in groups:
            part = part.setdefault(group, {})
        part[last] = value
    return nested


def converted(of: Property, value: Any, *, lenient: bool = False) -> Any:  # noqa: PLR0911 - one line per kind
    """`value` as this property holds it. `lenient` also takes numbers written as text, as .NET does."""
    if value is None:
        return None
    match of.kind:
        case "text":
            return _text(of, value)
        case "int" | "unix":
            return _whole(of, value, lenient=lenient)
        case "number":
            return _number(of, value, lenient=lenient)
        case "bool":
            return _typed(of, value, bool, "true or false")
        case "date":
            return _date(of, value)
        case "stamp":
            return _stamp(of, value)
        case "uuid":
            return _uuid(of, value)
        case "ints":
            return [_whole(of, item, lenient=lenient) for item in _typed(of, value, list, "a list")]
        case _:
            return value


def from_text(of: Property, text: str) -> Any:
    """A value as a person types it; nothing at all empties the property."""
    if text == "":
        return None
    if of.kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if of.kind in ("ints", "json"):
        try:
            return json.loads(text)
        except ValueError:
            raise Complaint(of.path, "type", f"{of.path} takes JSON.") from None
    return converted(of, text, lenient=True)


def _typed(of: Property, value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise Complaint(of.path, "type", f"{of.path} takes {what}.")
    return value


def _text(of: Property, value: Any) -> str:
    _typed(of, value, str, "text")
    if of.values and value not in of.values:
        raise Complaint(of.path, "value", f"{of.path} takes one of {', '.join(of.values)}, not '{value}'.")
    if of.longest is not None and len(value) > of.longest:
        raise Complaint(of.path, "length", f"{of.path} takes at most {of.longest} characters.")
    if any("\ud800" <= c <= "\udfff" or c == "\0" for c in value):
        raise Complaint(of.path, "value", f"{of.path} holds characters that are no text.")
    return value


def _whole(of: Property, value: Any, *, lenient: bool) -> int:
    if lenient and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise Complaint(of.path, "type", f"{of.path} takes a whole number.")
    return value


def _number(of: Property, value: Any, *, lenient: bool) -> float | int:
    if lenient and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", value.strip()):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e15:
        raise Complaint(of.path, "type", f"{of.path} takes a number.")
    return value


def _date(of: Property, value: Any) -> str:
    """A date; a time behind it is left out."""
    try:
        return date.fromisoformat(_typed(of, value, str, "a date")[:10]).isoformat()
    except ValueError:
        raise Complaint(of.path, "type", f"{of.path} takes a date, such as 2026-11-21.") from None


def _stamp(of: Property, value: Any) -> str:
    try:
        parse_stamp(_typed(of, value, str, "a time"))
    except NotAStamp:
        raise Complaint(of.path, "type", f"{of.path} takes a time, such as 2026-11-21T08:00:00Z.") from None
    return value


def _uuid(of: Property, value: Any) -> str:
    try:
        return str(UUID(_typed(of, value, str, "a UUID")))
    except ValueError:
        raise Complaint(of.path, "type", f"{of.path} takes a UUID.") from None
