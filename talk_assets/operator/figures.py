"""What the hub holds in numbers, and samples small enough to look at. Values of personal properties never leave here."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from talk_assets.hub.tables import (
    ambiguous,
    cells,
    changes,
    conflicts,
    cursors,
    golden,
    history,
    holds,
    intents,
    members,
    records,
    shapes,
)
from talk_assets.operator.names import clusters, cut, one_of_each, shown
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.planning import stirred
from talk_assets.sync.world import World

SAMPLE = 5
_SHOWN = 40


@dataclass(frozen=True)
class Kept:
    """Records of an entity."""

    records: int = 0
    linked: int = 0
    ambiguous: int = 0


@dataclass(frozen=True)
class Agreed:
    """Things of a subject."""

    things: int = 0
    changed: int = 0
    conflicting: int = 0
    held: int = 0


@dataclass(frozen=True)
class Due:
    """Planned writes to an entity, and writes whose outcome is not known yet."""

    creates: int = 0
    updates: int = 0
    ready: int = 0
    waiting: int = 0
    held: int = 0
    refused: int = 0
    unsettled: int = 0

    @property
    def is_on_its_way(self) -> bool:
        return bool(self.ready or self.unsettled)


def kept(world: World) -> dict[str, Kept]:
    doubts = ambiguous.counts(world.hub)
    counted = records.counts(world.hub).iter_rows()
    found = {entity: Kept(count, linked, doubts.get(entity, 0)) for entity, count, linked in counted}
    return {key: found.get(key, Kept()) for key in world.model.entities}


def agreed(world: World, since: int) -> dict[str, Agreed]:
    """By subject; `changed` and `conflicting` count what happened after a position."""
    hub, fields = world.hub, world.model.fields
    things = dict(golden.counts(hub).iter_rows())
    changed = _counted(golden.since(hub, since)["subject"])
    subjects = {name: field.subject for name, field in fields.items()}
    contradictions = conflicts.recent(hub, since=since).unique("number")["field"].replace_strict(subjects, default=None)
    still = holds.still(hub).filter(pl.col("field").is_in(list(fields)))["field"].replace_strict(subjects, default=None)
    conflicting, held = _counted(contradictions), _counted(still)
    return {
        name: Agreed(things.get(name, 0), changed.get(name, 0), conflicting.get(name, 0), held.get(name, 0))
        for name in world.model.subjects
    }


def due(world: World) -> dict[str, Due]:
    """By entity."""
    planned = changes.counts(world.hub)
    open_ = intents.counts(world.hub).filter(~pl.col("state").is_in(intents.FINISHED))
    kinds, states = _by_entity(planned, "kind"), _by_entity(planned, "state")
    unsettled = dict(open_.group_by("entity").agg(pl.col("intents").sum()).iter_rows())
    sendable = changes.ready_counts(world.hub)
    return {
        key: Due(
            creates=kinds.get((key, "create"), 0),
            updates=kinds.get((key, "update"), 0),
            ready=sendable.get(key, 0),
            waiting=states.get((key, "waiting"), 0),
            held=states.get((key, "held"), 0),
            refused=states.get((key, "refused"), 0),
            unsettled=unsettled.get(key, 0),
        )
        for key in world.model.entities
    }


def done(world: World) -> dict[tuple[str, str], int]:
    """What this run did: records by entity and kind of event."""
    return {(entity, kind): count for entity, kind, count in history.counts(world.hub, world.run).iter_rows()}


def news(world: World, since: int | None = None) -> frozenset[str]:
    """Subjects with something to agree on, to plan or to send; with `since`, those that stages wrote to after a position."""
    if since is not None:
        planned = changes.of(world.hub).filter(pl.col("seq") > since)
        return frozenset(golden.since(world.hub, since)["subject"]) | _subjects(world, planned["entity"])
    hub = world.hub
    planned_at = cursors.position(hub, "plan") or 0
    approved = holds.still(hub, "guard").filter(pl.col("plan_hash").is_in(list(holds.approved(hub))))
    released = hub.read("SELECT DISTINCT entity FROM holds WHERE state = 'released' AND seq > ?", [planned_at])
    moved = members.ids_in(hub, stirred(world))
    open_ = [changes.sendable(hub), intents.unfinished(hub), approved, released, moved]
    return frozenset().union(*(_subjects(world, rows["entity"]) for rows in open_))


def sample_of_records(world: World, key: str) -> list[dict[str, str]]:
    """The newest records of an entity, without what says something about a person."""
    entity = world.entity(key)
    newest = world.hub.read(
        "SELECT entity, id, shape, vals, edited_at FROM records WHERE entity = ? ORDER BY seq DESC, id LIMIT ?", [key, SAMPLE]
    )
    props = {path: entity.prop(path) for path in entity.columns}
    plain = [path for path, prop in props.items() if not prop.personal and prop.type != "json"]
    texts = cells.wide(newest, "vals", shapes.shapes(world.hub), plain, ABSENT)
    return [
        {"id": row["#id"], **{path: cut(shown(row[path]), _SHOWN) for path in plain if path != entity.spec.key}}
        for row in texts.iter_rows(named=True)
    ]


def sample_of_things(world: World, subject: str) -> list[dict[str, str]]:
    """What changed last of a subject: where it is known, and how often it was agreed on anew."""
    newest = world.hub.read(
        "SELECT cluster FROM golden WHERE subject = ? ORDER BY seq DESC, cluster LIMIT ?", [subject, SAMPLE]
    )
    places = members.ids_in(world.hub, newest)
    versions = dict(golden.of(world.hub, newest).group_by("cluster").agg(pl.col("version").max()).iter_rows())
    return [
        {"known as": ", ".join(f"{key}/{id_}" for key, id_ in rows.select("entity", "id").sort("entity").rows()),
         "version": str(versions.get(cluster, 0))}
        for (cluster,), rows in places.group_by("cluster", maintain_order=True)
    ]  # fmt: skip


def sample_of_changes(world: World, key: str) -> list[dict[str, str]]:
    """Planned writes to an entity: which record, what, and how it stands, without values."""
    rows = changes.of(world.hub, key).sort(pl.col("state") != "ready", "cluster").head(SAMPLE)
    things = one_of_each(world, clusters(rows["cluster"]))
    return [
        {
            "record": f"{key}/{row['id']}" if row["id"] else f"a new one, for {things.get(row['cluster'], '?')}",
            "write": row["kind"],
            "properties": ", ".join(row["paths"]),
            "state": row["state"],
        }
        for row in rows.iter_rows(named=True)
    ]


def _subjects(world: World, entities: pl.Series) -> frozenset[str]:
    known = world.model.entities
    return frozenset(known[key].subject for key in entities.drop_nulls().unique() if key in known)


def _counted(names: pl.Series) -> dict[str, int]:
    return dict(names.drop_nulls().value_counts().iter_rows())


def _by_entity(planned: pl.DataFrame, column: str) -> Mapping[tuple[str, str], int]:
    summed = planned.group_by("entity", column).agg(pl.col("changes").sum())
    return {(key, name): count for key, name, count in summed.iter_rows()}
