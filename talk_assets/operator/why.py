"""Why a record is as it is: what it is linked with, what is on its way, and why something is not. From the hub alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from talk_assets.hub.tables import ambiguous, changes, conflicts, history, holds, intents, members, records, tombstones
from talk_assets.operator.asked import asked
from talk_assets.operator.doubts import Doubt, doubts
from talk_assets.operator.names import cluster_of, clusters, cut, one, require_known, told_value, told_values
from talk_assets.sync.meaning.model import MappingModel
from talk_assets.sync.plan import Known, allowed
from talk_assets.sync.planning import known_of, undecided
from talk_assets.sync.world import World

_ROWS = 400
_EVENTS = 12
_HOW = {
    "alone": "first of its kind here",
    "matched": "recognised by a match rule",
    "merged": "came along with a record that was recognised",
    "created": "created by us",
    "back": "was gone for a while, and is back",
    "by hand": "linked by a person",
    "unlinked": "told apart by a person",
}
_NOT_CERTAIN = "it may be there already, only it is not certain which it is; none is made until somebody says so"
_STATES = {
    "ready": "is due and will be written by the next `talk sync`",
    "waiting": "waits",
    "held": "is held",
    "refused": "cannot be written",
}


@dataclass(frozen=True)
class Member:
    """A record of the cluster, and how it came to be in it."""

    record: str
    linked: str
    since: datetime | None


@dataclass(frozen=True)
class Missing:
    """A counterpart that is not there, and why not."""

    entity: str
    reason: str

    def __str__(self) -> str:
        return f"no {self.entity}: {self.reason}"


@dataclass(frozen=True)
class Story:
    """What there is to say about one record; every line is a sentence for people."""

    record: str
    cluster: int | None
    members: tuple[Member, ...] = ()
    pending: tuple[str, ...] = ()
    missing: tuple["Missing", ...] = ()
    doubts: tuple[Doubt, ...] = ()
    conflicts: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def explain_record(world: World, key: str, id_: str) -> Story:
    """Everything the hub knows of a record and of what it is linked with."""
    require_known(world, key, id_)
    hub, record = world.hub, f"{key}/{id_}"
    cluster = cluster_of(world, key, id_)
    if cluster is None:
        note = "it was read, and not looked at yet: the next `talk sync` links it"
        return Story(record, None, notes=(note,))
    here = clusters((cluster,))
    placed = members.of(hub, here).sort("entity")
    past = history.last(hub, here, _ROWS)
    linked = past.filter((pl.col("kind") == "linked") & pl.col("id").is_not_null())
    rules = {(row["entity"], row["id"]): row["reason"] for row in linked.iter_rows(named=True)}
    return Story(
        record,
        cluster,
        tuple(Member(f"{row['entity']}/{row['id']}", _how(row, rules), row["since"]) for row in placed.iter_rows(named=True)),
        tuple(_pending(world, here)),
        tuple(_missing(world, cluster, placed)),
        tuple(_doubts(world, here, placed)),
        tuple(_conflicts(world, here)),
        tuple(_happened(world, past)),
        tuple(_notes(world, key, id_)),
    )


def _how(row: dict[str, Any], rules: dict[tuple[str, str], str]) -> str:
    told = _HOW.get(row["how"], row["how"])
    rule = rules.get((row["entity"], row["id"]))
    return f"{told}: {rule}" if rule and row["how"] == "matched" else told


def why_held(row: dict[str, Any]) -> str:
    """A planned change in words."""
    name = f"{row['entity']}/{row['id']}" if row["id"] else f"a new {row['entity']}"
    about = f" ({', '.join(row['paths'])})" if row["kind"] == "update" and row["paths"] else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    return f"{row['kind']} of {name}{about} {_STATES[row['state']]}{reason}"


def _pending(world: World, here: pl.DataFrame) -> Iterator[str]:
    hub = world.hub
    for row in changes.in_clusters(hub, here).sort("entity").iter_rows(named=True):
        yield why_held(row)
    for row in intents.in_clusters(hub, here).iter_rows(named=True):
        if row["state"] in intents.OPEN:
            said = f" ({row['error']})" if row["error"] else ""
            yield (
                f"a {row['kind']} of {row['entity']}, sent at {moment(row['last_sent_at'])}, has no certain outcome{said}; "
                "nothing else is sent to that record until the next `talk sync` has found out"
            )
    held = holds.still(hub).join(here, on="cluster", how="semi")
    questions = asked(world)
    for row in held.iter_rows(named=True):
        question = questions.get(row["number"])
        told = f"{question.about}: {question.reason} ({question.action})" if question else _about_hold(row)
        yield f"hold {row['number']} since {moment(row['since'])}: {told}"


def _about_hold(row: dict[str, Any]) -> str:
    what = f"{row['entity']}" + (f"/{row['id']}" if row["id"] else "")
    match row["kind"]:
        case "rejected":
            return f"{what} refused the write: {row['reason']} (`talk retry {row['number']}` tries it again)"
        case "misfit":
            return f"a value of {what} is not passed on: {row['reason']}"
        case "contradiction":
            return f"{row['field']} stays as it is in each system until one of them is edited again: {row['reason']}"
        case "flips":
            return f"{row['field']} goes back and forth: {row['reason']} (`talk retry {row['number']}` takes the next edit)"
        case _:
            return f"{what}: {row['reason']}"


def _missing(world: World, cluster: int, placed: pl.DataFrame) -> Iterator[Missing]:
    """For every mapping that could give the cluster another record and did not: why not."""
    there = set(placed["entity"])
    due = {row["entity"]: row for row in changes.in_clusters(world.hub, clusters((cluster,))).iter_rows(named=True)}
    gone = dict(tombstones.in_clusters(world.hub, clusters((cluster,))).select("entity", "at").iter_rows())
    known = known_of(world, clusters((cluster,)))
    open_ = set(undecided(world, placed.select("cluster", "entity", "id"))["entity"])
    told: set[str] = set()
    for mapping in world.model.mappings:
        to = mapping.target
        if to in there or to in told or mapping.source not in there:
            continue
        told.add(to)
        if to in gone:
            yield Missing(to, f"it was deleted there ({moment(gone[to])}), and what was deleted is not made again")
        elif to in due:
            yield Missing(to, why_held(due[to]))
        elif to in open_:
            yield Missing(to, _NOT_CERTAIN)
        else:
            yield Missing(to, _why_not_created(world, mapping, known))
    for mapping in world.model.mappings:
        if mapping.target in there and mapping.source not in there and mapping.source not in told:
            told.add(mapping.source)
            reason = (
                _NOT_CERTAIN
                if mapping.source in open_
                else f"{mapping.name} creates {mapping.target} from it, not the other way"
            )
            yield Missing(mapping.source, reason)


def _why_not_created(world: World, mapping: MappingModel, known: Known) -> str:
    spec = world.entity(mapping.target).spec
    if not mapping.bound:
        return f"the condition of {mapping.name} is written in words only; give it a `when` expression in the spec"
    if spec.create is None:
        return f"{spec.title} cannot be created through this API"
    if not mapping.creates:
        return f"{mapping.name} links such records and never creates them"
    sources = known.members.filter(pl.col("entity") == mapping.source)
    if mapping.when is not None and not len(allowed(_without_connected(mapping), sources, known, world.model)):
        return f"the condition of {mapping.name} does not hold for {mapping.source}"
    if mapping.connected and not len(allowed(mapping, sources, known, world.model)):
        return f"{mapping.name} creates only what a synchronised {' or '.join(sorted(mapping.connected))} refers to"
    return "it is not planned yet; the next `talk sync` looks at it"


def _without_connected(mapping: MappingModel) -> MappingModel:
    return replace(mapping, connected=frozenset())


def _doubts(world: World, here: pl.DataFrame, placed: pl.DataFrame) -> list[Doubt]:
    """About these records, and about others that could be the same thing."""
    of = pl.concat([placed.select("entity", "id"), ambiguous.naming(world.hub, here)]).unique(maintain_order=True)
    return doubts(world, ambiguous.of(world.hub, of).sort("entity", "id", "rule"))


def _conflicts(world: World, here: pl.DataFrame) -> Iterator[str]:
    for (number,), rows in conflicts.of(world.hub, here).group_by("number", maintain_order=True):
        name = rows["field"][0]
        won, lost = rows.filter("won"), rows.filter(~pl.col("won"))
        kept = cut(told_value(world, name, won["value"][0])) if len(won) else "what it was before"
        others = [
            f"{cut(told_value(world, name, value))} of {key}/{id_}"
            for value, key, id_ in lost.select("value", "entity", "id").iter_rows()
        ]
        yield f"conflict {number} at {moment(rows['at'][0])}: {name} became {kept}; lost: {', '.join(others)}"


def _notes(world: World, key: str, id_: str) -> Iterator[str]:
    stored = records.of(world.hub, one(key, id_), ["edited_at", "listed_at", "written_at", "missed"]).row(0, named=True)
    if stored["listed_at"]:
        yield f"last read as changed at {moment(stored['listed_at'])}"
    if stored["edited_at"]:
        yield f"its system says that it was edited at {moment(stored['edited_at'])}"
    if stored["written_at"]:
        yield f"last written by us at {moment(stored['written_at'])}"
    if stored["missed"]:
        yield f"missing from {stored['missed']} complete listing: once more, and it counts as deleted"


def _happened(world: World, rows: pl.DataFrame) -> list[str]:
    """History for people: what happened to one record at one moment is one line."""
    event = ["at", "kind", "entity", "id", "reason"]
    return [
        _told(world, dict(zip(event, key, strict=True)), group.filter(pl.col("path").is_not_null()))
        for key, group in rows.group_by(event, maintain_order=True)
    ][-_EVENTS:]


def _told(world: World, event: dict[str, Any], cells: pl.DataFrame) -> str:
    who = "/".join(part for part in (event["entity"], event["id"]) if part)
    reason = f" ({event['reason']})" if event["reason"] else ""
    if event["kind"] in ("created", "adopted"):
        what = f" with {', '.join(cells['path'])}" if len(cells) else ""
    else:
        before, after = (told_values(world, cells.select("path", side).rows()) for side in ("before", "after"))
        steps = [f"{p} {cut(b, 30)} → {cut(a, 30)}" for p, b, a in zip(cells["path"], before, after, strict=True)]
        what = f": {'; '.join(steps)}" if steps else ""
    return f"{moment(event['at'])} {event['kind']} {who}{what}{reason}"


def moment(at: datetime | None) -> str:
    """A time as people read it."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "an unknown time"
