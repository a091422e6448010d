"""A test bench: a subject of the real specs, its systems in this process, and an engine that works on them cycle by cycle."""

import copy
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from talk_assets.hub import Hub
from talk_assets.sandbox.faults import Fault
from talk_assets.simulate.engine import Engine, Killed
from talk_assets.simulate.estate import Estate
from talk_assets.simulate.ports import Time, changes, system_of
from talk_assets.simulate.schedule import Schedule
from talk_assets.simulate.topology import topology
from talk_assets.sync.cycle import Cycle, note_loaded

SPECS = Path("mapping_specs").resolve()
ERP, PO = "custom_erp.product", "poweroffice_go.product"
LATER = 700.0
"""Seconds after which every reader sees what was written, and lists of changes no longer reach back to it."""
Answer = Callable[[httpx.Request], httpx.Response]


class Watch(Time):
    """The time of this machine: that of the systems, unless somebody sets it."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.of_systems = time.of_systems
        self.is_off_by = timedelta()

    def ticks(self) -> int:
        return self._time.ticks()

    def now(self) -> datetime:
        return self._time.now() + self.is_off_by


class Bench:
    def __init__(self, folder: Path, *subjects: str, size: int = 0) -> None:
        self.folder = folder
        self.subjects = frozenset(subjects or ("product",))
        self.time = Time()
        self.writes: list[str] = []
        """Requests that could have changed anything, as method, system and path."""
        self.bodies: list[str] = []
        self.between: Callable[[httpx.Request, Answer], httpx.Response] = lambda request, answer: answer(request)
        """Stands between the engine and all systems."""
        self.points: list[str] = []
        """Crash points that the engine came by."""
        self.dies_at = ""
        part = topology(SPECS, self.subjects)
        self.estate = Estate(Schedule(size, part, (), (), (1.0,), (False,)), [], self.time, self._pass_on)
        self.watch = Watch(self.time)
        self.engine = Engine(part, self.watch, self.estate.wire, self.estate.variables, self._point, folder)

    def _pass_on(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        self.time.sleep(0.05)
        if changes(request):
            self.writes.append(f"{request.method} {system_of(request)} {request.url.path}")
            self.bodies.append(request.content.decode())
        return self.between(request, answer)

    def _point(self, name: str) -> None:
        self.points.append(name)
        if name == self.dies_at:
            raise Killed(name)

    def dies(self, at: str) -> None:
        """A cycle that is killed at a point."""
        self.dies_at = at
        with pytest.raises(Killed):
            self.cycle()
        self.dies_at = ""
        self.engine.die()

    @property
    def hub(self) -> Hub:
        return self.engine.hub

    def cycle(self, *, full: bool = False, pause: float = LATER) -> Cycle:
        self.time.sleep(pause)
        return self.engine.run(full=full)

    def settle(self, *, full: bool = False) -> None:
        """Until nothing is left to do."""
        for _ in range(8):
            if self.cycle(full=full).quiet:
                break
        else:
            raise AssertionError("it does not come to an end")
        self.writes.clear()
        self.bodies.clear()

    def loaded(self) -> None:
        """The first load is over: guards watch from here."""
        self.settle()
        note_loaded(self.engine.world)

    def with_specs(self, names: str, edit: Callable[[str], str] | None) -> None:
        """The engine is started again on specs of which one file, or all of a pattern, are others or missing."""
        specs = self.folder / f"specs {len(list(self.folder.iterdir()))}"
        shutil.copytree(SPECS, specs)
        files = sorted(specs.glob(names))
        before = [file.read_text(encoding="utf-8") for file in files]
        after = [edit(text) if edit else None for text in before]
        assert after != before
        for file, text in zip(files, after, strict=True):
            if text is None:
                file.unlink()
            else:
                file.write_text(text, encoding="utf-8")
        self.engine.work_by(topology(specs, self.subjects))

    def hub_copy(self) -> Callable[[], None]:
        """A backup of the hub; calling it puts all back as it was."""
        kept = self.engine.copied()
        return lambda: self.engine.restore(kept)

    def another_engine(self) -> Engine:
        """One that works on the same systems with a hub of its own."""
        folder = self.folder / "another"
        folder.mkdir(exist_ok=True)
        part = self.engine._topology
        return Engine(part, self.time, self.estate.wire, self.estate.variables, lambda _: None, folder)

    # What is there

    def add(self, entity: str, **values: Any) -> str:
        """A record that a person makes; gives its name, as in `custom_erp.product/4`."""
        system, _, name = entity.partition(".")
        shown = self.estate.systems[system].add(name, values)
        return f"{entity}/{shown[self.estate.topology.model.entities[entity].spec.key]}"

    def edit(self, record: str, **values: Any) -> None:
        system, name, id_ = _parts(record)
        self.estate.systems[system].edit(name, id_, values)

    def erase(self, record: str) -> None:
        system, name, id_ = _parts(record)
        self.estate.systems[system].erase(name, id_)

    def record(self, record: str) -> Mapping[str, Any]:
        """What a system shows."""
        system, name, id_ = _parts(record)
        at = self.estate.systems[system]
        return at.shown(at.entity(name).collection, at.look(name, id_))

    def all(self, entity: str) -> list[str]:
        return [f"{place.entity}/{place.id}" for place in self.estate.live() if place.entity == entity]

    def partner(self, record: str, entity: str) -> str:
        """The record of an entity that is linked with this one."""
        found = self.linked(record).get(entity)
        assert found, f"{record} has no partner in {entity}"
        return found

    def linked(self, record: str) -> dict[str, str]:
        system, name, id_ = _parts(record)
        rows = self.hub.read(
            """
            SELECT entity, entity || '/' || id AS record FROM members
            WHERE cluster IN (SELECT cluster FROM members WHERE entity = ? AND id = ?)
            """,
            [f"{system}.{name}", id_],
        )
        return dict(rows.iter_rows())

    def told(self, kind: str) -> list[str]:
        """The reasons that the history gives for things of a kind."""
        return self.hub.read("SELECT coalesce(reason, '') AS r FROM history WHERE kind = ? ORDER BY number", [kind])[
            "r"
        ].to_list()

    def held(self) -> list[str]:
        return self.hub.read("SELECT reason FROM holds WHERE state = 'held' ORDER BY number")["reason"].to_list()

    def candidates(self) -> list[list[str] | None]:
        """By hold: the records of which one may be what came of a creation."""
        return self.hub.read("SELECT candidates FROM holds WHERE state = 'held' ORDER BY number")["candidates"].to_list()

    def fault(
        self, entity: str, kind: str, operation: str | None = None, *, times: int | None = None, skip: int = 0, **options: Any
    ) -> int:
        system, _, name = entity.partition(".")
        at = self.estate.systems[system]
        return at.faults.add(Fault(kind, at.entity(name).collection, operation, times, skip, options=options))

    def heal(self) -> None:
        for system in self.estate.systems.values():
            system.faults.clear()

    def copy_of(self, system: str) -> Callable[[], None]:
        """A backup of a system; calling it puts all back as it was."""
        at = self.estate.systems[system]
        kept = copy.deepcopy(at.memory())
        return lambda: at.recall(copy.deepcopy(kept))


def _parts(record: str) -> tuple[str, str, str]:
    entity, _, id_ = record.partition("/")
    system, _, name = entity.partition(".")
    return system, name, id_


def product(number: int, **more: Any) -> dict[str, Any]:
    """What a product of CustomERP holds."""
    return {"code": f"P{number}", "name": f"Product {number}", "description": f"Text {number}", **more}


def shown(request: httpx.Request, response: httpx.Response, edit: Callable[[Any], Any]) -> httpx.Response:
    """An answer with another body."""
    body = json.dumps(edit(json.loads(response.read()))).encode()
    headers = {name: value for name, value in response.headers.items() if name.lower() != "content-length"}
    return httpx.Response(response.status_code, headers=headers, content=body, request=request)
