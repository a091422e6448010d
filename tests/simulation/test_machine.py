"""What people, networks and cycles do in any order, as steps that Hypothesis chooses and shortens. Beside the simulator, whose
schedules are drawn from seeds: here every failure comes back as the few steps that lead to it.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from talk_assets.hub.tables.checks import check
from talk_assets.simulate.engine import Killed
from talk_assets.simulate.ports import changes
from tests.faults.bench import ERP, PO, Answer, Bench

PATHS: Mapping[str, Mapping[str, str]] = {
    "name": {ERP: "name", PO: "Name"},
    "description": {ERP: "description", PO: "Description"},
}
NTH = st.integers(0, 3)
WHICH = st.integers(0, 7)


class Life(RuleBasedStateMachine):
    """Products of two systems. Each value is written once, so that it tells whose edit it is."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.folder.name))
        self.bench.between = self._between
        self.things = 0
        self.edits = 0
        self.unseen: dict[tuple[str, str], str] = {}
        """By record and field: what a person wrote last, and no undisturbed cycle has read yet."""
        self.owed: set[str] = set()
        """Values that may have lost, but not without a trace."""
        self.deleted: set[str] = set()
        self.fault: tuple[str, int] | None = None
        self.meanwhile: tuple[int, int, str] | None = None
        self.requests = self.sent = 0

    # What stands between

    def _between(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        self.requests += 1
        if self.meanwhile and self.requests > self.meanwhile[0]:
            _, which, field = self.meanwhile
            self.meanwhile = None
            self._edit(which, field)
        self.sent += changes(request)
        if not (self.fault and changes(request) and self.sent > self.fault[1]):
            return answer(request)
        kind, self.fault = self.fault[0], None
        if kind == "lost before":
            raise httpx.ReadTimeout("no answer", request=request)
        response = answer(request)
        if kind == "lost after":
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(500, request=request) if kind == "error after" else response

    def _records(self) -> list[str]:
        return sorted([*self.bench.all(ERP), *self.bench.all(PO)])

    def _edit(self, which: int, field: str) -> None:
        if records := self._records():
            record = records[which % len(records)]
            self.edits += 1
            value = f"{field} of edit {self.edits}"
            self.bench.time.sleep(1)
            self.bench.edit(record, **{PATHS[field][record.partition("/")[0]]: value})
            self.unseen[record, field] = value

    # Steps

    @initialize(both=st.booleans())
    def begin(self, both: bool) -> None:
        self.create(ERP)
        if both:
            self.create(PO)
        self.bench.settle()

    @rule(entity=st.sampled_from((ERP, PO)))
    def create(self, entity: str) -> None:
        self.things += 1
        values: Mapping[str, Any] = {"code": f"C{self.things}", "name": f"thing {self.things}"}
        self.bench.add(entity, **(values if entity == ERP else {name.title(): value for name, value in values.items()}))

    @rule(which=WHICH, field=st.sampled_from(sorted(PATHS)))
    def edit(self, which: int, field: str) -> None:
        self._edit(which, field)

    @rule(at=st.integers(0, 9), which=WHICH, field=st.sampled_from(sorted(PATHS)))
    def edit_within_the_next_cycle(self, at: int, which: int, field: str) -> None:
        self.meanwhile = at, which, field

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        if records := self._records():
            record = records[which % len(records)]
            self.bench.erase(record)
            self.deleted.add(record)
            self.unseen = {key: value for key, value in self.unseen.items() if key[0] != record}

    @rule(kind=st.sampled_from(("lost before", "lost after", "error after")), nth=NTH)
    def trouble_at_a_write(self, kind: str, nth: int) -> None:
        self.fault = kind, nth

    @rule(full=st.booleans(), pause=st.sampled_from((1.0, 90.0, 900.0)))
    def cycle(self, full: bool, pause: float) -> None:
        seen = {} if self.meanwhile or self.fault else dict(self.unseen)
        self.requests = self.sent = 0
        self.bench.cycle(full=full, pause=pause)
        self.owed |= set(seen.values())
        self.unseen = {key: value for key, value in self.unseen.items() if seen.get(key) != value}

    @rule(point=st.sampled_from(("collect", "link", "merge", "plan", "arm", "send", "answer", "settle")), nth=NTH)
    def killed(self, point: str, nth: int) -> None:
        left = nth

        def crash(name: str) -> None:
            nonlocal left
            if name.startswith(point):
                left -= 1
                if left < 0:
                    raise Killed(name)

        self.bench.engine.hub._crashpoint = crash
        try:
            self.bench.cycle(pause=1.0)
        except Killed:
            self.bench.engine.die()
        self.bench.engine.hub._crashpoint = self.bench._point

    # What holds in the end

    def teardown(self) -> None:
        try:
            self.fault = self.meanwhile = None
            for full in (True, True, False, False):
                self.bench.cycle(full=full)
            self.bench.settle()
            for _ in range(2):
                self.bench.cycle()
            assert self.bench.writes == [], "quiet stays quiet"
            self._agreed()
        finally:
            self.bench.engine.close()
            self.folder.cleanup()

    def _agreed(self) -> None:
        hub = self.bench.hub
        assert check(hub) == []
        codes = [self.bench.record(one)[name] for key, name in ((ERP, "code"), (PO, "Code")) for one in self.bench.all(key)]
        assert all(codes.count(code) <= 2 for code in codes), f"something was made twice: {codes}"
        assert not self.deleted & set(self._records()), "what was deleted is back"
        asked = set(hub.read("SELECT cluster FROM holds WHERE state = 'held'")["cluster"])
        records = self._records()
        for one in self.bench.all(ERP):
            cluster = hub.value("SELECT cluster FROM members WHERE entity = ? AND id = ?", [ERP, one.partition("/")[2]])
            other = self.bench.linked(one).get(PO)
            # Of few records, one that is missing counts as a list that shrank, and as nothing else.
            if other in records and cluster not in asked:
                for paths in PATHS.values():
                    assert self.bench.record(one)[paths[ERP]] == self.bench.record(other)[paths[PO]]
        texts = "SELECT before AS t FROM history UNION SELECT after FROM history UNION SELECT value FROM conflicts"
        told = set(hub.read(texts)["t"]) | {
            self.bench.record(one)[PATHS[field][one.partition("/")[0]]] for one in self._records() for field in PATHS
        }
        assert self.owed <= told, "an edit was lost without a trace"


Life.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate]
)
TestLife = Life.TestCase
