"""What a run wrote is put back: a plan forward, of what nobody has changed since."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from talk_assets.hub.tables import golden, history, holds, intents, members
from talk_assets.operator.names import Telling, one_of_each, told_values
from talk_assets.operator.project import Unusable
from talk_assets.sync.cycle import cycle
from talk_assets.sync.merge import KEY, agreed_before
from talk_assets.sync.merging import merge_stage, overrule
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.world import AT_ONCE, World

_FOUND = pl.Schema(
    {
        "cluster": pl.Int64,
        "field": pl.String,
        "entity": pl.String,
        "id": pl.String,
        "value": pl.String,
        "now": pl.String,
        "left": pl.String,
    }
)
"""The value of a record that a field would go back to, what is agreed now, and why it stays, if it does."""


@dataclass(frozen=True)
class Run:
    """One that wrote something."""

    run: str
    began: datetime
    changed: int
    made: int


@dataclass(frozen=True)
class Back:
    """A field that goes back."""

    thing: str
    """One of its records."""
    field: str
    now: str | None
    then: str | None


@dataclass(frozen=True)
class Left:
    """A field that the run told and that stays as it is."""

    thing: str
    field: str
    reason: str


@dataclass(frozen=True)
class Undo:
    """What becomes of all that a run wrote."""

    run: str
    words: pl.DataFrame = field(repr=False)
    """Of the fields that go back: `cluster`, `field`, `entity`, `id`, `value` and what is agreed `now`."""
    stays: pl.DataFrame = field(repr=False)
    """`cluster`, `field`, and why they are `left`."""
    made: tuple[str, ...]
    """Records that the run made, which stay: nothing is deleted."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Entities that could not be read."""


def runs(world: World, limit: int) -> list[Run]:
    """The newest runs that wrote something, the newest first."""
    return [Run(**row) for row in intents.runs(world.hub, limit).iter_rows(named=True)]


def look(world: World, begin: str, *, collect: bool = True) -> Undo:
    """Read the systems and agree, and say what would be put back then of the run whose id begins so. Without `collect`: by what
    was read last.
    """
    run = _named(world, begin)
    return _look(world, run, cycle(world, dry=True).failed if collect else {})


def _named(world: World, begin: str) -> str:
    found = intents.runs_named(world.hub, begin) if begin else []
    if len(found) > 1 and begin not in found:
        raise Unusable(f"several runs begin with {begin!r}: {', '.join(found[:3])}{', …' if len(found) > 3 else ''}")
    if not found:
        raise Unusable(
            f"no write of a run {begin!r} is known: it is called otherwise, wrote nothing, or that was pruned or erased; "
            "`talk undo` lists the newest runs that wrote"
        )
    return begin if begin in found else found[0]


def _look(world: World, run: str, failed: Mapping[str, str]) -> Undo:
    merge_stage(world)
    sent = intents.done_in(world.hub, run)
    made = sent.filter(pl.col("kind") == "create").select("entity", id="record_id").drop_nulls().unique()
    told = (
        sent.filter(pl.col("kind") == "update")
        .select("cluster", "entity", "record_id", "taken", field="fields", version="versions")
        .explode("field", "version", "taken")
        .drop_nulls("field")
    )
    about = told.select("cluster").unique().sort("cluster")
    found = pl.concat([_FOUND.to_frame(), *(_found(world, part, told, made, failed) for part in about.iter_slices(AT_ONCE))])
    return Undo(
        run,
        found.filter(pl.col("left").is_null()).drop("left"),
        found.filter(pl.col("left").is_not_null()).select(*KEY, "left"),
        tuple(f"{entity}/{id_}" for entity, id_ in made.sort("entity", "id").iter_rows()),
        failed,
    )


def back(world: World, found: Undo, limit: int | None = None, telling: Telling = told_values) -> list[Back]:
    """The first of what goes back, or all of it."""
    rows = found.words.head(limit or found.words.height)
    things = one_of_each(world, rows)
    both = (telling(world, rows.select("field", name).rows()) for name in ("now", "value"))
    return [Back(things[cluster], *told) for cluster, *told in zip(rows["cluster"], rows["field"], *both, strict=True)]


