"""What was not read of an entity: as long as that is so, what is about to be made there may be there already.

A reading that broke off may have missed any record. A record that cannot be read is known by all that stands in it, hashed:
only what would be recognised by something of that waits for it.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Any

import polars as pl

from talk_assets.hub import changes, cursors, members
from talk_assets.sync.model import Model
from talk_assets.sync.plan import with_waiting
from talk_assets.sync.world import World

READING = "collect "
"""Begins the names of the cursors of what is read, by entity."""
MANY = 100
"""Records that cannot be read; more are as if their list had broken off."""
_LONGEST = 500
"""Values of one of them."""


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


def is_read_again(world: World) -> bool:
    """Whether something is to be made, and waits only for its entity to be read to its end."""
    waiting = changes.of(world.hub, state="waiting").filter(pl.col("kind") == "create")["entity"].unique()
    return any(reading(world, key).get("broken") for key in waiting)


def made_later(world: World, due: pl.DataFrame) -> pl.DataFrame:
    """Changes that are due; creations of what may be there already wait."""
    creations = due.filter((pl.col("kind") == "create") & (pl.col("state") == "ready"))
    reasons = [
        _reasons(world, str(key), rows).select(entity=pl.lit(key), cluster="cluster", waits="waits")
        for (key,), rows in creations.group_by("entity", maintain_order=True)
    ]
    return with_waiting(due, pl.concat([_REASONS.to_frame(), *reasons]))


_REASONS = pl.Schema({"entity": pl.String, "cluster": pl.Int64, "waits": pl.String})


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
