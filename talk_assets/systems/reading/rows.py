"""From the bytes of a page to rows. A page is split, never decoded: each record keeps its own JSON text."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, cast

import msgspec
import xxhash

from talk_assets.specs.client import Client
from talk_assets.specs.system import Entity
from talk_assets.systems import strict_json
from talk_assets.systems.calling.words import at, member
from talk_assets.systems.encode import json_kind
from talk_assets.systems.errors import BadAnswer, BadRecord, TooLarge
from talk_assets.systems.reading.likeness import Kinds, Steps, likeness
from talk_assets.systems.strict_json import Scalar

MAX_RECORD_BYTES = 4 << 20
_SMALL_PAGE = 8 << 20
_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_PARTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b')
_ESCAPES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", re.DOTALL)
_Raw = msgspec.Raw
_NULL = msgspec.Raw(b"null")
_outer = msgspec.json.Decoder(dict[str, _Raw])
_rows = msgspec.json.Decoder(list[_Raw])
_any = msgspec.json.Decoder()
_digest = cast("Callable[[bytes | msgspec.Raw], int]", xxhash.xxh3_64_intdigest)


@dataclass(frozen=True)
class Quarantined:
    """A record that cannot be used, with the reason; the rest of its page can."""

    id: str | None
    reason: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Rows:
    """The records of one page, column by column."""

    ids: list[str]
    texts: list[str]
    digests: list[int]
    stamps: list[str | None]
    belongs: list[bool] | None
    """Whether each belongs to the entity, where several share an endpoint."""
    quarantined: tuple[Quarantined, ...] = ()
    paths: frozenset[Steps] | None = None
    """The members that each record has, but for objects, if all have the same ones and their values are of the kinds that JSON
    has for their properties.
    """

    @property
    def sent(self) -> int:
        """How many the server put on the page."""
        return len(self.ids) + len(self.quarantined)


@dataclass(frozen=True)
class Layout:
    """Where the rows of an entity's listing are, and what is read of each of them at once."""

    data: tuple[str, ...]
    success: str | None
    key: str
    stamp: str | None
    where: Mapping[str, tuple[Scalar, ...]]
    kinds: Kinds = ()
    """What JSON has for the values of properties."""
    null_when_empty: bool = False

    @classmethod
    def of(cls, entity: Entity, client: Client) -> "Layout":
        cursor = entity.list.cursor
        return cls(
            data=_steps(client.envelope) + _steps(entity.list.data_selector),
            success=client.success,
            key=entity.key,
            stamp=cursor.property if cursor else entity.modified,
            where=entity.where,
            kinds=tuple((_steps(path), json_kind(prop)) for path, prop in entity.properties.items()),
            null_when_empty=entity.list.null_when_empty,
        )

    @cached_property
    def head(self) -> "Head":
        """Reads the few members that are needed of every record, and skips the others at the speed of C."""
        loose = str | int | float | bool | None | msgspec.UnsetType
        paths: dict[str, Any] = {path: loose for path in (self.stamp, *self.where) if path}
        kind, attributes = _head(paths | {self.key: int | str | msgspec.UnsetType})
        return Head(msgspec.json.Decoder(list[kind]), {path: _reader(steps) for path, steps in attributes.items()})


@dataclass(frozen=True)
class Head:
    decoder: msgspec.json.Decoder[list[Any]]
    read: Mapping[str, Callable[[Any], Any]]


@dataclass(frozen=True)
class Body:
    """A page taken apart: its rows, and what stands beside them."""

    rows: list[msgspec.Raw]
    listed: bytes
    """The list of them, as it was sent."""
    beside: Mapping[str, msgspec.Raw] = field(default_factory=dict)

    def member(self, path: str) -> Any:
        """What the body says at a path outside of its rows."""
        first, _, rest = (path, "", "") if path in self.beside else path.partition(".")
        if first not in self.beside:
            return None
        try:
            value = _any.decode(self.beside[first])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
            raise BadAnswer(f"{first!r}, beside the records, cannot be read: {failure}") from None
        return member(value, rest) if rest else value


