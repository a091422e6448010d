"""QA against a sandbox of its own: five systems in this process, a hub in memory, and a clock on which nobody waits."""

import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

from talk_assets.hub import open_hub
from talk_assets.operator.project import Unusable
from talk_assets.operator.qa.checklist import Report
from talk_assets.operator.qa.run import Run
from talk_assets.operator.qa.users import Refused
from talk_assets.sandbox import Sandbox, VirtualClock, start
from talk_assets.sandbox.clock import TICKS_PER_SECOND, datetime_of
from talk_assets.sandbox.system import Mistake, System
from talk_assets.specs.problems import few
from talk_assets.specs.resolve import Resolved
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.world import Tell, World, make_world
from talk_assets.systems.connection import Connection
from talk_assets.systems.secrets import names

_STATUS = "status"
"""What invoices show and no table of theirs holds."""
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
        if strange := list(_strange(resolved, sandbox)):
            raise Unusable(_told_strange(strange, sandbox.systems))
        hub = stack.enter_context(open_hub(":memory:", clock=clock))
        mapped = {entity.system for entity in model.entities.values()}
        connections = {
            name: stack.enter_context(Connection(spec, sandbox.variables, clock=clock, chance=chance))
            for name, spec in resolved.catalog.system_specs.items()
            if name in mapped
        }
        yield make_world(hub, model, connections, clock, "qa"), SandboxUsers(sandbox)


def _strange(resolved: Resolved, sandbox: Sandbox) -> Iterator[str]:
    """What mappings name and no system of the sandbox plays. A system of another address would be talked to for real."""
    ends = [end for mapping in resolved.mappings for row in mapping.rows for end in (*row.sources, *row.targets)]
    mapped = [entity for mapping in resolved.mappings for entity in (mapping.source, mapping.target)]
    for spec in {entity.system.system: entity.system for entity in mapped}.values():
        if spec.system not in sandbox.systems:
            yield f"the system {spec.system}"
            continue
        needed = [*(client.base_url_env for client in spec.clients.values()), *names(spec)]
        if unset := [name or "no base_url_env" for name in needed if name not in sandbox.variables]:
            yield f"the way to {spec.system} ({few(unset)})"
    paths: dict[str, set[str]] = {entity.key: set() for entity in mapped}
    for end in ends:
        paths[end.entity.key].add(end.path)
    for key, named in paths.items():
        system, _, entity = key.partition(".")
        if system in sandbox.systems:
            yield from _unplayed(sandbox.systems[system], key, entity, named)


def _unplayed(system: System, key: str, entity: str, paths: set[str]) -> Iterator[str]:
    try:
        known = {*system.shapes[system.entity(entity).collection].properties, _STATUS}
    except Mistake:
        yield key
        return
    # A property may be a part of what the sandbox takes as one object.
    yield from (f"{key}.{path}" for path in sorted(paths) if not {path, path.partition(".")[0]} & known)


def _told_strange(strange: list[str], systems: Iterable[str]) -> str:
    return (
        "`talk qa` makes and edits records, so it works in a sandbox that plays five systems as the specs that come with it "
        f"describe them ({', '.join(systems)}). These mappings name what it does not play: {few(strange, most=5)}. For systems "
        "of your own: `talk specs check` without data, `talk specs conform SYSTEM` on a test account, `talk qa --live` for "
        "what is linked and in step in the hub"
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Decimals as the sandbox keeps them."""
    return {path: float(value) if hasattr(value, "as_tuple") else value for path, value in values.items()}
