"""`dagster dev` in processes of its own: started, asked over GraphQL, and stopped with everything it started."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from talk_assets.operator.project import Unusable
from talk_assets.systems.clock import SystemClock

_OPENER = build_opener(ProxyHandler({}))  # loopback is never behind a proxy
_CLOCK = SystemClock()
_PAUSE = 0.25
_UP_SECONDS = 120
_ANSWER_SECONDS = 120
"""A machine that has much else to do takes its time to launch a run."""
_DOWN_SECONDS = (8, 5, 5)
"""How long to wait after asking it to stop, after telling its whole group, and after killing that."""
_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}"""
_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""
_RUNS = """
query ($filter: RunsFilter!) { runsOrError(filter: $filter, limit: 100) {
    ... on Runs { results { runId status pipelineName } } } }"""


@dataclass(frozen=True)
class Dagster:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_up(self) -> None:
        """Until a browser would show the graph."""
        started = _CLOCK.monotonic()
        while _CLOCK.monotonic() - started < _UP_SECONDS:
            with suppress(OSError):
                entries = self.ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
                if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
                    failed = [entry["locationOrLoadError"].get("message") for entry in entries]
                    if any(failed):
                        raise Unusable(f"Dagster cannot load the definitions: {failed[0]}")
                    return
            self.let_pass(_PAUSE)
        raise Unusable(f"Dagster did not come up within {_UP_SECONDS} seconds; its log is {self.log}")

    def let_pass(self, seconds: float) -> None:
        """Wait, but not for a process that has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.require_running()

    def require_running(self) -> None:
        if self.process.poll() is not None:
            raise Unusable(f"Dagster has stopped by itself; its log is {self.log}")

    def launch(self, job: str) -> str:
        """Launch a run and give its id."""
        selector = {"repositoryLocationName": "talk_assets", "repositoryName": "__repository__", "jobName": job}
        answer = self.ask(_LAUNCH, {"params": {"selector": selector, "runConfigData": {}}})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise Unusable(f"Dagster does not launch {job}: {answer.get('message') or answer}")
        return str(answer["run"]["runId"])

    def runs(self, **filters: Any) -> list[Mapping[str, str]]:
        """`runId`, `status` and `pipelineName` of the newest runs."""
        return self.ask(_RUNS, {"filter": filters})["runsOrError"]["results"]

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = Request(f"{self.url}/graphql", body, {"content-type": "application/json"})  # noqa: S310 - http, loopback
        try:
            with _OPENER.open(request, timeout=_ANSWER_SECONDS) as answer:
                found = json.loads(answer.read())
        except OSError as failure:
            raise OSError(f"Dagster does not answer at {self.url}: {getattr(failure, 'reason', failure)}") from None
        if found.get("errors"):
            raise Unusable(f"Dagster does not understand: {found['errors'][0].get('message')}")
        return found["data"]

    def stop(self) -> None:
        """With its daemon, webserver, code servers and runs: all of them are in one group."""
        group = self.process.pid
        for wait, tell in zip(_DOWN_SECONDS, _ways_to_stop(self.process), strict=True):
            with suppress(ProcessLookupError):
                tell()
            ends = _CLOCK.monotonic() + wait
            while _CLOCK.monotonic() < ends:
                self.process.poll()
                if not _exists(group):
                    return
                _CLOCK.sleep(_PAUSE / 5)


def start(workspace: Path, port: int, environment: Mapping[str, str], log: Path) -> Dagster:
    command = [
        *(sys.executable, "-W", "ignore:Function `dev_command` is superseded", "-m", "dagster", "dev"),
        *("-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)),
    ]
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            command,
            env=dict(environment),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    return Dagster(process, port, log)


def _ways_to_stop(process: subprocess.Popen[bytes]) -> tuple[Callable[[], None], ...]:
    return (
        lambda: process.send_signal(signal.SIGINT),
        lambda: os.killpg(process.pid, signal.SIGTERM),
        lambda: os.killpg(process.pid, signal.SIGKILL),
    )


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
