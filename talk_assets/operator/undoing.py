"""What a run wrote is put back: a plan forward, of what nobody has changed since."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from talk_assets.hub import Shape, cells, golden, history, intents, members, shapes
from talk_assets.operator.names import told_value
from talk_assets.operator.project import Unusable
from talk_assets.sync.cycle import cycle
from talk_assets.sync.hear import Held, hear, opinions
from talk_assets.sync.merge import KEY
from talk_assets.sync.merging import merge_stage, overrule
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.values import opinion
from talk_assets.sync.world import AT_ONCE, World

_MADE = ("created", "adopted")
_WRITTEN = "written"
_KINDS = (_WRITTEN, *_MADE)
_NAME = ["entity", "id"]
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
"""What a field would go back to, as which record held it; what is agreed now; and why it stays, if it does."""


@dataclass(frozen=True)
class Run:
    """One that wrote something."""

    run: str
    began: datetime
    written: int
    made: int


@dataclass(frozen=True)
class Back:
    """A field that goes back."""

    record: str
    """One that held it before."""
    field: str
    now: str
    then: str


@dataclass(frozen=True)
class Left:
    """Something that the run wrote and that stays."""

    record: str
    what: str
    reason: str


@dataclass(frozen=True)
class Undo:
    """What becomes of all that a run wrote."""

    run: str
    words: pl.DataFrame = field(repr=False, compare=False)
    """Of the fields that go back: `cluster`, `field`, `entity`, `id`, `value` and what is agreed `now`."""
    left: tuple[Left, ...]
    made: tuple[str, ...]
    """Records that the run made, which stay: nothing is deleted."""


def runs(world: World, limit: int) -> list[Run]:
    """The newest runs that wrote something, the newest first."""
    found: dict[str, Run] = {}
    for run, began, kind, records in history.runs(world.hub, _KINDS, limit).iter_rows():
        before = found.get(run, Run(run, began, 0, 0))
        written, made = (records, 0) if kind == _WRITTEN else (0, records)
        found[run] = Run(run, began, before.written + written, before.made + made)
    return list(found.values())


def look(world: World, run: str, *, collect: bool = True) -> Undo:
    """Read the systems and agree, and say what would be put back then. Without `collect`: by what was read last."""
    failed: Collection[str] = cycle(world, dry=True).failed if collect else ()
    merge_stage(world)
    rows = history.of_run(world.hub, run, _KINDS)
    if rows.is_empty():
        raise Unusable(f"nothing was written in a run {run!r}, or it was pruned; `talk undo` lists the newest runs that wrote")
    made = rows.filter(pl.col("kind").is_in(_MADE)).select(_NAME).unique(maintain_order=True)
    written = (
        rows.filter(pl.col("kind") == _WRITTEN)
        .join(made, on=_NAME, how="anti", maintain_order="left")
        .group_by(*_NAME, "path", maintain_order=True)
        .agg(before=pl.col("before").first(), after=pl.col("after").last())
    )
    placed, unreachable = _placed(world, written, failed)
    about = placed.select("cluster").unique().sort("cluster")
    found = pl.concat([_FOUND.to_frame(), *(_found(world, part, written) for part in about.iter_slices(AT_ONCE))])
    words = found.filter(pl.col("left").is_null()).unique(KEY, maintain_order=True)
    stays = found.filter(pl.col("left").is_not_null()).join(words, on=KEY, how="anti", maintain_order="left")
    return Undo(
        run,
        words.drop("left"),
        (*unreachable, *(Left(f"{row['entity']}/{row['id']}", _label(row["field"]), row["left"]) for row in stays.to_dicts())),
        tuple(f"{entity}/{id_}" for entity, id_ in made.sort(_NAME).iter_rows()),
    )


def told(world: World, found: Undo, limit: int | None = None) -> list[Back]:
    """The first of what goes back, or all of it, for people."""
    return [
        Back(
            f"{row['entity']}/{row['id']}",
            _label(row["field"]),
            told_value(world, row["field"], row["now"]),
            told_value(world, row["field"], row["value"]),
        )
        for row in found.words.head(limit or found.words.height).iter_rows(named=True)
    ]


def undo(world: World, found: Undo, who: str) -> None:
    """Have it agreed on, and plan to tell it to every record that holds something else."""
    reason = f"what run {found.run} wrote is put back, by {who}"

    def work() -> None:
        for part in found.words.iter_slices(AT_ONCE):
            overrule(world, part.select(*KEY, *_NAME, "value"))
        told = found.words.select("cluster", *_NAME, path="field", before="now", after="value")
        history.append(world.hub, told.with_columns(kind=pl.lit("undone"), reason=pl.lit(reason)), world.run)

    world.hub.run(work, "undo")
    plan_stage(world)


def _label(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _placed(world: World, written: pl.DataFrame, failed: Collection[str]) -> tuple[pl.DataFrame, list[Left]]:
    """The clusters of the written records of which everything is known, and why the others are left alone."""
    mapped = pl.DataFrame(
        [(key, path) for key, entity in world.model.entities.items() for path in entity.columns],
        schema={"entity": pl.String, "path": pl.String},
        orient="row",
    )
    asked = written.join(mapped, on=["entity", "path"], how="semi", maintain_order="left")
    placed = members.clusters_of(world.hub, asked.select(_NAME).unique())
    open_ = intents.open_places(world.hub).select("cluster").unique()
    under_way = placed.join(open_, on="cluster", how="semi")
    here = members.ids_in(world.hub, placed.select("cluster").unique())
    unread = placed.join(here.filter(pl.col("entity").is_in(list(failed))), on="cluster", how="semi")
    reasons = {
        "no row of a mapping names it any more": written.join(mapped, on=["entity", "path"], how="anti", maintain_order="left"),
        "it is gone from its system, or was erased": asked.join(placed, on=_NAME, how="anti", maintain_order="left"),
        "a write there has no certain outcome: run `talk sync` first": asked.join(
            under_way, on=_NAME, how="semi", maintain_order="left"
        ),
        f"{', '.join(failed)} could not be read": asked.join(unread, on=_NAME, how="semi", maintain_order="left"),
    }
    left = [
        Left(f"{entity}/{id_}", path, reason)
        for reason, rows in reasons.items()
        for entity, id_, path in rows.select(*_NAME, "path").iter_rows()
    ]
    return placed.join(pl.concat([under_way, unread]), on="cluster", how="anti"), left


def _found(world: World, about: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """What the written records of some clusters said before, and whether that can be agreed on again, as _FOUND."""
    hub, known = world.hub, shapes.shapes(world.hub)
    sides = cells.sides(hub, about).join(written, on=_NAME, how="semi", maintain_order="left")
    if sides.is_empty():
        return _FOUND.to_frame()
    said = pl.concat(_said(world, here, written, known) for here in hear(world, sides, known, is_settled=True))
    agreed = golden.some(golden.kept(hub, about), said.select(KEY).unique()).select(*KEY, "version", agreed="value")
    # What its system or a formula has made another value of is ours all the same, while nothing newer was agreed.
    as_written = pl.col("agreed").eq_missing(pl.col("value")) | (
        pl.col("now").eq_missing(pl.col("value")) & (pl.col("accepted") == pl.col("version"))
    )
    is_ours = (pl.col("version").is_not_null() & as_written).any().over(KEY)
    differ = pl.col("base").filter("has_base").n_unique().over(KEY) > 1
    left = (
        pl.when(~pl.col("has_base"))
        .then(pl.lit("what was there before is no value that could be agreed on"))
        .when(~is_ours)
        .then(pl.lit("it was changed since"))
        .when(differ)
        .then(pl.lit("the records that were written to held different values before"))
    )
    return (
        said.join(agreed, on=KEY, how="left", maintain_order="left")
        .filter(~pl.col("has_base") | pl.col("base").ne_missing(pl.col("agreed")))
        .with_columns(left=left)
        .sort(*KEY, *_NAME)
        .select(*KEY, *_NAME, value="base", now="agreed", left="left")
    )


def _said(world: World, here: Held, written: pl.DataFrame, known: Mapping[int, Shape]) -> pl.DataFrame:
    """The cells of records that a run wrote: what they said by that, as their base what they said before, and what `now`."""
    mine = written.filter(pl.col("entity") == here.entity.key, pl.col("path").is_in(here.entity.columns))
    wrote, was = (_with(here.now, mine, side) for side in ("after", "before"))
    told = opinions(world, [replace(here, now=wrote, then=was)], known)
    now = opinions(world, [here], known)["value"].alias("now")
    is_other = ~pl.col("has_base") | pl.col("value").ne_missing(pl.col("base"))
    return told.hstack([now]).filter(opinion(pl.col("value")) & is_other)


def _with(texts: pl.DataFrame, written: pl.DataFrame, side: str) -> pl.DataFrame:
    """Records with what was written to them, or with what was there before."""
    for (path,), rows in written.group_by("path", maintain_order=True):
        here = rows.select(pl.col("id").alias("#id"), pl.col(side).alias("#text"), pl.lit(value=True).alias("#is told"))
        one = pl.when("#is told").then("#text").otherwise(str(path)).alias(str(path))
        texts = texts.join(here, on="#id", how="left", maintain_order="left").with_columns(one).drop("#text", "#is told")
    return texts
