"""The same schedule with and without its crashes: what all systems hold in the end must be the same (I21)."""

import random
from dataclasses import replace
from pathlib import Path

from talk_assets.simulate.events import FIRST_EVENT, Event
from talk_assets.simulate.incidents import STAGES
from talk_assets.simulate.schedule import Schedule, draw
from talk_assets.simulate.trial import Outcome, play

EVERY = 40
"""Of so many seeds one is run as twins too."""
_EDITS = 4
_ROUNDS = 2


def differing(seed: int, specs: Path) -> list[tuple[str, str]]:
    """What breaks a promise, in either of the twins or between them."""
    schedule = _calm(seed, specs)
    crashes = {event.number for event in schedule.events if event.kind == "crash"}
    whole, killed = play(schedule, crashes), play(schedule)
    return [*whole.violations, *killed.violations, *_between(whole, killed)]


def _calm(seed: int, specs: Path) -> Schedule:
    """Edits before the first round and crashes: all else would come at other moments once a process has died."""
    chance = random.Random(f"{seed}/twins")  # noqa: S311 - a simulation, not a secret
    edits = [
        Event(FIRST_EVENT + number, "edit", 0, 0, "pause", pick=chance.random(), which=chance.random(), what="any")
        for number in range(_EDITS)
    ]
    crashes = [
        Event(FIRST_EVENT + _EDITS + number, "crash", number, chance.randint(0, 11), "point", what=chance.choice(STAGES))
        for number in range(_ROUNDS)
    ]
    return replace(draw(seed, specs), events=(*edits, *crashes), pauses=(1.0,) * _ROUNDS, full=(False,) * _ROUNDS)


def _between(whole: Outcome, killed: Outcome) -> list[tuple[str, str]]:
    # What waits for a person after a kill is not there yet; it says so, and the rest is compared.
    keys = whole.values.keys() & killed.values.keys() if killed.asked else whole.values.keys() | killed.values.keys()
    return [
        ("I21", f"{key[2]} of thing {key[0]} in {key[1]} is {killed.values.get(key)} with crashes and {one} without")
        for key in sorted(keys)
        if (one := whole.values.get(key)) != killed.values.get(key)
    ]
