"""Rows of documents that say more than that two properties are equal: what a property depends on, and words of its own."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from talk_assets.simulate.events import Event, scene
from talk_assets.simulate.incidents import DEPENDENT
from talk_assets.simulate.topology import Topology, catalog_of, cut
from talk_assets.specs.dataflow import DataflowSpec, MappingSpec, PropertyRow
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


Wording = tuple[Dependent, ...]


def worded(topology: Topology, wording: Wording) -> Topology:
    """The same mappings, with rows that say this."""
    names = frozenset(one.name for one in topology.model.mappings)
    return cut(topology.specs, *_compiled(topology.specs, wording), names)


@cache
def _compiled(specs: Path, wording: Wording) -> tuple[Model, Mapping[str, SystemSpec]]:
    catalog = catalog_of(specs)
    dataflows = tuple(replace(one, spec=_dataflow(one.spec, wording)) for one in catalog.dataflows)
    resolved = resolve(replace(catalog, dataflows=dataflows))
    return compile_model(resolved), resolved.catalog.system_specs


def _dataflow(spec: DataflowSpec, wording: Wording) -> DataflowSpec:
    return spec.model_copy(update={"mappings": tuple(_mapping(one, spec, wording) for one in spec.mappings)})


def _mapping(mapping: MappingSpec, spec: DataflowSpec, wording: Wording) -> MappingSpec:
    rows = mapping.properties
    for side, entity in (("source", f"{spec.source}.{mapping.source}"), ("target", f"{spec.target}.{mapping.target}")):
        for said in wording:
            if said.entity == entity:
                rows = tuple(said.row(row, side) for row in rows)
    return mapping.model_copy(update={"properties": rows})


def dependent(seed: int, part: Topology) -> Wording:
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


def depending(topology: Topology, events: Sequence[Event]) -> frozenset[str]:
    """Fields in which the words of some records do not always count: once they do, they are first words."""
    said = [one for event in events if event.what == REWORDED for one in event.options["wording"]]
    places = {(one.entity, one.path) for one in said}
    places |= {(key, path) for key, entity in topology.model.entities.items() for path in entity.depends}
    return frozenset(name for name, held in topology.plain.items() if places & {*held.items()})
