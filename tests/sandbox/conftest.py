"""One sandbox for all tests of a run: five servers on free ports, in a time that only tests move."""

from collections.abc import Iterator

import httpx
import pytest

from talk_assets.sandbox import Sandbox, VirtualClock, start
from tests.sandbox.clients import Clients


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with start(clock=VirtualClock(), rate_limits=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    for system in running.systems.values():
        system.reset()
        system.rate_limits = False
    return running


@pytest.fixture
def clients(sandbox: Sandbox) -> Iterator[Clients]:
    with Clients(sandbox) as clients:
        yield clients


@pytest.fixture
def go(clients: Clients) -> httpx.Client:
    return clients.poweroffice


@pytest.fixture
def v1(clients: Clients) -> httpx.Client:
    return clients.poweroffice_v1


@pytest.fixture
def erp(clients: Clients) -> httpx.Client:
    return clients.erp


@pytest.fixture
def pms(clients: Clients) -> httpx.Client:
    return clients.pms


@pytest.fixture
def crm(clients: Clients) -> httpx.Client:
    return clients.crm


@pytest.fixture
def invoiced(clients: Clients) -> httpx.Client:
    return clients.invoiced
