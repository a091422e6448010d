"""Bugs put into the engine on purpose: some of them, each found by the schedule that `talk simulate --planted` found it with.
That command, which `.ci/run` runs, looks for all of them.
"""

from contextlib import ExitStack
from pathlib import Path

import pytest

from talk_assets.simulate.planted import BUGS, Bug, caught
from talk_assets.simulate.schedule import draw

SPECS = Path("mapping_specs").resolve()


@pytest.mark.parametrize("bug", BUGS[::8], ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug):
    assert caught(bug, draw(bug.seed, SPECS)), f"seed {bug.seed} does not show: {bug.words}"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_what_a_planted_bug_takes_the_place_of_is_there(bug: Bug):
    with ExitStack() as stack:
        bug.plant(stack)
