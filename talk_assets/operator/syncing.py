"""Cycles until nothing is left to do, and what they came to."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from talk_assets.hub.tables import ambiguous, changes, history, holds, intents
from talk_assets.operator.names import near
from talk_assets.operator.project import Unusable
from talk_assets.sync.cycle import Cycle, cycle
from talk_assets.sync.doubt.unread import awaited, is_read_again, unreadable
from talk_assets.sync.guards import APPROVE, Trip
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.world import World

Ending = Literal["quiet", "planned", "failed", "stuck", "unfinished"]


@dataclass
class Line:
    """One entity's share of a run."""

    entity: str
    read: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    created: int = 0
    updated: int = 0
    waiting: int = 0
    held: int = 0
    refused: int = 0
    unknown: int = 0


@dataclass
class Report:
    run: str
    ending: Ending
    cycles: int
    lines: list[Line]
    failed: dict[str, str] = field(default_factory=dict)
    """Entities that could not be read."""
    awaited: dict[str, int] = field(default_factory=dict)
    """Entities that were never read, and how many creations wait for that."""
    stopped: list[str] = field(default_factory=list)
    """Systems that let us in no more."""
    problems: list[str] = field(default_factory=list)
    trips: tuple[Trip, ...] = ()
    attention: dict[str, int] = field(default_factory=dict)
    """What waits for a person, by kind."""
    ready: int = 0
    """Planned and not sent."""
    systems: list[str] = field(default_factory=list)
    """The only ones that were to be written to; empty: all."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Of what is ready: what others of them would be told, by system."""

    @property
    def exit_code(self) -> int:
        if self.ending not in ("quiet", "planned") or self.failed or self.stopped:
            return 1
        return 3 if any(self.attention.values()) else 0


def sync(world: World, *, cycles: int = 10, systems: Collection[str] = (), full: bool = False, dry: bool = False) -> Report:
    """Run cycles until one finds nothing to do; with `systems` only those are written to, with `dry` none."""
    chosen = sorted(set(systems)) or None
    done: list[Cycle] = []
    ending: Ending = "unfinished"
    while ending == "unfinished" and len(done) < cycles:
        world.tell(f"cycle {len(done) + 1}")
        done.append(cycle(world, full=full and not done, systems=chosen, dry=dry))
        ending = _ending(world, done, chosen, dry=dry)
        if ending == "unfinished" and len(done) < cycles:
            _wait_for_outcomes(world)
    return _report(world, done, ending, chosen or [])


def needs_a_person(world: World) -> dict[str, int]:
    """What nothing but a person's word moves on, by kind."""
    hub = world.hub
    told = {
        **holds.counts(hub),
        "ambiguous": sum(ambiguous.counts(hub).values()),
        "unfit": changes.held_otherwise(hub, APPROVE),
        "unreadable": len(unreadable(world)),
    }
    return {kind: count for kind, count in told.items() if count}


def require_systems(model: Model, systems: Collection[str]) -> None:
    """Raises where no mapping has one of these."""
    known = {entity.system for entity in model.entities.values()}
    if unknown := [name for name in systems if name not in known]:
        raise Unusable(f"no mapping has a system {unknown[0]!r}; {near(unknown[0], known)}")


def _ending(world: World, done: list[Cycle], systems: list[str] | None, *, dry: bool) -> Ending:
    last = done[-1]
    if dry:
        return "planned"
    moved = last.written or last.rejected or last.unknown or last.merged.changed
    is_left = any(system not in world.closed and (systems is None or system in systems) for system in _ready(world))
    if not moved and not is_left and (last.failed or not is_read_again(world)):
        return "failed" if last.failed or last.stopped else "quiet"
    if last.stopped:
        return "failed"
    idle = len(done) > 1 and not any(one.written or one.rejected or one.merged.changed for one in done[-2:])
    # An outcome that is not known yet may need some rounds to show.
    return "stuck" if idle and not last.unknown else "unfinished"


def _wait_for_outcomes(world: World) -> None:
    """What became of a write without an answer shows once its system's readers see all that was written by then."""
    unfinished = intents.unfinished(world.hub)["entity"].unique().sort()
    open_ = [key for key in unfinished if key in world.model.entities and not world.why_closed(key)]
    seconds = max((_visibility(world, key) for key in open_), default=0)
    if seconds:
        world.tell(f"waiting {seconds:g} seconds to find out what became of writes without an answer: {', '.join(open_)}")
        world.hub.rest()
        world.clock.sleep(seconds)


def _visibility(world: World, key: str) -> float:
    return world.connection(key).client_spec(key.split(".", 1)[1]).visibility_seconds


def _ready(world: World) -> dict[str, int]:
    """By system: what is ready to be written to it."""
    found: dict[str, int] = {}
    for key, count in changes.ready_counts(world.hub).items():
        if key in world.model.entities:
            system = world.entity(key).system
            found[system] = found.get(system, 0) + count
    return dict(sorted(found.items()))


def _report(world: World, done: list[Cycle], ending: Ending, systems: list[str]) -> Report:
    lines = {key: Line(key) for key in world.model.entities}
    problems: list[str] = []
    for number, one in enumerate(done):
        for read in one.collected:
            line = lines[read.entity]
            # What a later cycle finds changed is mostly what an earlier one wrote; only what is read counts once.
            line.read = read.seen if number == 0 else line.read
            line.new += read.new
            line.changed += read.changed
            line.gone += read.gone
            problems += [f"{read.entity}: {problem}" for problem in read.problems]
    for entity, kind, count in history.counts(world.hub, world.run).iter_rows():
        if entity in lines and kind in ("created", "adopted"):
            lines[entity].created += count
        elif entity in lines and kind == "written":
            lines[entity].updated += count
    for entity, _, state, count in changes.counts(world.hub).iter_rows():
        if entity in lines and state in ("waiting", "held", "refused"):
            setattr(lines[entity], state, getattr(lines[entity], state) + count)
    for entity in intents.unfinished(world.hub)["entity"]:
        if entity in lines:
            lines[entity].unknown += 1
    last, ready = done[-1], _ready(world)
    return Report(
        world.run,
        ending,
        len(done),
        list(lines.values()),
        failed=last.failed,
        awaited=awaited(world),
        stopped=last.stopped,
        problems=list(dict.fromkeys(problems)),
        trips=last.planned.trips,
        attention=needs_a_person(world),
        ready=sum(ready.values()),
        systems=systems,
        left_out={system: count for system, count in ready.items() if systems and system not in systems},
    )
