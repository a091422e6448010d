"""Systems are asked at the same time, each for one list after the other."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Lock

import httpx

from talk_assets.simulate.people import system_of
from talk_assets.sync.ask import ask
from talk_assets.sync.collect import Collected
from tests.faults.bench import Answer, Bench

SYSTEMS = ("custom_erp", "poweroffice_go")


class Meeting:
    """Lets nobody in before both systems were asked, and counts who is inside."""

    def __init__(self) -> None:
        self._both = Barrier(2)
        self._lock = Lock()
        self._came: set[str] = set()
        self._inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def __call__(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        system = system_of(request)
        with self._lock:
            is_first = system not in self._came
            self._came.add(system)
            self._inside[system] += 1
            self.most |= self._inside
        if is_first:
            self._both.wait(timeout=20)
        try:
            return answer(request)
        finally:
            with self._lock:
                self._inside[system] -= 1


def test_no_system_waits_for_another_and_each_is_asked_one_thing_at_a_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "customer", "contact")
    bench.add("custom_erp.customer", name="Acme AS", organisationNumber="983456789", number=10001)
    world = replace(bench.engine.world, ahead=1)
    keys = [key for key, entity in world.model.entities.items() if entity.system in SYSTEMS]
    meeting = Meeting()
    bench.between = meeting
    found = {key: one for key, one, _ in ask(world, keys)}
    assert list(found) == keys
    assert {key: one.seen for key, one in found.items() if isinstance(one, Collected)} == {
        key: int(key == "custom_erp.customer") for key in keys
    }
    assert meeting.most == dict.fromkeys(SYSTEMS, 1)
    assert min(Counter(key.split(".")[0] for key in keys).values()) > 1
