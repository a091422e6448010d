"""Bugs put into the engine on purpose: each is found by the schedule that `talk simulate --planted` found it with."""

from pathlib import Path

import pytest

from talk_assets.simulate.planted import BUGS, Bug, caught
from talk_assets.simulate.schedule import draw

SPECS = Path("mapping_specs").resolve()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug):
    assert caught(bug, draw(bug.seed, SPECS)), f"seed {bug.seed} does not show: {bug.words}"
