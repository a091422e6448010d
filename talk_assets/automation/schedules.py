"""Schedules: each system is read when its spec says so, and all of it at quieter hours."""

from collections.abc import Iterator

import dagster as dg

from talk_assets.assets.graph import LINKS, Graph, entity_key
from talk_assets.automation.jobs import CHECKS, JOB, PLAN, READS, READS_ALL, SYNC, agreed_keys, reading_config
from talk_assets.automation.standing import WhyNot
from talk_assets.automation.switch import is_under_way, schedules_are
from talk_assets.specs.system import SystemSpec

_CHECKED_AT = "30 4 * * *"


def schedules(graph: Graph, why_not: WhyNot) -> Iterator[dg.ScheduleDefinition]:
    for key in (key for key in graph.systems if key not in graph.untimed):
        spec = graph.resolved.catalog.systems[key].spec
        yield _schedule(graph, spec, f"read_{key}", spec.schedule, why_not, full=False)
        yield _schedule(graph, spec, f"read_all_of_{key}", spec.full_sweep, why_not, full=True)
    if graph.systems:
        yield _checking(why_not)


def _schedule(graph: Graph, spec: SystemSpec, name: str, cron: str, why_not: WhyNot, *, full: bool) -> dg.ScheduleDefinition:
    selection = [*(entity_key(entity) for entity in graph.entities_of(spec.system)), LINKS, *agreed_keys(graph)]
    what = "Reads everything of" if full else "Reads the news of"

    @dg.schedule(
        name=name,
        job_name=PLAN,
        cron_schedule=cron,
        execution_timezone=spec.time_zone,
        default_status=schedules_are(),
        description=f"{what} {spec.title}, agrees and plans. Both times stand in the system's spec.",
    )
    def reading(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if reason := why_not():
            return dg.SkipReason(reason)
        if _is_being_read(context.instance, spec.system, full=full):
            return dg.SkipReason(f"{spec.title} is being read already")
        tags = {READS: spec.system, JOB: PLAN, **({READS_ALL: spec.system} if full else {})}
        return dg.RunRequest(run_config=reading_config(full=full), asset_selection=selection, asset_check_keys=[], tags=tags)

    return reading


def _is_being_read(instance: dg.DagsterInstance, system: str, *, full: bool) -> bool:
    """Whoever reads the news does not read everything: that would be left out until the next night."""
    if full:
        return is_under_way(instance, READS_ALL, system)
    return is_under_way(instance, READS, system) or is_under_way(instance, JOB, SYNC)


def _checking(why_not: WhyNot) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="check_all",
        job_name=CHECKS,
        cron_schedule=_CHECKED_AT,
        default_status=schedules_are(),
        description="Looks at all records once a day: is every mapping linked, in sync, typed and unique?",
    )
    def checking(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if reason := why_not():
            return dg.SkipReason(reason)
        # After days off, Dagster makes up for several nights at once.
        if is_under_way(context.instance, JOB, CHECKS):
            return dg.SkipReason("all records are being looked at already")
        return dg.RunRequest(tags={JOB: CHECKS})

    return checking
