"""Names → things: which system, entity and property each name in a mapping spec means."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from talk_assets.specs.catalog import Catalog
from talk_assets.specs.dataflow import DataflowSpec, MappingSpec, MatchRule, PropertyRow, WhenConnected
from talk_assets.specs.ends import Cell, Dependence, Endpoint, EntityRef, dependences, meant, read_cell, unknown_dependants
from talk_assets.specs.naming import distinct, find_named, slug
from talk_assets.specs.problems import Place, Problem, Severity, did_you_mean, error, shown
from talk_assets.specs.read import Loaded
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.yaml12 import Step, Trail

_ROLES = {"person": "(human data)", "company": "(organisation data)", "organisation": "(organisation data)"}
_DATAFLOWS = "dataflows"
"""The folder that dataflows usually lie in; it says nothing about them."""
_GUESSED = 50
"""Unknown properties of one entity of which it is guessed what they should be; who has more looks for another mistake."""


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
    dataflow: str
    """The name of its dataflow; no two have the same."""
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
    incomplete: frozenset[str] = frozenset()
    """The systems of which a mapping is missing above."""


def dataflow_keys(catalog: Catalog) -> dict[Path, str]:
    """A name for each dataflow file, after its folders and itself; distinct, also where the files' names are not."""
    return distinct((loaded.file, _key_of_file(loaded.file, catalog.folder)) for loaded in catalog.dataflows)


def _key_of_file(file: Path, folder: Path | None) -> str:
    inside = file.relative_to(folder).parts[:-1] if folder and file != folder and file.is_relative_to(folder) else ()
    folders = inside[1:] if inside[:1] == (_DATAFLOWS,) else inside
    return slug(" ".join((*folders, file.stem)))


def resolve(catalog: Catalog) -> Resolved:
    entities = {
        ref.key: ref
        for loaded in catalog.systems.values()
        for ref in (EntityRef(loaded.spec, name) for name in loaded.spec.entities)
    }
    resolver = _Resolver(catalog, entities)
    names = dataflow_keys(catalog)
    mappings = tuple(mapping for loaded in catalog.dataflows for mapping in resolver.dataflow(loaded, names[loaded.file]))
    unclear = _Unclear(mappings)
    problems = (*_names_taken(catalog, names), *resolver.problems, *unclear.problems())
    return Resolved(catalog, entities, tuple(map(unclear.without, mappings)), problems, frozenset(resolver.incomplete))


class _Unclear:
    """Rows whose property depends on something, where other rows say otherwise about it: they bind nothing."""

    def __init__(self, mappings: Sequence[ResolvedMapping]) -> None:
        self._mappings = mappings
        self._said: dict[tuple[str, str], set[tuple[Dependence, ...]]] = {}
        self._expressions: dict[str, list[str]] = {}
        for row in (row for mapping in mappings for row in mapping.rows):
            for end in (*row.sources, *row.targets):
                self._said.setdefault(end.identity, set()).add(end.depends)
            for text, ends in ((row.spec.to_target, row.sources), (row.spec.to_source, row.targets)):
                self._expressions.setdefault(ends[0].entity.key, []).extend([text] if text else [])

    def without(self, mapping: ResolvedMapping) -> ResolvedMapping:
        return replace(mapping, rows=tuple(row for row in mapping.rows if not any(self._found(row))))

    def problems(self) -> Iterator[Problem]:
        for mapping in self._mappings:
            for row in mapping.rows:
                for end, why in self._found(row):
                    side = "source" if end in row.sources else "target"
                    yield _unbound(end.entity, end.cell, end.path, why, mapping.row_place(row, side))

    def _found(self, row: ResolvedRow) -> Iterator[tuple[Endpoint, str]]:
        for end in (*row.sources, *row.targets):
            if end.depends and (why := self._why(row, end)):
                yield end, why

    def _why(self, row: ResolvedRow, end: Endpoint) -> str | None:
        key = end.entity.key
        if not row.is_plain:
            return "the row joins or computes its values"
        if len(self._said[end.identity]) > 1:
            return f"another row names {end} without it, or with something else"
        if chained := [one.path for one in end.depends if any(self._said.get((key, one.path), ()))]:
            return f"{chained[0]} depends on something itself"
        named = re.compile(rf"(?<![\w.]){re.escape(end.path)}(?![\w.])")
        if any(map(named.search, self._expressions[key])):
            return f"the expression of another row reads {end.path}"
        return None


