"""What is agreed → what each side of a mapping should hold. One transformation for each mapping, pure."""

from functools import cache

import polars as pl

from talk_assets.sync.model import MappingModel, Model, Side
from talk_assets.sync.values import ABSENT

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
    return _translated(mapping, *_wide(golden, model.subjects[mapping.subject]))


def translate_all(agreed: pl.DataFrame, model: Model) -> pl.DataFrame:
    """The same of all mappings, in their order; `agreed` are golden fields of any subjects, with `subject`."""
    wide = {
        str(subject): _wide(fields, model.subjects[str(subject)])
        for (subject,), fields in agreed.group_by("subject", maintain_order=True)
    }
    parts = [_translated(mapping, *wide[mapping.subject]) for mapping in model.mappings if mapping.subject in wide]
    return pl.concat(parts) if parts else DESIRED.to_frame()


def _translated(mapping: MappingModel, values: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    parts = [_side(side, entity, mapping, values, versions) for entity, side in mapping.sides.items()]
    return pl.concat(parts) if parts else DESIRED.to_frame()


def _wide(golden: pl.DataFrame, names: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values and versions: one row for each cluster, one column for each field; what nobody ever said is absent."""
    wide = golden.pivot(
        "field", on_columns=list(names), index="cluster", values=["value", "version"], aggregate_function="first"
    )
    values, versions = _spread(names)
    return wide.select("cluster", *values), wide.select("cluster", *versions)


@cache
def _spread(names: tuple[str, ...]) -> tuple[list[pl.Expr], list[pl.Expr]]:
    said = {name: pl.col(f"version_{name}").is_not_null() for name in names}
    values = [pl.when(said[name]).then(f"value_{name}").otherwise(pl.lit(ABSENT)).alias(name) for name in names]
    return values, [pl.col(f"version_{name}").fill_null(0).alias(name) for name in names]


def _side(side: Side, entity: str, mapping: MappingModel, values: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """What one entity of the mapping should hold: all its properties in one query."""
    told, newest = side.formulas.over(values), versions.select(side.newest)
    cells = values.select("cluster").hstack(told).unpivot(index="cluster", variable_name="number")
    return (
        cells.with_columns(version=newest.unpivot()["value"], entity=pl.lit(entity), mapping=pl.lit(mapping.name))
        .join(side.names, on="number", how="left", maintain_order="left")
        .select(DESIRED.names())
    )
