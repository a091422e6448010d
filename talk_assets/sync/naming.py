"""Records that name others, and what becomes of what they say once a person says that one of those is another thing."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from talk_assets.hub.packing import fold, pieces
from talk_assets.hub.tables import cells, golden, history, members, records, shapes
from talk_assets.sync.hear import hear, opinions
from talk_assets.sync.merge import KEY, overruled
from talk_assets.sync.world import World


def naming(world: World, named: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Records that name one of these (`entity`, `id`), or one that it owns where that stands for it: `entity`, `id`, `cluster`,
    by the property that does.
    """
    entities = world.model.entities
    yield from _naming(world, named, {key: entity.naming for key, entity in entities.items()})
    by_owner = {key: entity.naming_by_owner for key, entity in entities.items() if entity.naming_by_owner}
    if by_owner:
        yield from _naming(world, _owned(world, named, by_owner), by_owner)


def _naming(world: World, named: pl.DataFrame, paths: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[pl.DataFrame]:
    """By the properties (`paths`, of each entity) that name records of some entities."""
    kinds = set(named["entity"])
    for key, properties in paths.items():
        for path, to in properties.items():
            if kinds.intersection(to):
                values = named.filter(pl.col("entity").is_in(to)).select(value="id").unique()
                yield members.clusters_of(world.hub, records.holding(world.hub, key, path, values))


def _owned(world: World, owners: pl.DataFrame, by_owner: Mapping[str, Mapping[str, Sequence[str]]]) -> pl.DataFrame:
    """`entity`, `id` of what these (`entity`, `id`) own, of the entities that stand for their owners somewhere."""
    found = [owners.select("entity", "id").clear()]
    for key in sorted({to for properties in by_owner.values() for names in properties.values() for to in names}):
        entity = world.model.entities.get(key)
        if entity is not None and (parent := entity.spec.parent):
            ids = owners.filter(pl.col("entity") == f"{entity.system}.{parent.entity}").select(value="id").unique()
            found.append(records.holding(world.hub, key, parent.property, ids).select("entity", "id"))
    return pl.concat(found)


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
