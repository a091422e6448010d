"""What a spec says about writing, tried: with answers dropped on purpose, and somebody else editing in between."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from talk_assets.specs.system import Entity
from talk_assets.specs.writing import AtMostOnce, ListRecent, NaturalKey
from talk_assets.systems.conform.dropping import Dropping, Loss
from talk_assets.systems.conform.finding import Broken, Untried
from talk_assets.systems.conform.reads import Check
from talk_assets.systems.conform.samples import Samples, differences, everything
from talk_assets.systems.connection import Connection
from talk_assets.systems.encode import alike, missing, raw_at
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.reading.reader import Found, Gone, Record
from talk_assets.systems.writing.outcome import Outcome, Verdict
from talk_assets.systems.writing.prepared import Prepared
from talk_assets.systems.writing.resolve import Attempts, Fate, Resolution

_LOOKS = 6
_NOTHING = "say by `empty_as` what its API has for nothing"


class WriteChecks:
    """Checks of one entity that leave records behind where it cannot remove them."""

    def __init__(self, connection: Connection, name: str, samples: Samples, transports: list[Dropping]) -> None:
        self._connection = connection
        self._name = name
        self._entity: Entity = connection.spec.entities[name]
        self._samples = samples
        self._transports = transports
        self._reader = connection.reader(name)
        self._writer = connection.writer(name)
        self._made: list[str] = []
        self._beside: dict[str, Mapping[str, Any]] = {}
        self._probe = samples.probe()

    def all(self) -> Iterator[Check]:
        if self._entity.create:
            yield "create", self._create
            kind = self._entity.idempotency.type if self._entity.idempotency else "at_most_once"
            yield f"idempotency: {kind}, answer lost", lambda: self._lost("after")
            yield f"idempotency: {kind}, request lost", lambda: self._lost("before")
        if self._entity.update:
            yield f"update: {self._entity.update.style}", self._update
            yield "update: emptied", self._emptied
            kind = self._entity.concurrency.type if self._entity.concurrency else "compare"
            yield f"concurrency: {kind}", self._concurrency
        if self._entity.joins:
            yield "joins", self._joins
        if self._entity.archive:
            yield "archive", self._archive

    def left_behind(self) -> list[str]:
        """Ids of records that were made here and are still there, after trying to take them out of use."""
        left = []
        for id_ in self._made:
            try:
                record = self._read(id_)
                if self._entity.archive is None:
                    left.append(id_)
                    continue
                for prepared in self._writer.archive(record):
                    self._connection.sender(prepared.entity).send(prepared)
            except (SystemsError, Broken):
                left.append(id_)
        return left

    def _create(self) -> str:
        mark = self._samples.mark()
        prepared = self._prepared(mark)
        outcome = self._send(prepared)
        if outcome.verdict is not Verdict.done:
            raise Broken(f"{outcome.verdict} (HTTP {outcome.status}): {outcome.words}")
        if outcome.id is None:
            raise Broken("the answer does not name the record")
        id_ = outcome.id
        self._remember([id_], prepared)
        values = self._read(id_).values()
        if self._probe and not self._shows(values, prepared.sent[self._probe]):
            raise Broken(
                f"{self._probe} was written as {prepared.sent[self._probe]!r} and reads back as {raw_at(values, self._probe)!r}"
            )
        declared = self._entity.create.answers if self._entity.create else None
        if outcome.status != declared:
            raise Broken(f"answers {outcome.status}, declared is {declared}")
        return f"made {id_}"

    def _lost(self, loss: Loss) -> str:
        prepared = self._prepared(self._samples.mark())
        before = self._there()
        first = self._connection.clock.now()
        self._lose(loss)
        outcome = self._send(prepared)
        if outcome.verdict is not Verdict.unknown:
            raise Untried(f"nothing was lost: {outcome.verdict}")
        resolution = self._resolved(prepared, first, before)
        if isinstance(self._entity.idempotency, AtMostOnce | None):
            self._remember(self._like(prepared), prepared)
            if resolution.fate is not Fate.ambiguous:
                raise Broken(f"nothing is declared to find out with, and yet it is {resolution.fate}")
            return "a person is asked, as declared"
        if resolution.fate is Fate.absent and loss == "before":
            outcome = self._send(prepared)
            if outcome.verdict is not Verdict.done:
                raise Broken(f"sent again after it was proven absent: {outcome.verdict}, {outcome.words}")
        elif resolution.fate is not Fate.happened:
            self._remember(self._like(prepared), prepared)
            raise Broken(f"{resolution.fate}: {resolution.reason}")
        made = self._like(prepared)
        self._remember(made, prepared)
        if len(made) != 1:
            raise Broken(f"{len(made)} records came of one create")
        return f"one record, {resolution.reason}"

    def _update(self) -> str:
        before = self._subject()
        changing, value = self._change(before)
        outcome = self._send(changing)
        if outcome.verdict is not Verdict.done:
            raise Broken(f"{outcome.verdict} (HTTP {outcome.status}): {outcome.words}")
        after = self._read(before.id).values()
        if not self._shows(after, value):
            raise Broken(f"{self._path} still reads {raw_at(after, self._path)!r}")
        touched = differences(self._entity, before.values(), after, {self._path})
        # A server may work a property out from the one that was changed: a full name from its parts.
        worked_out = [path for path in touched if str(value) in str(raw_at(after, path))]
        if lost := sorted(set(touched) - set(worked_out)):
            raise Broken(
                f"changing {self._path} also changed {', '.join(lost)}; declare what its system works out `access: read_only`"
            )
        also = f" and with it {', '.join(worked_out)}" if worked_out else ""
        return f"{self._path} changed{also}, everything else stayed"

    def _emptied(self) -> str:
        path = self._samples.optional()
        if path is None:
            raise Untried("no property takes any text or number, and may be empty")
        for value in (self._samples.fresh(path, self._samples.mark()), None):
            record = self._subject()
            for prepared in self._writer.update(record, {path: value}, self._beside.get(record.id)):
                outcome = self._send(prepared)
                if outcome.verdict is not Verdict.done:
                    said = f"{path} as {prepared.sent[path]!r} is {outcome.verdict} (HTTP {outcome.status}): {outcome.words}"
                    raise Broken(said if value else f"{said}; {_NOTHING}")
        now = raw_at(self._read(record.id).values(), path)
        if not (missing(now) or alike(self._entity.properties[path], now, None)):
            raise Broken(f"{path} was emptied and reads {now!r}; {_NOTHING}")
        return f"{path} is empty"

    def _concurrency(self) -> str:
        before = self._subject()
        ours, _ = self._change(before)
        between, theirs = self._change(before)
        if self._send(between).verdict is not Verdict.done:
            raise Untried("the edit in between did not succeed")
        declared = self._entity.concurrency is not None and self._entity.concurrency.type != "compare"
        # Where the server is said to notice, it must do so without our looking first.
        outcome = self._send(replace(ours, compare=False) if declared else ours)
        if not self._shows(self._read(before.id).values(), theirs):
            raise Broken(f"an edit was overwritten that the write had not seen ({outcome.verdict})")
        if outcome.verdict is not Verdict.stale:
            raise Broken(f"a stale write is {outcome.verdict} (HTTP {outcome.status}): {outcome.words}")
        return "noticed by the server" if declared else "noticed by reading right before writing"

    def _joins(self) -> str:
        """What the record only shows is written where it belongs, and shows here."""
        record = self._subject()
        joins = self._entity.joins
        path = joins.owns[0] if joins and joins.owns else None
        if path is None:
            raise Untried("it owns no property elsewhere")
        before = raw_at(record.values(), path)
        for value in (self._samples.mark(), before):
            for prepared in self._writer.update(self._read(record.id), {path: value}):
                outcome = self._send(prepared)
                if outcome.verdict is not Verdict.done:
                    raise Broken(f"{outcome.verdict} (HTTP {outcome.status}): {outcome.words}")
            if raw_at(self._read(record.id).values(), path) != value:
                raise Broken(f"{path} was written to {prepared.entity} and does not show here")
        return f"{path} is written to {prepared.entity}"

    def _archive(self) -> str:
        record = self._subject()
        archive = self._entity.archive
        for prepared in self._writer.archive(record):
            outcome = self._connection.sender(prepared.entity).send(prepared)
            if outcome.verdict is not Verdict.done:
                raise Broken(f"{outcome.verdict} (HTTP {outcome.status}): {outcome.words}")
        self._made.remove(record.id)
        found = self._reader.one(record.id, record.values())
        if archive and archive.delete:
            if not isinstance(found, Gone):
                raise Broken(f"{record.id} was deleted and is still there")
            return f"{record.id} is gone"
        if not isinstance(found, Found):
            raise Broken(f"{record.id} was archived and is gone")
        values = found.record.values()
        wanted = archive.set if archive and archive.set else {}
        ignored = [path for path, value in wanted.items() if raw_at(values, path) != value]
        if ignored:
            raise Broken(f"{', '.join(ignored)} did not change")
        return f"{record.id} is out of use"

    @property
    def _path(self) -> str:
        if self._probe is None:
            raise Untried("no property takes any text or number")
        return self._probe

    def _prepared(self, mark: str) -> Prepared:
        return self._writer.create(self._samples.values(mark), mark.removeprefix("conform ").upper())

    def _change(self, record: Record) -> tuple[Prepared, Any]:
        value = self._samples.fresh(self._path, self._samples.mark())
        [prepared] = self._writer.update(record, {self._path: value}, self._beside.get(record.id))
        return prepared, prepared.sent[self._path]

    def _shows(self, values: Mapping[str, Any], value: Any) -> bool:
        return alike(self._entity.properties[self._path], value, raw_at(values, self._path))

    def _send(self, prepared: Prepared) -> Outcome:
        return self._connection.sender(prepared.entity).send(prepared)

    def _lose(self, loss: Loss) -> None:
        for transport in self._transports:
            transport.next_loss = loss

    def _there(self) -> set[str]:
        """What is there before a create, where only a look through all records finds it again."""
        if not isinstance(self._entity.idempotency, ListRecent | NaturalKey):
            return set(self._made)
        return {id_ for page in self._reader.sweep() for id_ in page.ids}

    def _resolved(self, prepared: Prepared, first: datetime, before: Collection[str]) -> Resolution:
        """What the ladder says in the end, with the waiting that it asks for."""
        for transport in self._transports:
            transport.next_loss = None
        clock = self._connection.clock
        attempts = Attempts(first, clock.now())

        def look() -> Resolution:
            return self._connection.resolver(self._name).resolve(prepared, attempts, lambda found: found.keys() & {*before})

        resolution = look()
        for _ in range(_LOOKS):
            if resolution.fate is not Fate.not_yet or resolution.again_at is None:
                break
            clock.sleep((resolution.again_at - clock.now()).total_seconds() + 1)
            attempts = replace(attempts, missed_at=resolution.missed_at)
            resolution = look()
        return resolution

    def _like(self, prepared: Prepared) -> list[str]:
        """Ids of records that hold the mark of one create."""
        path = self._probe or getattr(self._entity.idempotency, "property", None)
        if path is None:
            raise Untried("no property tells the record apart")
        wanted = prepared.sent[path]
        prop = self._entity.properties[path]
        return [one.id for one in everything(self._reader) if alike(prop, wanted, raw_at(one.values(), path))]

    def _subject(self) -> Record:
        if not self._made:
            raise Untried("no record could be made to try it on")
        return self._read(self._made[0])

    def _read(self, id_: str) -> Record:
        known = next((one.values() for one in everything(self._reader) if one.id == id_), {})
        found = self._reader.one(id_, {**self._beside.get(id_, {}), **known})
        if not isinstance(found, Found):
            raise Broken(f"{id_} was made and cannot be read: {found}")
        return found.record

    def _remember(self, ids: list[str], prepared: Prepared) -> None:
        self._made += ids
        self._beside |= dict.fromkeys(ids, prepared.known)
