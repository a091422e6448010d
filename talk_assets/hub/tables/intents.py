"""Writes that are under way. A request leaves only when the row that says so is safe."""

from collections.abc import Collection, Mapping

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, fetch, patch

OPEN = ("sending", "unknown")
"""States in which the request may have arrived: the record may turn up in a listing before we know that it is ours."""
FINISHED = ("done", "rejected", "cancelled")
"""States after which nothing is expected of an intent any more; a quarantined one waits for a person."""
_IS_IN_QUESTION = (pl.col("kind") == "create") & (pl.col("state") == "rejected")
_SENT = ["id", "entity", "cluster", "kind", "state", "error", "reference", "paths", "after", "seq"]


def begin(hub: Hub, rows: pl.DataFrame) -> None:
    """Keep intents whose `id` was never given before: any columns of the table; the others are empty."""
    add(hub, "intents", rows.with_columns(seq=pl.lit(hub.seq, pl.Int64)))


def mark(hub: Hub, rows: pl.DataFrame) -> pl.DataFrame:
    """Set some columns of intents that exist (`id` and the columns to set), and gives the rows that changed."""
    return patch(hub, "intents", rows, ["id"])


def follow(hub: Hub, merged: pl.DataFrame) -> None:
    """Writes whose outcome nobody knows yet follow their cluster (`old_cluster`) into the one that it became part of
    (`new_cluster`), and so do creations of which a person may be asked what came of them.
    """
    there = in_clusters(hub, merged.select(cluster="old_cluster"))
    unanswered = there.filter(pl.col("state").is_in(OPEN) | _IS_IN_QUESTION)
    mark(hub, unanswered.join(merged, left_on="cluster", right_on="old_cluster").select("id", cluster="new_cluster"))


def rename_fields(hub: Hub, names: Mapping[str, str]) -> None:
    """Have writes tell fields as they are called now."""
    there = hub.read("SELECT id, fields FROM intents WHERE list_has_any(fields, ?)", [list(names)])
    rows = there.with_columns(pl.col("fields").list.eval(pl.element().replace(names)))
    patch(hub, "intents", rows, ["id"], seq=False)


def of(hub: Hub, ids: pl.DataFrame) -> pl.DataFrame:
    """The intents with these `id`."""
    return fetch(hub, "intents", ids.select("id"))


def unfinished(hub: Hub, entity: str | None = None) -> pl.DataFrame:
    """Intents that something is still expected of, of one entity or all, in the order in which they were made."""
    return hub.read(
        """
        SELECT * FROM intents
        WHERE state NOT IN ('done', 'rejected', 'cancelled') AND ($1 IS NULL OR entity = $1)
        ORDER BY seq, id
        """,
        [entity],
    )


def in_states(hub: Hub, states: Collection[str]) -> pl.DataFrame:
    """Intents in one of these states, in the order in which they were made."""
    places = ", ".join("?" * len(states))
    return hub.read(f"SELECT * FROM intents WHERE state IN ({places}) ORDER BY seq, id", [*states])  # noqa: S608


def open_places(hub: Hub) -> pl.DataFrame:
    """`entity`, `cluster`, `kind` of the writes of which nobody knows yet whether they arrived."""
    return hub.read("SELECT entity, cluster, kind FROM intents WHERE state IN (?, ?)", OPEN)


def open_creations(hub: Hub) -> pl.DataFrame:
    """`entity`, `cluster`, `path`, `after`: what was sent to be made, of which nobody knows yet whether it arrived."""
    return hub.read(
        """
        SELECT entity, cluster, unnest(paths) AS path, unnest("after") AS "after"
        FROM intents WHERE kind = 'create' AND state IN (?, ?)
        """,
        OPEN,
    )


def open_updates(hub: Hub) -> pl.DataFrame:
    """`entity`, `id` of the records of which nobody knows yet whether an update arrived."""
    return hub.read(
        "SELECT DISTINCT entity, record_id AS id FROM intents WHERE kind = 'update' AND state IN (?, ?)",
        OPEN,
    )


def created_since(hub: Hub, seq: int) -> pl.DataFrame:
    """`entity`, `id` of records that were made after a position."""
    return hub.read(
        "SELECT DISTINCT entity, record_id AS id FROM intents WHERE kind = 'create' AND state = 'done' AND seq > ? "
        "AND record_id IS NOT NULL ORDER BY ALL",
        [seq],
    )


