"""When what was read of a system counts as out of date: after some of its readings were missed."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import dagster as dg

_MISSED = 3
_GRACE = timedelta(minutes=20)
_FORM = "%Y-%m-%d-%H:%M"
_FRIDAY = datetime(2026, 1, 2, 12, tzinfo=UTC)
"""Schedules of working days wait longest over a weekend."""


@cache
def freshness(schedule: str) -> dg.FreshnessPolicy:
    """For what is read on a cron line."""
    wait = _longest_wait(schedule)
    return dg.FreshnessPolicy.time_window(fail_window=_MISSED * wait + _GRACE, warn_window=2 * wait + _GRACE)


def _longest_wait(schedule: str) -> timedelta:
    times = dg.TimeWindowPartitionsDefinition(cron_schedule=schedule, start=_FRIDAY.strftime(_FORM), fmt=_FORM)
    for days in (4, 90, 800):
        window = dg.TimeWindow(_FRIDAY, _FRIDAY + timedelta(days=days))
        ticks = [datetime.strptime(key, _FORM).replace(tzinfo=UTC) for key in times.get_partition_keys_in_time_window(window)]
        if len(ticks) > 1:
            return max(later - earlier for earlier, later in pairwise(ticks))
    return timedelta(days=366)