def _names_taken(catalog: Catalog, names: Mapping[Path, str]) -> Iterator[Problem]:
    owners = {name: file for file, name in names.items()}
    for file, name in names.items():
        wanted = _key_of_file(file, catalog.folder)
        if name != wanted:
            yield Problem(
                "same-name",
                Severity.warning,
                Place(file),
                f"this dataflow is called {name}, since {owners[wanted]} is called {wanted} already; others could change that",
                "give the file a name that differs in its Latin letters and digits",
            )


class _Resolver:
    def __init__(self, catalog: Catalog, entities: Mapping[str, EntityRef]) -> None:
        self.systems = catalog.system_specs
        self.unusable = catalog.unusable
        self.entities = entities
        self.problems: list[Problem] = []
        self.unknown: Counter[str] = Counter()
        """By entity: how many properties were named that it does not have."""
        self.incomplete: set[str] = set()

    def dataflow(self, loaded: Loaded[DataflowSpec], name: str) -> Iterator[ResolvedMapping]:
        source = self._system(loaded, "source")
        target = self._system(loaded, "target")
        both = {loaded.spec.source, loaded.spec.target}
        if source is None or target is None:
            self.incomplete |= both
            return
        keys = distinct((index, f"{spec.source}_{spec.target}") for index, spec in enumerate(loaded.spec.mappings))
        for index, spec in enumerate(loaded.spec.mappings):
            a = self._entity(source, spec.source, loaded.place("mappings", index, "source"))
            b = self._entity(target, spec.target, loaded.place("mappings", index, "target"))
            if a and b:
                yield self._mapping(loaded, name, index, keys[index], a, b)
            else:
                self.incomplete |= both

    def _mapping(
        self, loaded: Loaded[DataflowSpec], name: str, index: int, key: str, a: EntityRef, b: EntityRef
    ) -> ResolvedMapping:
        def place(*trail: Step) -> Place:
            return loaded.place("mappings", index, *trail)

        spec = loaded.spec.mappings[index]
        rows: list[ResolvedRow] = []
        for number, row in enumerate(spec.properties):
            sources = self._endpoints(a, row.source, partial(place, "properties", number, "source"), added=row.added)
            targets = self._endpoints(b, row.target, partial(place, "properties", number, "target"), added=row.added)
            if sources and targets:
                rows.append(ResolvedRow(number, row, sources, targets))
        matches: list[ResolvedMatch] = []
        for number, rule in enumerate(spec.match or ()):
            pairs: list[tuple[Endpoint, Endpoint]] = []
            for pair, (left, right) in enumerate(rule.pairs):
                sides: tuple[Trail, Trail] = (("all", pair, 0), ("all", pair, 1)) if rule.all else (("source",), ("target",))
                lefts = self._endpoints(a, left, partial(place, "match", number, *sides[0]), added=rule.added)
                rights = self._endpoints(b, right, partial(place, "match", number, *sides[1]), added=rule.added)
                pairs += zip(lefts, rights, strict=False)
            if len(pairs) == len(rule.pairs):
                matches.append(ResolvedMatch(number, rule, tuple(pairs)))
        connected = self._connected(spec, a, partial(place, "create", "when_connected"))
        return ResolvedMapping(loaded, name, index, key, spec, a, b, tuple(rows), tuple(matches), connected)

    def _system(self, loaded: Loaded[DataflowSpec], side: str) -> SystemSpec | None:
        key = loaded.spec.source if side == "source" else loaded.spec.target
        if key in self.systems:
            return self.systems[key]
        if key in self.unusable:
            return None
        self.problems.append(
            error(
                "unknown-system",
                loaded.place(side),
                f"there is no system {shown(key)}; known are {', '.join(self.systems) or 'none'}",
                did_you_mean(key, self.systems) or f"begin systems/{key}.yaml by `talk specs draft {key}`",
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

    def _endpoints(
        self, entity: EntityRef, names: str | Sequence[str], place: Callable[..., Place], *, added: bool
    ) -> tuple[Endpoint, ...]:
        found: list[Endpoint] = []
        cells = [read_cell(names)] if isinstance(names, str) else [read_cell(name) for name in names]
        for number, cell in enumerate(cells):
            here = place() if isinstance(names, str) else place(number)
            if not added and not cell.text.strip():
                self.problems.append(_empty_cell(entity, here))
                continue
            path = entity.find(cell.path)
            for unknown in [*([] if path else [cell.path]), *unknown_dependants(entity, cell)]:
                self.unknown[entity.key] += 1
                guesses = self.unknown[entity.key] <= _GUESSED
                self.problems.append(unknown_property(entity, unknown, here, guesses=guesses))
            depends = dependences(entity, cell, path) if path else ()
            if path and isinstance(depends, str):
                self.problems.append(_unbound(entity, cell, path, depends, here))
            elif path and not isinstance(depends, str):
                found.append(Endpoint(entity, path, cell, depends))
        return tuple(found) if len(found) == len(cells) else ()

    def _connected(self, spec: MappingSpec, source: EntityRef, place: Callable[..., Place]) -> tuple[EntityRef, ...]:
        if not isinstance(spec.create, WhenConnected):
            return ()
        found: list[EntityRef] = []
        for number, item in enumerate(spec.create.when_connected):
            name = connected_entity(item, source.system)
            if name:
                found.append(self.entities[f"{source.system.system}.{name}"])
            else:
                self.problems.append(
                    Problem(
                        "unknown-entity",
                        Severity.warning,
                        place(number),
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
    spellings = (spelling for form in forms for spelling in _spellings(form))
    return next((found for spelling in spellings if (found := find_named(spelling, named))), None)


def _spellings(item: str) -> Iterator[str]:
    """How an entity may be called that a list calls `item`: in the other number, and `-person` as `(human data)`."""
    noun, dash, role = item.rpartition("-")
    if dash and role.casefold() in _ROLES:
        for one in _numbers(noun):
            yield from (f"{one} {role}", f"{one} {_ROLES[role.casefold()]}")
    yield from _numbers(item)


def _numbers(noun: str) -> Iterator[str]:
    """A noun as it is, in the singular and in the plural."""
    yield noun
    for ending, instead in (("ies", "y"), ("es", ""), ("s", ""), ("y", "ies"), ("", "s")):
        if noun.casefold().endswith(ending):
            yield noun[: len(noun) - len(ending)] + instead


def _empty_cell(entity: EntityRef, place: Place) -> Problem:
    """Documents have such cells, and come back with them."""
    return Problem(
        "empty-cell",
        Severity.warning,
        place,
        f"the document names no property of {entity} here, so there is nothing to keep equal or to recognise records by",
        "say what is meant in a row of your own, with `added: true`",
    )


def _unbound(entity: EntityRef, cell: Cell, path: str, why: str, place: Place) -> Problem:
    """Without its condition a row would carry, and a rule recognise, more than the document says."""
    value, name = cell.dependants[0]
    known = meant(entity, cell, name)
    example = f", as `to_target: CASE WHEN {known[0]} = '{value}' THEN {path} END` would do it" if known and value else ""
    return Problem(
        "unbound-condition",
        Severity.warning,
        place,
        f"what {entity}.{path} is dependent on here binds nothing, since {why}: the row carries nothing, the rule links none",
        f"say what is meant in a row or rule of your own, with `added: true`{example}",
    )


def unknown_property(entity: EntityRef, name: str, place: Place, *, guesses: bool = True) -> Problem:
    guess = guesses and (did_you_mean(name, entity.spec.properties) or did_you_mean(name, entity.names))
    return error(
        "unknown-property",
        place,
        f"{entity} has no property {shown(name)}",
        guess or "see the entity's properties in its system spec, or add an alias there",
    )
