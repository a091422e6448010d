"""What the mappings make of the entities together: subjects, fields and cycles."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping

Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True)
class Subject:
    """Entities that mappings connect: their linked records are the same thing."""

    name: str
    entities: tuple[EntityRef, ...]
    mappings: tuple[ResolvedMapping, ...]


def subjects(resolved: Resolved) -> tuple[Subject, ...]:
    """The connected components of the mapping graph, each named after what most of its entities describe."""
    edges = [(mapping.source.key, mapping.target.key) for mapping in resolved.mappings]
    found: list[Subject] = []
    taken: Counter[str] = Counter()
    for keys in components((key for edge in edges for key in edge), edges):
        entities = tuple(resolved.entities[key] for key in keys)
        mappings = tuple(mapping for mapping in resolved.mappings if mapping.source.key in keys)
        name = _subject_name(entities)
        taken[name] += 1
        found.append(Subject(name if taken[name] == 1 else f"{name}_{taken[name]}", entities, mappings))
    return tuple(found)


def _subject_name(entities: Sequence[EntityRef]) -> str:
    votes = Counter(entity.spec.subject for entity in entities)
    return min(votes, key=lambda name: (-votes[name], name))


def fields(mappings: Iterable[ResolvedMapping]) -> list[list[Endpoint]]:
    """The properties that rows join: each list is one idea, written differently in each entity."""
    endpoints: dict[Hashable, Endpoint] = {}
    edges: list[tuple[Hashable, Hashable]] = []
    for mapping in mappings:
        for row in mapping.rows:
            if row.is_plain and not row.is_identity:
                source, target = row.pair
                endpoints[source.identity], endpoints[target.identity] = source, target
                edges.append((source.identity, target.identity))
    return [[endpoints[identity] for identity in group] for group in components(endpoints, edges)]


def creation_cycles(mappings: Sequence[ResolvedMapping]) -> list[tuple[ResolvedMapping, ...]]:
    """Ways along which a created record leads back to the entity it came from, one for each entity set."""
    leaving: dict[str, list[ResolvedMapping]] = {}
    for mapping in mappings:
        if mapping.creates:
            leaving.setdefault(mapping.source.key, []).append(mapping)
    found: dict[frozenset[str], tuple[ResolvedMapping, ...]] = {}
    for start in sorted(leaving):
        for cycle in _ways_back(start, start, leaving, ()):
            found.setdefault(frozenset(mapping.source.key for mapping in cycle), cycle)
    return list(found.values())


def _ways_back(
    start: str, at: str, leaving: Mapping[str, Sequence[ResolvedMapping]], way: tuple[ResolvedMapping, ...]
) -> Iterator[tuple[ResolvedMapping, ...]]:
    visited = {mapping.source.key for mapping in way}
    for mapping in leaving.get(at, ()):
        following = mapping.target.key
        if following == start:
            yield (*way, mapping)
        elif following > start and following not in visited and following != at:
            yield from _ways_back(start, following, leaving, (*way, mapping))


def components(nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]]) -> list[list[Node]]:
    """Connected components, in the order in which their first node appears."""
    parent: dict[Node, Node] = {node: node for node in nodes}

    def root(node: Node) -> Node:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, other in edges:
        parent[root(other)] = root(one)
    groups: dict[Node, list[Node]] = {}
    for node in parent:
        groups.setdefault(root(node), []).append(node)
    return list(groups.values())
