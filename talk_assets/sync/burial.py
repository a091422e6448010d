"""Records that are gone, those whose id was given to another one, and those that are back."""

import polars as pl

from talk_assets.hub.tables import ambiguous, history, holds, members, records, tombstones
from talk_assets.sync.arriving.reused import given_again
from talk_assets.sync.linking import look_again
from talk_assets.sync.world import World, moments

MISSING = "missing from two complete listings and by its id"
REUSED = "its id belongs to a record that was made at another time"
_MANY = 5
_SHARE = 0.2
"""More records than these two say are not given new ids at once."""


def bury(world: World, gone: pl.DataFrame, reason: str) -> None:
    """Take records (`entity`, `id`) out of their clusters. Nothing is made in their place, unless one comes back."""
    hub = world.hub
    if gone.is_empty():
        return
    placed = members.clusters_of(hub, gone)
    rows = gone.select("entity", "id").join(placed, on=["entity", "id"], how="left")
    ambiguous.forget(hub, gone)
    waiting = ambiguous.naming(hub, placed)
    tombstones.bury(hub, rows)
    members.unlink(hub, gone)
    records.forget(hub, gone)
    holds.release(hub, gone.select("entity", "id", kind=pl.lit("misfit")))
    told = rows.select("entity", "id", "cluster", kind=pl.lit("gone"), reason=pl.lit(reason))
    history.append(hub, told, world.run)
    if len(waiting):
        # The place in the cluster is free now: what was given another id may be known again.
        look_again(world, waiting)


def bury_reused(world: World, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows (`id`, `body`) of known records, those of which the id alone is known: the record that had it is gone."""
    reused = made_anew(world, key, rows)
    # A system that shifts all of its stamps has made no record anew.
    if reused.height > max(_MANY, _SHARE * rows.height):
        return reused.clear()
    bury(world, reused, REUSED)
    given_again(world, reused)
    return reused


def made_anew(world: World, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows (`id`, `body`) of known records, those that say to be made at another time than the record that we know."""
    path = world.entity(key).spec.created
    if path is None or rows.is_empty():
        return rows.select("entity", "id").clear()
    created = records.shown(path)
    known = records.of(world.hub, rows, ["entity", "id", "body"]).select("entity", "id", was=created)
    both = rows.select("entity", "id", now=created).join(known, on=["entity", "id"]).filter(pl.col("now") != pl.col("was"))
    # A system that writes its stamps otherwise than before has made no record anew.
    zone = world.entity(key).ref.system.time_zone
    other = (moments(both["now"], zone) != moments(both["was"], zone)).fill_null(value=True)
    return both.filter(other).select("entity", "id")


def bury_replaced(world: World, made: pl.DataFrame) -> None:
    """Of records that were made just now (`entity`, `id`, `cluster`), those that had their id before are gone."""
    placed = members.clusters_of(world.hub, made).rename({"cluster": "old"})
    replaced = made.join(placed, on=["entity", "id"]).filter(pl.col("cluster") != pl.col("old"))
    bury(world, replaced.select("entity", "id"), REUSED)
    given_again(world, made)
