"""Records as systems send them → columns of text, one for each property that takes part, in one form per type.

Some thousand records are decoded at once into just these properties. Only where one of them holds a value of another type than
its spec says are they looked at record by record, and only that value is held.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, lru_cache, reduce
from typing import Any

import msgspec
import polars as pl

from talk_assets.specs.property import Property
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.meaning.values import ABSENT, MISFIT, empty_to_null
from talk_assets.systems import stamps, strict_json
from talk_assets.systems.encode import decode, is_hidden, json_kind, missing, raw_at
from talk_assets.systems.errors import BadRecord, Mistyped
from talk_assets.systems.reading.likeness import Steps

Texts = Sequence[str | None] | pl.Series
_UNSET = msgspec.UNSET
_AT_ONCE = 5_000
"""Records: what one that does not fit costs, and what is in memory as objects."""
_MAYBE_COMPOSED = r"[\x{300}-\x{10FFFF}]"
"""Text without these is in its normal form."""


@dataclass(frozen=True)
class Decoder:
    """Makes text of one entity's records."""

    entity: EntityModel

    def columns(self, bodies: pl.Series, paths: frozenset[Steps] | None = None) -> pl.DataFrame:
        """One column for each of the entity's properties, one row for each record. `paths` are the members that each of them
        has, if it is known that all have the same ones and that their values are of the kinds that the properties say.
        """
        if paths is not None:
            # What Polars does not take for JSON, another parser may.
            with suppress(pl.exceptions.PolarsError):
                if known := self._known(bodies, paths):
                    return self._normal(self._frame(known))
        parts = [self._columns(part.cast(pl.Binary).to_list()) for part in _parts(bodies)]
        return self._normal(pl.concat([self._frame({}), *parts]))

    def _known(self, bodies: pl.Series, paths: frozenset[Steps]) -> Mapping[str, pl.Series] | None:
        """Nothing needs to be looked at value by value, but for those that mean something else than they say. None: each record
        has to be looked at.
        """
        found: dict[str, pl.Series] = {}
        for path, steps in self._others.items():
            digits = _digits(steps, bodies, paths) if self.entity.prop(path).type == "decimal" else None
            if digits is None:
                return None
            found[path] = self._meaning(path, digits)
        there = {path: steps for path, steps in self._kinds.items() if steps in paths}
        for path, texts in _texts_at(there, bodies).items():
            found[path] = texts if self._is_plain(path) else self._meaning(path, texts)
        return found | {path: _nothing(steps, paths, len(bodies)) for path, steps in self._kinds.items() if path not in there}

    def _columns(self, bodies: Sequence[bytes]) -> pl.DataFrame:
        try:
            records = list(map(self._object.decoder.decode, bodies))
        except (msgspec.MsgspecError, RecursionError):
            return self._one_by_one(bodies)
        return self._frame({path: self._texts[path](raw) for path, raw in self._object.columns(records)})

    def _frame(self, texts: Mapping[str, Texts]) -> pl.DataFrame:
        schema = dict.fromkeys(self.entity.columns, pl.String)
        return pl.DataFrame({path: texts.get(path, ()) for path in schema}, schema=schema)

    def _normal(self, frame: pl.DataFrame) -> pl.DataFrame:
        composed = _maybe_composed(frame)
        return frame.with_columns(
            self._or_empty(path, empty_to_null(pl.col(path).str.normalize("NFC") if path in composed else pl.col(path)))
            for path in frame.columns
        )

    def _or_empty(self, path: str, text: pl.Expr) -> pl.Expr:
        """What a record leaves out, where that says that it is empty."""
        prop = self.entity.prop(path)
        says_so = self.entity.spec.omits_empty and prop.access != "write_only" and prop.hidden_as is None
        return text.replace(ABSENT, None) if says_so else text

    def _meaning(self, path: str, texts: pl.Series) -> pl.Series:
        """What the values of a property mean, each of them told once."""
        there = texts.drop_nulls().unique()
        read = {int: int, bool: "true".__eq__, str: str, None: str.encode}[json_kind(self.entity.prop(path))]
        told = pl.Series(list(map(self._each(path), map(read, there))), dtype=pl.String)
        return texts.replace_strict(there, told, return_dtype=pl.String)

    def _one_by_one(self, bodies: Sequence[bytes]) -> pl.DataFrame:
        records = list(map(_read, bodies))
        return self._frame({path: [self._held(path, record) for record in records] for path in self.entity.columns})

    def _held(self, path: str, record: Any) -> str | None:
        if isinstance(record, BadRecord):
            return f"{MISFIT}{path}: {record}"
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
    def _kinds(self) -> Mapping[str, Steps]:
        """The properties of which JSON has one kind of value, and where they are."""
        return {path: tuple(path.split(".")) for path in self.entity.columns if json_kind(self.entity.prop(path))}

    @cached_property
    def _others(self) -> Mapping[str, Steps]:
        return {path: tuple(path.split(".")) for path in self.entity.columns if path not in self._kinds}

    def _is_plain(self, path: str) -> bool:
        """Whether JSON has its values in the one form of their type."""
        return self._is_bare(path) and self.entity.prop(path).type in {"string", "integer", "boolean"}

    def _is_bare(self, path: str) -> bool:
        """A value that means what it says."""
        prop = self.entity.prop(path)
        return not (prop.encoded or prop.hidden_as or prop.empty_as is not None) and isinstance(prop.values, tuple)

    def _kind(self, path: str) -> tuple[Any, Any]:
        """What a property is decoded to, and what stands for it where a record does not mention it."""
        prop = self.entity.prop(path)
        if prop.type == "string" and self._is_bare(path):
            return str | None, ABSENT
        # Raw takes everything, and in a union nothing.
        kind: Any = json_kind(prop)
        return kind | None | msgspec.UnsetType if kind else msgspec.Raw, _UNSET

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
            try:
                value = _loaded(raw)
            except BadRecord as failure:
                return f"{MISFIT}{path}: {failure}"
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
        return None if value is None else strict_json.in_order(value).decode()
    text = _text_of(value)
    # A datetime ends at six digits, and some servers tell more.
    return f"{text}{stamps.finer(raw)}" if isinstance(value, datetime) and isinstance(raw, str) else _told(prop, text)


