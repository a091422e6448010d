"""The engine as a simulation runs it: it can be killed at any crash point, and started again on what its hub had committed."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from talk_assets.hub import Hub, connection
from talk_assets.hub.backup import copy_all
from talk_assets.simulate.ports import CountedIds, Time
from talk_assets.simulate.topology import Topology
from talk_assets.sync import cycle as cycles
from talk_assets.sync.world import World, make_world
from talk_assets.systems.connection import Connection, OpenTransport
from talk_assets.systems.limits import Budgets


class Killed(BaseException):
    """As `kill -9`: nothing may catch it, and nothing is tidied up."""


class Engine:
    """One process after another on one hub."""

    def __init__(
        self,
        topology: Topology,
        time: Time,
        wire: OpenTransport,
        variables: Mapping[str, str],
        crashpoint: Callable[[str], None],
        state: Path,
    ) -> None:
        self._topology = topology
        self._time = time
        self._wire = wire
        self._variables = variables
        self._crashpoint = crashpoint
        self._state = state
        self._ids = CountedIds()
        self._starts = 0
        self._world: World | None = None
        self.hub = self._opened()

    def _opened(self) -> Hub:
        # Seeds share the cores; the threads of one would only be in the way of the others. And with so few rows, looking for
        # a better way to answer a query takes longer than any way does.
        alone = (*connection._SETTINGS, "SET threads = 1", "PRAGMA disable_optimizer")  # noqa: SLF001
        with patch.object(connection, "_SETTINGS", alone):
            return Hub.open(
                ":memory:",
                clock=self._time,
                ids=self._ids,
                crashpoint=self._crashpoint,
                random=random.Random(self._starts),  # noqa: S311 - jitter
            )

    def run(self, *, dry: bool = False, full: bool = False) -> cycles.Cycle:
        return cycles.cycle(self.world, dry=dry, full=full)

    @property
    def world(self) -> World:
        if self._world is None:
            self._world = self._started()
        return self._world

    def _started(self) -> World:
        self._starts += 1
        connections = {
            name: Connection(
                spec,
                self._variables,
                clock=self._time,
                chance=random.Random(f"{name}/{self._starts}"),  # noqa: S311 - jitter
                state=self._state,
                budgets=Budgets(self._time),
                transport=self._wire,
            )
            for name, spec in self._topology.systems.items()
        }
        world = make_world(self.hub, self._topology.model, connections, self._time, f"run {self._starts}")
        return replace(world, each=_in_order, ahead=0)

    def die(self) -> None:
        """The process is gone with all it knew; the hub's committed rows are what is left."""
        self._world = None
        self.hub = _heir(self.hub)

    def copied(self) -> Hub:
        """A backup of the hub."""
        copy = self._opened()
        copy_all(self.hub, copy)
        return copy

    def restore(self, copy: Hub) -> None:
        """A process on a hub that holds what a backup holds."""
        self.hub.close()
        self.hub = self._opened()
        copy_all(copy, self.hub)
        self._world = None

    def work_by(self, topology: Topology) -> None:
        """A process on other specs."""
        self._topology = topology
        self.die()

    def close(self) -> None:
        self.hub.close()


def _heir(hub: Hub) -> Hub:
    """A hub in memory, as one in a file is after a crash: what was committed, and nobody at it."""
    heir = Hub(
        hub.address,
        hub._patience,  # noqa: SLF001 - production has no use for such a door
        clock=hub.clock,
        ids=hub.ids,
        crashpoint=hub.crashpoint,
    )
    heir._session = hub._session  # noqa: SLF001
    return heir


def _in_order(work: Callable[[Any], Any], things: Sequence[Any], limit: int) -> list[Any]:
    del limit
    return [work(thing) for thing in things]
