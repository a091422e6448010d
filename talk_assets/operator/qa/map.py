"""Who is linked with whom, and which record a reference should name: what QA reads from the hub and from the systems."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from talk_assets.operator.qa.checklist import Item, Way
from talk_assets.operator.qa.users import Users
from talk_assets.operator.qa.values import Values, told
from talk_assets.specs.resolve import Endpoint, EntityRef, ResolvedMapping
from talk_assets.sync.world import World
from talk_assets.systems import strict_json
from talk_assets.systems.encode import decode, missing, raw_at
from talk_assets.systems.errors import Mistyped


@dataclass(frozen=True)
class Made:
    """A record that a person made for one mapping."""

    mapping: ResolvedMapping
    number: int
    id: str
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.mapping.source}/{self.id}"


@dataclass(frozen=True)
class Sibling:
    """Beside a reference to a record that somebody owns: the property that names the owner."""

    path: str
    owned: str
    """The entity of the owned record."""
    owner: str
    owner_path: str
    """The property of the owned record that names its owner."""


@dataclass
class Map:
    world: World
    users: Users
    clusters: dict[int, dict[str, str]] = field(default_factory=dict)
    """By cluster: the id of its record of each entity."""
    places: dict[tuple[str, str], int] = field(default_factory=dict)

    def refresh(self) -> None:
        self.clusters.clear()
        self.places.clear()
        for cluster, entity, id_ in self.world.hub.read("SELECT cluster, entity, id FROM members ORDER BY cluster").iter_rows():
            self.clusters.setdefault(cluster, {})[entity] = id_
            self.places[entity, id_] = cluster

    def numbers(self, values: Values) -> None:
        """Note the whole numbers that are in use."""
        for entity, body in self.world.hub.read("SELECT entity, body FROM records").iter_rows():
            if entity in self.world.model.entities:
                record = strict_json.loads(body)
                for path, prop in self.world.entity(entity).spec.properties.items():
                    raw = raw_at(record, path)
                    if prop.type == "integer" and isinstance(raw, int):
                        values.take(entity, path, raw)

    def counterpart(self, entity: str, id_: str, other: str) -> str | None:
        cluster = self.places.get((entity, id_))
        return None if cluster is None else self.clusters[cluster].get(other)

    def seen(self, end: Endpoint, id_: str) -> str | None:
        """What a record holds, as a text."""
        raw = raw_at(self.users.look(end.entity.key, id_), end.path)
        if missing(raw):
            return None
        try:
            return told(decode(end.spec, strict_json.loads(strict_json.dumps(raw)), end.path, end.entity.system.time_zone))
        except Mistyped as failure:
            return f"({failure})"

    # References

    def sibling(self, end: Endpoint) -> Sibling | None:
        spec = end.entity.spec
        for name in end.spec.references:
            parent = end.entity.system.entities[name].parent
            if parent is None:
                continue
            path = next((path for path, prop in spec.properties.items() if parent.entity in prop.references), None)
            if path:
                return Sibling(path, key(end, name), key(end, parent.entity), parent.property)
        return None

    def is_dependent(self, item: Item) -> bool:
        """Whether what may be named depends on another property of the same record."""
        return item.is_reference and any(self.sibling(end) for end in item.row.pair)

    def goes_through_owner(self, item: Item) -> bool:
        """Whether the other side knows no records of this kind, only those that own them."""
        return item.is_reference and not kinds_named(self.world, item.row.sources[0]) & kinds_named(
            self.world, item.row.targets[0]
        )

    def hears_owner(self, end: Endpoint) -> bool:
        """Whether the engine takes a reference for a word about the named record's owner."""
        names = frozenset(key(end, to) for to in end.spec.references)
        return any(one.by_owner and one.references == names for one in self.world.entity(end.entity.key).contributions)

    def named(self, end: Endpoint, id_: str) -> int | None:
        """The cluster of the record that a reference names."""
        return next((found for to in end.spec.references if (found := self.places.get((key(end, to), id_)))), None)

    def expected(self, item: Item, way: Way, id_: str) -> str | None:
        """The id by which the other side should name the same record, or else its owner."""
        (here,), (there,) = item.ends(way)
        cluster = self.named(here, id_)
        found = self._id_in(cluster, there)
        sibling = self.sibling(here)
        if found is None and sibling:
            found = self._id_in(self.places.get((sibling.owner, self.owner(sibling, id_))), there)
        return found

    def owner(self, sibling: Sibling, id_: str) -> str:
        return str(raw_at(self.users.look(sibling.owned, id_), sibling.owner_path))

    def _id_in(self, cluster: int | None, end: Endpoint) -> str | None:
        members = self.clusters.get(cluster or 0, {})
        return next((members[key(end, to)] for to in end.spec.references if key(end, to) in members), None)

    def choices(self, item: Item, way: Way, made: Sequence[Made], apart_from: set[str]) -> Iterator[str]:
        """Ids that a reference may be pointed to: spare records of ours first, then any that both sides know."""
        (here,), _ = item.ends(way)
        entities = [key(here, to) for to in here.spec.references]
        own = [self.places.get((str(one.mapping.source), one.id)) for one in made if one.number > 0]
        for cluster in dict.fromkeys([*(one for one in own if one), *self.clusters]):
            id_ = next((self.clusters[cluster][one] for one in entities if one in self.clusters.get(cluster, {})), None)
            if id_ and id_ not in apart_from and self.expected(item, way, id_):
                yield id_


def key(end: Endpoint, entity: str) -> str:
    return f"{end.entity.system.system}.{entity}"


def kinds_named(world: World, end: Endpoint) -> set[str]:
    """The subjects of the records that a reference can name; those of kinds that no mapping links are in their specs."""
    known = world.model.entities
    return {
        known[key(end, to)].subject if key(end, to) in known else end.entity.system.entities[to].subject
        for to in end.spec.references
    }


def owner_of(entity: EntityRef, path: str) -> str | None:
    """The entity to whose records a property shown here belongs, where this one only joins them."""
    joins = entity.spec.joins
    return f"{entity.system.system}.{joins.entity}" if joins and path in joins.owns else None