def take_apart(body: bytes, layout: Layout) -> Body:
    """Find the rows. A body without them is an error: `{}` or `null` never means that there is no record."""
    try:
        return _take_apart(body, layout)
    except RecursionError:
        raise TooLarge("nested too deep") from None
    except msgspec.MsgspecError as failure:
        problem = str(failure)
    # NaN, Infinity and half surrogate pairs would cost the whole page: marked so that only their own records are lost.
    try:
        return _take_apart(_PARTS.sub(_marked, body), layout)
    except (msgspec.MsgspecError, RecursionError):
        raise BadAnswer(f"the list is no list of records: {problem}") from None


def read_rows(body: Body, layout: Layout, *, strict: bool = True) -> Rows:
    """Ids, texts, digests and stamps. `strict` also looks into every record for keys that are there twice."""
    found = likeness(body.rows, body.listed, layout.kinds)
    if not _SUSPICIOUS.search(body.listed) and (found or not strict_json.is_deep(body.listed)):
        try:
            rows = _all_at_once(body, layout, strict=strict and not found)
            return replace(rows, paths=found.paths) if found else rows
        except (msgspec.MsgspecError, UnicodeDecodeError, BadRecord, RecursionError):
            pass
    return _one_by_one(body.rows, layout)


def digest(text: str | bytes | msgspec.Raw) -> int:
    """64 bits that change when the text does."""
    return _digest(text.encode() if isinstance(text, str) else text)


def _texts(values: Iterable[Any]) -> list[str | None]:
    return [value if type(value) is str else text_of(value) for value in values]


def text_of(value: Any) -> str | None:
    """An id or stamp as text, digit for digit."""
    if value is None or value is msgspec.UNSET or isinstance(value, bool):
        return None
    return value if isinstance(value, str) else str(value)


def matches(record: Any, where: Mapping[str, tuple[Scalar, ...]]) -> bool:
    """Whether a decoded record has one of the wanted values at every path; a value left out counts as null."""
    return all(_wanted(at(record, path), allowed) for path, allowed in where.items())


def _marked(part: re.Match[bytes]) -> bytes:
    if part[0][:1] != b'"':
        return b'"\\u0000' + part[0] + b'"'
    return _ESCAPES.sub(_storable, part[0])


def _storable(escape: re.Match[bytes]) -> bytes:
    return b"\\u0000" if escape["half"] else escape[0]


def _take_apart(body: bytes, layout: Layout) -> Body:
    beside: Mapping[str, msgspec.Raw] = {}
    rows: bytes | msgspec.Raw = body
    if layout.data or layout.success:
        beside = _outer.decode(body)
    for depth, step in enumerate(layout.data):
        members = beside if depth == 0 else _outer.decode(rows)
        is_last = depth == len(layout.data) - 1
        if layout.null_when_empty and is_last and members.get(step, _NULL) == _NULL:
            rows = b"[]"
            break
        if step not in members:
            raise BadAnswer(f"the body has no {'.'.join(layout.data[: depth + 1])!r}, where the records should be")
        rows = members[step]
    listed = bytes(rows)
    return Body(_rows.decode(listed), listed, {name: raw for name, raw in beside.items() if name != (*layout.data, "")[0]})


def _all_at_once(body: Body, layout: Layout, *, strict: bool) -> Rows:
    read = layout.head.read
    heads = layout.head.decoder.decode(body.listed)
    keys = list(map(read[layout.key], heads))
    if msgspec.UNSET in keys or "" in keys:
        raise BadRecord("a record without an id")
    texts = [str(raw, "utf-8") for raw in body.rows]
    if max(map(len, texts), default=0) > MAX_RECORD_BYTES or (strict and not _are_strict(texts, body.listed)):
        raise BadRecord("a record that needs a closer look")
    return Rows(
        ids=list(map(str, keys)),
        texts=texts,
        digests=list(map(_digest, body.rows)),
        stamps=_texts(map(read[layout.stamp], heads)) if layout.stamp else [None] * len(texts),
        belongs=_belongs(heads, layout),
    )


