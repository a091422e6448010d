"""One sandbox and one synced hub for all tests that only go on from there."""

from collections.abc import Iterator

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """After the first sync."""
    with start(size=3, rate_limits=False) as sandbox:
        one = Desk(sandbox, tmp_path_factory.mktemp("desk"))
        one.talk("sync", "--cycles", "4")
        yield one


@pytest.fixture(autouse=True)
def _healed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "desk" in request.fixturenames:
        request.getfixturevalue("desk").heal()
