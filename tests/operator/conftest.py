"""One sandbox and one first sync for all tests that only go on from there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import Desk, Kept, keep


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
