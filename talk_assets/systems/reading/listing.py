"""Reading a list page by page, and knowing afterwards whether it was all of it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from talk_assets.systems import stamps
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.reading.likeness import Steps
from talk_assets.systems.reading.paging import Pager, Turn
from talk_assets.systems.reading.rows import Quarantined
from talk_assets.systems.reading.turns import EndsEarly, Fetch, Fetched, fetch_all

MAX_PAGES = 100_000
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Page:
    """Records of one page that belong to the entity, column by column. One that an earlier page showed is here again
    unless it is older now.
    """

    ids: list[str]
    texts: list[str]
    digests: list[int]
    stamps: list[str | None]
    paths: frozenset[Steps] | None = None
    """As of `Rows`."""

    def __len__(self) -> int:
        return len(self.ids)


class Listing:
    """An iterator over pages. Look at `whole` and `complete` once it has ended: what fails after the first page ends it
    early instead of taking back what was read. A failure of the first page is raised.
    """

    def __init__(
        self,
        fetch: Fetch,
        pager: Pager,
        *,
        names_all: bool,
        zone: str = "UTC",
        start: str | None = None,
        ahead: int = 0,
        max_pages: int = MAX_PAGES,
    ) -> None:
        self._fetch = fetch
        self._pager = pager
        self._names_all = names_all
        self._zone = zone
        self._start = start
        self._ahead = ahead
        self._max_pages = max_pages
        self._stamp_of: dict[str, str | None] = {}
        self._nameless = 0
        self._totals: set[int] = set()
        self._edges: list[tuple[Turn, str]] = []
        self._newest: str | None = None
        self._served: datetime | None = None
        self._ended = False
        self.pages = 0
        self.repeated = 0
        """Rows of records that were shown before."""
        self.problems: list[str] = []
        """Why this is not all there is."""
        self.unreadable: list[Quarantined] = []
        """Records that are there, and cannot be used."""
        self.failure: SystemsError | None = None

    @property
    def whole(self) -> bool:
        """All pages of what was asked for were seen, so the cursor may move."""
        return self._ended and not self.problems

    @property
    def complete(self) -> bool:
        """It names every record that exists, so one that is missing may be gone: a by-id read tells."""
        return self.whole and self._names_all

    @property
    def cursor(self) -> str | None:
        """Where the next read of changes starts. Stays where it was unless this listing is whole, and never moves back."""
        return stamps.later(self._newest, self._start, self._zone) if self.whole else self._start

    def __iter__(self) -> Iterator[Page]:
        pages = fetch_all(self._fetch, self._pager, ahead=self._ahead, max_pages=self._max_pages)
        try:
            with closing(pages):
                for fetched in pages:
                    self.pages += 1
                    page, fresh = self._page(fetched)
                    if fetched.rows.sent and not fresh:
                        self.problems.append(f"page {self.pages} shows nothing that earlier pages did not")
                        return
                    yield page
        except EndsEarly as reason:
            self.problems.append(str(reason))
        except SystemsError as failure:
            if self.pages == 0:
                raise
            self.failure = failure
            self.problems.append(f"page {self.pages + 1} failed: {failure}")
        else:
            self._check()
            self._ended = True

    def _page(self, fetched: Fetched) -> tuple[Page, int]:
        """What to hand on of a page, and how many of its records no earlier page showed."""
        rows = fetched.rows
        if (total := self._pager.total(fetched.seen)) is not None:
            self._totals.add(total)
        before = len(self._stamp_of) + self._nameless
        kept = self._kept(rows.ids, rows.stamps)
        self._stamp_of.update({bad.id: None for bad in rows.quarantined if bad.id is not None})
        self._nameless += sum(bad.id is None for bad in rows.quarantined)
        self.unreadable += rows.quarantined
        fresh = len(self._stamp_of) + self._nameless - before
        if rows.ids and (edge := self._pager.edge(fetched.turn, fetched.seen)):
            self._edges.append((edge, rows.ids[-1]))
        self._served = self._served or fetched.served
        self._newest = stamps.newest((*rows.stamps, self._newest), self._zone, self._served)
        if rows.belongs is not None:
            kept = [number for number in kept if rows.belongs[number]]
        whole = len(kept) == len(rows.ids)
        page = Page(
            ids=rows.ids if whole else _chosen(rows.ids, kept),
            texts=rows.texts if whole else _chosen(rows.texts, kept),
            digests=rows.digests if whole else _chosen(rows.digests, kept),
            stamps=rows.stamps if whole else _chosen(rows.stamps, kept),
            paths=rows.paths,
        )
        return page, fresh

    def _kept(self, ids: list[str], marks: list[str | None]) -> Sequence[int]:
        """Positions of records that are new here, or newer than where they were first seen."""
        known = self._stamp_of
        listed = dict(zip(ids, marks, strict=True))
        if len(listed) == len(ids) and known.keys().isdisjoint(listed):
            known.update(listed)
            return range(len(ids))
        kept: dict[str, int] = {}
        for number, (id_, mark) in enumerate(zip(ids, marks, strict=True)):
            if id_ in known:
                self.repeated += 1
                if stamps.is_older(mark, known[id_], self._zone):
                    continue
            known[id_] = mark
            kept[id_] = number
        return sorted(kept.values())

    def _check(self) -> None:
        found = len(self._stamp_of) + self._nameless
        if self.repeated:
            self.problems.append(f"{self.repeated:,} rows showed up twice: the list moved while it was read")
        if len(self._totals) > 1:
            self.problems.append(
                f"the total changed while reading, from {min(self._totals):,} to {max(self._totals):,} at most"
            )
        elif self._totals and found not in self._totals:
            self.problems.append(f"the server counts {max(self._totals):,} records and listed {found:,}")
        if self.pages > 1 and not self.problems and any(not self._still(edge, last) for edge, last in self._edges):
            self.problems.append("rows moved from page to page while they were read")

    def _still(self, edge: Turn, last: str) -> bool:
        """Whether the last row of a page is still where it was; if not, the page after it may have skipped one."""
        try:
            rows = self._fetch(edge).rows
        except SystemsError as failure:
            self.failure = failure
            return False
        # A server that gives more than the one row asked for shows nothing either way.
        return rows.ids == [last] or rows.sent > 1


def _chosen(column: list[_Value], kept: Sequence[int]) -> list[_Value]:
    return [column[number] for number in kept]
