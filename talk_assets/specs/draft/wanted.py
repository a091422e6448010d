"""What dataflows name of a system: its entities and their properties."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from talk_assets.specs.catalog import Catalog
from talk_assets.specs.convert import names_and_keys
from talk_assets.specs.dataflow import Cells, DataflowSpec, MappingSpec, PropertyRow, VerbatimType
from talk_assets.specs.ends import read_cell
from talk_assets.specs.property import Property, PropertyType
from talk_assets.specs.system import Entity

_TYPES: Mapping[str, PropertyType] = {"integer": "integer", "float": "decimal", "boolean": "boolean"}
"""Of a document's data types, those that are no text."""


@dataclass(frozen=True)
class WantedEntity:
    title: str
    subject: str
    """What its counterpart is, where a system spec says so."""
    types: Mapping[str, PropertyType]
    """By property."""
    references: Mapping[str, tuple[str, ...]]
    """Properties that stand beside one that names records, and what is kept in step with those."""


@dataclass(frozen=True)
class Wanted:
    names: tuple[str, ...]
    """What documents call the system."""
    entities: Mapping[str, WantedEntity]


def wanted(system: str, catalog: Catalog) -> Wanted:
    names: dict[str, None] = {}
    titles: dict[str, str] = {}
    subjects: dict[str, str] = {}
    types: dict[str, dict[str, PropertyType]] = {}
    references: dict[str, dict[str, tuple[str, ...]]] = {}
    for loaded in catalog.dataflows:
        spec = loaded.spec
        called = list(names_and_keys(spec)) if spec.document else []
        names |= dict.fromkeys(name for name, keys in called if keys == (system,))
        titles |= {keys[1]: name for name, keys in called if len(keys) == 2 and keys[0] == system}
        for end in _ends(system, spec, catalog):
            subjects |= {end.entity: end.counterpart.subject} if end.counterpart else {}
            found = types.setdefault(end.entity, {})
            for path, kind in end.properties():
                found[path] = kind if found.get(path, "string") == "string" else found[path]
            references.setdefault(end.entity, {}).update(end.references(_linked(system, spec)))
    entities = {
        key: WantedEntity(titles.get(key) or words(key), subjects.get(key) or singular(key), found, references[key])
        for key, found in sorted(types.items())
    }
    return Wanted(tuple(names), entities)


def words(key: str) -> str:
    return key.replace("_", " ").capitalize()


def singular(key: str) -> str:
    """As English has it, most often."""
    for many, one in (("ies", "y"), ("sses", "ss"), ("ses", "se"), ("s", "")):
        if key.endswith(many) and not key.endswith("ss") and len(key) > len(many) + 1:
            return key.removesuffix(many) + one
    return key


@dataclass(frozen=True)
class _End:
    """One side of a mapping, and what a system spec says of the other."""

    entity: str
    is_source: bool
    mapping: MappingSpec
    counterpart: Entity | None

    def properties(self) -> Iterator[tuple[str, PropertyType]]:
        """With their types, as far as document and counterpart tell."""
        for row in self.mapping.properties:
            here, there = self._cells(row)
            yield from _paths(here, self._type(row.type, there))
        for rule in self.mapping.match or ():
            yield from _paths([pair[0 if self.is_source else 1] for pair in rule.pairs], "string")
        yield from _paths([] if self.is_source else self.mapping.on_create, "string")

    def references(self, linked: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """By property: the entities here that are kept in step with those whose records the property beside it names."""
        for row in self.mapping.properties:
            here, there = self._cells(row)
            named = self._beside(there)
            found = dict.fromkeys(one for entity in (named.references if named else ()) for one in linked.get(entity, ()))
            if isinstance(here, str) and found:
                yield read_cell(here).path, tuple(found)

    def _cells(self, row: PropertyRow) -> tuple[Cells, Cells]:
        return (row.source, row.target) if self.is_source else (row.target, row.source)

    def _beside(self, there: Cells) -> Property | None:
        return self.counterpart.properties.get(there) if self.counterpart and isinstance(there, str) else None

    def _type(self, documented: str | VerbatimType | None, there: Cells) -> PropertyType:
        """Documents know no times."""
        beside = self._beside(there)
        if beside and beside.type in ("date", "datetime"):
            return beside.type
        return _TYPES.get(documented, "string") if isinstance(documented, str) else "string"


def _ends(system: str, spec: DataflowSpec, catalog: Catalog) -> Iterator[_End]:
    for mapping in spec.mappings:
        if spec.source == system:
            yield _End(mapping.source, True, mapping, _entity(spec.target, mapping.target, catalog))  # noqa: FBT003
        if spec.target == system:
            yield _End(mapping.target, False, mapping, _entity(spec.source, mapping.source, catalog))  # noqa: FBT003


def _entity(system: str, name: str, catalog: Catalog) -> Entity | None:
    loaded = catalog.systems.get(system)
    return loaded.spec.entities.get(name) if loaded else None


def _linked(system: str, spec: DataflowSpec) -> Mapping[str, tuple[str, ...]]:
    """By entity of the other system: those of this one that it is kept in step with."""
    found: dict[str, tuple[str, ...]] = {}
    for mapping in spec.mappings:
        here, there = (mapping.source, mapping.target) if spec.source == system else (mapping.target, mapping.source)
        found[there] = (*found.get(there, ()), here)
    return found


def _paths(cells: str | Iterable[str], kind: PropertyType) -> Iterator[tuple[str, PropertyType]]:
    """With what a cell depends on, which lies beside it."""
    for text in [cells] if isinstance(cells, str) else cells:
        cell = read_cell(text)
        yield cell.path, kind
        beside = cell.path.rpartition(".")[0]
        yield from ((f"{beside}.{name}" if beside else name, "string") for _, name in cell.dependants if name.strip())
