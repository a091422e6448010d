"""What the hub holds about a person: shown, erased, and let back in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from talk_assets.hub.packing import unpack
from talk_assets.hub.tables import cells, golden, history, intents, records, shapes, suppressed
from talk_assets.hub.upkeep import about
from talk_assets.hub.upkeep.compact import compact_if_due
from talk_assets.operator.asked import asked
from talk_assets.operator.names import plain, plain_data, plain_values, record_named
from talk_assets.operator.project import Project, Unusable
from talk_assets.operator.suppression import keep_list
from talk_assets.sync.arriving.erased import addresses
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.world import World

_ADDRESSES = pl.Schema({"entity": pl.String, "id": pl.String, "text": pl.String})
_HASHES = ("digest", "salt", "seq", "shape")


@dataclass(frozen=True)
class Person:
    """Whoever was asked for: all records that are linked with what was found."""

    asked: str
    records: pl.DataFrame
    """entity, id"""
    clusters: pl.DataFrame
    """cluster"""
    addresses: tuple[str, ...]
    mentioned: tuple[str, ...]
    """Other records in which one of the addresses stands."""

    @property
    def names(self) -> list[str]:
        return [f"{entity}/{id_}" for entity, id_ in self.records.sort("entity", "id").iter_rows()]


@dataclass(frozen=True)
class Erased:
    gone: Mapping[str, int]
    """Rows that are gone, by table; of the history, those that lost their values."""
    remain: tuple[str, ...]
    """Records that their systems still hold."""
    mentioned: tuple[str, ...]


def find(world: World, asked: str) -> Person:
    """By a record's name, or by an e-mail address that stands in one."""
    found = _by_name(world, asked) if "/" in asked else _by_address(world, suppressed.address(asked))
    clusters = about.clusters_of(world.hub, found)
    whole = about.gather(world.hub, found, clusters)
    parts = [found, *(whole[table].select("entity", "id") for table in ("members", "tombstones"))]
    linked = pl.concat(parts).unique().sort("entity", "id")
    known = sorted(_addresses(world, linked)["text"].unique())
    own = set(linked.iter_rows())
    mentioned = {
        f"{entity}/{id_}"
        for text in known
        for entity, id_ in records.containing(world.hub, text).iter_rows()
        if (entity, id_) not in own
    }
    return Person(asked, linked, clusters, tuple(known), tuple(sorted(mentioned)))


def _by_name(world: World, asked: str) -> pl.DataFrame:
    key, _, id_ = asked.partition("/")
    if not about.knows(world.hub, key, id_):
        record_named(world, asked)
        raise Unusable(f"the hub holds nothing about {asked}: its id is another, it was erased, or it was never read")
    return pl.DataFrame([(key, id_)], schema=about.RECORDS, orient="row")


def _by_address(world: World, address: str) -> pl.DataFrame:
    if "@" not in address:
        raise Unusable(f"{address!r} names nobody: write SYSTEM.ENTITY/ID, as in custom_erp.contact/17, or an e-mail address")
    every = pl.concat([_ADDRESSES.to_frame(), *(addresses(world, key) for key in about.entities(world.hub))])
    held = every.filter(pl.col("text") == address)
    # Of what is gone from its system, only the history is left.
    past = world.hub.read(
        """
        SELECT DISTINCT h.entity, h.id FROM history h ANTI JOIN records r ON r.entity = h.entity AND r.id = h.id
        WHERE h.id IS NOT NULL AND ? IN (lower(trim(h.before)), lower(trim(h.after)))
        """,
        [address],
    )
    found = pl.concat([held.select("entity", "id"), past]).unique()
    if found.is_empty():
        raise Unusable(f"no record in the hub has the e-mail address {address}")
    return found


def _addresses(world: World, wanted: pl.DataFrame) -> pl.DataFrame:
    of_each = [
        addresses(world, str(key), records.of(world.hub, rows, ["entity", "id", "body"]))
        for (key,), rows in wanted.group_by("entity", maintain_order=True)
    ]
    return pl.concat([_ADDRESSES.to_frame(), *of_each])


