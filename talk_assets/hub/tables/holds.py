"""What is not written until a person says so, and the plans that persons have approved."""

from collections.abc import Mapping

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add, patch, same

SCOPE = ["kind", "entity", "cluster", "field", "id"]
"""What a hold is about; parts that do not matter to its kind are empty."""


def put(hub: Hub, rows: pl.DataFrame) -> pl.DataFrame:
    """Hold what these rows name (`kind`, `reason`, and any of `entity`, `cluster`, `field`, `id`, `plan_hash`, `candidates`).
    What is held already stays as it is. Gives the new holds.
    """
    if rows.is_empty():
        return rows
    complete = rows.with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in {"entity": pl.String, "cluster": pl.Int64, "field": pl.String, "id": pl.String}.items()
        if name not in rows.columns
    ).unique(SCOPE, keep="last", maintain_order=True)
    new = complete.join(still(hub).select(SCOPE), on=SCOPE, how="anti", nulls_equal=True)
    if new.is_empty():
        return new
    first = hub.numbers("hold", new.height)
    hub.unsee("held")
    add(
        hub,
        "holds",
        new.with_columns(
            number=pl.int_range(first, first + new.height, dtype=pl.Int64),
            since=pl.lit(hub.now(), pl.Datetime("us")),
            state=pl.lit("held"),
            seq=pl.lit(hub.seq, pl.Int64),
        ),
    )
    return new


def name(hub: Hub, found: pl.DataFrame) -> None:
    """Have holds (`number`) name candidates (`record`), beside those that they name already."""
    more = found.group_by("number", maintain_order=True).agg("record")
    there = still(hub).select("number", "candidates").join(more, on="number")
    known = pl.col("candidates").fill_null([])
    named = there.select("number", candidates=known.list.concat("record").list.unique(maintain_order=True))
    hub.unsee("held")
    patch(hub, "holds", named, ["number"])


def still(hub: Hub, kind: str | None = None) -> pl.DataFrame:
    """What is held now."""
    held = hub.seen("held", lambda: hub.read("SELECT * FROM holds WHERE state = 'held' ORDER BY number"))
    return held if kind is None else held.filter(pl.col("kind") == kind)


def counts(hub: Hub) -> dict[str, int]:
    """By kind: how much is held now and nobody has approved, most of it first."""
    statement = """
        SELECT kind, count(*) FROM holds
        WHERE state = 'held' AND NOT (
            kind = 'guard' AND plan_hash IN (SELECT plan_hash FROM approvals WHERE used_at IS NULL)
        )
        GROUP BY kind ORDER BY count(*) DESC, kind
    """
    return dict(hub.read(statement).iter_rows())


def release(hub: Hub, scope: pl.DataFrame) -> pl.DataFrame:
    """Let go of what these rows name, by `number` or by any columns of a hold's scope that they all have. Gives the holds."""
    columns = [name for name in ("number", *SCOPE) if name in scope.columns]
    found = hub.read(
        f"SELECT number FROM holds t SEMI JOIN batch ON {same('t', 'batch', columns)} WHERE t.state = 'held'",  # noqa: S608
        batch=scope.select(columns),
    )
    hub.unsee("held")
    return patch(hub, "holds", found.with_columns(state=pl.lit("released")), ["number"])


def follow(hub: Hub, merged: pl.DataFrame) -> None:
    """Clusters (`old_cluster`) became part of others (`new_cluster`): what their writes came to is held there, and what was
    held of their fields is found out anew.
    """
    there = still(hub).join(merged, left_on="cluster", right_on="old_cluster")
    release(hub, there.filter(pl.col("kind") != "rejected").select("number"))
    move(hub, there.filter(pl.col("kind") == "rejected").select("number", cluster="new_cluster"))


def move(hub: Hub, rows: pl.DataFrame) -> None:
    """Have holds (`number`) be about other clusters (`cluster`)."""
    hub.unsee("held")
    patch(hub, "holds", rows, ["number"])


def rename_fields(hub: Hub, names: Mapping[str, str]) -> None:
    """Have holds be about fields as they are called now."""
    rows = still(hub).filter(pl.col("field").is_in(list(names))).select("number", pl.col("field").replace(names))
    hub.unsee("held")
    patch(hub, "holds", rows, ["number"], seq=False)


def approve(hub: Hub, plan_hash: str, who: str) -> None:
    """A person's word for one plan, good for one use."""
    row = {"plan_hash": [plan_hash], "who": [who], "at": [hub.now()]}
    add(hub, "approvals", pl.DataFrame(row, schema_overrides={"at": pl.Datetime("us")}))


def approved(hub: Hub) -> frozenset[str]:
    """The hashes of the plans that were approved and not made yet."""
    return frozenset(hub.read("SELECT plan_hash FROM approvals WHERE used_at IS NULL")["plan_hash"])


def is_approved(hub: Hub, plan_hash: str) -> bool:
    """Whether there is an approval of this plan that was not used yet."""
    statement = "SELECT count(*) FROM approvals WHERE plan_hash = ? AND used_at IS NULL"
    return bool(hub.read(statement, [plan_hash]).item())


def use_approval(hub: Hub, plan_hash: str) -> bool:
    """Use the approvals of this plan up; whether there was one."""
    used = hub.read("SELECT * FROM approvals WHERE plan_hash = ? AND used_at IS NULL", [plan_hash])
    if used.is_empty():
        return False
    hub.write("DELETE FROM approvals WHERE plan_hash = ? AND used_at IS NULL", [plan_hash])
    add(hub, "approvals", used.with_columns(used_at=pl.lit(hub.now(), pl.Datetime("us"))))
    return True
