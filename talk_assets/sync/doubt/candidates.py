"""Records of which one may be what came of a creation, only nobody knows which. Until a person says it, nothing is made of any
of them elsewhere: one of them has its counterparts already.
"""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.tables import holds, intents, members, never
from talk_assets.sync.meaning.marks import marks_of
from talk_assets.sync.plan import with_waiting
from talk_assets.sync.world import World

_SIDES = ["made_for", "cluster"]
CANDIDATES = pl.Schema(
    {"number": pl.Int64, "made_for": pl.Int64, "source": pl.String, "record": pl.String, "cluster": pl.Int64}
)


def made_when_told(world: World, due: pl.DataFrame) -> pl.DataFrame:
    """Changes that are due; creations for candidates wait."""
    found = candidates(world.hub)
    if found.is_empty():
        return due
    asked = found.sort("number", "record").unique("cluster", keep="first")
    ready = due.filter((pl.col("kind") == "create") & (pl.col("state") == "ready")).select("entity", "cluster").unique()
    return with_waiting(due, ready.join(asked, on="cluster").select("entity", "cluster", waits=_words()))


def _words() -> pl.Expr:
    told = pl.format(
        "{} may be what was made for {}: the same thing: `talk link {} {}`; another one: `talk unlink {} {}` (hold {})",
        *("record", "source", "source", "record", "source", "record", "number"),
    )
    gone = pl.format(
        "{} may be what was made for something that is gone by now: if it is not, `talk retry {}`", "record", "number"
    )
    return pl.coalesce(told, gone)


def candidates(hub: Hub) -> pl.DataFrame:
    """As CANDIDATES, for each that could still be it: the hold that asks, the cluster that it would belong to, one of the
    records there (`source`), and the cluster that it is in.
    """
    asking = holds.still(hub, "rejected").filter(pl.col("candidates").list.len() > 0)
    if asking.is_empty():
        return CANDIDATES.to_frame()
    named = asking.select("number", "entity", made_for="cluster", record="candidates").explode("record")
    one = named.with_columns(id=pl.col("record").str.splitn("/", 2).struct.field("field_1"))
    placed = one.join(members.clusters_of(hub, one.select("entity", "id").unique()), on=["entity", "id"]).drop("entity", "id")
    here = members.ids_in(hub, pl.concat([placed.select("cluster"), placed.select(cluster="made_for")]).unique())
    sources = here.sort("entity", "id").group_by("cluster").agg(source=pl.format("{}/{}", "entity", "id").first())
    return (
        placed.join(_apart(hub, placed.select(_SIDES).unique(), here), on=_SIDES, how="anti")
        .join(sources, left_on="made_for", right_on="cluster", how="left")
        .select(CANDIDATES.names())
        .sort("number", "record")
    )


def _apart(hub: Hub, pairs: pl.DataFrame, here: pl.DataFrame) -> pl.DataFrame:
    """The pairs (`made_for`, `cluster`) that cannot be one thing: both have a record of the same entity, or a person has told
    them apart. `here` are their members.
    """
    mine = pairs.join(here, left_on="made_for", right_on="cluster")
    theirs = pairs.join(here, on="cluster")
    double = mine.join(theirs, on=[*_SIDES, "entity"], how="semi")
    told = never.pairs(hub)
    turned = told.select(entity="other_entity", id="other_id", other_entity="entity", other_id="id")
    parted = mine.join(pl.concat([told, turned.select(told.columns)]), on=["entity", "id"]).join(
        theirs, left_on=[*_SIDES, "other_entity", "other_id"], right_on=[*_SIDES, "entity", "id"], how="semi"
    )
    return pl.concat([double.select(_SIDES), parted.select(_SIDES)]).unique()


def of_creations(rejected: pl.DataFrame) -> pl.DataFrame:
    """Of holds, those of records that may have been made: not of a write that was refused, which is one among others."""
    return rejected.filter(pl.col("id").is_null() & pl.col("field").is_null() & pl.col("plan_hash").is_null())


def follow(hub: Hub, record: str, cluster: int, to: int) -> None:
    """Creations that were to copy a record (`entity/id`) of a cluster, and of which a person is asked what came of them, are
    about another cluster (`to`) from now on, which that record gets.
    """
    asking = of_creations(holds.still(hub, "rejected")).filter(pl.col("cluster") == cluster)
    asked = intents.asked_about(hub, asking)
    targets = asked["entity"].unique()
    marks = [mark for target in targets for mark in marks_of(hub, record, target)]
    copying = asked.filter(pl.col("reference").is_in(marks)).with_columns(cluster=pl.lit(to, pl.Int64))
    holds.move(hub, copying.select("number", "cluster"))
    intents.mark(hub, copying.select("id", "cluster"))


def unanswered(world: World, over: pl.DataFrame) -> pl.DataFrame:
    """Of holds whose writes are not due any more, those (`number`) that still ask what came of a creation: its place is not
    taken, and there is a record that it would belong to, or one that it may be. The specs of another day may ask for it again.
    """
    hub = world.hub
    asking = of_creations(over)
    here = members.ids_in(hub, asking.select("cluster").unique())
    empty = asking.join(here, on=["cluster", "entity"], how="anti")
    alive = empty.join(here, on="cluster", how="semi").select("number")
    return pl.concat([alive, empty.join(candidates(hub), on="number", how="semi").select("number")]).unique()
