"""A failing schedule → the few of its events without which it would not fail, told as a story."""

from collections.abc import Callable
from dataclasses import dataclass

from talk_assets.simulate.schedule import Schedule
from talk_assets.simulate.trial import Outcome, play

_TRIES = 60


@dataclass(frozen=True)
class Story:
    """The shortest schedule found that still breaks the same promise."""

    seed: int
    invariant: str
    words: str
    events: tuple[str, ...]
    tried: int


def shrink(schedule: Schedule, outcome: Outcome, again: Callable[..., Outcome] = play, tries: int = _TRIES) -> Story:
    """Switch events off, one after the other, as long as the same promise is broken."""
    invariant, words = outcome.violations[0]
    if invariant == "I21":
        # The schedule alone breaks nothing; only its twins differ.
        return Story(schedule.seed, invariant, words, (), 0)
    # What never came to pass is gone from the start.
    without = {event.number for event in schedule.events if event.number not in outcome.happened}
    best, tried = outcome, 0
    for event in reversed(schedule.events):
        if event.number in without or tried >= tries:
            continue
        tried += 1
        less = again(schedule, without | {event.number})
        if any(broken == invariant for broken, _ in less.violations):
            without.add(event.number)
            best = less
    words = next(words for broken, words in best.violations if broken == invariant)
    rounds = {event.number: event.round for event in schedule.events}
    told = [
        f"{number}, round {rounds[number] + 1}: {what}"
        for number, what in sorted(best.happened.items(), key=lambda item: rounds[item[0]])
    ]
    return Story(schedule.seed, invariant, words, tuple(told), tried)
