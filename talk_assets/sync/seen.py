"""What merging has read of a few clusters, as it left it: planning goes on with it instead of reading it again."""

from dataclasses import dataclass

import polars as pl

from talk_assets.hub import Hub
from talk_assets.hub.tables import members, records

_MEMBERS = ["cluster", "entity", "id", "shape", "accepted"]
_RECORDS = ["entity", "id", "shape", "vals"]


@dataclass(frozen=True)
class Seen:
    clusters: pl.DataFrame
    """cluster"""
    members: pl.DataFrame
    """cluster, entity, id, shape, accepted: of all members of those clusters"""
    records: pl.DataFrame
    """entity, id, shape, vals: of those members that are there"""
    position: int
    """Of the hub, when this was so."""


def note(
    hub: Hub, clusters: pl.DataFrame, placed: pl.DataFrame, sides: pl.DataFrame, agreed: pl.DataFrame | None = None
) -> Seen:
    """`placed` are the members of clusters as they were read, `sides` what their records hold, `agreed` those of the members
    that were changed in the same transaction.
    """
    there = placed.select(_MEMBERS)
    return Seen(
        clusters=clusters.select("cluster"),
        members=there if agreed is None else there.update(agreed.select(_MEMBERS), on=members.KEY, include_nulls=True),
        records=sides.select(_RECORDS),
        position=hub.position(),
    )


def look(hub: Hub, clusters: pl.DataFrame, seen: Seen | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The members of clusters (`cluster`) and what their records hold, as Seen has both. What was seen is not read again,
    unless something was written since, or may have been taken away, which no position tells.
    """
    if seen is None or hub.address.is_shared or seen.position != hub.position():
        return _read(hub, clusters)
    unseen = clusters.join(seen.clusters, on="cluster", how="anti")
    parts = [(seen.members.join(clusters, on="cluster", how="semi"), seen.records), _read(hub, unseen)]
    return pl.concat([one for one, _ in parts]), pl.concat([other for _, other in parts])


def _read(hub: Hub, clusters: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    placed = members.of(hub, clusters, _MEMBERS)
    return placed, records.of(hub, placed, _RECORDS)
