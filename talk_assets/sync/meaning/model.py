"""What the specs mean to the engine: what records say about fields, and what fields make of records.

Built once by `compile_model`; everything that touches data is a formula over whole frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from talk_assets.specs.dataflow import ConflictRule, Prefer
from talk_assets.specs.ends import Dependence
from talk_assets.specs.model import Constant
from talk_assets.specs.property import Property
from talk_assets.specs.resolve import EntityRef
from talk_assets.specs.system import Entity
from talk_assets.sync.meaning.formula import Formula, Formulas


@dataclass(frozen=True)
class Contribution:
    """What a record says about a field."""

    field: str
    formula: Formula
    """Over the entity's columns."""
    rank: int
    """What decides where nothing else does: the document's source side comes first."""
    references: frozenset[str] = frozenset()
    """Entities whose records the value names, where it names any."""
    is_part: bool = False
    """Whether it is a part of a text, which may be parted in several ways."""
    by_owner: bool = False
    """Whether a named record stands for the one that owns it, since no other system knows its kind."""


@dataclass(frozen=True)
class Projection:
    """What fields make of one property."""

    path: str
    formula: Formula
    """Over the fields of the subject."""
    fields: tuple[str, ...]
    documented: bool


@dataclass(frozen=True)
class Side:
    """What an entity should hold by one mapping: its properties, in their order."""

    projections: tuple[Projection, ...]
    settled: frozenset[str] = frozenset()
    """Properties of which nothing needs to be said to a record that holds what it should."""

    @cached_property
    def formulas(self) -> Formulas:
        return Formulas(tuple(one.formula for one in self.projections))

    @cached_property
    def newest(self) -> list[pl.Expr]:
        """Over the versions of the fields: the newest of those that make each value."""
        return [pl.max_horizontal(*one.fields).alias(str(number)) for number, one in enumerate(self.projections)]

    @cached_property
    def names(self) -> pl.DataFrame:
        """path, fields, documented, settled: of its properties."""
        return pl.DataFrame(
            [(one.path, list(one.fields), one.documented, one.path in self.settled) for one in self.projections],
            schema={"path": pl.String, "fields": pl.List(pl.String), "documented": pl.Boolean, "settled": pl.Boolean},
            orient="row",
        )


@dataclass(frozen=True)
class FieldModel:
    name: str
    subject: str
    references: frozenset[str] = frozenset()
    """Entities whose records its values name; then a value is the number of a cluster."""
    conflicts: ConflictRule = "newest"
    """What settles edits that contradict each other."""
    as_it_is: frozenset[str] = frozenset()
    """The properties (`system.entity.path`) that hold its values in its own words."""

    @property
    def label(self) -> str:
        return self.name.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class EntityModel:
    ref: EntityRef
    subject: str
    columns: tuple[str, ...]
    """The properties kept as text, in the order in which they are kept."""
    contributions: tuple[Contribution, ...]
    depends: Mapping[str, tuple[Dependence, ...]] = field(default_factory=dict)
    """By property: what its record must hold for it to count, where it does not always."""

    @property
    def key(self) -> str:
        return self.ref.key

    @property
    def spec(self) -> Entity:
        return self.ref.spec

    @property
    def system(self) -> str:
        return self.ref.system.system

    @cached_property
    def formulas(self) -> Formulas:
        """Of its contributions."""
        return Formulas(tuple(one.formula for one in self.contributions))

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """What its records have a say in, in the order in which it is kept which version they took."""
        return tuple(dict.fromkeys(one.field for one in self.contributions))

    @cached_property
    def parts(self) -> Mapping[int, str]:
        """The contributions that are parts of a text, each with the column of that."""
        return {number: min(one.formula.reads) for number, one in enumerate(self.contributions) if one.is_part}

    @cached_property
    def readers(self) -> Mapping[str, frozenset[int]]:
        """The contributions that each column is read by, by their numbers."""
        found: dict[str, set[int]] = {}
        for number, one in enumerate(self.contributions):
            for column in one.formula.reads:
                found.setdefault(column, set()).add(number)
        return {column: frozenset(numbers) for column, numbers in found.items()}

    @cached_property
    def places(self) -> pl.DataFrame:
        """field, place: where among its fields each is."""
        return pl.DataFrame(
            list(zip(self.fields, range(len(self.fields)), strict=True)),
            schema={"field": pl.String, "place": pl.Int64},
            orient="row",
        )

    @cached_property
    def names(self) -> pl.DataFrame:
        """number, field, place, rank, refers: of its contributions; `place` is that of the field."""
        return pl.DataFrame(
            [
                (number, one.field, self.fields.index(one.field), one.rank, bool(one.references))
                for number, one in enumerate(self.contributions)
            ],
            schema={"number": pl.Int64, "field": pl.String, "place": pl.Int64, "rank": pl.Int32, "refers": pl.Boolean},
            orient="row",
        )

    def prop(self, path: str) -> Property:
        return self.ref.prop(path)

    def references(self, path: str) -> tuple[str, ...]:
        """The entities whose records a property names."""
        return tuple(f"{self.system}.{name}" for name in self.prop(path).references)

    @cached_property
    def naming(self) -> Mapping[str, tuple[str, ...]]:
        """The properties that name records, each with the entities of those."""
        return {path: to for path in self.columns if (to := self.references(path))}

    @cached_property
    def naming_by_owner(self) -> Mapping[str, tuple[str, ...]]:
        """Those of which the named record stands for the one that owns it."""
        read = {path for one in self.contributions if one.by_owner for path in one.formula.reads}
        return {path: to for path, to in self.naming.items() if path in read}


