"""Contradictions and how they ended: every value, who held it, and which one won."""

from collections.abc import Mapping

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, fetch, patch

_ONE = ["cluster", "field"]


def append(hub: Hub, found: pl.DataFrame, run: str) -> pl.DataFrame:
    """Keep the conflicts that merging found (the CONFLICTS frame of `sync.merge`), and gives their `number`, `cluster`,
    `field`: one number per field of a cluster.
    """
    which = found.select(_ONE).unique(maintain_order=True)
    if which.is_empty():
        return which.with_columns(number=pl.lit(None, pl.Int64)).select("number", *_ONE)
    numbered = which.with_row_index("number", offset=hub.numbers("conflict", which.height)).with_columns(
        pl.col("number").cast(pl.Int64)
    )
    rows = found.join(numbered, on=_ONE, maintain_order="left").with_columns(
        at=pl.lit(hub.now(), pl.Datetime("us")), run=pl.lit(run), seq=pl.lit(hub.seq, pl.Int64)
    )
    add(hub, "conflicts", rows)
    return numbered


def of(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """All conflicts that these clusters (`cluster`) ever had."""
    return fetch(hub, "conflicts", clusters.select("cluster")).sort("number", "entity", "id")


def number(hub: Hub, number: int) -> pl.DataFrame:
    """One conflict: a row per value."""
    return hub.read("SELECT * FROM conflicts WHERE number = ? ORDER BY entity, id", [number])


def count(hub: Hub) -> int:
    """How many there ever were, and are not pruned."""
    found: int = hub.value("SELECT count(DISTINCT number) FROM conflicts")
    return found


def rename_fields(hub: Hub, names: Mapping[str, str]) -> None:
    """Have conflicts be about fields as they are called now."""
    key = ["number", "entity", "id"]
    there = fetch(hub, "conflicts", pl.DataFrame({"field": list(names)}), [*key, "field"])
    patch(hub, "conflicts", there.with_columns(pl.col("field").replace(names)), key, seq=False)


def recent(hub: Hub, limit: int = 1_000, since: int = 0) -> pl.DataFrame:
    """The last rows written after a position, newest conflict first."""
    statement = "SELECT * FROM conflicts WHERE seq > ? ORDER BY number DESC, entity, id LIMIT ?"
    return hub.read(statement, [since, limit])
