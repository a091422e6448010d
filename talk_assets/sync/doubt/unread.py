"""What was not read of an entity: as long as that is so, what is about to be made there may be there already.

A reading that broke off may have missed any record. A record that cannot be read is known by all that stands in it, hashed:
only what would be recognised by something of that waits for it. And of an entity that was never read, nobody knows which others
its records would make one thing.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Any

import polars as pl

from talk_assets.hub.tables import changes, cursors, members
from talk_assets.sync.arriving.readings import Reading, readings
from talk_assets.sync.doubt.awaited import could_tell
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.plan import with_waiting
from talk_assets.sync.world import World

READING = "collect "
"""Begins the names of the cursors of what is read, by entity."""
MANY = 100
"""Records that cannot be read; more are as if their list had broken off."""
_LONGEST = 500
"""Values of one of them."""
_BETWEEN = " "
"""The entities of a cluster."""


def hashes(text: str) -> list[str]:
    """All that stands in a record, of whose text nothing is certain."""
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        found = text
    return sorted({hash_ for value in islice(_values(found), _LONGEST) if (hash_ := _hash(value))})


def _values(found: Any) -> Iterator[str]:
    waiting = [found]
    while waiting:
        match waiting.pop():
            case dict() as inner:
                waiting += inner.values()
            case list() as inner:
                waiting += inner
            case str() | int() | float() as value:
                yield str(value)


def _hash(text: str) -> str | None:
    """Of letters and digits alone: what records are recognised by is compared without spaces, points and capitals."""
    told = "".join(filter(str.isalnum, text.casefold()))
    return blake2b(told.encode(errors="surrogatepass"), digest_size=8).hexdigest() if told else None


def reading(world: World, key: str) -> Mapping[str, Any]:
    """How far an entity was read, and what was not."""
    return cursors.position(world.hub, f"{READING}{key}") or {}


def unreadable(world: World) -> Mapping[str, str]:
    """Why records cannot be read, by `entity/id`."""
    return {
        f"{key}/{id_}": bad["why"]
        for key in world.model.entities
        for id_, bad in reading(world, key).get("unreadable", {}).items()
    }


def untried(world: World) -> tuple[str, ...]:
    """Entities that nobody has tried to read yet."""
    known = readings(world.hub)
    return tuple(key for key in _unread(world) if key not in known)


def is_all_read(world: World, subject: str) -> bool:
    """Whether all entities of a subject were read once."""
    return not any(world.entity(key).subject == subject for key in _unread(world))


def _unread(world: World) -> list[str]:
    known = cursors.positions(world.hub, READING)
    return [key for key in world.model.entities if f"{READING}{key}" not in known]


def _unread_whole(world: World) -> frozenset[str]:
    """Entities that were never read to their end."""
    known = cursors.positions(world.hub, READING)
    return frozenset(key for key in world.model.entities if not known.get(f"{READING}{key}", {}).get("swept_at"))


def is_read_again(world: World) -> bool:
    """Whether something is to be made, and waits only for an entity to be read to its end."""
    creations = _waiting(world)
    return any(reading(world, key).get("broken") for key in {*creations["entity"], *_awaited(world, creations)["by"]})


def awaited(world: World) -> dict[str, int]:
    """How many creations wait for an entity to be read once, by entity."""
    if not _unread_whole(world):
        return {}
    return dict(_awaited(world, _waiting(world)).group_by("by").len().sort("by").iter_rows())


def _waiting(world: World) -> pl.DataFrame:
    """`entity`, `cluster`: creations that wait."""
    return changes.of(world.hub, state="waiting").filter(pl.col("kind") == "create").select("entity", "cluster")


def made_later(world: World, due: pl.DataFrame) -> pl.DataFrame:
    """Changes that are due; creations of what may be there already wait."""
    creations = due.filter((pl.col("kind") == "create") & (pl.col("state") == "ready"))
    reasons = [
        _reasons(world, str(key), rows).select(entity=pl.lit(key), cluster="cluster", waits="waits")
        for (key,), rows in creations.group_by("entity", maintain_order=True)
    ]
    reasons.append(_until_read(world, creations.select("entity", "cluster").unique(maintain_order=True)))
    later = pl.concat([_REASONS.to_frame(), *reasons]).unique(["entity", "cluster"], keep="first", maintain_order=True)
    return with_waiting(due, later)


_REASONS = pl.Schema({"entity": pl.String, "cluster": pl.Int64, "waits": pl.String})
_AWAITED = pl.Schema({"entity": pl.String, "cluster": pl.Int64, "by": pl.String})


def _until_read(world: World, creations: pl.DataFrame) -> pl.DataFrame:
    """As _REASONS: of creations (`entity`, `cluster`), those of which an entity that was never read could tell."""
    found = _awaited(world, creations)
    if found.is_empty():
        return _REASONS.to_frame()
    known = readings(world.hub)
    told = {key: _never_read(world, key, known.get(key, Reading())) for key in found["by"].unique()}
    return found.select("entity", "cluster", waits=pl.col("by").replace_strict(told, return_dtype=pl.String))


def _never_read(world: World, key: str, last: Reading) -> str:
    why = world.why_closed(key) or last.failure or reading(world, key).get("broken")
    return (
        f"it may be there already: {key} could tell, and was never read to its end{f' ({why})' if why else ''}; "
        "have it read once, or take its mappings out of the specs"
    )


def _awaited(world: World, creations: pl.DataFrame) -> pl.DataFrame:
    """As _AWAITED: of creations (`entity`, `cluster`), those that wait for an entity to be read once (`by`)."""
    unread = _unread_whole(world)
    if not unread or creations.is_empty():
        return _AWAITED.to_frame()
    beside = (
        members.ids_in(world.hub, creations.select("cluster").unique())
        .group_by("cluster")
        .agg(there=pl.col("entity").unique().sort().str.join(_BETWEEN))
    )
    cases = creations.join(beside, on="cluster", maintain_order="left")
    told = [
        (key, there, by[0])
        for key, there in cases.select("entity", "there").unique().sort("entity", "there").iter_rows()
        if (by := could_tell(world.model, unread, there.split(_BETWEEN), key))
    ]
    named = pl.DataFrame(told, schema={"entity": pl.String, "there": pl.String, "by": pl.String}, orient="row")
    return cases.join(named, on=["entity", "there"], maintain_order="left").select(_AWAITED.names())


def _reasons(world: World, key: str, made: pl.DataFrame) -> pl.DataFrame:
    """`cluster`, `waits`: why some of an entity's creations wait."""
    position, recognised = reading(world, key), _recognised_by(world.model, key)
    strange = _strange(world, key, position.get("unreadable", {}))
    if recognised and (broken := position.get("broken")):
        told = f"it may be there already: {key} was not read to its end ({broken})"
        return made.select("cluster", waits=pl.lit(told)).unique("cluster")
    if not recognised or not strange:
        return _REASONS.to_frame()
    by_hash = {one: id_ for id_, bad in sorted(strange.items()) for one in bad["held"]}
    values = made.filter(pl.col("path").is_in(recognised) & pl.col("after").is_not_null()).select("cluster", "after")
    met = pl.Series("met", [by_hash.get(_hash(value) or "") for value in values["after"]], dtype=pl.String)
    reason = pl.format("{}/{} cannot be read, and may be what would be made", pl.lit(key), "met")
    return values.with_columns(met).drop_nulls("met").select("cluster", waits=reason).unique("cluster", keep="first")


def _recognised_by(model: Model, key: str) -> frozenset[str]:
    """The properties by which rules recognise an entity's records."""
    sides = [
        path
        for rule in model.matches
        for here, there in rule.pairs
        for entity, path in ((rule.source, here), (rule.target, there))
        if entity == key
    ]
    return frozenset(sides) | {rule.made.path for rule in model.matches if rule.made and rule.target == key}


def _strange(world: World, key: str, bad: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without those that are linked: these are found by their links, whatever they hold."""
    if not bad:
        return {}
    linked = set(members.clusters_of(world.hub, pl.DataFrame({"entity": key, "id": list(bad)}))["id"])
    return {id_: one for id_, one in bad.items() if id_ not in linked}
