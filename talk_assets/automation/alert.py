"""A run that failed is told to a webhook, where one is named: once, until one of its kind went well."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from urllib.request import HTTPRedirectHandler, Request, build_opener

import dagster as dg

from talk_assets.assets.deliveries import AGAIN, ANEW, FAILED
from talk_assets.automation.jobs import kind_of
from talk_assets.automation.switch import sensors_are

VARIABLE = "TALK_ALERT_URL"
TOLD = "talk/told"
"""Tag of a run that failed: that a person was told, of it or of one before."""
_SECONDS = 10
_SHOWN = 1000
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def alert_sensor() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert",
        minimum_interval_seconds=5,
        default_status=sensors_are(),
        description=f'Posts to the webhook in {VARIABLE} when a run has failed, as chat services take it: {{"text": …}}. '
        "The same failure is told once, until it went well again.",
    )
    def alert(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        url = os.environ.get(VARIABLE)
        if not url:
            return dg.SkipReason(f"{VARIABLE} names no webhook")
        run = context.dagster_run
        words = _words(context.instance, run)
        if _is_known(context.instance, run, words):
            context.instance.add_run_tags(run.run_id, {TOLD: "before"})
            return dg.SkipReason("it failed in the same way before, and that was told")
        failed = ", ".join(event.step_key or "" for event in context.get_step_failure_events())
        where = f" in {failed}" if failed else ""
        said = "\n".join(words)[:_SHOWN] or context.failure_event.message
        _post(url, f"talk_assets: the run {run.run_id[:8]} of {run.job_name} failed{where}: {said}")
        context.instance.add_run_tags(run.run_id, {TOLD: "now"})
        return None

    return alert


def _is_known(instance: dg.DagsterInstance, run: dg.DagsterRun, words: list[str]) -> bool:
    """Whether a person was told, and nothing went well since."""
    if FAILED in run.tags:
        return run.tags[FAILED] == AGAIN and any(TOLD in one.tags for one in _last(instance, run, {FAILED: [ANEW, AGAIN]}))
    return any(
        TOLD in before.tags and _alike(words) <= _alike(_words(instance, before))
        for before in (*_last(instance, run, kind_of(run)), *_last(instance, run, {}))
    )


def _last(instance: dg.DagsterInstance, run: dg.DagsterRun, tags: Mapping[str, str | list[str]]) -> Sequence[dg.DagsterRun]:
    """The run before this one that ended and has these tags, if any."""
    return instance.get_runs(dg.RunsFilter(tags=tags, statuses=_ENDED), cursor=run.run_id, limit=1)


def _words(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[str]:
    """Why its steps failed, in our own words; what others say may name somebody."""
    found: list[str] = []
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        data = entry.get_dagster_event().step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            found += data.user_failure_data.description.splitlines()
        elif data.error:
            found.append(data.error.cls_name or "")
    return found


def _alike(words: list[str]) -> set[str]:
    """Without numbers, of requests and times for instance, that are others in each run."""
    return {re.sub(r"\b[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*\b", "#", line) for line in words} or {""}


class _NoRedirects(HTTPRedirectHandler):
    """Another address would be asked without the message, and its answer taken for the webhook's."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _post(url: str, text: str) -> None:
    """Raises where the webhook cannot be reached; the tick shows it, without the address, which may hold a secret."""
    if not url.lower().startswith(("http://", "https://")):
        raise dg.Failure(f"{VARIABLE} is no address that begins with https://")
    try:
        request = Request(url, json.dumps({"text": text}).encode(), {"content-type": "application/json"}, method="POST")  # noqa: S310
        build_opener(_NoRedirects).open(request, timeout=_SECONDS).close()
    except OSError as failure:
        said = getattr(failure, "reason", failure)
        raise dg.Failure(f"the webhook in {VARIABLE} did not take the message: {said}") from None
    except (HTTPException, ValueError) as failure:
        # Their words repeat the address, or whatever it was that answered.
        raise dg.Failure(f"nothing can be posted to the address in {VARIABLE}: {type(failure).__name__}") from None
