"""What is planned: at most one change per record, or per record that is to be."""

from typing import Literal

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import fetch, patch, put_changed, remove, remove_read
from talk_assets.hub.tables.cells import touched

KEY = ["entity", "cluster"]
_SENDABLE = """
    ANTI JOIN (
        SELECT entity, cluster FROM intents WHERE state NOT IN ('done', 'rejected', 'cancelled')
    ) i ON c.entity = i.entity AND c.cluster = i.cluster
    WHERE c.state = 'ready'
"""
_REFUSED = """
    {} JOIN (
        SELECT entity, cluster FROM holds WHERE state = 'held' AND kind = 'rejected'
    ) h ON c.entity = h.entity AND c.cluster = h.cluster
"""
_RELEASED = """
    {} JOIN (
        SELECT entity, cluster, reason FROM holds WHERE state = 'released' AND kind = 'rejected'
    ) r ON c.entity = r.entity AND c.cluster = r.cluster AND c.reason = r.reason
"""
State = Literal["ready", "waiting", "held", "refused"]


def replace(hub: Hub, planned: pl.DataFrame, scope: pl.DataFrame) -> pl.DataFrame:
    """The plan for these (`cluster`, or `entity` and `cluster`) from now on; what it does not name any more is dropped. A
    change that was planned just so keeps its `seq`. Gives what is new or different.
    """
    there = fetch(hub, "changes", scope.select(name for name in KEY if name in scope.columns).unique(), numbered=True)
    remove_read(hub, "changes", there.join(planned, on=KEY, how="anti"), KEY)
    return put_changed(hub, "changes", planned, KEY, ignoring=["plan_hash"], there=there)


def mark(hub: Hub, rows: pl.DataFrame) -> pl.DataFrame:
    """Set any of `state`, `reason`, `plan_hash` of changes (`entity`, `cluster`)."""
    columns = [name for name in ("state", "reason", "plan_hash") if name in rows.columns]
    return patch(hub, "changes", rows.select(*KEY, *columns), KEY)


def drop(hub: Hub, keys: pl.DataFrame) -> int:
    """Changes (`entity`, `cluster`) that are done or no longer wanted."""
    return remove(hub, "changes", keys.select(KEY))


def of(hub: Hub, entity: str | None = None, state: State | None = None) -> pl.DataFrame:
    """The planned changes, of one entity or all, in one state or any, in a stable order."""
    return hub.read(
        "SELECT * FROM changes WHERE ($1 IS NULL OR entity = $1) AND ($2 IS NULL OR state = $2) ORDER BY entity, cluster",
        [entity, state],
    )


def sendable(hub: Hub, among: pl.DataFrame | None = None) -> pl.DataFrame:
    """What is ready, of all changes or of some (`entity`, `cluster`), but for records with a write whose outcome is not known
    yet: nothing else is sent to those.
    """
    asked = {} if among is None else {"among": among.select(KEY)}
    only = "SEMI JOIN among a ON c.entity = a.entity AND c.cluster = a.cluster" if asked else ""
    return hub.read(f"SELECT c.* FROM changes c {only} {_SENDABLE} ORDER BY c.entity, c.cluster", **asked)  # noqa: S608


def ready(hub: Hub) -> int:
    """How many of them there are."""
    count: int = hub.value(f"SELECT count(*) FROM changes c {_SENDABLE}")  # noqa: S608
    return count


def stirred(hub: Hub, since: int) -> pl.DataFrame:
    """The clusters (`cluster`) of which anything was written after a position."""
    return pl.concat(_written(hub, since)).unique().sort("cluster")


def to_plan(hub: Hub, since: int) -> pl.DataFrame:
    """The same, and those with planned changes: what was ready and could not be sent is sent by the plan that finds it due
    again.
    """
    planned = hub.read("SELECT cluster FROM changes")
    return pl.concat([*_written(hub, since), planned]).unique().sort("cluster")


def _written(hub: Hub, since: int) -> list[pl.DataFrame]:
    return [touched(hub, since), hub.read("SELECT cluster FROM golden WHERE seq > ?", [since])]


def in_clusters(hub: Hub, clusters: pl.DataFrame) -> pl.DataFrame:
    """The planned changes of these clusters (`cluster`)."""
    return fetch(hub, "changes", clusters.select("cluster"))


def ready_counts(hub: Hub) -> dict[str, int]:
    """By entity: how many of them there are."""
    return dict(hub.read(f"SELECT c.entity, count(*) FROM changes c {_SENDABLE} GROUP BY c.entity").iter_rows())  # noqa: S608


def held_otherwise(hub: Hub, words: str) -> int:
    """How many are held, but for those whose reason holds these words and those that their system refused, also if a person has
    let go of them since.
    """
    count: int = hub.value(
        f"""
        SELECT count(*) FROM changes c {_REFUSED.format("ANTI")} {_RELEASED.format("ANTI")}
        WHERE c.state = 'held' AND NOT contains(coalesce(c.reason, ''), ?)
        """,  # noqa: S608
        [words],
    )
    return count


def released(hub: Hub) -> pl.DataFrame:
    """`entity`, `cluster`: what its system refused and a person has let go of, until the next plan makes it ready."""
    return hub.read(
        f"""
        SELECT c.entity, c.cluster FROM changes c {_REFUSED.format("ANTI")} {_RELEASED.format("SEMI")}
        WHERE c.state = 'held' ORDER BY ALL
        """,  # noqa: S608
    )


def counts(hub: Hub) -> pl.DataFrame:
    """`entity`, `kind`, `state`, `changes`."""
    return hub.read("SELECT entity, kind, state, count(*) AS changes FROM changes GROUP BY ALL ORDER BY ALL")