def _are_strict(texts: list[str], listed: bytes) -> bool:
    """The whole page at once, unless it is so large that its values would fill the memory."""
    if len(listed) < _SMALL_PAGE and strict_json.names_keys_once(listed):
        return True
    return all(map(strict_json.is_strict, texts))


def _belongs(heads: list[Any], layout: Layout) -> list[bool] | None:
    if not layout.where:
        return None
    columns = []
    for path, allowed in layout.where.items():
        # With its type, since True == 1; a value left out counts as null.
        wanted: set[tuple[type, Any]] = {(type(value), value) for value in allowed}
        if None in allowed:
            wanted.add((msgspec.UnsetType, msgspec.UNSET))
        columns.append([(type(value), value) in wanted for value in map(layout.head.read[path], heads)])
    return columns[0] if len(columns) == 1 else list(map(all, zip(*columns, strict=True)))


def _one_by_one(raws: list[msgspec.Raw], layout: Layout) -> Rows:
    ids: list[str] = []
    texts: list[str] = []
    stamps: list[str | None] = []
    belongs: list[bool] = []
    bad: list[Quarantined] = []
    for raw in raws:
        text = bytes(raw).decode(errors="replace")
        id_: str | None = None
        try:
            record = _small(bytes(raw))
            id_ = record_id(record, layout.key)
        except (BadRecord, TooLarge) as failure:
            bad.append(Quarantined(id_ or _likely_id(raw, layout), str(failure), text[:MAX_RECORD_BYTES]))
            continue
        ids.append(id_)
        texts.append(text)
        stamps.append(text_of(at(record, layout.stamp)) if layout.stamp else None)
        belongs.append(matches(record, layout.where))
    return Rows(ids, texts, [digest(text) for text in texts], stamps, belongs if layout.where else None, tuple(bad))


def _small(text: bytes) -> Any:
    if len(text) > MAX_RECORD_BYTES:
        raise BadRecord(f"larger than {MAX_RECORD_BYTES:,} bytes")
    return strict_json.loads(text)


def _likely_id(raw: msgspec.Raw, layout: Layout) -> str | None:
    try:
        return record_id(_any.decode(raw), layout.key)
    except (msgspec.MsgspecError, BadRecord, RecursionError, UnicodeDecodeError):
        return None


def record_id(record: Any, key: str) -> str:
    """The id of a decoded record, as text."""
    if not isinstance(record, dict):
        raise BadRecord("not an object")
    value = at(record, key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadRecord(f"{key} is {'missing' if value is None else 'neither text nor a whole number'}")
    return str(value)


def _wanted(value: Any, allowed: tuple[Scalar, ...]) -> bool:
    value = None if value is msgspec.UNSET else value
    return any(value is one or (type(value) is type(one) and value == one) for one in allowed)


def _steps(path: str | None) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _head(paths: Mapping[str, Any]) -> tuple[type, dict[str, tuple[str, ...]]]:
    """A struct with a member per path, nested as the paths are; and by path, the attributes that lead there."""
    groups: dict[str, dict[str, Any]] = {}
    for path, kind in paths.items():
        first, _, rest = path.partition(".")
        groups.setdefault(first, {})[rest] = kind
    members: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    attributes: dict[str, tuple[str, ...]] = {}
    for number, (name, inner) in enumerate(groups.items()):
        attribute = f"m{number}"
        names[attribute] = name
        if "" in inner:
            kind, below = inner[""], {"": ()}
        else:
            nested, below = _head(inner)
            kind = nested | None | msgspec.UnsetType
        members.append((attribute, kind, msgspec.UNSET))
        attributes |= {f"{name}.{rest}" if rest else name: (attribute, *steps) for rest, steps in below.items()}
    return msgspec.defstruct("Head", members, rename=names, gc=False), attributes


def _reader(attributes: tuple[str, ...]) -> Callable[[Any], Any]:
    if len(attributes) == 1:
        return attrgetter(attributes[0])

    def read(head: Any) -> Any:
        for attribute in attributes:
            if head is None or head is msgspec.UNSET:
                return msgspec.UNSET
            head = getattr(head, attribute)
        return head

    return read
