"""Records as systems send them → columns of text, one for each property that takes part, in one form per type.

A batch is decoded at once into just these properties. Only a batch that holds a value of another type than its spec says is
looked at record by record, and only that value is held.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any, get_args, get_type_hints

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


@dataclass(frozen=True)
class Decoder:
    """Makes text of one entity's records."""

    entity: EntityModel

    def columns(self, bodies: Sequence[str]) -> pl.DataFrame:
        """One column for each of the entity's properties, one row for each record."""
        try:
            records = self._batch.decode(b"[" + ",".join(bodies).encode() + b"]")
        except (msgspec.MsgspecError, RecursionError):
            return self._one_by_one(bodies)
        texts: dict[str, list[str | None]] = {}
        for path in self.entity.columns:
            raw = map(self._getters[path], records)
            texts[path] = list(raw if self._is_plain(path) else map(self._texts(path), raw))
        return self._frame(texts)

    def _frame(self, texts: dict[str, list[str | None]]) -> pl.DataFrame:
        frame = pl.DataFrame(texts, schema=dict.fromkeys(self.entity.columns, pl.String))
        return frame.with_columns(empty_to_null(pl.col(path).str.normalize("NFC")) for path in self.entity.columns)

    def _one_by_one(self, bodies: Sequence[str]) -> pl.DataFrame:
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
    def _batch(self) -> msgspec.json.Decoder[list[Any]]:
        record: Any = _struct("Record", [path.split(".") for path in self.entity.columns], self._kind)
        return msgspec.json.Decoder(list[record])

    def _is_plain(self, path: str) -> bool:
        """Text that means what it says: it needs no look at each value."""
        prop = self.entity.prop(path)
        return prop.type == "string" and not (prop.encoded or prop.hidden_as) and isinstance(prop.values, tuple)

    def _kind(self, path: str) -> Any:
        prop = self.entity.prop(path)
        if prop.encoded == "unix_seconds":
            return int | None | msgspec.UnsetType
        return _KINDS.get(prop.type, str) | None | msgspec.UnsetType

    @cached_property
    def _getters(self) -> dict[str, Callable[[Any], Any]]:
        record = get_args(self._batch.type)[0]
        return {path: _getter(record, path.split("."), plain=self._is_plain(path)) for path in self.entity.columns}

    def _texts(self, path: str) -> Callable[[Any], str | None]:
        prop, zone = self.entity.prop(path), self.entity.ref.system.time_zone

        def text(raw: Any) -> str | None:
            if raw is _UNSET or is_hidden(prop, raw):
                return ABSENT
            if raw is None:
                return None
            try:
                value = _loaded(raw)
                return _text(prop, value, _decoded(prop, value, path, zone))
            except Mistyped as failure:
                return f"{MISFIT}{failure}"

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
    if not isinstance(raw, msgspec.Raw):
        return raw
    text = bytes(raw).decode()
    return Decimal(text) if text[0] in "-0123456789" else strict_json.loads(text)


def _struct(name: str, paths: Iterable[Sequence[str]], kind: Callable[[str], Any], above: str = "") -> Any:
    """A class with the members that are needed; everything else in a record is skipped."""
    members: dict[str, list[Sequence[str]]] = {}
    for first, *rest in paths:
        members.setdefault(first, []).append(rest)
    fields: list[tuple[str, Any, Any]] = []
    for number, (member, rests) in enumerate(members.items()):
        deeper = [rest for rest in rests if rest]
        inner: Any = _struct(f"{name}{number}", deeper, kind, f"{above}{member}.") if deeper else None
        fields.append((f"f{number}", inner | None | msgspec.UnsetType if deeper else kind(above + member), _UNSET))
    names = {f"f{number}": member for number, member in enumerate(members)}
    places: dict[str, Any] = {member: own for own, member in names.items()}
    return msgspec.defstruct(name, fields, rename=names, namespace={"places": places})


def _getter(record: Any, steps: Sequence[str], *, plain: bool) -> Callable[[Any], Any]:
    """Below a null everything is null; below what is absent everything is absent."""
    first, *deeper = steps
    get = attrgetter(record.places[first])
    if not deeper:
        return (lambda one: ABSENT if (value := get(one)) is _UNSET else value) if plain else get
    inner = next(kind for kind in get_args(get_type_hints(record)[record.places[first]]) if hasattr(kind, "places"))
    below = _getter(inner, deeper, plain=plain)
    unset = ABSENT if plain else _UNSET

    def through(one: Any) -> Any:
        value = get(one)
        return None if value is None else unset if value is _UNSET else below(value)

    return through


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
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _told(prop: Property, text: str | None) -> str | None:
    """What the API's own word for a value means."""
    return prop.values.get(text, text) if text is not None and not isinstance(prop.values, tuple) else text
