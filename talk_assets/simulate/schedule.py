"""What happens in one schedule, drawn from its seed before anything runs: users, faults, crashes, and the systems' quirks."""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from talk_assets.simulate.incidents import FAULTS, OPENED, SCENES, STAGES, TURNED, TURNS, Step
from talk_assets.simulate.renaming import ways
from talk_assets.simulate.topology import CIRCLE, Topology, around, drawn

FIRST_EVENT = 100
"""Numbers below are for what systems hold from the start."""
QUIRKS = ("skew", "coarse", "lag", "normalise", "shrink")
OF_SPECS = ("mapping away", "condition added")
ROW_AWAY = "row away"
RENAMED = "renamed"
MANY = ("create many", "edit many")
_MANY_EVERY, _MANY_OF_EACH = 13, 5
"""In one of so many seeds somebody edits or makes many records of an entity at once, and guards allow a few only."""
UPHEAVALS = ("hub restored", "system restored", "list emptied", "two engines", *OF_SPECS)
_MERGED_EVERY, _MERGED_OF_EACH = 17, 4
"""In one of so many seeds somebody makes one record of two, as systems let their users do."""
_GUESTS_EVERY, _GUESTS_OF_EACH = 16, 7
"""In one of so many seeds somebody makes a record by hand of what is known already, where it was not kept yet."""
_UNDOES_EVERY, _UNDOES_OF_EACH = 16, 14
"""In one of so many seeds somebody has put back what a run wrote."""
_DECIDES_EVERY, _DECIDES_OF_EACH = 12, 7
"""In one of so many seeds a person says what is one with what, or who was right."""
_DECISIONS = (("part",), ("part", "part"), ("take",), ("part", "join"), ("part", "take", "join"))
_TURNS_EVERY, _TURNS_OF_EACH = 7, 5
"""In one of so many seeds somebody changes what tells of no edit."""
_OPENED_EVERY, _OPENED_OF_EACH = 15, 12
"""In one of so many seeds somebody touches what is being made, or its key, while nobody knows whether it was made."""
_DECIDED_BESIDE_EVERY, _DECIDED_BESIDE_OF_EACH = 19, 8
"""In one of so many seeds a person decides beside an upheaval."""
_RENAMED_EVERY, _RENAMED_OF_EACH = 17, 11
"""In one of so many seeds a system calls a property otherwise for some rounds, and the specs do."""
_ROW_AWAY = 0.3
"""In how many of these an entity loses one property of its mappings for some rounds."""
LATE = "read late"
_LATE_EVERY, _LATE_OF_EACH = 19, 13
"""In one of so many seeds a system cannot be read at first, and it alone knows that records of the others are one thing."""
_EVERY, _OF_EACH = 11, 9
"""One of so many seeds has an upheaval; the others are played as if there were none."""
_UNTIL = {"read": 8, "create": 1, "update": 1, "write": 4, "point": 11, "pause": 0, "end": 0}
"""The latest moment of an event, by what it counts."""


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
_SMALL = 0.8
"""How many are small: most of what breaks shows there too, in half of the time."""


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
    is_guarded = seed % _MANY_EVERY == _MANY_OF_EACH and seed % _EVERY != _OF_EACH
    has_guests = seed % _GUESTS_EVERY == _GUESTS_OF_EACH and seed % _EVERY != _OF_EACH and not is_guarded
    size = size or (CROWDED if is_guarded or has_guests else _usual_size(seed))
    chance = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    is_turned = seed % _TURNS_EVERY == _TURNS_OF_EACH and not is_guarded
    is_decided = seed % _DECIDES_EVERY == _DECIDES_OF_EACH and seed % _EVERY != _OF_EACH and not is_guarded
    refers = is_turned or is_decided
    is_merged = seed % _MERGED_EVERY == _MERGED_OF_EACH
    is_opened = seed % _OPENED_EVERY == _OPENED_OF_EACH and not is_guarded
    is_decided_beside = seed % _DECIDED_BESIDE_EVERY == _DECIDED_BESIDE_OF_EACH and not is_guarded
    is_renamed = seed % _RENAMED_EVERY == _RENAMED_OF_EACH and not is_guarded
    is_upheaved = is_opened or is_decided_beside or is_renamed or seed % _EVERY == _OF_EACH
    is_other = is_guarded or has_guests or refers or is_merged or is_upheaved
    late = _late(seed) if seed % _LATE_EVERY == _LATE_OF_EACH and not is_other else ""
    by_seed = random.Random(f"{seed}/topology")  # noqa: S311
    part = around(specs) if late else drawn(specs, by_seed, grows=size.grows, refers=refers)
    things = _things(part, random.Random(f"{seed}/things"), size)  # noqa: S311
    things = (_known_by(late, things[0]), *things[1:]) if late else things
    rounds = chance.choices((1, 2, 3), size.rounds)[0]
    # Swarm: a seed has some kinds of scenes and not others.
    names = [name for name in SCENES if chance.random() < 0.6] or ["edit"]
    scenes = chance.choices(names, [SCENES[name][1] for name in names], k=chance.randint(*size.scenes))
    quirks = [] if is_guarded else chance.sample(QUIRKS, chance.choice((0, 0, 1, 1, 2)))
    if "shrink" in quirks or is_opened or is_decided_beside or is_renamed:
        # The first listing of all hides nothing, and what is open or linked is that from the second round on.
        rounds = max(rounds, 2)
    odd = _quirks(part, quirks, len(things), chance)
    events = [*odd, *(event for name in scenes for event in _scene(SCENES[name][0], rounds, chance))]
    # What lags or is not settled must be looked at while it is so, and what hides rows where all rows are asked for.
    is_hasty = is_opened or bool({"lag", "coarse"} & {*quirks}) or any("without an answer" in name for name in scenes)
    pauses = tuple(chance.choice((1.0, 5.0) if is_hasty else (1.0, 5.0, 90.0, 900.0)) for _ in range(rounds))
    full = tuple(chance.random() < (0.9 if "shrink" in quirks else 0.25) for _ in range(rounds))
    numbered = tuple(replace(event, number=FIRST_EVENT + number) for number, event in enumerate(events))
    number = FIRST_EVENT + len(numbered)
    upheavals = tuple(_upheavals(seed, part, rounds, number)) if seed % _EVERY == _OF_EACH else ()
    upheavals = (_read_late(late, seed, rounds, number),) if late else upheavals
    many = (_many(seed, rounds, number),) if is_guarded else ()
    number += len(upheavals) + len(many)
    merged = tuple(_merged(seed, rounds, number)) if is_merged else ()
    guests = _guests(seed, rounds, number + len(merged)) if has_guests and rounds > 1 else ()
    is_undone = seed % _UNDOES_EVERY == _UNDOES_OF_EACH and rounds > 1 and not (is_guarded or upheavals)
    undone = (_undone(seed, rounds, number + len(merged)),) if is_undone else ()
    events = [*numbered, *upheavals, *many, *merged, *guests, *undone]
    if is_turned:
        events += _turns(seed, rounds, FIRST_EVENT + len(events))
    if is_decided and rounds > 1:
        events += _decisions(seed, rounds, FIRST_EVENT + len(events))
    if is_opened:
        events += _opened(seed, rounds, FIRST_EVENT + len(events))
    if is_decided_beside:
        events += _decided_beside(seed, part, rounds, FIRST_EVENT + len(events), has_upheaval=bool(upheavals))
    if is_renamed and not any(event.kind == "upheaval" for event in events):
        events += _renamed(seed, part, rounds, FIRST_EVENT + len(events))
    kinds = frozenset((*scenes, *(event.what or event.kind for event in events if event.kind in ("guest", "turn", "decide"))))
    return Schedule(seed, part, things, tuple(events), pauses, full, kinds)


