"""Changes → APIs. No byte leaves before its intent is durable; what an answer says, the link, the base and the history are one
commit.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import polars as pl

from talk_assets.hub.tables import changes, intents, members, records
from talk_assets.sync.meaning.marks import mark, raised
from talk_assets.sync.world import World
from talk_assets.sync.writing.believe import believe, observe, taken_for_new, told_of_taken
from talk_assets.sync.writing.fresh import as_they_are, is_sent_whole
from talk_assets.sync.writing.prepare import Change, prepare
from talk_assets.sync.writing.write import (
    Intent,
    change_of,
    is_own,
    keep_history,
    quarantine,
    quarantine_unknown,
    remember,
    told_of,
)
from talk_assets.systems.errors import CannotWrite, SystemsError
from talk_assets.systems.reading.reader import Found, Record
from talk_assets.systems.writing.delivery import FORBIDDEN, has_moved, unchanged
from talk_assets.systems.writing.outcome import ACCEPTED, Outcome, Verdict
from talk_assets.systems.writing.partial import carried_out, completed, expected, is_partial

BATCH = 64
"""Intents of one commit, at least …"""
MOST = 1024
"""… and at most: what is sent in a second. After a crash that many have to be looked for."""
_Place = tuple[str, int]
_Settled = tuple[Intent, Outcome, Record | None]
_PLACES = {"entity": pl.String, "cluster": pl.Int64}


@dataclass
class Delivered:
    """How many writes came to what."""

    done: int = 0
    created: int = 0
    rejected: int = 0
    unknown: int = 0
    later: int = 0
    moved: int = 0
    """Of those: not sent, since the record turned out to hold something else than was known."""
    stopped: list[str] = field(default_factory=list)
    """Systems that let us in no more."""

    @property
    def has_news(self) -> bool:
        """Whether something else may be due now."""
        return bool(self.done or self.rejected or self.moved)


def deliver(world: World, *, systems: Sequence[str] | None = None, only: Collection[str] | None = None) -> Delivered:
    """Send what is ready; with `only`, to these entities and no others. Systems are written to side by side."""
    report = Delivered()
    asked = [key for key, entity in world.model.entities.items() if systems is None or entity.system in systems]
    ready = changes.sendable(world.hub).filter(pl.col("entity").is_in([key for key in asked if only is None or key in only]))
    lots = _lots(world, ready)
    while lots:
        # While others were written to, a person may have decided otherwise.
        lot = changes.sendable(world.hub, lots.popleft()) if report != Delivered() else lots.popleft()
        wanted = [change_of(row) for row in lot.iter_rows(named=True)]
        if later := _deliver(world, [one for one in wanted if world.entity(one.entity).system not in report.stopped], report):
            lots.append(pl.DataFrame(later, schema=_PLACES, orient="row"))
    return report


def _lots(world: World, ready: pl.DataFrame) -> deque[pl.DataFrame]:
    """Of each entity as much at once as its system takes in a second."""
    by_entity = ready.group_by("entity", maintain_order=True)
    parts = [rows.iter_slices(_lot_size(world, str(key))) for (key,), rows in by_entity]
    return deque(pl.concat(part for part in lot if part is not None) for lot in zip_longest(*parts))


def _lot_size(world: World, key: str) -> int:
    limits = world.connection(key).client_spec(key.split(".", 1)[1]).limits
    return min(max(BATCH, limits.requests // limits.per_seconds), MOST)


def _deliver(world: World, wanted: list[Change], report: Delivered) -> list[_Place]:
    """Send some changes; gives those that have to wait for one of the others."""
    armed, impossible, later = _arm(world, wanted)
    if impossible:
        world.hub.run(lambda: quarantine(world, impossible), "refuse")
        report.rejected += len(impossible)
    if armed:
        world.hub.run(lambda: remember(world, armed, "sending"), "arm")
        world.hub.rest()
        sent = _send(world, armed)
        settled, moved = world.hub.run(lambda: _settle(world, sent), "settle")
        _count(report, settled)
        report.moved += moved
    return later


def _arm(world: World, wanted: list[Change]) -> tuple[list[Intent], list[tuple[Change, str]], list[_Place]]:
    """The writes that make these changes; those that cannot be made; and those to a record that another one writes to."""
    hub = world.hub
    there = [(one.entity, one.id) for one in wanted if one.id]
    ids = pl.DataFrame(there, schema={"entity": pl.String, "id": pl.String}, orient="row")
    stored = records.of(hub, ids, ["entity", "id", "body", "modified"])
    known = {(entity, id_): Record(id_, body, stamp) for entity, id_, body, stamp in stored.iter_rows()}
    fresh = as_they_are(world, wanted, known)
    origins = _origins(world, wanted)
    generations = raised(hub)
    armed: list[Intent] = []
    impossible: list[tuple[Change, str]] = []
    later: list[_Place] = []
    written: set[tuple[str, str]] = set()
    now = hub.now()
    for one in wanted:
        key = one.entity
        system, name = key.split(".", 1)
        writer = world.connection(key).writer(name)
        record = fresh.get((key, one.id or "")) or known.get((key, one.id or ""))
        origin = origins.get((key, one.cluster), str(one.cluster))
        reference = mark(origin, key, generations.get(f"{origin}>{key}", 0))
        try:
            made = prepare(one, world.entity(key), writer, record, reference)
        except (CannotWrite, SystemsError) as failure:
            impossible.append((one, str(failure)))
            continue
        places = {(f"{system}.{write.entity}", write.id) for write in made if write.id}
        if places & written:
            # At the same time, neither would see the other one when it looks before it writes.
            later.append((key, one.cluster))
            continue
        written |= places
        if is_sent_whole(world, one) and (key, one.id) not in fresh:
            # Another look right before it would be sent tells why: edited, gone, or not to be read now.
            made = [replace(write, compare=write.compare or write.entity == name) for write in made]
        armed += [Intent(hub.ids.new(), one, prepared, first=now, last=now, record=record) for prepared in made]
    return armed, impossible, later


def _origins(world: World, wanted: list[Change]) -> dict[tuple[str, int], str]:
    """By entity and cluster: the record that a new one is made from, `entity/id`."""
    sources = {mapping.name: mapping.source for mapping in world.model.mappings}
    made = pl.DataFrame(
        [(one.entity, one.cluster, sources.get(one.mapping, "")) for one in wanted if one.kind == "create"],
        schema={"target": pl.String, "cluster": pl.Int64, "source": pl.String},
        orient="row",
    )
    if made.is_empty():
        return {}
    there = members.ids_in(world.hub, made.select("cluster").unique()).join(made, on="cluster")
    ranked = there.sort(pl.col("entity") != pl.col("source"), "entity", "id")
    first = ranked.unique(["target", "cluster"], keep="first", maintain_order=True)
    return {
        (target, cluster): f"{entity}/{id_}"
        for target, cluster, entity, id_ in first.select("target", "cluster", "entity", "id").iter_rows()
    }


def _send(world: World, armed: list[Intent]) -> list[_Settled]:
    """Each system's writes in their order, those of one entity as many at once as it allows."""
    lanes: dict[str, dict[str, list[Intent]]] = {}
    for intent in armed:
        key = intent.change.entity
        lanes.setdefault(world.entity(key).system, {}).setdefault(key, []).append(intent)

    def one(intent: Intent) -> _Settled:
        key = intent.change.entity
        world.hub.crashpoint(f"send {key}")
        outcome = world.connection(key).sender(intent.prepared.entity).send(intent.prepared)
        world.hub.crashpoint(f"answer {key}")
        return intent, outcome, _look(world, intent, outcome)

    def along(lane: Mapping[str, list[Intent]]) -> list[_Settled]:
        sent: list[_Settled] = []
        for key, intents_ in lane.items():
            refused = next((outcome for _, outcome, _ in sent if outcome.verdict is Verdict.auth), None)
            if refused:
                sent += [(intent, refused, None) for intent in intents_]
            else:
                limit = world.connection(key).client_spec(key.split(".", 1)[1]).limits.concurrency
                sent = _let_in([*sent, *world.each(one, intents_, limit)])
        return sent

    return [settled for lane in world.each(along, list(lanes.values()), len(lanes)) for settled in lane]


