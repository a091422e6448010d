"""What waits for people, and what was decided without them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from talk_assets.hub.tables import ambiguous, changes, conflicts, holds
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.operator.asked import Question, asked
from talk_assets.operator.doubts import doubts
from talk_assets.operator.names import Telling, one_of_each, told_values
from talk_assets.operator.project import Unusable
from talk_assets.operator.why import why_held
from talk_assets.sync.doubt.unread import unreadable
from talk_assets.sync.guards import APPROVE
from talk_assets.sync.world import World

APPROVED = "approved, and passes with the next `talk sync`"
RELEASED = "released, and tried by the next `talk sync`"
_ALL = 1_000_000


@dataclass(frozen=True)
class Waiting:
    """Something that nothing but a person moves on, or that moves on with the next `talk sync` because a person said so."""

    number: int | None
    kind: str
    about: str
    reason: str
    since: datetime | None
    action: str | None


def waiting(world: World) -> list[Waiting]:
    """Guards, refused writes, values that do not fit or go back and forth, records that are not linked for certain, and those
    that cannot be read.
    """
    hub = world.hub
    still = holds.still(hub)
    things = one_of_each(world, pl.concat([still.select("cluster"), changes.of(hub, state="held").select("cluster")]))
    numbers = _conflicts_of(world, still.filter(pl.col("kind") == "contradiction"))
    approved = holds.approved(hub)
    questions = asked(world)
    found = [
        _asked(questions[row["number"]], row) if row["number"] in questions else _hold(row, things, numbers, approved)
        for row in still.iter_rows(named=True)
    ]
    explained = still.filter(pl.col("kind") == "rejected").select("entity", "cluster")
    others = changes.of(hub, state="held").join(explained, on=["entity", "cluster"], how="anti")
    by_themselves = others.filter(~pl.col("reason").str.contains(APPROVE, literal=True).fill_null(value=False))
    released = set(changes.released(hub).rows())
    for row in by_themselves.iter_rows(named=True):
        is_released = (row["entity"], row["cluster"]) in released
        kind, action = ("released", RELEASED) if is_released else ("unfit", "correct the value in its system")
        found.append(Waiting(None, kind, things.get(row["cluster"], row["entity"]), why_held(row), None, action))
    found += [
        Waiting(None, "ambiguous", doubt.record, doubt.reason, doubt.since, doubt.action)
        for doubt in doubts(world, ambiguous.every(hub))
    ]
    found += [
        Waiting(None, "unreadable", name, reason, None, "correct it in its system; until then it is left out")
        for name, reason in unreadable(world).items()
    ]
    return found


def _conflicts_of(world: World, held: pl.DataFrame) -> dict[tuple[int, str], int]:
    """By cluster and field: the newest conflict there."""
    return {
        (cluster, name): number
        for cluster, name, number in conflicts.of(world.hub, held.select("cluster").unique())
        .select("cluster", "field", "number")
        .iter_rows()
    }


def _asked(question: Question, row: dict[str, Any]) -> Waiting:
    return Waiting(row["number"], row["kind"], question.about, question.reason, row["since"], question.action)


def _hold(
    row: dict[str, Any], things: dict[int, str], numbers: dict[tuple[int, str], int], approved: Collection[str]
) -> Waiting:
    about = "/".join(part for part in (row["entity"], row["id"]) if part)
    if row["id"] is None and row["cluster"] in things:
        about = f"new {about} for {things[row['cluster']]}"
    action = {
        "guard": APPROVED if row["plan_hash"] in approved else f"talk approve {row['plan_hash']}",
        "rejected": f"talk retry {row['number']}",
        "flips": f"talk retry {row['number']}",
        "contradiction": "edit the property in one of its systems: that value is taken; or `talk conflicts "
        f"{numbers.get((row['cluster'], row['field']), 'NUMBER')} --take SYSTEM.ENTITY/ID`",
        "misfit": "correct the value in its system",
    }.get(row["kind"])
    return Waiting(row["number"], row["kind"], about, row["reason"], row["since"], action)


def conflict(world: World, number: int, telling: Telling = told_values) -> pl.DataFrame:
    """One conflict: a row per value."""
    rows = conflicts.number(world.hub, number)
    if rows.is_empty():
        raise Unusable(f"there is no conflict {number}; see `talk conflicts --all`")
    return _told(world, rows, telling)


def recent_conflicts(world: World, limit: int | None, telling: Telling = told_values) -> pl.DataFrame:
    """So many of the newest conflicts, or all, newest first, a row per value."""
    rows = conflicts.recent(world.hub, _ALL)
    newest = rows["number"].unique().sort(descending=True)
    return _told(world, rows.filter(pl.col("number").is_in(newest.head(limit or len(newest)).implode())), telling)


def _told(world: World, rows: pl.DataFrame, telling: Telling) -> pl.DataFrame:
    known = rows.drop("seq").with_columns(base=pl.when(pl.col("kind") == "edits").then("base").otherwise(pl.lit(UNKNOWN)))
    told = {name: telling(world, known.select("field", name).rows()) for name in ("value", "base")}
    return known.with_columns(pl.Series(name, texts, dtype=pl.String) for name, texts in told.items())
