"""Changes → APIs. No byte leaves before its intent is durable; what an answer says, the link, the base and the history are one
commit; what has no answer is found out before anything else is sent to that record.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from talk_assets.hub import cells, changes, history, holds, intents, members, meta, records, shapes
from talk_assets.hub.members import UNKNOWN
from talk_assets.sync.marks import GENERATION, mark
from talk_assets.sync.planning import write_hash
from talk_assets.sync.prepare import Change, prepare
from talk_assets.sync.world import World
from talk_assets.systems.errors import CannotWrite, SystemsError
from talk_assets.systems.outcome import Outcome, Verdict
from talk_assets.systems.prepared import Prepared
from talk_assets.systems.reading import Found, Record
from talk_assets.systems.resolve import Attempts, Fate, Resolution, Resolver

BATCH = 64
"""Intents of one commit."""
_RETRY = {Verdict.not_sent, Verdict.not_executed}


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


@dataclass
class Delivered:
    """How many writes came to what."""

    done: int = 0
    created: int = 0
    rejected: int = 0
    unknown: int = 0
    later: int = 0
    stopped: list[str] = field(default_factory=list)
    """Systems that let us in no more."""


def deliver(world: World, *, systems: Sequence[str] | None = None, only: Collection[str] | None = None) -> Delivered:
    """Send what is ready; with `only`, to these entities and no others."""
    report = Delivered()
    ready = changes.sendable(world.hub)
    for (key,), rows in ready.group_by("entity", maintain_order=True):
        entity = str(key)
        system = world.entity(entity).system
        if (systems is not None and system not in systems) or system in report.stopped:
            continue
        if only is not None and entity not in only:
            continue
        for start in range(0, rows.height, BATCH):
            if system in report.stopped:
                break
            # While others were written to, a person may have decided otherwise.
            _batch(world, entity, changes.sendable(world.hub, rows.slice(start, BATCH)), report)
    return report


def _batch(world: World, key: str, rows: pl.DataFrame, report: Delivered) -> None:
    wanted = [_change(row) for row in rows.iter_rows(named=True)]
    armed, impossible = _arm(world, key, wanted)
    if impossible:
        world.hub.run(lambda: _quarantine(world, impossible), f"refuse {key}")
        report.rejected += len(impossible)
    if not armed:
        return
    world.hub.run(lambda: _remember(world, armed, "sending"), f"arm {key}")
    _send(world, key, armed, report)


def _change(row: Mapping[str, Any]) -> Change:
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


def _arm(world: World, key: str, wanted: list[Change]) -> tuple[list[Intent], list[tuple[Change, str]]]:
    hub, entity = world.hub, world.entity(key)
    writer = world.connection(key).writer(key.split(".", 1)[1])
    ids = pl.DataFrame(
        {"entity": key, "id": [one.id for one in wanted if one.id]}, schema={"entity": pl.String, "id": pl.String}
    )
    stored = records.of(hub, ids, ["id", "body", "modified"])
    known = {id_: Record(id_, body, stamp) for id_, body, stamp in stored.iter_rows()}
    origins = _origins(world, wanted)
    generations = meta.starting(hub, GENERATION)
    armed: list[Intent] = []
    impossible: list[tuple[Change, str]] = []
    now = hub.now()
    for one in wanted:
        origin = origins.get(one.cluster, str(one.cluster))
        reference = mark(origin, key, int(generations.get(f"{GENERATION}{origin}>{key}", 0)))
        try:
            made = prepare(one, entity, writer, known.get(one.id or ""), reference)
        except (CannotWrite, SystemsError) as failure:
            impossible.append((one, str(failure)))
            continue
        armed += [Intent(hub.ids.new(), one, prepared, first=now, last=now) for prepared in made]
    return armed, impossible


def _origins(world: World, wanted: list[Change]) -> dict[int, str]:
    """By cluster: the record that a new one is made from, `entity/id`."""
    sources = {mapping.name: mapping.source for mapping in world.model.mappings}
    made = pl.DataFrame(
        [(one.cluster, sources.get(one.mapping, "")) for one in wanted if one.kind == "create"],
        schema={"cluster": pl.Int64, "source": pl.String},
        orient="row",
    )
    there = members.ids_in(world.hub, made.select("cluster")).join(made, on="cluster")
    ranked = there.sort(pl.col("entity") != pl.col("source"), "entity", "id")
    first = ranked.unique("cluster", keep="first", maintain_order=True)
    return dict(first.select("cluster", pl.format("{}/{}", "entity", "id")).iter_rows())


def _send(world: World, key: str, armed: list[Intent], report: Delivered) -> None:
    connection = world.connection(key)
    limit = connection.client_spec(key.split(".", 1)[1]).limits.concurrency

    def one(intent: Intent) -> Outcome:
        world.hub.crashpoint(f"send {key}")
        outcome = connection.sender(intent.prepared.entity).send(intent.prepared)
        world.hub.crashpoint(f"answer {key}")
        return outcome

    world.hub.rest()
    outcomes = world.each(one, armed, limit)
    settled = list(zip(armed, outcomes, strict=True))
    looked = {intent.id: _look(world, intent, outcome) for intent, outcome in settled}
    world.hub.run(lambda: _settle(world, [(i, o, looked[i.id]) for i, o in settled]), f"settle {key}")
    _count(report, settled)


def _look(world: World, intent: Intent, outcome: Outcome) -> Record | None:
    """What the record holds now, where the answer did not say."""
    if outcome.verdict not in (Verdict.done, Verdict.stale):
        return None
    change, prepared = intent.change, intent.prepared
    own = _is_own(intent)
    if own and outcome.record is not None:
        return outcome.record
    id_ = change.id or outcome.id
    reader = world.connection(change.entity).reader(change.entity.split(".", 1)[1])
    try:
        found = reader.one(id_ or "", dict(prepared.known) if own else None)
    except SystemsError:
        return None
    return found.record if isinstance(found, Found) else None


def _settle(world: World, settled: list[tuple[Intent, Outcome, Record | None]]) -> None:
    done = [(intent, record, outcome) for intent, outcome, record in settled if outcome.verdict is Verdict.done]
    _believe(world, [(intent, record) for intent, record, _ in done if record is not None])
    _observe(world, [(intent, record) for intent, outcome, record in settled if outcome.verdict is Verdict.stale])
    states: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    refused: list[tuple[Change, str]] = []
    for intent, outcome, record in settled:
        change = intent.change
        state = _state(outcome, record)
        states.append({"id": intent.id, "state": state, "error": outcome.words or None, "record_id": change.id or outcome.id})
        if state == "rejected":
            refused.append((change, outcome.words))
        if state == "done":
            told += _told(change, "created" if change.kind == "create" else "written", outcome.id, outcome.words)
        elif state == "unknown":
            told += _told(change, "unknown", None, outcome.words)[:1]
    intents.mark(
        world.hub,
        pl.DataFrame(states, schema={"id": pl.String, "state": pl.String, "error": pl.String, "record_id": pl.String}),
    )
    _history(world, told)
    _quarantine(world, refused)
    finished = [(one.change.entity, one.change.cluster) for one, outcome, _ in settled if outcome.verdict is Verdict.done]
    stale = [
        (one.change.entity, one.change.cluster)
        for one, outcome, record in settled
        if outcome.verdict is Verdict.gone or (outcome.verdict is Verdict.stale and record is not None)
    ]
    schema = {"entity": pl.String, "cluster": pl.Int64}
    changes.drop(world.hub, pl.DataFrame([*finished, *stale], schema=schema, orient="row").unique())


def _state(outcome: Outcome, record: Record | None) -> str:
    match outcome.verdict:
        case Verdict.done:
            return "done" if record is not None else "unknown"
        case Verdict.unknown:
            return "unknown"
        case Verdict.rejected:
            return "rejected"
        case _:
            return "cancelled"


def _observe(world: World, met: Sequence[tuple[Intent, Record | None]]) -> None:
    """What a record turned out to hold right before it was to be written: a list of changes may never show it."""
    seen = [(intent.change.entity, record) for intent, record in met if record is not None and _is_own(intent)]
    for key in dict.fromkeys(key for key, _ in seen):
        rows = _rows(world, key, [record for entity, record in seen if entity == key])
        records.upsert(world.hub, world.describe(key, rows))


def _is_own(intent: Intent) -> bool:
    """Whether a write went to the record that is to change, and not to one that it only shows."""
    return intent.prepared.entity == intent.change.entity.split(".", 1)[1]


def _rows(world: World, key: str, found: Sequence[Record]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "entity": [key] * len(found),
            "id": [record.id for record in found],
            "digest": pl.Series([record.digest for record in found], dtype=pl.UInt64),
            "body": [record.text for record in found],
            "modified": pl.Series([record.stamp for record in found], dtype=pl.String),
        }
    ).with_columns(listed_at=pl.lit(world.hub.now(), pl.Datetime("us")))


def _believe(world: World, written: list[tuple[Intent, Record]]) -> None:
    """The server's answer is the truth: it is the record, and the base of what was written."""
    if not written:
        return
    hub = world.hub
    now = hub.now()
    by_entity: dict[str, list[tuple[Intent, Record]]] = {}
    for intent, record in written:
        by_entity.setdefault(intent.change.entity, []).append((intent, record))
    for key, pairs in by_entity.items():
        entity = world.entity(key)
        rows = _rows(world, key, [record for _, record in pairs])
        described = world.describe(key, rows.with_columns(written_at=pl.lit(now, pl.Datetime("us"))))
        created = [(key, record.id, intent.change.cluster) for intent, record in pairs if intent.change.kind == "create"]
        born = pl.DataFrame(created, schema={"entity": pl.String, "id": pl.String, "cluster": pl.Int64}, orient="row")
        members.link(hub, born.with_columns(how=pl.lit("created"), since=pl.lit(now, pl.Datetime("us"))))
        records.upsert(hub, described)
        _rebase(world, entity.columns, key, pairs, described)


