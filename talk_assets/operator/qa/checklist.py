"""The dataflow documents as checklists: what there is to tick, what a tick is, and what the list says in the end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping, ResolvedRow


class State(StrEnum):
    ticked = "ticked"
    explained = "explained"
    """The real API cannot take it, and the spec says why (R25)."""
    missed = "missed"


class Way(StrEnum):
    """How a row can show that it works."""

    created = "created"
    """The value came along when the counterpart was created."""
    there = "there"
    """An edit of the source arrives at the target."""
    back = "back"


@dataclass(frozen=True)
class Evidence:
    edited: str
    """The record that a person edited or made."""
    wrote: str
    arrived: str
    """The record that was looked at afterwards."""
    before: str | None = None
    after: str | None = None
    cycles: int = 0


@dataclass(frozen=True)
class Tick:
    state: State
    reason: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True)
class RowCheck:
    source: str
    target: str
    documented: bool
    ticks: Mapping[Way, Tick] = field(default_factory=dict)
    by_link: Tick | None = None
    """Of a row of ids: the link, which is all that such a row asks for."""

    @property
    def label(self) -> str:
        return f"{self.source} ↔ {self.target}"

    @property
    def state(self) -> State:
        """Ticked when something was seen to work and nothing that can work was seen to fail."""
        ticks = [self.by_link] if self.by_link else [*self.ticks.values()]
        states = {tick.state for tick in ticks}
        if State.missed in states or not states:
            return State.missed
        return State.ticked if State.ticked in states else State.explained


@dataclass(frozen=True)
class MappingCheck:
    dataflow: str
    title: str
    source: str
    target: str
    creation: Tick
    link: Tick
    rows: tuple[RowCheck, ...]

    @property
    def is_ticked(self) -> bool:
        steps = {self.creation.state, self.link.state}
        return steps <= {State.ticked, State.explained} and State.ticked in steps and not self.missed

    @property
    def missed(self) -> list[RowCheck]:
        return [row for row in self.rows if row.state is State.missed]


@dataclass(frozen=True)
class Explained:
    """A direction that a real API cannot take."""

    mapping: str
    row: str
    way: Way
    reason: str


@dataclass(frozen=True)
class Report:
    mappings: tuple[MappingCheck, ...]
    cycles: int
    seconds: float
    problems: tuple[str, ...] = ()
    """What went wrong beside the list: an entity that cannot be read, a system that lets nobody in."""

    def rows(self, *, documented: bool) -> list[RowCheck]:
        return [row for mapping in self.mappings for row in mapping.rows if row.documented is documented]

    @property
    def explained(self) -> list[Explained]:
        return list(self._explained())

    def _explained(self) -> Iterator[Explained]:
        for mapping in self.mappings:
            for row in mapping.rows:
                for way, tick in row.ticks.items():
                    if tick.state is State.explained:
                        yield Explained(f"{mapping.source} → {mapping.target}", row.label, way, tick.reason)

    @property
    def tallies(self) -> list[tuple[str, int, int]]:
        """What is counted, how many of it are ticked, and how many there are."""
        return [
            ("mappings", sum(one.is_ticked for one in self.mappings), len(self.mappings)),
            ("documented rows", *_ticked(self.rows(documented=True))),
            ("added rows", *_ticked(self.rows(documented=False))),
        ]

    @property
    def is_passed(self) -> bool:
        """Nothing was missed; rows of which nothing can work in the real API are not ticked, and no fault either."""
        return not self.problems and all(mapping.is_ticked for mapping in self.mappings)


def _ticked(rows: list[RowCheck]) -> tuple[int, int]:
    return sum(row.state is State.ticked for row in rows), len(rows)


@dataclass(frozen=True)
class Item:
    """One row of a document's list, to be worked through."""

    mapping: ResolvedMapping
    row: ResolvedRow

    @property
    def key(self) -> tuple[str, int]:
        return f"{self.mapping.dataflow}/{self.mapping.key}", self.row.index

    @property
    def is_reference(self) -> bool:
        return self.row.is_plain and bool(self.row.sources[0].spec.references or self.row.targets[0].spec.references)

    def ends(self, way: Way) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
        """Where an edit is made, and where it should arrive."""
        return (self.row.targets, self.row.sources) if way is Way.back else (self.row.sources, self.row.targets)


def items(resolved: Resolved) -> list[Item]:
    """Every row of every document, in their order."""
    return [Item(mapping, row) for mapping in resolved.mappings for row in mapping.rows]


def row_check(item: Item, ticks: Mapping[Way, Tick], link: Tick) -> RowCheck:
    source, target = (_named(ends) for ends in item.ends(Way.there))
    by_link = link if item.row.is_identity else None
    return RowCheck(source, target, not item.row.spec.added, {} if by_link else dict(ticks), by_link)


def _named(ends: tuple[Endpoint, ...]) -> str:
    return " + ".join(end.cell.text for end in ends)


def limit(end: Endpoint) -> str | None:
    """Why a property of a record that exists cannot be changed, in the words of its spec."""
    spec = end.entity.spec
    declared = next((one.reason for one in spec.limitations if one.property == end.path and one.cannot == "update"), None)
    if declared:
        return declared
    if spec.update is None:
        return f"{spec.title} cannot be changed through this API."
    if end.spec.access == "create_only":
        return f"{end.path} can only be given when a record is created."
    if end.spec.access == "read_only":
        return f"{end.path} is set by {end.entity.system.title} itself."
    return None
