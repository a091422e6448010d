"""One write: what is durable of it before it leaves, and what is kept of how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from talk_assets.hub.tables import cells, changes, history, holds, intents, members, shapes
from talk_assets.sync.plan import write_hash
from talk_assets.sync.world import World
from talk_assets.sync.writing.prepare import Change
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.writing.prepared import Prepared


@dataclass(frozen=True)
class Intent:
    """One write that is durable: exact bytes, and what is to be believed once they took effect."""

    id: str
    change: Change
    prepared: Prepared
    attempts: int = 1
    first: datetime | None = None
    last: datetime | None = None
    missed: datetime | None = None
    record: Record | None = field(default=None, repr=False)
    """As it was when the write was made."""


def is_own(intent: Intent) -> bool:
    """Whether a write went to the record that is to change, and not to one that it only shows."""
    return intent.prepared.entity == intent.change.entity.split(".", 1)[1]


def change_of(row: Mapping[str, Any]) -> Change:
    return Change(
        entity=row["entity"],
        cluster=row["cluster"],
        kind=row["kind"],
        id=row["id"],
        mapping=row["mapping"] or "",
        after=dict(zip(row["paths"], row["after"], strict=True)),
        before=dict(zip(row["paths"], row["before"], strict=True)),
        versions=dict(zip(row["fields"] or [], row["versions"] or [], strict=True)),
    )


def remember(world: World, armed: Sequence[Intent], state: str) -> None:
    rows = [
        {
            "id": one.id,
            "kind": one.change.kind,
            "cluster": one.change.cluster,
            "entity": one.change.entity,
            "record_id": one.change.id,
            "mapping": one.change.mapping,
            "prepared": one.prepared.to_json(),
            "state": state,
            "attempts": one.attempts,
            "first_sent_at": one.first,
            "last_sent_at": one.last,
            "reference": one.prepared.reference,
            "pre_version": one.prepared.version,
            "run": world.run,
        }
        for one in armed
    ]
    texts = dict.fromkeys(("record_id", "reference", "pre_version"), pl.String)
    written = [one.change for one in armed]
    kept = {
        "paths": cells.lists([list(one.after) for one in written], pl.String()),
        "before": cells.lists([[one.before.get(path) for path in one.after] for one in written], pl.String()),
        "after": cells.lists([list(one.after.values()) for one in written], pl.String()),
        "fields": cells.lists([list(one.versions) for one in written], pl.String()),
        "versions": cells.lists([list(one.versions.values()) for one in written], pl.Int64()),
        "taken": cells.lists(_taken(world, written), pl.Int64()),
    }
    intents.begin(world.hub, pl.DataFrame(rows, schema_overrides=texts).with_columns(**kept))


def _taken(world: World, written: Sequence[Change]) -> list[list[int]]:
    """The versions that records have taken so far, of the fields that they are to be told of."""
    hub = world.hub
    named = [(one.cluster, one.entity, one.id, name) for one in written for name in one.versions if one.id]
    schema = {"cluster": pl.Int64, "entity": pl.String, "id": pl.String, "field": pl.String}
    asked = pl.DataFrame(named, schema=schema, orient="row")
    there = members.taken(hub, asked.select("entity", "id").unique()).rename({"shape": "base_shape"})
    found = cells.accepted(there, shapes.shapes(hub), asked.select("cluster", "entity", "field").unique())
    known = {(entity, id_, name): version for _, entity, id_, name, version in found.iter_rows()}
    return [[known.get((one.entity, one.id, name)) or 0 for name in one.versions] for one in written]


def quarantine(world: World, refused: Sequence[tuple[Change, str]]) -> None:
    """Refused by the server or by us: held until it would be another write, and said in the server's own words."""
    _hold(world, refused, [(one, words, None, _hash(one)) for one, words in refused])


def quarantine_unknown(world: World, change: Change, words: str, candidates: Sequence[str] = ()) -> None:
    """It may have happened: a person has to say so first. Until then every property of an update is held by itself, whatever
    else would be written with it, and a record that may be there already is not made, whatever it would hold. `candidates`
    are the ids of those of its entity that it may be.
    """
    paths = change.after.items() if change.kind == "update" else ()
    parts = [(change, words, path, _hash(replace(change, after={path: after}))) for path, after in paths]
    names = [f"{change.entity}/{id_}" for id_ in candidates]
    told = f"{words} ({', '.join(names)})" if names else words
    _hold(world, [(change, told)], parts or [(change, words, None, None)], names)


def _hold(
    world: World,
    refused: Sequence[tuple[Change, str]],
    parts: Sequence[tuple[Change, str, str | None, str | None]],
    candidates: Sequence[str] = (),
) -> None:
    """By parts: the change, why, of which property (none: of all), and what it would be (none: whatever)."""
    if not parts:
        return
    rows = pl.DataFrame(
        [(one.entity, one.cluster, one.id, path, "rejected", words or "refused", hash_) for one, words, path, hash_ in parts],
        schema={
            name: pl.Int64 if name == "cluster" else pl.String
            for name in ("entity", "cluster", "id", "field", "kind", "reason", "plan_hash")
        },
        orient="row",
    )
    scope = rows.select("entity", "cluster", "kind")
    holds.release(world.hub, scope)
    holds.put(world.hub, rows.with_columns(candidates=pl.lit([*candidates] or None, pl.List(pl.String))))
    changes.mark(world.hub, rows.select("entity", "cluster", "reason", state=pl.lit("held")).unique(maintain_order=True))
    keep_history(world, [one for change, words in refused for one in told_of(change, "rejected", None, words)[:1]])


def _hash(change: Change) -> str:
    schema = {"path": pl.String, "after": pl.String}
    return write_hash(pl.DataFrame({"path": list(change.after), "after": list(change.after.values())}, schema=schema))


def told_of(change: Change, kind: str, id_: str | None, words: str) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "cluster": change.cluster,
            "entity": change.entity,
            "id": change.id or id_,
            "path": path,
            "before": change.before.get(path),
            "after": after,
            "reason": words or change.mapping,
        }
        for path, after in change.after.items()
    ]


def keep_history(world: World, rows: list[dict[str, Any]]) -> None:
    if rows:
        texts = ("kind", "entity", "id", "path", "before", "after", "reason")
        schema = {"cluster": pl.Int64, **dict.fromkeys(texts, pl.String)}
        history.append(world.hub, pl.DataFrame(rows, schema=schema), world.run)
