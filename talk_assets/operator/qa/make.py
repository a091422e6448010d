"""New source records, as a person would make them: every mapped property filled, whatever is required given."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from talk_assets.operator.qa.checklist import Item, Way, limit
from talk_assets.operator.qa.map import Made, Map, key
from talk_assets.operator.qa.users import Users
from talk_assets.operator.qa.values import Values
from talk_assets.specs.resolve import Cell, Endpoint, EntityRef, Resolved, ResolvedMapping
from talk_assets.systems.encode import encode

SPARE = 3
"""Records made for a mapping whose records others refer to: one that is named first, and two to point to afterwards."""


class Maker:
    def __init__(self, resolved: Resolved, items: Sequence[Item], people: Users, here: Map, values: Values) -> None:
        self._resolved = resolved
        self._items = items
        self._users = people
        self._map = here
        self._values = values
        self.made: list[Made] = []

    def mappings(self) -> list[ResolvedMapping]:
        """Those first whose records others refer to."""
        sources = {str(mapping.source): mapping.source for mapping in self._resolved.mappings}
        before = {name: (self._referred(entity) & sources.keys()) - {name} for name, entity in sources.items()}
        try:
            order = list(TopologicalSorter(before).static_order())
        except CycleError:
            order = list(sources)
        return sorted(self._resolved.mappings, key=lambda mapping: order.index(str(mapping.source)))

    def how_many(self, mapping: ResolvedMapping) -> int:
        referred = {one for other in self._resolved.mappings for one in self._referred(other.source)}
        if str(mapping.source) in referred:
            return SPARE
        return 2 if any(self._map.is_dependent(item) for item in self._of(mapping)) else 1

    def make(self, mapping: ResolvedMapping, number: int) -> Made:
        values: dict[str, Any] = {}
        for item in self._of(mapping):
            if item.row.is_identity:
                continue
            if item.is_reference:
                values |= self._reference(item, number)
                continue
            for end in item.row.sources:
                if end.path not in values and (not limit(end) or end.spec.access == "create_only"):
                    values[end.path] = self._values.new((end, *item.row.targets) if item.row.is_plain else (end,))
        values |= self._required(mapping.source, values)
        written = {path: _written(mapping.source, path, value) for path, value in values.items()}
        made = Made(mapping, number, self._users.add(str(mapping.source), written), values)
        self.made.append(made)
        return made

    def _of(self, mapping: ResolvedMapping) -> list[Item]:
        return [item for item in self._items if item.mapping is mapping]

    def _referred(self, entity: EntityRef) -> set[str]:
        used = {end.path for item in self._items if item.mapping.source == entity for end in item.row.sources}
        used |= {path for path, prop in entity.spec.properties.items() if prop.required}
        return {f"{entity.system.system}.{to}" for path in used for to in entity.prop(path).references}

    def _reference(self, item: Item, number: int) -> dict[str, Any]:
        """What a new record names, and beside it who owns that."""
        end = item.row.sources[0]
        if self._map.is_dependent(item) and number != 1:
            return {}
        names_its_own_kind = item.mapping.source.name in end.spec.references
        chosen = None if names_its_own_kind else self._first(end)
        chosen = chosen or next(self._map.choices(item, Way.there, (), set()), None)
        sibling = self._map.sibling(end)
        if chosen is None or sibling is None:
            return {} if chosen is None else {end.path: chosen}
        return {sibling.path: self._map.owner(sibling, chosen), end.path: chosen}

    def _first(self, end: Endpoint) -> str | None:
        entities = [key(end, to) for to in end.spec.references]
        return next((one.id for one in self.made if str(one.mapping.source) in entities), None)

    def _required(self, entity: EntityRef, given: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path, prop in entity.spec.properties.items():
            if prop.required and prop.default is None and path not in given and path not in entity.spec.where:
                end = Endpoint(entity, path, Cell(path, path))
                chosen = self._first(end) if prop.references else self._values.new((end,))
                if chosen is not None:
                    found[path] = chosen
        return found


def _written(entity: EntityRef, path: str, value: Any) -> Any:
    return encode(entity.prop(path), value, path, entity.system.time_zone)
