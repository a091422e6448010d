"""What makes a change of the past show, and still lets a person's values go.

Each row of the history has two parts. What is sealed (who it was about, and the values) is hashed together with a salt of the
row's own; what is open (when, what happened, to which property) is hashed together with that. A batch hashes its rows, and the
chain its batches. Without its salt nobody can tell by trying which value a seal was made of: so values are erased by taking
them away together with their salt, and every hash stays as good as it was.
"""

import hashlib
import secrets
from typing import TYPE_CHECKING

import polars as pl

from talk_assets.hub.text import quoted

if TYPE_CHECKING:
    from talk_assets.hub.hub import Hub

START = "0" * 64
"""What stands before the first batch."""
OPEN = ("number", "at", "run", "kind", "cluster", "entity", "path")
SEALED = ("id", "before", "after", "reason")
ERASED = "erased"
"""Kind of the row that says so of rows of its cluster."""
PRUNED = "pruned"
"""Kind of the row that says up to which batch the history was let go; the batch is its `after`."""
_SALT_BYTES = 16


def _cell(column: str) -> str:
    """One cell of a row as text that cannot run into its neighbour's."""
    value = f"epoch_us({quoted(column)})::VARCHAR" if column == "at" else f"{quoted(column)}::VARCHAR"
    return f"coalesce(length({value})::VARCHAR || ':' || {value}, '-')"


SEAL = f"sha256(concat({', '.join(map(_cell, ('salt', *SEALED)))}))"
_ROW = f"sha256(concat({', '.join(map(_cell, (*OPEN, 'digest')))}))"
_CONTENT = f"sha256(string_agg({_ROW}, '' ORDER BY number))"


def salts(count: int) -> pl.Series:
    text, size = secrets.token_hex(_SALT_BYTES * count), 2 * _SALT_BYTES
    return pl.Series("salt", [text[start : start + size] for start in range(0, len(text), size)], dtype=pl.String)


def sealed(hub: "Hub", rows: pl.DataFrame) -> pl.DataFrame:
    """Whole rows with their own `salt` and the `digest` of what they seal."""
    salted = rows.drop("digest", "salt", strict=False).with_columns(salts(rows.height))
    return hub.read(f"SELECT *, {SEAL} AS digest FROM batch", batch=salted)  # noqa: S608 – our own columns


def contents(hub: "Hub", rows: pl.DataFrame | None = None) -> pl.DataFrame:
    """`batch`, `rows`, `content` of sealed rows, or of the whole history, in order."""
    given = {} if rows is None else {"given": rows}
    statement = f"SELECT batch, count(*) AS rows, {_CONTENT} AS content FROM {'given' if given else 'history'} GROUP BY batch"  # noqa: S608
    return hub.read(f"{statement} ORDER BY batch", **given)


def link(before: str, content: str) -> str:
    return hashlib.sha256(f"{before}{content}".encode()).hexdigest()


def head(hub: "Hub") -> str:
    """The last link of the chain: it stands for all of the history so far."""
    return str(hub.value("SELECT digest FROM chain ORDER BY batch DESC LIMIT 1") or START)


def problems(hub: "Hub", noted: str | None = None) -> list[str]:
    """Everything in the history that is not as it was written, the first break first; `noted` is a head from earlier."""
    found = [*_rows(hub), *_batches(hub)]
    last, given = (
        hub.value("SELECT max(number) FROM history") or 0,
        hub.value("SELECT value FROM meta WHERE key = 'last history'"),
    )
    if int(given or 0) > last:
        found.append(f"the history was cut off after row {last}: rows up to {given} were written")
    if noted and noted != START and not hub.value("SELECT count(*) FROM chain WHERE digest = ?", [noted]):
        found.append(
            f"no batch ends with the head {noted}: since it was noted, the history was written anew or cut off before it"
        )
    return found


def _rows(hub: "Hub") -> list[str]:
    changed = hub.read(
        f"SELECT number FROM history WHERE salt IS NOT NULL AND digest IS DISTINCT FROM {SEAL} ORDER BY number"  # noqa: S608
    )
    values = " OR ".join(f"t.{quoted(name)} IS NOT NULL" for name in SEALED)
    emptied = hub.read(
        f"""
        SELECT number FROM history t WHERE salt IS NULL AND ({values} OR NOT EXISTS (
            FROM history e WHERE e.kind = ? AND e.cluster IS NOT DISTINCT FROM t.cluster AND e.number > t.number
        )) ORDER BY number
        """,  # noqa: S608
        [ERASED],
    )
    return [
        *(f"row {number} of the history was changed" for number in changed["number"]),
        *(f"row {number} of the history was emptied, and no erasure says so" for number in emptied["number"]),
    ]


def _batches(hub: "Hub") -> list[str]:
    pruned = hub.value("SELECT max(TRY_CAST(after AS BIGINT)) FROM history WHERE kind = ?", [PRUNED]) or 0
    batches = hub.read(
        f"""
        SELECT coalesce(c.batch, h.batch) AS batch,
            c.digest = sha256(concat(coalesce(lag(c.digest) OVER (ORDER BY c.batch), $1), c.content))
            AND ((h.content = c.content AND h.rows = c.rows) OR (h.batch IS NULL AND c.batch <= $2)) AS holds
        FROM chain c FULL JOIN (
            SELECT batch, count(*) AS rows, {_CONTENT} AS content FROM history GROUP BY batch
        ) h ON h.batch = c.batch
        ORDER BY 1
        """,  # noqa: S608
        [START, pruned],
    )
    broken = batches.filter(~pl.col("holds").fill_null(value=False))
    gone = int(batches["batch"].max() or 0) - batches.height  # type: ignore[arg-type]
    told = [f"{gone} batches of the history are gone"] if gone else []
    return told + [f"batch {batch} of the history was changed" for batch in broken["batch"]]
