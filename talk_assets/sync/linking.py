"""The link stage, fed from the hub and written back to it: new and changed records → clusters."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from talk_assets.hub import Hub, Shape
from talk_assets.hub.tables import (
    ambiguous,
    cells,
    changes,
    cursors,
    golden,
    history,
    holds,
    intents,
    keys,
    members,
    meta,
    never,
    records,
    shapes,
    tombstones,
)
from talk_assets.sync.arriving.reused import given_again, made_since
from talk_assets.sync.doubt.strangers import ask_about
from talk_assets.sync.link import RECORDS, link
from talk_assets.sync.meaning.keys import KEYS, in_one, kind_of, match_keys
from talk_assets.sync.meaning.marks import raised
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.world import AT_ONCE, World

_RULES = "match rules"
_KEYS_AT_ONCE = 2_000_000
"""Keys that are held in memory with the names of their records."""
_LINKED_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class LinkReport:
    linked: int
    ambiguous: int


def link_stage(world: World) -> LinkReport:
    """New and changed records + match rules → clusters."""
    hub = world.hub
    before = cursors.position(hub, "link")
    rules, told = _rules(world), meta.get(hub, _RULES)
    # By other rules, records have other keys.
    is_known = told == json.dumps(rules)
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
        returned = _returned(world, fresh)
        lasting = fresh.join(returned, on=["entity", "id"], how="anti")
        linked = known if is_known and returned.is_empty() else known.clear()
        is_new = pl.concat([lasting, made]).unique()
        weighed = _beside(news, linked, is_new)
        texts = records.in_lots(hub, weighed, ["entity", "id", "shape", "vals"], AT_ONCE)
        report = _link(world, weighed, texts, lasting, is_new, _new_among(rules, told))
        ask_about(world, lasting)
        if not is_known:
            meta.put(hub, _RULES, json.dumps(rules))
        cursors.move(hub, "link", expected=before, to=to)

    hub.run(work, "link")
    return report


def _returned(world: World, fresh: pl.DataFrame) -> pl.DataFrame:
    """Records that were taken for gone and are there again (`entity`, `id`) are what they were, where their place is free."""
    hub, known = world.hub, tombstones.of(world.hub, fresh)
    others = made_since(world, known)
    given_again(world, others)
    dead = (
        known.join(others, on=["entity", "id"], how="anti", maintain_order="left")
        .filter(pl.col("cluster").is_not_null())
        .unique(["entity", "cluster"], maintain_order=True)
    )
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
    weighed = _beside(news, _KNOWN.to_frame(), nothing)
    _link(world, weighed, [weighed], nothing, nothing)


def _rules(world: World) -> list[tuple[int, str]]:
    """The number of each rule, and all that makes its keys."""
    ends = [(world.entity(match.source), world.entity(match.target), match) for match in world.model.matches]
    kinds = [
        [(kind_of(source.prop(here)), kind_of(target.prop(there))) for here, there in match.pairs]
        for source, target, match in ends
    ]
    return [(match.number, f"{match.told} {kind}") for (_, _, match), kind in zip(ends, kinds, strict=True)]


def _new_among(rules: Sequence[tuple[int, str]], told: str | None) -> list[int]:
    """The numbers of rules that were not among those `told` of; none where that is not known, as in hubs of old."""
    before = {rule for _, rule in (json.loads(told) if told and told.startswith("[") else rules)}
    return [number for number, rule in rules if rule not in before]


def _being_made(hub: Hub) -> list[str]:
    """Entities of which a new record may be one that we made and do not know yet."""
    return intents.open_places(hub).filter(pl.col("kind") == "create")["entity"].unique().to_list()


_KNOWN = pl.Schema({"entity": pl.String, "id": pl.String, "known_by": pl.UInt64})


def _keyed(
    world: World, lot: pl.DataFrame, known_shapes: Mapping[int, Shape], generations: Mapping[str, int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The match keys that records have now; and entity, id, known_by: all of them in one number."""
    model = world.model
    found, told = [KEYS.to_frame()], [_KNOWN.to_frame()]
    for (key,), rows in cells.by_kind(lot, "entity"):
        if key in model.entities:
            entity = model.entities[str(key)]
            wide = cells.wide(rows, "vals", known_shapes, entity.columns, ABSENT)
            here = match_keys(entity, wide, model.matches, model.entities, generations)
            found.append(here)
            told.append(
                rows.select("entity", "id")
                .join(in_one(here), on="id", how="left", maintain_order="left")
                .with_columns(pl.col("known_by").fill_null(0))
            )
    return pl.concat(found), pl.concat(told)


