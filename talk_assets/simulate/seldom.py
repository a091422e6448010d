"""What happens in some seeds only: each kind in seeds of its own, from a stream of its own, so that a new kind leaves the
schedules of all other seeds as they were.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Self

from talk_assets.simulate.documents import refiled
from talk_assets.simulate.events import UNTIL, Event, scene
from talk_assets.simulate.incidents import ABOUT_REFUSED, OPENED, TURNED
from talk_assets.simulate.renaming import ways
from talk_assets.simulate.topology import CIRCLE, Topology
from talk_assets.simulate.wording import reconditioned, respoken, rewordings

OF_SPECS = ("mapping away", "condition added")
ROW_AWAY = "row away"
RENAMED = "renamed"
REFUSED = "refused for good"
LATE = "read late"
MANY = ("create many", "edit many")
_UPHEAVALS = ("hub restored", "system restored", "list emptied", "two engines", *OF_SPECS)
_DECISIONS = (("part",), ("part", "part"), ("take",), ("part", "join"), ("part", "take", "join"))
_MANY_EVERY = 13
_REFUSALS = (400, 403, 409, 422, 422, 500)
_RETRIED = 0.7
_ROW_AWAY = 0.3
"""In how many of the seeds with turns an entity loses one property of its mappings for some rounds."""


@dataclass(frozen=True)
class Seldom:
    """Which of these a seed has."""

    upheaval: bool
    """Some time nothing is as usual: a backup comes back, a list is empty, a mapping is away."""
    many: bool
    """Somebody edits or makes many records of an entity at once, and guards allow a few only."""
    guests: bool
    """Somebody makes a record by hand of what is known already, where it was not kept yet."""
    merged: bool
    """Somebody makes one record of two, as systems let their users do."""
    undone: bool
    """Somebody has put back what a run wrote."""
    turned: bool
    """Somebody changes what tells of no edit."""
    decided: bool
    """A person says what is one with what, or who was right."""
    decided_beside: bool
    """The same beside an upheaval."""
    opened: bool
    """Somebody touches what is being made, or its key, while nobody knows whether it was made."""
    renamed: bool
    """A system calls a property otherwise for some rounds, and the specs do."""
    refiled: bool
    """Documents are called otherwise, and have more mappings or fewer."""
    dependent: bool
    """Some properties count only while their records hold something else."""
    spoken: bool
    """A value is called otherwise in one place, and there by other words for some rounds."""
    refusing: bool
    """A system takes nothing about some thing for some rounds."""
    conditioned: bool
    """Mappings make something of some of the records only, and people change which."""
    late: bool
    """A system cannot be read at first, and it alone knows that records of the others are one thing."""

    @classmethod
    def of(cls, seed: int) -> Self:
        upheaval = seed % 11 == 9
        many = seed % _MANY_EVERY == 5 and not upheaval
        guests = seed % 16 == 7 and not (upheaval or many)
        merged = seed % 17 == 4
        turned = seed % 7 == 5 and not many
        decided = seed % 12 == 7 and not (upheaval or many)
        decided_beside = seed % 19 == 8 and not many
        opened = seed % 15 == 12 and not many
        renamed = seed % 17 == 11 and not many
        others = (upheaval, many, guests, turned, decided, decided_beside, opened, renamed)
        late = seed % 19 == 13 and not (merged or any(others))
        refiled = seed % 11 == 8 and not (late or any(others))
        undone = seed % 16 == 14 and not (upheaval or many or late)
        is_usual = not (late or refiled or merged or undone or any(others))
        dependent, spoken, refusing, conditioned = (is_usual and seed % 19 == rest for rest in (2, 5, 7, 10))
        kinds = (upheaval, many, guests, merged, undone, turned, decided, decided_beside, opened, renamed, refiled, dependent)
        return cls(*kinds, spoken, refusing, conditioned, late)

    @property
    def is_crowded(self) -> bool:
        return self.many or self.guests

    @property
    def refers(self) -> bool:
        """Whether records should name each other."""
        return self.turned or self.decided

    @property
    def is_long(self) -> bool:
        """What is open or linked is that from the second round on."""
        return self.opened or self.decided_beside or self.renamed or self.dependent or self.spoken or self.conditioned

    def events(self, seed: int, part: Topology, rounds: int, number: int) -> list[Event]:
        """All of them; the first one has this number."""
        kinds: list[tuple[bool, Callable[[], Iterable[Event]]]] = [
            (self.upheaval, lambda: _upheavals(seed, part, rounds)),
            (self.late, lambda: [_read_late(seed, rounds)]),
            (self.many, lambda: [_many(seed, rounds)]),
            (self.merged, lambda: _merged(seed, rounds)),
            (self.guests and rounds > 1, lambda: _guests(seed, rounds)),
            (self.undone and rounds > 1, lambda: [_undone(seed, rounds)]),
            (self.turned, lambda: _turns(seed, rounds)),
            (self.decided and rounds > 1, lambda: _decisions(seed, rounds)),
            (self.opened, lambda: _opened(seed, rounds)),
            (self.decided_beside and not self.upheaval, lambda: _upheavals(seed, part, rounds)),
            (self.decided_beside, lambda: _decisions(seed, rounds)),
            (self.refiled, lambda: refiled(seed, part, rounds)),
            (self.dependent, lambda: rewordings(seed, part, rounds)),
            (self.refusing, lambda: _refusals(seed, part, rounds)),
            (self.conditioned, lambda: reconditioned(seed, part, rounds)),
            (self.spoken, lambda: respoken(seed, part, rounds)),
        ]
        found = [event for is_there, drawn in kinds if is_there for event in drawn()]
        if self.renamed and not any(event.kind == "upheaval" for event in found):
            found += _renamed(seed, part, rounds)
        return [replace(event, number=number + place) for place, event in enumerate(found)]


def _many(seed: int, rounds: int) -> Event:
    """Once all are linked; before that, an engine that loads for the first time may write as much as there is."""
    chance = random.Random(f"{seed}/many")  # noqa: S311 - a simulation, not a secret
    kind = MANY[seed // _MANY_EVERY % len(MANY)]
    return Event(0, kind, rounds - 1, 0, "pause", pick=chance.random(), which=chance.random())


def _merged(seed: int, rounds: int) -> Iterator[Event]:
    chance = random.Random(f"{seed}/merged")  # noqa: S311 - a simulation, not a secret
    for _ in range(chance.choice((1, 1, 2))):
        of, late = chance.choice(("pause", "pause", "read", "write")), chance.random() < 0.5
        moment = chance.randrange(rounds), chance.randint(0, UNTIL[of])
        yield Event(0, "merge", *moment, of, late, chance.random(), chance.random(), "any")


def _guests(seed: int, rounds: int) -> Iterator[Event]:
    """Once all are linked; before that, they are records like all others."""
    chance = random.Random(f"{seed}/guests")  # noqa: S311 - a simulation, not a secret
    round_, pick = chance.randrange(1, rounds), chance.random()
    deeds = chance.choice((("guest",), ("guest", "edit"), ("guest", "edit", "edit"), ("guest", "guest", "edit")))
    for kind in deeds:
        by, what = (pick, "") if kind == "guest" else (chance.random(), "neighbour")
        yield Event(0, kind, round_, 0, "pause", pick=by, which=chance.random(), what=what)


def last_read(seed: int) -> str:
    """The entity whose system cannot be read at first."""
    return random.Random(f"{seed}/late").choice(sorted(CIRCLE))  # noqa: S311 - a simulation, not a secret


def _read_late(seed: int, rounds: int) -> Event:
    system, _, _ = last_read(seed).partition(".")
    end = random.Random(f"{seed}/until").randint(1, rounds)  # noqa: S311 - a simulation, not a secret
    return Event(0, "upheaval", end, 0, "round", what=LATE, options={"system": system})


def _undone(seed: int, rounds: int) -> Event:
    chance = random.Random(f"{seed}/undone")  # noqa: S311 - a simulation, not a secret
    return Event(0, "undo", rounds - 1, 0, chance.choice(("pause", "end", "end")), pick=chance.random())


def _decisions(seed: int, rounds: int) -> Iterator[Event]:
    chance = random.Random(f"{seed}/decisions")  # noqa: S311 - a simulation, not a secret
    for what in chance.choice(_DECISIONS):
        of, round_ = chance.choice(("pause", "pause", "end")), chance.randrange(1, rounds)
        yield Event(0, "decide", round_, 0, of, pick=chance.random(), what=what)


def _turns(seed: int, rounds: int) -> list[Event]:
    chance = random.Random(f"{seed}/turns")  # noqa: S311 - a simulation, not a secret
    scenes = chance.choices(list(TURNED), [often for _, often in TURNED.values()], k=chance.choice((1, 1, 2, 3)))
    events = [event for name in scenes for event in scene(TURNED[name][0], rounds, chance)]
    if rounds > 1 and chance.random() < _ROW_AWAY:
        begin = chance.randrange(rounds)
        end, which = chance.randint(begin + 1, rounds), {"which": chance.random()}
        events.append(Event(0, "upheaval", end, begin, "round", what=ROW_AWAY, options=which))
    return events


def _opened(seed: int, rounds: int) -> list[Event]:
    chance = random.Random(f"{seed}/opened")  # noqa: S311 - a simulation, not a secret
    scenes = chance.sample(list(OPENED), chance.choice((1, 1, 2)))
    return [event for name in scenes for event in scene(OPENED[name], rounds, chance)]


def _renamed(seed: int, part: Topology, rounds: int) -> list[Event]:
    """It is edited on the way: before the first round that knows it by the other name, or the first that no longer does."""
    chance = random.Random(f"{seed}/renamed")  # noqa: S311 - a simulation, not a secret
    found = ways(part)
    if not found:
        return []
    name, renaming = chance.choice(found)
    begin = chance.randrange(rounds)
    end = chance.randint(begin + 1, rounds)
    called = Event(0, "upheaval", end, begin, "round", what=RENAMED, options=asdict(renaming))
    moments = [chance.choice((begin, min(end, rounds - 1))) for _ in range(chance.choice((0, 1, 1, 2)))]
    edits = [
        Event(0, "edit", round_, 0, "pause", pick=chance.random(), what="field", options={"field": name})
        for round_ in moments
        if name in part.editable
    ]
    return [called, *edits]


def _refusals(seed: int, part: Topology, rounds: int) -> Iterator[Event]:
    """What is refused, and what people do to it."""
    chance = random.Random(f"{seed}/refusals")  # noqa: S311 - a simulation, not a secret
    for _ in range(chance.choice((1, 1, 2))):
        begin = chance.randrange(rounds)
        options = {"system": chance.choice(sorted(part.systems)), "which": chance.random(), "status": chance.choice(_REFUSALS)}
        options["retried"] = chance.random() < _RETRIED
        yield Event(0, "upheaval", chance.randint(begin + 1, rounds), begin, "round", what=REFUSED, options=options)
        for _ in range(chance.choice((1, 2, 2))):
            for event in scene(chance.choice(ABOUT_REFUSED), rounds, chance):
                yield replace(event, round=min(max(event.round, begin), rounds - 1))


def _upheavals(seed: int, part: Topology, rounds: int) -> Iterator[Event]:
    """Of a stream of their own. Each begins before the round `at` and ends before a later one, or before all becomes calm."""
    chance = random.Random(f"{seed}/upheaval")  # noqa: S311 - a simulation, not a secret
    first = chance.choice(_UPHEAVALS)
    others = [what for what in OF_SPECS if what != first]
    for what in (first, *chance.sample(others, chance.choice((0, 0, 1)))):
        begin = chance.randrange(rounds)
        options = {"system": chance.choice(sorted(part.systems)), "which": chance.random()}
        yield Event(0, "upheaval", chance.randint(begin + 1, rounds), begin, "round", what=what, options=options)
