"""Records as systems send them → columns of text, one for each property that takes part, in one form per type.

Some thousand records are decoded at once into just these properties. Only where one of them holds a value of another type than
its spec says are they looked at record by record, and only that value is held.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec
import polars as pl

from talk_assets.specs.system import Property
from talk_assets.sync.model import EntityModel
from talk_assets.sync.values import ABSENT, MISFIT, empty_to_null
from talk_assets.systems import stamps, strict_json
from talk_assets.systems.encode import decode, is_hidden, missing, raw_at
from talk_assets.systems.errors import Mistyped

_UNSET = msgspec.UNSET
_KINDS: dict[str, Any] = {"string": str, "integer": int, "boolean": bool, "decimal": msgspec.Raw, "json": msgspec.Raw}
_AT_ONCE = 5_000
"""Records: what one that does not fit costs, and what is in memory as objects."""
_MAYBE_COMPOSED = r"[\x{300}-\x{10FFFF}]"
"""Text without these is in its normal form."""


@dataclass(frozen=True)
class Decoder:
    """Makes text of one entity's records."""

    entity: EntityModel

    def columns(self, bodies: pl.Series) -> pl.DataFrame:
        """One column for each of the entity's properties, one row for each record."""
        texts = bodies.cast(pl.Binary)
        parts = [texts.slice(start, _AT_ONCE).to_list() for start in range(0, len(texts), _AT_ONCE)]
        return pl.concat([self._columns(part) for part in parts] or [self._frame({})])

    def _columns(self, bodies: Sequence[bytes]) -> pl.DataFrame:
        try:
            records = list(map(self._record.decode, bodies))
        except (msgspec.MsgspecError, RecursionError):
            return self._one_by_one(bodies)
        return self._frame({path: self._texts[path](raw) for path, raw in self._object.columns(records)})

    def _frame(self, texts: Mapping[str, Sequence[str | None]]) -> pl.DataFrame:
        schema = dict.fromkeys(self.entity.columns, pl.String)
        frame = pl.DataFrame({path: texts.get(path, ()) for path in schema}, schema=schema)
        composed = _maybe_composed(frame)
        return frame.with_columns(
            empty_to_null(pl.col(path).str.normalize("NFC") if path in composed else pl.col(path)) for path in schema
        )

    def _one_by_one(self, bodies: Sequence[bytes]) -> pl.DataFrame:
        records = [strict_json.loads(body) for body in bodies]
        return self._frame({path: [self._held(path, record) for record in records] for path in self.entity.columns})

    def _held(self, path: str, record: Any) -> str | None:
        prop, raw = self.entity.prop(path), raw_at(record, path)
        if missing(raw):
            return ABSENT
        try:
            text = _text(prop, raw, decode(prop, raw, path, self.entity.ref.system.time_zone))
        except Mistyped as failure:
            return f"{MISFIT}{failure}"
        return ABSENT if is_hidden(prop, raw) else text

    @cached_property
    def _object(self) -> "_Object":
        return _object([(path, path.split(".")) for path in self.entity.columns], self._kind)

    @cached_property
    def _record(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self._object.kind)

    def _is_bare(self, path: str) -> bool:
        """A value that means what it says."""
        prop = self.entity.prop(path)
        return not (prop.encoded or prop.hidden_as) and isinstance(prop.values, tuple)

    def _kind(self, path: str) -> tuple[Any, Any]:
        """What a property is decoded to, and what stands for it where a record does not mention it."""
        prop = self.entity.prop(path)
        if prop.type == "string" and self._is_bare(path):
            return str | None, ABSENT
        kind = int if prop.encoded == "unix_seconds" else _KINDS.get(prop.type, str)
        # Raw takes everything, and in a union nothing.
        return kind if kind is msgspec.Raw else kind | None | msgspec.UnsetType, _UNSET

    @cached_property
    def _texts(self) -> dict[str, Callable[[Sequence[Any]], Sequence[str | None]]]:
        return {path: self._text(path) for path in self.entity.columns}

    def _text(self, path: str) -> Callable[[Sequence[Any]], Sequence[str | None]]:
        prop = self.entity.prop(path)
        match prop.type:
            case "string" if self._is_bare(path):
                return lambda raw: raw
            case "integer" if self._is_bare(path):
                return lambda raw: [one if one is None else ABSENT if one is _UNSET else str(one) for one in raw]
            case "decimal" | "json":
                return lambda raw: self._told_once(path, [bytes(one) if type(one) is msgspec.Raw else one for one in raw])
            case _:
                return lambda raw: self._told_once(path, raw)

    def _told_once(self, path: str, raw: Sequence[Any]) -> list[str | None]:
        """Each value once: days, amounts and choices are few, and what they mean takes time to tell."""
        return list(map(_Told(self._each(path)).__getitem__, raw))

    def _each(self, path: str) -> Callable[[Any], str | None]:
        prop, zone = self.entity.prop(path), self.entity.ref.system.time_zone

        def text(raw: Any) -> str | None:
            value = _loaded(raw)
            if value is _UNSET or is_hidden(prop, value):
                return ABSENT
            if value is None:
                return None
            try:
                return _text(prop, value, _decoded(prop, value, path, zone))
            except Mistyped as failure:
                return f"{MISFIT}{failure}"

        return text


