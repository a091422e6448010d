"""What a spec says about reading, tried."""

from collections.abc import Callable, Iterator
from math import ceil

from talk_assets.specs.client import SinglePage
from talk_assets.specs.system import Entity, SystemSpec
from talk_assets.systems import stamps
from talk_assets.systems.conform.finding import Broken, Untried
from talk_assets.systems.conform.samples import Samples
from talk_assets.systems.connection import Connection
from talk_assets.systems.encode import missing, raw_at
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.reading.reader import Found, Gone, Reader, Record
from talk_assets.systems.reading.rows import text_of
from talk_assets.systems.stamps import NONE

Check = tuple[str, Callable[[], str]]
_PAGES = 5


class ReadChecks:
    """Checks of one entity that change nothing."""

    def __init__(self, connection: Connection, name: str, samples: Samples) -> None:
        self._connection = connection
        self._spec: SystemSpec = connection.spec
        self._name = name
        self._entity: Entity = connection.spec.entities[name]
        self._samples = samples
        self._reader = connection.reader(name)
        self._records: list[Record] = []

    def all(self) -> Iterator[Check]:
        yield "list", self._list
        yield "paginator", self._paginator
        if self._entity.list.cursor:
            yield "list.cursor", self._cursor
        if self._entity.get:
            yield "get", self._get
            yield "get: gone", self._gone

    def _list(self) -> str:
        listing = self._reader.sweep()
        self._records = [record for page in listing for record in map(Record, page.ids, page.texts, page.stamps)]
        if not listing.whole:
            raise Broken("; ".join(listing.problems))
        cursor = self._entity.list.cursor
        if cursor and (stampless := sum(record.stamp is None for record in self._records)):
            raise Broken(f"{stampless} of {len(self._records)} records have no {cursor.property}")
        return f"{len(self._records):,} records on {listing.pages} pages"

    def _paginator(self) -> str:
        paginator = self._entity.paginator or self._reader.spec.paginator
        if isinstance(paginator, SinglePage):
            raise Untried("everything is on one page")
        if len(self._records) < _PAGES:
            raise Untried(f"{len(self._records)} records make no pages")
        small = paginator.model_copy(update={"size": ceil(len(self._records) / _PAGES)})
        entity = self._entity.model_copy(update={"paginator": small})
        listing = Reader(self._spec, entity, self._reader.spec, self._connection.client(self._name)).sweep()
        ids = [id_ for page in listing for id_ in page.ids]
        if not listing.whole:
            raise Broken("; ".join(listing.problems))
        if lost := {record.id for record in self._records} - set(ids):
            raise Broken(f"in pages of {small.size}, {len(lost)} records are lost, among them {min(lost)}")
        if listing.pages < 2:
            raise Untried("the server does not make smaller pages")
        return f"the same records on {listing.pages} pages"

    def _cursor(self) -> str:
        cursor = self._entity.list.cursor
        zone = self._reader.zone
        known = {record.id: record.stamp for record in self._records if record.stamp}
        ordered = sorted(known.values(), key=lambda stamp: stamps.instant(stamp, zone) or stamps.Instant(0, NONE))
        if cursor is None or len(set(ordered)) < 3:
            raise Untried("too few records with different stamps")
        middle = ordered[len(ordered) // 2]
        since = stamps.since(middle, cursor.model_copy(update={"overlap_seconds": 0, "comparison": ">="}), zone) or middle
        listing = self._reader.matching({cursor.param: cursor.template.replace("{since}", since)})
        got = {id_ for page in listing for id_ in page.ids}
        newer = {id_ for id_, stamp in known.items() if stamps.is_older(middle, stamp, zone)}
        same = {id_ for id_, stamp in known.items() if stamp == middle}
        if lost := newer - got:
            raise Broken(f"{cursor.param}={since} loses {len(lost)} later records, among them {min(lost)}")
        if cursor.comparison == ">=" and (lost := same - got):
            raise Broken(f"{cursor.param}={since} leaves out records with exactly that stamp: it is `>`, not `>=`")
        if len(got) >= len(known):
            raise Broken(f"{cursor.param} makes no difference: all {len(got)} records come back")
        return f"{len(got)} of {len(known)} records"

    def _get(self) -> str:
        if not self._records:
            raise Untried("there is no record")
        last = self._records[-1]
        found = self._reader.one(last.id, last.values())
        if not isinstance(found, Found):
            raise Broken(f"the list has {last.id}, and reading it alone says {found}")
        listed, alone = last.values(), found.record.values()
        differs = [
            path
            for path in self._entity.properties
            if not missing(raw_at(listed, path))
            and not missing(raw_at(alone, path))
            and raw_at(listed, path) != raw_at(alone, path)
        ]
        if differs:
            raise Broken(f"record {last.id} says something else alone than in the list: {', '.join(differs)}")
        return f"record {last.id} is the same alone and in the list"

    def _gone(self) -> str:
        absent = self._samples.absent_id([record.id for record in self._records])
        known = self._records[-1].values() if self._records else None
        try:
            found = self._reader.one(absent, known)
        except SystemsError as failure:
            raise Broken(f"an id that no record has should be a 404 or 410: {failure}") from None
        if not isinstance(found, Gone):
            raise Broken(f"an id that no record has gives {text_of(found.record.id)}")
        return f"HTTP {found.status}"
