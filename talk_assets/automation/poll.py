"""Reading all systems again and again, where a schedule's minute is too long."""

import os
from datetime import UTC, datetime, timedelta

import dagster as dg

from talk_assets.assets.graph import LINKS, Graph, entity_key
from talk_assets.automation.jobs import DRY_RUN, JOB, PLAN, POLL, SYNC, agreed_keys, reading_config
from talk_assets.automation.sensors import AT_ONCE
from talk_assets.automation.standing import WhyNot
from talk_assets.automation.switch import is_under_way, sensors_are

VARIABLE = "TALK_POLL_SECONDS"
_SECONDS = 15.0


def poll_sensor(graph: Graph, why_not: WhyNot) -> dg.SensorDefinition:
    everything = [*(entity_key(entity) for entity in graph.entities), LINKS, *agreed_keys(graph)]
    asked = os.environ.get(VARIABLE)
    seconds = float(asked or _SECONDS)

    @dg.sensor(
        name="poll",
        job_name=PLAN,
        minimum_interval_seconds=AT_ONCE,
        default_status=sensors_are() if asked else dg.DefaultSensorStatus.STOPPED,
        description=f"Reads the news of all systems every {seconds:g} seconds ({VARIABLE}). "
        "Each look is a process of its own: for real systems prefer the schedules.",
    )
    def poll(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if reason := why_not():
            return dg.SkipReason(reason)
        if context.instance.get_latest_materialization_event(LINKS) is None:
            return dg.SkipReason("nothing was ever read: launch the job `sync` first")
        if is_under_way(context.instance, JOB, SYNC, DRY_RUN) or is_under_way(context.instance, POLL, "true"):
            return dg.SkipReason("they are being read already")
        since = datetime.now(UTC) - timedelta(seconds=seconds)
        if context.instance.get_runs_count(dg.RunsFilter(tags={POLL: "true"}, created_after=since)):
            return dg.SkipReason("they were read just now")
        return dg.RunRequest(
            run_config=reading_config(), asset_selection=everything, asset_check_keys=[], tags={JOB: PLAN, POLL: "true"}
        )

    return poll
