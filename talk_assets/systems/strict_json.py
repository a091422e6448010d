"""JSON as RFC 8259 has it and nothing beside: no NaN, no key twice, no half characters, no bottomless nesting."""

import json
import re
from decimal import Decimal
from itertools import chain, compress
from typing import Any, NoReturn

import msgspec

from talk_assets.systems.errors import BadAnswer, BadRecord, TooLarge

MAX_DEPTH = 100
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_BLANKS = b" \t\r\n"
_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|[dD][c-fC-F][0-9a-fA-F]{2})")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
Scalar = str | int | float | bool | None
_CONTAINERS = frozenset({dict, list})
_plain = msgspec.json.Decoder()
_exact = msgspec.json.Encoder(decimal_format="number")
_ordered = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def loads(text: str | bytes) -> Any:
    """Decode with numbers exact: integers of any size, fractions as Decimal."""
    try:
        source = text if isinstance(text, str) else text.decode()
        check_depth(source.encode())
        value = _strict.decode(source)
    except (ValueError, RecursionError) as failure:
        raise BadRecord(f"not strict JSON: {_told(failure)}") from None
    if problem := unstorable(source):
        raise BadRecord(problem)
    return value


def dumps(value: Any) -> bytes:
    """Encode; decimals as the numbers they are, `msgspec.Raw` parts byte for byte."""
    return _exact.encode(value)


def in_order(value: Any) -> bytes:
    """The same text for the same value: in which order an object tells its members says nothing."""
    return _ordered.encode(value)


def check_depth(body: bytes, limit: int = MAX_DEPTH) -> None:
    """Refuse deep nesting before a parser recurses into it."""
    if is_deep(body, limit):
        raise TooLarge(f"nested more than {limit} deep")


def is_deep(body: bytes, limit: int = MAX_DEPTH) -> bool:
    """Counting brackets is quick and mostly enough; brackets inside text make a second, exact look necessary. Text could
    hide nesting from the first look, and then the parser's own limit holds.
    """
    return _depth(body) > limit and _depth(re.sub(rb'"[^"\\]*(?:\\.[^"\\]*)*"', b"", body)) > limit


def unstorable(text: str) -> str | None:
    """What no database stores as text, and no comparison survives."""
    if "\\u" not in text:
        return None
    single = _PAIR.sub("", text.replace("\\\\", ""))
    return (
        "text that cannot be stored (NUL, half a surrogate pair) or a number that is none (NaN, Infinity)"
        if _UNSTORABLE.search(single)
        else None
    )


def names_keys_once(text: str | bytes) -> bool:
    """Whether counting is enough to know that no object names a key twice; True for most texts, at a third of the cost of a
    strict parse.
    """
    try:
        value = _plain.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return count_keys(text if isinstance(text, bytes) else text.encode()) == _keys_of(value)


def count_keys(text: bytes) -> int:
    """How many keys are written there, or more: what stands in a text may look like one."""
    return text.translate(None, _BLANKS).count(b'":')


def is_strict(text: str) -> bool:
    """Whether `loads` takes its keys and numbers."""
    if names_keys_once(text):
        return True
    try:
        _strict.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for code in body.translate(None, _NOT_BRACKETS):
        if code in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _told(failure: Exception) -> str:
    if isinstance(failure, json.JSONDecodeError):
        return f"{failure.msg} at character {failure.pos}"
    if isinstance(failure, RecursionError):
        return "nested too deep"
    if isinstance(failure, UnicodeDecodeError):
        return f"not UTF-8 at byte {failure.start}"
    return str(failure)


def _keys_of(value: Any) -> int:
    found = 0
    level = [value]
    while level:
        objects = [one for one in level if type(one) is dict]
        found += sum(map(len, objects))
        lists = [one for one in level if type(one) is list]
        inner = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(lists)]
        # A million values of a page pass here: nothing of it is a step of Python.
        level = list(compress(inner, map(_CONTAINERS.__contains__, map(type, inner))))
    return found


def require_json(body: bytes, content_type: str, what: str) -> None:
    """A page of HTML with status 200 is an error and never an empty list."""
    kind = content_type.partition(";")[0].strip().lower()
    starts = body[:64].lstrip()[:1]
    if kind and kind not in {"application/json", "text/json"} and not kind.endswith("+json"):
        raise BadAnswer(f"{what} came as {kind}, not as JSON: a login or maintenance page?")
    if not kind and starts not in {b"[", b"{"}:
        raise BadAnswer(f"{what} has no content type and is not JSON")


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text[:40]} is a number beyond all that can be kept") from None


_strict = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_number, parse_constant=_no_constant)