def _usual_size(seed: int) -> Size:
    return SMALL if random.Random(f"{seed}/size").random() < _SMALL else WHOLE  # noqa: S311 - a simulation, not a secret


def _many(seed: int, rounds: int, number: int) -> Event:
    """Once all are linked; before that, an engine that loads for the first time may write as much as there is."""
    chance = random.Random(f"{seed}/many")  # noqa: S311 - a simulation, not a secret
    kind = MANY[seed // _MANY_EVERY % len(MANY)]
    return Event(number, kind, rounds - 1, 0, "pause", pick=chance.random(), which=chance.random())


def _merged(seed: int, rounds: int, number: int) -> Iterator[Event]:
    chance = random.Random(f"{seed}/merged")  # noqa: S311 - a simulation, not a secret
    for place in range(chance.choice((1, 1, 2))):
        of, late = chance.choice(("pause", "pause", "read", "write")), chance.random() < 0.5
        moment = chance.randrange(rounds), chance.randint(0, _UNTIL[of])
        yield Event(number + place, "merge", *moment, of, late, chance.random(), chance.random(), "any")


def _guests(seed: int, rounds: int, number: int) -> tuple[Event, ...]:
    """Once all are linked; before that, they are records like all others."""
    chance = random.Random(f"{seed}/guests")  # noqa: S311 - a simulation, not a secret
    round_, pick = chance.randrange(1, rounds), chance.random()
    deeds = chance.choice((("guest",), ("guest", "edit"), ("guest", "edit", "edit"), ("guest", "guest", "edit")))
    return tuple(
        Event(
            number + place,
            kind,
            round_,
            0,
            "pause",
            pick=pick if kind == "guest" else chance.random(),
            which=chance.random(),
            what="neighbour" if kind == "edit" else "",
        )
        for place, kind in enumerate(deeds)
    )


def _late(seed: int) -> str:
    """The entity whose system cannot be read at first."""
    return random.Random(f"{seed}/late").choice(sorted(CIRCLE))  # noqa: S311 - a simulation, not a secret


def _known_by(entity: str, thing: Thing) -> Thing:
    return replace(thing, entities=tuple(sorted(CIRCLE)), is_known_again=True, through=entity)


def _read_late(entity: str, seed: int, rounds: int, number: int) -> Event:
    end = random.Random(f"{seed}/until").randint(1, rounds)  # noqa: S311 - a simulation, not a secret
    return Event(number, "upheaval", end, 0, "round", what=LATE, options={"system": entity.partition(".")[0]})


def _undone(seed: int, rounds: int, number: int) -> Event:
    chance = random.Random(f"{seed}/undone")  # noqa: S311 - a simulation, not a secret
    return Event(number, "undo", rounds - 1, 0, chance.choice(("pause", "end", "end")), pick=chance.random())


def _decisions(seed: int, rounds: int, number: int) -> Iterator[Event]:
    chance = random.Random(f"{seed}/decisions")  # noqa: S311 - a simulation, not a secret
    for place, what in enumerate(chance.choice(_DECISIONS)):
        of, round_ = chance.choice(("pause", "pause", "end")), chance.randrange(1, rounds)
        yield Event(number + place, "decide", round_, 0, of, pick=chance.random(), what=what)


def _turns(seed: int, rounds: int, number: int) -> list[Event]:
    chance = random.Random(f"{seed}/turns")  # noqa: S311 - a simulation, not a secret
    scenes = chance.choices(list(TURNED), [often for _, often in TURNED.values()], k=chance.choice((1, 1, 2, 3)))
    events = [event for name in scenes for event in _scene(TURNED[name][0], rounds, chance)]
    if rounds > 1 and chance.random() < _ROW_AWAY:
        begin = chance.randrange(rounds)
        end, which = chance.randint(begin + 1, rounds), {"which": chance.random()}
        events.append(Event(0, "upheaval", end, begin, "round", what=ROW_AWAY, options=which))
    return [replace(event, number=number + place) for place, event in enumerate(events)]


def _opened(seed: int, rounds: int, number: int) -> list[Event]:
    chance = random.Random(f"{seed}/opened")  # noqa: S311 - a simulation, not a secret
    scenes = chance.sample(list(OPENED), chance.choice((1, 1, 2)))
    events = [event for name in scenes for event in _scene(OPENED[name], rounds, chance)]
    return [replace(event, number=number + place) for place, event in enumerate(events)]


def _decided_beside(seed: int, part: Topology, rounds: int, number: int, *, has_upheaval: bool) -> list[Event]:
    """What decisions there are before, within and after upheavals."""
    upheavals = [] if has_upheaval else list(_upheavals(seed, part, rounds, number))
    return [*upheavals, *_decisions(seed, rounds, number + len(upheavals))]


def _renamed(seed: int, part: Topology, rounds: int, number: int) -> list[Event]:
    """It is edited on the way: before the first round that knows it by the other name, or the first that no longer does."""
    chance = random.Random(f"{seed}/renamed")  # noqa: S311 - a simulation, not a secret
    found = ways(part)
    if not found:
        return []
    name, renaming = chance.choice(found)
    begin = chance.randrange(rounds)
    end = chance.randint(begin + 1, rounds)
    called = Event(number, "upheaval", end, begin, "round", what=RENAMED, options=asdict(renaming))
    moments = [chance.choice((begin, min(end, rounds - 1))) for _ in range(chance.choice((0, 1, 1, 2)))]
    edits = [
        Event(number + place, "edit", round_, 0, "pause", pick=chance.random(), what="field", options={"field": name})
        for place, round_ in enumerate(moments, 1)
        if name in part.editable
    ]
    return [called, *edits]


def _upheavals(seed: int, part: Topology, rounds: int, number: int) -> Iterator[Event]:
    """Of a stream of their own. Each begins before the round `at` and ends before a later one, or before all becomes calm."""
    chance = random.Random(f"{seed}/upheaval")  # noqa: S311 - a simulation, not a secret
    first = chance.choice(UPHEAVALS)
    others = [what for what in OF_SPECS if what != first]
    for place, what in enumerate((first, *chance.sample(others, chance.choice((0, 0, 1))))):
        begin = chance.randrange(rounds)
        options = {"system": chance.choice(sorted(part.systems)), "which": chance.random()}
        yield Event(number + place, "upheaval", chance.randint(begin + 1, rounds), begin, "round", what=what, options=options)


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


def _scene(steps: tuple[Step, ...], rounds: int, chance: random.Random) -> Iterator[Event]:
    """Its events; they get their numbers later."""
    # Before the first round nothing is linked, so that most scenes would be about something else.
    latest = max(rounds - max(step.rounds for step in steps), 1)
    start = chance.choice((*range(latest), *range(1, latest)))
    before: Event | None = None
    for step in steps:
        of = step.of or chance.choice(("pause", "read", "read", "write"))
        drawn_at, late = chance.randint(0, _UNTIL[of]), chance.random() < 0.5
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