def _beside(news: pl.DataFrame, linked: pl.DataFrame, anyway: pl.DataFrame) -> pl.DataFrame:
    """News, with `is_linked`, and what they were `known_by`: those that still are, are not weighed again, unless they are
    `anyway`. Those that are not among the linked (entity, id, known_by) are weighed as if they never had been.
    """
    on = ["entity", "id"]
    told = linked.join(anyway, on=on, how="anti")
    return (
        news.join(linked.select(*on, is_linked=pl.lit(value=True)), on=on, how="left", maintain_order="left")
        .join(told, on=on, how="left", maintain_order="left")
        .with_columns(pl.col("is_linked").fill_null(value=False))
    )


def _note_keys(world: World, texts: Iterable[pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keep what records are recognised by, of those that are known by something else than they were; those that are not linked
    have no keys yet. Gives their keys (`rule`, `key`), and entity, id, known_by.
    """
    hub, known_shapes, generations, name = world.hub, shapes.shapes(world.hub), raised(world.hub), ["entity", "id"]
    wanted, noted = [KEYS.to_frame().select("rule", "key")], [_KNOWN.to_frame()]
    waiting: list[tuple[pl.DataFrame, pl.DataFrame]] = []

    def keep() -> None:
        found, changed = (pl.concat(parts) for parts in zip(*waiting, strict=True))
        keys.forget(hub, changed)
        keys.put(hub, found)
        waiting.clear()

    for lot in texts:
        found, told = _keyed(world, lot, known_shapes, generations)
        was = lot.select(*name, "is_linked", was="known_by")
        beside = told.join(was, on=name, how="left", maintain_order="left")
        moved = beside.filter(pl.col("known_by").ne_missing(pl.col("was")))
        found = found.join(moved, on=name, how="semi")
        wanted.append(found.select("rule", "key"))
        noted.append(moved.select(_KNOWN.names()))
        waiting.append((found, moved.filter("is_linked").select(name)))
        if sum(one.height for one, _ in waiting) > _KEYS_AT_ONCE:
            keep()
    if waiting:
        keep()
    return pl.concat(wanted), pl.concat(noted)


def _link(
    world: World,
    news: pl.DataFrame,
    texts: Iterable[pl.DataFrame],
    fresh: pl.DataFrame,
    is_new: pl.DataFrame,
    new_rules: Collection[int] = (),
) -> LinkReport:
    """`news` as `_beside` has them; `texts` are what they hold, some at a time. `fresh` are not linked yet; those
    and the ones that we made are new.
    """
    hub, model = world.hub, world.model
    # That goes through all keys there are, so it is done once for all that are not linked.
    keys.forget(hub, news.filter(~pl.col("is_linked")))
    wanted, told = _note_keys(world, texts)
    if told.is_empty() and fresh.is_empty():
        return LinkReport(0, 0)
    hit, holders = _holders(hub, wanted)
    rows = _to_weigh(hub, hit, fresh, is_new)
    first = hub.numbers("cluster", max(fresh.height, 1))
    result = link(rows, holders, model.matches, first, never.pairs(hub), new_rules)
    since = pl.lit(hub.now(), pl.Datetime("us"))
    for part in result.members.iter_slices(_LINKED_AT_ONCE):
        members.link(hub, part.select("entity", "id", "cluster", "how").with_columns(since=since))
    anew = result.members.join(rows.filter(pl.col("cluster").is_not_null()), on=["entity", "id"], how="semi")
    members.know(hub, told)
    move_clusters(world, result.merged, anew)
    name = ["entity", "id"]
    of = pl.concat([rows.select(name), told.select(name)])
    # Who was not linked for want of a choice may be by now, since one of those to choose from has other keys. Those who share
    # another key with it were weighed by that one only.
    moved = told.join(news.filter("is_linked"), on=name, how="semi")
    waiting = ambiguous.naming_records(hub, moved).join(told, on=name, how="anti")
    found = result.ambiguous.select("rule", *name, "candidates")
    still = _still_open(world, of.join(told, on=name, how="anti"), wanted)
    settled = ambiguous.replace(hub, pl.concat([found, still]), of)
    # What was not made for want of a choice may be made now, although nothing in these records is new.
    members.touch(hub, members.clusters_of(hub, settled).select("cluster").unique())
    matched = result.members.filter(pl.col("how") == "matched")
    for part in matched.iter_slices(_LINKED_AT_ONCE):
        reason = _told_rules(world, part["rule"])
        history.append(hub, part.select("entity", "id", "cluster", kind=pl.lit("linked"), reason=reason), world.run)
    if len(waiting):
        look_again(world, waiting)
    return LinkReport(matched.height, result.ambiguous.select("entity", "id").unique().height)


def _still_open(world: World, beside: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """What was ambiguous about records (`entity`, `id`) by rules of which only other keys were weighed now, and still is, since
    nothing has joined them that would answer it. As `ambiguous.replace` takes it.
    """
    hub, name = world.hub, ["entity", "id"]
    known = ambiguous.of(hub, beside).select("rule", *name, "candidates")
    if known.is_empty():
        return known
    ends = [(one.number, *end) for one in world.model.matches for end in ((one.source, one.target), (one.target, one.source))]
    other = pl.DataFrame(ends, schema={"rule": pl.Int32, "entity": pl.String, "other": pl.String}, orient="row").unique()
    placed = members.clusters_of(hub, known)
    there = members.ids_in(hub, placed.select("cluster").unique()).select("cluster", other="entity")
    return (
        known.join(keys.rules_of(hub, known, wanted), on=["rule", *name], how="anti")
        .join(other, on=["rule", "entity"])
        .join(placed.join(there, on="cluster"), on=[*name, "other"], how="anti")
        .drop("other")
    )


def _holders(hub: Hub, wanted: pl.DataFrame) -> tuple[pl.DataFrame, Iterable[pl.DataFrame]]:
    """The clusters (`cluster`) of records with these keys; and all records with them, in parts. Where there are many, as in a
    first load, that is a part for each rule, read when it is asked for: what is made of one needs a part of the memory.
    """
    if wanted.height <= _KEYS_AT_ONCE:
        held = keys.holders(hub, wanted)
        return held.select("cluster").drop_nulls().unique(), [held]
    rules = wanted["rule"].unique().sort()
    hit = pl.concat([keys.hit(hub, wanted.filter(pl.col("rule") == rule)) for rule in rules]).unique()
    return hit, (keys.holders(hub, wanted.filter(pl.col("rule") == rule)) for rule in rules)


def _to_weigh(hub: Hub, hit: pl.DataFrame, fresh: pl.DataFrame, is_new: pl.DataFrame) -> pl.DataFrame:
    """As RECORDS: those that are not linked yet, and all in the clusters that are hit."""
    linked = members.ids_in(hub, hit).select("entity", "id", "cluster")
    unlinked = fresh.join(linked, on=["entity", "id"], how="anti").with_columns(cluster=pl.lit(None, pl.Int64))
    return (
        pl.concat([linked, unlinked])
        .join(is_new.with_columns(is_new=pl.lit(value=True)), on=["entity", "id"], how="left")
        .with_columns(pl.col("is_new").fill_null(value=False))
        .select(RECORDS.names())
    )


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
    intents.follow(hub, merged)
    holds.follow(hub, merged)
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
