"""The faults of the sandbox over real sockets: whatever a server does, nothing is invented, lost or made twice."""

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from talk_assets.sandbox.serve import Sandbox, start
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.system import SystemSpec
from talk_assets.systems.calling.http import Bounds
from talk_assets.systems.conform.samples import Samples, everything
from talk_assets.systems.connection import Connection
from talk_assets.systems.encode import raw_at
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.writing.outcome import Verdict
from talk_assets.systems.writing.resolve import Attempts, Fate
from tests.systems.sandbox_clock import SharedClock

ENTITIES = {
    "poweroffice_go": "customers",
    "custom_erp": "customer",
    "custom_pms": "task",
    "crm_office": "contacts",
    "invoiced": "customers_company",
}
READ_FAULTS: list[Mapping[str, Any]] = [
    {"kind": "drop_before", "times": 1},
    {"kind": "drop_before"},
    {"kind": "throttle", "times": 1},
    {"kind": "throttle", "retry_after": "2", "times": 2},
    {"kind": "throttle", "retry_after": "86400", "skip": 1},
    {"kind": "error", "status": 503, "times": 2},
    {"kind": "error", "status": 500, "skip": 1},
    {"kind": "answer", "body": {}},
    {"kind": "answer", "body": None},
    {"kind": "answer", "body": {"error": "no"}, "skip": 1},
    {"kind": "html"},
    {"kind": "html", "skip": 1},
    {"kind": "redirect", "skip": 1},
    {"kind": "truncate"},
    {"kind": "truncate", "skip": 1},
    {"kind": "cut_off", "times": 1},
    {"kind": "cut_off", "skip": 1},
    {"kind": "bomb", "megabytes": 70},
    {"kind": "drift", "rows": 1},
    {"kind": "loop"},
]
WRITE_FAULTS: list[Mapping[str, Any]] = [
    {"kind": "drop_before", "times": 1},
    {"kind": "drop_after", "times": 1},
    {"kind": "throttle", "times": 1},
    {"kind": "error", "status": 503, "times": 1},
    {"kind": "error", "status": 500, "after_commit": True, "times": 1},
    {"kind": "html", "times": 1},
    {"kind": "html", "after_commit": True, "times": 1},
    {"kind": "redirect", "times": 1},
    {"kind": "truncate", "times": 1},
    {"kind": "cut_off", "times": 1},
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start(size=60) as running:
        yield running


@pytest.fixture(scope="module")
def clock(sandbox: Sandbox) -> SharedClock:
    return SharedClock(sandbox)


@pytest.fixture(scope="module", params=list(ENTITIES))
def connection(
    request: pytest.FixtureRequest, sandbox: Sandbox, clock: SharedClock, tmp_path_factory: Any
) -> Iterator[Connection]:
    spec = _in_small_pages(load_catalog(Path("mapping_specs")).system_specs[request.param])
    chance = random.Random(1)  # noqa: S311 - jitter
    state = tmp_path_factory.mktemp("state")
    with Connection(spec, sandbox.variables, clock=clock, chance=chance, state=state, bounds=Bounds(seconds=600)) as opened:
        yield opened


def _in_small_pages(spec: SystemSpec) -> SystemSpec:
    clients = {
        name: client.model_copy(update={"paginator": client.paginator.model_copy(update={"size": 10})})
        for name, client in spec.clients.items()
    }
    return spec.model_copy(update={"clients": clients})


def name_of(fault: Mapping[str, Any]) -> str:
    return "-".join(f"{value}" for value in fault.values())


@pytest.mark.parametrize("fault", READ_FAULTS, ids=name_of)
def test_a_listing_is_right_or_says_that_it_is_not(fault: Mapping[str, Any], connection: Connection, sandbox: Sandbox):
    paginator = connection.spec.clients[next(iter(connection.spec.clients))].paginator
    # A cursor of the server's own shows nobody that rows moved under it; there a sweep finds what another one missed.
    unknowable = fault["kind"] == "drift" and paginator.type == "cursor"
    entity = ENTITIES[connection.spec.system]
    system = sandbox.systems[connection.spec.system]
    right = {record.id for record in everything(connection.reader(entity))}
    system.faults.add(system.faults.parse({**fault, "operation": "list"}))
    listing = connection.reader(entity).sweep(max_pages=100)
    try:
        found = {id_ for page in listing for id_ in page.ids}
    except SystemsError:
        return
    finally:
        system.faults.clear()
    assert found <= right
    if listing.complete and not unknowable:
        assert found == right


@pytest.mark.parametrize("fault", WRITE_FAULTS, ids=name_of)
def test_a_create_makes_one_record_or_asks_a_person(
    fault: Mapping[str, Any], connection: Connection, sandbox: Sandbox, clock: SharedClock
):
    name = ENTITIES[connection.spec.system]
    entity = connection.spec.entities[name]
    system = sandbox.systems[connection.spec.system]
    samples = Samples(connection, name, random.Random(name_of(fault) + name))  # noqa: S311 - test data
    mark = samples.mark()
    prepared = connection.writer(name).create(samples.values(mark), mark.removeprefix("conform "))
    probe = samples.probe() or ""
    there = {one.id for one in everything(connection.reader(name))}
    began = clock.now()
    system.faults.add(system.faults.parse({**fault, "operation": "create"}))
    outcome = connection.sender(name).send(prepared)
    system.faults.clear()
    fate = None
    attempts = Attempts(began, clock.now())
    while outcome.verdict is Verdict.unknown:
        resolution = connection.resolver(name).resolve(prepared, attempts, lambda found: found.keys() & there)
        fate = resolution.fate
        if fate is Fate.not_yet and resolution.again_at:
            attempts = Attempts(attempts.first, attempts.last, resolution.missed_at)
            clock.sleep((resolution.again_at - clock.now()).total_seconds() + 1)
        elif fate is Fate.absent:
            outcome = connection.sender(name).send(prepared)
        else:
            break
    made = [one for one in everything(connection.reader(name)) if raw_at(one.values(), probe) == prepared.sent[probe]]
    if fate is Fate.ambiguous:
        assert entity.idempotency is not None
        assert entity.idempotency.type == "at_most_once"
        assert len(made) <= 1
    else:
        assert len(made) == 1
