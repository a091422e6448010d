"""The simulator on a few seeds: promises hold, seeds repeat, planted bugs are found. `talk simulate` runs many more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from talk_assets.simulate.planted import BUGS, hunt
from talk_assets.simulate.schedule import ROUNDS, Event, Schedule, Thing, draw
from talk_assets.simulate.shrink import shrink
from talk_assets.simulate.topology import topology
from talk_assets.simulate.trial import Outcome, play

SPECS = Path("mapping_specs").resolve()
_TRACE = """
from pathlib import Path
from talk_assets.simulate.schedule import draw
from talk_assets.simulate.trial import play
print(play(draw({seed}, Path({specs!r}))).trace)
"""


def scripted(subject: str, things: list[tuple[str, ...]], *events: Event) -> Schedule:
    """A schedule of which every event is known."""
    part = topology(SPECS, frozenset({subject}))
    numbered = tuple(Thing(number, subject, entities) for number, entities in enumerate(things, 1))
    return Schedule(1, part, numbered, events, (1.0,) * ROUNDS, (False,) * ROUNDS)


@pytest.fixture(scope="module")
def seed_5() -> Outcome:
    return play(draw(5, SPECS))


def test_promises_hold(seed_5):
    assert seed_5.violations == []
    assert seed_5.writes
    assert seed_5.happened


def test_a_seed_is_the_same_run_under_another_hash_seed(seed_5):
    program = _TRACE.format(seed=5, specs=str(SPECS))
    env = os.environ | {"PYTHONHASHSEED": "4711", "POLARS_MAX_THREADS": "1"}
    told = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == seed_5.trace


@pytest.mark.parametrize(("name", "seed"), [("no intent", 5), ("loser not told", 1)])
def test_a_planted_bug_is_found(name, seed):
    bug = next(bug for bug in BUGS if bug.name == name)
    found = hunt(type(bug)(bug.name, bug.words, bug.plant, seed), SPECS, budget=1)
    assert found.invariant


def test_a_thing_in_two_systems_that_only_a_third_one_joins_is_not_doubled():
    outcome = play(scripted("customer", [("custom_pms.customer", "invoiced.customers_company")]))
    assert outcome.violations == []
    assert outcome.writes


def test_a_create_that_never_arrived_is_planned_again():
    lost = Event(100, "fault", 0, 0, "write", what="lost before")
    outcome = play(scripted("product", [("custom_erp.product",)], lost))
    assert outcome.happened
    assert outcome.violations == []


def test_writes_that_found_no_connection_are_sent_by_a_later_cycle():
    refused = [Event(100 + number, "fault", 0, 0, "write", what="refused connection") for number in range(5)]
    outcome = play(scripted("product", [("custom_erp.product",)], *refused))
    assert len(outcome.happened) == len(refused)
    assert outcome.violations == []


def test_a_failing_seed_is_told_as_the_few_events_that_matter():
    events = [Event(100 + number, "edit", 0, number, "read") for number in range(6)]
    schedule = scripted("product", [], *events)

    def again(schedule: Schedule, without: set[int]) -> Outcome:
        happened = {event.number: "somebody edits" for event in schedule.events if event.number not in without}
        broken = [("I3", "lost")] if {101, 104} <= happened.keys() else []
        return Outcome(1, broken, "", happened=happened)

    story = shrink(schedule, again(schedule, set()), again)
    assert story.invariant == "I3"
    assert [line.partition(",")[0] for line in story.events] == ["101", "104"]
