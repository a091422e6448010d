"""JSON as RFC 8259 has it and nothing beside: no NaN, no key twice, no half characters, no bottomless nesting."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import chain, compress
from typing import Any, NoReturn

import msgspec

from talk_assets.systems.errors import BadAnswer, BadRecord, TooLarge

MAX_DEPTH = 100
_FORM_DEPTH = 10
_FORM_KEYS = 300
"""Objects with more of either are looked at singly."""
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|[dD][c-fC-F][0-9a-fA-F]{2})")
_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
Scalar = str | int | float | bool | None
_CONTAINERS = frozenset({dict, list})
_plain = msgspec.json.Decoder()
_exact = msgspec.json.Encoder(decimal_format="number")


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
    counted = text.count('":') if isinstance(text, str) else text.count(b'":')
    return counted == _count_keys(value)


def are_alike(objects: Sequence[msgspec.Raw], joined: bytes) -> bool:
    """Whether each of these has just the keys of the first one, once, in objects that are nested as there, and no lists. Most
    pages are so, and to see it takes a third of what it takes to count the keys of each. `joined` is the list of them.
    """
    try:
        alike = _alike(_form(_plain.decode(objects[0])))
        alike.decoder.decode(joined)
    except (IndexError, ValueError, msgspec.MsgspecError, RecursionError):
        return False
    # Each has all of them: there is nothing else where there are no more keys and brackets than that.
    brackets = joined.count(b"{") + joined.count(b"[")
    return joined.count(b'":') == len(objects) * alike.keys and brackets == len(objects) * alike.objects + 1


def has_repeated_keys(text: str) -> bool:
    """Whether an object names a key twice."""
    if names_keys_once(text):
        return False
    try:
        _strict.decode(text)
    except _RepeatedKey:
        return True
    except (ValueError, RecursionError):
        return False
    return False


_Form = tuple[tuple[str, "_Form | None"], ...]
"""The keys of an object, each with the form of the object that is there."""


@dataclass(frozen=True)
class _Alike:
    decoder: msgspec.json.Decoder[Any]
    keys: int
    objects: int


def _form(value: Any, depth: int = _FORM_DEPTH) -> _Form:
    if type(value) is not dict or not depth or len(value) > _FORM_KEYS or list in map(type, value.values()):
        raise ValueError("too much of an object to compare others with")
    return tuple((key, _form(inner, depth - 1) if type(inner) is dict else None) for key, inner in value.items())


@lru_cache(maxsize=64)
def _alike(form: _Form) -> _Alike:
    kind = _kind(form)
    return _Alike(msgspec.json.Decoder(list[kind]), *_size(form))


def _kind(form: _Form) -> Any:
    names = {f"f{number}": key for number, (key, _) in enumerate(form)}
    members = [(name, Scalar if inner is None else _kind(inner)) for name, (_, inner) in zip(names, form, strict=True)]
    return msgspec.defstruct("Alike", members, rename=names, gc=False)


def _size(form: _Form) -> tuple[int, int]:
    inner = [_size(one) for _, one in form if one is not None]
    return len(form) + sum(keys for keys, _ in inner), 1 + sum(objects for _, objects in inner)


class _RepeatedKey(ValueError):
    pass


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
        raise _RepeatedKey(f"the key {twice!r} is there twice")
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


def _count_keys(value: Any) -> int:
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


_strict = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_constant)