@dataclass(frozen=True)
class Made:
    """What a property of records that were made from others holds."""

    path: str
    told: str
    formula: Formula
    """Over the source's columns and `#id`."""
    is_mark: bool = False
    """Whether it is the mark of the record that they were made from."""


@dataclass(frozen=True)
class MatchModel:
    """One rule that recognises the same thing in two entities."""

    number: int
    source: str
    target: str
    pairs: tuple[tuple[str, str], ...] = ()
    made: Made | None = None
    """Instead of pairs: what a record that was made from the source holds."""
    depends: tuple[tuple[Dependence, ...], tuple[Dependence, ...]] = ((), ())
    """What must hold in the source, and in the target, for it to have a key."""

    @property
    def told(self) -> str:
        if self.made:
            return f"{self.target}.{self.made.path} = {self.made.told} made from {self.source}"
        told = [f"{self.source}.{here} = {self.target}.{there}" for here, there in self.pairs]
        sides = zip((self.source, self.target), self.depends, strict=True)
        return " and ".join([*told, *(f"{key}.{one}" for key, depends in sides for one in depends)])


@dataclass(frozen=True)
class MappingModel:
    """One section of a document: who is created from whom, and what each side should hold."""

    name: str
    source: str
    target: str
    subject: str
    creates: bool
    when: Formula | None
    """What must hold of a source record; gives `true`."""
    bound: bool
    """False while the document's condition has no expression: then nothing is written."""
    connected: frozenset[str]
    """Entities of which a synchronised record must refer to the source; none: no such need."""
    on_create: Mapping[str, Constant | Formula]
    projections: Mapping[str, tuple[Projection, ...]]
    """By entity: of both sides."""
    matches: tuple[MatchModel, ...]
    made: tuple[MatchModel, ...] = ()
    """Rules that know again what this mapping once created."""

    @cached_property
    def sides(self) -> Mapping[str, Side]:
        return {entity: Side(projections) for entity, projections in self.projections.items() if projections}


@dataclass(frozen=True)
class ConflictRules:
    """How contradictions are settled, where it is not by the newest."""

    preferred: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"field": pl.String, "entity": pl.String, "preference": pl.Int32})
    )
    """The smallest preference wins."""
    hold: frozenset[str] = frozenset()
    """Fields that stay as they are until a person edits one side again."""


