"""Records that are gone: what nothing is created in the place of."""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import fetch, put, remove

KEY = ["entity", "id"]


def bury(hub: Hub, rows: pl.DataFrame) -> None:
    """Keep which records are gone: `entity`, `id`, `cluster`, and `at` unless it is now. What they held is not kept."""
    if "at" not in rows.columns:
        rows = rows.with_columns(at=pl.lit(hub.now(), pl.Datetime("us")))
    put(hub, "tombstones", rows, KEY)


def of(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """The tombstones of these records (`entity`, `id`)."""
    return fetch(hub, "tombstones", wanted.select(KEY))


def in_clusters(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """The tombstones in these clusters (`cluster`)."""
    return fetch(hub, "tombstones", clusters.select("cluster"))


def lift(hub: Hub, keys: pl.DataFrame) -> int:
    """Records (`entity`, `id`) that are back."""
    return remove(hub, "tombstones", keys.select(KEY))
