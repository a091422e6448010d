"""How people name records and properties, and how values look to them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from talk_assets.hub.tables import members, records, tombstones
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.operator.project import Unusable
from talk_assets.specs.problems import did_you_mean
from talk_assets.sync.meaning.values import ABSENT, MISFIT
from talk_assets.sync.world import World

ERASED = "a record that was erased"
_SHOWN = 60
Telling = Callable[[World, Sequence[tuple[str, str | None]]], Sequence[str | None]]
"""How the values of fields are told: to people, or to programs."""


def record_named(world: World, text: str) -> tuple[str, str]:
    """`SYSTEM.ENTITY/ID` → the entity's key and the id."""
    key, id_ = entity_and_id(text)
    if key not in world.model.entities:
        raise Unusable(f"no mapping has an entity {key!r}; {near(key, world.model.entities)}")
    return key, id_


def one(key: str, id_: str) -> pl.DataFrame:
    """A record as the hub's functions take it."""
    return pl.DataFrame({"entity": [key], "id": [id_]})


def require_known(world: World, key: str, id_: str) -> None:
    """Raises where the hub has never seen a record, or it is gone."""
    if records.of(world.hub, one(key, id_), ["id"]).height:
        return
    gone = tombstones.of(world.hub, one(key, id_))
    if gone.height:
        raise Unusable(f"{key}/{id_} is gone from its system since {gone['at'][0]:%Y-%m-%d %H:%M}")
    raise Unusable(
        f"the hub has no record {key}/{id_}: its id is another, it does not belong to this entity, "
        "it was erased, or it is newer than the last `talk sync`"
    )


def cluster_of(world: World, key: str, id_: str) -> int | None:
    found = members.clusters_of(world.hub, one(key, id_))
    return found["cluster"][0] if found.height else None


def clusters(numbers: Iterable[int]) -> pl.DataFrame:
    return pl.DataFrame({"cluster": list(numbers)}, schema={"cluster": pl.Int64})


def one_of_each(world: World, numbers: pl.DataFrame) -> dict[int, str]:
    """By `cluster`: one of its records, to tell people which thing is meant."""
    found = members.ids_in(world.hub, numbers.select("cluster").drop_nulls().unique()).sort("entity", "id")
    return {
        cluster: f"{key}/{id_}"
        for cluster, key, id_ in found.unique("cluster", keep="first").select("cluster", "entity", "id").rows()
    }


def entity_and_id(text: str) -> tuple[str, str]:
    """`SYSTEM.ENTITY/ID` in its parts, whether anything is called so or not."""
    key, slash, id_ = text.partition("/")
    if not slash or not id_ or "." not in key:
        raise Unusable(f"{text!r} names no record: write SYSTEM.ENTITY/ID, as in poweroffice_go.customers/1001")
    return key, id_


def property_named(world: World, key: str, text: str) -> str:
    """A property of an entity by any of its names."""
    ref = world.entity(key).ref
    if path := ref.find(text):
        return path
    raise Unusable(f"{key} has no property {text!r}; {near(text, ref.names)}")


def shown(value: str | None) -> str:
    """A stored text as a person reads it."""
    if value is None:
        return "(empty)"
    if value.startswith(ABSENT):
        return "(not given)"
    if value == UNKNOWN:
        return "(never agreed on)"
    if value.startswith(MISFIT):
        return f"(does not fit: {value[1:]})"
    return value


def plain(value: str | None) -> str | None:
    """A stored text as a program reads it: nothing where there is nothing."""
    return None if value is None or value.startswith(ABSENT) or value == UNKNOWN else shown(value)


def plain_data(data: Any) -> Any:
    """The same of all that is in some data."""
    match data:
        case str():
            return plain(data)
        case dict():
            return {name: plain_data(value) for name, value in data.items()}
        case list() | tuple():
            return [plain_data(value) for value in data]
        case _:
            return data


def in_one(reasons: Mapping[str, str]) -> dict[str, str]:
    """Reasons by entity, where the entities of a system that have the same one are told together."""
    alike: dict[tuple[str, str], list[str]] = {}
    for key, reason in reasons.items():
        alike.setdefault((key.partition(".")[0], reason), []).append(key)
    return {
        keys[0] if len(keys) == 1 else f"{system} ({', '.join(key.partition('.')[2] for key in keys)})": reason
        for (system, reason), keys in alike.items()
    }


def cut(text: str, limit: int = _SHOWN) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def near(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant by a name that is unknown."""
    all_known = sorted(known)
    return did_you_mean(name, all_known) or f"known are {', '.join(all_known) or 'none'}"


def told_value(world: World, name: str, value: str | None) -> str:
    """A field's value for people. A reference is agreed on as the number of a cluster; people know its records."""
    return told_values(world, [(name, value)])[0]


def told_values(world: World, values: Sequence[tuple[str, str | None]]) -> list[str]:
    """The values of several fields for people, each with the name of its field."""
    things = _things(world, values)
    return [_told_thing(value, things[name, value]) if (name, value) in things else shown(value) for name, value in values]


def plain_values(world: World, values: Sequence[tuple[str, str | None]]) -> list[str | None]:
    """The same for programs."""
    things = _things(world, values)
    return [plain(value) if (name, value) not in things else _one_thing(things[name, value]) for name, value in values]


_Thing = tuple[str, str, int]
"""One of its records, and how many it has."""


def _things(world: World, values: Sequence[tuple[str, str | None]]) -> dict[tuple[str, str | None], _Thing | None]:
    """What is referred to; nothing where it is no more."""
    references = {name for name, field in world.model.fields.items() if field.references}
    named = {(name, value): int(value) for name, value in values if name in references and value and value.isdecimal()}
    there = members.ids_in(world.hub, clusters(set(named.values()))).sort("entity", "id")
    firsts = there.group_by("cluster", maintain_order=True).agg(pl.col("entity", "id").first(), pl.len())
    things = {cluster: (key, id_, count) for cluster, key, id_, count in firsts.iter_rows()}
    return {asked: things.get(cluster) for asked, cluster in named.items()}


def _told_thing(number: str | None, thing: _Thing | None) -> str:
    if thing is None:
        return f"cluster {number}, which is no more"
    key, id_, records_ = thing
    return f"{key}/{id_} (and {records_ - 1} linked with it)" if records_ > 1 else f"{key}/{id_}"


def _one_thing(thing: _Thing | None) -> str | None:
    return None if thing is None else "/".join(thing[:2])
