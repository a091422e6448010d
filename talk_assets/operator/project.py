"""A folder of specs, a hub and an environment → a world to work in. The only place where one is put together."""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from talk_assets.hub import Hub, Patience, open_hub, turn
from talk_assets.hub.address import Address
from talk_assets.hub.upkeep.backup import restore
from talk_assets.hub.upkeep.compact import tidy_if_due
from talk_assets.operator.suppression import erase_again
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.problems import Problem, Severity, SpecError
from talk_assets.specs.resolve import Resolved, resolve
from talk_assets.specs.verify import verify
from talk_assets.sync.meaning.compile import compile_model, property_fields
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.world import Tell, World, make_world, silent
from talk_assets.systems.clock import Clock, SystemClock
from talk_assets.systems.connection import Connection, complaints
from talk_assets.systems.errors import BadSetup
from talk_assets.systems.secrets import missing

HUB = "duckdb:.talk/hub.duckdb"
_FOLDER = Path(".talk")


class Unusable(Exception):
    """What was asked for cannot be done as things stand; the text says why, and what to do."""


@dataclass(frozen=True)
class Ports:
    """What comes from outside: tests hand in their own."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    clock: Clock = field(default_factory=SystemClock)
    chance: random.Random = field(default_factory=random.SystemRandom)
    tell: Tell = silent
    wait_seconds: float = 60
    """How long to wait for a hub that somebody looks into."""
    turn_seconds: float = 1800
    """How long to wait for another run to end."""
    run: str = ""
    """What the history calls what is done; empty: by its time."""


@dataclass(frozen=True)
class Project:
    resolved: Resolved
    model: Model
    hub_url: str
    state: Path
    """Folder of what processes share beside the hub: limits and logins that rotate."""
    ports: Ports
    findings: tuple[Problem, ...] = ()

    @cached_property
    def property_fields(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        return property_fields(self.resolved)

    @contextmanager
    def online(self, *, read_only: bool = False) -> Iterator[World]:
        """A world whose systems can be talked to, and in which nobody else does so; with `read_only`, nothing can be written to
        them. Systems whose logins are not set are closed in it; where all are, there is none.
        """
        with ExitStack() as stack:
            opened, closed = self._connections(read_only=read_only)
            connections = {key: stack.enter_context(one) for key, one in opened.items()}
            if self.hub_url == HUB:
                make_folder(_FOLDER)
            stack.enter_context(_turn(self.hub_url, self.ports))
            hub = stack.enter_context(self._hub())
            world = make_world(hub, self.model, connections, self.ports.clock, self._run(hub), self.ports.tell)
            erase_again(world, self.state)
            tidy_if_due(hub)
            yield replace(world, closed=closed)

    @contextmanager
    def alone(self) -> Iterator[World]:
        """A world in which nobody can be asked, and in which no synchronisation goes on meanwhile."""
        with _turn(self.hub_url, self.ports), self.offline(in_turn=True) as world:
            erase_again(world, self.state)
            yield world

    def restore(self, file: Path) -> Path | None:
        """Put a backup in the hub's place, and forget again whom it must not know; gives where the hub of before is kept."""
        if self.hub_url == HUB:
            make_folder(_FOLDER)
        ports = self.ports
        with _turn(self.hub_url, ports):
            patience = Patience(ports.clock, ports.chance, ports.tell, ports.wait_seconds)
            kept = restore(Address.parse(self.hub_url), file, patience)
            with self.offline(in_turn=True) as world:
                erase_again(world, self.state)
        return kept

    @contextmanager
    def offline(self, *, in_turn: bool = False) -> Iterator[World]:
        """A world in which nobody can be asked: what the hub knows has to do. A synchronisation may go on meanwhile, unless it
        is our turn.
        """
        with existing_hub(self.hub_url, self.ports) as hub:
            yield make_world(hub, self.model, {}, self.ports.clock, self._run(hub), self.ports.tell, in_turn=in_turn)

    def _hub(self) -> Hub:
        ports = self.ports
        return open_hub(self.hub_url, clock=ports.clock, tell=ports.tell, wait_seconds=ports.wait_seconds)

    def _run(self, hub: Hub) -> str:
        return self.ports.run or f"{hub.now():%Y%m%d-%H%M%S}-{hub.ids.new()[:6]}"

    def _connections(self, *, read_only: bool) -> tuple[dict[str, Connection], dict[str, str]]:
        """Those that can be opened, and why others cannot."""
        wanted = {entity.system: entity.ref.system for entity in self.model.entities.values()}
        unfit = {key: found for key, spec in wanted.items() if (found := complaints(spec, self.ports.environ))}
        closed = {key: "; ".join(found) for key, found in unfit.items()}
        if closed.keys() != wanted.keys():
            make_folder(self.state)
        made: dict[str, Connection] = {}
        for key, spec in wanted.items():
            if key in closed:
                continue
            try:
                made[key] = Connection(
                    spec,
                    self.ports.environ,
                    clock=self.ports.clock,
                    chance=self.ports.chance,
                    state=self.state,
                    read_only=read_only,
                )
            except BadSetup as failure:
                closed[key] = str(failure)
        if not made:
            raise Unusable(_told_closed(closed, missing(wanted.values(), self.ports.environ)))
        return made, closed


