"""A person's word: approvals, another try, and which records are the same thing."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from talk_assets.hub.tables import ambiguous, changes, conflicts, golden, history, holds, intents, members, never
from talk_assets.operator.asked import asked
from talk_assets.operator.names import cluster_of, clusters, one, record_named, require_known, told_value
from talk_assets.operator.project import Unusable
from talk_assets.sync.doubt.candidates import follow
from talk_assets.sync.linking import look_again, move_clusters
from talk_assets.sync.meaning.marks import raise_marks
from talk_assets.sync.merging import merge_stage, overrule
from talk_assets.sync.naming import naming, part
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.world import World


def approve(world: World, hash_: str, who: str) -> list[str]:
    """Let a plan that guards hold pass once; says what it is."""
    hub = world.hub
    held = holds.still(hub, "guard").filter(pl.col("plan_hash") == hash_)
    if held.is_empty():
        known = holds.still(hub, "guard")["plan_hash"].unique().sort()
        others = f"held are {', '.join(known)}" if len(known) else "no guard holds anything"
        raise Unusable(f"no guard holds a plan {hash_}: it was made, or is another one by now; {others}")
    if holds.is_approved(hub, hash_):
        raise Unusable(f"{hash_} is approved already, and passes with the next `talk sync`")

    def work() -> None:
        holds.approve(hub, hash_, who)
        reason = pl.format("{}: {} by {}", "reason", pl.lit(hash_), pl.lit(who))
        told = held.select("entity", kind=pl.lit("approved"), reason=reason)
        history.append(hub, told, world.run)

    hub.run(work, "approve")
    return [f"{row['entity']}: {row['reason']}" for row in held.iter_rows(named=True)]


def retry(world: World, what: str | None, who: str) -> pl.DataFrame:
    """Let go of a hold by its number, of all holds of a record, or of all refused writes; gives the holds."""
    hub = world.hub
    found = _named_holds(world, what)
    if guarded := found.filter(pl.col("kind") == "guard")["plan_hash"].to_list():
        raise Unusable(f"a guard is not tried again, it is approved: `talk approve {guarded[0]}`")
    unfit = found.filter(pl.col("kind") == "misfit")
    found = found.filter(pl.col("kind") != "misfit")
    if found.is_empty() and not unfit.is_empty():
        raise Unusable(
            "a value that does not fit is not tried again, it is let go once it fits: change it in its system, or the row of "
            "the mapping that reads it"
        )
    if what is None:
        questions = asked(world)
        found = found.filter(~pl.col("number").is_in(list(questions)))
        if found.is_empty() and questions:
            number, question = next(iter(questions.items()))
            raise Unusable(
                f"{question.about}: it may have been made already; `talk retry {number}` makes it anew. See `talk holds`"
            )
    if found.is_empty():
        about = f"for {what}" if what else "that could be tried again"
        raise Unusable(f"nothing is held {about}; see `talk holds`")

    def work() -> None:
        holds.release(hub, found.select("number"))
        _forget_flips(world, found.filter(pl.col("kind") == "flips"))
        reason = pl.format("{} (by {})", "reason", pl.lit(who))
        told = found.select("entity", "cluster", "id", kind=pl.lit("retry"), reason=reason)
        history.append(hub, told, world.run)

    hub.run(work, "retry")
    return found


def _named_holds(world: World, what: str | None) -> pl.DataFrame:
    still = holds.still(world.hub)
    if what is None:
        return still.filter(pl.col("kind") == "rejected")
    if what.isdecimal():
        found = still.filter(pl.col("number") == int(what))
        if found.is_empty():
            raise Unusable(f"no hold has the number {what}; see `talk holds`")
        return found
    key, id_ = record_named(world, what)
    cluster = cluster_of(world, key, id_)
    if cluster is None:
        require_known(world, key, id_)
    return still.filter(((pl.col("entity") == key) & (pl.col("id") == id_)) | (pl.col("cluster") == cluster))


def _forget_flips(world: World, flips: pl.DataFrame) -> None:
    """The next edit of a property that went back and forth is taken like any other."""
    if flips.is_empty():
        return
    agreed = golden.of(world.hub, flips.select("cluster").unique())
    mine = pl.struct("cluster", "field").is_in(flips.select(pl.struct("cluster", "field")).to_series().implode())
    golden.put(
        world.hub,
        agreed.with_columns(trail=pl.when(mine).then(pl.lit([], pl.List(pl.String))).otherwise("trail")),
    )


@dataclass(frozen=True)
class Taken:
    field: str
    before: str | None
    value: str | None


def take(world: World, number: int, text: str, who: str) -> Taken:
    """Have a value agreed on that a record held in a conflict, whichever won."""
    hub = world.hub
    rows = conflicts.number(hub, number)
    if rows.is_empty():
        raise Unusable(f"there is no conflict {number}; see `talk conflicts --all`")
    key, id_ = record_named(world, text)
    chosen = rows.filter((pl.col("entity") == key) & (pl.col("id") == id_))
    if chosen.is_empty():
        known = ", ".join(f"{entity}/{other}" for entity, other in rows.select("entity", "id").iter_rows())
        raise Unusable(f"{text} has no part in conflict {number}; its values are those of {known}")
    name, value = chosen.select("field", "value").row(0)
    cluster = cluster_of(world, key, id_)
    if name not in world.model.fields:
        raise Unusable(f"no mapping has {name} any more")
    if cluster is None:
        raise Unusable(f"{text} is linked with nothing any more, so there is nobody to tell its value to")
    _require_settled(world, (cluster,))
    if value is not None and world.model.fields[name].references and members.ids_in(hub, clusters((int(value),))).is_empty():
        raise Unusable(f"what {text} referred to in conflict {number} is no more")
    merge_stage(world)
    agreed = golden.of(hub, clusters((cluster,))).filter(pl.col("field") == name)["value"].to_list()
    if agreed == [value]:
        raise Unusable(f"{told_value(world, name, value)} is what is agreed on already")
    before = agreed[0] if agreed else None
    word = chosen.select("field", "entity", "id", "value").with_columns(cluster=pl.lit(cluster, pl.Int64))

    def work() -> None:
        overrule(world, word)
        reason = pl.lit(f"its value in conflict {number} is taken, by {who}")
        row = word.rename({"field": "path", "value": "after"}).with_columns(before=pl.lit(before, pl.String), reason=reason)
        history.append(hub, row.with_columns(kind=pl.lit("taken")), world.run)

    hub.run(work, "take")
    plan_stage(world)
    return Taken(name, before, value)


@dataclass(frozen=True)
class Joined:
    cluster: int
    members: list[str]


def link(world: World, left: str, right: str, who: str) -> Joined:
    """Say that two records are the same thing: their clusters become one."""
    hub = world.hub
    ends = [_linkable(world, text) for text in (left, right)]
    (key, _, mine), (other, _, theirs) = ends
    if mine == theirs:
        raise Unusable(f"{left} and {right} are linked already")
    if world.entity(key).subject != world.entity(other).subject:
        raise Unusable(f"{key} and {other} are never the same thing: no mappings connect them")
    here = members.ids_in(hub, clusters((mine, theirs)))
    if double := here.filter(pl.len().over("entity") > 1).sort("entity", "id").select("entity", "id").rows():
        names = " and ".join(f"{entity}/{id_}" for entity, id_ in double[:2])
        raise Unusable(f"linked together, {names} would be one thing, which has one record in each entity; unlink one first")
    new, old = min(mine, theirs), max(mine, theirs)
    moved = here.filter(pl.col("cluster") == old)
    apart = moved.select("entity", "id").join(
        here.filter(pl.col("cluster") == new).select(other_entity="entity", other_id="id"), how="cross"
    )

    def work() -> None:
        never.lift(hub, apart)
        since = pl.lit(hub.now(), pl.Datetime("us"))
        members.link(hub, moved.with_columns(cluster=pl.lit(new, pl.Int64), how=pl.lit("by hand"), since=since))
        move_clusters(world, pl.DataFrame({"old_cluster": [old], "new_cluster": [new]}), moved)
        members.touch(hub, clusters((new,)))
        reason = pl.lit(f"by hand, by {who}")
        told = moved.select("entity", "id", cluster=pl.lit(new, pl.Int64), kind=pl.lit("linked"), reason=reason)
        history.append(hub, told, world.run)

    hub.run(work, "link by hand")
    return Joined(new, [f"{entity}/{id_}" for entity, id_ in here.sort("entity").select("entity", "id").iter_rows()])


def _linkable(world: World, text: str) -> tuple[str, str, int]:
    key, id_ = record_named(world, text)
    require_known(world, key, id_)
    cluster = cluster_of(world, key, id_)
    if cluster is None:
        raise Unusable(f"{text} has not been looked at yet: run `talk sync` first")
    _require_settled(world, (cluster,))
    return key, id_, cluster


def _require_settled(world: World, about: Iterable[int]) -> None:
    under_way = intents.in_clusters(world.hub, clusters(about)).filter(pl.col("state").is_in(intents.OPEN))
    if under_way.height:
        raise Unusable(f"a write to {under_way['entity'][0]} is under way there; run `talk sync` first, then try again")


def unlink(world: World, text: str, who: str) -> list[str]:
    """Say that a record is another thing than those that it is linked with; gives those. No rule links them again."""
    hub = world.hub
    key, id_, cluster = _linkable(world, text)
    others = members.ids_in(hub, clusters((cluster,))).filter((pl.col("entity") != key) | (pl.col("id") != id_))
    if others.is_empty():
        raise Unusable(f"{text} is linked with nothing")
    alone = one(key, id_)
    apart = alone.join(others.select(other_entity="entity", other_id="id"), how="cross")

    def work() -> None:
        by = pl.concat([members.clusters_of(hub, alone.clear()), *naming(world, alone)]).unique(maintain_order=True)
        _require_settled(world, by["cluster"])
        own = hub.numbers("cluster", 1)
        waiting = ambiguous.naming(hub, clusters((cluster,)))
        part(world, alone, by, own, f"what it names was told apart from others, by {who}")
        follow(hub, f"{key}/{id_}", cluster, own)
        never.add(hub, apart, who)
        raise_marks(hub, apart)
        changes.drop(hub, changes.in_clusters(hub, clusters((cluster,))).select("entity", "cluster"))
        members.touch(hub, clusters((cluster,)))
        _release_of(world, cluster, key)
        if len(waiting):
            look_again(world, waiting)
        told = [
            {"kind": "unlinked", "entity": key, "id": id_, "cluster": number, "reason": f"by hand, by {who}"}
            for number in (cluster, own)
        ]
        history.append(hub, pl.DataFrame(told, schema_overrides={"cluster": pl.Int64}), world.run)

    hub.run(work, "unlink")
    return [f"{entity}/{other}" for entity, other in others.sort("entity").select("entity", "id").iter_rows()]


def keep_apart(world: World, text: str, other_text: str, who: str) -> None:
    """Say of two records that they are different things, although a rule takes them for one."""
    hub = world.hub
    key, id_, cluster = _linkable(world, text)
    other, other_id, other_cluster = _linkable(world, other_text)
    if cluster == other_cluster:
        raise Unusable(f"{text} and {other_text} are linked: `talk unlink {text}` parts it from all that it is linked with")
    pair = one(key, id_).with_columns(other_entity=pl.lit(other), other_id=pl.lit(other_id))

    def work() -> None:
        never.add(hub, pair, who)
        raise_marks(hub, pair)
        look_again(world, pl.concat([one(key, id_), one(other, other_id)]))
        members.touch(hub, clusters((cluster, other_cluster)))
        told = [
            {"kind": "unlinked", "entity": here, "id": record, "cluster": number, "reason": f"is not {not_}; by hand, by {who}"}
            for here, record, number, not_ in ((key, id_, cluster, other_text), (other, other_id, other_cluster, text))
        ]
        history.append(hub, pl.DataFrame(told, schema_overrides={"cluster": pl.Int64}), world.run)

    hub.run(work, "keep apart")


def _release_of(world: World, cluster: int, key: str) -> None:
    about = holds.still(world.hub).filter((pl.col("cluster") == cluster) & (pl.col("entity") == key))
    if about.height:
        holds.release(world.hub, about.select("number"))
