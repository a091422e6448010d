"""Dagster without its servers: the project's assets over a hub in memory and the sandbox, in a time that nobody waits for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

from talk_assets.assets.agree import Agreeing, agree_assets
from talk_assets.assets.deliveries import Delivering, delivery_assets
from talk_assets.assets.graph import Graph, mapping_key
from talk_assets.assets.read import Reading, read_assets
from talk_assets.hub import open_hub
from talk_assets.hub.upkeep.backup import copy_all
from talk_assets.operator.qa.sandbox import SandboxUsers, sandbox_world
from talk_assets.sandbox.system import System
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.world import World
from tests.sandbox.putting_back import putting_back

SPECS = Path("mapping_specs").absolute()


class WorldAtHand:
    """In the place of an Engine: always the same world, in the run of Dagster."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.read_only: list[bool] = []
        """Of each step so far: whether it asked for systems that nothing can be written to."""

    @contextmanager
    def online(self, context: dg.AssetExecutionContext, *, read_only: bool = False) -> Iterator[World]:
        self.read_only.append(read_only)
        yield replace(self._world, run=context.run.run_id)


@dataclass
class Studio:
    graph: Graph
    world: World
    users: SandboxUsers
    systems: dict[str, System]
    instance: dg.DagsterInstance

    def __post_init__(self) -> None:
        self.engine = WorldAtHand(self.world)

    def run(
        self,
        selection: dg.AssetSelection | None = None,
        reading: Reading | None = None,
        agreeing: Agreeing | None = None,
        delivering: Delivering | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Materialise what is selected, or everything."""
        given = {"read": reading, "agree": agreeing, "deliver": delivering}
        return dg.materialize(
            [read_assets(self.graph), agree_assets(self.graph), delivery_assets(self.graph)],
            selection=selection,
            resources={"engine": self.engine},
            run_config=dg.RunConfig(ops={name: config for name, config in given.items() if config}),
            instance=self.instance,
            raise_on_error=False,
            tags=tags,
        )

    def check(self) -> dg.ExecuteInProcessResult:
        """Look at all mappings, and nothing else."""
        return dg.materialize(
            [agree_assets(self.graph)],
            selection=dg.AssetSelection.checks_for_assets(*(mapping_key(one) for one in self.graph.resolved.mappings)),
            resources={"engine": self.engine},
            instance=self.instance,
        )

    def writes(self) -> int:
        """The requests so far that could have changed anything."""
        return sum(
            entry.method != "GET" and entry.operation != "token"
            for one in self.systems.values()
            for entry in one.ledger.entries()
        )


@contextmanager
def studio(size: int) -> Iterator[Studio]:
    resolved = resolve(load_catalog(SPECS))
    with (
        sandbox_world(resolved, compile_model(resolved), seed=1, size=size) as (world, users),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        yield Studio(Graph(resolved), world, users, dict(users._systems), instance)


Kept = Callable[[], AbstractContextManager[Studio]]
"""Gives a studio with all as it was when it was kept, but for what Dagster knows of its runs."""


def keep(one: Studio) -> Kept:
    """Nothing is done in this studio from now on, only in those that go on from where it stands."""
    put_back = putting_back(one.systems)

    @contextmanager
    def again() -> Iterator[Studio]:
        put_back()
        with open_hub(":memory:", clock=one.world.clock) as hub, dg.DagsterInstance.ephemeral() as instance:
            copy_all(one.world.hub, hub)
            yield Studio(one.graph, replace(one.world, hub=hub), one.users, one.systems, instance)

    return again


DELIVER = dg.AssetSelection.tag("talk/stage", "deliver")
PLAN = dg.AssetSelection.all() - DELIVER
REPLAN = PLAN - dg.AssetSelection.tag("talk/stage", "collect")


def only(*keys: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*(key.split("/") for key in keys))


def made(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """What was materialised, with its metadata."""
    return {
        event.asset_key.to_user_string(): {
            name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.all_events
        if event.is_step_materialization and event.asset_key
    }


def failed_checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {
        f"{one.asset_key.to_user_string()} {one.check_name}": one
        for one in result.get_asset_check_evaluations()
        if not one.passed
    }


def words(result: dg.ExecuteInProcessResult) -> Sequence[str]:
    """Why steps failed, as the UI shows it first."""
    return [event.step_failure_data.user_failure_data.description or "" for event in result.all_events
            if event.is_step_failure and event.step_failure_data.user_failure_data]  # fmt: skip
