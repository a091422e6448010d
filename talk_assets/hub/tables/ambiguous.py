"""Records that a match rule recognises in several places: shown to people, never guessed."""

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, fetch, remove

KEY = ["rule", "entity", "id"]


def replace(hub: Hub, found: pl.DataFrame, of: pl.DataFrame) -> pl.DataFrame:
    """What is ambiguous about these records (`entity`, `id`) from now on: `rule`, `entity`, `id`, `candidates`. What was so
    before keeps the time since when. Gives those of which less is ambiguous now.
    """
    known = fetch(hub, "ambiguous", of.select("entity", "id").unique(), [*KEY, "since"])
    remove(hub, "ambiguous", known.select("entity", "id").unique())
    now = pl.lit(hub.now(), pl.Datetime("us"))
    rows = found.select(*KEY[1:], "candidates", rule=pl.col("rule").cast(pl.Int32)).unique(KEY, maintain_order=True)
    add(hub, "ambiguous", rows.join(known, on=KEY, how="left").with_columns(since=pl.col("since").fill_null(now)))
    return known.join(rows, on=KEY, how="anti").select("entity", "id").unique(maintain_order=True)


def forget(hub: Hub, of: pl.DataFrame) -> None:
    """These records (`entity`, `id`) are gone, and wait for nothing."""
    remove(hub, "ambiguous", of.select("entity", "id").unique())


def of(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """What is ambiguous about these records (`entity`, `id`)."""
    return fetch(hub, "ambiguous", wanted.select("entity", "id"))


def naming(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """Who could be linked with a record of these clusters (`cluster`) and is not: `entity`, `id`."""
    return hub.read(
        """
        SELECT DISTINCT a.entity, a.id FROM (SELECT entity, id, unnest(candidates) AS candidate FROM ambiguous) a
        JOIN members m ON a.candidate = m.entity || '/' || m.id
        SEMI JOIN batch ON m.cluster = batch.cluster
        ORDER BY ALL
        """,
        batch=clusters.select("cluster"),
    )


def naming_records(hub: Hub, records: pl.DataFrame) -> pl.DataFrame:
    """Who could be linked with one of these records (`entity`, `id`) and is not: `entity`, `id`."""
    if records.is_empty():
        return records.select("entity", "id")
    return hub.read(
        """
        SELECT DISTINCT a.entity, a.id FROM (SELECT entity, id, unnest(candidates) AS candidate FROM ambiguous) a
        SEMI JOIN batch ON a.candidate = batch.name
        ORDER BY ALL
        """,
        batch=records.select(name=pl.format("{}/{}", "entity", "id")),
    )


def every(hub: Hub) -> pl.DataFrame:
    """All that is ambiguous, in a stable order."""
    return hub.read("SELECT * FROM ambiguous ORDER BY entity, id, rule")


def counts(hub: Hub) -> dict[str, int]:
    """By entity: how many records are ambiguous, by one rule or several."""
    return dict(hub.read("SELECT entity, count(DISTINCT id) FROM ambiguous GROUP BY entity ORDER BY entity").iter_rows())
