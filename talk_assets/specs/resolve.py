"""Names → things: which system, entity and property each name in a mapping spec means."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from talk_assets.expressions import Properties
from talk_assets.specs.catalog import Catalog
from talk_assets.specs.dataflow import DataflowSpec, MappingSpec, MatchRule, PropertyRow, WhenConnected
from talk_assets.specs.naming import find_named, slug
from talk_assets.specs.problems import Place, Problem, Severity, did_you_mean, error, shown
from talk_assets.specs.read import Loaded
from talk_assets.specs.system import Entity, Property, SystemSpec
from talk_assets.specs.yaml12 import Step

_CELL = re.compile(r"(?P<path>.*?) \((?P<dependants>Dependant on having .*)\)", re.DOTALL)
_ONE = re.compile(r"Dependant on having (.*?) in (.*?)(?=Dependant on having |$)", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """What a document writes in a table's cell: a path, and what must hold for it to apply."""

    text: str
    path: str
    dependants: tuple[tuple[str, str], ...] = ()
    """(value, path) pairs: the path must hold the value."""


def read_cell(text: str) -> Cell:
    found = _CELL.fullmatch(text)
    if not found:
        return Cell(text, text)
    dependants = tuple((value, path) for value, path in _ONE.findall(found["dependants"]))
    return Cell(text, found["path"], dependants)


