"""What the mappings make of the entities together: subjects, fields and cycles."""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from talk_assets.specs.naming import distinct
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
    by_source: defaultdict[str, list[tuple[int, ResolvedMapping]]] = defaultdict(list)
    for number, mapping in enumerate(resolved.mappings):
        by_source[mapping.source.key].append((number, mapping))
    for keys in components((key for edge in edges for key in edge), edges):
        entities = tuple(resolved.entities[key] for key in keys)
        numbered = sorted((found for key in keys for found in by_source[key]), key=lambda found: found[0])
        mappings = tuple(mapping for _, mapping in numbered)
        found.append(Subject(_subject_name(entities), entities, mappings))
    names = distinct((number, subject.name) for number, subject in enumerate(found))
    return tuple(replace(subject, name=names[number]) for number, subject in enumerate(found))


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


@dataclass(frozen=True)
class Circle:
    """Entities from each of which a created record leads to all the others, and back."""

    way: tuple[ResolvedMapping, ...]
    """A shortest way round."""
    mappings: tuple[ResolvedMapping, ...]
    """All that lead from one of the entities to another: each is part of some way round."""


def circles(mappings: Sequence[ResolvedMapping]) -> list[Circle]:
    """Where creation leads back to the entity it came from; an entity that makes more of itself is a circle of its own."""
    making = [mapping for mapping in mappings if mapping.creates and mapping.source.key != mapping.target.key]
    leaving: dict[str, list[ResolvedMapping]] = {}
    for mapping in making:
        leaving.setdefault(mapping.source.key, []).append(mapping)
    group_of = _strong_components(leaving)
    inside: dict[int, list[ResolvedMapping]] = {}
    for mapping in making:
        if group_of[mapping.source.key] == group_of[mapping.target.key]:
            inside.setdefault(group_of[mapping.source.key], []).append(mapping)
    round_trips = [Circle(_shortest_way_round(found), tuple(found)) for found in inside.values()]
    of_its_own = [mapping for mapping in mappings if mapping.creates and mapping.source.key == mapping.target.key]
    return [*round_trips, *(Circle((mapping,), (mapping,)) for mapping in of_its_own)]


def _strong_components(leaving: Mapping[str, Sequence[ResolvedMapping]]) -> dict[str, int]:
    """Tarjan's algorithm without recursion: entities get the same number where each leads to the other."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    group_of: dict[str, int] = {}
    stack: list[str] = []
    for start in leaving:
        if start in number:
            continue
        ways = [(start, iter(leaving.get(start, ())))]
        while ways:
            at, rest = ways[-1]
            if at not in number:
                number[at] = lowest[at] = len(number)
                stack.append(at)
            following = next((mapping.target.key for mapping in rest), None)
            if following is None:
                ways.pop()
                if lowest[at] == number[at]:
                    _close_group(at, stack, group_of)
                if ways:
                    above = ways[-1][0]
                    lowest[above] = min(lowest[above], lowest[at])
            elif following not in number:
                ways.append((following, iter(leaving.get(following, ()))))
            elif following not in group_of:
                lowest[at] = min(lowest[at], number[following])
    return group_of


def _close_group(root: str, stack: list[str], group_of: dict[str, int]) -> None:
    group = len(group_of)
    while True:
        member = stack.pop()
        group_of[member] = group
        if member == root:
            return


def _shortest_way_round(mappings: Sequence[ResolvedMapping]) -> tuple[ResolvedMapping, ...]:
    """From the first entity by name back to itself; in a circle there is always a way."""
    leaving: dict[str, list[ResolvedMapping]] = {}
    for mapping in mappings:
        leaving.setdefault(mapping.source.key, []).append(mapping)
    start = min(leaving)
    came_by: dict[str, ResolvedMapping] = {}
    waiting = deque([start])
    while start not in came_by:
        for mapping in leaving[waiting.popleft()]:
            if mapping.target.key not in came_by:
                came_by[mapping.target.key] = mapping
                waiting.append(mapping.target.key)
    way = [came_by[start]]
    while way[0].source.key != start:
        way.insert(0, came_by[way[0].source.key])
    return tuple(way)


class Meetings(Generic[Node]):
    """Components that grow by one edge after the other, and remember when two nodes came together."""

    def __init__(self) -> None:
        self.above: dict[Node, tuple[Node, int]] = {}
        self.size: dict[Node, int] = {}

    def join(self, one: Node, other: Node, time: int) -> None:
        small, large = sorted((self._ways_up(one)[-1][0], self._ways_up(other)[-1][0]), key=lambda root: self.size.get(root, 1))
        if small != large:
            self.above[small] = (large, time)
            self.size[large] = self.size.get(small, 1) + self.size.get(large, 1)

    def met(self, one: Node, other: Node) -> int | None:
        """When one and the other came together: of all joints between them, the last."""
        times = dict(self._ways_up(one))
        return next((max(time, times[node]) for node, time in self._ways_up(other) if node in times), None)

    def _ways_up(self, node: Node) -> list[tuple[Node, int]]:
        """A node and those above it, each with the last joint on the way; short, since smaller hangs below larger."""
        way = [(node, -1)]
        while node in self.above:
            node, time = self.above[node]
            way.append((node, max(time, way[-1][1])))
        return way


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