def _rebase(
    world: World, columns: tuple[str, ...], key: str, pairs: list[tuple[Intent, Record]], described: pl.DataFrame
) -> None:
    hub, shape = world.hub, world.shapes[key]
    ids = described.select("entity", "id").unique()
    placed = members.clusters_of(hub, ids)
    stored = cells.sides(hub, placed.select("cluster")).filter(pl.col("entity") == key)
    known_shapes = shapes.shapes(hub)
    bases = {row["#id"]: row for row in cells.wide(stored, "base", known_shapes, columns, UNKNOWN).iter_rows(named=True)}
    taken: dict[str, dict[str, int]] = {}
    for id_, name, version in cells.accepted(stored, known_shapes).select("id", "field", "accepted").iter_rows():
        taken.setdefault(id_, {})[name] = version
    values = dict(zip(described["id"], described["vals"].to_list(), strict=True))
    rows: dict[str, dict[str, Any]] = {}
    for intent, record in pairs:
        now = dict(zip(columns, values[record.id], strict=True))
        base = rows.get(record.id, {}).get("kept") or {path: bases.get(record.id, {}).get(path, UNKNOWN) for path in columns}
        base |= {path: now[path] for path in intent.change.after if path in now}
        versions = taken.setdefault(record.id, {})
        versions |= {name: max(version, versions.get(name, 0)) for name, version in intent.change.versions.items()}
        rows[record.id] = {"kept": base}
    agreed = pl.DataFrame(
        {
            "entity": key,
            "id": list(rows),
            "shape": pl.Series([shape.number] * len(rows), dtype=pl.Int32),
            "base": [[row["kept"][path] for path in columns] for row in rows.values()],
            "accepted": [[taken.get(id_, {}).get(name, 0) for name in shape.fields] for id_ in rows],
        },
        schema_overrides={"base": pl.List(pl.String), "accepted": pl.List(pl.Int64)},
    )
    members.agree(hub, agreed)


