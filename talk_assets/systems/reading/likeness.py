"""Whether the objects of a page are all built as the first one is, as on most pages: then little is looked at in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from talk_assets.systems.strict_json import Scalar, count_keys

Steps = tuple[str, ...]
"""The keys that lead to a member of an object."""
Kinds = tuple[tuple[Steps, type | None], ...]
"""What values of members are, besides null. None: that is looked at elsewhere."""
_DEPTH = 10
_KEYS = 300
"""Objects with more of either are looked at singly."""
_BOUNDED: Mapping[type, Any] = {int: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]}
_plain = msgspec.json.Decoder()


@dataclass(frozen=True)
class Likeness:
    """What is so of all objects of a page."""

    paths: frozenset[Steps] | None
    """The members that hold no objects; no key has a quote in it. None: not all values are of the kinds that were expected."""


def likeness(objects: Sequence[msgspec.Raw], listed: bytes, expected: Kinds = ()) -> Likeness | None:
    """Whether each of these has just the keys of the first one, once, in objects that are nested as there, and no lists. To see
    that takes half of what it takes to count the keys of each. `listed` is the list of them.
    """
    try:
        form = _form(_plain.decode(objects[0]))
    except (IndexError, ValueError, msgspec.MsgspecError, RecursionError):
        return None
    for kinds in dict.fromkeys((expected, ())):
        try:
            built = _built(form, kinds)
            built.decoder.decode(listed)
        except (ValueError, msgspec.MsgspecError, RecursionError):
            continue
        # Each has all of them and no others: none is there twice where there are no more keys than that.
        if count_keys(listed) != len(objects) * built.keys:
            return None
        return Likeness(built.paths if kinds == expected else None)
    return None


_Form = tuple[tuple[str, "_Form | None"], ...]
"""The keys of an object, each with the form of the object that is there."""


@dataclass(frozen=True)
class _Built:
    decoder: msgspec.json.Decoder[Any]
    keys: int
    paths: frozenset[Steps]


def _form(value: Any, depth: int = _DEPTH) -> _Form:
    if type(value) is not dict or not depth or len(value) > _KEYS or list in map(type, value.values()):
        raise ValueError("too much of an object to compare others with")
    return tuple((key, _form(inner, depth - 1) if type(inner) is dict else None) for key, inner in value.items())


@lru_cache(maxsize=64)
def _built(form: _Form, expected: Kinds) -> _Built:
    kind = _object(form, dict(expected))
    return _Built(msgspec.json.Decoder(list[kind]), _keys(form), frozenset(_members(form)))


def _object(form: _Form, expected: Mapping[Steps, type | None], above: Steps = ()) -> Any:
    names = {f"f{number}": key for number, (key, _) in enumerate(form)}
    members = [(name, _member((*above, key), inner, expected)) for name, (key, inner) in zip(names, form, strict=True)]
    return msgspec.defstruct("Alike", members, rename=names, forbid_unknown_fields=True, gc=False)


def _member(steps: Steps, inner: _Form | None, expected: Mapping[Steps, type | None]) -> Any:
    if inner is not None:
        if expected.get(steps):
            raise ValueError("an object where a value is expected")
        return _object(inner, expected, steps)
    if any(len(other) > len(steps) and other[: len(steps)] == steps for other in expected):
        # No object is there, where one is expected.
        return None
    kind = expected.get(steps)
    return Scalar if kind is None else _BOUNDED.get(kind, kind) | None


def _keys(form: _Form) -> int:
    return len(form) + sum(_keys(inner) for _, inner in form if inner is not None)


def _members(form: _Form, above: Steps = ()) -> list[Steps]:
    found: list[Steps] = []
    for key, inner in form:
        found += [(*above, key)] if inner is None else _members(inner, (*above, key))
    return found
