"""A planned change → the exact writes of an API: text becomes values of the property's type, and the writer makes the bytes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from talk_assets.specs.property import Property
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.systems import strict_json
from talk_assets.systems.errors import CannotWrite
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.writing.prepared import Prepared
from talk_assets.systems.writing.writer import Writer


@dataclass(frozen=True)
class Change:
    """What is to be written to one record, or what a new one is to hold."""

    entity: str
    cluster: int
    kind: Literal["create", "update"]
    id: str | None
    mapping: str
    after: Mapping[str, str | None]
    before: Mapping[str, str | None] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    """By field: what the record will have taken."""


def prepare(change: Change, entity: EntityModel, writer: Writer, record: Record | None, reference: str) -> list[Prepared]:
    """The writes that make a change; several where some properties belong to another record. Raises CannotWrite."""
    values = {path: value_of(entity.prop(path), text) for path, text in change.after.items()}
    if change.kind == "create":
        return [writer.create(values, reference)]
    if record is None:
        raise ValueError(f"{change.entity}/{change.id} is to be updated and not known")
    return writer.update(record, values, beside=relied_on(change, entity))


def relied_on(change: Change, entity: EntityModel) -> list[str]:
    """The properties that what is written depends on, and that are not written themselves."""
    found = (one.path for path in change.after for one in entity.depends.get(path, ()))
    return [path for path in dict.fromkeys(found) if path not in change.after]


def _stamp(text: str) -> str:
    """As text: a datetime ends at six digits."""
    second, _, part = text.partition(".")
    return f"{second}.{part}Z" if part.strip("0") else f"{second}Z"


_READ: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "datetime": _stamp,
    "json": strict_json.loads,
}


def value_of(prop: Property, text: str | None) -> Any:
    """Text as stages hold it → a value as the writer takes it."""
    if text is None or prop.references:
        return text
    if not isinstance(prop.values, tuple):
        text = {meaning: said for said, meaning in prop.values.items()}.get(text, text)
    try:
        return _READ.get(prop.type, str)(text)
    except ValueError:
        raise CannotWrite(f"{text[:40]!r} cannot be written as {prop.type}") from None
