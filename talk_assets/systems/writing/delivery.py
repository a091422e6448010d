"""Sending a prepared write, and what came of it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from talk_assets.specs.client import Client
from talk_assets.specs.patterns import first_group
from talk_assets.specs.system import Entity
from talk_assets.specs.writing import UniqueReference
from talk_assets.systems import strict_json
from talk_assets.systems.calling.client import ApiClient
from talk_assets.systems.calling.http import Call
from talk_assets.systems.encode import alike, missing, raw_at
from talk_assets.systems.errors import AuthFailed, BadAnswer, NotSent, SystemsError
from talk_assets.systems.reading.reader import Found, Gone, Reader, Record
from talk_assets.systems.reading.rows import text_of
from talk_assets.systems.writing.outcome import Outcome, Verdict, classify, from_failure
from talk_assets.systems.writing.prepared import Prepared

FORBIDDEN = 403
_CONFLICT = 409
_NOT_MODIFIED_SINCE = "the record is not what it was when this write was prepared"


class _NotNow(Exception):
    """A look right before it was to be sent said why not to."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.words)
        self.outcome = outcome


class Sender:
    """Sends writes of one entity."""

    def __init__(self, entity: Entity, client_spec: Client, client: ApiClient, reader: Reader) -> None:
        self._entity = entity
        self._spec = client_spec
        self._client = client
        self._reader = reader

    def send(self, prepared: Prepared) -> Outcome:
        """The bytes as they were prepared, once, or again where they provably were not carried out. Never raises for what a
        system or a network does: that is what outcomes are for.
        """
        try:
            outcome = self._sent(prepared)
        except _NotNow as reason:
            return reason.outcome
        try:
            return self._looked_into(prepared, outcome)
        except SystemsError:
            # Looking closer did not work; what the answer itself said stands.
            return outcome

    def _sent(self, prepared: Prepared) -> Outcome:
        try:
            url = self._client.base.to(prepared.path)
            content = prepared.body.encode() if prepared.body is not None else None
            call = Call(prepared.method, url, prepared.headers, content)
            answer = self._client.write(call, lambda call: self._guarded(prepared, call))
        except SystemsError as failure:
            return from_failure(failure)
        selector = self._entity.get.data_selector if self._entity.get else None
        return classify(
            answer,
            prepared.kind,
            self._spec,
            lambda: self._reader.said(answer),
            lambda given: self._reader.record(given, selector),
            prepared.id,
            self._entity.create.id if self._entity.create else None,
        )

    def _guarded(self, prepared: Prepared, call: Call) -> Call:
        """What is sent now, if the record is still what it was: much may happen while a server lets us wait."""
        if not prepared.compare:
            return call
        try:
            there = self._there(prepared)
        except SystemsError as failure:
            raise _NotNow(_unsent(failure)) from None
        if isinstance(there, Outcome):
            raise _NotNow(there)
        if there.etag and self._entity.concurrency and self._entity.concurrency.type == "etag":
            return replace(call, headers={**call.headers, "If-Match": there.etag})
        return call

    def _there(self, prepared: Prepared) -> Record | Outcome:
        """The record right before it is written; or why it must not be written."""
        found = self._reader.one(prepared.id or "", prepared.known)
        if isinstance(found, Gone):
            return Outcome(Verdict.gone, "the record was gone right before it was to be written", found.status)
        if not isinstance(found, Found):
            return Outcome(Verdict.gone, found.meaning, record=found.record)
        if not unchanged(self._entity, prepared, found.record):
            return Outcome(Verdict.stale, _NOT_MODIFIED_SINCE, record=found.record, id=found.record.id)
        return found.record

    def _looked_into(self, prepared: Prepared, outcome: Outcome) -> Outcome:
        """Some refusals say more once the record is read."""
        match outcome.verdict, prepared.kind:
            case Verdict.rejected, "create":
                return self._held(prepared, outcome)
            case Verdict.rejected, "update" if prepared.before and not prepared.compare:
                # A failed `test` has no status of its own: a record that changed meanwhile is why.
                found = self._reader.one(prepared.id or "", prepared.known)
                if isinstance(found, Found) and not unchanged(self._entity, prepared, found.record):
                    return replace(outcome, verdict=Verdict.stale, record=found.record)
            case Verdict.stale, "update" if outcome.status == _CONFLICT:
                # A conflict may also be with another record, which has a value that only one may have.
                found = self._reader.one(prepared.id or "", prepared.known)
                if isinstance(found, Found):
                    verdict = Verdict.rejected if self._is_as_it_was(prepared, found.record) else Verdict.stale
                    return replace(outcome, verdict=verdict, record=found.record)
            case Verdict.auth, _ if outcome.status == FORBIDDEN and self._is_let_in(prepared):
                # It is this write that is not allowed.
                return replace(outcome, verdict=Verdict.rejected)
            case Verdict.gone, "update" if outcome.status is not None:
                # A 404 may also mean that a value names something that does not exist.
                found = self._reader.one(prepared.id or "", prepared.known)
                if isinstance(found, Found):
                    return replace(outcome, verdict=Verdict.rejected, record=found.record)
            case _:
                pass
        return outcome

    def _is_let_in(self, prepared: Prepared) -> bool:
        """Whether the same login may read here; not being let in is raised."""
        if prepared.id and self._entity.get:
            with suppress(AuthFailed):
                self._reader.one(prepared.id, prepared.known)
                return True
        next(iter(self._reader.sweep(max_pages=1)), None)
        return True

    def _is_as_it_was(self, prepared: Prepared, record: Record) -> bool:
        if prepared.version is not None:
            return not has_moved(self._entity, prepared, record.values())
        return unchanged(self._entity, prepared, record)

    def _held(self, prepared: Prepared, outcome: Outcome) -> Outcome:
        """A create refused because its reference is in use: by us, if an earlier answer was lost."""
        spec = self._entity.idempotency
        if not isinstance(spec, UniqueReference) or not prepared.reference:
            return outcome
        holder = first_group(spec.holder, outcome.words) if spec.holder else None
        if not holder:
            return outcome
        found = self._reader.one(holder, prepared.known)
        if not isinstance(found, Found):
            return replace(outcome, conflict=True)
        if text_of(raw_at(found.record.values(), spec.property)) != prepared.reference:
            return replace(outcome, conflict=True, record=found.record)
        return Outcome(Verdict.done, outcome.words, outcome.status, found.record.id, found.record, adopted=True)