def _remember(world: World, armed: Sequence[Intent], state: str) -> None:
    rows = [
        {
            "id": one.id,
            "kind": one.change.kind,
            "cluster": one.change.cluster,
            "entity": one.change.entity,
            "record_id": one.change.id,
            "mapping": one.change.mapping,
            "prepared": one.prepared.to_json(),
            "paths": list(one.change.after),
            "before": [one.change.before.get(path) for path in one.change.after],
            "after": list(one.change.after.values()),
            "fields": list(one.change.versions),
            "versions": list(one.change.versions.values()),
            "state": state,
            "attempts": one.attempts,
            "first_sent_at": one.first,
            "last_sent_at": one.last,
            "reference": one.prepared.reference,
            "pre_version": one.prepared.version,
        }
        for one in armed
    ]
    lists = dict.fromkeys(("paths", "before", "after", "fields"), pl.List(pl.String))
    texts = dict.fromkeys(("record_id", "reference", "pre_version"), pl.String)
    intents.put(world.hub, pl.DataFrame(rows, schema_overrides={**lists, **texts, "versions": pl.List(pl.Int64)}))


def _quarantine(world: World, refused: Sequence[tuple[Change, str]], *, each: bool = False) -> None:
    """Refused by the server or by us: held until it would be another write, and said in the server's own words. With `each`
    every property is held by itself, whatever else would be written with it.
    """
    if not refused:
        return
    parts: list[tuple[Change, str, str | None, Change]] = [(one, words, None, one) for one, words in refused]
    if each:
        parts = [
            (one, words, path, replace(one, after={path: after})) for one, words in refused for path, after in one.after.items()
        ]
    rows = pl.DataFrame(
        [
            (one.entity, one.cluster, one.id, path, "rejected", words or "refused", _hash(part))
            for one, words, path, part in parts
        ],
        schema={
            name: pl.Int64 if name == "cluster" else pl.String
            for name in ("entity", "cluster", "id", "field", "kind", "reason", "plan_hash")
        },
        orient="row",
    )
    scope = rows.select("entity", "cluster", "kind")
    holds.release(world.hub, scope)
    holds.put(world.hub, rows)
    changes.mark(world.hub, rows.select("entity", "cluster", "reason", state=pl.lit("held")).unique(maintain_order=True))
    _history(world, [one for change, words in refused for one in _told(change, "rejected", None, words)[:1]])


