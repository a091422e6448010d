"""One sandbox and one first sync for all tests that only go on from there."""

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import Desk, Synced


@pytest.fixture(scope="session")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """Puts the sandbox back to how the first sync left it, with a desk that goes on from there in a folder of its own."""
    with start(size=3, rate_limits=False) as sandbox:
        first = Desk(sandbox, tmp_path_factory.mktemp("first"))
        first.talk("sync", "--cycles", "4")
        kept = {name: copy.deepcopy(system.memory()) for name, system in sandbox.systems.items()}

        def again(folder: Path) -> Desk:
            for name, system in sandbox.systems.items():
                system.recall(copy.deepcopy(kept[name]))
                system.faults.clear()
                system.ledger.clear()
            shutil.copytree(first.folder, folder, dirs_exist_ok=True)
            return Desk(sandbox, folder)

        yield again


@pytest.fixture(scope="module")
def desk(synced: Synced, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """After the first sync."""
    return synced(tmp_path_factory.mktemp("desk"))


@pytest.fixture(autouse=True)
def _healed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "desk" in request.fixturenames:
        request.getfixturevalue("desk").heal()