@dataclass(frozen=True)
class Model:
    entities: Mapping[str, EntityModel]
    fields: Mapping[str, FieldModel]
    mappings: tuple[MappingModel, ...]
    signature: str = ""
    """All that the specs say, in short: by other specs, other things follow from what is known."""

    @cached_property
    def matches(self) -> tuple[MatchModel, ...]:
        return tuple(match for mapping in self.mappings for match in (*mapping.matches, *mapping.made))

    @cached_property
    def subjects(self) -> Mapping[str, tuple[str, ...]]:
        """The fields of each subject."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self.fields.values():
            found[one.subject] = (*found.get(one.subject, ()), one.name)
        return found

    @cached_property
    def conflict_rules(self) -> ConflictRules:
        """How contradictions are settled, where it is not by the newest."""
        rows = [
            (name, key, [*one.conflicts.prefer, entity.system].index(entity.system))
            for name, one in self.fields.items()
            if isinstance(one.conflicts, Prefer)
            for key, entity in self.entities.items()
        ]
        return ConflictRules(
            pl.DataFrame(rows, schema=ConflictRules().preferred.schema, orient="row"),
            frozenset(name for name, one in self.fields.items() if one.conflicts == "hold"),
        )

    @cached_property
    def telling(self) -> tuple[tuple[MappingModel, Mapping[str, Side]], ...]:
        """What each mapping says about its sides, but for what one before it says in the same way."""
        said: dict[tuple[str, str], list[Projection]] = {}
        told: list[tuple[MappingModel, dict[str, list[Projection]]]] = []
        for mapping in self.mappings:
            told.append((mapping, {}))
            for entity, projections in mapping.projections.items():
                for one in projections:
                    before = said.setdefault((entity, one.path), [])
                    if not any(one.fields == other.fields and one.formula.same(other.formula) for other in before):
                        before.append(one)
                        told[-1][1].setdefault(entity, []).append(one)
        # A reference is the number of a cluster until it is translated, and of what is shown twice both are looked at.
        looked_at = {*self.named.select("entity", "path").iter_rows(), *self.shown.select("entity", "path").iter_rows()}
        looked_at.update(self.shown.select("owner", "path").iter_rows())
        settled = {place for place, ones in said.items() if len(ones) == 1} - looked_at
        return tuple(
            (
                mapping,
                {
                    entity: Side(tuple(ones), frozenset(one.path for one in ones if (entity, one.path) in settled))
                    for entity, ones in sides.items()
                },
            )
            for mapping, sides in told
            if sides
        )

    def projections(self, entity: str) -> Mapping[str, Projection]:
        """What each property of an entity is made of, by whichever mapping says so first."""
        found: dict[str, Projection] = {}
        for mapping in self.mappings:
            for projection in mapping.projections.get(entity, ()):
                found.setdefault(projection.path, projection)
        return found

    # What stages join with, made once

    @cached_property
    def kinds(self) -> pl.DataFrame:
        """to, subject: what each entity is about."""
        return _table(("to", "subject"), [(key, entity.subject) for key, entity in self.entities.items()])

    @cached_property
    def named(self) -> pl.DataFrame:
        """entity, path, to, to_subject: what the references of all entities can name."""
        rows = [
            (entity.key, path, to, self.entities[to].subject)
            for entity in self.entities.values()
            for path, names in entity.naming.items()
            for to in names
            if to in self.entities
        ]
        return _table(("entity", "path", "to", "to_subject"), rows)

    @cached_property
    def connections(self) -> pl.DataFrame:
        """mapping, source, target, entity, path: the references by which a mapping's sources get their counterparts."""
        rows = [
            (mapping.name, mapping.source, mapping.target, key, path)
            for mapping in self.mappings
            for key in sorted(mapping.connected & self.entities.keys())
            for path, to in self.entities[key].naming.items()
            if mapping.source in to
        ]
        return _table(("mapping", "source", "target", "entity", "path"), rows)

    @cached_property
    def shown(self) -> pl.DataFrame:
        """entity, path, owner: properties that a record only shows of another one."""
        rows = [
            (entity.key, path, f"{entity.system}.{entity.spec.joins.entity}")
            for entity in self.entities.values()
            if entity.spec.joins
            for path in entity.spec.joins.owns
        ]
        return _table(("entity", "path", "owner"), rows)

    @cached_property
    def required(self) -> pl.DataFrame:
        """entity, path: what a new record must be given."""
        rows = [
            (entity.key, path)
            for entity in self.entities.values()
            for path, prop in entity.spec.properties.items()
            if prop.required and prop.default is None and path not in entity.spec.where
            if entity.spec.joins is None or path not in entity.spec.joins.owns
        ]
        return _table(("entity", "path"), rows)

    @cached_property
    def limits(self) -> pl.DataFrame:
        """entity, path, limit: what cannot be written to a record that exists, and why."""
        rows: dict[tuple[str, str], str] = {}
        for entity in self.entities.values():
            for path in entity.columns:
                if entity.spec.update is None:
                    rows[entity.key, path] = f"{entity.spec.title} cannot be changed through this API"
                elif entity.prop(path).access == "create_only":
                    rows[entity.key, path] = f"{path} can only be given when a record is created"
            for limitation in entity.spec.limitations:
                if limitation.cannot == "update":
                    rows[entity.key, limitation.property] = limitation.reason
        return _table(("entity", "path", "limit"), [(*key, reason) for key, reason in rows.items()])

    @cached_property
    def fields_by_subject(self) -> pl.DataFrame:
        """field, subject."""
        return _table(("field", "subject"), [(name, field.subject) for name, field in self.fields.items()])


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
