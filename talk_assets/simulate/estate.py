"""The five systems in this process, what they hold from the start, and what people do in them."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from talk_assets.sandbox.faults import Fault
from talk_assets.sandbox.poweroffice.app import PowerOffice
from talk_assets.sandbox.serve import PORTS, Front, systems
from talk_assets.sandbox.store import Stored, value_at
from talk_assets.sandbox.system import Mistake, System
from talk_assets.simulate.documents import FEWER, MORE
from talk_assets.simulate.events import Event
from talk_assets.simulate.ports import Meddle, Time, Wire
from talk_assets.simulate.schedule import Schedule, Thing
from talk_assets.simulate.topology import Condition, Topology, Words
from talk_assets.specs.property import Property
from talk_assets.sync.meaning.model import MatchModel
from talk_assets.systems.calling.address import Base

_TOKEN = re.compile(r"(?i)\bt(\d+)[.-](\d+)\b")


@dataclass(frozen=True)
class Token:
    """What every value of a simulation tells: whose it is, and which edit put it there."""

    thing: int
    edit: int


def token_of(value: Any) -> Token | None:
    found = _TOKEN.search(value) if isinstance(value, str) else None
    return Token(int(found[1]), int(found[2])) if found else None


def tokens_in(text: str) -> Iterator[Token]:
    return (Token(int(thing), int(edit)) for thing, edit in _TOKEN.findall(text))


@dataclass(frozen=True)
class Place:
    """A record that exists, as its API shows it."""

    entity: str
    id: str
    body: Mapping[str, Any]
    changed: int

    @property
    def thing(self) -> int | None:
        return next((token.thing for token in tokens_in(json.dumps(self.body))), None)

    def value(self, path: str) -> Any:
        return value_at(self.body, path)


def key_of(place: Place, match: MatchModel) -> tuple[Any, ...] | None:
    """By what a rule knows a record again."""
    end = 0 if place.entity == match.source else 1
    values = tuple(plain(place.value(pair[end])) for pair in match.pairs)
    return None if None in values else values


def plain(value: Any) -> Any:
    """Equal where a system's habits make no difference."""
    if isinstance(value, str):
        return value.strip().casefold() or None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def counts(topology: Topology, place: Place, path: str) -> bool:
    """Whether a property counts in a record, by what that holds now."""
    depends = topology.model.entities[place.entity].depends.get(path, ())
    return all(as_word(place.value(one.path)) == one.value for one in depends)


def is_on(condition: Condition, place: Place) -> bool:
    """Whether a mapping would make a counterpart of a record."""
    return place.entity == condition.source and as_word(place.value(condition.path)) == condition.value