def _maybe_composed(frame: pl.DataFrame) -> set[str]:
    """The columns with text that may not be in its normal form. Most are plain ASCII, which is seen at once."""
    every = pl.all().str
    beyond = _where_true(frame.select(every.len_bytes().sum() > every.len_chars().sum()))
    return _where_true(frame.select(pl.col(beyond).str.contains(_MAYBE_COMPOSED).any()))


def _where_true(told: pl.DataFrame) -> set[str]:
    """The names of columns, of a frame of one row."""
    return {name for name, is_so in zip(told.columns, *told.rows(), strict=True) if is_so}


class _Told(dict[Any, str | None]):
    """What was told of a value before."""

    def __init__(self, tell: Callable[[Any], str | None]) -> None:
        super().__init__()
        self._tell = tell

    def __missing__(self, raw: Any) -> str | None:
        self[raw] = text = self._tell(raw)
        return text


def _text(prop: Property, raw: Any, value: Any) -> str | None:
    """A value in the one form of its type."""
    if prop.type == "json":
        return None if value is None else strict_json.dumps(value).decode()
    text = _text_of(value)
    # A datetime ends at six digits, and some servers tell more.
    return f"{text}{stamps.finer(raw)}" if isinstance(value, datetime) and isinstance(raw, str) else _told(prop, text)


def _decoded(prop: Property, raw: Any, path: str, zone: str) -> Any:
    """Of what the batch has checked by its type already, only what that says nothing about."""
    return decode(prop, raw, path, zone) if prop.encoded or prop.type in {"date", "datetime", "decimal"} else raw


def _loaded(raw: Any) -> Any:
    if not isinstance(raw, bytes):
        return raw
    text = raw.decode()
    return Decimal(text) if text[0] in "-0123456789" else strict_json.loads(text)


@dataclass(frozen=True)
class _Object:
    """A class with the members of an object that are needed; everything else in it is skipped. Below what is absent everything
    is absent, and below a null everything is null.
    """

    kind: Any
    values: Sequence[tuple[str, str]]
    """By path: the name of the member."""
    objects: Sequence[tuple["_Object", str]]
    nulls: Any

    def columns(self, records: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        members = dict(zip(self.kind.__struct_fields__, zip(*map(msgspec.structs.astuple, records), strict=True), strict=False))
        for path, name in self.values:
            yield path, members[name]
        for inner, name in self.objects:
            yield from inner.columns([inner.nulls if one is None else one for one in members[name]])


def _object(paths: Iterable[tuple[str, Sequence[str]]], kind: Callable[[str], tuple[Any, Any]]) -> _Object:
    members: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for path, (first, *rest) in paths:
        members.setdefault(first, []).append((path, rest))
    fields: list[tuple[str, Any, Any]] = []
    values: list[tuple[str, str]] = []
    objects: list[tuple[_Object, str]] = []
    names: dict[str, str] = {}
    for number, (member, below) in enumerate(members.items()):
        own = f"f{number}"
        names[own] = member
        deeper = [(path, rest) for path, rest in below if rest]
        if deeper:
            inner = _object(deeper, kind)
            objects.append((inner, own))
            fields.append((own, inner.kind | None, msgspec.field(default_factory=inner.kind)))
        else:
            values.append((below[0][0], own))
            fields.append((own, *kind(below[0][0])))
    made: Any = msgspec.defstruct("Object", fields, rename=names, gc=False)
    return _Object(made, values, objects, made(**dict.fromkeys(names, None)))


def _text_of(value: Any) -> str | None:
    match value:
        case None | "":
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return _plain(value)
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        case _:
            return str(value)


def _plain(number: Decimal) -> str:
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _told(prop: Property, text: str | None) -> str | None:
    """What the API's own word for a value means."""
    return prop.values.get(text, text) if text is not None and not isinstance(prop.values, tuple) else text
