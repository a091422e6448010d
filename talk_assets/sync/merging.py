"""The merge stage, fed from the hub and written back to it: what records say → what is agreed, and contradictions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

import polars as pl

from talk_assets.hub import Hub
from talk_assets.hub.tables import cells, conflicts, cursors, golden, history, holds, intents, members, meta, shapes
from talk_assets.sync.decisions import release_decided, release_fitting
from talk_assets.sync.hear import Held, bases, hear, opinions
from talk_assets.sync.meaning.values import MISFIT, opinion
from talk_assets.sync.merge import KEY, merge, misfits, overruled
from talk_assets.sync.naming import naming
from talk_assets.sync.seen import Seen, note
from talk_assets.sync.world import AT_ONCE, World

_SPECS = "specs merged by"


@dataclass(frozen=True)
class MergeReport:
    clusters: int
    changed: int
    conflicts: int
    held: int
    seen: Seen | None = field(default=None, compare=False, repr=False)
    """What planning would read again, unless there are many clusters."""

    def __add__(self, other: "MergeReport") -> "MergeReport":
        return MergeReport(
            self.clusters + other.clusters,
            self.changed + other.changed,
            self.conflicts + other.conflicts,
            self.held + other.held,
        )


def merge_stage(world: World) -> MergeReport:
    """Records that differ from what they agreed to → golden fields, conflicts."""
    hub = world.hub
    before = cursors.position(hub, "merge")
    to = hub.position()
    is_news = meta.get(hub, _SPECS) != world.model.signature
    if to == before and not is_news:
        return MergeReport(0, 0, 0, 0)
    # By other specs, other things may be agreed on.
    since = 0 if is_news else before or 0
    placed = members.since(hub, since)
    # To those that name a record which was linked just now, the name meant nothing before.
    woken = pl.concat(one.select("cluster") for one in (placed, *naming(world, placed))).unique()
    touched = pl.concat([cells.touched(hub, since), woken]).unique().sort("cluster")
    if touched.is_empty():
        return MergeReport(0, 0, 0, 0)
    report = MergeReport(0, 0, 0, 0)

    def work() -> None:
        nonlocal report
        # Where something is held, every reading may be what settles it.
        anyway = pl.concat([woken, holds.still(hub).select("cluster").drop_nulls()]).unique()
        # Some at a time: a first load touches all there are, and each is some dozens of cells.
        report = reduce(add, (_merge(world, part, anyway) for part in touched.iter_slices(AT_ONCE)))
        if is_news:
            meta.put(hub, _SPECS, world.model.signature)
        cursors.move(hub, "merge", expected=before, to=to)

    hub.run(work, "merge")
    return report


def _stirs() -> pl.Expr:
    """A field of which no record says anything else than when it agreed stays as it is."""
    return ~pl.col("has_base") | pl.col("value").ne_missing(pl.col("base")) | pl.col("was_parted")


def _never_heard(hub: Hub, spoken: pl.DataFrame) -> pl.DataFrame:
    """What could not be understood until now is a first word, even if it is what the record held all the time: it may be the
    specs that have changed.
    """
    cell = ["cluster", "field", "entity", "id"]
    held = holds.still(hub, "misfit").select(*cell, was_misfit=pl.lit(value=True))
    if held.is_empty():
        return spoken
    is_first = pl.col("was_misfit").fill_null(value=False) & pl.col("value").eq_missing(pl.col("base"))
    return (
        spoken.join(held, on=cell, how="left", maintain_order="left")
        .with_columns(has_base=pl.col("has_base") & ~is_first, base=pl.when(~is_first).then("base"))
        .drop("was_misfit")
    )


def _is_news(anyway: pl.DataFrame) -> pl.Expr:
    """Which records have something to tell: not those that hold what they agreed to, as most do that we wrote ourselves. Those
    of some clusters (`cluster`) are heard anyway, and what does not fit is.
    """
    return (
        pl.col("vals").ne_missing(pl.col("base"))
        | pl.col("shape").ne_missing(pl.col("base_shape"))
        | pl.col("cluster").is_in(anyway["cluster"].implode())
        | pl.col("vals").str.contains(MISFIT, literal=True)
    )


def _merge(world: World, looked_at: pl.DataFrame, anyway: pl.DataFrame) -> MergeReport:
    hub, model = world.hub, world.model
    placed = members.of(hub, looked_at, numbered=True)
    there = cells.sides(hub, looked_at, placed=placed).with_columns(is_news=_is_news(anyway))
    telling = pl.concat([there.filter("is_news").select("cluster"), anyway]).unique()
    touched = looked_at.join(telling, on="cluster", how="semi", maintain_order="left")
    if touched.is_empty():
        return MergeReport(0, 0, 0, 0, note(hub, looked_at, placed, there))
    # Nobody knows yet whether it is a person or our own write that such a record shows: it is heard once that is found out.
    sides = (
        there.join(touched, on="cluster", how="semi", maintain_order="left")
        .filter(pl.col("entity").is_in(list(model.entities)))
        .join(intents.open_updates(hub), on=["entity", "id"], how="anti", maintain_order="left")
    )
    known_shapes = shapes.shapes(hub)
    news = hear(world, sides.filter("is_news"), known_shapes)
    heard = opinions(world, news, known_shapes)
    spoken = _never_heard(hub, heard.cells)
    stirred = spoken.filter(_stirs()).select(KEY).unique()
    # Those that hold what they agreed to have a say in what others stir, and in nothing else.
    settled = sides.filter(~pl.col("is_news")).join(stirred, on="cluster", how="semi", maintain_order="left")
    quiet = hear(world, settled, known_shapes, is_settled=True)
    beside = opinions(world, quiet, known_shapes, frozenset(stirred["field"])).cells
    kept = golden.kept(hub, touched)
    moving = pl.concat([spoken, beside]).join(stirred, on=KEY, how="semi", maintain_order="left")
    result = merge(
        moving,
        golden.some(kept, stirred).drop("subject"),
        model.conflict_rules,
    )
    golden.renew(hub, kept, result.golden.join(model.fields_by_subject, on="field"))
    based = [*map(bases, news, heard.silent), *(here.rows["vals"] for here in quiet)]
    agreed = _agree(world, [*news, *quiet], based, result.accepted, placed)
    found = conflicts.append(hub, result.conflicts, world.run)
    unfit = misfits(spoken)
    release_fitting(world, touched, unfit)
    release_decided(world, result.changed)
    _hold(world, result.held, result.undecided, unfit)
    _tell(world, spoken)
    return MergeReport(
        touched.height,
        result.changed.height,
        found.height,
        result.held.height + result.undecided.height,
        note(hub, looked_at, placed, there, agreed),
    )


def overrule(world: World, words: pl.DataFrame) -> None:
    """Have fields agreed on as a person says, as `overruled` has them. In a transaction, of clusters without news and without
    writes under way.
    """
    hub, about = world.hub, words.select("cluster").unique()
    kept = golden.kept(hub, about)
    agreed = overruled(golden.some(kept, words.select(KEY)), words, hub.now())
    golden.renew(hub, kept, agreed.join(world.model.fields_by_subject, on="field"))
    # Who holds it already has taken it.
    placed = members.of(hub, about, numbered=True)
    sides = cells.sides(hub, about, placed=placed).filter(pl.col("entity").is_in(list(world.model.entities)))
    known_shapes = shapes.shapes(hub)
    held = hear(world, sides, known_shapes)
    heard = opinions(world, held, known_shapes)
    spoken = heard.cells.join(agreed.select(*KEY, "version", agreed="value"), on=KEY)
    has_it = opinion(pl.col("value")) & pl.col("value").eq_missing(pl.col("agreed"))
    taken = spoken.with_columns(accepted=pl.when(has_it).then("version").otherwise("accepted"))
    _agree(world, held, [*map(bases, held, heard.silent)], taken, placed)
    kinds = pl.DataFrame({"kind": ["contradiction", "flips"]})
    holds.release(hub, words.select(KEY).join(kinds, how="cross"))


def _agree(
    world: World, held: Sequence[Held], based: Sequence[pl.Series], accepted: pl.DataFrame, placed: pl.DataFrame
) -> pl.DataFrame:
    """What was said now is what the next edit is measured against. Gives the members that changed, whole."""
    versions = accepted.group_by("cluster", "entity", "field").agg(pl.col("accepted").min())
    moved = {str(key): rows for (key,), rows in versions.group_by("entity")}
    parts: list[pl.DataFrame] = []
    for here, base in zip(held, based, strict=True):
        key, entity, now = here.entity.key, here.entity, here.accepted
        if key in moved:
            place = pl.DataFrame({"cluster": here.rows["cluster"], "row": pl.int_range(here.rows.height, eager=True)})
            heard = moved[key].join(place, on="cluster").join(entity.places, on="field")
            now = now.clone().scatter(heard["row"] * len(entity.fields) + heard["place"], heard["accepted"])
        taken = cells.folded(now, here.rows.height)
        shape = pl.lit(world.shapes[key].number, pl.Int32)
        parts.append(here.rows.select("entity", "id", taken, base=base, shape=shape))
    if not parts:
        return placed.clear()
    return members.agree(world.hub, pl.concat(parts), news=False, there=placed)


def _hold(world: World, held: pl.DataFrame, undecided: pl.DataFrame, unfit: pl.DataFrame) -> None:
    columns = ["cluster", "field", "entity", "id", "reason"]
    kinds = {"flips": held, "contradiction": undecided, "misfit": unfit}
    holds.put(world.hub, pl.concat([rows.select(*columns, kind=pl.lit(kind)) for kind, rows in kinds.items()]))


def _tell(world: World, spoken: pl.DataFrame) -> None:
    edits = spoken.filter(pl.col("has_base") & opinion(pl.col("value")) & pl.col("value").ne_missing(pl.col("base")))
    history.append(
        world.hub,
        edits.select(
            "cluster",
            "entity",
            "id",
            path="field",
            before="base",
            after="value",
            kind=pl.lit("edit"),
            reason=pl.lit("edited in its system"),
        ),
        world.run,
    )