def unchanged(entity: Entity, prepared: Prepared, record: Record) -> bool:
    """Whether a record still is what a write was prepared for: whole where the whole is replaced, else what is replaced, and
    empty where nobody had seen it.
    """
    values = record.values()
    if prepared.before_text is not None:
        return values == strict_json.loads(prepared.before_text)
    shown = {path: now for path in prepared.unseen if not missing(now := raw_at(values, path))}
    if not all(alike(entity.properties[path], now, None) for path, now in shown.items()):
        return False
    return all(not missing(now := raw_at(values, path)) and now == old for path, old in prepared.before.items())


def has_moved(entity: Entity, prepared: Prepared, values: Mapping[str, Any]) -> bool | None:
    """Whether a record was edited since a write was prepared, by its version or else its stamp."""
    concurrency = entity.concurrency
    if prepared.version is not None and concurrency and concurrency.property:
        return _told(values, concurrency.property) != prepared.version
    if prepared.stamp is not None and entity.modified:
        return _told(values, entity.modified) != prepared.stamp
    return None


def _told(values: Mapping[str, Any], path: str) -> str | None:
    return None if missing(found := raw_at(values, path)) else text_of(found)


def _unsent(failure: SystemsError) -> Outcome:
    """Reading failed before the write: whatever happened to the read, the write did not leave."""
    outcome = from_failure(failure)
    if outcome.verdict is Verdict.unknown or isinstance(failure, BadAnswer):
        return from_failure(NotSent(f"not sent, since its record could not be read first: {failure}"))
    return outcome
