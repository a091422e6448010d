"""Rows of documents that say more than that two properties are equal: what a property depends on, and words of its own."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations
from pathlib import Path

from talk_assets.simulate.events import Event, scene
from talk_assets.simulate.incidents import CONDITIONED, DEPENDENT, SPOKEN
from talk_assets.simulate.topology import Condition, Topology, catalog_of, cut
from talk_assets.specs.dataflow import DataflowSpec, MappingSpec, PropertyRow, WhenCondition
from talk_assets.specs.property import Property
from talk_assets.specs.resolve import resolve
from talk_assets.specs.system import SystemSpec
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.meaning.model import EntityModel, Model

REWORDED = "rows that say something else"
_STANDS = 0.6
"""How often rows say the same in all rounds."""


@dataclass(frozen=True)
class Dependent:
    """A property that counts only while its record holds something else."""

    entity: str
    path: str
    on: str
    value: str

    def cell(self, path: str) -> str:
        return f"{path} (Dependant on having {self.value} in {self.on})" if path == self.path else path

    def row(self, row: PropertyRow, side: str) -> PropertyRow:
        cell = getattr(row, side)
        return row.model_copy(update={side: tuple(map(self.cell, cell)) if isinstance(cell, tuple) else self.cell(cell)})


@dataclass(frozen=True)
class Words:
    """A property that has words of its own for what others say."""

    entity: str
    path: str
    pairs: tuple[tuple[str, str], ...]
    """What the others say, and what it says."""

    def row(self, row: PropertyRow, side: str) -> PropertyRow:
        if getattr(row, side) != self.path:
            return row
        return row.model_copy(
            update={"values": {own: said for said, own in self.pairs} if side == "source" else dict(self.pairs)}
        )


Wording = tuple[Dependent | Words | Condition, ...]


def worded(topology: Topology, wording: Wording) -> Topology:
    """The same mappings, with rows that say this."""
    names = frozenset(one.name for one in topology.model.mappings)
    words = {(one.entity, one.path): {own: said for said, own in one.pairs} for one in wording if isinstance(one, Words)}
    conditions = tuple(one for one in wording if isinstance(one, Condition))
    said = cut(topology.specs, *_compiled(topology.specs, wording), names)
    return replace(said, words=words, conditions=conditions)


@cache
def _compiled(specs: Path, wording: Wording) -> tuple[Model, Mapping[str, SystemSpec]]:
    catalog = catalog_of(specs)
    dataflows = tuple(replace(one, spec=_dataflow(one.spec, wording)) for one in catalog.dataflows)
    resolved = resolve(replace(catalog, dataflows=dataflows))
    return compile_model(resolved), resolved.catalog.system_specs


def _dataflow(spec: DataflowSpec, wording: Wording) -> DataflowSpec:
    return spec.model_copy(update={"mappings": tuple(_mapping(one, spec, wording) for one in spec.mappings)})


def _mapping(mapping: MappingSpec, spec: DataflowSpec, wording: Wording) -> MappingSpec:
    rows, create = mapping.properties, mapping.create
    ends = {"source": f"{spec.source}.{mapping.source}", "target": f"{spec.target}.{mapping.target}"}
    for said in wording:
        if isinstance(said, Condition):
            is_meant = (said.source, said.target) == (ends["source"], ends["target"])
            create = WhenCondition(when=said.when) if is_meant else create
            continue
        for side, entity in ends.items():
            if said.entity == entity:
                rows = tuple(said.row(row, side) for row in rows)
    return mapping.model_copy(update={"properties": rows, "create": create})


def dependent(seed: int, part: Topology) -> tuple[Dependent, ...]:
    """Of a few texts: while what else they count."""
    chance = random.Random(f"{seed}/dependent")  # noqa: S311 - a simulation, not a secret
    ways = list(_ways(part, chance))
    found: dict[tuple[str, str], Dependent] = {}
    for way in chance.sample(ways, min(len(ways), chance.choice((1, 1, 2, 3)))):
        found.setdefault((way.entity, way.path), way)
    return tuple(found.values())


def _ways(part: Topology, chance: random.Random) -> Iterator[Dependent]:
    for field in part.editable:
        places = part.plain[field]
        for key, path in places.items() if len(places) > 1 and field not in part.keys else ():
            prop = part.model.entities[key].prop(path)
            if prop.required or prop.aliases or any(part in path.lower() for part in _WHOLE):
                continue
            for on, value in _conditions(part.model.entities[key], chance):
                yield Dependent(key, path, on, value)


def _conditions(entity: EntityModel, chance: random.Random) -> Iterator[tuple[str, str]]:
    """What a property may depend on. Not what a person tells of a record in passing."""
    for path, prop in entity.spec.properties.items():
        if prop.access == "read_write" and not prop.aliases and path not in entity.spec.where:
            if prop.format == "country_code":
                yield path, chance.choice(("NO", "NO", "SE"))
            elif path.lower() in _FLAGS:
                yield path, chance.choice(("true", "false"))


_WHOLE = ("city", "zip", "postal")
"""Without which some systems take no address."""
_FLAGS = ("archived", "isarchived", "active", "completed", "isvatfree")


def rewordings(seed: int, part: Topology, rounds: int) -> Iterator[Event]:
    """What people do to what counts sometimes only, and rows that say something else for some rounds."""
    chance = random.Random(f"{seed}/rewordings")  # noqa: S311 - a simulation, not a secret
    wording = dependent(seed, part)
    fields = [name for name, places in part.plain.items() for one in wording if places.get(one.entity) == one.path]
    if not fields:
        return
    if chance.random() >= _STANDS:
        begin = chance.randrange(rounds)
        other = tuple(one for one in wording[1:] if chance.random() < 0.5)
        options = {"wording": other}
        yield Event(0, "upheaval", chance.randint(begin + 1, rounds), begin, "round", what=REWORDED, options=options)
    for _ in range(chance.choice((1, 2, 2, 3))):
        for event in scene(chance.choice(DEPENDENT), rounds, chance):
            is_field = event.kind == "edit" and event.what == "field"
            yield replace(event, options={"field": chance.choice(fields)}) if is_field else event


def spoken(seed: int, part: Topology) -> tuple[Words, ...]:
    """Of a value that is one of a few: what it is called in one place."""
    chance = random.Random(f"{seed}/spoken")  # noqa: S311 - a simulation, not a secret
    ways = [
        (key, path, kind)
        for places in part.plain.values()
        for key, path in places.items()
        if len(places) > 1 and (kind := _kind(part.model.entities[key].prop(path)))
    ]
    return (_words(*chance.choice(ways), chance),) if ways else ()


def _words(key: str, path: str, kind: str, chance: random.Random) -> Words:
    said = VALUES[kind]
    others = [own for own in permutations(said) if own != said]
    return Words(key, path, tuple(zip(said, chance.choice(others), strict=True)))


def _kind(prop: Property) -> str:
    if prop.access != "read_write" or prop.aliases:
        return ""
    return "boolean" if prop.type == "boolean" else "country" if prop.format == "country_code" else ""


VALUES: Mapping[str, tuple[str, ...]] = {"boolean": ("false", "true"), "country": ("NO", "SE", "DK")}


def respoken(seed: int, part: Topology, rounds: int) -> Iterator[Event]:
    """What people say in these words, and other words for some rounds."""
    chance = random.Random(f"{seed}/respoken")  # noqa: S311 - a simulation, not a secret
    for one in spoken(seed, part):
        places = part.model.entities[one.entity]
        kind = _kind(places.prop(one.path))
        field = next(name for name, held in part.plain.items() if held.get(one.entity) == one.path)
        begin = chance.randrange(rounds)
        end = chance.randint(begin + 1, rounds)
        if chance.random() < _STANDS:
            other = () if chance.random() < 0.5 or kind == "boolean" else (_words(one.entity, one.path, kind, chance),)
            yield Event(0, "upheaval", end, begin, "round", what=REWORDED, options={"wording": other})
        for _ in range(chance.choice((1, 2, 2, 3))):
            events = list(scene(chance.choice(SPOKEN), rounds, chance))
            first, start = min(event.round for event in events), chance.choice((begin, end)) - chance.choice((0, 1))
            for event in events:
                options = {"field": field} if event.what == "spoken" else {}
                yield replace(event, round=min(max(event.round - first + start, 0), rounds - 1), options=options)


def conditioned(seed: int, part: Topology) -> tuple[Condition, ...]:
    """Of some of the mappings that make records: of which."""
    chance = random.Random(f"{seed}/conditioned")  # noqa: S311 - a simulation, not a secret
    return tuple(_on_condition(part, chance))


def _on_condition(part: Topology, chance: random.Random) -> Iterator[Condition]:
    making = [one for one in part.model.mappings if one.creates and one.when is None and not one.connected]
    for one in chance.sample(making, min(len(making), chance.choice((1, 1, 2)))):
        if ways := list(_conditions(part.model.entities[one.source], chance)):
            yield Condition(one.source, one.target, *chance.choice(ways))


def reconditioned(seed: int, part: Topology, rounds: int) -> Iterator[Event]:
    """What people do to what conditions are about, and other conditions for some rounds."""
    chance = random.Random(f"{seed}/reconditioned")  # noqa: S311 - a simulation, not a secret
    if not part.conditions:
        return
    if chance.random() >= _STANDS:
        begin = chance.randrange(rounds)
        other = chance.choice((part.conditions[1:], tuple(_on_condition(part, chance))))
        options = {"wording": other}
        yield Event(0, "upheaval", chance.randint(begin + 1, rounds), begin, "round", what=REWORDED, options=options)
    for _ in range(chance.choice((1, 2, 2, 3))):
        yield from scene(chance.choice(CONDITIONED), rounds, chance)


def depending(topology: Topology, events: Sequence[Event]) -> frozenset[str]:
    """Fields in which the words of some records do not always count: once they do, they are first words."""
    said = [one for event in events if event.what == REWORDED for one in event.options["wording"] if isinstance(one, Dependent)]
    places = {(one.entity, one.path) for one in said}
    places |= {(key, path) for key, entity in topology.model.entities.items() for path in entity.depends}
    return frozenset(name for name, held in topology.plain.items() if places & {*held.items()})
