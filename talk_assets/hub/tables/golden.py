"""What is agreed on each cluster: one row per cluster, taken apart into one row per field for the stages."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.packing import BETWEEN, NOTHING, flat, fold, lengthened, marked, pieces, shortened, unmarked, unpack
from talk_assets.hub.rows import fetch, put_changed, remove
from talk_assets.hub.tables.cells import by_kind, located
from talk_assets.hub.tables.shapes import shape_of, shapes

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
_TEXTS = ("vals", "versions", "origins", "times", "trails")
"""Few, because each that is read costs a pass over its row groups: a row's fields are the columns of a shape of its subject,
and trails are kept where there are any.
"""
_SHORT = ("origins", "times")
"""Most often the same for all fields of a row: told where they are not as those of the field before."""
_TRAIL = pl.Struct({"was": pl.List(pl.String)})
_IF_ANY = pl.when(pl.col("trails").str.contains("{", literal=True)).then("trails")
"""The trails of those rows that have any."""
_NONE = pl.DataFrame(schema={**GOLDEN, "subject": pl.String})


@dataclass(frozen=True)
class Wide:
    """What is agreed on clusters of one subject: `cluster`, and a column for each field."""

    values: pl.DataFrame
    versions: pl.DataFrame
    """Of what was never agreed on: 0."""


@dataclass(frozen=True)
class Kept:
    """What is agreed on clusters with the same fields, taken apart to be read and changed."""

    rows: pl.DataFrame
    fields: tuple[str, ...]
    texts: pl.DataFrame
    """By column: those of one row after those of the other."""


def put(hub: Hub, agreed: pl.DataFrame) -> pl.DataFrame:
    """Keep all fields of some clusters: GOLDEN and `subject`. Clusters that are as they were stay so; gives the `cluster` of
    the others.
    """
    if agreed.is_empty():
        return agreed.select("cluster")
    told = agreed.sort("cluster", "field")
    begins = told["cluster"].ne_missing(told["cluster"].shift())
    texts = _shortened(_texts(told), begins).with_columns(field=marked(told["field"]))
    rows = (
        told.select("cluster", "subject")
        .hstack(texts)
        .group_by("cluster", maintain_order=True)
        .agg(pl.col("subject").first(), pl.col(texts.columns))
        .with_columns(pl.col(texts.columns).list.join(BETWEEN))
        .with_columns(_IF_ANY)
    )
    return put_changed(hub, "golden", _shaped(hub, rows), ["cluster"]).select("cluster")


def kept(hub: Hub, clusters: pl.DataFrame) -> list[Kept]:
    """What is agreed on these clusters (`cluster`), for `some` and `renew`."""
    known = shapes(hub)
    found: list[Kept] = []
    for (number,), rows in by_kind(fetch(hub, "golden", clusters.select("cluster"), numbered=True), "shape"):
        fields = known[number].columns
        nothing = BETWEEN.join([NOTHING] * len(fields))
        texts = pl.DataFrame({name: pieces(rows[name].fill_null(nothing)) for name in _TEXTS})
        found.append(Kept(rows, fields, texts.with_columns(lengthened(texts[name]) for name in _SHORT)))
    return found


def some(there: Sequence[Kept], wanted: pl.DataFrame) -> pl.DataFrame:
    """Fields (`cluster`, `field`) of what is kept, as GOLDEN and `subject`."""
    places = [located(one.rows.select("cluster"), one.fields, wanted, ["cluster"])["place"].sort() for one in there]
    return pl.concat([_NONE, *map(_fields, there, places)])


def renew(hub: Hub, there: Sequence[Kept], agreed: pl.DataFrame) -> None:
    """Fields as they are from now on: GOLDEN and `subject`. All other fields of the same clusters stay as they are."""
    texts, told = _texts(agreed), agreed.select("cluster", "subject", "field").with_row_index("number")
    named = ["cluster", "subject"]
    places = [located(one.rows.select(named), one.fields, told, named) for one in there]
    known = pl.concat([told.clear(), *(one.select(told.columns) for one in places)])
    # What has no place is agreed on for the first time, so that its cluster has other fields than it had; or the subject of its
    # cluster is called otherwise by now, or is one of several, where specs no longer connect all of its entities.
    anew = told.join(known, on="number", how="anti").select(named).sort(named).unique("cluster", maintain_order=True)
    for one, at in zip(there, places, strict=True):
        rows = _renewed(one, at.join(anew, on="cluster", how="anti"), texts)
        put_changed(hub, "golden", rows, ["cluster"], there=one.rows)
    if not anew.is_empty():
        before = pl.concat([_NONE, *map(_whole, there)]).join(agreed, on=["cluster", "field"], how="anti")
        whole = pl.concat([agreed.select(_NONE.columns), before]).drop("subject").join(anew, on="cluster")
        put(hub, whole)


def _renewed(one: Kept, places: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """The rows of which something is told, with what is told."""
    new = pl.DataFrame([text.clone().scatter(places["place"], texts[text.name].gather(places["number"])) for text in one.texts])
    begins = pl.int_range(new.height, eager=True) % max(len(one.fields), 1) == 0
    rows = one.rows.select("cluster", "subject", "shape").hstack(
        [fold(text, one.rows.height) for text in _shortened(new, begins)]
    )
    return rows.with_columns(_IF_ANY).join(places, on="cluster", how="semi", maintain_order="left")


def of(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """What is agreed on these clusters (`cluster`), as GOLDEN and `subject`."""
    return pl.concat([_NONE, *map(_whole, kept(hub, clusters))])


def _whole(one: Kept) -> pl.DataFrame:
    return _fields(one, pl.int_range(one.texts.height, eager=True))


def _fields(one: Kept, places: pl.Series) -> pl.DataFrame:
    """What stands at some places."""
    count = max(len(one.fields), 1)
    texts = pl.DataFrame([unmarked(text) for text in one.texts[places]])
    origin = pl.col("origins").str.splitn("/", 2).struct
    told = texts.select(
        value="vals",
        version=pl.col("versions").cast(pl.Int64),
        entity=origin.field("field_0"),
        id=origin.field("field_1"),
        edited_at=pl.col("times").cast(pl.Int64).cast(pl.Datetime("us")),
        trail=_decoded(texts["trails"]),
    )
    names = pl.Series("field", one.fields, dtype=pl.String).gather(places % count)
    return one.rows.select("cluster", "subject")[places // count].hstack([names, *told]).select(_NONE.columns)


def _shortened(texts: pl.DataFrame, begins: pl.Series) -> pl.DataFrame:
    """Texts of fields as they are kept; `begins` says which are the first of their row."""
    return texts.with_columns(shortened(texts[name], begins) for name in _SHORT)


def _texts(agreed: pl.DataFrame) -> pl.DataFrame:
    """Fields as the texts of which rows are made."""
    told = agreed.select(
        vals="value",
        versions="version",
        origins=pl.format("{}/{}", "entity", "id"),
        times=pl.col("edited_at").cast(pl.Int64),
        trails=_encoded(agreed["trail"]),
    )
    return told.select(marked(told[name].cast(pl.String)) for name in _TEXTS)


def wide(hub: Hub, clusters: pl.DataFrame, subjects: Mapping[str, Sequence[str]], missing: str) -> Mapping[str, Wide]:
    """What is agreed on these clusters (`cluster`), by the subject that has such fields now: its fields as columns. What was
    never agreed on is `missing`.
    """
    known = shapes(hub)
    rows = fetch(hub, "golden", clusters.select("cluster"), ["cluster", "shape", "vals", "versions"])
    found: dict[str, list[Wide]] = {}
    for (number,), part in by_kind(rows, "shape"):
        there = known[number].columns
        for subject, fields in subjects.items():
            if not set(fields).isdisjoint(there):
                found.setdefault(subject, []).append(_wide(part, there, fields, missing))
    return {subject: Wide(*map(pl.concat, zip(*map(astuple, parts), strict=True))) for subject, parts in found.items()}


def _wide(part: pl.DataFrame, there: Sequence[str], fields: Sequence[str], missing: str) -> Wide:
    absent = [field for field in fields if field not in there]
    values = unpack(part["vals"], there).with_columns(pl.lit(missing).alias(field) for field in absent)
    versions = unpack(part["versions"], there).with_columns(pl.lit("0").alias(field) for field in absent)
    return Wide(
        part.select("cluster").hstack(values.select(fields)),
        part.select("cluster").hstack(versions.select(pl.col(fields).cast(pl.Int64))),
    )


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
