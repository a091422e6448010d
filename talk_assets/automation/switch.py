"""Whether schedules and sensors run without being switched on in the UI."""

import os

import dagster as dg

VARIABLE = "TALK_AUTOMATION"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def sensors_are() -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if _is_on() else dg.DefaultSensorStatus.STOPPED


def schedules_are() -> dg.DefaultScheduleStatus:
    return dg.DefaultScheduleStatus.RUNNING if _is_on() else dg.DefaultScheduleStatus.STOPPED


def is_under_way(instance: dg.DagsterInstance, tag: str, *values: str) -> bool:
    """Whether a run with one of these values of a tag has not ended."""
    return instance.get_runs_count(dg.RunsFilter(tags={tag: list(values)}, statuses=_UNFINISHED)) > 0


def _is_on() -> bool:
    return os.environ.get(VARIABLE) == "on"