@dataclass(frozen=True)
class EntityRef:
    system: SystemSpec
    name: str

    @cached_property
    def spec(self) -> Entity:
        return self.system.entities[self.name]

    @property
    def key(self) -> str:
        return f"{self.system.system}.{self.name}"

    @cached_property
    def types(self) -> Properties:
        return {path: prop.type for path, prop in self.spec.properties.items()}

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        return {alias: path for path, prop in self.spec.properties.items() for alias in prop.aliases}

    def find(self, name: str) -> str | None:
        """The path that a name means: a property of this entity, or another name for one."""
        return name if name in self.spec.properties else self._aliases.get(name)

    def prop(self, path: str) -> Property:
        return self.spec.properties[path]

    @property
    def names(self) -> list[str]:
        return [*self.spec.properties, *self._aliases]

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True)
class Endpoint:
    """One property as a row names it."""

    entity: EntityRef
    path: str
    cell: Cell

    @property
    def spec(self) -> Property:
        return self.entity.prop(self.path)

    @property
    def is_key(self) -> bool:
        return self.path == self.entity.spec.key

    @property
    def identity(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What this writes to: two rows with the same identity write the same value."""
        return (self.entity.key, self.path, self.cell.dependants)

    def __str__(self) -> str:
        return f"{self.entity.key}.{self.path}"


@dataclass(frozen=True)
class ResolvedRow:
    index: int
    spec: PropertyRow
    sources: tuple[Endpoint, ...]
    targets: tuple[Endpoint, ...]

    @property
    def is_identity(self) -> bool:
        """An id beside an id: satisfied by the link, never written."""
        return len(self.sources) == len(self.targets) == 1 and self.sources[0].is_key and self.targets[0].is_key

    @property
    def is_plain(self) -> bool:
        """One property beside one, whose value crosses as it is."""
        spec = self.spec
        computed = spec.join or spec.to_target or spec.to_source
        return len(self.sources) == len(self.targets) == 1 and not computed

    @property
    def pair(self) -> tuple[Endpoint, Endpoint]:
        return self.sources[0], self.targets[0]


@dataclass(frozen=True)
class ResolvedMatch:
    index: int
    spec: MatchRule
    pairs: tuple[tuple[Endpoint, Endpoint], ...]


@dataclass(frozen=True)
class ResolvedMapping:
    loaded: Loaded[DataflowSpec]
    index: int
    key: str
    """Its name within the dataflow; distinct also where a document says a heading twice."""
    spec: MappingSpec
    source: EntityRef
    target: EntityRef
    rows: tuple[ResolvedRow, ...]
    matches: tuple[ResolvedMatch, ...]
    connected: tuple[EntityRef, ...]
    """With `when_connected`: the entities whose records may refer to the source."""

    @property
    def dataflow(self) -> str:
        return dataflow_key(self.loaded)

    @property
    def creates(self) -> bool:
        return self.spec.create != "never"

    def place(self, *trail: Step) -> Place:
        return self.loaded.place("mappings", self.index, *trail)

    def row_place(self, row: ResolvedRow, side: str = "target") -> Place:
        return self.place("properties", row.index, side)

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


@dataclass(frozen=True)
class Resolved:
    catalog: Catalog
    entities: Mapping[str, EntityRef]
    mappings: tuple[ResolvedMapping, ...]
    problems: tuple[Problem, ...]
    """Names that mean nothing; what they stand in is missing above."""


def dataflow_key(loaded: Loaded[DataflowSpec]) -> str:
    return slug(loaded.file.stem)


def resolve(catalog: Catalog) -> Resolved:
    entities = {
        ref.key: ref
        for loaded in catalog.systems.values()
        for ref in (EntityRef(loaded.spec, name) for name in loaded.spec.entities)
    }
    resolver = _Resolver(catalog, entities)
    mappings = tuple(mapping for loaded in catalog.dataflows for mapping in resolver.dataflow(loaded))
    return Resolved(catalog, entities, mappings, tuple(resolver.problems))


class _Resolver:
    def __init__(self, catalog: Catalog, entities: Mapping[str, EntityRef]) -> None:
        self.catalog = catalog
        self.entities = entities
        self.problems: list[Problem] = []

    def dataflow(self, loaded: Loaded[DataflowSpec]) -> Iterator[ResolvedMapping]:
        source = self._system(loaded, "source")
        target = self._system(loaded, "target")
        if source is None or target is None:
            return
        seen: Counter[str] = Counter()
        for index, spec in enumerate(loaded.spec.mappings):
            a = self._entity(source, spec.source, loaded.place("mappings", index, "source"))
            b = self._entity(target, spec.target, loaded.place("mappings", index, "target"))
            name = f"{spec.source}_{spec.target}"
            seen[name] += 1
            key = name if seen[name] == 1 else f"{name}_{seen[name]}"
            if a and b:
                yield self._mapping(loaded, index, key, spec, a, b)

    def _mapping(
        self, loaded: Loaded[DataflowSpec], index: int, key: str, spec: MappingSpec, a: EntityRef, b: EntityRef
    ) -> ResolvedMapping:
        def place(*trail: Step) -> Place:
            return loaded.place("mappings", index, *trail)

        rows: list[ResolvedRow] = []
        for number, row in enumerate(spec.properties):
            sources = self._endpoints(a, row.source, place("properties", number, "source"))
            targets = self._endpoints(b, row.target, place("properties", number, "target"))
            if sources and targets:
                rows.append(ResolvedRow(number, row, sources, targets))
        matches: list[ResolvedMatch] = []
        for number, rule in enumerate(spec.match or ()):
            pairs = [
                (
                    self._endpoints(a, left, place("match", number, "source")),
                    self._endpoints(b, right, place("match", number, "target")),
                )
                for left, right in rule.pairs
            ]
            if pairs and all(left and right for left, right in pairs):
                matches.append(ResolvedMatch(number, rule, tuple((left[0], right[0]) for left, right in pairs)))
        connected = self._connected(spec, a, place("create", "when_connected"))
        return ResolvedMapping(loaded, index, key, spec, a, b, tuple(rows), tuple(matches), connected)

    def _system(self, loaded: Loaded[DataflowSpec], side: str) -> SystemSpec | None:
        key = loaded.spec.source if side == "source" else loaded.spec.target
        systems = self.catalog.system_specs
        if key in systems:
            return systems[key]
        self.problems.append(
            error(
                "unknown-system",
                loaded.place(side),
                f"there is no system {shown(key)}; known are {', '.join(systems) or 'none'}",
                did_you_mean(key, systems) or f"describe it in systems/{key}.yaml",
            )
        )
        return None

    def _entity(self, system: SystemSpec, name: str, place: Place) -> EntityRef | None:
        found = self.entities.get(f"{system.system}.{name}")
        if found is None:
            self.problems.append(
                error(
                    "unknown-entity",
                    place,
                    f"{system.system} has no entity {shown(name)}",
                    did_you_mean(name, system.entities) or f"known are {', '.join(system.entities)}",
                )
            )
        return found

    def _endpoints(self, entity: EntityRef, names: str | Sequence[str], place: Place) -> tuple[Endpoint, ...]:
        cells = [read_cell(name) for name in ([names] if isinstance(names, str) else names)]
        found = [(cell, entity.find(cell.path)) for cell in cells]
        missing = [cell.path for cell, path in found if path is None]
        for name in missing:
            self.problems.append(unknown_property(entity, name, place))
        for cell in cells:
            for _, path in cell.dependants:
                if path and entity.find(path) is None:
                    self.problems.append(unknown_property(entity, path, place))
        return () if missing else tuple(Endpoint(entity, path, cell) for cell, path in found if path)

    def _connected(self, spec: MappingSpec, source: EntityRef, place: Place) -> tuple[EntityRef, ...]:
        if not isinstance(spec.create, WhenConnected):
            return ()
        found: list[EntityRef] = []
        for item in spec.create.when_connected:
            name = connected_entity(item, source.system)
            if name:
                found.append(self.entities[f"{source.system.system}.{name}"])
            else:
                self.problems.append(
                    Problem(
                        "unknown-entity",
                        Severity.warning,
                        place,
                        f"{source.system.system} has no entity {shown(item)}; nothing is created on its account",
                        did_you_mean(item, source.system.entities) or f"known are {', '.join(source.system.entities)}",
                    )
                )
        return tuple(found)


def connected_entity(item: str, system: SystemSpec) -> str | None:
    """The entity that a document's list means: `Powerofficego-salesorders`, `Customer-person`, `HubSpot Deal`."""
    named = [(key, (entity.title, *entity.names)) for key, entity in system.entities.items()]
    forms = [item]
    for prefix in (system.system, system.title, *system.names):
        for separator in ("-", " "):
            start = f"{prefix}{separator}"
            if prefix and item.casefold().startswith(start.casefold()):
                forms.append(item[len(start) :])
    return next((found for form in forms if (found := find_named(form, named))), None)


def unknown_property(entity: EntityRef, name: str, place: Place) -> Problem:
    return error(
        "unknown-property",
        place,
        f"{entity} has no property {shown(name)}",
        did_you_mean(name, entity.names) or "see the entity's properties in its system spec, or add an alias there",
    )
