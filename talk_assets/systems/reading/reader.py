"""Reading records of one entity: all of them, what changed, what a look-up finds, or one by its id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from talk_assets.specs.client import Client
from talk_assets.specs.patterns import occurs
from talk_assets.specs.reading import Item
from talk_assets.specs.system import Entity, SystemSpec
from talk_assets.specs.writing import NaturalKey, SearchableReference, UniqueReference
from talk_assets.systems import stamps, strict_json
from talk_assets.systems.calling.address import fill, placeholders
from talk_assets.systems.calling.client import ApiClient
from talk_assets.systems.calling.http import Answer, Call
from talk_assets.systems.calling.retry import http_date
from talk_assets.systems.calling.words import at, member, says_no, words
from talk_assets.systems.errors import BadAnswer, BadRecord, TooLarge
from talk_assets.systems.reading.listing import MAX_PAGES, Listing
from talk_assets.systems.reading.paging import Seen, Turn, pager
from talk_assets.systems.reading.rows import Layout, Rows, digest, matches, read_rows, record_id, take_apart, text_of
from talk_assets.systems.reading.turns import Fetched

_OK = 200
_NOTHING = 204
_GONE = frozenset({404, 410})
_ENDS_TEXT = frozenset("'\"`\\")


@dataclass(frozen=True)
class Record:
    """One record as the server wrote it."""

    id: str
    text: str = field(repr=False)
    stamp: str | None = None
    etag: str | None = None

    @property
    def digest(self) -> int:
        return digest(self.text)

    def values(self) -> dict[str, Any]:
        """Decoded, with exact numbers."""
        return strict_json.loads(self.text)


@dataclass(frozen=True)
class Found:
    record: Record
    belongs: bool = True
    """False where a shared endpoint now counts it to another entity."""


@dataclass(frozen=True)
class Gone:
    status: int


@dataclass(frozen=True)
class Moved:
    """It left its list and lives on elsewhere under the same id."""

    record: Record
    meaning: str


def look_up(spec: UniqueReference | SearchableReference | NaturalKey, value: str) -> dict[str, str] | None:
    """What to ask for records that hold `value`; None where a quote in it would end the text of a filter."""
    if not spec.param or (spec.template != "{value}" and set(value) & _ENDS_TEXT):
        return None
    return {spec.param: spec.template.replace("{value}", value)}


class Reader:
    def __init__(self, system: SystemSpec, entity: Entity, client_spec: Client, client: ApiClient) -> None:
        self.entity = entity
        self.spec = client_spec
        self.zone = system.time_zone
        self._client = client
        self._layout = Layout.of(entity, client_spec)

    def sweep(self, *, ahead: int = 0, strict: bool = True, max_pages: int = MAX_PAGES) -> Listing:
        """Everything: finds what is gone, and edits that move no stamp."""
        return self._listing({}, names_all=self.entity.list.complete, ahead=ahead, strict=strict, max_pages=max_pages)

    def changes(self, cursor: str, *, ahead: int = 0, strict: bool = True, max_pages: int = MAX_PAGES) -> Listing:
        """What was edited since `cursor`, with some overlap; everything where the API cannot tell."""
        asked = self.entity.list.cursor
        since = stamps.since(cursor, asked, self.zone) if asked else None
        if asked is None or since is None:
            return self.sweep(ahead=ahead, strict=strict, max_pages=max_pages)
        return self._listing(
            {asked.param: asked.template.replace("{since}", since)},
            names_all=False,
            start=cursor,
            ahead=ahead,
            strict=strict,
            max_pages=max_pages,
        )

    def matching(self, params: Mapping[str, str]) -> Listing:
        """A look-up. Servers may ignore parameters they do not know, so look at what comes."""
        return self._listing(params, names_all=False)

    def one(self, id_: str, known: Mapping[str, Any] | None = None) -> Found | Gone | Moved:
        """One record by its id; `known` is what the record held when last seen, for addresses that need more than the id."""
        item = self.entity.get
        if item is None:
            raise BadAnswer(f"{self.entity.title} has no address for single records")
        values = self.address_values(id_, known)
        call = Call("GET", self._client.base.to(fill(item.path, values)))
        answer = self._client.read(call)
        if self._says_gone(answer, item):
            return self._moved(item, id_, values) or Gone(answer.status)
        if answer.status != _OK:
            raise self._refused(answer)
        record = self.record(answer, item.data_selector, id_)
        return Found(record, matches(record.values(), self.entity.where))

    @property
    def skew(self) -> timedelta:
        """How far the server's clock is ahead of ours."""
        return self._client.skew

    def _says_gone(self, answer: Answer, item: Item) -> bool:
        if answer.status in _GONE:
            return True
        refused = item.gone and self.spec.success and answer.status == _OK and says_no(answer, self.spec.success)
        return bool(refused) and occurs(item.gone or "", self.said(answer))

    def _moved(self, item: Item, id_: str, values: Mapping[str, str | None]) -> Moved | None:
        if item.moved_to is None:
            return None
        answer = self._client.read(Call("GET", self._client.base.to(fill(item.moved_to.path, values))))
        if answer.status in _GONE:
            return None
        if answer.status != _OK:
            raise self._refused(answer)
        return Moved(self.record(answer, item.data_selector, id_), item.moved_to.meaning)

    def address_values(self, id_: str, known: Mapping[str, Any] | None) -> dict[str, str | None]:
        """What placeholders of addresses stand for."""
        item = self.entity.get
        wanted = placeholders(item.path) if item else []
        values = {path: text_of(at(known, path)) for path in wanted} if known else {}
        return values | {self.entity.key: id_}

    def record(self, answer: Answer, selector: str | None, expected: str | None = None) -> Record:
        """The one record an answer holds; with another id than asked for it is an error."""
        body = self._body(answer)
        path = ".".join(filter(None, (self.spec.envelope, selector)))
        try:
            values = at(body, path) if path else body
            # Some answer with the list of one.
            is_listed = isinstance(values, list) and len(values) == 1
            values = values[0] if is_listed else values
            id_ = record_id(values, self.entity.key)
        except BadRecord as failure:
            raise self._bad(answer, f"no record: {failure}") from None
        if expected is not None and id_ != expected:
            raise self._bad(answer, f"asked for {expected!r}, got {id_!r}")
        text = strict_json.dumps(values).decode() if path or is_listed else answer.body.decode().strip()
        stamp = text_of(at(values, self._layout.stamp)) if self._layout.stamp else None
        return Record(id_, text, stamp, answer.headers.get("etag") or self._etag(values))

    def _etag(self, values: Any) -> str | None:
        guard = self.entity.concurrency
        return text_of(member(values, guard.property)) if guard and guard.type == "etag" and guard.property else None

    def _body(self, answer: Answer) -> Any:
        strict_json.require_json(answer.body, answer.content_type, answer.told)
        try:
            body = strict_json.loads(answer.body)
        except (BadRecord, TooLarge) as failure:
            raise self._bad(answer, str(failure)) from None
        if self.spec.success and member(body, self.spec.success) is not True:
            raise self._bad(answer, self.said(answer) or "no success")
        return body

    def _listing(
        self,
        params: Mapping[str, str],
        *,
        names_all: bool,
        start: str | None = None,
        ahead: int = 0,
        strict: bool = True,
        max_pages: int = MAX_PAGES,
    ) -> Listing:
        fixed = {**self.entity.list.params, **params}

        def fetch(turn: Turn) -> Fetched:
            return self._fetch(turn, fixed.items(), strict=strict)

        turns = pager(self.entity.paginator or self.spec.paginator)
        return Listing(fetch, turns, names_all=names_all, zone=self.zone, start=start, ahead=ahead, max_pages=max_pages)

    def _fetch(self, turn: Turn, fixed: Iterable[tuple[str, str]], *, strict: bool) -> Fetched:
        base = self._client.base
        first = base.to(fill(self.entity.list.path, {}), (*fixed, *turn.params))
        url = base.follow(turn.link, first) if turn.link else first
        answer = self._client.read(Call("GET", url))
        served = http_date(answer.headers.get("date", "")) or answer.received
        if answer.status == _NOTHING:
            nothing = Rows([], [], [], [], None)
            return Fetched(turn, nothing, Seen(0, answer.headers, lambda _: None, empty=True), served)
        if answer.status != _OK:
            # A 404 here is a wrong address or filter, and never says that records are gone.
            raise self._refused(answer)
        strict_json.require_json(answer.body, answer.content_type, answer.told)
        try:
            body = take_apart(answer.body, self._layout)
        except (BadAnswer, TooLarge) as failure:
            refused = self.spec.success and says_no(answer, self.spec.success)
            raise self._bad(answer, (refused and self.said(answer)) or str(failure)) from None
        if self.spec.success and body.member(self.spec.success) is not True:
            raise self._bad(answer, self.said(answer) or "no success")
        rows = read_rows(body, self._layout, strict=strict)
        return Fetched(turn, rows, Seen(rows.sent, answer.headers, body.member), served)

    def said(self, answer: Answer) -> str:
        """The server's own words."""
        return self._client.redact(words(answer, self.spec.error_message))

    def _refused(self, answer: Answer) -> BadAnswer:
        said = self.said(answer)
        return self._bad(answer, f"HTTP {answer.status}{f': {said}' if said else ''}")

    def _bad(self, answer: Answer, text: str) -> BadAnswer:
        return BadAnswer(self._client.redact(f"{answer.told}: {text}"), answer.status)
