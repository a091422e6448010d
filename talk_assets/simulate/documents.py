"""Documents that change between two rounds: called otherwise, in another order, with more mappings or fewer."""

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import count, pairwise
from pathlib import Path

from talk_assets.simulate.events import Event, scene
from talk_assets.simulate.incidents import REFILED
from talk_assets.simulate.topology import Topology, catalog_of, cut
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.read import Loaded
from talk_assets.specs.resolve import ResolvedMapping, resolve
from talk_assets.specs.topology import subjects
from talk_assets.sync.meaning.compile import compile_model

REORDERED = "documents called otherwise"
FEWER = "documents with fewer mappings"
MORE = "documents with more mappings"
Filing = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of files, and the mappings that the document of each has, as the real ones call them."""
_SUBJECTS: Mapping[tuple[str, ...], int] = {("customer",): 6, ("project",): 3, ("contact",): 1, ("customer", "project"): 1}
_KEPT = 0.8
"""How many of the mappings of its subjects a schedule has."""
_BEFORE_ALL, _AFTER_ALL = "0 ", "z "
"""What a file's name begins with, where it comes before all others or after them."""
_MOVED = 0.5
_TRIES = 5
"""How often mappings are drawn to be away, until those that are left touch all entities: what is linked goes on in halves."""


def drawn(specs: Path, chance: random.Random) -> Topology:
    """Several mappings of a subject or two, of documents that have no others: nothing else keeps their fields together."""
    wanted = chance.choices(list(_SUBJECTS), list(_SUBJECTS.values()))[0]
    names = [name for name in _mappings(specs) if _subjects(specs)[name] in wanted]
    kept = filed(specs, _filing([name for name in names if chance.random() < _KEPT] or names))
    return kept if len(kept.model.mappings) > 1 and _can_refer(kept) else filed(specs, _filing(names))


@cache
def filed(specs: Path, filing: Filing) -> Topology:
    """What documents mean that have these mappings, and lie in the order of their names."""
    catalog = catalog_of(specs)
    documents = tuple(_document(file, [_mappings(specs)[name] for name in names]) for file, names in sorted(filing))
    resolved = resolve(replace(catalog, dataflows=documents))
    model = compile_model(resolved)
    return cut(specs, model, resolved.catalog.system_specs, frozenset(mapping.name for mapping in model.mappings))


def _document(file: str, mappings: Sequence[ResolvedMapping]) -> Loaded[DataflowSpec]:
    loaded = mappings[0].loaded
    tree = replace(loaded.tree, file=loaded.file.with_stem(file))
    return Loaded(loaded.spec.model_copy(update={"mappings": tuple(one.spec for one in mappings)}), tree)


def _can_refer(topology: Topology) -> bool:
    """Whether what one record refers to can be known in the systems of its counterparts, where it is in any."""
    model = topology.model
    told: dict[str, list[set[str]]] = {}
    for entity in model.entities.values():
        for one in entity.contributions:
            if one.references:
                kinds = {model.entities[key].subject for key in one.references if key in model.entities}
                told.setdefault(one.field, []).append(kinds)
    return all(set.intersection(*kinds) or not any(kinds) for kinds in told.values())


def refiled(seed: int, part: Topology, rounds: int) -> Iterator[Event]:
    """Documents that are others than in the end, once or twice, and what people do about when they change."""
    chance = random.Random(f"{seed}/documents")  # noqa: S311 - a simulation, not a secret
    moments = sorted(chance.sample(range(rounds + 1), min(chance.choice((2, 2, 2, 3)), rounds + 1)))
    for begin, end in pairwise(moments):
        others = (_others(part, chance) for _ in count())
        what, filing = next(one for one in others if _can_refer(filed(part.specs, one[1])))
        yield Event(0, "upheaval", end, begin, "round", what=what, options={"filing": filing})
        for _ in range(chance.choice((1, 2, 2, 3))):
            steps = chance.choice(REFILED)
            events = list(scene(steps, rounds, chance))
            first, start = min(event.round for event in events), chance.choice((begin, end)) - 1
            yield from (replace(one, round=min(max(one.round - first + start, 0), rounds - 1)) for one in events)


def reformed(topology: Topology, events: Iterable[Event]) -> frozenset[str]:
    """Fields of which documents had only some of the properties for some rounds, or others too. Where a property comes to a
    field that had gone on without it, what a record holds there is its first word.
    """
    filings = (event.options["filing"] for event in events if event.what in (FEWER, MORE))
    return frozenset[str]().union(*(_reformed(topology, filed(topology.specs, filing)) for filing in filings))


def _reformed(topology: Topology, meanwhile: Topology) -> Iterator[str]:
    """An entity that no document names says nothing meanwhile, and what it held is kept."""
    fields = [set(places.items()) for places in meanwhile.plain.values()]
    there = {place for places in topology.plain.values() for place in places.items()}
    kept = {frozenset(places & there) for places in fields}
    for name, places in topology.plain.items():
        asked = frozenset(place for place in places.items() if place[0] in meanwhile.model.entities)
        if asked and asked not in kept:
            yield name


def _others(part: Topology, chance: random.Random) -> tuple[str, Filing]:
    names = [mapping.name for mapping in part.model.mappings]
    spare = _spare(part)
    what = chance.choice((REORDERED, REORDERED, FEWER, FEWER, *([MORE] if spare else [])))
    if what == FEWER:
        tried = [_without(names, chance) for _ in range(_TRIES)]
        names = next((left for left in tried if _touched(part, left) == part.model.entities.keys()), tried[0])
    if what == MORE:
        names += chance.sample(spare, 1)
    moved = {name: chance.choice((_BEFORE_ALL, _AFTER_ALL)) for name in names if chance.random() < _MOVED}
    if what == REORDERED and not moved:
        moved = {names[-1]: _BEFORE_ALL}
    return what, _filing(names, moved)


def _without(names: Sequence[str], chance: random.Random) -> list[str]:
    away = chance.sample(names, chance.choice((1, 2, 2)) if len(names) > 2 else 1)
    return [name for name in names if name not in away]


def _touched(part: Topology, names: Collection[str]) -> set[str]:
    there = [_mappings(part.specs)[name] for name in names]
    return {entity.key for mapping in there for entity in (mapping.source, mapping.target)}


def _spare(part: Topology) -> list[str]:
    """Mappings that a schedule does not have, of entities that it has."""
    names = {mapping.name for mapping in part.model.mappings}
    return [
        name
        for name, mapping in _mappings(part.specs).items()
        if name not in names and {mapping.source.key, mapping.target.key} <= part.model.entities.keys()
    ]


def _filing(names: Collection[str], moved: Mapping[str, str] | None = None) -> Filing:
    """The documents as they are, but for mappings that are moved to another one."""
    files: dict[str, tuple[str, ...]] = {}
    for name in names:
        file = (moved or {}).get(name, "") + name.partition("/")[0]
        files[file] = (*files.get(file, ()), name)
    return tuple(files.items())


@cache
def _mappings(specs: Path) -> Mapping[str, ResolvedMapping]:
    return {f"{one.dataflow}/{one.key}": one for one in resolve(catalog_of(specs)).mappings}


@cache
def _subjects(specs: Path) -> Mapping[str, str]:
    found = subjects(resolve(catalog_of(specs)))
    return {f"{mapping.dataflow}/{mapping.key}": one.name for one in found for mapping in one.mappings}
