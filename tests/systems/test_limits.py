"""Politeness, on a clock nobody waits for (I29)."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talk_assets.systems.calling.limits import Budget, Budgets, FileSlots, MemorySlots, Rate
from tests.systems.support import ENVIRON, Script, Server, VirtualClock, answer, connect, spec


def sent_at(budget: Budget, clock: VirtualClock, count: int) -> list[float]:
    found = []
    for _ in range(count):
        budget.acquire()
        found.append(clock.elapsed)
    return found


def most_in_a_window(moments: list[float], window: float) -> int:
    return max(sum(start <= at < start + window for at in moments) for start in moments)


@pytest.mark.parametrize("kept", ["memory", "file"])
def test_no_window_holds_more_than_the_limit(kept: str, tmp_path: Path):
    clock = VirtualClock()
    budget = Budgets(clock, tmp_path if kept == "file" else None).of("key", Rate(10, 1))
    moments = sent_at(budget, clock, 45)
    assert most_in_a_window(moments, 1) == 10
    assert moments[-1] == pytest.approx(4 * 1.05, abs=0.01)


@given(st.lists(st.floats(0, 3), max_size=40), st.integers(1, 5), st.sampled_from([1, 2, 60]))
def test_whatever_the_pauses_between_no_window_holds_more(waits: list[float], requests: int, window: float):
    clock = VirtualClock()
    budget = Budget(Rate(requests, window), MemorySlots(), clock)
    moments = []
    for wait in waits:
        clock.elapsed += wait
        budget.acquire()
        moments.append(clock.elapsed)
    assert not moments or most_in_a_window(moments, window) <= requests


def test_everybody_with_the_same_key_shares_and_nobody_else_does(tmp_path: Path):
    clock = VirtualClock()
    one, other = Budgets(clock, tmp_path), Budgets(clock, tmp_path)
    sent_at(one.of("shared", Rate(2, 1)), clock, 2)
    assert sent_at(other.of("own", Rate(2, 1)), clock, 2) == [0, 0]
    assert sent_at(other.of("shared", Rate(2, 1)), clock, 1) == [pytest.approx(1.05, abs=0.01)]


def test_clients_of_one_subscription_share_across_systems():
    clock = VirtualClock()
    budgets = Budgets(clock)
    limits = {"requests": 3, "per_seconds": 1, "shared_by": "THING_TOKEN"}
    server = Server(Script(answer([])))
    for name in ("first", "second"):
        connection = connect(spec(limits=limits, system={"system": name}), server, clock, budgets=budgets)
        for _ in range(3):
            list(connection.reader("things").sweep())
    assert clock.elapsed == pytest.approx(1.05, abs=0.01)


def test_the_key_is_not_kept(tmp_path: Path):
    Budgets(VirtualClock(), tmp_path).of(ENVIRON["THING_TOKEN"], Rate(1, 1)).acquire()
    for kept in tmp_path.iterdir():
        assert ENVIRON["THING_TOKEN"] not in kept.name
        assert ENVIRON["THING_TOKEN"].encode() not in kept.read_bytes()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("kept", ["memory", "file"])
def test_a_rest_is_taken_by_everybody(kept: str, tmp_path: Path):
    clock = VirtualClock()
    budgets = Budgets(clock, tmp_path if kept == "file" else None)
    budgets.of("key", Rate(10, 1)).pause(30)
    assert sent_at(budgets.of("key", Rate(10, 1)), clock, 1) == [30]


def test_threads_never_exceed_the_limit(tmp_path: Path):
    clock = VirtualClock()
    slots = FileSlots(tmp_path / "slots.sqlite")
    reserved: list[float] = []
    lock = threading.Lock()

    def reserve(_: int) -> None:
        at = slots.reserve(Rate(5, 1), clock.now().timestamp())
        with lock:
            reserved.append(at)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(reserve, range(40)))
    assert most_in_a_window(reserved, 1) == 5


@pytest.mark.parametrize("kept", ["memory", "file"])
def test_p12_a_clock_that_was_set_back_does_not_block_for_hours(kept: str, tmp_path: Path):
    clock = VirtualClock()
    clock.elapsed = 7200
    budget = Budgets(clock, tmp_path if kept == "file" else None).of("key", Rate(2, 1))
    sent_at(budget, clock, 2)
    budget.pause(100)
    clock.elapsed = 0
    sent_at(budget, clock, 5)
    assert clock.elapsed < 5


def test_no_more_requests_are_under_way_than_the_spec_allows():
    under_way, most = 0, 0
    lock, together = threading.Lock(), threading.Event()

    def handler(_: object):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(0.02)
        with lock:
            under_way -= 1
        return answer([])

    connection = connect(spec(limits={"requests": 1000, "concurrency": 3}), handler)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: list(connection.reader("things").sweep()), range(12)))
    assert most <= 3
