"""One demo: the sandbox, Dagster and a first sync, and what they come to."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from talk_assets.demo import dagster_dev
from talk_assets.demo.dagster_dev import Dagster
from talk_assets.demo.place import Place, free_port, ready, sandbox_in
from talk_assets.operator.project import Ports, Unusable, open_project
from talk_assets.operator.qa.live import LiveReport
from talk_assets.operator.qa.look import look
from talk_assets.operator.syncing import needs_a_person
from talk_assets.sandbox import Sandbox, keep

_POLL_SECONDS = 4.0
"""Less than the five in which Dagster's daemon looks again: each look is a poll."""
_KEEP_EVERY = 5.0
_PAUSE = 0.5
_QUIET_SECONDS = 600
_WORKSPACE = Path("workspace.yaml")


@dataclass(frozen=True)
class Show:
    place: Place
    sandbox: Sandbox
    dagster: Dagster
    began: float
    """Seconds since 1970."""

    def writes(self) -> int:
        """Requests that could have changed something in a system."""
        return sum(
            entry.method not in ("GET", "OPTIONS") and entry.operation != "token"
            for system in self.sandbox.systems.values()
            for entry in system.ledger.entries()
        )

    def stay(self) -> None:
        """Until somebody interrupts it."""
        while True:
            self._spend(_KEEP_EVERY)

    def wait_until_quiet(self, tell: Callable[[str], None]) -> None:
        """Until a run has read all systems and found nothing to do."""
        ends = time.monotonic() + _QUIET_SECONDS
        told: set[str] = set()
        while time.monotonic() < ends:
            self._spend(_PAUSE)
            for run in self.dagster.runs(createdAfter=self.began, statuses=["SUCCESS", "FAILURE"]):
                if run["status"] == "FAILURE":
                    raise Unusable(
                        f"the run {run['runId']} of {run['pipelineName']} failed; its words are in {self.place.home}"
                    )
                if run["runId"] not in told:
                    told.add(run["runId"])
                    tell(f"the run {run['runId'][:8]} of {run['pipelineName']} is through")
            if self.dagster.runs(createdAfter=self.began, tags=[{"key": "talk/news", "value": "none"}], statuses=["SUCCESS"]):
                return
        raise Unusable(f"it is not quiet after {_QUIET_SECONDS} seconds; look at {self.dagster.url}")

    def outcome(self, specs: Path) -> tuple[LiveReport, dict[str, int]]:
        """The documents as checks on the hub, and what waits for a person."""
        project = open_project(specs, self.place.hub_url, state=self.place.state, ports=Ports(wait_seconds=120))
        with project.offline() as world:
            return look(world, project.resolved), needs_a_person(world)

    def _spend(self, seconds: float) -> None:
        """Meanwhile nothing is lost, whatever happens to this process."""
        self.dagster.let_pass(seconds)
        keep(self.sandbox.systems, self.place.held)


@contextmanager
def opened(place: Place, size: int, tell: Callable[[str], None]) -> Iterator[Show]:
    """Everything is up inside, and gone afterwards."""
    ready(place)
    if not _WORKSPACE.exists():
        raise Unusable("there is no workspace.yaml here: run `uv run talk demo` in a checkout of talk_assets")
    with _interrupted_by(signal.SIGTERM, signal.SIGHUP), sandbox_in(place, size) as sandbox:
        began = time.time()
        tell(f"five systems are up, on ports {min(sandbox.ports.values())} to {max(sandbox.ports.values())}")
        keep(sandbox.systems, place.held)
        dagster = dagster_dev.start(_WORKSPACE, free_port(), place.environment(sandbox, _POLL_SECONDS), place.log)
        try:
            tell("Dagster is starting")
            dagster.wait_until_up()
            yield Show(place, sandbox, dagster, began)
        finally:
            tell("stopping what was started")
            dagster.stop()
            keep(sandbox.systems, place.held)


@contextmanager
def _interrupted_by(*signals: signal.Signals) -> Iterator[None]:
    """To be ended is as good as Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {one: signal.signal(one, interrupt) for one in signals}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
