"""QA against a sandbox of its own: five systems in this process, a hub in memory, and a clock on which nobody waits."""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

from talk_assets.hub import Hub
from talk_assets.operator.qa import Report
from talk_assets.operator.qa_run import Run
from talk_assets.operator.qa_users import Refused
from talk_assets.sandbox import Sandbox, VirtualClock, start
from talk_assets.sandbox.clock import TICKS_PER_SECOND, datetime_of
from talk_assets.sandbox.system import Mistake
from talk_assets.specs.resolve import Resolved
from talk_assets.sync.compile import compile_model
from talk_assets.sync.model import Model
from talk_assets.sync.world import Tell, World, make_world
from talk_assets.systems.connection import Connection

SIZE = 3
"""Companies in the sandbox beside what QA makes itself."""


class _Time(VirtualClock):
    """One time for servers and clients, moved by whoever sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()

    def ticks(self) -> int:
        with self._turn:
            return super().ticks()

    def advance(self, seconds: float) -> None:
        with self._turn:
            super().advance(seconds)


class _ClientClock:
    def __init__(self, time: VirtualClock) -> None:
        self._time = time

    def now(self) -> datetime:
        return datetime_of(self._time.ticks())

    def monotonic(self) -> float:
        return self._time.ticks() / TICKS_PER_SECOND

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._time.advance(seconds)


class SandboxUsers:
    """People at the keyboards of a sandbox in this process."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._systems = sandbox.systems

    def add(self, entity: str, values: Mapping[str, Any]) -> str:
        system, name = entity.split(".", 1)
        try:
            made = self._systems[system].add(name, _plain(values))
        except Mistake as mistake:
            raise Refused(str(mistake)) from None
        return str(next(made[name] for name in ("Id", "id") if name in made))

    def edit(self, entity: str, id_: str, changes: Mapping[str, Any]) -> None:
        system, name = entity.split(".", 1)
        try:
            self._systems[system].edit(name, id_, _plain(changes))
        except Mistake as mistake:
            raise Refused(str(mistake)) from None

    def look(self, entity: str, id_: str) -> Mapping[str, Any]:
        system, name = self._systems[entity.split(".", 1)[0]], entity.split(".", 1)[1]
        with system.lock:
            return system.shown(system.entity(name).collection, system.look(name, id_))


def run_in_sandbox(resolved: Resolved, tell: Tell, *, model: Model | None = None, seed: int = 1, size: int = SIZE) -> Report:
    """The whole checklist. `model` is what the engine works by, where that should not be what the documents say."""
    with sandbox_world(resolved, model or compile_model(resolved), seed=seed, size=size) as (world, users):
        return Run(world, resolved, users, tell).report()


@contextmanager
def sandbox_world(resolved: Resolved, model: Model, *, seed: int, size: int) -> Iterator[tuple[World, SandboxUsers]]:
    """An engine beside a sandbox of its own, and the people who work there."""
    time = _Time()
    clock = _ClientClock(time)
    chance = random.Random(seed)  # noqa: S311  (jitter guards nothing)
    with ExitStack() as stack:
        sandbox = stack.enter_context(start(seed=seed, size=size, clock=time, rate_limits=False))
        hub = stack.enter_context(Hub.open(":memory:", clock=clock))
        connections = {
            name: stack.enter_context(Connection(spec, sandbox.variables, clock=clock, chance=chance))
            for name, spec in resolved.catalog.system_specs.items()
        }
        yield make_world(hub, model, connections, clock, "qa"), SandboxUsers(sandbox)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Decimals as the sandbox keeps them."""
    return {path: float(value) if hasattr(value, "as_tuple") else value for path, value in values.items()}
