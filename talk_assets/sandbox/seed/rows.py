"""Seeded records as a store wants them: counted, addressed by id, made when asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from talk_assets.sandbox.clock import TICKS_PER_SECOND, ticks_of
from talk_assets.sandbox.seed.draw import mixed
from talk_assets.sandbox.store import Body, Stored

_FIRST = ticks_of(datetime(2025, 11, 1, tzinfo=UTC))
_SPAN = 300 * 24 * 3600 * TICKS_PER_SECOND
_AGE = 90 * 24 * 3600 * TICKS_PER_SECOND


@dataclass(frozen=True)
class Rows:
    count: int
    id_of: Callable[[int], str]
    place_of: Callable[[str], int | None]
    body: Callable[[int], Body]
    finders: Mapping[str, Callable[[Any], Sequence[int]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.count

    def index_of(self, record_id: str) -> int | None:
        place = self.place_of(record_id)
        return place if place is not None and 0 <= place < self.count and self.id_of(place) == record_id else None

    def stamp_at(self, index: int) -> int:
        step = _SPAN // max(1, self.count)
        return _FIRST + index * step + mixed(index) % step

    def record_at(self, index: int) -> Stored:
        changed = self.stamp_at(index)
        return Stored(self.id_of(index), self.body(index), changed - _AGE, changed)

    def find(self, name: str, value: Any) -> Sequence[int] | None:
        if name not in self.finders:
            return None
        return [place for place in self.finders[name](value) if 0 <= place < self.count]


def never(_: Any) -> Sequence[int]:
    """No record of the start has a value there."""
    return ()


def by_number(place: Callable[[int], int | None], first: int, prefix: str = "") -> Callable[[Any], Sequence[int]]:
    """Finds a record by the number or code that its index gives it: `prefix`, then index + `first`."""

    def found(value: Any) -> Sequence[int]:
        digits = str(value).removeprefix(prefix)
        at = place(int(digits) - first) if digits.isdecimal() and len(digits) < 15 else None
        return () if at is None else (at,)

    return found


def numbered(
    count: int, first: int, body: Callable[[int], Body], finders: Mapping[str, Callable[[Any], Sequence[int]]] | None = None
) -> Rows:
    """Records whose ids are `first`, `first` + 1, …"""

    def place_of(record_id: str) -> int | None:
        return int(record_id) - first if record_id.isdecimal() and len(record_id) < 19 else None

    return Rows(count, lambda i: str(first + i), place_of, body, finders or {})


def uuid_at(topic: int, index: int) -> str:
    """A UUID that tells its index again, though not at first sight."""
    digits = f"{mixed(topic * 1_000_003 + index):016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[13:16]}-{index ^ _mask(topic):012x}"


def _mask(topic: int) -> int:
    return mixed(topic) & 0xFFFF_FFFF_FFFF


def with_uuids(
    count: int, topic: int, body: Callable[[int], Body], finders: Mapping[str, Callable[[Any], Sequence[int]]] | None = None
) -> Rows:
    def place_of(record_id: str) -> int | None:
        try:
            return int(record_id[-12:], 16) ^ _mask(topic)
        except ValueError:
            return None

    return Rows(count, lambda i: uuid_at(topic, i), place_of, body, finders or {})
