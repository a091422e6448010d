"""The link stage, fed from the hub and written back to it: new and changed records → clusters."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from talk_assets.hub import (
    Hub,
    ambiguous,
    cells,
    changes,
    cursors,
    golden,
    history,
    intents,
    keys,
    members,
    meta,
    never,
    records,
    shapes,
    tombstones,
)
from talk_assets.sync.keys import KEYS, in_one, kind_of, match_keys
from talk_assets.sync.link import RECORDS, by_rule, link
from talk_assets.sync.values import ABSENT
from talk_assets.sync.world import AT_ONCE, World

_RULES = "match rules"


@dataclass(frozen=True)
class LinkReport:
    linked: int
    ambiguous: int


def link_stage(world: World) -> LinkReport:
    """New and changed records + match rules → clusters."""
    hub = world.hub
    before = cursors.position(hub, "link")
    rules = _signature(world)
    # By other rules, records have other keys.
    is_known = meta.get(hub, _RULES) == rules
    since = (before or 0) if is_known else 0
    news = records.since(hub, since, ["entity", "id", "seq"])
    known = members.known(hub, news)
    unlinked = news.join(known, on=["entity", "id"], how="anti")
    pending = _being_made(hub)
    waiting = unlinked.filter(pl.col("entity").is_in(pending))
    to = min([hub.position(), *(waiting["seq"] - 1)]) if len(waiting) else hub.position()
    if to == (before or 0) and news.is_empty():
        return LinkReport(0, 0)
    fresh = unlinked.filter(~pl.col("entity").is_in(pending)).select("entity", "id")
    # By a record that we made, another may be recognised that had nothing to be recognised by before.
    made = intents.created_since(hub, before or 0)
    report = LinkReport(0, 0)

    def work() -> None:
        nonlocal report
        returned = _returned(hub, fresh)
        lasting = fresh.join(returned, on=["entity", "id"], how="anti")
        texts = records.in_lots(hub, news, ["entity", "id", "shape", "vals"], AT_ONCE)
        report = _link(world, news, texts, lasting, made, known=known if is_known and returned.is_empty() else None)
        if not is_known:
            meta.put(hub, _RULES, rules)
        cursors.move(hub, "link", expected=before, to=to)

    hub.run(work, "link")
    return report


def _returned(hub: Hub, fresh: pl.DataFrame) -> pl.DataFrame:
    """Records that were taken for gone and are there again (`entity`, `id`) are what they were, where their place is free."""
    dead = tombstones.of(hub, fresh).filter(pl.col("cluster").is_not_null()).unique(["entity", "cluster"], maintain_order=True)
    taken = members.ids_in(hub, dead.select("cluster", "entity"))
    back = dead.join(taken, on=["entity", "cluster"], how="anti").select("entity", "id", "cluster")
    if back.is_empty():
        return back.select("entity", "id")
    members.link(hub, back.with_columns(how=pl.lit("back"), since=pl.lit(hub.now(), pl.Datetime("us"))))
    tombstones.lift(hub, back)
    return back.select("entity", "id")


def look_again(world: World, records_: pl.DataFrame) -> None:
    """Weigh again what these records (`entity`, `id`) could be linked with, after a person has said something about them."""
    news = records.of(world.hub, records_, ["entity", "id", "shape", "vals"])
    nothing = news.select("entity", "id").clear()
    _link(world, news, [news], nothing, nothing)


def _signature(world: World) -> str:
    """All that makes the keys of records, in short."""
    ends = [(match.number, world.entity(match.source), world.entity(match.target), match) for match in world.model.matches]
    kinds = [
        [(kind_of(source.prop(here)), kind_of(target.prop(there))) for here, there in match.pairs]
        for _, source, target, match in ends
    ]
    told = [(number, match.told) for number, _, _, match in ends]
    return hashlib.sha256(repr((told, kinds)).encode()).hexdigest()


def _being_made(hub: Hub) -> list[str]:
    """Entities of which a new record may be one that we made and do not know yet."""
    return intents.open_places(hub).filter(pl.col("kind") == "create")["entity"].unique().to_list()


_KNOWN = pl.Schema({"entity": pl.String, "id": pl.String, "known_by": pl.UInt64})


def _keyed(world: World, texts: Iterable[pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The match keys that records have now; and entity, id, known_by: all of them in one number."""
    model, known_shapes = world.model, shapes.shapes(world.hub)
    found, told = [KEYS.to_frame()], [_KNOWN.to_frame()]
    for lot in texts:
        for (key,), rows in cells.by_kind(lot, "entity"):
            if key in model.entities:
                entity = model.entities[str(key)]
                wide = cells.wide(rows, "vals", known_shapes, entity.columns, ABSENT)
                here = match_keys(entity, wide, model.matches, model.entities)
                found.append(here)
                told.append(
                    rows.select("entity", "id")
                    .join(in_one(here), on="id", how="left", maintain_order="left")
                    .with_columns(pl.col("known_by").fill_null(0))
                )
    return pl.concat(found), pl.concat(told)


