"""One cycle, and cycles until nothing is left to do. The same stages that Dagster's assets call, without Dagster."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from talk_assets.hub.tables import changes
from talk_assets.specs.problems import plural
from talk_assets.sync.ask import ask
from talk_assets.sync.collect import Collected
from talk_assets.sync.deliver import Delivered, deliver
from talk_assets.sync.doubt.loaded import note_loaded
from talk_assets.sync.linking import LinkReport, link_stage
from talk_assets.sync.merging import MergeReport, merge_stage
from talk_assets.sync.planning import PlanReport, plan_stage
from talk_assets.sync.recover import recover
from talk_assets.sync.world import World

WAVES = 6
"""How often a cycle plans again for what its own writes unlocked."""


@dataclass
class Cycle:
    collected: list[Collected] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    linked: LinkReport = field(default_factory=lambda: LinkReport(0, 0))
    merged: MergeReport = field(default_factory=lambda: MergeReport(0, 0, 0, 0))
    planned: PlanReport = field(default_factory=lambda: PlanReport(0, 0, 0, 0, ()))
    written: int = 0
    created: int = 0
    rejected: int = 0
    unknown: int = 0
    stopped: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Nothing was written, and nothing is on its way."""
        return not (self.written or self.rejected or self.unknown or self.planned.ready or self.merged.changed)


def cycle(
    world: World,
    *,
    full: bool = False,
    systems: Collection[str] | None = None,
    dry: bool = False,
    approved: frozenset[str] = frozenset(),
) -> Cycle:
    """Collect everything, agree, and write what is due."""
    report = Cycle()
    if not dry:
        settled, report.unknown = recover(world)
        report.written += settled
    _collect_all(world, report, full=full)
    world.tell("linking, merging and planning")
    report.linked = link_stage(world)
    writable = _writable(world, report, systems)
    for _ in range(WAVES):
        merged = merge_stage(world)
        report.merged = replace(merged, seen=None) if merged.clusters else report.merged
        report.planned = plan_stage(world, approved=approved, seen=merged.seen)
        if dry or not report.planned.ready:
            break
        if due := sum(count for key, count in changes.ready_counts(world.hub).items() if key.split(".", 1)[0] in writable):
            world.tell(f"writing {plural(due, 'record')}")
        delivered = deliver(world, systems=writable)
        _add(report, delivered)
        if report.stopped or not delivered.has_news:
            break
        # A record just made may be what another one was waiting for to be recognised.
        link_stage(world)
    if not dry and not report.planned.ready and not report.unknown:
        note_loaded(world)
    return report


def _collect_all(world: World, report: Cycle, *, full: bool) -> None:
    for reason in world.closed.values():
        world.tell(reason)
    for key, found, _ in ask(world, world.model.entities, full=full):
        entity = world.entity(key).ref
        if isinstance(found, str):
            report.failed[key] = found
            if not world.why_closed(key):
                world.tell(f"{entity.system.title}: {found}")
            continue
        report.collected.append(found)
        is_news = found.new + found.changed + found.gone
        news = f"{found.new:,} new, {found.changed:,} changed, {found.gone:,} gone" if is_news else "no news"
        world.tell(f"{entity.system.title}: {entity.name}: {found.seen:,} read, {news}")
        for problem in found.problems:
            world.tell(f"{key}: {problem}")


def _writable(world: World, report: Cycle, systems: Collection[str] | None) -> list[str]:
    """Systems to write to: those asked for, without those that could not even be read."""
    asked = {entity.system for entity in world.model.entities.values()} if systems is None else set(systems)
    return sorted(asked - {world.entity(key).system for key in report.failed})


def _add(report: Cycle, delivered: Delivered) -> None:
    report.written += delivered.done
    report.created += delivered.created
    report.rejected += delivered.rejected
    report.unknown += delivered.unknown
    report.stopped += delivered.stopped
