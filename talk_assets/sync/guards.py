"""What no plan does without a person's word: mass creation, mass change, mass blanking, one value for everybody. Pure.

A guard holds a whole class of writes of an entity, before the first of them. Approval is for a plan's hash, and nothing else.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from talk_assets.hub.packing import BETWEEN, pack

_Limit = tuple[int, float]
"""A number that is always allowed, and a share of the linked records."""
APPROVE = "approve it with"
"""Stands before the hash in the reason of what a guard holds."""


@dataclass(frozen=True)
class Limits:
    """How much a plan may do without a person's word."""

    creates: _Limit = (50, 0.20)
    updates: _Limit = (100, 0.30)
    blanks: _Limit = (10, 0.02)
    same: _Limit = (50, 0.10)
    one_property: float = 0.90


LIMITS = Limits()


@dataclass(frozen=True)
class Trip:
    """A guard that holds something back."""

    entity: str
    guard: str
    hash: str
    reason: str


def plan_hash(due: pl.DataFrame) -> str:
    """The same for the same writes, in whatever order they were found."""
    told = pack(due, ("entity", "cluster", "id", "kind", "path", "before", "after")).unique().sort()
    return hashlib.sha256(BETWEEN.join(told).encode()).hexdigest()[:16]


def guard(
    due: pl.DataFrame,
    linked: dict[str, int],
    *,
    loading: Collection[str] = (),
    approved: Collection[str] = (),
    limits: Limits = LIMITS,
) -> tuple[pl.DataFrame, list[Trip]]:
    """`linked` counts records per entity; `loading` are entities whose first load is still going on."""
    held: list[pl.DataFrame] = []
    trips: list[Trip] = []
    for (entity,), ready in due.filter(pl.col("state") == "ready").group_by("entity", maintain_order=True):
        for guard_name, rows, reason in _suspects(ready, linked.get(str(entity), 0), limits, loading=entity in loading):
            hash_ = plan_hash(rows)
            if hash_ not in approved:
                trips.append(Trip(str(entity), guard_name, hash_, reason))
                said = f"{reason}; {APPROVE} {hash_}"
                held.append(rows.select("entity", "cluster", "kind", "path", guarded=pl.lit(said)))
    if not held:
        return due, trips
    reasons = pl.concat(held).unique(["entity", "cluster", "kind", "path"], keep="first", maintain_order=True)
    marked = due.join(reasons, on=["entity", "cluster", "kind", "path"], how="left", nulls_equal=True).with_columns(
        state=pl.when((pl.col("state") == "ready") & pl.col("guarded").is_not_null()).then(pl.lit("held")).otherwise("state"),
        reason=pl.coalesce("reason", "guarded"),
    )
    return marked.drop("guarded"), trips


def _suspects(ready: pl.DataFrame, n: int, limits: Limits, *, loading: bool) -> list[tuple[str, pl.DataFrame, str]]:
    creates, updates = ready.filter(pl.col("kind") == "create"), ready.filter(pl.col("kind") == "update")
    found: list[tuple[str, pl.DataFrame, str]] = []
    made, changed = creates["cluster"].n_unique(), updates["cluster"].n_unique()
    if not loading and made > _allowed(limits.creates, n):
        found.append(("creates", creates, f"{made} records would be created at once"))
    if not loading and changed > _allowed(limits.updates, n):
        found.append(("updates", updates, f"{changed} of {n} records would be changed at once"))
    for (path,), rows in updates.group_by("path", maintain_order=True):
        blanks = rows.filter(pl.col("after").is_null() & pl.col("before").is_not_null())
        if len(blanks) > _allowed(limits.blanks, n):
            found.append(("blanks", blanks, f"{path} would be emptied in {len(blanks)} records"))
        if not loading and rows["before"].n_unique() > len(rows) // 2:
            values = rows.filter(pl.col("after").is_not_null())["after"].value_counts()
            for value in values.filter(pl.col("count") > _allowed(limits.same, n))["after"].sort():
                same = rows.filter(pl.col("after") == value)
                found.append(("same value", same, f"{path} would become the same in {len(same)} records"))
        if not loading and n > limits.updates[0] and len(rows) > limits.one_property * n:
            found.append(("one property", rows, f"{path} would change in {len(rows)} of {n} records"))
    return found


def _allowed(limit: _Limit, n: int) -> int:
    number, share = limit
    return max(number, int(share * n))
