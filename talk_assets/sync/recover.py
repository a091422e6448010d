"""Writes without an answer: what became of them is found out before anything else is sent to their records."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import polars as pl

from talk_assets.hub.packing import pack
from talk_assets.hub.tables import cells, changes, history, intents, members, shapes
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.specs.problems import plural
from talk_assets.sync.burial import made_anew
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.world import World
from talk_assets.sync.writing.believe import believe, observe, taken_for_new, told_of_taken
from talk_assets.sync.writing.prepare import Change
from talk_assets.sync.writing.write import Intent, change_of, is_own, keep_history, quarantine, quarantine_unknown, told_of
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.writing.prepared import Prepared
from talk_assets.systems.writing.resolve import Attempts, Fate, Resolution, Resolver

IN_VAIN = 5
"""As often a write is sent that is never done while others are."""
LOST = "its answer was lost, and it had happened"
PARTLY = "others hold what was sent with it, and it is as it was before: somebody put it back, or set the others by hand"


def recover(world: World) -> tuple[int, int]:
    """Find out what became of writes without an answer: how many are settled now, and how many still wait. Those to systems
    that cannot be asked are left for a run that can.
    """
    found = intents.in_states(world.hub, intents.OPEN)
    known = found.filter(pl.col("entity").is_in(list(world.model.entities)))
    if left := found.height - known.height:
        world.tell(f"{left:,} writes without an answer went to what no mapping names any more; they wait until one does again")
    open_ = known.filter(pl.col("entity").is_in([key for key in world.model.entities if not world.why_closed(key)]))
    if open_.height:
        world.tell(f"finding out what became of {plural(open_.height, 'write')} without an answer")
    settled = 0
    for (key,), rows in open_.group_by("entity", maintain_order=True):
        settled += _resolve_all(world, str(key), [_intent(row) for row in rows.iter_rows(named=True)])
    return settled, open_.height - settled


def _resolve_all(world: World, key: str, found: Collection[Intent]) -> int:
    """How many writes to one entity are settled now."""
    # One for each address: what is joined to another record is written there.
    resolver_of = cache(world.connection(key).resolver)
    settled, some_wait = 0, False
    # What was looked for before comes last: by then one knows of more new records whose they are.
    for intent in sorted(found, key=lambda one: one.missed is not None):
        if _resolve(world, intent, resolver_of(intent.prepared.entity), some_wait=some_wait):
            settled += 1
        else:
            some_wait = some_wait or intent.change.kind == "create"
    return settled


def _intent(row: Mapping[str, Any]) -> Intent:
    change = change_of({**row, "id": row["record_id"] if row["kind"] == "update" else None})
    return Intent(
        row["id"],
        change,
        Prepared.from_json(row["prepared"]),
        row["attempts"],
        row["first_sent_at"],
        row["last_sent_at"],
        row["missed_at"],
    )


def _resolve(world: World, intent: Intent, resolver: Resolver, *, some_wait: bool) -> bool:
    """Whether it is settled. Where other creations are not, a stranger may be what one of them made."""
    key = intent.change.entity

    def linked(found: Mapping[str, str | None]) -> set[str]:
        rows = pl.DataFrame({"id": list(found), "body": list(found.values())}, schema={"id": pl.String, "body": pl.String})
        listed = rows.with_columns(entity=pl.lit(key))
        placed = members.clusters_of(world.hub, listed.select("entity", "id"))
        others = listed.join(placed.filter(pl.col("cluster") != intent.change.cluster), on=["entity", "id"], how="semi")
        # A system that was put back gives ids again that we still know others by.
        return {*others["id"]} - {*made_anew(world, key, others)["id"]}

    attempts = Attempts(_zoned(intent.first), _zoned(intent.last), _zoned(intent.missed) if intent.missed else None)
    world.hub.rest()
    found = resolver.resolve(intent.prepared, attempts, linked)
    if found.amid_strangers and some_wait:
        return False
    return bool(world.hub.run(lambda: _conclude(world, intent, found), f"resolve {key}"))


def _zoned(moment: datetime | None) -> datetime:
    return (moment or datetime(1970, 1, 1, tzinfo=UTC)).replace(tzinfo=UTC)


def _conclude(world: World, intent: Intent, found: Resolution) -> bool:
    change = intent.change
    if found.record is not None and change.kind == "create" and taken_for_new(world, [(intent, found.record)]):
        taken = found.record
        found = replace(found, fate=Fate.ambiguous, reason=told_of_taken(taken), record=None, candidates=(taken.id,))
    state = {Fate.happened: "done", Fate.absent: "cancelled", Fate.ambiguous: "rejected", Fate.not_yet: "unknown"}[found.fate]
    if found.fate is Fate.happened and found.record is None:
        state = "unknown"
    missed = found.missed_at.astimezone(UTC).replace(tzinfo=None) if found.missed_at else None
    record_id = found.record.id if state == "done" and found.record else change.id
    told = {"id": [intent.id], "state": [state], "error": [found.reason], "missed_at": [missed], "record_id": [record_id]}
    intents.mark(
        world.hub,
        pl.DataFrame(told, schema_overrides={"missed_at": pl.Datetime("us"), "record_id": pl.String}),
    )
    if state == "done" and found.record is not None and is_own(intent):
        if other := _in_its_place(world, change, found.record.id):
            # Two records are there by now: rules or a person say what the one that we made is.
            observe(world, [(intent, found.record)])
            keep_history(
                world, told_of(change, "adopted", found.record.id, f"{LOST}; {other} was linked in its place meanwhile")
            )
        else:
            taken, doubtful = _apart(world.entity(change.entity), change, found.doubtful)
            _adopt(world, replace(intent, change=taken), found.record)
            if doubtful.after:
                quarantine_unknown(world, doubtful, PARTLY)
    if state != "unknown":
        # Merged and planned again from what is there now, since nothing else makes its cluster news.
        members.touch(world.hub, pl.DataFrame({"cluster": [change.cluster]}))
    if found.fate is Fate.absent and (words := _why_in_vain(world, change)):
        quarantine(world, [(change, words)])
    if state == "rejected":
        # Also when there is something else to write by then.
        quarantine_unknown(world, change, found.reason, found.candidates)
    return state != "unknown"


def _why_in_vain(world: World, change: Change) -> str | None:
    """In the words of its system: why a write that was sent often enough was never done, where it takes others."""
    hub, key = world.hub, change.entity
    sent = intents.sent_in_vain(hub, key, change.cluster, list(change.after), list(change.after.values()))
    # What was done just now may be the first after it could do nothing.
    if sent.height < IN_VAIN or not intents.is_any_done(hub, key, sent["seq"][-IN_VAIN], sent["seq"][-2]):
        return None
    told = history.of(hub, pl.DataFrame({"cluster": [change.cluster]})).filter(
        pl.col("kind") == "unknown", pl.col("entity") == key
    )
    said = next(reversed(told["reason"].drop_nulls().to_list()), "no answer")
    return f"{said} (sent {sent.height} times and never done, while others were)"


def _apart(entity: EntityModel, change: Change, doubtful: Collection[str]) -> tuple[Change, Change]:
    """What a record has taken of an update, and what of it was put back, or never sent."""
    names = {entity.contributions[one].field for path in doubtful for one in entity.readers.get(path, ())}
    taken = _part(change, change.after.keys() - {*doubtful}, change.versions.keys() - names)
    return taken, _part(change, doubtful, names)


def _part(change: Change, paths: Collection[str], names: Collection[str]) -> Change:
    """An update of some properties alone, and of the fields that they are told of."""
    return replace(
        change,
        after={path: text for path, text in change.after.items() if path in paths},
        before={path: text for path, text in change.before.items() if path in paths},
        versions={name: version for name, version in change.versions.items() if name in names},
    )


def _in_its_place(world: World, change: Change, id_: str) -> str | None:
    """The record that was linked meanwhile where this one was made for."""
    if change.kind != "create":
        return None
    there = members.ids_in(world.hub, pl.DataFrame({"cluster": [change.cluster], "entity": [change.entity]}))
    return next((f"{change.entity}/{other}" for other in there["id"] if other != id_), None)


def _adopt(world: World, intent: Intent, record: Record) -> None:
    """Ours, although its answer was lost. The base is what we sent: whatever differs by now is somebody's edit."""
    believe(world, [(intent, record)])
    change, key = intent.change, intent.change.entity
    entity, shape = world.entity(key), world.shapes[key]
    sent = dict(change.after)
    stored = cells.sides(world.hub, pl.DataFrame({"cluster": [change.cluster]})).filter(pl.col("entity") == key)
    base = cells.wide(stored, "base", shapes.shapes(world.hub), entity.columns, UNKNOWN)
    now = base.with_columns(pl.lit(value, pl.String).alias(path) for path, value in sent.items() if path in entity.columns)
    row = pl.DataFrame({"entity": [key], "id": [record.id], "shape": [shape.number]})
    members.agree(world.hub, row.with_columns(pack(now, entity.columns).alias("base")))
    changes.drop(world.hub, pl.DataFrame({"entity": [key], "cluster": [change.cluster]}))
    keep_history(world, told_of(change, "adopted" if change.kind == "create" else "written", record.id, LOST))
