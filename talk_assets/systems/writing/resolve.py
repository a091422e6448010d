"""A write whose answer was lost: did it happen? Asked by what its API can do; nothing is guessed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from talk_assets.specs.system import Entity
from talk_assets.specs.writing import IdempotencyKey, ListRecent, NaturalKey, SearchableReference, UniqueReference
from talk_assets.systems import stamps
from talk_assets.systems.calling.address import placeholders
from talk_assets.systems.clock import Clock
from talk_assets.systems.encode import alike, missing, raw_at
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.reading.listing import Listing
from talk_assets.systems.reading.reader import Found, Gone, Reader, Record, look_up
from talk_assets.systems.reading.rows import text_of
from talk_assets.systems.writing.delivery import Sender, has_moved, unchanged
from talk_assets.systems.writing.outcome import Outcome, Verdict
from talk_assets.systems.writing.prepared import Prepared

Linked = Callable[[Mapping[str, str | None]], Collection[str]]
"""Of records, by their ids, with their texts where they can be read: the ids of those that were there before, or are another's
already, and so not what a write made.
"""
SKEW = timedelta(minutes=5)
LONG_BEFORE = timedelta(days=1)


class Fate(StrEnum):
    happened = "happened"
    absent = "absent"
    """Proven not to have happened: the same bytes may be sent again."""
    ambiguous = "ambiguous"
    """A person has to look."""
    not_yet = "not_yet"
    """Ask again later."""


@dataclass(frozen=True)
class Attempts:
    """What is known of the attempts so far."""

    first: datetime
    last: datetime
    missed_at: datetime | None = None
    """When an earlier look found nothing."""


@dataclass(frozen=True)
class Resolution:
    fate: Fate
    reason: str
    record: Record | None = None
    candidates: tuple[str, ...] = ()
    again_at: datetime | None = None
    missed_at: datetime | None = None
    outcome: Outcome | None = None
    """Of bytes that were sent again, where sending again is how to ask."""
    doubtful: tuple[str, ...] = ()
    """Properties of an update that are as they were before it, while others hold what was sent."""
    amid_strangers: bool = False
    """Ambiguous only since records turned up of which nobody knows yet who made them."""


@dataclass(frozen=True)
class _Whole:
    """A whole list, as it was read once."""

    begun: datetime
    listing: Listing
    records: list[Record]


class Resolver:
    """One look at what became of writes to one entity. Where its whole list is needed, it is read once for all of them."""

    def __init__(self, entity: Entity, reader: Reader, sender: Sender, clock: Clock, visibility_seconds: float) -> None:
        self._entity = entity
        self._reader = reader
        self._sender = sender
        self._clock = clock
        self._horizon = timedelta(seconds=visibility_seconds)
        self._whole: _Whole | None = None

    def resolve(self, prepared: Prepared, attempts: Attempts, linked: Linked) -> Resolution:
        try:
            found = self._found(prepared, attempts, linked)
        except SystemsError as failure:
            return self._later(f"it cannot be looked up now: {failure}", attempts)
        return self._overdue(attempts) if prepared.accepted and found.fate is Fate.absent else found

    def _found(self, prepared: Prepared, attempts: Attempts, linked: Linked) -> Resolution:
        match prepared.kind:
            case "create":
                return self._create(prepared, attempts, linked)
            case "update":
                return self._update(prepared)
            case "delete":
                return self._delete(prepared)

    def _overdue(self, attempts: Attempts) -> Resolution:
        """Accepted, to be done later: it may still be, however long nothing of it is seen."""
        missed = self._missed(attempts, self._clock.now(), lists=False)
        if missed.fate is Fate.not_yet:
            return missed
        return Resolution(Fate.ambiguous, "its system accepted it, to be done later, and nothing of it is to be seen yet")

    def _create(  # noqa: PLR0911 - one line per class of API
        self, prepared: Prepared, attempts: Attempts, linked: Linked
    ) -> Resolution:
        match self._entity.idempotency:
            case IdempotencyKey(window_seconds=window):
                # Servers forget keys earlier than they say.
                if self._clock.now() - attempts.first < timedelta(seconds=window) / 2:
                    return self._again(prepared, attempts)
                return self._recent(prepared, attempts, None, linked)
            case UniqueReference() as spec:
                asked = look_up(spec, _wanted(prepared, spec.property))
                found = self._holders(prepared, spec.property, asked, linked) if asked else None
                if found is not None and found.fate is not Fate.absent:
                    return found
                return self._again(prepared, attempts, looked_up=found is not None)
            case SearchableReference() as spec:
                return self._searched(prepared, attempts, spec, linked)
            case NaturalKey() as spec if prepared.sent.get(spec.property) is None:
                # Without its key it is known only by all that it holds.
                return self._recent(prepared, attempts, None, linked)
            case NaturalKey() as spec:
                found = self._searched(prepared, attempts, spec, linked)
                return self._or_edited(found, prepared, spec.property, attempts, linked) if found.fate is Fate.absent else found
            case ListRecent() as spec:
                return self._recent(prepared, attempts, spec.created, linked)
            case _:
                return Resolution(Fate.ambiguous, "this API offers no way to find out")

    def _again(self, prepared: Prepared, attempts: Attempts, *, looked_up: bool = False) -> Resolution:
        """The server tells a repeat from a first attempt, so sending the same bytes is how to ask."""
        outcome = self._sender.send(prepared)
        match outcome.verdict:
            case Verdict.done:
                return Resolution(Fate.happened, "the server knows it", outcome.record, outcome=outcome)
            case Verdict.rejected if outcome.conflict:
                return Resolution(Fate.ambiguous, f"its reference belongs to another record: {outcome.words}", outcome=outcome)
            case Verdict.rejected if looked_up:
                return Resolution(
                    Fate.absent, f"nothing has its reference, and it is refused: {outcome.words}", outcome=outcome
                )
            case Verdict.rejected:
                return Resolution(Fate.ambiguous, f"sent again, it was refused: {outcome.words}", outcome=outcome)
            case _:
                return self._later(f"sent again: {outcome.verdict}, {outcome.words}", attempts, outcome)

    def _searched(
        self, prepared: Prepared, attempts: Attempts, spec: SearchableReference | NaturalKey, linked: Linked
    ) -> Resolution:
        asked = look_up(spec, _wanted(prepared, spec.property))
        now = self._clock.now() if asked else self._list_begun()
        if waiting := self._too_early(attempts, now):
            return waiting
        found = self._holders(prepared, spec.property, asked, linked)
        return self._missed(attempts, now, lists=asked is None) if found.fate is Fate.absent else found

    def _holders(self, prepared: Prepared, path: str, asked: Mapping[str, str] | None, linked: Linked) -> Resolution:
        wanted = _wanted(prepared, path)
        if asked:
            listing = self._reader.matching(asked)
            records = _records(listing)
        else:
            listing, records = self._list()
        hits = _latest(record for record in records if text_of(_or_none(raw_at(record.values(), path))) == wanted)
        return _judged(hits, listing, linked, f"{path} {wanted!r}")

    def _list_begun(self) -> datetime:
        return self._whole.begun if self._whole else self._clock.now()

    def _list(self) -> tuple[Listing, list[Record]]:
        """All of it, since a clock that is wrong must not hide a record."""
        if self._whole is None:
            begun, listing = self._clock.now(), self._reader.sweep()
            self._whole = _Whole(begun, listing, list(_records(listing)))
        return self._whole.listing, self._whole.records

    def _recent(self, prepared: Prepared, attempts: Attempts, created: str | None, linked: Linked) -> Resolution:
        now = self._list_begun()
        if waiting := self._too_early(attempts, now):
            return waiting
        in_path = set(placeholders(self._entity.create.path)) if self._entity.create else set()
        listing, records = self._list()
        strangers = _strangers(_latest(records), linked)
        alike = [record for record in strangers if self._holds(record.values(), prepared.sent, ignore=in_path)]
        born = {hit.id: self._born(hit, created) for hit in strangers}
        sent = attempts.first + self._reader.skew
        ours = [hit for hit in alike if (at := born[hit.id]) is None or at >= sent - SKEW]
        if not ours and (unclear := [hit.id for hit in alike if (at := born[hit.id]) and at >= sent - LONG_BEFORE]):
            return Resolution(
                Fate.ambiguous, "made shortly before it was sent, or by a clock that is wrong", candidates=tuple(unclear)
            )
        found = _judged(ours, listing, linked, "everything that was sent")
        if found.fate is not Fate.absent:
            return found
        missed = self._missed(attempts, now, lists=True)
        edited = tuple(hit.id for hit in strangers if (at := born[hit.id]) is None or at >= sent - SKEW)
        return _perhaps_edited(edited) if missed.fate is Fate.absent and edited else missed

    def _or_edited(self, absent: Resolution, prepared: Prepared, key: str, attempts: Attempts, linked: Linked) -> Resolution:
        """Somebody may have given it another key by now. Where nothing says when records were made, only those are looked at
        that hold all the rest.
        """
        if waiting := self._too_early(attempts, self._list_begun()):
            return waiting
        _, records = self._list()
        strangers = _strangers(_latest(records), linked)
        since = attempts.first + self._reader.skew - SKEW
        edited = tuple(
            record.id
            for record in strangers
            if (
                at >= since
                if (at := self._born(record, self._entity.created))
                else self._holds(record.values(), prepared.sent, ignore={key})
            )
        )
        return _perhaps_edited(edited) if edited else absent

    def _born(self, record: Record, created: str | None) -> datetime | None:
        stamp = text_of(_or_none(raw_at(record.values(), created))) if created else None
        moment = stamps.instant(stamp, self._reader.zone) if stamp else None
        return moment.at() if moment else None

    def _holds(self, values: Mapping[str, Any], sent: Mapping[str, Any], ignore: set[str]) -> bool:
        for path, value in sent.items():
            now = raw_at(values, path)
            now = None if missing(now) and self._entity.omits_empty else now
            prop = self._entity.properties.get(path)
            if path in ignore or (prop and prop.access == "write_only"):
                continue
            # What the spec has called otherwise since is not to be seen.
            if prop is None or missing(now) or not alike(prop, value, now, self._reader.zone):
                return False
        return True

    def _update(self, prepared: Prepared) -> Resolution:
        found = self._reader.one(prepared.id or "", prepared.known)
        if isinstance(found, Gone):
            return Resolution(Fate.ambiguous, f"the record is gone (HTTP {found.status})")
        if not isinstance(found, Found):
            return Resolution(Fate.ambiguous, found.meaning, found.record)
        record = found.record
        values = record.values()
        held = {path for path, sent in prepared.sent.items() if self._holds(values, {path: sent}, ignore=set())}
        took_some = self._took_some(prepared, values, held)
        if held == prepared.sent.keys() and (took_some or not held <= prepared.before.keys()):
            return Resolution(Fate.happened, "the record holds what was sent", record)
        if took_some:
            # Before its stamp is asked, which not every edit moves.
            as_before = tuple(path for path in prepared.sent if path not in held and _is_as_before(prepared, path, values))
            reason = "the record holds some of what was sent, and was edited since"
            return Resolution(Fate.happened, reason, record, doubtful=as_before)
        moved = has_moved(self._entity, prepared, values)
        if moved is False or (moved is None and unchanged(self._entity, prepared, record)):
            return Resolution(Fate.absent, "the record is as it was", record)
        return Resolution(Fate.ambiguous, "the record was edited since, so it may have happened and been taken back", record)

    def _took_some(self, prepared: Prepared, values: Mapping[str, Any], held: Collection[str]) -> bool:
        """Whether a property has changed to what was sent: a write is carried out whole or not at all."""
        return any(path in held and raw_at(values, path) != old for path, old in prepared.before.items())

    def _delete(self, prepared: Prepared) -> Resolution:
        found = self._reader.one(prepared.id or "", prepared.known)
        if isinstance(found, Gone):
            return Resolution(Fate.happened, "the record is gone")
        return Resolution(Fate.absent, "the record is still there", found.record)

    def _too_early(self, attempts: Attempts, now: datetime) -> Resolution | None:
        visible = attempts.last + self._horizon
        if now >= visible:
            return None
        return Resolution(
            Fate.not_yet, "what was just written may not be found yet", again_at=visible, missed_at=attempts.missed_at
        )

    def _missed(self, attempts: Attempts, now: datetime, *, lists: bool) -> Resolution:
        """Found nothing: believed when it happens twice, apart; and never of a list that does not name every record."""
        if lists and not self._entity.list.complete:
            return Resolution(Fate.ambiguous, "not in the list, which does not name every record")
        if attempts.missed_at is not None and now - attempts.missed_at >= self._horizon:
            return Resolution(Fate.absent, "two complete looks found nothing", missed_at=attempts.missed_at)
        missed = attempts.missed_at or now
        return Resolution(Fate.not_yet, "not found, once", again_at=missed + self._horizon, missed_at=missed)

    def _later(self, reason: str, attempts: Attempts, outcome: Outcome | None = None) -> Resolution:
        again = self._clock.now() + max(self._horizon, timedelta(seconds=(outcome.retry_after if outcome else None) or 0))
        return Resolution(Fate.not_yet, reason, again_at=again, missed_at=attempts.missed_at, outcome=outcome)


def _wanted(prepared: Prepared, path: str) -> str:
    return text_of(prepared.sent.get(path)) or ""


def _records(listing: Listing) -> Iterator[Record]:
    for page in listing:
        yield from map(Record, page.ids, page.texts, page.stamps)


def _latest(records: Iterable[Record]) -> list[Record]:
    """Pages that shift while they are read show a record more than once."""
    return list({record.id: record for record in records}.values())


def _perhaps_edited(ids: tuple[str, ...]) -> Resolution:
    told = "records turned up since, and one of them may be it, edited by somebody"
    return Resolution(Fate.ambiguous, told, candidates=ids, amid_strangers=True)


def _strangers(records: list[Record], linked: Linked) -> list[Record]:
    known = linked({record.id: record.text for record in records})
    return [record for record in records if record.id not in known]


def _judged(hits: list[Record], listing: Listing, linked: Linked, what: str) -> Resolution:
    ids = tuple(hit.id for hit in hits)
    if len(hits) == 1 and _strangers(hits, linked):
        return Resolution(Fate.happened, f"one record has {what}", hits[0], ids)
    if hits:
        return Resolution(Fate.ambiguous, f"{len(hits)} records have {what}, or one that is linked elsewhere", candidates=ids)
    if not listing.whole:
        return Resolution(Fate.not_yet, f"the list could not be read to its end: {'; '.join(listing.problems)}")
    known = linked({bad.id: None for bad in listing.unreadable if bad.id is not None})
    if strange := [bad.id for bad in listing.unreadable if bad.id not in known]:
        nameless = ", of which some have no id" if None in strange else ""
        named = tuple(id_ for id_ in strange if id_ is not None)
        return Resolution(Fate.ambiguous, f"it may be one of those that cannot be read{nameless}", candidates=named)
    return Resolution(Fate.absent, f"no record has {what}")


def _is_as_before(prepared: Prepared, path: str, values: Mapping[str, Any]) -> bool:
    was, now = prepared.before.get(path), raw_at(values, path)
    return now == was or (was is None and missing(now))


def _or_none(raw: Any) -> Any:
    return None if missing(raw) else raw
