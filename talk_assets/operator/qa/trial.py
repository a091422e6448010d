"""One direction of one row on its way: what was written, where it should arrive, and what was seen there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from talk_assets.hub.tables import changes
from talk_assets.operator.qa.checklist import Evidence, Item, State, Tick, Way
from talk_assets.operator.qa.map import Map

_THROUGH_OWNER = (
    "The other side knows only who owns the named record, and names that one. "
    "The property for owners beside it must say the same, so this is all that can be seen."
)
_UNHEARD = "the engine does not take it for a word about the owner"
Held = dict[str, str | None]
"""Values by property."""


@dataclass
class Trial:
    item: Item
    way: Way
    edited: str
    """The record that was edited."""
    wrote: str
    find: Callable[[], str | None]
    """Gives the id of the record where something should arrive, once there is one."""
    expect: Callable[[], Mapping[str, str | None]]
    before: Held = field(default_factory=dict)
    obstacle: str | None = None
    """Why the API there cannot take it, in its spec's words."""
    arrived: int | None = None
    after: Held = field(default_factory=dict)

    @property
    def entity(self) -> str:
        return str(self.item.ends(self.way)[1][0].entity)

    def observe(self, here: Map, cycles: int) -> None:
        id_ = self.find()
        if id_ is None:
            return
        wanted = self.expect()
        self.after = {end.path: here.seen(end, id_) for end in self.item.ends(self.way)[1]}
        is_there = self.after == dict(wanted)
        self.arrived = (self.arrived or cycles) if is_there else None

    def tick(self, here: Map, cycles: int) -> Tick:
        id_ = self.find()
        evidence = Evidence(
            self.edited, self.wrote, f"{self.entity}/{id_ or '?'}", told(self.before), told(self.after), self.arrived or cycles
        )
        wanted = told(dict(self.expect())) if id_ else None
        if self.arrived is not None and self.before != self.after:
            through = self.item.is_reference and here.goes_through_owner(self.item)
            if through and not here.hears_owner(self.item.row.sources[0]):
                return Tick(State.missed, _UNHEARD, evidence)
            return Tick(State.ticked, _THROUGH_OWNER if through else "", evidence)
        said = _said(here, self.entity, id_, {end.path for end in self.item.ends(self.way)[1]})
        if self.obstacle and said and "refused" in said:
            return Tick(State.explained, self.obstacle, evidence)
        if self.arrived is not None:
            return Tick(State.missed, "it held that value already", evidence)
        return Tick(State.missed, f"{wanted!r} did not arrive{f': {said}' if said else ''}", evidence)


def _said(here: Map, entity: str, id_: str | None, paths: set[str]) -> str | None:
    """What the engine says of a write that is still open."""
    rows = changes.of(here.world.hub, entity)
    cluster = here.places.get((entity, id_ or ""))
    for row in rows.iter_rows(named=True):
        if row["cluster"] == cluster and (row["kind"] == "create" or paths & set(row["paths"] or ())):
            return f"{row['state']}: {row['reason']}"
    return None


def told(held: Mapping[str, str | None]) -> str | None:
    if not held:
        return None
    if len(held) == 1:
        return next(iter(held.values()))
    return ", ".join(f"{path}: {value}" for path, value in held.items())
