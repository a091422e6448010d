"""What happened, row by row, never changed afterwards: every batch is hashed together with the hash of the one before."""

import os
from pathlib import Path

import polars as pl

from talk_assets.hub.errors import HubError
from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, fetch, remove
from talk_assets.hub.schema import FRAMES, fit
from talk_assets.hub.tables import seal

_HASHES = ("digest", "salt")


def append(hub: Hub, rows: pl.DataFrame, run: str) -> None:
    """Add rows: `kind` and any of `at`, `cluster`, `entity`, `id`, `path`, `before`, `after`, `reason`."""
    if rows.is_empty():
        return
    if "at" not in rows.columns:
        rows = rows.with_columns(at=pl.lit(hub.now(), pl.Datetime("us")))
    for part in rows.iter_slices(seal.PAGE):
        _append(hub, part, run)


def _append(hub: Hub, rows: pl.DataFrame, run: str) -> None:
    """One batch."""
    first = hub.numbers("history", rows.height)
    last = hub.read("SELECT batch, digest FROM chain ORDER BY batch DESC LIMIT 1")
    batch, before = (int(last["batch"].item()) + 1, str(last["digest"].item())) if last.height else (1, seal.START)
    numbered = rows.with_columns(
        run=pl.lit(run),
        batch=pl.lit(batch, pl.Int64),
        number=pl.int_range(first, first + rows.height, dtype=pl.Int64),
    )
    blank = [
        pl.lit(None, FRAMES["history"][name]).alias(name) for name in (*seal.OPEN, *seal.SEALED) if name not in numbered.columns
    ]
    whole, content = seal.sealed(fit("history", numbered.with_columns(blank)))
    link = {"batch": batch, "rows": whole.height, "content": content, "digest": seal.link(before, content)}
    add(hub, "history", whole)
    add(hub, "chain", pl.DataFrame([link]))


def erase(hub: Hub, rows: pl.DataFrame, who: str, run: str) -> int:
    """Take the sealed part and the salt of rows (`number`) away, and say so in a row for each of their clusters; gives how
    many lost something.
    """
    found = fetch(hub, "history", rows.select("number")).filter(pl.col("salt").is_not_null(), pl.col("kind") != seal.ERASED)
    if found.is_empty():
        return 0
    remove(hub, "history", found.select("number"))
    nothing = [pl.lit(None, pl.String).alias(name) for name in (*seal.SEALED, "salt")]
    add(hub, "history", found.with_columns(nothing))
    told = found.group_by("cluster", maintain_order=True).agg(rows=pl.len())
    reason = pl.format("the values of {} rows, by {}", "rows", pl.lit(who))
    append(hub, told.select("cluster", kind=pl.lit(seal.ERASED), reason=reason), run)
    return found.height


def verify(hub: Hub, head: str | None = None) -> list[str]:
    """What in the history is not as it was written; an empty list is what one wants. `head` is what `head` gave earlier."""
    return seal.problems(hub, head)


def head(hub: Hub) -> str:
    """What stands for the whole history so far: kept elsewhere, it shows whether that was written anew since."""
    return seal.head(hub)


def of(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """Everything that happened to these clusters (`cluster`) and was not erased, in order."""
    rows = fetch(hub, "history", clusters.select("cluster")).filter(pl.col("salt").is_not_null())
    return rows.drop(_HASHES).sort("number")


def about(hub: Hub, records: pl.DataFrame) -> pl.DataFrame:
    """Everything that happened to these records (`entity`, `id`), in order."""
    return fetch(hub, "history", records.select("entity", "id")).drop(_HASHES).sort("number")


def after(hub: Hub, number: int = 0, *, run: str | None = None, limit: int = 100_000) -> pl.DataFrame:
    """Rows after a number, of one run or all, in order."""
    statement = "SELECT * FROM history WHERE number > ? AND (? IS NULL OR run = ?) ORDER BY number LIMIT ?"
    return hub.read(statement, [number, run, run, limit]).drop(_HASHES)


def newest(hub: Hub, limit: int, *, record: str | None = None, run: str | None = None) -> pl.DataFrame:
    """So many of the newest rows, oldest first: of all, or of one record (`entity/id`), of one run, by how its id
    begins; and which were `erased`.
    """
    statement = """
        SELECT * FROM history
        WHERE ($1 IS NULL OR concat(entity, '/', id) = $1) AND ($2 IS NULL OR starts_with(run, $2))
        ORDER BY number DESC LIMIT $3
    """
    found = hub.read(statement, [record, run, limit]).with_columns(erased=pl.col("salt").is_null())
    return found.drop(_HASHES).reverse()


def runs(hub: Hub, limit: int) -> pl.DataFrame:
    """So many of the newest runs of which anything is told, the newest first: `run`, when it `began` and `ended`, and how many
    `edits` of properties it heard of.
    """
    return hub.read(
        """
        SELECT h.run, min(h.at) AS began, max(h.at) AS ended, count(*) FILTER (h.kind = 'edit') AS edits
        FROM history h GROUP BY h.run ORDER BY max(h.number) DESC LIMIT ?
        """,
        [limit],
    )


def newest_runs(hub: Hub, limit: int, begin: str = "") -> list[str]:
    """So many of the newest runs of which anything is told and whose ids begin so, the newest first."""
    statement = "SELECT run FROM history WHERE starts_with(run, ?) GROUP BY run ORDER BY max(number) DESC LIMIT ?"
    return hub.read(statement, [begin, limit])["run"].to_list()


def count(hub: Hub) -> int:
    """How many rows there are."""
    found: int = hub.value("SELECT count(*) FROM history")
    return found


def counts(hub: Hub, run: str) -> pl.DataFrame:
    """What a run did: `entity`, `kind`, `records`."""
    return hub.read(
        """
        SELECT entity, kind, count(DISTINCT coalesce(id, cluster::VARCHAR)) AS records FROM history
        WHERE run = ? GROUP BY entity, kind ORDER BY entity, kind
        """,
        [run],
    )


def last(hub: Hub, clusters: pl.DataFrame, limit: int) -> pl.DataFrame:
    """The newest rows about these clusters (`cluster`), oldest first."""
    return of(hub, clusters).tail(limit)


def export(hub: Hub, path: Path) -> int:
    """Write all of it to a new file that only its owner may read, a JSON object per line with its digest; gives the lines.
    The file has its name only once it is complete.
    """
    if path.exists():
        raise HubError(f"{path} exists already: an export never overwrites anything")
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    lines = 0
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for rows in seal.pages(hub):
                rows.write_ndjson(file)
                lines += rows.height
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return lines
