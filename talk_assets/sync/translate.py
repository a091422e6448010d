"""What is agreed → what each side of a mapping should hold. One transformation for each mapping, pure."""

from collections.abc import Sequence

import polars as pl

from talk_assets.sync.model import MappingModel, Model, Projection, together
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
    parts = [
        _side(projections, entity, mapping, values, versions)
        for entity, projections in mapping.projections.items()
        if projections
    ]
    return pl.concat(parts) if parts else DESIRED.to_frame()


def _wide(golden: pl.DataFrame, names: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values and versions: one row for each cluster, one column for each field; what nobody ever said is absent."""
    wide = golden.pivot(
        "field", on_columns=list(names), index="cluster", values=["value", "version"], aggregate_function="first"
    )
    said = {name: pl.col(f"version_{name}").is_not_null() for name in names}
    values = (pl.when(said[name]).then(f"value_{name}").otherwise(pl.lit(ABSENT)).alias(name) for name in names)
    return (
        wide.select("cluster", *values),
        wide.select("cluster", *(pl.col(f"version_{name}").fill_null(0).alias(name) for name in names)),
    )


def _side(
    projections: Sequence[Projection], entity: str, mapping: MappingModel, values: pl.DataFrame, versions: pl.DataFrame
) -> pl.DataFrame:
    """What one entity of the mapping should hold: all its properties in one query."""
    told = together([one.formula for one in projections], values)
    newest = versions.select(pl.max_horizontal(*one.fields).alias(str(number)) for number, one in enumerate(projections))
    names = pl.DataFrame(
        [(str(number), one.path, list(one.fields), one.documented) for number, one in enumerate(projections)],
        schema={"number": pl.String, "path": pl.String, "fields": pl.List(pl.String), "documented": pl.Boolean},
        orient="row",
    )
    cells = values.select("cluster").hstack(told).unpivot(index="cluster", variable_name="number")
    return (
        cells.with_columns(version=newest.unpivot()["value"])
        .join(names, on="number", how="left", maintain_order="left")
        .with_columns(entity=pl.lit(entity), mapping=pl.lit(mapping.name))
        .select(DESIRED.names())
    )
