"""What systems hold, as last read: one row per record, whose body is the JSON text that came."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.packing import BETWEEN, flat, marked
from talk_assets.hub.rows import add, fetch, patch, remove
from talk_assets.hub.schema import FRAMES
from talk_assets.hub.tables.shapes import Describe, require_fit
from talk_assets.hub.text import literal, pointer, quoted

KEY = ["entity", "id"]
NARROW = ["entity", "id", "shape", "digest", "modified", "edited_at", "seq", "listed_at", "written_at", "missed", "missed_at"]
"""Everything but `body` and `vals`."""
_TEXTS = pl.Schema(dict.fromkeys([*KEY, "text"], pl.String))


def shown(path: str) -> pl.Expr:
    """What `body` shows at a dotted path, as text."""
    return pl.col("body").str.json_path_match("$" + "".join(f'["{step}"]' for step in path.split(".")))


def news(hub: Hub, batch: pl.DataFrame) -> pl.DataFrame:
    """The rows of a batch that are new or whose digest differs from what is stored, with `is_new`. Of several rows for one
    record the last counts. A record that was missed before is news as well: it is back.
    """
    if batch.is_empty():
        return batch.with_columns(is_new=pl.lit(value=True))
    last = batch.unique(KEY, keep="last", maintain_order=True)
    there = of(hub, last, [*KEY, "digest", "missed"])
    was = there.select(*KEY, was=pl.when(pl.col("missed").fill_null(0) == 0).then("digest"), is_new=pl.lit(value=False))
    return (
        last.join(was, on=KEY, how="left", maintain_order="left")
        .filter(pl.col("was").ne_missing(pl.col("digest").cast(pl.UInt64)))
        .with_columns(pl.col("is_new").fill_null(value=True))
        .drop("was")
    )


def upsert(hub: Hub, batch: pl.DataFrame, describe: Describe | None = None) -> pl.DataFrame:
    """Keep what a batch has of news, and give back which: `entity`, `id`, `is_new`. Unchanged rows are not touched.

    A batch has `entity`, `id`, `digest`, `body`, and may have `modified`, `edited_at`, `listed_at`, `written_at`; it has
    `shape` and `vals` too, or `describe` makes them for the rows that need it.
    """
    fresh = news(hub, batch)
    if fresh.is_empty():
        return fresh.select(*KEY, "is_new")
    return keep(hub, describe(fresh) if describe else fresh)


def keep(hub: Hub, fresh: pl.DataFrame) -> pl.DataFrame:
    """Keep rows that `news` gave, described by now, and gives which: `entity`, `id`, `is_new`."""
    if fresh.is_empty():
        return fresh.select(*KEY, "is_new")
    if "vals" in fresh.columns:
        require_fit(hub, fresh, {"vals": "columns"})
    rows = fresh.with_columns(seq=pl.lit(hub.seq, pl.Int64), missed=pl.lit(0, pl.Int32))
    remove(hub, "records", fresh.filter(~pl.col("is_new")).select(KEY))
    add(hub, "records", rows.select(name for name in FRAMES["records"].names() if name in rows.columns))
    return fresh.select(*KEY, "is_new")


def since(hub: Hub, seq: int, columns: Sequence[str] = NARROW, *, entity: str | None = None) -> pl.DataFrame:
    """Records written after a position; ask for `vals` and `body` by name."""
    chosen = ", ".join(map(quoted, columns))
    if entity is None:
        return hub.read(f"SELECT {chosen} FROM records WHERE seq > ?", [seq])  # noqa: S608
    return hub.read(f"SELECT {chosen} FROM records WHERE seq > ? AND entity = ?", [seq, entity])  # noqa: S608


def in_lots(hub: Hub, wanted: pl.DataFrame, columns: Sequence[str], size: int) -> Iterator[pl.DataFrame]:
    """The wanted (`entity`, `id`, `seq`) as `since` gave them, some at a time: those that were written together, since to look
    for each by its key would mean to go through all of them for each lot. What else is said of the wanted is beside them.
    """
    if wanted.is_empty():
        return
    written = wanted["seq"].value_counts().sort("seq").with_columns(lot=(pl.col("count").cum_sum() - 1) // size)
    starts = written.group_by("lot", maintain_order=True).agg(pl.col("seq").first() - 1)["seq"].to_list()
    chosen = ", ".join(map(quoted, columns))
    for after, through in pairwise([*starts, None]):
        # What was written anew since then is among the last ones.
        until, span = ("", [after]) if through is None else (" AND seq <= ?", [after, through])
        rows = hub.read(f"SELECT {chosen} FROM records WHERE seq > ?{until}", span)  # noqa: S608
        here = wanted if through is None else wanted.filter(pl.col("seq").is_between(after, through, closed="right"))
        yield rows.join(here.drop("seq"), on=KEY, maintain_order="left")


def of(hub: Hub, wanted: pl.DataFrame, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The stored rows of these records (`entity`, `id`)."""
    return fetch(hub, "records", wanted.select(KEY), columns)


def counts(hub: Hub) -> pl.DataFrame:
    """`entity`, `records`, `linked`: how many there are of each entity."""
    return hub.read(
        """
        SELECT r.entity, r.records, coalesce(m.linked, 0) AS linked
        FROM (SELECT entity, count(*) AS records FROM records GROUP BY entity) r
        LEFT JOIN (SELECT entity, count(*) AS linked FROM members GROUP BY entity) m USING (entity)
        ORDER BY r.entity
        """
    )


