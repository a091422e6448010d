"""Ids that were given again: who has one now is another record than the one that is gone, and was made of nothing of its."""

import polars as pl

from talk_assets.hub.tables import records, tombstones
from talk_assets.sync.meaning.marks import raise_marks_of
from talk_assets.sync.skew import skew_of
from talk_assets.sync.world import World, moments


def given_again(world: World, now: pl.DataFrame) -> None:
    """Of records (`entity`, `id`), those whose id is that of one that is gone: the id stays with the record that has it now,
    and what was made from the one that had it is not known by that.
    """
    hub = world.hub
    told = tombstones.of(hub, now)
    if told.is_empty():
        return
    tombstones.lift(hub, told.select("entity", "id"))
    tombstones.bury(hub, told.with_columns(id=pl.format("{} until {}", "id", pl.col("at").dt.strftime("%FT%T"))))
    marking = {(rule.source, rule.target) for rule in world.model.matches if rule.made and rule.made.is_mark}
    ways = pl.DataFrame(sorted(marking), schema={"entity": pl.String, "other_entity": pl.String}, orient="row")
    raise_marks_of(hub, told.join(ways, on="entity"))


def made_since(world: World, gone: pl.DataFrame) -> pl.DataFrame:
    """Of records that were gone (`entity`, `id`, `at`) and are listed, those (`entity`, `id`) that say to be made since."""
    found = [gone.select("entity", "id").clear()]
    for (key,), rows in gone.group_by("entity", maintain_order=True):
        if key not in world.model.entities or (path := world.entity(str(key)).spec.created) is None:
            continue
        there = records.of(world.hub, rows, ["entity", "id", "body"]).select("entity", "id", told=records.shown(path))
        beside = there.join(rows, on=["entity", "id"])
        ahead = skew_of(world.hub, world.entity(str(key)).system).ahead
        made = moments(beside["told"], world.entity(str(key)).ref.system.time_zone) - ahead
        found.append(beside.filter((made > beside["at"]).fill_null(value=False)).select("entity", "id"))
    return pl.concat(found)
