"""The engine as a simulation runs it: it can be killed at any crash point, and started again on what its hub had committed."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from talk_assets.hub import Hub
from talk_assets.hub.tables import holds
from talk_assets.hub.upkeep.backup import copy_all
from talk_assets.operator import deciding, undoing
from talk_assets.operator.asked import Question, asked
from talk_assets.operator.undoing import Undo
from talk_assets.simulate.decisions import Decided, decide
from talk_assets.simulate.hubs import give_back, heir, open_hub
from talk_assets.simulate.ports import CountedIds, Time
from talk_assets.simulate.topology import Topology
from talk_assets.sync import cycle as cycles
from talk_assets.sync.guards import LIMITS, Limits
from talk_assets.sync.world import World, make_world
from talk_assets.systems.calling.limits import Budgets
from talk_assets.systems.connection import Connection, OpenTransport

_RUNS = 3
"""Of so many that wrote last, one is put back."""


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
        limits: Limits = LIMITS,
    ) -> None:
        self._topology = topology
        self._time = time
        self._wire = wire
        self._variables = variables
        self._crashpoint = crashpoint
        self._state = state
        self.limits = limits
        self._ids = CountedIds()
        self._starts = 0
        self._runs = 0
        self._world: World | None = None
        self.hub = self._new_hub()

    def run(self, *, dry: bool = False, full: bool = False, approved: frozenset[str] = frozenset()) -> cycles.Cycle:
        return cycles.cycle(self._next_run(), dry=dry, full=full, approved=approved)

    def undo(self, which: float) -> Undo | None:
        """Put back what one of the runs wrote that wrote anything; nothing where none did."""
        world = self._next_run()
        known = undoing.runs(world, _RUNS)
        if not known:
            return None
        found = undoing.look(world, known[int(which * len(known))].run)
        undoing.undo(world, found, "somebody")
        return found

    def decide(self, what: str, which: float) -> Decided | None:
        return decide(self._next_run(), what, which)

    def questions(self) -> list[Question]:
        """Of which creations somebody has to say what came of them."""
        return list(asked(self.world).values())

    def retry(self, words: str) -> bool:
        """Somebody has all tried again that waits for these words of a system; whether there is any."""
        waiting = holds.still(self.hub, "rejected").filter(pl.col("reason").str.contains(words, literal=True))
        for number in waiting["number"]:
            deciding.retry(self._next_run(), str(number), "somebody")
        return not waiting.is_empty()

    def link(self, left: str, right: str) -> None:
        """Somebody says that two records are one thing."""
        deciding.link(self._next_run(), left, right, "somebody")

    @property
    def world(self) -> World:
        if self._world is None:
            self._world = self._started()
        return self._world

    def _next_run(self) -> World:
        self._runs += 1
        self._world = replace(self.world, run=f"run {self._runs}")
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
        world = make_world(self.hub, self._topology.model, connections, self._time, "start")
        return replace(world, each=_in_order, ahead=0, limits=self.limits)

    def die(self) -> None:
        """The process is gone with all it knew; the hub's committed rows are what is left."""
        self._world = None
        self.hub = heir(self.hub)

    def copied(self) -> Hub:
        """A backup of the hub."""
        copy = self._new_hub()
        copy_all(self.hub, copy)
        return copy

    def restore(self, copy: Hub) -> None:
        """A process on a hub that holds what a backup holds."""
        give_back(self.hub)
        self.hub = self._new_hub()
        copy_all(copy, self.hub)
        self._world = None

    def work_by(self, topology: Topology) -> None:
        """A process on other specs."""
        self._topology = topology
        self.die()

    def close(self) -> None:
        give_back(self.hub)

    def _new_hub(self) -> Hub:
        return open_hub(self._time, self._ids, self._crashpoint)


def _in_order(work: Callable[[Any], Any], things: Sequence[Any], limit: int) -> list[Any]:
    del limit
    return [work(thing) for thing in things]
