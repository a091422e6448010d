"""What one system holds, in memory: records that exist from the start and everything that was done to them since."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Protocol

from talk_assets.sandbox.clock import TICKS_PER_SECOND

Body = Mapping[str, Any]
_REMEMBERED = 3600 * TICKS_PER_SECOND  # the longest lag that can be shown


@dataclass(frozen=True, slots=True)
class Stored:
    id: str
    body: Body
    created: int
    changed: int
    version: int = 1


class Seeded(Protocol):
    """The records of the start, each made when somebody looks at it: a million need no memory.
    Their stamps rise with their index.
    """

    def __len__(self) -> int: ...
    def index_of(self, record_id: str) -> int | None: ...
    def stamp_at(self, index: int) -> int: ...
    def record_at(self, index: int) -> Stored: ...
    def find(self, name: str, value: Any) -> Sequence[int] | None:
        """Indexes of all records whose property `name` may be `value`; None where only looking at every one tells."""
        ...


class Nothing:
    """A start without records."""

    def __len__(self) -> int:
        return 0

    def index_of(self, record_id: str) -> int | None:
        del record_id

    def stamp_at(self, index: int) -> int:
        raise IndexError(index)

    def record_at(self, index: int) -> Stored:
        raise IndexError(index)

    def find(self, name: str, value: Any) -> Sequence[int]:
        del name, value
        return ()


def value_at(body: Body, path: str) -> Any:
    """The value of a dotted path; None where it leads nowhere."""
    value: Any = body
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


class View:
    """One state of a collection: the seeded records with `news` laid over them, in the order of their stamps."""

    def __init__(self, seeded: Seeded, news: Mapping[str, Stored | None]) -> None:
        self._seeded = seeded
        self._news = news

    def get(self, record_id: str) -> Stored | None:
        if record_id in self._news:
            return self._news[record_id]
        index = self._seeded.index_of(record_id)
        return None if index is None else self._seeded.record_at(index)

    @cached_property
    def _fresh(self) -> list[Stored]:
        return sorted((s for s in self._news.values() if s), key=lambda s: (s.changed, len(s.id), s.id))

    @cached_property
    def _order(self) -> array:
        """Handles of all records: an index of a seeded one, or -1, -2, … for those of `_fresh`."""
        size = len(self._seeded)
        hidden = sorted(i for i in map(self._seeded.index_of, self._news) if i is not None)
        cuts = [(index, 1, 0) for index in hidden]
        inserts = [
            (bisect_right(range(size), fresh.changed, key=self._seeded.stamp_at), 0, -1 - n)
            for n, fresh in enumerate(self._fresh)
        ]
        order = array("q")
        start = 0
        for position, is_cut, handle in sorted(cuts + inserts, key=lambda point: point[:2]):
            order.extend(range(start, position))
            start = position
            if is_cut:
                start += 1
            else:
                order.append(handle)
        order.extend(range(start, size))
        return order

    def _changed(self, handle: int) -> int:
        return self._fresh[-1 - handle].changed if handle < 0 else self._seeded.stamp_at(handle)

    def _at(self, handle: int) -> Stored:
        return self._fresh[-1 - handle] if handle < 0 else self._seeded.record_at(handle)

    def __len__(self) -> int:
        return len(self._order)

    def since(self, ticks: int | None) -> int:
        """The position of the first record that changed after `ticks`."""
        return 0 if ticks is None else bisect_right(self._order, ticks, key=self._changed)

    def slice(self, start: int, stop: int) -> list[Stored]:
        return [self._at(handle) for handle in self._order[max(start, 0) : max(stop, 0)]]

    def scan(self, start: int = 0) -> Iterator[Stored]:
        for handle in self._order[start:]:
            yield self._at(handle)


class Collection:
    """The records of one entity, with what they were before and an index for every property somebody asked for."""

    def __init__(self, name: str, seeded: Seeded) -> None:
        self.name = name
        self.seeded = seeded
        self._news: dict[str, Stored | None] = {}
        self._past: dict[str, list[tuple[int, Stored | None]]] = {}
        self._view: View | None = None
        self._news_by: dict[str, dict[Any, set[str]]] = {}
        self._seeded_by: dict[str, dict[Any, list[int]]] = {}
        self.given_ids = 0

    def view(self) -> View:
        if self._view is None:
            self._view = View(self.seeded, self._news)
        return self._view

    def view_at(self, ticks: int) -> View:
        """How the records stood at `ticks`: a copy that lags behind shows this."""
        past = {rid: next((was for until, was in row if until > ticks), ...) for rid, row in self._past.items()}
        return View(self.seeded, {**self._news, **{rid: was for rid, was in past.items() if was is not ...}})

    def get(self, record_id: str) -> Stored | None:
        return self._news[record_id] if record_id in self._news else self._seeded_record(record_id)

    def _seeded_record(self, record_id: str) -> Stored | None:
        index = self.seeded.index_of(record_id)
        return None if index is None else self.seeded.record_at(index)

    def __len__(self) -> int:
        return len(self.view())

    def put(self, stored: Stored, now: int) -> Stored:
        self._replace(stored.id, stored, now)
        return stored

    def remove(self, record_id: str, now: int) -> None:
        self._replace(record_id, None, now)

    def _replace(self, record_id: str, new: Stored | None, now: int) -> None:
        old = self.get(record_id)
        row = self._past.setdefault(record_id, [])
        row[:] = [(until, was) for until, was in row if until > now - _REMEMBERED]
        row.append((now, old))
        if record_id in self._news and old:
            for name, index in self._news_by.items():
                index.get(_key(value_at(old.body, name)), set()).discard(record_id)
        self._news[record_id] = new
        if new:
            for name, index in self._news_by.items():
                index.setdefault(_key(value_at(new.body, name)), set()).add(record_id)
        self._view = None

    def find(self, name: str, value: Any) -> list[Stored]:
        """All records whose property `name` is `value`."""
        if name not in self._news_by:
            index: dict[Any, set[str]] = {}
            for record_id, stored in self._news.items():
                if stored:
                    index.setdefault(_key(value_at(stored.body, name)), set()).add(record_id)
            self._news_by[name] = index
        fresh = sorted(self._news_by[name].get(_key(value), ()))
        old = (self.seeded.record_at(i) for i in self._seeded_indexes(name, value))
        kept = [s for s in old if s.id not in self._news and value_at(s.body, name) == value]
        return kept + [s for s in map(self._news.get, fresh) if s]

    def _seeded_indexes(self, name: str, value: Any) -> Sequence[int]:
        known = self.seeded.find(name, value)
        if known is not None:
            return known
        if name not in self._seeded_by:
            index: dict[Any, list[int]] = {}
            for i in range(len(self.seeded)):
                index.setdefault(_key(value_at(self.seeded.record_at(i).body, name)), []).append(i)
            self._seeded_by[name] = index
        return self._seeded_by[name].get(_key(value), ())

    def memory(self) -> dict[str, Any]:
        """What became of the seeded records, as JSON takes it."""
        news = {record_id: stored and asdict(stored) for record_id, stored in self._news.items()}
        return {"given": self.given_ids, "news": news}

    def recall(self, held: Mapping[str, Any]) -> None:
        self.given_ids = held["given"]
        for record_id, stored in held["news"].items():
            self._replace(record_id, Stored(**stored) if stored else None, stored["changed"] if stored else 0)

    def scan(self, wanted: Callable[[Stored], bool]) -> Iterator[Stored]:
        return (stored for stored in self.view().scan() if wanted(stored))


def _key(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)
