"""What records say about fields: their columns of text, turned by the model's formulas. Pure."""

import polars as pl

from talk_assets.sync.meaning.model import Contribution, EntityModel
from talk_assets.sync.meaning.values import PENDING, opinion

SAID = pl.Schema(
    {
        "row": pl.Int64,
        "cluster": pl.Int64,
        "entity": pl.String,
        "id": pl.String,
        "field": pl.String,
        "place": pl.Int64,
        "number": pl.Int64,
        "value": pl.String,
        "rank": pl.Int32,
    }
)
"""`row` is which of the records it is, `place` which of the entity's fields, `number` which of its contributions."""
LINKS = pl.Schema({"entity": pl.String, "id": pl.String, "cluster": pl.Int64})
"""Which cluster a record belongs to."""
OWNERS = pl.Schema({"entity": pl.String, "id": pl.String, "owner_entity": pl.String, "owner": pl.String})
"""Which record owns a record."""


def said(
    entity: EntityModel,
    records: pl.DataFrame,
    links: pl.DataFrame,
    owners: pl.DataFrame,
    fields: frozenset[str] | None = None,
) -> pl.DataFrame:
    """`records` has `#cluster`, `#id` and the entity's columns; `links` and `owners` cover what they refer to. What they say
    about some fields, if those are named.
    """
    contributions = {number: one for number, one in enumerate(entity.contributions) if fields is None or one.field in fields}
    if not contributions:
        return SAID.to_frame()
    names = entity.names if fields is None else entity.names.filter(pl.col("field").is_in(fields))
    values = entity.formulas.over(records, tuple(contributions))
    cell, height = pl.int_range(values.width * records.height, eager=True), max(records.height, 1)
    row = (cell % height).alias("row")
    told = (
        records.select(cluster="#cluster", id="#id")[row]
        .hstack([row, pl.concat(values.get_columns()).alias("value")])
        .hstack(names[cell // height])
        .with_columns(entity=pl.lit(entity.key))
    )
    parts = [told.filter(~pl.col("refers")).select(SAID.names())]
    for number, contribution in contributions.items():
        if contribution.references:
            here = told.filter(pl.col("number") == number)
            as_clusters = _as_cluster(here.select("cluster", "id", "value"), contribution, links, owners)
            parts.append(here.with_columns(value=as_clusters["value"]).select(SAID.names()))
    return pl.concat(parts)


def _as_cluster(cells: pl.DataFrame, contribution: Contribution, links: pl.DataFrame, owners: pl.DataFrame) -> pl.DataFrame:
    """An id becomes the number of the named record's cluster. One that nobody has seen yet says nothing for now."""
    named = cells.with_columns(name=pl.when(opinion(pl.col("value"))).then("value"))
    if contribution.by_owner:
        owned = owners.filter(pl.col("entity").is_in(list(contribution.references))).select(
            name="id", to="owner_entity", owner="owner"
        )
        named = named.join(owned.unique("name"), on="name", how="left", maintain_order="left")
        known = links.select(to="entity", owner="id", found="cluster")
        found = named.join(known, on=["to", "owner"], how="left", maintain_order="left")
    else:
        known = links.filter(pl.col("entity").is_in(list(contribution.references))).select(name="id", found="cluster")
        found = named.join(known.unique("name"), on="name", how="left", maintain_order="left")
    told = pl.col("found").cast(pl.String)
    return found.with_columns(
        value=pl.when(pl.col("name").is_null()).then("value").when(told.is_null()).then(pl.lit(PENDING)).otherwise(told)
    ).select("cluster", "id", "value")