def was_cancelled(hub: Hub, entity: str, record_id: str | None, error: str) -> bool:
    """Whether a write to this record was given up before, for just these words of its system."""
    told = "SELECT count(*) FROM intents WHERE entity = ? AND record_id = ? AND state = 'cancelled' AND error = ?"
    return bool(hub.value(told, [entity, record_id, error]))


def sent_in_vain(hub: Hub, entity: str, cluster: int, paths: list[str], after: list[str | None]) -> pl.DataFrame:
    """The writes of just this that were proven not to have happened, in the order in which they were made."""
    there = in_clusters(hub, pl.DataFrame({"cluster": [cluster]}))
    same = pl.DataFrame({"paths": [paths], "after": [after]}, schema=there.select("paths", "after").schema)
    cancelled = there.filter(pl.col("entity") == entity, pl.col("state") == "cancelled")
    return cancelled.join(same, on=["paths", "after"], how="semi", nulls_equal=True, maintain_order="left")


def is_any_done(hub: Hub, entity: str, since: int, until: int) -> bool:
    """Whether something was written to an entity between two positions."""
    statement = "SELECT count(*) FROM intents WHERE entity = ? AND state = 'done' AND seq > ? AND seq < ?"
    return bool(hub.value(statement, [entity, since, until]))


def in_clusters(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """All intents of these clusters (`cluster`), finished ones too."""
    return fetch(hub, "intents", clusters.select("cluster")).sort("seq", "id")


def asked_about(hub: Hub, asking: pl.DataFrame) -> pl.DataFrame:
    """`number`, `entity`, `id`, `reference`, `paths`, `after`: the creations that these holds (`number`, `entity`, `cluster`,
    `reason`) ask about, and what was sent in them.
    """
    about = asking.select("number", "entity", "cluster", error="reason")
    created = fetch(hub, "intents", about.select("entity", "cluster").unique(), _SENT).filter(_IS_IN_QUESTION)
    sent = about.join(created, on=["entity", "cluster", "error"])
    newest = sent.sort("seq").unique("number", keep="last", maintain_order=True)
    return newest.select("number", "entity", "id", "reference", "paths", "after")


def done_in(hub: Hub, run: str) -> pl.DataFrame:
    """The intents that a run sent and that are done, in the order in which they were made."""
    return hub.read("SELECT * FROM intents WHERE run = ? AND state = 'done' ORDER BY seq, id", [run])


def runs_named(hub: Hub, begin: str) -> list[str]:
    """The runs that wrote and whose names begin so."""
    statement = "SELECT DISTINCT run FROM intents WHERE state = 'done' AND starts_with(run, ?) ORDER BY run"
    return hub.read(statement, [begin])["run"].to_list()


def runs(hub: Hub, limit: int) -> pl.DataFrame:
    """The newest runs that wrote, the newest first: `run`, when it `began` to, how many records it `changed` and `made`."""
    return hub.read(
        """
        SELECT run, min(first_sent_at) AS began,
            count(DISTINCT (entity, record_id)) FILTER (kind = 'update') AS changed,
            count(DISTINCT (entity, record_id)) FILTER (kind = 'create') AS made
        FROM intents WHERE run IS NOT NULL AND state = 'done' GROUP BY run ORDER BY max(seq) DESC LIMIT ?
        """,
        [limit],
    )


def sent_in(hub: Hub, runs: pl.DataFrame) -> pl.DataFrame:
    """`run`, `created`, `updated`: how many writes of these runs (`run`) are done."""
    return hub.read(
        """
        SELECT i.run, count(*) FILTER (i.kind = 'create') AS created, count(*) FILTER (i.kind = 'update') AS updated
        FROM intents i SEMI JOIN runs r ON i.run = r.run WHERE i.state = 'done' GROUP BY i.run
        """,
        runs=runs.select("run"),
    )


def counts(hub: Hub) -> pl.DataFrame:
    """`entity`, `kind`, `state`, `intents`."""
    return hub.read("SELECT entity, kind, state, count(*) AS intents FROM intents GROUP BY ALL ORDER BY ALL")
