"""Rows that keep two properties equal, and what values are called on the way from one to the other."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from talk_assets.specs.model import as_text
from talk_assets.specs.resolve import Endpoint, ResolvedRow
from talk_assets.sync.meaning.values import day_of, replaced, start_of

Convert = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class Node:
    """One property of one entity."""

    entity: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.entity}.{self.path}"


@dataclass(frozen=True)
class Edge:
    """A row that keeps two properties equal, perhaps under other names for their values."""

    source: Node
    target: Node
    there: Convert
    back: Convert
    gives: bool
    """Source values go to the target."""
    takes: bool
    rank: int


def nodes_of(row: ResolvedRow) -> list[Node]:
    return [
        Node(end.entity.key, end.path) for end in (*row.sources, *row.targets) if not (row.spec.join and _is_whole(row, end))
    ]


def _is_whole(row: ResolvedRow, end: Endpoint) -> bool:
    return end in (row.sources if len(row.sources) == 1 else row.targets)


def edge_of(row: ResolvedRow, rank: int) -> Edge | None:
    """The row as an edge between two properties; joined and computed rows are none."""
    if row.spec.join or row.spec.to_target or row.spec.to_source:
        return None
    source, target = row.pair
    there, back = _conversions(row)
    gives = row.spec.direction in ("both", "to_target")
    takes = row.spec.direction in ("both", "to_source")
    ends = Node(source.entity.key, source.path), Node(target.entity.key, target.path)
    return Edge(*ends, there, back, gives, takes, rank)


def _conversions(row: ResolvedRow) -> tuple[Convert, Convert]:
    """Of values: to the target's words, and back to the source's."""
    source, target = row.pair
    if zone := zone_of_days(row):
        to_days = partial(day_of, zone=zone)
        if target.spec.type == "date":
            return to_days, partial(start_of, zone=zone, path=source.path)
        return partial(start_of, zone=zone, path=target.path), to_days
    if row.spec.values is None:
        return same, same
    values = {key: as_text(value) for key, value in row.spec.values.items()}
    turned = {value: key for key, value in values.items()}
    return lambda text: replaced(text, values, source.path), lambda text: replaced(text, turned, target.path)


def zone_of_days(row: ResolvedRow) -> str | None:
    """Of a row between days and moments: the zone by which a moment is of a day, that of the system with the moments."""
    kinds = {end.spec.type: end.entity.system.time_zone for end in (*row.sources, *row.targets)}
    return kinds["datetime"] if row.is_plain and not row.spec.values and kinds.keys() == {"date", "datetime"} else None


def same(text: pl.Expr) -> pl.Expr:
    return text


def chain(first: Convert, then: Convert) -> Convert:
    """Of two that change nothing, `same`."""
    if first is same:
        return then
    return first if then is same else lambda text: then(first(text))
