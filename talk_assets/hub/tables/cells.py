"""What records and their bases say about clusters, unpacked from the texts they are kept in."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.packing import flat, fold, numbers, pack, pieces, unpack
from talk_assets.hub.rows import fetch
from talk_assets.hub.tables import records
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.hub.tables.shapes import Shape

SIDES = pl.Schema(
    {
        "cluster": pl.Int64,
        "entity": pl.String,
        "id": pl.String,
        "edited_at": pl.Datetime("us"),
        "shape": pl.Int32,
        "vals": pl.String,
        "base_shape": pl.Int32,
        "base": pl.String,
        "accepted": pl.String,
    }
)
"""One row per record of a cluster; `vals` is in `shape`, `base` and `accepted` in `base_shape`, null while there is none."""
CELLS = pl.Schema(
    {
        "cluster": pl.Int64,
        "entity": pl.String,
        "id": pl.String,
        "edited_at": pl.Datetime("us"),
        "column": pl.String,
        "observed": pl.String,
        "base": pl.String,
        "has_base": pl.Boolean,
    }
)
ACCEPTED = pl.Schema({"cluster": pl.Int64, "entity": pl.String, "id": pl.String, "field": pl.String, "accepted": pl.Int64})
_AT = "#at"
_MANY = 200
"""Lists, from which on a series for each takes longer than all of them together."""


def touched(hub: Hub, since: int) -> pl.DataFrame:
    """The clusters (`cluster`) with a record, a link or a base written after a position."""
    placed = fetch(hub, "members", records.since(hub, since, records.KEY), ["cluster"])
    moved = hub.read("SELECT cluster FROM members WHERE seq > ?", [since])
    return pl.concat([placed, moved]).unique().sort("cluster")


def sides(hub: Hub, clusters: pl.DataFrame, *, placed: pl.DataFrame | None = None) -> pl.DataFrame:
    """The records of these clusters (`cluster`) as SIDES; `placed` are the members of those, if they were just read."""
    if clusters.is_empty():
        return SIDES.to_frame()
    if placed is None:
        placed = fetch(hub, "members", clusters.select("cluster"), ["cluster", "entity", "id", "shape", "base", "accepted"])
    members = placed.rename({"shape": "base_shape"})
    held = records.of(hub, members, ["entity", "id", "edited_at", "shape", "vals"])
    return members.join(held, on=["entity", "id"]).select(SIDES.names()).sort("cluster", "entity")


def wide(
    rows: pl.DataFrame, of: str, shapes: Mapping[int, Shape], columns: Sequence[str], missing: str = UNKNOWN
) -> pl.DataFrame:
    """`vals` or `base` of rows of one entity: a column per property, beside `#cluster`, `#entity`, `#id` and `#edited_at`,
    which no property can be called, in the order of the rows. What the rows' shapes do not have, and the base of a record
    without one, is `missing`.
    """
    kept = [pl.col(name).alias(f"#{name}") for name in ("cluster", "entity", "id", "edited_at") if name in rows.columns]
    shape = "base_shape" if of == "base" and "base_shape" in rows.columns else "shape"
    parts = [
        part.select(_AT, *kept).hstack(
            _unpack(part, of, shapes[number].columns if number is not None else (), columns, missing).select(columns)
        )
        for (number,), part in by_kind(rows.with_row_index(_AT), shape)
    ]
    if parts:
        return pl.concat(parts).sort(_AT).drop(_AT)
    return rows.clear().select(*kept, *(pl.lit(None, pl.String).alias(name) for name in columns))


def by_kind(rows: pl.DataFrame, *columns: str) -> Iterable[tuple[tuple[Any, ...], pl.DataFrame]]:
    """As `group_by` does it. Most often all rows are of one kind: that is seen sooner than they are grouped."""
    if all(rows[name].n_unique() == 1 for name in columns):
        return [(tuple(rows[name][0] for name in columns), rows)]
    return rows.group_by(*columns, maintain_order=True)


def _unpack(part: pl.DataFrame, of: str, shape: Sequence[str], columns: Sequence[str], missing: str) -> pl.DataFrame:
    there = [name for name in columns if name in shape]
    unpacked = unpack(part[of], shape) if there else pl.DataFrame(height=part.height)
    absent = _absent(tuple(name for name in columns if name not in shape), missing)
    if part[of].null_count():
        empty = part[of].is_null()
        absent = [*absent, *(pl.when(empty).then(pl.lit(missing)).otherwise(name).alias(name) for name in there)]
    return unpacked.with_columns(absent) if absent else unpacked


@cache
def _absent(names: tuple[str, ...], missing: str) -> list[pl.Expr]:
    return [pl.lit(missing).alias(name) for name in names]


def lists(rows: Sequence[Sequence[Any]], dtype: pl.DataType) -> pl.Series:
    """Python's lists as one column; of many, without a series for each of them."""
    if len(rows) < _MANY:
        return pl.Series("list", rows, pl.List(dtype))
    flat = pl.Series("list", [one for row in rows for one in row], dtype=dtype)
    places = pl.DataFrame({"row": range(len(rows)), "length": map(len, rows)}, schema={"row": pl.Int64, "length": pl.Int64})
    owners = places.select(pl.col("row").repeat_by("length")).explode("row").drop_nulls()
    found = owners.with_columns(flat).group_by("row").agg("list")
    return places.join(found, on="row", how="left", maintain_order="left")["list"].fill_null([])


