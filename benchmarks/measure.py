"""Contestants run in turn, each run in a process of its own: seconds of work without start-up, CPU time and peak memory."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time
from typing import Any

RUNS = 3


@dataclass(frozen=True)
class Contestant:
    """Something to be measured: a function `module:name` that takes a Stopwatch and the settings of the benchmark."""

    name: str
    work: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Medians of a contestant's runs."""

    name: str
    seconds: float
    cpu: float
    peak_mb: float
    counts: Mapping[str, float]
    """What else a contestant told: requests, or the seconds of its parts."""


class Stopwatch:
    """Measures what a contestant does between its preparations and its end."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0
        self.counts: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        started, used = perf_counter(), process_time()
        yield
        self.seconds += perf_counter() - started
        self.cpu += process_time() - used

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.counts[name] = self.counts.get(name, 0.0) + perf_counter() - started


def contest(contestants: Sequence[Contestant], settings: Mapping[str, Any], *, runs: int = RUNS) -> dict[str, Result]:
    """All of them, round after round, so that a busy minute of the machine hits everybody."""
    told: dict[str, list[dict[str, Any]]] = {one.name: [] for one in contestants}
    for _ in range(runs):
        for one in contestants:
            told[one.name].append(in_child(one.work, {**settings, **one.settings}))
    return {name: _median(name, rounds) for name, rounds in told.items()}


def in_child(work: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a process of its own measured."""
    command = [sys.executable, "-m", "benchmarks.child", work, json.dumps(dict(settings))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **_QUIET})  # noqa: S603 - ours
    if done.returncode != 0:
        raise SystemExit(f"{work} failed:\n{done.stderr[-4000:] or done.stdout[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


_QUIET = {"PYTHONWARNINGS": "ignore", "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}


def told(watch: Stopwatch) -> str:
    """A run as the parent reads it."""
    peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    return json.dumps({"seconds": watch.seconds, "cpu": watch.cpu, "peak_mb": peak, "counts": watch.counts})


def _median(name: str, rounds: Sequence[Mapping[str, Any]]) -> Result:
    middle = {key: statistics.median(one[key] for one in rounds) for key in ("seconds", "cpu", "peak_mb")}
    counted = {key: statistics.median(one["counts"][key] for one in rounds) for key in rounds[0]["counts"]}
    return Result(name, counts=counted, **middle)


@contextmanager
def server(kind: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """A loopback API in a process of its own; gives its address."""
    command = [sys.executable, "-m", "benchmarks.api", kind, json.dumps(dict(settings))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port.isdecimal():
                raise SystemExit(f"the loopback API ({kind}) did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def load_average() -> float:
    return float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0]) if Path("/proc/loadavg").exists() else -1.0
