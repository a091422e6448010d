"""What happens in one schedule, drawn from its seed before anything runs: users, faults, crashes, and the systems' quirks."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from talk_assets.simulate import documents, wording
from talk_assets.simulate.events import FIRST_EVENT, Event, scene
from talk_assets.simulate.incidents import SCENES
from talk_assets.simulate.seldom import MANY, Seldom, last_read
from talk_assets.simulate.topology import CIRCLE, Topology, around, drawn

QUIRKS = ("skew", "coarse", "lag", "normalise", "shrink")


@dataclass(frozen=True)
class Size:
    """How much there is in a schedule."""

    grows: bool
    """Whether a mapping may come with others that touch it, or alone."""
    rounds: tuple[int, int, int]
    """How often there are one, two and three, compared with each other."""
    things: tuple[int, int]
    scenes: tuple[int, int]


WHOLE = Size(grows=True, rounds=(2, 6, 2), things=(3, 9), scenes=(2, 6))
SMALL = Size(grows=False, rounds=(3, 5, 0), things=(2, 4), scenes=(1, 3))
CROWDED = Size(grows=False, rounds=(0, 5, 3), things=(7, 9), scenes=(1, 2))
REFILED = Size(grows=True, rounds=(0, 2, 3), things=(2, 4), scenes=(0, 1))
_SMALL = 0.8
"""How many are small: most of what breaks shows there too, in half of the time."""


@dataclass(frozen=True)
class Thing:
    """One real thing, and the entities that hold it from the start."""

    number: int
    subject: str
    entities: tuple[str, ...]
    is_known_again: bool = True
    """Whether it has anything by which match rules could know it again."""
    through: str = ""
    """The entity whose record has all of that, where each of the others has another part; empty: all have all of it."""


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
    scenes: frozenset[str] = frozenset()

    @property
    def is_guarded(self) -> bool:
        """Whether guards allow a few writes only."""
        return any(event.kind in MANY for event in self.events)

    @property
    def quirks(self) -> frozenset[str]:
        return self._kinds_of("quirk")

    @property
    def upheavals(self) -> frozenset[str]:
        return self._kinds_of("upheaval")

    def _kinds_of(self, kind: str) -> frozenset[str]:
        return frozenset(event.what for event in self.events if event.kind == kind)


def draw(seed: int, specs: Path, size: Size | None = None) -> Schedule:
    """Of a size that the seed has too, unless another one is asked for."""
    seldom = Seldom.of(seed)
    size = size or (CROWDED if seldom.is_crowded else REFILED if seldom.refiled else _usual_size(seed))
    chance = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    by_seed = random.Random(f"{seed}/topology")  # noqa: S311
    part = _part(seed, specs, by_seed, seldom, size)
    things = _things(part, random.Random(f"{seed}/things"), size)  # noqa: S311
    things = (_known_by(last_read(seed), things[0]), *things[1:]) if seldom.late else things
    rounds = chance.choices((1, 2, 3), size.rounds)[0]
    # Swarm: a seed has some kinds of scenes and not others.
    names = [name for name in SCENES if chance.random() < 0.6] or ["edit"]
    scenes = chance.choices(names, [SCENES[name][1] for name in names], k=chance.randint(*size.scenes))
    quirks = [] if seldom.many else chance.sample(QUIRKS, chance.choice((0, 0, 1, 1, 2)))
    if seldom.refiled and "normalise" not in quirks:
        # What a system has made of a value shows who has forgotten that it was agreed on.
        quirks.append("normalise")
    if "shrink" in quirks or seldom.is_long:
        # The first listing of all hides nothing, and what is open or linked is that from the second round on.
        rounds = max(rounds, 2)
    odd = _quirks(part, quirks, len(things), chance)
    usual = [*odd, *(event for name in scenes for event in scene(SCENES[name][0], rounds, chance))]
    # What lags or is not settled must be looked at while it is so, and what hides rows where all rows are asked for.
    is_hasty = seldom.opened or bool({"lag", "coarse"} & {*quirks}) or any("without an answer" in name for name in scenes)
    pauses = tuple(chance.choice((1.0, 5.0) if is_hasty else (1.0, 5.0, 90.0, 900.0)) for _ in range(rounds))
    full = tuple(chance.random() < (0.9 if "shrink" in quirks else 0.25) for _ in range(rounds))
    events = [replace(event, number=FIRST_EVENT + place) for place, event in enumerate(usual)]
    events += seldom.events(seed, part, rounds, FIRST_EVENT + len(events))
    kinds = frozenset((*scenes, *(event.what or event.kind for event in events if event.kind in ("guest", "turn", "decide"))))
    return Schedule(seed, part, things, tuple(events), pauses, full, kinds)


def _part(seed: int, specs: Path, chance: random.Random, seldom: Seldom, size: Size) -> Topology:
    if seldom.late:
        return around(specs)
    if seldom.refiled:
        return documents.drawn(specs, chance)
    part = drawn(specs, chance, grows=size.grows, refers=seldom.refers)
    if seldom.dependent:
        return wording.worded(part, wording.dependent(seed, part))
    if seldom.conditioned:
        return wording.worded(part, wording.conditioned(seed, part))
    return wording.worded(part, wording.spoken(seed, part)) if seldom.spoken else part


def _usual_size(seed: int) -> Size:
    return SMALL if random.Random(f"{seed}/size").random() < _SMALL else WHOLE  # noqa: S311 - a simulation, not a secret


def _known_by(entity: str, thing: Thing) -> Thing:
    return replace(thing, entities=tuple(sorted(CIRCLE)), is_known_again=True, through=entity)


def _things(part: Topology, chance: random.Random, size: Size) -> tuple[Thing, ...]:
    found: list[Thing] = []
    subjects = sorted({entity.subject for entity in part.model.entities.values()}, key=_first)
    for subject in subjects:
        entities = [key for key, entity in part.model.entities.items() if entity.subject == subject and startable(key)]
        own = [key for key in entities if key not in ALONE]
        alone = [key for key in entities if key in ALONE]
        for _ in range(chance.randint(*size.things) if len(subjects) == 1 else chance.randint(2, 4)):
            is_known = chance.random() < 0.7
            many = chance.choice((1, 1, 2, len(own))) if is_known else 1
            chosen = chance.sample(own, min(len(own), many))
            if alone and (not own or chance.random() < 0.2):
                chosen, is_known = [chance.choice(alone)], True
            if chosen:
                found.append(Thing(len(found) + 1, subject, tuple(sorted(chosen)), is_known))
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


def _quirks(part: Topology, kinds: list[str], things: int, chance: random.Random) -> Iterator[Event]:
    for kind in kinds:
        options: dict[str, Any]
        match kind:
            case "skew":
                options = {"seconds": float(chance.choice((-3600, -90, 90, 3600)))}
            case "coarse":
                options = {"seconds": float(chance.choice((1, 10, 60)))}
            case "shrink":
                # Of few rows many must be hidden, or none is.
                options = {"keep": 0.85 if things > SMALL.things[1] else 0.5}
            case "lag":
                options = {"seconds": float(chance.choice((2, 20)))}
            case _:
                options = {"field": chance.choice(part.editable), "rule": chance.choice(("upper", "lower", "trim"))}
        options = {"system": chance.choice(sorted(part.systems)), **options}
        yield Event(0, "quirk", 0, 0, "pause", what=kind, options=options)
