"""Rule S22: two tenants in one process, whose records have the same ids, and who never hear of each other."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from talk_assets.hub import FRAMES
from talk_assets.operator.qa.sandbox import SandboxUsers, sandbox_world
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.sync.cycle import cycle
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.world import World

CUSTOMER = "poweroffice_go.customers"
NAMES = ("Nordlys Leietaker AS", "Havbris Leietaker AS")

Tenant = tuple[World, SandboxUsers]


@pytest.fixture
def tenants() -> Iterator[tuple[Tenant, Tenant]]:
    resolved = resolve(load_catalog(Path("mapping_specs")))
    model = compile_model(resolved)
    with ExitStack() as stack:
        one, other = (stack.enter_context(sandbox_world(resolved, model, seed=1, size=1)) for _ in range(2))
        yield one, other


def held(world: World) -> str:
    return "".join(world.hub.read(f"SELECT * FROM {table}").write_json() for table in FRAMES)  # noqa: S608 - our own names


def requests(users: SandboxUsers) -> int:
    return sum(len(list(system.ledger.entries())) for system in users._systems.values())


def names(users: SandboxUsers) -> set[Any]:
    systems = users._systems.values()
    return {one.body.get("name") for system in systems for kept in system.collections.values() for one in kept.view().scan()}


@pytest.mark.long
def test_s22_two_tenants_share_nothing(tenants: tuple[Tenant, Tenant]) -> None:
    address = {"EmailAddress": "post@leietaker.example"}
    ids = {users.add(CUSTOMER, {"Name": name, **address}) for name, (_, users) in zip(NAMES, tenants, strict=True)}
    assert len(ids) == 1
    (one, one_users), (other, other_users) = tenants
    cycle(one)
    assert requests(other_users) == 0
    cycle(other)
    before = requests(one_users)
    cycle(other)
    assert requests(one_users) == before
    for (world, users), own, foreign in ((tenants[0], *NAMES), (tenants[1], *reversed(NAMES))):
        assert own in held(world)
        assert own in names(users)
        assert foreign not in held(world)
        assert foreign not in names(users)
    installations = [world.hub.value("SELECT value FROM meta WHERE key = 'installation'") for world, _ in tenants]
    assert len(set(installations)) == 2
