"""How everything stands, in numbers that the hub counts by itself: what was read, what is kept, what waits, what happened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from talk_assets.hub.tables import changes, conflicts, cursors, golden, history, holds, intents, records
from talk_assets.operator.figures import Due, Kept, due, kept
from talk_assets.operator.planning import Guarded, guarded
from talk_assets.operator.syncing import needs_a_person
from talk_assets.sync.arriving.readings import Reading, readings
from talk_assets.sync.doubt.unread import READING, awaited
from talk_assets.sync.world import World


@dataclass(frozen=True)
class Entity:
    """How one entity of a system stands."""

    entity: str
    reading: Reading
    whole_at: datetime | None
    """When all of it was read last, to its end."""
    unread: str | None
    """Why some of it was not, if it broke off since."""
    kept: Kept
    due: Due
    is_late: bool = False
    """Whether it was read longer ago than was asked for."""

    @property
    def failure(self) -> str | None:
        """Why what is kept of it may not be what is there."""
        if self.reading.failure:
            return f"could not be read since {self.reading.failing_since:%Y-%m-%d %H:%M:%S}: {self.reading.failure}"
        if self.unread:
            return f"was not read to its end: {self.unread}"
        if not (self.reading.read_at or self.whole_at):
            return "was never read"
        return "was not read lately: no synchronisation ran, or none could keep what it read" if self.is_late else None


@dataclass(frozen=True)
class Run:
    """One that did something."""

    run: str
    began: datetime
    ended: datetime
    edits: int
    created: int
    updated: int


@dataclass(frozen=True)
class Status:
    at: datetime
    """When it was asked for."""
    entities: tuple[Entity, ...]
    things: Mapping[str, int]
    """Clusters, by subject."""
    awaited: Mapping[str, int]
    """Entities that were never read, and how many creations wait for that."""
    attention: Mapping[str, int]
    """What waits for a person, by kind."""
    guarded: tuple[Guarded, ...]
    """Plans that wait for an approval."""
    approved: tuple[str, ...]
    """Hashes of plans that were approved and not made yet."""
    released: int
    """Refused writes that a person has let go of, and that the next plan makes ready."""
    conflicts: int
    """Contradictions that there ever were, decided or held."""
    unmapped: Mapping[str, int]
    """Records that are kept of entities that no mapping names any more."""
    runs: tuple[Run, ...]

    @property
    def failed(self) -> dict[str, str]:
        """What is known of these entities may not be what is there."""
        return {one.entity: one.failure for one in self.entities if one.failure}

    @property
    def exit_code(self) -> int:
        """As that of a sync."""
        return 1 if self.failed else 3 if self.attention else 0


def status(world: World, limit: int, within: timedelta | None = None) -> Status:
    """With so many of the newest runs. What was not read `within` this time counts as failed."""
    hub, known = world.hub, world.model.entities
    counted, writes, read = kept(world), due(world), readings(hub)
    positions = cursors.positions(hub, READING)
    since = hub.now() - within if within else None
    return Status(
        at=hub.now(),
        entities=tuple(
            _entity(key, one, positions.get(f"{READING}{key}") or {}, counted[key], writes[key], since)
            for key, one in ((key, read.get(key, Reading())) for key in known)
        ),
        things={name: count for name, count in golden.counts(hub).iter_rows() if name in world.model.subjects},
        awaited=awaited(world),
        attention=needs_a_person(world),
        guarded=guarded(world),
        approved=tuple(sorted(holds.approved(hub))),
        released=changes.released(hub).height,
        conflicts=conflicts.count(hub),
        unmapped={key: count for key, count, _ in records.counts(hub).iter_rows() if key not in known},
        runs=tuple(_runs(world, limit)),
    )


def _runs(world: World, limit: int) -> Iterator[Run]:
    told = history.runs(world.hub, limit)
    sent = intents.sent_in(world.hub, told)
    counted = told.join(sent, on="run", how="left", maintain_order="left").with_columns(
        pl.col("created", "updated").fill_null(0)
    )
    yield from (Run(**row) for row in counted.iter_rows(named=True))


def _entity(
    key: str, reading: Reading, position: Mapping[str, Any], counted: Kept, writes: Due, since: datetime | None
) -> Entity:
    swept_at = position.get("swept_at")
    whole_at = datetime.fromisoformat(swept_at).astimezone(UTC).replace(tzinfo=None) if swept_at else None
    is_late = since is not None and reading.read_at is not None and reading.read_at < since
    return Entity(key, reading, whole_at, position.get("broken"), counted, writes, is_late)
