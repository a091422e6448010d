"""Properties that a record only shows: they are written to the record they belong to."""

from collections.abc import Callable, Mapping
from typing import Any

from talk_assets.specs.writing import Joins, NaturalKey
from talk_assets.systems.encode import missing, raw_at
from talk_assets.systems.errors import CannotWrite
from talk_assets.systems.reading.reader import Reader, Record, look_up
from talk_assets.systems.reading.rows import text_of
from talk_assets.systems.writing.prepared import Prepared

Update = Callable[[Record, Mapping[str, Any]], list[Prepared]]


class Joined:
    """The entity whose records own some of the properties."""

    def __init__(self, joins: Joins, reader: Reader, update: Update) -> None:
        self._joins = joins
        self._reader = reader
        self._update = update

    def update(self, values: Mapping[str, Any], owned: Mapping[str, Any]) -> list[Prepared]:
        """Writes of `owned` to the record that `values` names."""
        name = raw_at(values, self._joins.property)
        if missing(name) or name is None:
            raise CannotWrite(
                f"{', '.join(owned)} belongs to a record of {self._joins.entity}, and {self._joins.property} names none"
            )
        return self._update(self._owner(text_of(name)), owned)

    def _owner(self, name: str | None) -> Record:
        entity = self._reader.entity
        by = self._joins.by
        known = entity.idempotency
        asked = look_up(known, name) if isinstance(known, NaturalKey) and known.property == by and name else None
        listing = self._reader.matching(asked) if asked else self._reader.sweep()
        found = [
            record
            for page in listing
            for record in map(Record, page.ids, page.texts, page.stamps)
            if text_of(raw_at(record.values(), by)) == name
        ]
        if len(found) != 1:
            raise CannotWrite(f"{len(found)} records of {entity.title} have {by} {name!r}, where one is to be changed")
        return found[0]
