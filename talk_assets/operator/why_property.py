"""Why one property holds what it holds, and what has become of it in the other systems. From the hub alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from talk_assets.hub.tables import cells, changes, conflicts, golden, holds, intents, shapes
from talk_assets.operator.names import Telling, cluster_of, clusters, cut, require_known, shown, told_value, told_values
from talk_assets.operator.project import Project
from talk_assets.operator.why import explain_record, moment
from talk_assets.specs.resolve import ResolvedMapping, ResolvedRow
from talk_assets.sync.meaning.values import ABSENT, MISFIT
from talk_assets.sync.planning import planned
from talk_assets.sync.translate import translate
from talk_assets.sync.world import World


@dataclass(frozen=True)
class Row:
    """A row of a document that carries the property."""

    place: str
    mapping: str
    source: str
    target: str
    direction: str
    documented: bool


@dataclass(frozen=True)
class Place:
    """The property as one record of the cluster has it."""

    record: str
    path: str
    value: str | None
    """As it is kept; `shown` tells it to people."""
    version: int
    status: str


@dataclass(frozen=True)
class Earlier:
    """What was agreed before, and which record it was of."""

    value: str | None
    record: str


@dataclass(frozen=True)
class Agreed:
    """One field that the property stands for."""

    field: str
    value: str | None
    version: int
    origin: str | None
    edited_at: datetime | None
    before: tuple[Earlier, ...]


@dataclass(frozen=True)
class Property:
    record: str
    path: str
    value: str | None
    is_kept: bool = True
    """Not of a property that no mapping looks at, or of a record that was not looked at yet."""
    agreed: tuple[Agreed, ...] = ()
    places: tuple[Place, ...] = ()
    lost: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    """Why not: not mapped, not linked, ambiguous, and the like."""


def explain_property(project: Project, world: World, key: str, id_: str, path: str, telling: Telling = told_values) -> Property:
    require_known(world, key, id_)
    record = f"{key}/{id_}"
    rows = tuple(_rows(project, key, path))
    cluster = cluster_of(world, key, id_)
    if cluster is None:
        notes = ("the record is not looked at and not linked yet: run `talk sync`",)
        return Property(record, path, None, is_kept=False, rows=rows, notes=notes)
    sides = cells.sides(world.hub, clusters((cluster,)))
    observed = cells.long(sides, shapes.shapes(world.hub))
    own = observed.filter((pl.col("entity") == key) & (pl.col("id") == id_) & (pl.col("column") == path))
    value, is_kept = (own["observed"][0], True) if own.height else (None, False)
    names = project.property_fields.get((key, path), ())
    if not names:
        return Property(record, path, value, is_kept, rows=rows, notes=tuple(_unmapped(project, world, key, path, rows)))
    agreed = golden.of(world.hub, clusters((cluster,))).filter(pl.col("field").is_in(list(names)))
    places = tuple(_places(project, world, cluster, names, observed))
    return Property(
        record,
        path,
        value,
        is_kept,
        tuple(_agreed(world, agreed, telling)),
        places,
        tuple(_lost(world, cluster, names)),
        rows,
        tuple(_notes(project, world, record, names, places)),
    )


def _rows(project: Project, key: str, path: str) -> Iterator[Row]:
    for mapping in project.resolved.mappings:
        for row in mapping.rows:
            ends = (*row.sources, *row.targets)
            if any(end.entity.key == key and end.path == path for end in ends):
                yield _told_row(mapping, row)


def _told_row(mapping: ResolvedMapping, row: ResolvedRow) -> Row:
    place = mapping.row_place(row)
    return Row(
        f"{place.file}:{place.line}",
        f"{mapping.dataflow}/{mapping.key}",
        " + ".join(map(str, row.sources)),
        " + ".join(map(str, row.targets)),
        "identity" if row.is_identity else row.spec.direction,
        not row.spec.added,
    )


def _unmapped(project: Project, world: World, key: str, path: str, rows: tuple[Row, ...]) -> Iterator[str]:
    if path == world.entity(key).spec.key or any(row.direction == "identity" for row in rows):
        yield "it is the id that its system gives: rows that name it are satisfied by the link, and it is never written"
        return
    if rows:
        yield "the mapping that names it is not active: its condition is in words only; give it a `when` expression"
        return
    mapped = sorted(name for entity, name in project.property_fields if entity == key)
    yield f"not mapped: no row of any document names it, so it is neither read nor written; mapped are {', '.join(mapped)}"
    givers = [mapping.name for mapping in world.model.mappings if mapping.target == key and path in mapping.on_create]
    if givers:
        yield f"it is given once, on creation, by {', '.join(givers)}"


def _agreed(world: World, agreed: pl.DataFrame, telling: Telling) -> Iterator[Agreed]:
    for row in agreed.sort("field").iter_rows(named=True):
        origin = f"{row['entity']}/{row['id']}" if row["entity"] else None
        steps = [step.partition("=") for step in row["trail"] or []]
        values = telling(world, [(row["field"], value) for value in (row["value"], *(was or None for _, _, was in steps))])
        before = tuple(Earlier(value, record) for (record, _, _), value in zip(steps, values[1:], strict=True))
        yield Agreed(row["field"], values[0], row["version"], origin, row["edited_at"], before)


def _places(project: Project, world: World, cluster: int, names: tuple[str, ...], observed: pl.DataFrame) -> Iterator[Place]:
    here = clusters((cluster,))
    look = _Look(world, cluster, observed)
    sides = cells.sides(world.hub, here)
    taken = cells.accepted(sides, shapes.shapes(world.hub)).filter(pl.col("field").is_in(list(names)))
    for row in observed.sort("entity", "column").iter_rows(named=True):
        key, path = row["entity"], row["column"]
        if set(project.property_fields.get((key, path), ())) & set(names):
            mine = taken.filter((pl.col("entity") == key) & (pl.col("id") == row["id"]))
            version = min(mine["accepted"].to_list(), default=0)
            yield Place(f"{key}/{row['id']}", path, row["observed"], version, look.status(key, path, row["observed"]))


class _Look:
    """What planning says about the records of one cluster, property by property."""

    def __init__(self, world: World, cluster: int, observed: pl.DataFrame) -> None:
        hub, here = world.hub, clusters((cluster,))
        self._world = world
        self._held = {(key, path): value for key, path, value in observed.select("entity", "column", "observed").iter_rows()}
        due = planned(world, here)[0]
        self._due = {(row["entity"], row["path"]): row for row in due.iter_rows(named=True)}
        self._kept = {row["entity"]: row for row in changes.in_clusters(hub, here).iter_rows(named=True)}
        under_way = intents.in_clusters(hub, here).filter(pl.col("state").is_in(intents.OPEN))
        self._under_way = set(under_way["entity"])
        agreed = golden.of(hub, here)
        wanted = [
            translate(mapping, agreed.filter(pl.col("subject") == mapping.subject).drop("subject"), world.model)
            for mapping in world.model.mappings
        ]
        self._wanted = {
            (key, path): value for key, path, value in pl.concat(wanted[::-1]).select("entity", "path", "value").iter_rows()
        }

    def status(self, key: str, path: str, value: str | None) -> str:
        lacking = [one for one in self._world.entity(key).depends.get(path, ()) if self._held.get((key, one.path)) != one.value]
        if lacking and (key, path) not in self._due:
            return f"does not count here, so it says nothing and is told nothing: only while {' and '.join(map(str, lacking))}"
        if value is not None and value.startswith(MISFIT):
            return f"held, and not passed on: {value[1:]}"
        if key in self._under_way:
            return "a write is under way, and its outcome is not certain yet"
        if row := self._due.get((key, path)):
            return self._told_due(row)
        if path not in self._world.model.projections(key):
            prop = self._world.entity(key).prop(path)
            return "gives only: read-only in its system" if prop.access == "read_only" else "gives only: no row writes to it"
        if not self._is_in_step(key, path, value):
            return "differs, and is left: nothing newer than what it has taken was agreed"
        return "in step"

    def _told_due(self, row: dict[str, Any]) -> str:
        kept = self._kept.get(row["entity"])
        state, reason = row["state"], row["reason"]
        # A guard looks at a whole plan, so only what is kept knows of it.
        if state == "ready" and kept and kept["state"] == "held":
            state, reason = "held", kept["reason"]
        words = {"ready": "due", "waiting": "waits", "held": "held", "refused": "cannot be written"}[state]
        to = f", to become {cut(shown(row['after']))}" if row["state"] == "ready" else ""
        return f"{words}{to}: {reason}" if reason else f"{words}{to}"

    def _is_in_step(self, key: str, path: str, value: str | None) -> bool:
        wanted = self._wanted.get((key, path))
        return bool(self._world.entity(key).prop(path).references) or wanted in (value, ABSENT)


def _lost(world: World, cluster: int, names: tuple[str, ...]) -> Iterator[str]:
    rows = conflicts.of(world.hub, clusters((cluster,))).filter(pl.col("field").is_in(list(names)) & ~pl.col("won"))
    for row in rows.iter_rows(named=True):
        value = cut(told_value(world, row["field"], row["value"]))
        edited = f"edited at {moment(row['edited_at'])}"
        yield f"{value} of {row['entity']}/{row['id']}, {edited}, in conflict {row['number']} at {moment(row['at'])}"


def _notes(project: Project, world: World, record: str, names: tuple[str, ...], places: tuple[Place, ...]) -> Iterator[str]:
    key, _, id_ = record.partition("/")
    story = explain_record(world, key, id_)
    if len({place.record for place in places}) == 1:
        yield "no other record of its cluster has this property"
    having = {entity for (entity, _), theirs in project.property_fields.items() if set(theirs) & set(names)}
    yield from (str(one) for one in story.missing if one.entity in having)
    yield from (line for doubt in story.doubts for line in doubt.lines)
    mine = (pl.col("cluster") == story.cluster) & pl.col("field").is_in(list(names))
    held = holds.still(world.hub).filter(pl.col("kind").is_in(["flips", "contradiction"]) & mine)
    yield from (f"hold {row['number']}: {row['reason']}" for row in held.iter_rows(named=True))