def _decoded(prop: Property, raw: Any, path: str, zone: str) -> Any:
    """Of what the batch has checked by its type already, only what that says nothing about."""
    is_told = prop.encoded or prop.empty_as is not None or prop.type in {"date", "datetime", "decimal"}
    return decode(prop, raw, path, zone) if is_told else raw


def _loaded(raw: Any) -> Any:
    if not isinstance(raw, bytes):
        return raw
    return strict_json.loads(raw)


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

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Any]:
        return msgspec.json.Decoder(self.kind)

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


@lru_cache(maxsize=64)
def _struct(paths: frozenset[Steps]) -> pl.Struct:
    """Objects with these members."""
    below: dict[str, set[Steps]] = {}
    for first, *rest in paths:
        below.setdefault(first, set()).update([tuple(rest)] if rest else [])
    return pl.Struct({name: _struct(frozenset(inner)) if inner else pl.String for name, inner in below.items()})


def _read(body: bytes) -> Any:
    """A record, or why there is none."""
    try:
        return strict_json.loads(body)
    except BadRecord as failure:
        return failure


def _parts(bodies: pl.Series) -> list[pl.Series]:
    return [bodies.slice(start, _AT_ONCE) for start in range(0, len(bodies), _AT_ONCE)]


def _texts_at(places: Mapping[str, Steps], bodies: pl.Series) -> Mapping[str, pl.Series]:
    """By path: the values at a place as text, whatever they are."""
    kind = _struct(frozenset(places.values()))
    records = pl.concat([pl.Series([], dtype=kind), *(part.str.json_decode(kind) for part in _parts(bodies))])
    return {path: reduce(_member, steps, records) for path, steps in places.items()}


def _member(objects: pl.Series, name: str) -> pl.Series:
    return objects.struct.unnest().get_column(name)


def _digits(steps: Steps, bodies: pl.Series, paths: frozenset[Steps]) -> pl.Series | None:
    """Numbers as they are written. No text can look like the key before one: the quote after it would have a backslash before
    it. None: another key is called so too, or not all records have a number there, or null.
    """
    if steps not in paths or sum(steps[-1] in other for other in paths) > 1:
        return None
    written = bodies.str.extract(rf'"{re.escape(steps[-1])}"\s*:\s*(null|-?[0-9][0-9.eE+-]*)')
    return None if written.null_count() else written.replace("null", None)


def _nothing(steps: Steps, paths: frozenset[Steps], records: int) -> pl.Series:
    """What is held at a place that no record has. Below a null everything is null."""
    is_below = any(steps[:depth] in paths for depth in range(1, len(steps)))
    return pl.Series([None if is_below else ABSENT], dtype=pl.String).new_from_index(0, records)


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
    # Some servers tell the sign of nothing.
    number = number or abs(number)
    text = str(number)
    if "E" in text:
        text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _told(prop: Property, text: str | None) -> str | None:
    """What the API's own word for a value means."""
    return prop.values.get(text, text) if text is not None and not isinstance(prop.values, tuple) else text
