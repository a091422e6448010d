"""Records that name others, and what becomes of what they say once a person says that one of those is another thing."""

from collections.abc import Iterator

import polars as pl

from talk_assets.hub import cells, golden, history, members, records, shapes
from talk_assets.hub.packing import fold, pieces
from talk_assets.sync.hear import hear, opinions
from talk_assets.sync.merge import KEY, overruled
from talk_assets.sync.world import World


def naming(world: World, named: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Records that name one of these (`entity`, `id`): `entity`, `id`, `cluster`, by the property that does."""
    kinds = set(named["entity"])
    for key, entity in world.model.entities.items():
        for path, to in entity.naming.items():
            if kinds.intersection(to):
                values = named.filter(pl.col("entity").is_in(to)).select(value="id").unique()
                yield members.clusters_of(world.hub, records.holding(world.hub, key, path, values))


def part(world: World, record: pl.DataFrame, by: pl.DataFrame, cluster: int, reason: str) -> None:
    """Give a record (`entity`, `id`) a cluster of its own. What is agreed is about that one from now on where it is the word of
    a record that names this one; where it is somebody else's, a record that names this one is told it again. `by` are all those
    that name it (`entity`, `id`, `cluster`). In a transaction, without writes under way to them.
    """
    hub, known_shapes = world.hub, shapes.shapes(world.hub)
    clusters = by.select("cluster").unique(maintain_order=True)
    held = hear(world, cells.sides(hub, clusters).join(by, on=["entity", "id"], how="semi"), known_shapes)
    meant = opinions(world, held, known_shapes).cells["base"]
    members.unlink(hub, record)
    since = pl.lit(hub.now(), pl.Datetime("us"))
    members.link(hub, record.with_columns(cluster=pl.lit(cluster, pl.Int64), how=pl.lit("unlinked"), since=since))
    means = opinions(world, held, known_shapes).cells
    # What a record holds beside its base is an edit, of which merging hears.
    shifted = means.with_columns(meant=meant).filter("has_base", pl.col("base").ne_missing(meant))
    kept = golden.kept(hub, clusters)
    agreed = golden.some(kept, shifted.select(KEY).unique())
    of_agreed = agreed.select(*KEY, "version", agreed="value", of=pl.struct("entity", "id"))
    moved = (
        shifted.join(of_agreed, on=KEY)
        .filter(pl.col("meant").eq_missing(pl.col("agreed")), pl.col("accepted") >= pl.col("version"))
        .with_columns(is_own=pl.col("of") == pl.struct("entity", "id"))
        .unique([*KEY, "entity", "id"], maintain_order=True)
    )
    own = moved.filter("is_own")
    words = overruled(agreed, own.select(*KEY, "entity", "id", value="base"), hub.now()).drop("edited_at")
    # It is no newer an edit for that.
    golden.renew(hub, kept, words.join(agreed.select(*KEY, "subject", "edited_at"), on=KEY))
    _take(world, moved.select("entity", "id", "field", accepted=pl.when("is_own").then(pl.col("version") + 1).otherwise(0)))
    told = own.select("cluster", "entity", "id", path="field", before="meant", after="base")
    history.append(hub, told.with_columns(kind=pl.lit("edit"), reason=pl.lit(reason)), world.run)


def _take(world: World, taken: pl.DataFrame) -> None:
    """Have records taken versions (`accepted`) of fields (`entity`, `id`, `field`)."""
    hub, known_shapes = world.hub, shapes.shapes(world.hub)
    for (number,), rows in cells.by_kind(members.whole(hub, taken.select("entity", "id").unique()), "shape"):
        places = cells.located(rows.select("entity", "id"), known_shapes[number].fields, taken, ["entity", "id"])
        versions = pieces(rows["accepted"]).scatter(places["place"], places["accepted"].cast(pl.String))
        members.agree(hub, rows.select("entity", "id").with_columns(fold(versions, rows.height).alias("accepted")))
