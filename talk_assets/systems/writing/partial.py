"""Answers to writes, and looks after them, that show less of a record than there is, or what it held before."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from talk_assets.specs.system import Entity
from talk_assets.systems import strict_json
from talk_assets.systems.encode import missing, raw_at
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.writing import body
from talk_assets.systems.writing.prepared import Prepared


def expected(entity: Entity, prepared: Prepared, known: Record | None) -> dict[str, Any]:
    """What a record should hold once a write was carried out, as far as its system shows it."""
    sent = {path: value for path, value in prepared.sent.items() if entity.properties[path].access != "write_only"}
    return body.whole(known.values() if known else {}, sent, ())


def carried_out(entity: Entity, prepared: Prepared, shown: Record) -> Record:
    """A record that is shown as it was before a write, as it is after it. When that was is not known."""
    return replace(shown, stamp=None, text=strict_json.dumps(expected(entity, prepared, shown)).decode())


def is_partial(entity: Entity, answered: Record, hoped: Mapping[str, Any]) -> bool:
    """Whether an answer leaves out a property that the record should have."""
    values = answered.values()
    return any(missing(raw_at(values, path)) and not missing(raw_at(hoped, path)) for path in entity.properties)


def completed(answered: Record, hoped: Mapping[str, Any]) -> Record:
    """An answer, and what it leaves out as it should be."""
    return replace(answered, text=strict_json.dumps(_over(hoped, answered.values())).decode())


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        name: _over(old, value)
        for name, value in above.items()
        if isinstance(value, Mapping) and isinstance(old := below.get(name), Mapping)
    }
    return {**below, **above, **nested}
