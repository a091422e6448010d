"""A run that failed is told to a webhook, where one is named."""

import json
import os
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

import dagster as dg

from talk_assets.automation.switch import sensors_are

VARIABLE = "TALK_ALERT_URL"
_SECONDS = 10


def alert_sensor() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert",
        minimum_interval_seconds=5,
        default_status=sensors_are(),
        description=f'Posts to the webhook in {VARIABLE} when a run has failed, as chat services take it: {{"text": …}}.',
    )
    def alert(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        url = os.environ.get(VARIABLE)
        if not url:
            return dg.SkipReason(f"{VARIABLE} names no webhook")
        run = context.dagster_run
        failed = ", ".join(event.step_key or "" for event in context.get_step_failure_events())
        where = f" in {failed}" if failed else ""
        _post(url, f"talk_assets: the run {run.run_id[:8]} of {run.job_name} failed{where}: {context.failure_event.message}")
        return None

    return alert


def _post(url: str, text: str) -> None:
    """Raises where the webhook cannot be reached; the tick shows it, without the address, which may hold a secret."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise dg.Failure(f"{VARIABLE} is no address that begins with https://")
    request = Request(url, json.dumps({"text": text}).encode(), {"content-type": "application/json"}, method="POST")  # noqa: S310
    try:
        build_opener().open(request, timeout=_SECONDS).close()
    except URLError as failure:
        raise dg.Failure(f"the webhook in {VARIABLE} did not take the message: {failure.reason}") from None
