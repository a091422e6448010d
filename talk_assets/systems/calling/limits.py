"""Politeness: one budget per subscription, shared by threads and, through a folder, by processes."""

import hashlib
import os
import sqlite3
import threading
from bisect import insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from weakref import finalize

from talk_assets.systems.clock import Clock
from talk_assets.systems.errors import NotSent

_MARGIN = 0.05
"""Requests sent a window apart may arrive a little less than that apart."""
_WRITING = "begin immediate"
_FORGOTTEN = 100
"""Windows. A reservation further ahead comes from a clock that was set back."""


@dataclass(frozen=True)
class Rate:
    requests: int
    per_seconds: float

    def slot(self, taken: list[float], now: float) -> float:
        """When the next request may leave, given the moments already `taken`, in order."""
        return self.after(taken[-self.requests] if len(taken) >= self.requests else None, now)

    def after(self, earlier: float | None, now: float) -> float:
        """The same, given the moment as many requests ago as are allowed at once; none: there were fewer."""
        return now if earlier is None else max(now, earlier + self.per_seconds + _MARGIN)


class Slots(Protocol):
    """Where the moments taken are written down."""

    def reserve(self, rate: Rate, now: float) -> float: ...

    def pause(self, until: float) -> None: ...

    def paused_until(self) -> float: ...

    def close(self) -> None: ...


class Budget:
    """Whoever wants to send asks here first, and waits its turn."""

    def __init__(self, rate: Rate, slots: Slots, clock: Clock) -> None:
        self._rate = rate
        self._slots = slots
        self._clock = clock

    def acquire(self) -> None:
        while True:
            now = self._now()
            slot = self._slots.reserve(self._rate, now)
            if slot <= now:
                return
            self._clock.sleep(slot - self._now())
            # Somebody may have been told to slow down while we slept.
            if _pause(self._slots.paused_until(), self._rate, self._now()) <= self._now():
                return

    def pause(self, seconds: float) -> None:
        """The system asked for a rest: everybody on this budget takes it."""
        self._slots.pause(self._now() + seconds)

    def _now(self) -> float:
        # The time of day, since processes on several machines may share the folder.
        return self._clock.now().timestamp()


class Budgets:
    """Hands out one budget per key; in memory, or in a folder that other processes use too."""

    def __init__(self, clock: Clock, folder: Path | None = None) -> None:
        self._clock = clock
        self._folder = folder
        self._slots: dict[str, Slots] = {}
        self._lock = threading.Lock()

    def of(self, key: str, rate: Rate) -> Budget:
        """`key` may be a secret: only its digest is kept."""
        name = hashlib.blake2b(key.encode(), digest_size=12, person=b"talk budget").hexdigest()
        with self._lock:
            if name not in self._slots:
                self._slots[name] = self._open(name)
            slots = self._slots[name]
        return Budget(rate, slots, self._clock)

    def close(self) -> None:
        """Let go of what is shared; it opens again when it is used again."""
        for slots in self._slots.values():
            slots.close()

    def _open(self, name: str) -> Slots:
        return FileSlots(self._folder / f"limit-{name}.sqlite") if self._folder else MemorySlots()


class MemorySlots:
    def __init__(self) -> None:
        self._taken: list[float] = []
        self._paused = 0.0
        self._lock = threading.Lock()

    def reserve(self, rate: Rate, now: float) -> float:
        with self._lock:
            self._taken = _relevant(self._taken, rate, now)
            slot = rate.slot(self._taken, max(now, _pause(self._paused, rate, now)))
            insort(self._taken, slot)
            return slot

    def pause(self, until: float) -> None:
        with self._lock:
            self._paused = max(self._paused, until)

    def paused_until(self) -> float:
        return self._paused

    def close(self) -> None:
        """Nothing is open."""


class FileSlots:
    """The same in a small SQLite file, whose lock is what makes processes take turns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Threads that wait for each other at the file sleep longer than their turn takes.
        self._lock = threading.Lock()
        self._store: sqlite3.Connection | None = None
        self._letting_go: Callable[[], object] = lambda: None

    def reserve(self, rate: Rate, now: float) -> float:
        oldest, newest = _span(rate, now)
        with self._using(_WRITING) as store:
            store.execute("delete from taken where at < ? or at > ?", (oldest, newest))
            # Only the request that this one would be one too many after matters.
            query = "select at from taken order by at desc limit 1 offset ?"
            before = [at for (at,) in store.execute(query, (rate.requests - 1,))]
            slot = rate.after(before[0] if before else None, max(now, _pause(self._until(store), rate, now)))
            store.execute("insert into taken values (?)", (slot,))
            return slot

    def pause(self, until: float) -> None:
        with self._using(_WRITING) as store:
            until = max(until, self._until(store))
            store.execute("delete from paused")
            store.execute("insert into paused values (?)", (until,))

    def paused_until(self) -> float:
        with self._using("begin") as store:
            return self._until(store)

    def close(self) -> None:
        with self._lock:
            self._shut()

    def _until(self, store: sqlite3.Connection) -> float:
        return store.execute("select coalesce(max(until), 0) from paused").fetchone()[0]

    def _opened(self) -> sqlite3.Connection:
        if self._store is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            store = self._store = sqlite3.connect(self._path, timeout=60, isolation_level=None, check_same_thread=False)
            # From Python 3.13 on, one that is dropped while it is open is a complaint.
            self._letting_go = finalize(self, store.close)
            store.execute("pragma synchronous = off")
            store.execute("pragma journal_mode = persist")
            store.execute("create table if not exists taken (at real not null)")
            store.execute("create index if not exists taken_at on taken (at)")
            store.execute("create table if not exists paused (until real not null)")
        return self._store

    @contextmanager
    def _using(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                store = self._opened()
                store.execute(begin)
                yield store
                store.execute("commit")
            except (sqlite3.Error, OSError) as failure:
                self._shut()
                raise NotSent(
                    f"{self._path}, where processes share their limits, cannot be used: {failure}. Make room on the disk; "
                    "a damaged file may be deleted, it holds nothing but times of the last requests"
                ) from None
            except BaseException:
                self._shut()
                raise

    def _shut(self) -> None:
        """What was under way is undone; the next one opens the file anew."""
        if self._store is not None:
            self._letting_go()
            self._store = None


def _relevant(taken: list[float], rate: Rate, now: float) -> list[float]:
    oldest, newest = _span(rate, now)
    return [at for at in taken if oldest <= at <= newest]


def _span(rate: Rate, now: float) -> tuple[float, float]:
    """Moments that matter."""
    return now - rate.per_seconds - _MARGIN, now + _FORGOTTEN * max(rate.per_seconds, 1)


def _pause(until: float, rate: Rate, now: float) -> float:
    longest = _FORGOTTEN * max(rate.per_seconds, 1) + 300
    return until if until <= now + longest else 0