def left(world: World, found: Undo, limit: int | None = None) -> list[Left]:
    """The first of what stays, or all of it, for people."""
    rows = found.stays.head(limit or found.stays.height)
    things = one_of_each(world, rows)
    return [Left(things.get(cluster, "a thing that is no more"), *told) for cluster, *told in rows.iter_rows()]


def undo(world: World, found: Undo, who: str) -> None:
    """Have it agreed on, and plan to tell it to every record that holds something else."""
    again = _look(world, found.run, found.failed)
    if not found.words.equals(again.words):
        raise Unusable("something has changed meanwhile, so nothing is put back; look again what would be")
    reason = f"what run {found.run} wrote is put back, by {who}"

    def work() -> None:
        for part in found.words.iter_slices(AT_ONCE):
            overrule(world, part.drop("now"))
        told = found.words.rename({"field": "path", "now": "before", "value": "after"})
        history.append(world.hub, told.with_columns(kind=pl.lit("undone"), reason=pl.lit(reason)), world.run)

    world.hub.run(work, "undo")
    plan_stage(world)


def _found(
    world: World, about: pl.DataFrame, told: pl.DataFrame, made: pl.DataFrame, failed: Mapping[str, str]
) -> pl.DataFrame:
    """What was agreed on some clusters before a run told them something, as _FOUND."""
    hub = world.hub
    told = told.join(about, on="cluster", how="semi")
    here = members.ids_in(hub, about)
    there = told.join(here.rename({"id": "record_id"}), on=["cluster", "entity", "record_id"], how="semi")
    # A record that had taken nothing was new to its cluster, or had lost: it was told what others had agreed on.
    by_record = told.group_by(*KEY, "entity", "record_id", maintain_order=True).agg(
        pl.col("taken").first(), pl.col("version").max()
    )
    asked = by_record.group_by(KEY).agg(last=pl.col("version").max(), before=pl.col("taken").filter(pl.col("taken") > 0).max())
    agreed = golden.some(golden.kept(hub, about), asked.select(KEY)).join(asked, on=KEY)
    then = agreed_before(agreed, pl.col("version") - pl.col("before")).join(here, on=["cluster", "entity"], how="left")
    referring = pl.col("field").is_in([name for name, field in world.model.fields.items() if field.references])
    referred = then.filter(referring).select(*KEY, number=pl.col("value").cast(pl.Int64, strict=False)).drop_nulls()
    living = members.ids_in(hub, referred.select(cluster="number").unique()).select(number="cluster").unique()
    doubts = {
        "what it referred to is no more, or part of another thing since": referred.join(living, on="number", how="anti").select(
            KEY
        ),
        "its records are gone, or are linked with others since": told.join(there, on=KEY, how="anti").select(KEY).unique(),
        "a write there has no certain outcome: run `talk sync` first": intents.open_places(hub).select("cluster"),
        f"{', '.join(failed)} could not be read": here.filter(pl.col("entity").is_in(list(failed))).select("cluster"),
        "it comes from a record that the run made": agreed.join(made, on=["entity", "id"], how="semi").select(KEY),
        "edits since contradict each other: see `talk holds`": holds.still(hub)
        .filter(pl.col("kind").is_in(["contradiction", "flips"]))
        .select(KEY),
    }
    doubtful = [rows.join(asked, on=rows.columns).select(*KEY, doubt=pl.lit(why)) for why, rows in doubts.items()]
    why = (
        pl.when(~pl.col("field").is_in(list(world.model.fields)))
        .then(pl.lit("no row of a mapping names it any more"))
        .when(pl.col("doubt").is_not_null())
        .then("doubt")
        .when(pl.col("version").ne_missing(pl.col("last")))
        .then(pl.lit("it was changed since"))
        .when(pl.col("before").is_null())
        .then(pl.lit("its records had not agreed on it before, or contradicted each other: see `talk conflicts`"))
        .when(~pl.col("known").fill_null(value=False))
        .then(pl.lit("what was agreed before is not known any more"))
    )
    return (
        asked.join(pl.concat(doubtful).unique(KEY, keep="first", maintain_order=True), on=KEY, how="left")
        .join(agreed.select(*KEY, "version", now="value"), on=KEY, how="left")
        .join(then, on=KEY, how="left")
        .with_columns(left=why)
        .filter(pl.col("left").is_not_null() | pl.col("value").ne_missing(pl.col("now")))
        .sort(KEY)
        .select(_FOUND.names())
    )
