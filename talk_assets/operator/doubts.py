"""Records that rules recognise in several places, or where another record is already: which, by what, and what to do."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from talk_assets.hub.tables import members
from talk_assets.operator.names import ERASED
from talk_assets.specs.problems import few
from talk_assets.sync.world import World


@dataclass(frozen=True)
class Candidate:
    """What an ambiguous record could be."""

    record: str
    rules: tuple[str, ...]
    """That recognise it."""
    instead: str | None
    """The record of the same entity that it is linked with already."""

    def __str__(self) -> str:
        taken = f", and is linked with {self.instead} already" if self.instead else ""
        return f"{self.record}, by {'; '.join(self.rules)}{taken}"


@dataclass(frozen=True)
class Doubt:
    """A record that is linked with none of its candidates."""

    record: str
    since: datetime
    candidates: tuple[Candidate, ...]

    @property
    def reason(self) -> str:
        return f"it could be {few([one.record for one in self.candidates], most=10) or ERASED}"

    @property
    def action(self) -> str:
        if not self.candidates:
            return f"the same thing: `talk link {self.record} OTHER`; otherwise nothing"
        first = self.candidates[0]
        link, unlink = (f"`talk {verb} {self.record} {first.record}`" for verb in ("link", "unlink"))
        if first.instead is None:
            return f"the same thing: {link}; another one: {unlink}"
        return (
            f"{first.record} is linked with {first.instead} already; another thing than that: {unlink}; the one that should be "
            f"linked instead: `talk unlink {first.instead}`, then {link}; a double of {first.instead}: keep one of them"
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it, for people."""
        head = f"{self.record} is ambiguous: it is linked with none of these, since it is not certain which of them it is"
        return (head, *(f"    {one}" for one in self.candidates), f"    → {self.action}")


def doubts(world: World, rows: pl.DataFrame) -> list[Doubt]:
    """What rows of the hub's `ambiguous` say, record by record."""
    rules = {match.number: match.told for match in world.model.matches}
    named = rows.with_columns(
        by=pl.col("rule").cast(pl.Int64).replace_strict(rules, default="a rule of before", return_dtype=pl.String)
    )
    each = (
        named.explode("candidates")
        .rename({"candidates": "candidate"})
        .drop_nulls("candidate")
        .group_by("entity", "id", "candidate", maintain_order=True)
        .agg(pl.col("by").unique(maintain_order=True))
        .join(_instead(world, named), on=["entity", "candidate"], how="left", maintain_order="left")
    )
    candidates = {
        key: tuple(Candidate(*told) for told in part.select("candidate", pl.col("by"), "instead").iter_rows())
        for key, part in each.group_by("entity", "id", maintain_order=True)
    }
    return [
        Doubt(f"{entity}/{id_}", since, candidates.get((entity, id_), ()))
        for entity, id_, since in named.group_by("entity", "id", maintain_order=True).agg(pl.col("since").min()).iter_rows()
    ]


def _instead(world: World, named: pl.DataFrame) -> pl.DataFrame:
    """`entity`, `candidate`, `instead`: where what a record of an entity could be has a record of that entity already."""
    asked = named.select("entity", candidate="candidates").explode("candidate").drop_nulls().unique()
    parts = asked.select("entity", "candidate", other=pl.col("candidate").str.splitn("/", 2)).unnest("other")
    there = parts.rename({"field_0": "other_entity", "field_1": "other_id"})
    placed = members.clusters_of(world.hub, there.select(entity="other_entity", id="other_id").unique())
    clusters = there.join(placed, left_on=["other_entity", "other_id"], right_on=["entity", "id"])
    taken = members.ids_in(world.hub, clusters.select("cluster", "entity").unique())
    return clusters.join(taken, on=["cluster", "entity"]).select(
        "entity", "candidate", instead=pl.format("{}/{}", "entity", "id")
    )
