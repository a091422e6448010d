from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Products of CustomERP and PowerOffice; there are none."""
    one = Bench(tmp_path)
    yield one
    one.engine.close()
