"""A property that its system calls otherwise for some rounds: in all that it shows and takes, and in the specs."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from talk_assets.simulate.ports import system_of
from talk_assets.simulate.topology import Topology, catalog_of, cut
from talk_assets.specs.dataflow import DataflowSpec, MappingSpec, MatchRule, PropertyRow
from talk_assets.specs.resolve import resolve
from talk_assets.specs.system import Entity, SystemSpec
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.meaning.model import Model

Answer = Callable[[httpx.Request], httpx.Response]
_OTHER = "Renamed"


@dataclass(frozen=True)
class Renaming:
    entity: str
    path: str

    @property
    def name(self) -> str:
        """What it is called meanwhile."""
        return f"{self.path}{_OTHER}"

    def called(self, path: str) -> str:
        return self.name if path == self.path else path

    def of(self, topology: Topology) -> Topology:
        """The same mappings by specs that have the other name."""
        return cut(topology.specs, *_compiled(topology.specs, self), frozenset(one.name for one in topology.model.mappings))

    def passed(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        """What its system, which knows nothing of the other name, makes of a request that has it."""
        content = request.content.replace(
            f"/{self.name.replace('.', '/')}".encode(), f"/{self.path.replace('.', '/')}".encode()
        )
        body = _read(content)
        taken = content if body is None else json.dumps(_named(body, self.name, self.path)).encode()
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        response = answer(httpx.Request(request.method, request.url, headers=headers, content=taken))
        shown = _read(response.read())
        if shown is None:
            return response
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        told = json.dumps(_named(shown, self.path, self.name)).encode()
        return httpx.Response(response.status_code, headers=headers, stream=httpx.ByteStream(told), request=request)

    def is_about(self, request: httpx.Request, topology: Topology) -> bool:
        """Whether a request reads or writes records of its entity."""
        system = self.entity.partition(".")[0]
        if system_of(request) != system:
            return False
        known = {_last(one): name for name, one in topology.systems[system].entities.items()}
        steps = [step for step in request.url.path.split("/") if step in known]
        return bool(steps) and f"{system}.{known[steps[-1]]}" == self.entity


def ways(topology: Topology) -> list[tuple[str, Renaming]]:
    """The properties that may be called otherwise, with their fields: those that nothing but rows of mappings names."""
    return [
        (field, Renaming(key, path))
        for field, places in topology.plain.items()
        if len(places) > 1
        for key, path in places.items()
        if _is_free(topology, key, path)
    ]


def _is_free(topology: Topology, key: str, path: str) -> bool:
    system, _, name = key.partition(".")
    entities = topology.systems[system].entities
    entity = entities[name]
    told = [repr(entity.model_copy(update={"properties": {}})), *(repr(one.joins) for one in entities.values())]
    prop = entity.properties[path]
    is_alone = [_last(one) for one in entities.values()].count(_last(entity)) == 1
    is_named = any(repr(path) in text for text in told) or any(path in text for text in _expressions(topology.specs))
    return is_alone and not (is_named or prop.aliases or prop.references) and prop.access == "read_write"


def _last(entity: Entity) -> str:
    return entity.list.path.rpartition("/")[2]


def _named(told: Any, old: str, new: str) -> Any:
    """A body, with records that have a property under another name."""
    match told:
        case list():
            return [_named(one, old, new) for one in told]
        case dict():
            head, _, rest = old.partition(".")
            after, _, further = new.partition(".")
            if rest and isinstance(told.get(head), dict):
                return {**told, head: _named(told[head], rest, further)}
            return {
                after if name == head and not rest else name: _named(value, old, new) if _is_envelope(value) else value
                for name, value in told.items()
            }
    return told


def _is_envelope(value: Any) -> bool:
    """Whether what an answer holds are records."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _read(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None


@cache
def _expressions(specs: Path) -> tuple[str, ...]:
    """What mappings compute, and on what condition."""
    return tuple(_texts(specs))


def _texts(specs: Path) -> Iterator[str]:
    for loaded in catalog_of(specs).dataflows:
        for mapping in loaded.spec.mappings:
            yield repr((mapping.create, mapping.on_create))
            yield from (text for row in mapping.properties for text in (row.to_target, row.to_source) if text)


@cache
def _compiled(specs: Path, renaming: Renaming) -> tuple[Model, Mapping[str, SystemSpec]]:
    catalog = catalog_of(specs)
    system, _, name = renaming.entity.partition(".")
    loaded = catalog.systems[system]
    entity = loaded.spec.entities[name]
    properties = {renaming.name if path == renaming.path else path: prop for path, prop in entity.properties.items()}
    entities = {**loaded.spec.entities, name: entity.model_copy(update={"properties": properties})}
    systems = {**catalog.systems, system: replace(loaded, spec=loaded.spec.model_copy(update={"entities": entities}))}
    dataflows = tuple(replace(one, spec=_dataflow(one.spec, renaming)) for one in catalog.dataflows)
    resolved = resolve(replace(catalog, systems=systems, dataflows=dataflows))
    return compile_model(resolved), resolved.catalog.system_specs


def _dataflow(spec: DataflowSpec, renaming: Renaming) -> DataflowSpec:
    return spec.model_copy(update={"mappings": tuple(_mapping(one, spec, renaming) for one in spec.mappings)})


def _mapping(mapping: MappingSpec, spec: DataflowSpec, renaming: Renaming) -> MappingSpec:
    for side, system, entity in (("source", spec.source, mapping.source), ("target", spec.target, mapping.target)):
        if f"{system}.{entity}" == renaming.entity:
            rows = tuple(_row(row, side, renaming) for row in mapping.properties)
            rules = mapping.match and tuple(_rule(rule, side, renaming) for rule in mapping.match)
            mapping = mapping.model_copy(update={"properties": rows, "match": rules})
    return mapping


def _row(row: PropertyRow, side: str, renaming: Renaming) -> PropertyRow:
    cell = getattr(row, side)
    return row.model_copy(
        update={side: tuple(map(renaming.called, cell)) if isinstance(cell, tuple) else renaming.called(cell)}
    )


def _rule(rule: MatchRule, side: str, renaming: Renaming) -> MatchRule:
    pairs = [(renaming.called(here), there) if side == "source" else (here, renaming.called(there)) for here, there in rule.all]
    one = getattr(rule, side)
    return rule.model_copy(update={side: one and renaming.called(one), "all": tuple(pairs)})
