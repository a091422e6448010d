"""Records to try a system with: as little as it asks for, told apart by a mark."""

import random
import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from talk_assets.specs.property import Property
from talk_assets.specs.system import Entity
from talk_assets.specs.writing import NaturalKey
from talk_assets.systems.conform.finding import Untried
from talk_assets.systems.connection import Connection
from talk_assets.systems.encode import missing, raw_at
from talk_assets.systems.reading.reader import Reader, Record
from talk_assets.systems.reading.rows import text_of

_FORMATS = {
    "phone": "+4722222222",
    "url": "https://example.com",
    "organisation_number": "974760673",
    "postal_code": "0150",
    "country_code": "NO",
    "currency_code": "NOK",
    "digits": "12345",
}


class Samples:
    """Makes values for one entity of a live system."""

    def __init__(self, connection: Connection, name: str, chance: random.Random) -> None:
        self._connection = connection
        self._entity: Entity = connection.spec.entities[name]
        self._reader = connection.reader(name)
        self._chance = chance

    def mark(self) -> str:
        """Text nobody else wrote."""
        return f"conform {self._chance.getrandbits(48):012x}"

    def values(self, mark: str) -> dict[str, Any]:
        """Enough to create a record with `mark` in it."""
        entity = self._entity
        needed = {path for path, prop in entity.properties.items() if prop.required}
        if isinstance(entity.idempotency, NaturalKey):
            needed.add(entity.idempotency.property)
        given: dict[str, Any] = {}
        for path in sorted(needed):
            prop = entity.properties[path]
            if prop.default is None or prop.references:
                given[path] = self._value(path, prop, mark)
        probe = self.probe()
        return given | ({probe: self.fresh(probe, mark)} if probe else {})

    def probe(self) -> str | None:
        """A property that updates may change and that takes any text, or else any number."""
        open_ = self._open()
        return min(open_, key=lambda path: _preference(path, open_[path]), default=None)

    def _open(self) -> dict[str, Property]:
        reference = getattr(self._entity.idempotency, "property", None)
        joins = self._entity.joins
        fixed = {reference, *((joins.property, *joins.owns) if joins else ()), *self._entity.where}
        fixed |= {limitation.property for limitation in self._entity.limitations}
        return {path: prop for path, prop in self._entity.properties.items() if path not in fixed and _is_free(prop)}

    def optional(self) -> str | None:
        """A property like the one to `probe`, that may be emptied."""
        open_ = {path: prop for path, prop in self._open().items() if prop.nullable and not prop.required}
        return min(open_, key=lambda path: _preference(path, open_[path]), default=None)

    def fresh(self, path: str, mark: str) -> Any:
        """A value for `path` that it did not have before."""
        return (
            mark if self._entity.properties[path].type == "string" else Decimal(self._chance.randrange(100, 10_000_000)) / 100
        )

    def absent_id(self, ids: list[str]) -> str:
        """An id like the others that no record has."""
        if self._entity.properties[self._entity.key].type == "integer":
            return str(max(map(int, ids), default=0) + 1_000_003)
        if self._entity.properties[self._entity.key].format == "uuid":
            return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        return f"none-{self._chance.getrandbits(48):012x}"

    def _value(self, path: str, prop: Property, mark: str) -> Any:
        joins = self._entity.joins
        if joins and path == joins.property:
            return self._joined(joins.entity, joins.by)
        if prop.references:
            return self._reference(prop.references)
        if prop.values:
            first = next(iter(prop.values))
            return int(first) if prop.type == "integer" else first
        match prop.type:
            case "string":
                text = self._text(prop, mark)
                return text[: prop.max_length] if prop.max_length else text
            case "integer":
                return self._chance.randrange(10_000_000, 90_000_000)
            case "decimal":
                return 1
            case "boolean":
                return False
            case "date":
                return date(2026, 1, 1) + timedelta(days=self._chance.randrange(300))
            case _:
                raise Untried(f"{path} is required, and no {prop.type} is made up")

    def _text(self, prop: Property, mark: str) -> str:
        match prop.format:
            case "uuid":
                return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
            case "email":
                return f"{mark.replace(' ', '.')}@example.com"
            case kind:
                return _FORMATS.get(kind or "", mark)

    def _reference(self, entities: tuple[str, ...]) -> str:
        for name in entities:
            for page in self._connection.reader(name).sweep():
                if page.ids:
                    return page.ids[-1]
        raise Untried(f"there is no record of {' or '.join(entities)} to refer to")

    def _joined(self, entity: str, by: str) -> str:
        used = {text_of(raw_at(record.values(), by)) for record in everything(self._connection.reader(entity))}
        own = self._entity.joins.property if self._entity.joins else ""
        taken = {text_of(raw_at(record.values(), own)) for record in everything(self._reader)}
        free = sorted(name for name in used - taken if name) or sorted(name for name in used if name)
        if not free:
            raise Untried(f"there is no record of {entity} to join")
        return free[-1]


def everything(reader: Reader) -> list[Record]:
    return [record for page in reader.sweep() for record in map(Record, page.ids, page.texts, page.stamps)]


def differences(entity: Entity, before: Mapping[str, Any], after: Mapping[str, Any], changed: set[str]) -> list[str]:
    """Properties that an update of `changed` should have left alone and did not."""
    free = changed | {path for path, prop in entity.properties.items() if prop.access == "read_only"}
    found = []
    for path in (*entity.properties, *(name for name in before if name not in entity.properties)):
        if path in free or any(declared.startswith(f"{path}.") for declared in entity.properties):
            continue
        old, new = raw_at(before, path), raw_at(after, path)
        if old != new and not (missing(old) and missing(new)):
            found.append(path)
    return found


def _is_free(prop: Property) -> bool:
    limited = prop.format or prop.values or prop.references or prop.unique or prop.encoded or prop.hidden_as
    room = prop.max_length is None or prop.max_length >= len("conform 0123456789ab")
    return prop.type in {"string", "decimal"} and prop.access == "read_write" and not limited and room


def _preference(path: str, prop: Property) -> tuple[bool, bool, bool, bool]:
    return (prop.type != "string", not prop.required, "." in path, "ame" not in path)
