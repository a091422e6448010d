"""The part of the real specs that one schedule plays with: some mappings that hang together, and the systems they touch."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import polars as pl

from talk_assets.specs.catalog import Catalog, load_catalog
from talk_assets.specs.property import Property
from talk_assets.specs.resolve import resolve
from talk_assets.specs.system import SystemSpec
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.meaning.formula import Formula
from talk_assets.sync.meaning.model import MappingModel, Model

_SUBJECTS: Mapping[tuple[str, ...], int] = {
    ("customer",): 12,
    ("product",): 5,
    ("employee",): 3,
    ("person",): 3,
    ("activity",): 2,
    ("customer", "contact"): 1,
    ("customer", "project"): 2,
}
"""Subjects whose mappings are played together, and how often, compared with each other."""
_REFERRING: Mapping[tuple[str, ...], int] = {
    ("customer",): 3,
    ("employee",): 3,
    ("person",): 5,
    ("customer", "contact"): 2,
    ("customer", "project"): 5,
    ("employee", "project"): 2,
}
"""As `_SUBJECTS`, where what refers and what holds several things in one text is to be played."""
Words = Mapping[tuple[str, str], Mapping[str, str]]
CIRCLE = frozenset({"poweroffice_go.customers", "custom_pms.customer", "custom_erp.customer"})
_BESIDE = "invoiced.customers_company"
_WHOLE = 0.03
_GROWING = 0.35


@dataclass(frozen=True)
class Condition:
    """What a record must hold for a mapping to make a counterpart of it."""

    source: str
    target: str
    path: str
    value: str

    @property
    def when(self) -> str:
        return f"{self.path} = {self.value}" if self.value in ("true", "false") else f"{self.path} = '{self.value}'"


@dataclass(frozen=True)
class Topology:
    specs: Path
    """Where they were read."""
    model: Model
    systems: Mapping[str, SystemSpec]
    conditions: tuple[Condition, ...] = ()
    """Of mappings that have one by which somebody can do something."""
    words: Words = field(default_factory=dict)
    """By entity and property, where it has words of its own: what they mean in those of the others."""

    @cached_property
    def plain(self) -> Mapping[str, Mapping[str, str]]:
        """By field: the property that holds it, by entity, where one property is one field."""
        found: dict[str, dict[str, str]] = {}
        for key in self.model.entities:
            for path, projection in self.model.projections(key).items():
                if len(projection.fields) == 1:
                    found.setdefault(projection.fields[0], {})[key] = path
        return found

    def called(self, field: str) -> str:
        """What a field is called by these specs that others call after one of its properties."""
        return self._by_property.get(field, field)

    @cached_property
    def _by_property(self) -> Mapping[str, str]:
        return {f"{key}.{path}": field for field, places in self.plain.items() for key, path in places.items()}

    def prop(self, field: str) -> Property:
        """What kind of value a field has, as its first property has it."""
        key, path = next(iter(self.plain[field].items()))
        return self.model.entities[key].prop(path)

    @cached_property
    def keys(self) -> frozenset[str]:
        """Fields by which things are known again."""
        paths = {
            (entity, path)
            for match in self.model.matches
            for entity, ends in ((match.source, 0), (match.target, 1))
            for path in (pair[ends] for pair in match.pairs)
        }
        return frozenset(field for field, places in self.plain.items() if paths & set(places.items()))

    @cached_property
    def editable(self) -> tuple[str, ...]:
        """Fields into which a person can write a text of their own."""
        return tuple(field for field in self.plain if self._takes_text(field))

    def _takes_text(self, field: str) -> bool:
        if self.model.fields[field].references:
            return False
        return all(
            (prop := self.model.entities[key].prop(path)).type == "string"
            and prop.format in (None, "email", "url")
            and prop.access == "read_write"
            and not prop.values
            for key, path in self.plain[field].items()
        ) and not field.endswith((".code", ".Code", ".number", ".gtin"))


@cache
def catalog_of(specs: Path) -> Catalog:
    return load_catalog(specs)


@cache
def _whole(specs: Path) -> tuple[Model, Mapping[str, SystemSpec]]:
    resolved = resolve(catalog_of(specs))
    return compile_model(resolved), resolved.catalog.system_specs


def is_playable(specs: Path) -> bool:
    """Whether these specs have the things that schedules are drawn from."""
    model, _ = _whole(specs)
    return {name for names in _SUBJECTS for name in names} <= {mapping.subject for mapping in model.mappings}


def drawn(specs: Path, chance: random.Random, *, grows: bool, refers: bool = False) -> Topology:
    """Swarm: one mapping, or a few that hang together, often with the circle of the customers, sometimes whole subjects. Where
    records are to refer to others, mappings of several subjects lie between the same systems.
    """
    model, _ = _whole(specs)
    often = _REFERRING if refers else _SUBJECTS
    subjects = chance.choices(list(often), list(often.values()))[0]
    if chance.random() < _WHOLE and grows:
        return topology(specs, frozenset(subjects))
    chosen: set[str] = set()
    for subject in subjects:
        mappings = [mapping for mapping in model.mappings if mapping.subject == subject]
        circle = [mapping for mapping in mappings if {mapping.source, mapping.target} <= CIRCLE]
        near = [mapping for mapping in mappings if refers and _between(mapping) in {*map(_between, _named(model, chosen))}]
        first = [chance.choice(near or mappings)]
        if grows:
            chosen |= _grown(circle if circle and chance.random() < 0.5 else first, mappings, chance)
        else:
            chosen.add(first[0].name)
    return _cut(specs, frozenset(chosen))


def _named(model: Model, names: Collection[str]) -> list[MappingModel]:
    return [mapping for mapping in model.mappings if mapping.name in names]


def _between(mapping: MappingModel) -> frozenset[str]:
    """The systems of a mapping."""
    return frozenset(key.partition(".")[0] for key in (mapping.source, mapping.target))


def _grown(chosen: list[MappingModel], mappings: list[MappingModel], chance: random.Random) -> set[str]:
    """With some of the mappings that touch what is chosen."""
    names = {mapping.name for mapping in chosen}
    for _ in range(2):
        entities = {key for mapping in mappings if mapping.name in names for key in (mapping.source, mapping.target)}
        near = [one.name for one in mappings if one.name not in names and {one.source, one.target} & entities]
        names |= {name for name in near if chance.random() < _GROWING}
    return names


def topology(specs: Path, subjects: frozenset[str]) -> Topology:
    """The real specs, without the entities of other subjects."""
    model, _ = _whole(specs)
    return _cut(specs, frozenset(mapping.name for mapping in model.mappings if mapping.subject in subjects))


def around(specs: Path) -> Topology:
    """The circle of the customers, and what lies beside it."""
    model, _ = _whole(specs)
    return _cut(specs, frozenset(one.name for one in model.mappings if {one.source, one.target} <= {*CIRCLE, _BESIDE}))


def without(whole: Topology, name: str) -> Topology:
    """The same without one mapping, and without the fields that nothing else keeps equal."""
    model = whole.model
    mappings = tuple(mapping for mapping in model.mappings if mapping.name != name)
    touched = {key for mapping in mappings for key in (mapping.source, mapping.target)}
    entities = {key: entity for key, entity in model.entities.items() if key in touched}
    part = replace(model, entities=entities, mappings=mappings, signature=f"{model.signature} without {name}")
    used = {entity.system for entity in entities.values()}
    return Topology(whole.specs, part, {key: spec for key, spec in whole.systems.items() if key in used})


def with_less(whole: Topology, which: float) -> Topology:
    """The same, where one entity has no say in one of its fields, and is told nothing of it, as if documents had lost a row."""
    model = whole.model
    shared = [
        (name, key) for name, places in whole.plain.items() if len(places) > 1 and name not in whole.keys for key in places
    ]
    if not shared:
        return whole
    name, key = shared[int(which * len(shared))]
    path, entity = whole.plain[name][key], model.entities[key]
    less = replace(entity, contributions=tuple(one for one in entity.contributions if one.field != name))
    mappings = tuple(
        replace(one, projections={**one.projections, key: tuple(p for p in one.projections[key] if p.path != path)})
        if key in one.projections
        else one
        for one in model.mappings
    )
    signature = f"{model.signature} without {path} of {key}"
    return replace(whole, model=replace(model, entities={**model.entities, key: less}, mappings=mappings, signature=signature))


def narrowed(whole: Topology, name: str) -> Topology:
    """The same, where one mapping makes records of some of its source's records only, if it had no condition."""
    model = whole.model
    mappings = tuple(replace(one, when=_SOME) if one.name == name and one.when is None else one for one in model.mappings)
    return replace(whole, model=replace(model, mappings=mappings, signature=f"{model.signature} with less of {name}"))