def long(rows: pl.DataFrame, shapes: Mapping[int, Shape]) -> pl.DataFrame:
    """Rows of SIDES as CELLS: one per record and property of the record's present shape."""
    parts = [CELLS.to_frame()]
    for (number, base_number), part in by_kind(rows, "shape", "base_shape"):
        columns = shapes[number].columns
        if not columns:
            continue
        base = flat(_base_in(part, base_number, columns, shapes))
        parts.append(
            for_each(columns, part.select("cluster", "entity", "id", "edited_at"), "column")
            .with_columns(observed=flat(part["vals"]), base=base, has_base=base.ne_missing(UNKNOWN))
            .with_columns(base=pl.when("has_base").then("base"))
            .select(CELLS.names())
        )
    return pl.concat(parts)


def _base_in(part: pl.DataFrame, number: Any, columns: Sequence[str], shapes: Mapping[int, Shape]) -> pl.Series:
    """The bases of rows of one shape, in the order of other columns."""
    there = shapes[number].columns if number is not None else ()
    if there == columns and not part["base"].null_count():
        return part["base"]
    return pack(_unpack(part, "base", there, columns, UNKNOWN), columns)


def for_each(names: Sequence[str], rows: pl.DataFrame, called: str) -> pl.DataFrame:
    """Each of these rows once for each name, which is `called` so."""
    cell = pl.int_range(rows.height * len(names), eager=True)
    return rows[cell // len(names)].with_columns(pl.Series(called, names, dtype=pl.String).gather(cell % len(names)))


def accepted(rows: pl.DataFrame, shapes: Mapping[int, Shape], asked: pl.DataFrame | None = None) -> pl.DataFrame:
    """Rows of SIDES as ACCEPTED: the version of each field that each record last took, or of those that are `asked` for
    (`cluster`, `entity`, `field`); none: it took none.
    """
    parts = [ACCEPTED.to_frame()]
    for (number,), part in by_kind(rows.filter(pl.col("accepted").is_not_null()), "base_shape"):
        fields, named = shapes[number].fields, part.select("cluster", "entity", "id")
        if not fields:
            continue
        versions = pieces(part["accepted"]).alias("accepted")
        if asked is None:
            parts.append(for_each(fields, named, "field").hstack([versions.cast(pl.Int64, strict=False)]))
            continue
        found = located(named, fields, asked, ["cluster", "entity"])
        taken = versions.gather(found["place"]).cast(pl.Int64, strict=False)
        parts.append(found.select("cluster", "entity", "id", "field").hstack([taken]))
    return pl.concat(parts)


def located(rows: pl.DataFrame, fields: tuple[str, ...], wanted: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """The wanted (`field`) of rows that each have these fields, with the `place` of each among all fields of all rows."""
    found = rows.with_row_index("row").join(wanted, on=on).join(_numbered(fields), on="field")
    return found.with_columns(place=pl.col("row").cast(pl.Int64) * len(fields) + pl.col("at"))


@cache
def _numbered(fields: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame({"field": fields, "at": range(len(fields))}, schema={"field": pl.String, "at": pl.Int64})


def accepted_in(rows: pl.DataFrame, shape: Shape, shapes: Mapping[int, Shape]) -> pl.Series:
    """The versions that records of one entity took, of each field of a shape, those of one record after those of the other; 0:
    it took none. `rows` of SIDES.
    """
    count = len(shape.fields)
    if count and rows["base_shape"].eq_missing(shape.number).all() and not rows["accepted"].null_count():
        return numbers(rows["accepted"]).fill_null(0).alias("accepted")
    found = pl.zeros(rows.height * count, pl.Int64, eager=True)
    kept = rows.select("base_shape", "accepted").with_row_index("row").filter(pl.col("accepted").is_not_null())
    for (number,), part in by_kind(kept, "base_shape"):
        theirs = shapes[number].fields
        if not theirs:
            continue
        places = pl.Series([shape.fields.index(field) if field in shape.fields else None for field in theirs], dtype=pl.Int64)
        cell = pl.int_range(part.height * len(theirs), eager=True)
        versions = pl.DataFrame(
            {
                "at": part["row"].cast(pl.Int64).gather(cell // len(theirs)) * count + places.gather(cell % len(theirs)),
                "version": numbers(part["accepted"]),
            }
        ).drop_nulls()
        found = found.scatter(versions["at"], versions["version"])
    return found


def mapped_in(rows: pl.DataFrame, shape: Shape, shapes: Mapping[int, Shape]) -> pl.Series:
    """Of each field of a shape, those of one record after those of the other: whether it was one when the record agreed."""
    count, numbers_ = len(shape.fields), rows["base_shape"]
    if not count or numbers_.eq(shape.number).all():
        return pl.repeat(True, rows.height * count, dtype=pl.Boolean, eager=True)  # noqa: FBT003
    known = numbers_.unique()
    was = [[number is not None and field in shapes[number].fields for number in known] for field in shape.fields]
    by_field = rows.select("base_shape").join(
        pl.DataFrame([known, *(pl.Series(str(at), column) for at, column in enumerate(was))]),
        on="base_shape",
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return by_field.select(pl.concat_list(map(str, range(count)))).to_series().explode()


def folded(accepted: pl.Series, records: int) -> pl.Series:
    """Versions, those of one record after those of the other, as members keep them."""
    return fold(accepted.cast(pl.String).alias("accepted"), records)