def _let_in(sent: list[_Settled]) -> list[_Settled]:
    """Where other writes of the same login are taken, one that is forbidden is about its own record."""
    if not any(outcome.verdict is Verdict.done for _, outcome, _ in sent):
        return sent
    return [
        (intent, replace(outcome, verdict=Verdict.rejected) if _is_forbidden(outcome) else outcome, record)
        for intent, outcome, record in sent
    ]


def _is_forbidden(outcome: Outcome) -> bool:
    return outcome.verdict is Verdict.auth and outcome.status == FORBIDDEN


def _look(world: World, intent: Intent, outcome: Outcome) -> Record | None:
    """What the record holds now, where the answer did not say, or not all of it."""
    if outcome.verdict not in (Verdict.done, Verdict.stale):
        return None
    entity, prepared = world.entity(intent.change.entity).spec, intent.prepared
    if outcome.verdict is Verdict.stale or not is_own(intent):
        return (outcome.record if is_own(intent) else None) or _there(world, intent, outcome)
    hoped = expected(entity, prepared, intent.record)
    if outcome.record is not None and not is_partial(entity, outcome.record, hoped):
        return outcome.record
    there = _there(world, intent, outcome)
    if there is None:
        return completed(outcome.record, hoped) if outcome.record is not None else None
    if prepared.stamp and has_moved(entity, prepared, there.values()) is False and unchanged(entity, prepared, there):
        # It was done, and where it was looked up, that is not known yet; or it was left aside: the next listings tell.
        return carried_out(entity, prepared, there)
    return there


