"""Every run of the suite tries the same examples; a longer search is a command of its own. And each of the processes that share
the tests stays on a core of its own: to wake a thread on another one takes longer than most of our queries do.
"""

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

WITHIN_POLARS = {"assets", "faults", "hub", "operator", "simulation", "sync"}
"""Where tests are thousands of small queries, one after the other."""
CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


def pytest_configure() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and CORES:
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        from talk_assets.hub import connection  # noqa: PLC0415 - it imports Polars, which counts its threads then

        connection._SETTINGS = (*connection._SETTINGS, "SET threads = 1")  # type: ignore[assignment]
        for thread in Path("/proc/self/task").iterdir():
            os.sched_setaffinity(int(thread.name), {CORES[int(worker.removeprefix("gw")) % len(CORES)]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name in WITHIN_POLARS:
            # No signal is heard while Polars has the first thread wait.
            item.add_marker(pytest.mark.timeout(method="thread"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if pyfuncitem.path.parent.name not in WITHIN_POLARS:
        return None
    from talk_assets.simulate.campaign import within_polars  # noqa: PLC0415 - only where it is needed

    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    within_polars(partial(pyfuncitem.obj, **given))
    return True


@pytest.fixture
def all_cores() -> Iterator[None]:
    """For tests that start programs of several processes."""
    if not CORES:
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(CORES))
    yield
    os.sched_setaffinity(0, own)
