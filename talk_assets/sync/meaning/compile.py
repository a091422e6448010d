"""Specs → the engine's model. Rows that keep two properties equal make them one field; value maps and expressions lie between
a property and its field; joined rows let several fields make one property.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

import polars as pl

from talk_assets.expressions import compile_expression
from talk_assets.specs.dataflow import ConflictRule, Expression, WhenCondition, WhenConnected
from talk_assets.specs.model import Constant
from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping, ResolvedMatch, ResolvedRow
from talk_assets.specs.topology import components, subjects
from talk_assets.sync.meaning.edges import Convert, Node, chain, edge_of, nodes_of, same
from talk_assets.sync.meaning.formula import Formula, over_record
from talk_assets.sync.meaning.marks import made_by, made_in
from talk_assets.sync.meaning.model import (
    Contribution,
    EntityModel,
    FieldModel,
    MappingModel,
    MatchModel,
    Model,
    Projection,
)
from talk_assets.sync.meaning.values import fitted, joined, opinion, split_part
from talk_assets.systems import stamps

_ROW_SPAN = 1_000
_EDITION = "4"
"""Raised where the same specs come to mean something else: hubs then look at everything once, as after an edit of specs."""


def compile_model(resolved: Resolved) -> Model:
    """The model of specs that have no errors."""
    plan = _Plan(resolved)
    return Model(plan.entities(), plan.fields(), plan.mappings(), _signature(resolved))


def _signature(resolved: Resolved) -> str:
    systems = resolved.catalog.system_specs
    told = [_EDITION, *(repr(systems[key]) for key in sorted(systems))]
    told += [f"{one.dataflow}/{one.key} {one.spec!r}" for one in resolved.mappings]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def property_fields(resolved: Resolved) -> dict[tuple[str, str], tuple[str, ...]]:
    """By entity and property: the fields that it says something about, or that make it."""
    plan = _Plan(resolved)
    found: dict[tuple[str, str], tuple[str, ...]] = {(node.entity, node.path): (root.name,) for node, root in plan.root.items()}
    for _, row, _ in plan.rows:
        whole, parts, _ = _whole_and_parts(row)
        if whole:
            names = tuple(plan.root[Node(part.entity.key, part.path)].name for part in parts)
            known = found.get((whole.entity.key, whole.path), ())
            found[whole.entity.key, whole.path] = tuple(dict.fromkeys((*known, *names)))
    return found


class _Plan:
    def __init__(self, resolved: Resolved) -> None:
        self.resolved = resolved
        self.subject_of = {entity.key: one.name for one in subjects(resolved) for entity in one.entities}
        self.rows = [
            (mapping, row, number * _ROW_SPAN + row.index)
            for number, mapping in enumerate(resolved.mappings)
            for row in mapping.rows
            if not row.is_identity and mapping_is_bound(mapping)
        ]
        self.edges = [edge for mapping, row, rank in self.rows if (edge := edge_of(row, rank))]
        self.root: dict[Node, Node] = {}
        self.to_root: dict[Node, Convert] = {}
        self.from_root: dict[Node, Convert] = {}
        self._spread()

    def _spread(self) -> None:
        """Give each property the field it belongs to, and the way its values take there and back."""
        nodes = [node for _, row, _ in self.rows for node in nodes_of(row)]
        by_node: dict[Node, list[tuple[Node, Convert, Convert]]] = {node: [] for node in nodes}
        for edge in self.edges:
            by_node[edge.source].append((edge.target, edge.back, edge.there))
            by_node[edge.target].append((edge.source, edge.there, edge.back))
        for group in components(nodes, [(edge.source, edge.target) for edge in self.edges]):
            root = group[0]
            self.root[root], self.to_root[root], self.from_root[root] = root, same, same
            waiting = deque([root])
            while waiting:
                at = waiting.popleft()
                for node, towards, away in by_node[at]:
                    if node not in self.root:
                        self.root[node] = root
                        self.to_root[node] = chain(towards, self.to_root[at])
                        self.from_root[node] = chain(self.from_root[at], away)
                        waiting.append(node)

    def fields(self) -> dict[str, FieldModel]:
        references: dict[Node, set[str]] = {}
        as_it_is: dict[Node, set[str]] = {}
        for node, root in self.root.items():
            references.setdefault(root, set()).update(self._names(node))
            as_it_is.setdefault(root, set()).update([node.name] if self.to_root[node] is same else [])
        rules = self._conflict_rules()
        return {
            root.name: FieldModel(
                root.name,
                self.subject_of[root.entity],
                frozenset(named),
                rules.get(root, "newest"),
                frozenset(as_it_is[root]),
            )
            for root, named in references.items()
        }

    def _conflict_rules(self) -> dict[Node, ConflictRule]:
        """Of a field that several rows join, the rule of the first that has another than the newest edit."""
        found: dict[Node, ConflictRule] = {}
        for mapping, row, _ in self.rows:
            rule = row.spec.conflicts or mapping.spec.conflicts
            if rule != "newest":
                for node in nodes_of(row):
                    found.setdefault(self.root[node], rule)
        return found

    def entities(self) -> dict[str, EntityModel]:
        return {
            key: EntityModel(
                self.resolved.entities[key],
                subject,
                tuple(sorted(self._columns(key))),
                tuple(self._contributions(self.resolved.entities[key])),
                {end.path: end.depends for end in self._ends(key) if end.depends},
            )
            for key, subject in self.subject_of.items()
        }

    def _columns(self, key: str) -> set[str]:
        """Every property of an entity that any stage looks at."""
        entity = self.resolved.entities[key]
        used: set[str] = set()
        for mapping in self.resolved.mappings:
            for match in mapping.matches:
                ends = [end for pair in match.pairs for end in pair if end.entity.key == key]
                used |= {path for end in ends for path in (end.path, *(one.path for one in end.depends))}
            if mapping.target.key == key:
                used |= made_in(mapping, self.resolved.mappings).keys()
            if mapping.source.key == key:
                for text in _expressions_over_source(mapping):
                    used |= compile_expression(text, entity.types).uses
        used |= {path for end in self._ends(key) for path in (end.path, *(one.path for one in end.depends))}
        for _, row, _ in self.rows:
            for text, ends in ((row.spec.to_target, row.sources), (row.spec.to_source, row.targets)):
                if text and ends[0].entity.key == key:
                    used |= compile_expression(text, entity.types).uses
        if entity.spec.parent:
            used.add(entity.spec.parent.property)
        # What a record that only joins this one names it by.
        others = entity.system.entities.values()
        used |= {other.joins.by for other in others if other.joins and other.joins.entity == entity.name}
        used |= {path for path, prop in entity.spec.properties.items() if prop.references}
        return used

    def _ends(self, key: str) -> Iterator[Endpoint]:
        """The properties of an entity that rows name."""
        for _, row, _ in self.rows:
            yield from (end for end in (*row.sources, *row.targets) if end.entity.key == key)

    def _contributions(self, entity: EntityRef) -> Iterator[Contribution]:
        seen: set[tuple[str, str]] = set()
        for edge in self.edges:
            for node, gives in ((edge.source, edge.gives), (edge.target, edge.takes)):
                if gives and node.entity == entity.key and (field := self.root[node].name, node.path) not in seen:
                    seen.add((field, node.path))
                    named = self._names(node)
                    text = pl.col(node.path)
                    text = self.to_root[node](text if named else fitted(text, entity.prop(node.path).type, node.path))
                    rank = edge.rank + (0 if node is edge.source else _ROW_SPAN // 2)
                    yield Contribution(field, Formula(text), rank, named, by_owner=bool(named) and self._is_alone(node))
        for _, row, rank in self.rows:
            yield from self._split(entity, row, rank)
            yield from self._computed(entity, row, rank)

    def _names(self, node: Node) -> frozenset[str]:
        entity = self.resolved.entities[node.entity]
        return frozenset(f"{entity.system.system}.{name}" for name in entity.prop(node.path).references)

    def _is_alone(self, node: Node) -> bool:
        """Whether no other property of the field can name a record of this kind."""
        others = [other for other, root in self.root.items() if root == self.root[node] and other.entity != node.entity]
        theirs = {self.subject_of.get(to) for other in others for to in self._names(other)}
        return not theirs & {self.subject_of.get(to) for to in self._names(node)}

    def _split(self, entity: EntityRef, row: ResolvedRow, rank: int) -> Iterator[Contribution]:
        """What a joined text says about the fields of its parts."""
        whole, parts, gives = _whole_and_parts(row)
        for number, (end, out) in enumerate((part, gives[1]) for part in parts):
            node = Node(end.entity.key, end.path)
            if end.entity.key == entity.key and out:
                yield Contribution(self.root[node].name, Formula(self.to_root[node](pl.col(end.path))), rank)
            if whole and whole.entity.key == entity.key and gives[0]:
                piece = split_part(pl.col(whole.path), row.spec.join or " ", number, len(parts))
                made = Formula(self.to_root[node](piece))
                yield Contribution(self.root[node].name, made, rank + _ROW_SPAN // 2, is_part=True)

    def _computed(self, entity: EntityRef, row: ResolvedRow, rank: int) -> Iterator[Contribution]:
        """What an expression over a record says about the field of the other side."""
        for text, reads, writes in _formulas(row):
            if reads[0].entity.key == entity.key:
                node = Node(writes[0].entity.key, writes[0].path)
                formula = over_record(text, entity)
                silent = pl.any_horizontal(pl.lit(value=False), *(~opinion(pl.col(path)) for path in sorted(formula.reads)))
                yield Contribution(self.root[node].name, replace(formula, silent=silent), rank)

    def mappings(self) -> tuple[MappingModel, ...]:
        numbers = count()
        return tuple(self._mapping(mapping, numbers) for mapping in self.resolved.mappings)

    def _mapping(self, mapping: ResolvedMapping, numbers: Iterator[int]) -> MappingModel:
        when, source, target = _condition(mapping), mapping.source.key, mapping.target.key
        made = made_by(mapping, self.resolved.mappings)
        return MappingModel(
            name=f"{mapping.dataflow}/{mapping.key}",
            source=source,
            target=target,
            subject=self.subject_of[source],
            creates=mapping.creates and mapping.target.spec.create is not None,
            when=over_record(when, mapping.source) if when else None,
            bound=mapping_is_bound(mapping),
            connected=frozenset(entity.key for entity in mapping.connected),
            on_create=dict(_given(mapping)),
            projections=self._projections(mapping),
            matches=tuple(_match(next(numbers), match, source, target) for match in mapping.matches),
            made=tuple(MatchModel(next(numbers), source, target, made=of) for of in made),
        )

    def _projections(self, mapping: ResolvedMapping) -> dict[str, tuple[Projection, ...]]:
        found: dict[str, dict[str, Projection]] = {mapping.source.key: {}, mapping.target.key: {}}
        for one, row, _ in self.rows:
            if one is not mapping:
                continue
            for projection, entity in self._of_row(row):
                found[entity].setdefault(projection.path, projection)
        return {entity: tuple(by_path.values()) for entity, by_path in found.items()}

    def _of_row(self, row: ResolvedRow) -> Iterator[tuple[Projection, str]]:
        documented = not row.spec.added
        whole, parts, gives = _whole_and_parts(row)
        if whole:
            fields = [self.root[Node(part.entity.key, part.path)] for part in parts]
            values = [
                self.from_root[Node(part.entity.key, part.path)](pl.col(root.name))
                for part, root in zip(parts, fields, strict=True)
            ]
            if gives[1]:
                names = tuple(root.name for root in fields)
                yield Projection(whole.path, Formula(joined(values, row.spec.join or " ")), names, documented), whole.entity.key
            for part, root, value in zip(parts, fields, values, strict=True):
                if gives[0]:
                    yield Projection(part.path, Formula(value), (root.name,), documented), part.entity.key
            return
        both = row.spec.direction == "both"
        for end, receives in (
            (row.targets[0], both or row.spec.direction == "to_target"),
            (row.sources[0], both or row.spec.direction == "to_source"),
        ):
            node = Node(end.entity.key, end.path)
            if receives and end.spec.access != "read_only":
                root = self.root[node]
                text = fitted(
                    self.from_root[node](pl.col(root.name)), "string" if end.spec.references else end.spec.type, end.path
                )
                yield Projection(end.path, Formula(text), (root.name,), documented), end.entity.key


def _match(number: int, match: ResolvedMatch, source: str, target: str) -> MatchModel:
    sides = tuple(zip(*match.pairs, strict=True))
    here, there = (tuple(one for end in ends for one in end.depends) for ends in sides)
    pairs = tuple((here.path, there.path) for here, there in match.pairs)
    return MatchModel(number, source, target, pairs, depends=(here, there))


def mapping_is_bound(mapping: ResolvedMapping) -> bool:
    """Whether all that the document says can be done; a condition in words alone cannot."""
    create = mapping.spec.create
    return not (isinstance(create, WhenCondition | WhenConnected) and create.condition is not None and create.when is None)


def _condition(mapping: ResolvedMapping) -> str | None:
    create = mapping.spec.create
    return create.when if isinstance(create, WhenCondition | WhenConnected) else None


def _expressions_over_source(mapping: ResolvedMapping) -> Iterator[str]:
    if when := _condition(mapping):
        yield when
    yield from (value.expression for value in mapping.spec.on_create.values() if isinstance(value, Expression))


def _given(mapping: ResolvedMapping) -> Iterator[tuple[str, Constant | Formula]]:
    for name, value in mapping.spec.on_create.items():
        path = mapping.target.find(name) or name
        if isinstance(value, Expression):
            yield path, over_record(value.expression, mapping.source)
        else:
            yield path, _in_utc(value) if mapping.target.prop(path).type == "datetime" else value


def _in_utc(value: Constant) -> Constant:
    """A time as a spec writes it, in the form that times have between stages."""
    moment = stamps.instant(value) if isinstance(value, str) else None
    return moment.at().replace(tzinfo=None).isoformat(timespec="microseconds") if moment else value


def _formulas(row: ResolvedRow) -> Iterator[tuple[str, Sequence[Endpoint], Sequence[Endpoint]]]:
    if row.spec.to_target and row.spec.direction in ("both", "to_target"):
        yield row.spec.to_target, row.sources, row.targets
    if row.spec.to_source and row.spec.direction in ("both", "to_source"):
        yield row.spec.to_source, row.targets, row.sources


def _whole_and_parts(row: ResolvedRow) -> tuple[Endpoint | None, Sequence[Endpoint], tuple[bool, bool]]:
    """Of a joined row: the property that holds the whole text, those that hold parts, and who gives to whom."""
    if not row.spec.join:
        return None, (), (False, False)
    to_target, to_source = (row.spec.direction in ("both", way) for way in ("to_target", "to_source"))
    if len(row.sources) == 1:
        return row.sources[0], row.targets, (to_target, to_source)
    return row.targets[0], row.sources, (to_source, to_target)


def computed_by(row: ResolvedRow) -> tuple[Formula, Endpoint] | None:
    """What a row's expression makes of the columns of the record that it reads, and the property that should hold it; where
    there is one for each way, of the way there.
    """
    for text, reads, writes in _formulas(row):
        return over_record(text, reads[0].entity), writes[0]
    return None
