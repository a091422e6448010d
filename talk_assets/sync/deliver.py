"""Changes → APIs. No byte leaves before its intent is durable; what an answer says, the link, the base and the history are one
commit.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from talk_assets.hub import changes, intents, members, meta, records
from talk_assets.sync.believe import believe, observe
from talk_assets.sync.marks import GENERATION, mark
from talk_assets.sync.prepare import Change, prepare
from talk_assets.sync.world import World
from talk_assets.sync.write import Intent, change_of, is_own, keep_history, quarantine, remember, told_of
from talk_assets.systems.errors import CannotWrite, SystemsError
from talk_assets.systems.outcome import Outcome, Verdict
from talk_assets.systems.reading import Found, Record

BATCH = 64
"""Intents of one commit, at least …"""
MOST = 1024
"""… and at most: what is sent in a second. After a crash that many have to be looked for."""


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
        for batch in rows.iter_slices(_batch_size(world, entity)):
            if system in report.stopped:
                break
            # While others were written to, a person may have decided otherwise.
            due = batch if report == Delivered() else changes.sendable(world.hub, batch)
            _batch(world, entity, due, report)
    return report


def _batch_size(world: World, key: str) -> int:
    limits = world.connection(key).client_spec(key.split(".", 1)[1]).limits
    return min(max(BATCH, limits.requests // limits.per_seconds), MOST)


def _batch(world: World, key: str, rows: pl.DataFrame, report: Delivered) -> None:
    wanted = [change_of(row) for row in rows.iter_rows(named=True)]
    armed, impossible = _arm(world, key, wanted)
    if impossible:
        world.hub.run(lambda: quarantine(world, impossible), f"refuse {key}")
        report.rejected += len(impossible)
    if not armed:
        return
    world.hub.run(lambda: remember(world, armed, "sending"), f"arm {key}")
    _send(world, key, armed, report)


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
    own = is_own(intent)
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
    believe(world, [(intent, record) for intent, record, _ in done if record is not None])
    anew = observe(world, [(intent, record) for intent, outcome, record in settled if outcome.verdict is Verdict.stale])
    states: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    refused: list[tuple[Change, str]] = []
    for intent, outcome, record in settled:
        change = intent.change
        state = _state(outcome, record)
        states.append({"id": intent.id, "state": state, "error": outcome.words or None, "record_id": change.id or outcome.id})
        if state == "rejected" or _is_gone_again(world, intent, outcome):
            refused.append((change, outcome.words))
        if state == "done":
            told += told_of(change, "created" if change.kind == "create" else "written", outcome.id, outcome.words)
        elif state == "unknown":
            told += told_of(change, "unknown", None, outcome.words)[:1]
    intents.mark(
        world.hub,
        pl.DataFrame(states, schema={"id": pl.String, "state": pl.String, "error": pl.String, "record_id": pl.String}),
    )
    keep_history(world, told)
    quarantine(world, refused)
    finished = [(one.change.entity, one.change.cluster) for one, outcome, _ in settled if outcome.verdict is Verdict.done]
    held = {(change.entity, change.cluster) for change, _ in refused}
    stale = [
        (one.change.entity, one.change.cluster)
        for one, outcome, record in settled
        if (outcome.verdict is Verdict.gone and (one.change.entity, one.change.cluster) not in held)
        # Of one that is as we knew it, nobody would plan the write again.
        or (outcome.verdict is Verdict.stale and record is not None and _has_moved(one, record, anew))
    ]
    schema = {"entity": pl.String, "cluster": pl.Int64}
    changes.drop(world.hub, pl.DataFrame([*finished, *stale], schema=schema, orient="row").unique())


def _has_moved(intent: Intent, record: Record, anew: Collection[tuple[str, str]]) -> bool:
    return not is_own(intent) or (intent.change.entity, record.id) in anew


def _is_gone_again(world: World, intent: Intent, outcome: Outcome) -> bool:
    """Whether its system has said before that there is no such record. Where no listing proves that, a person must look."""
    change = intent.change
    return outcome.verdict is Verdict.gone and intents.was_cancelled(world.hub, change.entity, change.id, outcome.words)


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