def as_word(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def in_words(words: Words, place: Place, path: str, value: Any) -> Any:
    """What a record says, as the others call it."""
    return words.get((place.entity, path), {}).get(as_word(value), as_word(value))


class Estate:
    def __init__(self, schedule: Schedule, quirks: Sequence[Event], time: Time, meddle: Meddle) -> None:
        self.schedule = schedule
        self.topology = schedule.topology
        self._time = time
        every = systems(time.of_systems, schedule.seed, 0, rate_limits=False)
        self.systems: Mapping[str, System] = {name: every[name] for name in self.topology.systems}
        self.variables: dict[str, str] = {}
        self._wires: dict[int, tuple[Front, int]] = {}
        self._meddle = meddle
        for name, system in self.systems.items():
            self.variables |= system.variables(f"http://127.0.0.1:{PORTS[name]}")
            self._wires[PORTS[name]] = Front(system), PORTS[name]
            if isinstance(system, PowerOffice):
                system.v1_port = PORTS["poweroffice_go_v1"]
                self._wires[system.v1_port] = self._wires[PORTS[name]][0], system.v1_port
                self.variables["POWEROFFICE_GO_V1_URL"] = f"http://127.0.0.1:{system.v1_port}"
        self.born: dict[tuple[str, str], int] = {}
        """Records that people made, and for which thing."""
        for place in self.live():
            self.erase(place)
        self._beyond = self.beyond()
        self._is_listed = False
        self._hiding: list[Callable[[], None]] = []
        self.habits = {event.number: words for event in quirks if (words := self._take_on(event))}
        """By event: what is odd about a system."""
        for thing in schedule.things:
            self._start(thing)
        # Old enough to be seen by every reader, however far behind it is. Simulated time: nobody waits.
        self._time.sleep(3600)

    def wire(self, base: Base, _certificates: str | None) -> Wire:
        app, port = self._wires[int(base.url.rpartition(":")[2].partition("/")[0])]
        return Wire(app, port, self._meddle)

    def _take_on(self, event: Event) -> str:
        """A system is odd in this way from the start; nothing where the oddity has nothing to bear on."""
        options = dict(event.options)
        name = options.pop("system")
        words = f"{name}: {event.what} {options}"
        match event.what:
            case "shrink" if self.schedule.upheavals & {"two engines", "hub restored", "mapping away", FEWER, MORE}:
                # An engine that looks for the first time later on could not know.
                return ""
            case "shrink":
                self.hide(name, Fault(event.what, operation="list", options=options))
            case "normalise":
                places = [
                    (entity, path)
                    for key, path in self.topology.plain[options["field"]].items()
                    for system, entity in [key.split(".", 1)]
                    if system == name
                ]
                for entity, path in places:
                    collection = self.systems[name].entity(entity).collection
                    rule = {"property": path, "rule": options["rule"]}
                    self.systems[name].faults.add(Fault("normalise", collection, options=rule))
                return words if places else ""
            case _:
                self.systems[name].faults.add(Fault(event.what, options=options))
        return words

    def hide(self, name: str, fault: Fault) -> Callable[[], None]:
        """The lists of a system hide rows, once all was listed: of what never was, nobody could know that it is hidden. Gives
        what ends it.
        """
        faults = self.systems[name].faults
        numbers: list[int] = []

        def begin() -> None:
            numbers.append(faults.add(fault))

        def end() -> None:
            if begin in self._hiding:
                self._hiding.remove(begin)
            for number in numbers:
                faults.remove(number)

        if self._is_listed:
            begin()
        else:
            self._hiding.append(begin)
        return end

    def note_listed(self) -> None:
        """The engine has seen all that is there."""
        self._is_listed = True
        while self._hiding:
            self._hiding.pop()()

    def ticks(self) -> int:
        return self._time.of_systems.ticks()

    def calm(self) -> None:
        """What lags catches up; clocks stay wrong and habits stay habits."""
        for system in self.systems.values():
            for row in system.faults.rows():
                if row["kind"] in ("lag", "shrink"):
                    system.faults.remove(row["id"])

    # What is there

    def beyond(self) -> dict[str, str]:
        """By collection: what it holds, of those that no entity of this schedule shows; nobody has any business there."""
        played = {key.partition(".")[::2] for key in self.topology.model.entities}
        near = {(name, self.systems[name].entity(entity).collection) for name, entity in played}
        return {
            f"{name}.{collection}": repr([(stored.id, stored.body) for stored in kept.view().scan()])
            for name, system in self.systems.items()
            for collection, kept in system.collections.items()
            if (name, collection) not in near
        }

    def trespassed(self) -> list[str]:
        """Collections outside of the schedule that have changed."""
        return [name for name, told in self.beyond().items() if told != self._beyond[name]]

    def live(self, system: str | None = None) -> list[Place]:
        """All records of the entities that are played with, in a fixed order."""
        found = []
        for key in self.topology.model.entities:
            name, _, entity = key.partition(".")
            if system in (None, name):
                found += self._of(key, name, entity)
        return found

    def _of(self, key: str, name: str, entity: str) -> list[Place]:
        system = self.systems[name]
        known = system.entity(entity)
        return [
            Place(key, stored.id, self._shown(system, known.collection, stored), stored.changed)
            for stored in system.collections[known.collection].view().scan()
            if known.holds is None or known.holds(stored.body)
        ]

    @staticmethod
    def _shown(system: System, collection: str, stored: Stored) -> Mapping[str, Any]:
        return system.shown(collection, stored)

    def is_unstamped(self, entity: str, path: str) -> bool:
        """Whether edits of a property do not count as changes of its record."""
        cursor = self.topology.model.entities[entity].spec.list.cursor
        return cursor is not None and path in cursor.misses

    # What people do

    def edit(self, place: Place, path: str, value: Any) -> bool:
        name, _, entity = place.entity.partition(".")
        try:
            self.systems[name].edit(entity, place.id, {path: value})
        except Mistake:
            return False
        return True

    def erase(self, place: Place) -> bool:
        name, _, entity = place.entity.partition(".")
        try:
            self.systems[name].erase(entity, place.id)
        except Mistake:
            return False
        return True

    def create(self, thing: Thing, key: str, edit: int, chance: random.Random) -> Place | None:
        """A record that a person makes; None where the system does not take it."""
        name, _, entity = key.partition(".")
        before = {place.id for place in self._of(key, name, entity)}
        values = self._values(thing, key, edit, chance)
        try:
            self.systems[name].add(entity, values)
        except Mistake:
            return None
        made = next((place for place in self._of(key, name, entity) if place.id not in before), None)
        if made:
            self.born[key, made.id] = thing.number
        return made

    def _start(self, thing: Thing) -> None:
        chance = random.Random(f"{self.schedule.seed}/thing/{thing.number}")  # noqa: S311 - a simulation, not a secret
        for place, key in enumerate(thing.entities):
            self.create(thing, key, place, chance)
            # Some are older than what lists of changes are asked for again.
            self._time.sleep(chance.choice((3, 3, 4_000)))

    def _values(self, thing: Thing, key: str, edit: int, chance: random.Random) -> dict[str, Any]:
        model = self.topology.model
        entity = model.entities[key]
        values: dict[str, Any] = {}
        for path, projection in model.projections(key).items():
            prop = entity.prop(path)
            if prop.access not in ("read_write", "create_only"):
                continue
            named = projection.fields[0]
            required = prop.required or path in ("name", "Name")
            draws = chance.random(), chance.random()
            if model.fields[named].references:
                if (found := self._referred(entity.references(path), draws[0])) and (required or draws[1] < 0.7):
                    values[path] = int(found) if prop.type == "integer" else found
            elif named in self.topology.keys and not required and _hides(thing, key, prop):
                continue
            elif named in self.topology.keys or required or is_address(prop, path):
                values[path] = made(prop, path, thing.number, 0 if edit < 100 else edit)
            elif draws[0] > 0.15:
                values[path] = made(prop, path, thing.number, edit if draws[1] < 0.3 or edit >= 100 else 0)
        for (place, path), meaning in self.topology.words.items():
            if place == key:
                usual = "NO" if "NO" in meaning else "false"
                own = next(own for own, said in meaning.items() if said == usual)
                values[path] = own == "true" if usual == "false" else own
        return {path: value for path, value in values.items() if value is not None}

    def _referred(self, entities: tuple[str, ...], draw: float) -> str | None:
        there = [place.id for place in self.live() if place.entity in entities]
        return there[int(draw * len(there))] if there else None


def _hides(thing: Thing, key: str, prop: Property) -> bool:
    """Whether a record of a thing lacks what it could be known by."""
    if not thing.is_known_again or thing.through in ("", key):
        return not thing.is_known_again
    others = [entity for entity in thing.entities if entity != thing.through]
    return prop.format != ("organisation_number", "email")[others.index(key) % 2] if key in others else False


def is_address(prop: Property, path: str) -> bool:
    """Parts without which a Norwegian address is none."""
    return prop.format in ("postal_code", "country_code") or "city" in path.lower() or "address" in path.lower()


def made(prop: Property, path: str, thing: int, edit: int) -> Any:  # noqa: PLR0911 - one line per kind
    """A value of a property's kind that tells where it is from, as far as its kind has room for that."""
    text = f"t{thing}.{edit}"
    match prop.format, prop.type:
        case "email", _:
            return f"{text}@sim.no"
        case "url", _:
            return f"https://{text}.no"
        case "organisation_number", _:
            return str(900_000_000 + thing * 1_000 + edit)
        case "phone", _:
            return str(40_000_000 + thing * 1_000 + edit)
        case "postal_code", _:
            return f"{1_000 + (thing * 100 + edit) % 8_999}"
        case "country_code", _:
            return "NO"
        case _, "decimal":
            return 10 + edit % 90 + 0.5
        case _, "date":
            return f"2026-{1 + edit % 12:02d}-{1 + thing % 27:02d}"
        case _, "string" if not prop.format and not prop.values:
            name = path.rpartition(".")[2][:8]
            # PowerOffice takes a dot in a project's code for that of a sub-project.
            return f"T{thing}{'-' if name.lower() == 'code' else '.'}{edit} {name}"
        case _:
            return None
