"""What is agreed on each cluster: one row per cluster, taken apart into one row per field for the stages."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import polars as pl

from talk_assets.hub.cells import by_kind, for_each
from talk_assets.hub.hub import Hub
from talk_assets.hub.packing import BETWEEN, flat, marked, numbers, unpack
from talk_assets.hub.rows import fetch, put_changed, remove
from talk_assets.hub.shapes import Shape, shape_of, shapes

GOLDEN = pl.Schema(
    {
        "cluster": pl.Int64,
        "field": pl.String,
        "value": pl.String,
        "version": pl.Int64,
        "entity": pl.String,
        "id": pl.String,
        "edited_at": pl.Datetime("us"),
        "trail": pl.List(pl.String),
    }
)
"""`entity` and `id` are where a value came from; `trail` says who wrote what before it, newest last."""
_COLUMNS = {"vals": "value", "versions": "version", "origins": "origin", "times": "edited_at"}
"""Few, because each that is read costs a pass over its row groups: a row's fields are the columns of a shape of its subject,
and trails are kept where there are any.
"""
_TRAIL = pl.Struct({"was": pl.List(pl.String)})


@dataclass(frozen=True)
class Wide:
    """What is agreed on clusters of one subject: `cluster`, and a column for each field."""

    values: pl.DataFrame
    versions: pl.DataFrame
    """Of what was never agreed on: 0."""


def put(hub: Hub, agreed: pl.DataFrame, *, there: pl.DataFrame | None = None) -> pl.DataFrame:
    """Keep all fields of some clusters: GOLDEN and `subject`. Clusters that are as they were stay so; gives the `cluster` of
    the others. `there` are their `rows`, if those were just read.
    """
    if agreed.is_empty():
        return agreed.select("cluster")
    told = agreed.with_columns(
        origin=pl.format("{}/{}", "entity", "id"), edited_at=pl.col("edited_at").cast(pl.Int64), trail=_encoded(agreed["trail"])
    ).sort("cluster", "field")
    named = {"field": "field", **_COLUMNS, "trails": "trail"}
    texts = {name: marked(told[column].cast(pl.String)) for name, column in named.items()}
    rows = (
        told.select("cluster", "subject", has_trails=pl.col("trail").is_not_null())
        .with_columns(**texts)
        .group_by("cluster", maintain_order=True)
        .agg(*texts, pl.col("subject").first(), pl.col("has_trails").any())
        .with_columns(pl.col(*texts).list.join(BETWEEN))
        .with_columns(trails=pl.when("has_trails").then("trails"))
        .drop("has_trails")
    )
    return put_changed(hub, "golden", _shaped(hub, rows), ["cluster"], there=there).select("cluster")


def rows(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """What is agreed on these clusters (`cluster`), as it is kept, for `put`."""
    return fetch(hub, "golden", clusters.select("cluster"), numbered=True)


def of(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """What is agreed on these clusters (`cluster`), as GOLDEN and `subject`."""
    return unpacked(hub, rows(hub, clusters))


def wide(hub: Hub, clusters: pl.DataFrame, subjects: Mapping[str, Sequence[str]], missing: str) -> Mapping[str, Wide]:
    """What is agreed on these clusters (`cluster`), by subject: its fields as columns. A value that was never agreed on is
    `missing`.
    """
    known = shapes(hub)
    kept = fetch(hub, "golden", clusters.select("cluster"), ["cluster", "subject", "shape", "vals", "versions"])
    found: dict[str, list[Wide]] = {}
    for (subject, number), part in by_kind(kept, "subject", "shape"):
        if subject in subjects:
            found.setdefault(subject, []).append(_wide(part, known[number].columns, subjects[subject], missing))
    return {subject: Wide(*map(pl.concat, zip(*map(astuple, parts), strict=True))) for subject, parts in found.items()}


def _wide(part: pl.DataFrame, there: Sequence[str], fields: Sequence[str], missing: str) -> Wide:
    absent = [field for field in fields if field not in there]
    values = unpack(part["vals"], there).with_columns(pl.lit(missing).alias(field) for field in absent)
    versions = unpack(part["versions"], there).with_columns(pl.lit("0").alias(field) for field in absent)
    return Wide(
        part.select("cluster").hstack(values.select(fields)),
        part.select("cluster").hstack(versions.select(pl.col(fields).cast(pl.Int64))),
    )


def unpacked(hub: Hub, kept: pl.DataFrame) -> pl.DataFrame:
    """What `rows` gave, as GOLDEN and `subject`."""
    known = shapes(hub)
    parts = [pl.DataFrame(schema={**GOLDEN, "subject": pl.String})]
    for (number, has_trails), part in kept.group_by("shape", pl.col("trails").is_not_null(), maintain_order=True):
        entity_and_id = flat(part["origins"]).str.splitn("/", 2)
        parts.append(
            _values(part, known[number])
            .with_columns(
                entity=entity_and_id.struct.field("field_0"),
                id=entity_and_id.struct.field("field_1"),
                edited_at=numbers(part["times"]).cast(pl.Datetime("us")),
                trail=_decoded(flat(part["trails"])) if has_trails else pl.lit([], pl.List(pl.String)),
            )
            .select(*GOLDEN.names(), "subject")
        )
    return pl.concat(parts)


def _values(part: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    named = for_each(shape.columns, part.select("cluster", "subject"), "field")
    return named.with_columns(value=flat(part["vals"]), version=numbers(part["versions"]))


def holding(hub: Hub, values: pl.Series) -> pl.DataFrame:
    """The clusters (`cluster`) on which one of these texts is agreed for some field. Looks at all there are."""
    return hub.read(
        "SELECT cluster FROM golden WHERE list_has_any(string_split(vals, ?), ?)", [BETWEEN, marked(values).to_list()]
    )


def since(hub: Hub, seq: int, subject: str | None = None) -> pl.DataFrame:
    """`cluster`, `subject`, `seq` of what changed after a position."""
    found = hub.read("SELECT cluster, subject, seq FROM golden WHERE seq > ? ORDER BY cluster", [seq])
    return found if subject is None else found.filter(pl.col("subject") == subject)


def counts(hub: Hub) -> pl.DataFrame:
    """`subject`, `clusters`."""
    return hub.read("SELECT subject, count(*) AS clusters FROM golden GROUP BY subject ORDER BY subject")


def forget(hub: Hub, clusters: pl.DataFrame) -> int:
    """Take away clusters that are no more (`cluster`)."""
    return remove(hub, "golden", clusters.select("cluster"))


def _shaped(hub: Hub, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a `shape` for their `field`. There are as many as there are mixes of entities in a cluster, so few."""
    kinds = rows.select("subject", "field").unique(maintain_order=True)
    numbers = [shape_of(hub, subject, flat(pl.Series([fields])).to_list(), ()).number for subject, fields in kinds.iter_rows()]
    numbered = kinds.with_columns(shape=pl.Series(numbers, dtype=pl.Int32))
    return rows.join(numbered, on=["subject", "field"], maintain_order="left").drop("field")


def _encoded(trails: pl.Series) -> pl.Series:
    if not (trails.list.len() > 0).any():
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(trails))
    text = pl.struct(was=pl.col("trail")).struct.json_encode()
    return trails.to_frame("trail").select(pl.when(pl.col("trail").list.len() > 0).then(text)).to_series()


def _decoded(text: pl.Series) -> pl.Series:
    return text.str.json_decode(_TRAIL).struct.field("was").fill_null([])
