"""Many seeds, on several cores, and what they came to."""

import multiprocessing
import multiprocessing.queues
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import polars as pl

from talk_assets.simulate.schedule import draw
from talk_assets.simulate.seldom import Seldom
from talk_assets.simulate.trial import Outcome, play
from talk_assets.simulate.twins import EVERY, differing

_Work = TypeVar("_Work")
_Done = TypeVar("_Done")
Places = multiprocessing.queues.SimpleQueue[int]
_COUNTS = ("things", "edits", "faults", "crashes", "writes", "requests", "cycles", "excused")


@dataclass
class Campaign:
    """What all schedules came to."""

    schedules: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)
    traces: dict[int, str] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        self.schedules += 1
        self.counts.update({name: getattr(outcome, name) for name in _COUNTS})
        self.traces[outcome.seed] = outcome.trace
        if outcome.violations:
            self.failed.append(outcome)

    def rates(self) -> dict[str, float]:
        """Per minute."""
        minutes = max(self.seconds, 0.001) / 60
        return {name: count / minutes for name, count in {"schedules": self.schedules, **self.counts}.items()}


def run(seeds: Iterable[int], specs: Path, jobs: int = 1) -> Iterator[Outcome]:
    """One outcome per seed, as they come."""
    yield from each([(seed, specs) for seed in seeds], _one, jobs)


def each(work: Sequence[_Work], do: Callable[[_Work], _Done], jobs: int) -> Iterator[_Done]:
    """Does something with each, in as many processes; what is done first comes first."""
    if jobs == 1:
        yield from map(do, work)
        return
    # One thread each: what Polars and the other seeds' processes would take from each other.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    context = multiprocessing.get_context("spawn")
    places = context.SimpleQueue()
    for place in range(jobs):
        places.put(place)
    with context.Pool(jobs, _begin, (places,)) as pool:
        yield from pool.imap_unordered(partial(_one_within_polars, do), work, chunksize=1)


def _begin(places: Places) -> None:
    # Where it is installed, DuckDB has it filter every frame, which takes longer than the statement does.
    sys.modules["pyarrow"] = None  # type: ignore[assignment]
    stay_on_a_core(places)


def _one_within_polars(do: Callable[[_Work], _Done], work: _Work) -> _Done:
    return within_polars(partial(do, work))


def within_polars(do: Callable[[], _Done]) -> _Done:
    """In one of Polars' own threads: each of thousands of small queries is handed over to one, and its result back, unless it
    is asked there.
    """
    done: Future[_Done] = Future()

    def ask(column: pl.Series) -> pl.Series:
        try:
            done.set_result(do())
        except BaseException as failure:  # noqa: BLE001 - raised where it was asked
            done.set_exception(failure)
        return column

    # With one expression alone it would not go there.
    pl.DataFrame({"a": [0], "b": [0]}).select(pl.col("a").map_batches(ask, return_dtype=pl.Int64), pl.col("b") + 1)
    return done.result()


def stay_on_a_core(places: Places) -> None:
    """Small queries are handed from thread to thread. To wake one on another core takes longer than most of them do."""
    place = places.get()
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cores[place % len(cores)]})


def _one(work: tuple[int, Path]) -> Outcome:
    seed, specs = work
    outcome = play(draw(seed, specs))
    # Where documents leave things apart until something is made of both, whose first word is newest depends on when that was.
    if seed % EVERY == 0 and not Seldom.of(seed).refiled:
        outcome.violations += differing(seed, specs)
    return outcome


def campaign(seeds: Iterable[int], specs: Path, jobs: int = 1) -> Campaign:
    found = Campaign()
    started = time.monotonic()
    for outcome in run(seeds, specs, jobs):
        found.add(outcome)
    found.seconds = time.monotonic() - started
    found.failed.sort(key=lambda outcome: outcome.seed)
    return found
