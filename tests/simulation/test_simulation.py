"""The simulator on a few seeds: promises hold, and seeds repeat. `talk simulate` runs many more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from talk_assets.simulate.events import Event
from talk_assets.simulate.schedule import WHOLE, Schedule, Thing, draw
from talk_assets.simulate.seldom import LATE
from talk_assets.simulate.shrink import shrink
from talk_assets.simulate.topology import Topology, topology
from talk_assets.simulate.trial import Outcome, play

SPECS = Path("mapping_specs").resolve()
_TRACE = """
from pathlib import Path
from talk_assets.simulate.schedule import WHOLE, draw
from talk_assets.simulate.trial import play
print(play(draw({seed}, Path({specs!r}), WHOLE)).trace)
"""


def scripted(subject: str, things: list[tuple[str, ...]], *events: Event, rounds: int = 1) -> Schedule:
    """A schedule of which every event is known."""
    numbered = tuple(Thing(number, subject, entities) for number, entities in enumerate(things, 1))
    return Schedule(1, part(subject), numbered, events, (1.0,) * rounds, (False,) * rounds)


def part(subject: str) -> Topology:
    return topology(SPECS, frozenset({subject}))


def edit_of(number: int, subject: str, entity: str, path: str, round_: int) -> Event:
    """An edit of this property of the only thing's record, before a round."""
    model = part(subject)
    entities = [key for key in model.model.entities if key == entity]
    fields = [name for name in model.editable if entity in model.plain[name]]
    which = next(place for place, name in enumerate(fields) if model.plain[name][entity] == path)
    pick = list(model.model.entities).index(entities[0]) / len(model.model.entities)
    return Event(number, "edit", round_, 0, "pause", pick=pick + 0.01, which=(which + 0.5) / len(fields), what="any")


@pytest.fixture(scope="module")
def seed_5() -> Outcome:
    return play(draw(5, SPECS, WHOLE))


def test_promises_hold(seed_5):
    assert seed_5.violations == []
    assert seed_5.writes
    assert seed_5.happened


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(260, id="a spelling that is put back after a write without an answer"),
        pytest.param(1577, id="a value taken back after a write without an answer, while an older edit is on its way"),
        pytest.param(2572, id="a restored system that gives an id again, to a record that we make"),
        pytest.param(1098, id="a restored system that gives an id again, where nothing tells when a record was made"),
        pytest.param(515, id="a conflict with another record that has the number"),
        pytest.param(1901, id="a mapping is taken away while a write of its has no answer"),
        pytest.param(321, id="a dry run while an update has no answer"),
    ],
)
def test_what_once_broke_a_promise(seed: int):
    assert play(draw(seed, SPECS, WHOLE)).violations == []


def test_a_record_that_a_person_edits_before_its_creation_is_found_again_is_not_taken_for_another():
    schedule = draw(652, SPECS)
    assert "creation without an answer, then an edit" in schedule.scenes
    assert play(schedule).violations == []


def test_what_may_have_been_made_is_not_made_again_for_another_value_either():
    schedule = draw(50332, SPECS)
    assert "creation without an answer, then an edit" in schedule.scenes
    assert play(schedule).violations == []


def test_nothing_is_made_of_what_may_have_come_of_a_creation_until_somebody_says_which_it_is():
    schedule = draw(21677, SPECS)
    assert "creation without an answer, then an edit" in schedule.scenes
    outcome = play(schedule)
    assert (outcome.violations, outcome.answers, outcome.asked) == ([], 1, 0)


@pytest.mark.parametrize(
    ("seed", "told"),
    [pytest.param(44, "7 records", id="edited"), pytest.param(5, "creates 5 records", id="made")],
)
def test_what_is_done_to_many_records_waits_for_a_person_and_then_arrives(seed: int, told: str):
    schedule = draw(seed, SPECS)
    outcome = play(schedule)
    assert schedule.is_guarded
    assert told in outcome.happened[schedule.events[-1].number]
    assert outcome.violations == []


def test_two_records_of_a_system_that_are_made_one_there():
    schedule = draw(208, SPECS)
    outcome = play(schedule)
    assert any("one with" in told for told in outcome.happened.values())
    assert outcome.violations == []


def test_a_record_made_by_hand_of_what_is_known_elsewhere_joins_it_while_others_are_edited():
    outcome = play(draw(231, SPECS))
    assert any("by hand, of thing" in told and "and somebody sets" in told for told in outcome.happened.values())
    assert outcome.violations == []


@pytest.mark.parametrize("seed", [pytest.param(374, id="for a round"), pytest.param(184, id="until all is calm")])
def test_what_only_a_system_that_is_read_late_knows_to_be_one_is_made_once(seed: int):
    schedule = draw(seed, SPECS)
    (late,) = (event for event in schedule.events if event.what == LATE)
    outcome = play(schedule)
    assert any(thing.through.startswith(late.options["system"]) for thing in schedule.things)
    assert outcome.happened[late.number] == f"{late.options['system']} can be read"
    assert outcome.violations == []


@pytest.mark.long
def test_a_seed_is_the_same_run_under_another_hash_seed(seed_5):
    program = _TRACE.format(seed=5, specs=str(SPECS))
    env = os.environ | {"PYTHONHASHSEED": "4711", "POLARS_MAX_THREADS": "1"}
    told = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == seed_5.trace


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


def test_what_a_write_finds_changed_is_seen_although_no_list_of_changes_shows_it():
    both = ("custom_erp.employee", "poweroffice_go.employees")
    city = edit_of(100, "employee", both[1], "MailAddress.City", 1), edit_of(101, "employee", both[0], "address.city", 1)
    outcome = play(scripted("employee", [both], *city, rounds=3))
    assert len(outcome.happened) == len(city)
    assert outcome.violations == []
    assert len({value for key, value in outcome.values.items() if key[2] == "custom_erp.employee.address.city"}) == 1
    assert outcome.cycles == 3 + 2, "nothing was left for reading everything to find"


def test_a_value_that_was_taken_back_after_a_lost_answer_waits_for_a_person_whatever_else_there_is_to_write():
    both = ("custom_erp.product", "poweroffice_go.product")
    edits = (
        edit_of(100, "product", both[0], "description", 1),
        Event(101, "fault", 1, 0, "update", late=True, what="lost after"),
        Event(102, "edit", 1, 0, "update", late=True, what="taken back"),
        edit_of(103, "product", both[0], "name", 2),
    )
    outcome = play(scripted("product", [both], *edits, rounds=3))
    assert len(outcome.happened) == len(edits)
    assert outcome.violations == []
    assert outcome.excused == 1


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
