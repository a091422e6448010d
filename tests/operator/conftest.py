"""One sandbox and one first sync for all tests that only go on from there."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from talk_assets.cli import options
from talk_assets.operator.project import Ports, Project, open_project
from talk_assets.sandbox.serve import start
from tests.operator.desk import Desk, Kept, keep


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """Each command reads and checks its specs, a third of the time of most: the same files are the same project here."""
    known: dict[object, Project] = {}

    def opened(specs: Path, hub_url: str, *, state: Path, ports: Ports) -> Project:
        files = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(specs.rglob("*.yaml")))
        if files not in known:
            known[files] = open_project(specs, hub_url, state=state, ports=ports)
        return replace(known[files], hub_url=hub_url, state=state, ports=ports)

    with patch.object(options, "open_project", opened):
        yield


@pytest.fixture(scope="session")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with start(size=3, rate_limits=False) as sandbox:
        first = Desk(sandbox, tmp_path_factory.mktemp("first"))
        first.talk("sync", "--cycles", "4")
        yield keep(first)


@pytest.fixture
def desk(synced: Kept, tmp_path: Path) -> Desk:
    """After the first sync."""
    return synced(tmp_path / "desk")
