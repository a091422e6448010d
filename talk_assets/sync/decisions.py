"""What only a person can settle, as planning finds it: guards that tripped, approvals, and holds whose reason is gone."""

from collections.abc import Sequence

import polars as pl

from talk_assets.hub.tables import holds
from talk_assets.sync.doubt.candidates import unanswered
from talk_assets.sync.guards import Trip
from talk_assets.sync.world import World


def keep_trips(world: World, trips: Sequence[Trip]) -> None:
    """The guards that hold something from now on, each with the hash that a person may approve."""
    hub = world.hub
    hashes = [trip.hash for trip in trips]
    over = holds.still(hub, "guard").filter(~pl.col("plan_hash").is_in(hashes))
    if len(over):
        holds.release(hub, over.select("number"))
    if trips:
        rows = [("guard", trip.entity, f"{trip.guard} {trip.hash}", trip.reason, trip.hash) for trip in trips]
        names = ("kind", "entity", "field", "reason", "plan_hash")
        holds.put(hub, pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))


def use_approvals(world: World, tripped: Sequence[Trip], approved: frozenset[str]) -> None:
    """An approval is good for one plan: it is used up in the commit that lets that plan pass."""
    for trip in tripped:
        if trip.hash in approved:
            holds.use_approval(world.hub, trip.hash)


def release_settled(world: World, touched: pl.DataFrame, due: pl.DataFrame) -> None:
    """A refused write that is not due any more needs nobody's attention, unless it asks which record came of it."""
    refused = holds.still(world.hub, "rejected").join(touched, on="cluster", how="semi")
    over = refused.join(due.select("entity", "cluster"), on=["entity", "cluster"], how="anti")
    settled = over.join(unanswered(world, over), on="number", how="anti")
    if len(settled):
        holds.release(world.hub, settled.select("number"))


def release_decided(world: World, changed: pl.DataFrame) -> None:
    """Contradictions that a later edit has settled."""
    decided = holds.still(world.hub, "contradiction").join(changed, on=["cluster", "field"], how="semi")
    if len(decided):
        holds.release(world.hub, decided.select("number"))


def release_fitting(world: World, touched: pl.DataFrame, unfit: pl.DataFrame) -> None:
    """Values that fit by now."""
    misfits = holds.still(world.hub, "misfit").join(touched, on="cluster", how="semi")
    fitting = misfits.join(unfit, on=["cluster", "field", "entity", "id"], how="anti")
    if len(fitting):
        holds.release(world.hub, fitting.select("number"))