def export(world: World, person: Person) -> dict[str, Any]:
    """All of it, as a person may be given it."""
    hub = world.hub
    rows = about.gather(hub, person.records, person.clusters)
    bodies = rows["records"].select("entity", "id", "body")
    # Decimals stay the digits that they are.
    observed = {(entity, id_): json.loads(body, parse_float=str) for entity, id_, body in bodies.iter_rows()}
    bases = _bases(world, rows["members"])
    return {
        "asked": person.asked,
        "at": f"{hub.now():%Y-%m-%dT%H:%M:%SZ}",
        "records": [
            {
                "record": f"{entity}/{id_}",
                "observed": observed.get((entity, id_)),
                "agreed_on_last": bases.get((entity, id_)),
            }
            for entity, id_ in person.records.iter_rows()
        ],
        "agreed": _agreed(world, person.clusters),
        "gone": _plain(rows["tombstones"]),
        "links": _plain(rows["members"].drop("base", "accepted")),
        "doubts": _plain(rows["ambiguous"]),
        "planned": _plain(rows["changes"]),
        "writes": _plain(rows["intents"]),
        "conflicts": _plain(rows["conflicts"]),
        "holds": _plain(rows["holds"]),
        "history": _plain(rows["history"]),
        "mentioned_in": list(person.mentioned),
    }


def _bases(world: World, members: pl.DataFrame) -> dict[tuple[str, str], dict[str, str | None]]:
    known = shapes.shapes(world.hub)
    agreed = members.filter(pl.col("base").is_not_null())
    found: dict[tuple[str, str], dict[str, str | None]] = {}
    for (shape,), part in cells.by_kind(agreed, "shape"):
        bases = unpack(part["base"], known[shape].columns).iter_rows(named=True)
        for entity, id_, base in zip(part["entity"], part["id"], bases, strict=True):
            found[entity, id_] = {path: plain(value) for path, value in base.items() if value is not None}
    return found


def _agreed(world: World, clusters: pl.DataFrame) -> list[dict[str, Any]]:
    rows = golden.of(world.hub, clusters).filter(pl.col("value").is_not_null() & (pl.col("value") != ABSENT))
    return [
        {
            "field": row["field"],
            "value": plain_values(world, [(row["field"], row["value"])])[0],
            "from": f"{row['entity']}/{row['id']}",
            "edited_at": row["edited_at"],
            "before": [
                {"record": record, "value": plain(value or None)}
                for record, _, value in (step.partition("=") for step in row["trail"])
            ],
        }
        for row in rows.iter_rows(named=True)
    ]


def _plain(rows: pl.DataFrame) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = plain_data(rows.drop(_HASHES, strict=False).to_dicts())
    return told


def erase(project: Project, world: World, person: Person, who: str) -> Erased:
    """Take everything about a person out of the hub, and keep it from coming in again. Nothing is deleted in any system."""
    hub = world.hub
    rows = about.gather(hub, person.records, person.clusters)
    if open_ := rows["intents"].filter(pl.col("state").is_in(intents.OPEN))["entity"].to_list():
        raise Unusable(f"a write to {open_[0]} is under way there; run `talk sync` first, then try again")
    numbers = rows["holds"]["number"].to_list()
    if question := next((one for number, one in asked(world).items() if number in numbers and one.candidates), None):
        # What was made for a person would be a stranger's, and told to all systems again.
        raise Unusable(f"{question.about}: {question.reason}. Say that first: {question.action}")
    keys = [*person.names, *([suppressed.address(person.asked)] if "/" not in person.asked else [])]

    def work() -> dict[str, int]:
        suppressed.add(hub, keys)
        return about.erase(hub, person.records, person.clusters, who, world.run)

    gone = hub.run(work, "erase a person")
    keep_list(world, project.state)
    compact_if_due(hub)
    there = rows["records"].select("entity", "id").sort("entity", "id")
    return Erased(
        {table: count for table, count in gone.items() if count},
        tuple(f"{entity}/{id_}" for entity, id_ in there.iter_rows()),
        person.mentioned,
    )


def lift(project: Project, world: World, asked: str, who: str) -> int:
    """Let in again whatever was erased together with this; gives how many keys were on the list."""
    hub = world.hub
    text = asked if "/" in asked else suppressed.address(asked)

    def work() -> int:
        count = suppressed.lift(hub, text)
        if count:
            told = {"kind": "let in again", "reason": f"{count} keys of the suppression list, by {who}"}
            history.append(hub, pl.DataFrame([told]), world.run)
        return count

    count = hub.run(work, "lift a suppression")
    if not count:
        raise Unusable(f"{asked} was not erased: it is not on the list")
    keep_list(world, project.state)
    return count