def unlinked(hub: Hub) -> pl.DataFrame:
    """`entity`, `id` of those that are in no cluster."""
    return hub.read("SELECT r.entity, r.id FROM records r ANTI JOIN members m ON m.entity = r.entity AND m.id = r.id")


def latest(hub: Hub, entity: str, count: int) -> pl.DataFrame:
    """The records of an entity that were last seen changed: `id`, `body`."""
    return hub.read("SELECT id, body FROM records WHERE entity = ? ORDER BY listed_at DESC, id LIMIT ?", [entity, count])


def earliest(hub: Hub, entity: str, count: int) -> pl.DataFrame:
    """The records of an entity that have not changed for longest: `id`, `body`."""
    return hub.read("SELECT id, body FROM records WHERE entity = ? ORDER BY listed_at, id LIMIT ?", [entity, count])


def unlisted(hub: Hub, entity: str, listed: pl.DataFrame) -> pl.DataFrame:
    """The records of an entity whose `id` is not in a complete listing: `entity`, `id`, `missed`, `missed_at`."""
    return hub.read(
        """
        SELECT t.entity, t.id, coalesce(t.missed, 0)::INTEGER AS missed, t.missed_at
        FROM records t ANTI JOIN listed ON t.id = listed.id
        WHERE t.entity = ?
        ORDER BY t.id
        """,
        [entity],
        listed=listed.select("id"),
    )


def miss(hub: Hub, rows: pl.DataFrame) -> pl.DataFrame:
    """Note how often and when records were missed (`entity`, `id`, `missed`, `missed_at`). The count ends when one is seen."""
    return patch(hub, "records", rows.select(*KEY, "missed", "missed_at"), KEY, seq=False)


def forget(hub: Hub, keys: pl.DataFrame) -> int:
    """Take records away (`entity`, `id`); their tombstones are another table's business."""
    return remove(hub, "records", keys.select(KEY))


def holding(hub: Hub, entity: str, column: str, values: pl.DataFrame) -> pl.DataFrame:
    """The records of an entity that hold one of these values (`value`) in a property: `entity`, `id`, `value`. Reads that
    property of every record of the entity, so it is for references whose other end is new, not for every cycle.
    """
    if values.is_empty():
        return pl.DataFrame(schema={"entity": pl.String, "id": pl.String, "value": pl.String})
    named = values["value"].drop_nulls()
    found = hub.read(
        """
        SELECT t.entity, t.id, t.value
        FROM (
            SELECT r.entity, r.id, string_split(r.vals, ?)[list_position(s.columns, ?)] AS value
            FROM records r JOIN shapes s USING (shape) WHERE r.entity = ?
        ) t SEMI JOIN named ON t.value = named.value
        """,
        [BETWEEN, column, entity],
        named=marked(named).to_frame(),
    )
    return found.with_columns(flat(found["value"]).alias("value"))


def texts(hub: Hub, rows: pl.DataFrame, paths: Sequence[str] | None) -> pl.DataFrame:
    """What records (`entity`, `id`, `body`) hold at any of these paths, mapped or not, or at any: `entity`, `id`, `text`."""
    return _TEXTS.to_frame() if paths == [] else hub.read(_texts("bodies", paths), bodies=rows.select(*KEY, "body"))


def texts_in(hub: Hub, entity: str, paths: Sequence[str] | None) -> pl.DataFrame:
    """The same of all records of an entity."""
    return _TEXTS.to_frame() if paths == [] else hub.read(f"{_texts('records', paths)} AND entity = ?", [entity])


def _texts(table: str, paths: Sequence[str] | None) -> str:
    if paths is None:
        every = f"SELECT r.entity, r.id, t.type, t.value FROM {table} r, json_tree(r.body) t"  # noqa: S608 – our own names
        return f"SELECT entity, id, value->>'$' AS text FROM ({every}) WHERE type = 'VARCHAR'"  # noqa: S608
    found = ", ".join(f"json_extract_string(body, {literal(pointer(path))})" for path in paths)
    return f"SELECT * FROM (SELECT entity, id, unnest([{found}]) AS text FROM {table}) WHERE text IS NOT NULL"  # noqa: S608


def said(hub: Hub, entity: str, paths: Sequence[str], words: str) -> frozenset[str]:
    """The values that records of an entity hold at these paths and that stand in some words, in large or small letters."""
    found = ", ".join(f"json_extract_string(body, {literal(pointer(path))})" for path in paths)
    statement = f"""
        SELECT DISTINCT trim(value) FROM (SELECT unnest([{found}]) AS value FROM records WHERE entity = ?)
        WHERE length(trim(value)) > 1 AND contains(lower(?), lower(trim(value)))
    """  # noqa: S608 – our own names
    return frozenset(hub.read(statement, [entity, words]).to_series())


def containing(hub: Hub, text: str) -> pl.DataFrame:
    """The records (`entity`, `id`) in which a text stands anywhere, in large or small letters."""
    statement = "SELECT entity, id FROM records WHERE contains(lower(body), lower(?)) ORDER BY entity, id"
    return hub.read(statement, [text])