def _hash(change: Change) -> str:
    schema = {"path": pl.String, "after": pl.String}
    return write_hash(pl.DataFrame({"path": list(change.after), "after": list(change.after.values())}, schema=schema))


def _told(change: Change, kind: str, id_: str | None, words: str) -> list[dict[str, Any]]:
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


def _history(world: World, rows: list[dict[str, Any]]) -> None:
    if rows:
        texts = ("kind", "entity", "id", "path", "before", "after", "reason")
        schema = {"cluster": pl.Int64, **dict.fromkeys(texts, pl.String)}
        history.append(world.hub, pl.DataFrame(rows, schema=schema), world.run)


def _count(report: Delivered, settled: Sequence[tuple[Intent, Outcome]]) -> None:
    for intent, outcome in settled:
        match outcome.verdict:
            case Verdict.done:
                report.done += 1
                report.created += intent.change.kind == "create"
            case Verdict.rejected:
                report.rejected += 1
            case Verdict.unknown:
                report.unknown += 1
            case Verdict.auth:
                system = intent.change.entity.split(".", 1)[0]
                if system not in report.stopped:
                    report.stopped.append(system)
            case _:
                report.later += 1


# What has no answer


def recover(world: World) -> tuple[int, int]:
    """Find out what became of writes without an answer: how many are settled now, and how many still wait."""
    open_ = intents.in_states(world.hub, intents.OPEN)
    settled = 0
    for row in open_.iter_rows(named=True):
        settled += _resolve(world, _intent(row))
    return settled, open_.height - settled


def _intent(row: Mapping[str, Any]) -> Intent:
    change = _change({**row, "id": row["record_id"] if row["kind"] == "update" else None})
    return Intent(
        row["id"],
        change,
        Prepared.from_json(row["prepared"]),
        row["attempts"],
        row["first_sent_at"],
        row["last_sent_at"],
        row["missed_at"],
    )


def _resolve(world: World, intent: Intent) -> bool:
    key = intent.change.entity
    name = intent.prepared.entity
    connection = world.connection(key)
    spec = connection.spec.entities[name]
    visibility = connection.client_spec(name).visibility_seconds
    resolver = Resolver(spec, connection.reader(name), connection.sender(name), world.clock, visibility)

    def is_linked(id_: str) -> bool:
        here = pl.DataFrame({"entity": [f"{connection.spec.system}.{name}"], "id": [id_]})
        return not members.clusters_of(world.hub, here).filter(pl.col("cluster") != intent.change.cluster).is_empty()

    attempts = Attempts(_zoned(intent.first), _zoned(intent.last), _zoned(intent.missed) if intent.missed else None)
    world.hub.rest()
    found = resolver.resolve(intent.prepared, attempts, is_linked)
    return bool(world.hub.run(lambda: _conclude(world, intent, found), f"resolve {key}"))


def _zoned(moment: datetime | None) -> datetime:
    return (moment or datetime(1970, 1, 1, tzinfo=UTC)).replace(tzinfo=UTC)


def _conclude(world: World, intent: Intent, found: Resolution) -> bool:
    change = intent.change
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
    if state == "done" and found.record is not None and _is_own(intent):
        _adopt(world, intent, found.record)
    if state == "cancelled":
        # Planned again from what is there now, since nothing else makes its cluster news.
        members.touch(world.hub, pl.DataFrame({"cluster": [change.cluster]}))
    if state == "rejected":
        which = f" ({', '.join(found.candidates)})" if found.candidates else ""
        # Whether a value was taken back is for a person to say, also when there is more to write by then.
        _quarantine(world, [(change, f"{found.reason}{which}")], each=change.kind == "update")
    return state != "unknown"


def _adopt(world: World, intent: Intent, record: Record) -> None:
    """Ours, although its answer was lost. The base is what we sent: whatever differs by now is somebody's edit."""
    _believe(world, [(intent, record)])
    change, key = intent.change, intent.change.entity
    entity, shape = world.entity(key), world.shapes[key]
    sent = dict(change.after)
    stored = cells.sides(world.hub, pl.DataFrame({"cluster": [change.cluster]})).filter(pl.col("entity") == key)
    base = cells.wide(stored, "base", shapes.shapes(world.hub), entity.columns, UNKNOWN).row(0, named=True)
    kept = [sent.get(path, base[path]) for path in entity.columns]
    row = pl.DataFrame(
        {"entity": [key], "id": [record.id], "shape": [shape.number], "base": [kept]},
        schema_overrides={"base": pl.List(pl.String)},
    )
    members.agree(world.hub, row)
    changes.drop(world.hub, pl.DataFrame({"entity": [key], "cluster": [change.cluster]}))
    _history(world, _told(change, "adopted", record.id, "its answer was lost, and it had happened"))
