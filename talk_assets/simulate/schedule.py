"""What happens in one schedule, drawn from its seed before anything runs: users, faults, crashes, and the systems' quirks."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talk_assets.simulate.topology import CASTS, Topology, topology

ROUNDS = 3
FIRST_EVENT = 100
"""Numbers below are for what systems hold from the start."""

FAULTS = ("lost before", "lost after", "error before", "error after", "throttled", "cut off", "refused connection")
QUIRKS = ("skew", "coarse", "lag", "normalise", "shrink")


@dataclass(frozen=True)
class Event:
    """One thing that happens. `at` counts requests, writes or crash points of its round."""

    number: int
    kind: str
    round: int
    at: int
    of: str
    """What `at` counts: `read`, `write` or `point`."""
    late: bool = False
    """After what it counts, rather than before."""
    pick: float = 0.0
    which: float = 0.0
    """Of its fields."""
    what: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def chance(self, seed: int) -> random.Random:
        """Its own stream, so that leaving another event out changes nothing for this one."""
        return random.Random(f"{seed}/{self.number}")  # noqa: S311 - a simulation, not a secret


@dataclass(frozen=True)
class Thing:
    """One real thing, and the entities that hold it from the start."""

    number: int
    subject: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Schedule:
    seed: int
    topology: Topology
    things: tuple[Thing, ...]
    events: tuple[Event, ...]
    pauses: tuple[float, ...]
    """Seconds before each round."""
    full: tuple[bool, ...]
    """Whether a round reads everything again."""


def draw(seed: int, specs: Path) -> Schedule:
    chance = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    casts, weights = zip(*CASTS, strict=True)
    subjects = chance.choices(casts, weights)[0]
    part = topology(specs, subjects)
    things = _things(part, random.Random(f"{seed}/things"))  # noqa: S311
    events = tuple(_events(seed, part, chance))
    pauses = tuple(chance.choice((1.0, 5.0, 90.0, 900.0)) for _ in range(ROUNDS))
    full = tuple(chance.random() < 0.4 for _ in range(ROUNDS))
    return Schedule(seed, part, things, events, pauses, full)


def _things(part: Topology, chance: random.Random) -> tuple[Thing, ...]:
    found: list[Thing] = []
    for subject in sorted({entity.subject for entity in part.model.entities.values()}, key=_first):
        entities = [key for key, entity in part.model.entities.items() if entity.subject == subject and startable(key)]
        for _ in range(chance.randint(2, 5) if subject in ("customer", "product", "employee") else chance.randint(1, 3)):
            own = [key for key in entities if key not in ALONE]
            many = chance.sample(own, min(len(own), chance.choice((1, 1, 2, 3))))
            alone = [key for key in entities if key in ALONE]
            chosen = [chance.choice(alone)] if alone and (not many or chance.random() < 0.2) else many
            found.append(Thing(len(found) + 1, subject, tuple(sorted(chosen))))
    return tuple(found)


ALONE = frozenset({"poweroffice_go.departments", "custom_pms.task"})
"""Entities whose records share no match key with all the others of their subject."""
_NOT_STARTED_WITH = frozenset({"poweroffice_go.projectactivity", "poweroffice_go.timetrackingactivity", "crm_office.contacts"})


def startable(key: str) -> bool:
    """Whether people make records of an entity in a simulation."""
    return key not in _NOT_STARTED_WITH


def _first(subject: str) -> tuple[bool, str]:
    """Customers first: others refer to them."""
    return subject != "customer", subject


def _events(seed: int, part: Topology, chance: random.Random) -> list[Event]:
    """Swarm: a seed has some kinds of trouble and not others."""
    found: list[Event] = []

    def add(kind: str, **how: Any) -> None:
        number = FIRST_EVENT + len(found)
        own = random.Random(f"{seed}/{kind}/{number}")  # noqa: S311
        of = how.pop("of", None) or own.choice(("read", "read", "write"))
        at = own.randint(0, 12 if of == "read" else 8 if of == "write" else 30)
        when = how.pop("round", own.randrange(ROUNDS))
        found.append(Event(number, kind, when, at, of, own.random() < 0.5, own.random(), own.random(), **how))

    for _ in range(chance.randint(3, 9)):
        add("edit", what=chance.choices(("any", "again", "twice", "written"), (5, 3, 1, 2))[0])
    for _ in range(chance.choice((0, 0, 1, 2))):
        add("create")
    for _ in range(chance.choice((0, 0, 0, 1))):
        add("delete")
    _troubles(chance, add)
    if chance.random() < 0.5:
        _quirks(part, chance, add)
    if chance.random() < 0.15:
        add("dry run", of="read")
    return found


def _troubles(chance: random.Random, add: Callable[..., None]) -> None:
    if chance.random() < 0.7:
        kinds = chance.sample(FAULTS, chance.randint(1, 4))
        for _ in range(chance.randint(1, 5)):
            add("fault", what=chance.choice(kinds), of=chance.choice(("write", "write", "read")))
    if chance.random() < 0.6:
        for _ in range(chance.randint(1, 3)):
            add("crash", of="point")


def _quirks(part: Topology, chance: random.Random, add: Callable[..., None]) -> None:
    for kind in chance.sample(QUIRKS, chance.randint(1, 2)):
        options: dict[str, Any]
        match kind:
            case "skew":
                options = {"seconds": float(chance.choice((-3600, -90, 90, 3600)))}
            case "coarse":
                options = {"seconds": float(chance.choice((1, 10)))}
            case "shrink":
                options = {"keep": 0.85}
            case "lag":
                options = {"seconds": float(chance.choice((2, 20)))}
            case _:
                field = chance.choice(part.editable)
                options = {"field": field, "rule": chance.choice(("upper", "lower", "trim"))}
        add("quirk", what=kind, options={"system": chance.choice(sorted(part.systems)), **options}, round=0)
