"""What is agreed → what each side of a mapping should hold. One transformation for each mapping, pure."""

from collections.abc import Mapping
from functools import cache

import polars as pl

from talk_assets.hub.tables.golden import Wide
from talk_assets.sync.meaning.model import MappingModel, Model, Side
from talk_assets.sync.meaning.values import ABSENT, misfit

DESIRED = pl.Schema(
    {
        "cluster": pl.Int64,
        "entity": pl.String,
        "path": pl.String,
        "value": pl.String,
        "version": pl.Int64,
        "fields": pl.List(pl.String),
        "mapping": pl.String,
        "documented": pl.Boolean,
    }
)
"""`version` is the newest of the fields that make the value; ABSENT where the mapping has nothing to say."""


def translate(mapping: MappingModel, golden: pl.DataFrame, model: Model) -> pl.DataFrame:
    """The golden fields of some clusters of the mapping's subject → what both entities of the mapping should hold."""
    agreed = in_columns(golden, model.subjects[mapping.subject])
    parts = [_side(side, entity, mapping, agreed) for entity, side in mapping.sides.items()]
    return pl.concat(parts) if parts else DESIRED.to_frame()


def translate_all(agreed: Mapping[str, Wide], model: Model, observed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The same of all mappings, in their order, without what records hold already and what an earlier mapping says in the same
    way. `agreed` are golden fields, by subject; `observed` is what is there, by entity, as text.
    """
    parts = [
        _side(side, entity, mapping, agreed[mapping.subject], observed.get(entity))
        for mapping, sides in model.telling
        if mapping.subject in agreed
        for entity, side in sides.items()
    ]
    return pl.concat(parts) if parts else DESIRED.to_frame()


def in_columns(golden: pl.DataFrame, names: tuple[str, ...]) -> Wide:
    """Golden fields of one subject, one row for each cluster, one column for each field; what nobody ever said is absent."""
    wide = golden.pivot(
        "field", on_columns=list(names), index="cluster", values=["value", "version"], aggregate_function="first"
    )
    values, versions = _spread(names)
    return Wide(wide.select("cluster", *values), wide.select("cluster", *versions))


@cache
def _spread(names: tuple[str, ...]) -> tuple[list[pl.Expr], list[pl.Expr]]:
    said = {name: pl.col(f"version_{name}").is_not_null() for name in names}
    values = [pl.when(said[name]).then(f"value_{name}").otherwise(pl.lit(ABSENT)).alias(name) for name in names]
    return values, [pl.col(f"version_{name}").fill_null(0).alias(name) for name in names]


def _side(
    side: Side,
    entity: str,
    mapping: MappingModel,
    agreed: Wide,
    observed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """What one entity of the mapping should hold: all its properties in one query."""
    clusters = agreed.values["cluster"]
    told, newest = side.formulas.over(agreed.values), agreed.versions.select(side.newest)
    cell, height = pl.int_range(told.width * told.height, eager=True), max(told.height, 1)
    cells = pl.DataFrame(
        {
            "row": cell % height,
            "number": cell // height,
            "value": pl.concat(told.get_columns()),
            "version": pl.concat(newest.get_columns()),
        }
    )
    if observed is not None:
        cells = cells.filter(_is_news(side, cells, clusters, observed))
    return (
        cells.with_columns(clusters.gather(cells["row"]), entity=pl.lit(entity), mapping=pl.lit(mapping.name))
        .hstack(side.names[cells["number"]])
        .select(DESIRED.names())
    )


def _is_news(side: Side, cells: pl.DataFrame, clusters: pl.Series, observed: pl.DataFrame) -> pl.Series:
    """Of all cells of a side: which are not what is there."""
    paths = side.names["path"].to_list()
    there = clusters.to_frame("#cluster").join(
        observed.select("#cluster", "#id", *dict.fromkeys(path for path in paths if path in observed.columns)),
        on="#cluster",
        how="left",
        maintain_order="left",
    )
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, there.height)
    return cells.select(
        ~side.names["settled"].gather(cells["number"])
        | there["#id"].is_null().gather(cells["row"])
        | pl.col("value").ne_missing(pl.concat([there[path] if path in there.columns else nothing for path in paths]))
        | misfit(pl.col("value"))
    ).to_series()