def is_narrowed(mapping: MappingModel) -> bool:
    return mapping.when is _SOME


def is_lucky(id_: str) -> bool:
    """Whether the condition of a mapping that is narrowed holds for a source record."""
    return id_[-1:] in _LUCKY


_LUCKY = frozenset(map(chr, range(0, 128, 2)))
"""Half of what an id may end with."""
_SOME = Formula(pl.col("#id").str.tail(1).is_in(sorted(_LUCKY)).cast(pl.String))


@cache
def _cut(specs: Path, names: frozenset[str]) -> Topology:
    return cut(specs, *_whole(specs), names)


def cut(specs: Path, model: Model, systems: Mapping[str, SystemSpec], names: frozenset[str]) -> Topology:
    """Of a model of some specs, these mappings and what they touch."""
    mappings = tuple(mapping for mapping in model.mappings if mapping.name in names)
    touched = {key for mapping in mappings for key in (mapping.source, mapping.target)}
    entities = {key: entity for key, entity in model.entities.items() if key in touched}
    said = {contribution.field for entity in entities.values() for contribution in entity.contributions}
    fields = {name: field for name, field in model.fields.items() if name in said}
    used = {entity.system for entity in entities.values()}
    part = replace(model, entities=entities, fields=fields, mappings=mappings)
    return Topology(specs, part, {name: spec for name, spec in systems.items() if name in used})