def _there(world: World, intent: Intent, outcome: Outcome) -> Record | None:
    change = intent.change
    reader = world.connection(change.entity).reader(change.entity.split(".", 1)[1])
    try:
        found = reader.one(change.id or outcome.id or "", dict(intent.prepared.known) if is_own(intent) else None)
    except SystemsError:
        return None
    return found.record if isinstance(found, Found) else None


def _settle(world: World, sent: Sequence[_Settled]) -> tuple[list[_Settled], int]:
    """Keep what came of writes; gives that as it is to be taken, and of how many records something else is known now."""
    created = [(intent, record) for intent, outcome, record in sent if intent.change.kind == "create" and _is_done(outcome)]
    doubtful = taken_for_new(world, [(intent, record) for intent, record in created if record is not None])
    answered = {intent.id: [record.id] for intent, record in created if record is not None}
    settled = [_as_doubtful(*one) if one[0].id in doubtful else one for one in sent]
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
        if intent.id in doubtful:
            quarantine_unknown(world, change, outcome.words, answered[intent.id])
        elif (
            state == "rejected"
            or _is_gone_again(world, intent, outcome)
            or _is_stale_again(world, intent, outcome, record, anew)
        ):
            refused.append((change, outcome.words))
        if state == "done":
            told += told_of(change, "created" if change.kind == "create" else "written", outcome.id, outcome.words)
        elif state == "unknown":
            told += told_of(change, "unknown", None, outcome.words)[:1]
    intents.mark(
        world.hub,
        pl.DataFrame(states, schema={"id": pl.String, "state": pl.String, "error": pl.String, "record_id": pl.String}),
    )
    _note_accepted(world, settled)
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
    changes.drop(world.hub, pl.DataFrame([*finished, *stale], schema=_PLACES, orient="row").unique())
    return settled, len(anew)


def _is_done(outcome: Outcome) -> bool:
    return outcome.verdict is Verdict.done


def _as_doubtful(intent: Intent, outcome: Outcome, record: Record | None) -> _Settled:
    words = told_of_taken(record) if record else outcome.words
    return intent, replace(outcome, verdict=Verdict.rejected, words=words), None


def _note_accepted(world: World, settled: Sequence[_Settled]) -> None:
    """Of those that are to be done later, so that nobody ever takes them for not done."""
    queued = [intent for intent, outcome, _ in settled if outcome.status == ACCEPTED]
    if queued:
        prepared = [replace(intent.prepared, accepted=True).to_json() for intent in queued]
        intents.mark(world.hub, pl.DataFrame({"id": [intent.id for intent in queued], "prepared": prepared}))


def _has_moved(intent: Intent, record: Record, anew: Collection[tuple[str, str]]) -> bool:
    return not is_own(intent) or (intent.change.entity, record.id) in anew


def _is_gone_again(world: World, intent: Intent, outcome: Outcome) -> bool:
    """Whether its system has said before that there is no such record. Where no listing proves that, a person must look."""
    return outcome.verdict is Verdict.gone and _was_said_before(world, intent, outcome)


def _is_stale_again(
    world: World, intent: Intent, outcome: Outcome, record: Record | None, anew: Collection[tuple[str, str]]
) -> bool:
    """Whether its system has said before that the record is not what we believe, and it is: something else is meant."""
    is_stale = outcome.verdict is Verdict.stale and record is not None and not _has_moved(intent, record, anew)
    return is_stale and _was_said_before(world, intent, outcome)


def _was_said_before(world: World, intent: Intent, outcome: Outcome) -> bool:
    return intents.was_cancelled(world.hub, intent.change.entity, intent.change.id, outcome.words)


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


def _count(report: Delivered, settled: Sequence[_Settled]) -> None:
    for intent, outcome, _ in settled:
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
