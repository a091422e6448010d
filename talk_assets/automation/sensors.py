"""Sensors that push: what is planned is written, what a write unlocked is planned again. None looks into the hub."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from talk_assets.assets.checks import check_specs
from talk_assets.assets.deliveries import REFUSED, WRITTEN
from talk_assets.assets.graph import LINKS, Graph, changes_key, delivered_key
from talk_assets.assets.links import ALL_READ
from talk_assets.assets.targets import DRY_RUN, READY, UNSETTLED
from talk_assets.automation.jobs import JOB, PUSH, REPLAN, SYNC, agreed_keys, pushing_config, replanning_config
from talk_assets.automation.switch import is_under_way, sensors_are

AT_ONCE = 1
"""Seconds between looks; Dagster looks every five at most."""


@dataclass(frozen=True)
class _Told:
    """The newest materialisation of an asset."""

    at: int
    run: str
    figures: Mapping[str, Any]


def push_sensor(graph: Graph, broken: str) -> dg.SensorDefinition:
    @dg.sensor(
        name="push",
        job_name=PUSH,
        minimum_interval_seconds=AT_ONCE,
        default_status=sensors_are(),
        description="Writes what is planned: launches `push` for the systems whose `…_changes` say that something is ready.",
    )
    def push(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if broken:
            return dg.SkipReason(broken)
        planned = _newest(context.instance, [changes_key(entity) for entity in graph.written])
        sent = _newest(context.instance, [delivered_key(entity) for entity in graph.written])
        due = [
            entity
            for entity in graph.written
            if _is_due(context, planned.get(changes_key(entity)), sent.get(delivered_key(entity)))
        ]
        if due and is_under_way(context.instance, JOB, SYNC, PUSH):
            return dg.SkipReason("something is being written already")
        if any(_is_unfinished(context.instance, planned[changes_key(entity)]) for entity in due):
            return dg.SkipReason("the plan is not complete yet")
        to = _up_to(context, planned.values())
        if not due:
            return dg.SkipReason("nothing new is ready to be written")
        systems = {entity.system.system for entity in due}
        return dg.RunRequest(
            run_key=f"{PUSH} {to}",
            run_config=pushing_config(),
            asset_selection=[delivered_key(entity) for entity in graph.written if entity.system.system in systems],
            tags={JOB: PUSH},
        )

    return push


def replan_sensor(graph: Graph, broken: str) -> dg.SensorDefinition:
    @dg.sensor(
        name="replan",
        job_name=REPLAN,
        minimum_interval_seconds=AT_ONCE,
        default_status=sensors_are(),
        description="Plans again after something was written: what waited for it may be due, and checks look at the outcome.",
    )
    def replan(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if broken:
            return dg.SkipReason(broken)
        sent = _newest(context.instance, [delivered_key(entity) for entity in graph.written])
        moved = {
            graph.subject_of[entity.key]
            for entity in graph.written
            if (told := sent.get(delivered_key(entity))) and told.at > _seen(context) and _has_moved(told.figures)
        }
        if moved and is_under_way(context.instance, JOB, SYNC, PUSH, REPLAN):
            return dg.SkipReason("writing or planning is under way")
        to = _up_to(context, sent.values())
        if not moved:
            return dg.SkipReason("nothing was written since")
        return dg.RunRequest(
            run_key=f"{REPLAN} {to}",
            run_config=replanning_config(moved),
            asset_selection=[LINKS, *agreed_keys(graph)],
            asset_check_keys=_checks_of(graph, moved),
            tags={JOB: REPLAN},
        )

    return replan


def _checks_of(graph: Graph, subjects: Collection[str]) -> list[dg.AssetCheckKey]:
    """The checks of the mappings of some subjects, and of the links; others would show as skipped."""
    mappings = (one for one in graph.resolved.mappings if graph.subject_of[one.source.key] in subjects)
    return [ALL_READ.key, *(spec.key for mapping in mappings for spec in check_specs(mapping))]


def _is_due(context: dg.SensorEvaluationContext, planned: _Told | None, sent: _Told | None) -> bool:
    """Whether a plan that this sensor has not seen yet has something to send that was not sent since."""
    if planned is None or planned.at <= _seen(context) or planned.figures.get(DRY_RUN):
        return False
    left = sent.figures if sent and sent.at > planned.at else None
    names = (READY, UNSETTLED)
    return any(left.get(f"left {name}") for name in names) if left else any(planned.figures.get(name) for name in names)


def _has_moved(figures: Mapping[str, Any]) -> bool:
    return bool(figures.get(WRITTEN) or figures.get(REFUSED))


def _is_unfinished(instance: dg.DagsterInstance, told: _Told) -> bool:
    """Whether the run that told it has more to tell."""
    run = instance.get_run_by_id(told.run)
    return run is not None and not run.is_finished


def _newest(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> dict[dg.AssetKey, _Told]:
    found: dict[dg.AssetKey, _Told] = {}
    for record in instance.get_asset_records(keys):
        last = record.asset_entry.last_materialization_record
        if last and last.asset_materialization:
            figures = {name: value.value for name, value in last.asset_materialization.metadata.items()}
            found[record.asset_entry.asset_key] = _Told(last.storage_id, last.run_id, figures)
    return found


def _seen(context: dg.SensorEvaluationContext) -> int:
    return int(context.cursor or 0)


def _up_to(context: dg.SensorEvaluationContext, told: Iterable[_Told]) -> int:
    """Remember how far one has looked now."""
    to = max((one.at for one in told), default=_seen(context))
    context.update_cursor(str(to))
    return to
