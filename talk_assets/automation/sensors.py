"""Sensors that push: what is planned is written, what a write unlocked is planned again. None looks into the hub."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from talk_assets.assets.checks import check_specs
from talk_assets.assets.deliveries import LEFT, REFUSED, WRITTEN
from talk_assets.assets.graph import LINKS, Graph, changes_key, delivered_key
from talk_assets.assets.links import ALL_READ
from talk_assets.assets.targets import DRY_RUN, READY, UNSETTLED
from talk_assets.assets.tries import tries_told
from talk_assets.automation.jobs import JOB, PUSH, REPLAN, SYNC, agreed_keys, pushing_config, replanning_config
from talk_assets.automation.standing import WhyNot
from talk_assets.automation.switch import is_under_way, sensors_are
from talk_assets.specs.resolve import EntityRef

AT_ONCE = 1
"""Seconds between looks; Dagster looks every five at most."""


@dataclass(frozen=True)
class _Told:
    """The newest materialisation of an asset."""

    at: int
    run: str
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class _Open:
    """An entity with something to be sent."""

    entity: EntityRef
    told: _Told
    again_at: float
    """Not before then: the last attempts came to nothing."""


def push_sensor(graph: Graph, why_not: WhyNot) -> dg.SensorDefinition:
    @dg.sensor(
        name="push",
        job_name=PUSH,
        minimum_interval_seconds=AT_ONCE,
        default_status=sensors_are(),
        description="Writes what is planned: launches `push` for the systems whose `…_changes` say that something is ready.",
    )
    def push(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if reason := why_not():
            return dg.SkipReason(reason)
        open_ = _open(context, graph)
        now = datetime.now(UTC).timestamp()
        due = [one for one in open_ if one.again_at <= now]
        if due and is_under_way(context.instance, JOB, SYNC, PUSH):
            return dg.SkipReason("something is being written already")
        if any(_is_unfinished(context.instance, one.told) for one in due):
            return dg.SkipReason("the plan is not complete yet")
        if not due:
            return dg.SkipReason(_when(open_) if open_ else "nothing new is ready to be written")
        pushed = {one.entity.key: one.told.at for one in due}
        context.update_cursor(json.dumps(_pushed(context) | pushed))
        systems = {one.entity.system.system for one in due}
        resting = {one.entity.key for one in open_ if one.again_at > now}
        return dg.RunRequest(
            run_key=f"{PUSH} {max(pushed.values())}",
            run_config=pushing_config(),
            asset_selection=[
                delivered_key(entity)
                for entity in graph.written
                if entity.system.system in systems and entity.key not in resting
            ],
            tags={JOB: PUSH},
        )

    return push


def replan_sensor(graph: Graph, why_not: WhyNot) -> dg.SensorDefinition:
    @dg.sensor(
        name="replan",
        job_name=REPLAN,
        minimum_interval_seconds=AT_ONCE,
        default_status=sensors_are(),
        description="Plans again after something was written: what waited for it may be due, and checks look at the outcome.",
    )
    def replan(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if reason := why_not():
            return dg.SkipReason(reason)
        sent = _newest(context.instance, [delivered_key(entity) for entity in graph.written])
        to = max((one.at for one in sent.values()), default=0)
        looked, owed = _replanned(context)
        # Of what is counted from the beginning again, nothing was seen.
        seen = looked if looked <= to else 0
        # A subject may be called otherwise since.
        moved = owed.intersection(graph.subject_of.values()) | {
            graph.subject_of[entity.key]
            for entity in graph.written
            if (told := sent.get(delivered_key(entity))) and told.at > seen and _has_moved(told.figures)
        }
        if moved and is_under_way(context.instance, JOB, SYNC, PUSH, REPLAN):
            # By the next look, a push that came to nothing may be the last that was told.
            _remember_replanned(context, to, moved)
            return dg.SkipReason("writing or planning is under way")
        _remember_replanned(context, to)
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


def _open(context: dg.SensorEvaluationContext, graph: Graph) -> list[_Open]:
    """What has something to be sent that was not pushed since that was told."""
    told = _newest(context.instance, [key(entity) for entity in graph.written for key in (changes_key, delivered_key)])
    pushed = _pushed(context)
    found = []
    for entity in graph.written:
        sent = told.get(delivered_key(entity))
        left = _left(told.get(changes_key(entity)), sent)
        # Not only a later one: once all runs are deleted, SQLite counts from the beginning.
        if left and left.at != pushed.get(entity.key):
            found.append(_Open(entity, left, tries_told(sent.figures).again_at if sent else 0))
    return found


def _left(planned: _Told | None, sent: _Told | None) -> _Told | None:
    """What was told last, if that leaves something to be sent."""
    names = (READY, UNSETTLED)
    is_real = planned is not None and not planned.figures.get(DRY_RUN)
    if sent and not (is_real and planned.at > sent.at):
        return sent if any(sent.figures.get(f"{LEFT}{name}") for name in names) else None
    if planned is None or not is_real:
        return None
    return planned if any(planned.figures.get(name) for name in names) else None


def _when(resting: Iterable[_Open]) -> str:
    times: dict[str, float] = {}
    for one in resting:
        system = one.entity.system.system
        times[system] = min(one.again_at, times.get(system, one.again_at))
    told = ", ".join(f"{system} from {datetime.fromtimestamp(at, UTC):%H:%M:%S} UTC on" for system, at in times.items())
    return f"the last attempts came to nothing; tried again: {told}"


def _pushed(context: dg.SensorEvaluationContext) -> dict[str, int]:
    """By entity, what was told of it and pushed. A cursor of one number is older, and says nothing of a single one."""
    found = _cursor(context)
    return found if isinstance(found, dict) else {}


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


def _replanned(context: dg.SensorEvaluationContext) -> tuple[int, frozenset[str]]:
    """How far one has looked, and the subjects of which something was written and that were not planned again yet. A cursor of
    one number is older.
    """
    match _cursor(context):
        case {"seen": int(seen), "owed": [*owed]}:
            return seen, frozenset(owed)
        case int(seen):
            return seen, frozenset()
        case _:
            return 0, frozenset()


def _cursor(context: dg.SensorEvaluationContext) -> Any:
    """What was remembered. People can edit it in the browser: what is none says nothing."""
    with suppress(ValueError):
        return json.loads(context.cursor or "null")
    return None


def _remember_replanned(context: dg.SensorEvaluationContext, seen: int, owed: Iterable[str] = ()) -> None:
    context.update_cursor(json.dumps({"seen": seen, "owed": sorted(owed)}))
