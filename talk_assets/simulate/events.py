"""One thing that happens in a schedule, and several that belong together."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from talk_assets.simulate.incidents import FAULTS, STAGES, TURNS, Step

FIRST_EVENT = 100
"""Numbers below are for what systems hold from the start."""
UNTIL = {"read": 8, "create": 1, "update": 1, "write": 4, "point": 11, "pause": 0, "end": 0}
"""The latest moment of an event, by what it counts."""


@dataclass(frozen=True)
class Event:
    """One thing that happens. `at` counts requests, writes or crash points of its round."""

    number: int
    kind: str
    round: int
    at: int
    of: str
    """What `at` counts: `read`, `write`, `create`, `update`, `point`, `pause` (before the round), `end` (when all is quiet)."""
    late: bool = False
    """After what it counts, rather than before."""
    pick: float = 0.0
    which: float = 0.0
    """Of its fields."""
    what: str = ""
    gap: float = 0.01
    """Seconds that pass before it."""
    options: dict[str, Any] = field(default_factory=dict)

    def chance(self, seed: int) -> random.Random:
        """Its own stream, so that leaving another event out changes nothing for this one."""
        return random.Random(f"{seed}/{self.number}")  # noqa: S311 - a simulation, not a secret


def scene(steps: tuple[Step, ...], rounds: int, chance: random.Random) -> Iterator[Event]:
    """Its events; they get their numbers later."""
    # Before the first round nothing is linked, so that most scenes would be about something else.
    latest = max(rounds - max(step.rounds for step in steps), 1)
    start = chance.choice((*range(latest), *range(1, latest)))
    before: Event | None = None
    for step in steps:
        of = step.of or chance.choice(("pause", "read", "read", "write"))
        drawn_at, late = chance.randint(0, UNTIL[of]), chance.random() < 0.5
        if step.what == "collect":
            # Right behind one of the first cursors: its rows and itself are two commits each with a point before and after.
            drawn_at |= 3
        picks = chance.random(), chance.random()
        what = step.what or {"fault": chance.choice(FAULTS), "crash": chance.choice(STAGES)}.get(step.kind, "")
        what = what or (chance.choice(TURNS) if step.kind == "turn" else "")
        event = Event(
            0,
            step.kind,
            min(start + step.rounds, rounds - 1),
            before.at if before and step.together else drawn_at,
            of,
            late if step.late is None else step.late,
            *picks,
            what,
            step.gap,
        )
        yield event
        before = event
