"""What happened, row by row, never changed afterwards: every batch is hashed together with the hash of the one before."""

import hashlib
import os
from pathlib import Path

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, fetch
from talk_assets.hub.schema import FRAMES, fit
from talk_assets.hub.text import quoted

_COVERED = ["number", "at", "run", "kind", "cluster", "entity", "id", "path", "before", "after", "reason"]
_START = "0" * 64


def _text(column: str) -> str:
    """One cell of a row as text that cannot run into its neighbour's."""
    value = f"epoch_us({quoted(column)})::VARCHAR" if column == "at" else f"{quoted(column)}::VARCHAR"
    return f"coalesce(length({value})::VARCHAR || ':' || {value}, '-')"


_ROW_DIGEST = f"sha256(concat({', '.join(_text(column) for column in _COVERED)}))"


def append(hub: Hub, rows: pl.DataFrame, run: str) -> None:
    """Add rows: `kind` and any of `at`, `cluster`, `entity`, `id`, `path`, `before`, `after`, `reason`."""
    if rows.is_empty():
        return
    if "at" not in rows.columns:
        rows = rows.with_columns(at=pl.lit(hub.now(), pl.Datetime("us")))
    first = hub.numbers("history", rows.height)
    last = hub.read("SELECT batch, digest FROM chain ORDER BY batch DESC LIMIT 1")
    batch, before = (int(last["batch"].item()) + 1, str(last["digest"].item())) if last.height else (1, _START)
    numbered = rows.with_columns(
        run=pl.lit(run),
        batch=pl.lit(batch, pl.Int64),
        number=pl.int_range(first, first + rows.height, dtype=pl.Int64),
    )
    blank = [pl.lit(None, FRAMES["history"][name]).alias(name) for name in _COVERED if name not in numbered.columns]
    numbered = fit("history", numbered.with_columns(blank))
    digested = hub.read(f"SELECT *, {_ROW_DIGEST} AS digest FROM batch", batch=numbered)  # noqa: S608 – our own columns
    link = hashlib.sha256("".join([before, *digested.sort("number")["digest"]]).encode()).hexdigest()
    add(hub, "history", digested)
    add(hub, "chain", pl.DataFrame({"batch": [batch], "rows": [rows.height], "digest": [link]}))


def verify(hub: Hub) -> list[str]:
    """What in the history is not as it was written; an empty list is what one wants."""
    changed = hub.read(f"SELECT number FROM history WHERE digest IS DISTINCT FROM {_ROW_DIGEST} ORDER BY number")  # noqa: S608
    problems = [f"row {number} of the history was changed" for number in changed["number"]]
    batches = hub.read(
        """
        SELECT c.batch, c.digest AS kept, h.digest IS NOT NULL AND h.rows = c.rows AND c.digest = sha256(
            concat(coalesce(lag(c.digest) OVER (ORDER BY c.batch), $1), h.digest)
        ) AS holds
        FROM chain c FULL JOIN (
            SELECT batch, count(*) AS rows, string_agg(digest, '' ORDER BY number) AS digest FROM history GROUP BY batch
        ) h ON h.batch = c.batch
        ORDER BY c.batch
        """,
        [_START],
    )
    broken = batches.filter(~pl.col("holds").fill_null(value=False))
    gaps = int(batches["batch"].max() or 0) - batches["batch"].drop_nulls().len()  # type: ignore[arg-type]
    if gaps:
        problems.append(f"{gaps} batches of the history are gone")
    return problems + [f"batch {batch} of the history was changed" for batch in broken["batch"]]


def of(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """Everything that happened to these clusters (`cluster`), in order."""
    return fetch(hub, "history", clusters.select("cluster")).drop("digest").sort("number")


def about(hub: Hub, records: pl.DataFrame) -> pl.DataFrame:
    """Everything that happened to these records (`entity`, `id`), in order."""
    return fetch(hub, "history", records.select("entity", "id")).drop("digest").sort("number")


def after(hub: Hub, number: int = 0, *, run: str | None = None, limit: int = 100_000) -> pl.DataFrame:
    """Rows after a number, of one run or all, in order."""
    statement = "SELECT * EXCLUDE (digest) FROM history WHERE number > ? AND (? IS NULL OR run = ?) ORDER BY number LIMIT ?"
    return hub.read(statement, [number, run, run, limit])


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
    """Write all of it to a new file that only its owner may read, a JSON object per line with its digest; gives the lines."""
    lines, number = 0, 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        statement = "SELECT * FROM history WHERE number > ? ORDER BY number LIMIT 100000"
        while not (rows := hub.read(statement, [number])).is_empty():
            rows.write_ndjson(file)
            lines, number = lines + rows.height, rows["number"][-1]
    return lines
