"""An API that takes whole records is sent the record as it is right then: what lists and answers show may be less than that."""

from collections.abc import Mapping, Sequence

import polars as pl

from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.world import World
from talk_assets.sync.writing.prepare import Change, relied_on
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.reading.reader import Found, Record

Known = Mapping[tuple[str, str], Record]
"""Records by entity and id."""


def is_sent_whole(world: World, change: Change) -> bool:
    """Whether a change takes the whole record, and that can be looked at."""
    spec = world.entity(change.entity).spec
    owned = spec.joins.owns if spec.joins else ()
    whole = spec.get is not None and spec.update is not None and spec.update.style in {"put", "post"}
    return whole and change.kind == "update" and any(path not in owned for path in change.after)


def as_they_are(world: World, wanted: Sequence[Change], known: Known) -> dict[tuple[str, str], Record]:
    """Of the records that are to be sent whole, as they are now, those in which what is to be changed is what we believe, and
    what that depends on.
    """
    by_entity: dict[str, list[Change]] = {}
    for one in wanted:
        if (one.entity, one.id or "") in known and is_sent_whole(world, one):
            by_entity.setdefault(one.entity, []).append(one)
    if by_entity:
        world.hub.rest()
    found: dict[tuple[str, str], Record] = {}
    for key, changes in by_entity.items():
        believed = [known[key, one.id or ""] for one in changes]
        limit = world.connection(key).client_spec(key.split(".", 1)[1]).limits.concurrency
        there: list[Record | None] = world.each(lambda record, key=key: _now(world, key, record), believed, limit)
        for one, before, now in zip(changes, believed, there, strict=True):
            if now is not None and _is_believed(world, one, before, now):
                found[key, now.id] = now
    return found


def _now(world: World, key: str, record: Record) -> Record | None:
    try:
        found = world.connection(key).reader(key.split(".", 1)[1]).one(record.id, record.values())
    except SystemsError:
        return None
    return found.record if isinstance(found, Found) else None


def _is_believed(world: World, change: Change, before: Record, now: Record) -> bool:
    """What we were never shown is believed to be empty."""
    looked_at = [*change.after, *relied_on(change, world.entity(change.entity))]
    texts = world.decoders[change.entity].columns(pl.Series([before.text, now.text])).select(looked_at)
    was, is_ = texts.rows()
    return all(new == old or (old == ABSENT and new is None) for old, new in zip(was, is_, strict=True))
