"""What makes a change of the past show, and still lets a person's values go.

Each row of the history has two parts. What is sealed (who it was about, and the values) is hashed together with a salt of the
row's own; what is open (when, what happened, to which property) is hashed together with that. A batch hashes its rows, and the
chain its batches. Without its salt nobody can tell by trying which value a seal was made of: so values are erased by taking
them away together with their salt, and every hash stays as good as it was.
"""

import hashlib
import secrets
from collections.abc import Iterator
from functools import cache

import polars as pl

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
PAGE = 100_000
"""Rows that are hashed, or looked at, at a time: no batch has more."""


def sealed(rows: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Whole rows of one batch with their own `salt` and the `digest` of what they seal; and what the chain hashes of them."""
    text, size = secrets.token_hex(_SALT_BYTES * rows.height), 2 * _SALT_BYTES
    salts = [text[start : start + size] for start in range(0, len(text), size)]
    salted = rows.sort("number").with_columns(pl.Series("salt", salts, dtype=pl.String))
    done = salted.with_columns(digest=_seals(salted))
    return done, _sha256("".join(_hashes(done)))


def link(before: str, content: str) -> str:
    return _sha256(f"{before}{content}")


def head(hub: Hub) -> str:
    """The last link of the chain: it stands for all of the history so far."""
    return str(hub.value("SELECT digest FROM chain ORDER BY batch DESC LIMIT 1") or START)


def problems(hub: Hub, noted: str | None = None) -> list[str]:
    """Everything in the history that is not as it was written; `noted` is a head from earlier."""
    found: list[str] = []
    contents: dict[int, tuple[int, str]] = {}
    for page in pages(hub):
        found += [f"row {number} of the history was changed" for number in _changed(page)["number"]]
        for (batch,), rows in page.group_by("batch", maintain_order=True):
            contents[batch] = rows.height, _sha256("".join(_hashes(rows)))
    return [*found, *_emptied(hub), *_broken(hub, contents), *_cut_off(hub, noted)]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digests(rows: pl.DataFrame, columns: tuple[str, ...]) -> pl.Series:
    return pl.Series([_sha256(text) for text in rows.select(_told(columns)).to_series()], dtype=pl.String)


@cache
def _told(columns: tuple[str, ...]) -> pl.Expr:
    """Cells as text that cannot run into each other."""
    texts = [(pl.col(name).dt.epoch("us") if name == "at" else pl.col(name)).cast(pl.String) for name in columns]
    cells = [
        pl.when(text.is_null()).then(pl.lit("-")).otherwise(pl.format("{}:{}", text.str.len_chars(), text)) for text in texts
    ]
    return pl.concat_str(cells)


def _seals(rows: pl.DataFrame) -> pl.Series:
    return _digests(rows, ("salt", *SEALED))


def _hashes(rows: pl.DataFrame) -> pl.Series:
    return _digests(rows, (*OPEN, "digest"))


def pages(hub: Hub) -> Iterator[pl.DataFrame]:
    """The history in order, a number of whole batches at a time."""
    ends = hub.read(
        """
        SELECT max(batch) AS batch FROM (
            SELECT batch, (sum(count(*)) OVER (ORDER BY batch) - 1) // ? AS page FROM history GROUP BY batch
        ) GROUP BY page ORDER BY page
        """,
        [PAGE],
    )
    start = -1
    for end in ends["batch"]:
        yield hub.read("SELECT * FROM history WHERE batch > ? AND batch <= ? ORDER BY batch, number", [start, end])
        start = end


def _changed(rows: pl.DataFrame) -> pl.DataFrame:
    kept = rows.filter(pl.col("salt").is_not_null())
    return kept.filter(kept["digest"].ne_missing(_seals(kept)))


def _emptied(hub: Hub) -> list[str]:
    values = " OR ".join(f"t.{name} IS NOT NULL" for name in SEALED)
    rows = hub.read(
        f"""
        SELECT number FROM history t WHERE salt IS NULL AND ({values} OR NOT EXISTS (
            FROM history e WHERE e.kind = ? AND e.cluster IS NOT DISTINCT FROM t.cluster AND e.number > t.number
        )) ORDER BY number
        """,  # noqa: S608 – our own columns
        [ERASED],
    )
    return [f"row {number} of the history was emptied, and no erasure says so" for number in rows["number"]]


def _broken(hub: Hub, contents: dict[int, tuple[int, str]]) -> list[str]:
    """Batches whose rows are not those that the chain goes through."""
    pruned = hub.value("SELECT max(TRY_CAST(after AS BIGINT)) FROM history WHERE kind = ?", [PRUNED]) or 0
    found, before, known = [], START, set(contents)
    chain = hub.read("SELECT batch, rows, content, digest FROM chain ORDER BY batch")
    for batch, rows, content, digest in chain.iter_rows():
        there = contents.get(batch)
        is_whole = there == (rows, content) or (there is None and batch <= pruned)
        if digest != link(before, content) or not is_whole:
            found.append(batch)
        before = digest
    found += known - set(chain["batch"])
    gone = int(chain["batch"].max() or 0) - chain.height  # type: ignore[arg-type]
    told = [f"{gone} batches of the history are gone"] if gone > 0 else []
    return told + [f"batch {batch} of the history was changed" for batch in sorted(found)]


def _cut_off(hub: Hub, noted: str | None) -> Iterator[str]:
    last = hub.value("SELECT max(number) FROM history") or 0
    given = hub.value("SELECT value FROM meta WHERE key = 'last history'") or 0
    if int(given) > last:
        yield f"the history was cut off after row {last}: rows up to {given} were written"
    if noted is not None and noted != START and not hub.value("SELECT count(*) FROM chain WHERE digest = ?", [noted]):
        yield f"no batch ends with the head {noted!r}: since it was noted, the history was written anew or cut off before it"
