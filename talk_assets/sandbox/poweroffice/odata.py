"""The part of OData's `$filter` that clients use here: comparisons joined by `and`."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from talk_assets.sandbox.clock import NotAStamp, parse_stamp

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_PART = re.compile(
    r"\s*(\w+)\s+(eq|ne|gt|ge|lt|le)\s+(?:datetimeoffset|datetime)?('(?:[^']|'')*'|[^\s']+)\s*(?:and\s+|$)", re.IGNORECASE
)


class BadFilter(Exception):
    pass


def condition(text: str) -> Callable[[Mapping[str, Any]], bool]:
    parts: list[tuple[str, Callable[[Any, Any], bool], Any]] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise BadFilter(f"Cannot read the filter from '{text[position:]}'.")
        parts.append((match[1].lower(), _COMPARISONS[match[2].lower()], _literal(match[3])))
        position = match.end()
    return lambda row: all(_holds(row, *part) for part in parts)


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    plain = {"true": True, "false": False, "null": None}
    if text.lower() in plain:
        return plain[text.lower()]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _holds(row: Mapping[str, Any], name: str, compare: Callable[[Any, Any], bool], wanted: Any) -> bool:
    value = next((value for key, value in row.items() if key.lower() == name), None)
    if name == "lastchanged" and isinstance(value, str) and isinstance(wanted, str):
        try:
            value, wanted = parse_stamp(value), parse_stamp(wanted)
        except NotAStamp:
            return False
    if value is None or wanted is None:
        return compare(value, wanted) if compare in (operator.eq, operator.ne) else False
    try:
        return compare(value, wanted)
    except TypeError:
        return False