def open_project(specs: Path, hub_url: str, *, state: Path | None = None, ports: Ports | None = None) -> Project:
    """Read and check the specs. Raises SpecError with all errors; nothing runs on specs that have one."""
    resolved = resolve(load_catalog(specs))
    findings = verify(resolved)
    if errors := [problem for problem in findings if problem.severity is Severity.error]:
        raise SpecError(*errors)
    if not resolved.mappings:
        raise Unusable(f"there is no mapping in {specs}: `talk specs import` makes them from dataflow documents")
    return Project(resolved, compile_model(resolved), hub_url, state or _beside(hub_url), ports or Ports(), findings)


def existing_hub(hub_url: str, ports: Ports) -> Hub:
    """A hub that was made before; asking for one makes none."""
    has_folder = hub_url != HUB or _FOLDER.is_dir()
    path = Address.parse(hub_url).path if has_folder else None
    if not has_folder or (path and not path.exists()):
        raise Unusable(f"there is no hub at {hub_url} yet: run `talk sync` first, or name another with --hub")
    return open_hub(hub_url, clock=ports.clock, tell=ports.tell, wait_seconds=ports.wait_seconds)


@contextmanager
def quiet_hub(hub_url: str, ports: Ports) -> Iterator[Hub]:
    """The same, while no synchronisation goes on."""
    with existing_hub(hub_url, ports) as hub:
        hub.rest()
        with _turn(hub_url, ports):
            yield hub


def _turn(hub_url: str, ports: Ports) -> AbstractContextManager[None]:
    return turn(hub_url, Patience(ports.clock, ports.chance, ports.tell, ports.turn_seconds))


def make_folder(path: Path) -> None:
    """A folder for its owner only; its parent must be there, so that a typing mistake makes no tree of folders."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as failure:
        raise Unusable(f"the folder {path} cannot be made: {failure.strerror}") from None


def _beside(hub_url: str) -> Path:
    if hub_url == HUB:
        return _FOLDER
    path = Address.parse(hub_url).path
    return path.parent if path else _FOLDER


def _told_closed(closed: Mapping[str, str], lacking: Mapping[str, list[str]]) -> str:
    lines = ["no system can be talked to:", *(f"  {reason}" for reason in closed.values())]
    if lacking:
        lines += [
            "To try things out, run `talk sandbox` in another terminal and paste here the lines that it prints:",
            f"  export {next(iter(lacking.values()))[0]}=…",
        ]
    return "\n".join(lines)