def _link(
    world: World,
    news: pl.DataFrame,
    texts: Iterable[pl.DataFrame],
    fresh: pl.DataFrame,
    made: pl.DataFrame,
    *,
    known: pl.DataFrame | None = None,
) -> LinkReport:
    """`texts` are what the news hold, some at a time; `known` is what they were recognised by: those that still are, are not
    weighed again. Without it all are.
    """
    hub, model = world.hub, world.model
    rows, usable, told = _to_weigh(world, news, texts, fresh, made, known)
    if rows.is_empty() and told.is_empty():
        return LinkReport(0, 0)
    first = hub.numbers("cluster", max(fresh.height, 1))
    result = link(rows, usable, model.matches, first, never.pairs(hub))
    since = pl.lit(hub.now(), pl.Datetime("us"))
    members.link(hub, result.members.select("entity", "id", "cluster", "how").with_columns(since=since))
    anew = result.members.join(rows.filter(pl.col("cluster").is_not_null()), on=["entity", "id"], how="semi")
    members.know(hub, told)
    move_clusters(world, result.merged, anew)
    ambiguous.replace(hub, result.ambiguous.select("rule", "entity", "id", "candidates"), rows)
    matched = result.members.filter(pl.col("how") == "matched")
    history.append(
        hub,
        matched.select("entity", "id", "cluster", kind=pl.lit("linked"), reason=_told_rules(world, matched["rule"])),
        world.run,
    )
    return LinkReport(matched.height, result.ambiguous.select("entity", "id").unique().height)


def _to_weigh(
    world: World,
    news: pl.DataFrame,
    texts: Iterable[pl.DataFrame],
    fresh: pl.DataFrame,
    made: pl.DataFrame,
    known: pl.DataFrame | None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Records as RECORDS, the keys by which they are recognised, and what the news are known by now."""
    hub = world.hub
    found, told = _keyed(world, texts)
    if known is not None:
        same = told.join(known, on=["entity", "id", "known_by"], how="semi")
        stirring = pl.concat([news.join(same, on=["entity", "id"], how="anti").select("entity", "id"), fresh, made]).unique()
        news = news.join(stirring, on=["entity", "id"], how="semi", maintain_order="left")
        found = found.join(stirring, on=["entity", "id"], how="semi", maintain_order="left")
        told = told.join(stirring, on=["entity", "id"], how="semi", maintain_order="left")
        if stirring.is_empty():
            return RECORDS.to_frame(), found, told
    keys.put(hub, found, news)
    holders = keys.holders(hub, found)
    is_new = pl.concat([fresh, made]).unique().with_columns(new=pl.lit(value=True))
    held = holders.select("entity", "id", "cluster").clear()
    for part in by_rule(holders):
        held = pl.concat([held, part.select(held.columns)]).unique()
    linked = members.ids_in(hub, held.select("cluster").drop_nulls().unique())
    everyone = pl.concat([held.select("entity", "id"), linked.select("entity", "id"), fresh]).unique()
    rows = (
        everyone.join(linked.select("entity", "id", "cluster"), on=["entity", "id"], how="left")
        .join(is_new, on=["entity", "id"], how="left")
        .filter(pl.col("cluster").is_not_null() | pl.col("new").is_not_null())
        .with_columns(is_new=pl.col("new").fill_null(value=False))
        .select(RECORDS.names())
    )
    return rows, holders.join(rows, on=["entity", "id"], how="semi").drop("cluster"), told


def _told_rules(world: World, rules: pl.Series) -> pl.Series:
    told = {match.number: match.told for match in world.model.matches}
    return rules.replace_strict(told, default=None, return_dtype=pl.String).rename("reason")


def move_clusters(world: World, merged: pl.DataFrame, moved: pl.DataFrame) -> None:
    """Clusters that became one: the records that moved (`entity`, `id`) are new to what is agreed there, and references to the
    old number follow.
    """
    if merged.is_empty():
        return
    hub = world.hub
    nothing = {name: pl.lit(None, pl.String) for name in ("base", "accepted")}
    members.agree(hub, moved.select("entity", "id").with_columns(**nothing))
    gone = tombstones.in_clusters(hub, merged.select(cluster="old_cluster"))
    tombstones.bury(
        hub, gone.join(merged, left_on="cluster", right_on="old_cluster").drop("cluster").rename({"new_cluster": "cluster"})
    )
    old = merged.select(cluster="old_cluster")
    changes.drop(hub, changes.in_clusters(hub, old).select("entity", "cluster"))
    golden.forget(hub, old)
    named = {name for name, field in world.model.fields.items() if field.references}
    touched = golden.holding(hub, merged["old_cluster"].cast(pl.String))
    agreed = golden.of(hub, touched)
    numbers = merged.select(value=pl.col("old_cluster").cast(pl.String), now=pl.col("new_cluster").cast(pl.String))
    following = agreed.join(numbers, on="value", how="left").with_columns(
        value=pl.when(pl.col("field").is_in(list(named)) & pl.col("now").is_not_null()).then("now").otherwise("value")
    )
    if len(following):
        golden.put(hub, following.drop("now"))
