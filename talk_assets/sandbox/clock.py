"""The time that the sandbox's servers live in: the machine's, or one that a test moves by hand."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

TICKS_PER_SECOND = 10_000_000  # 100 ns, the finest that the seven digits of PowerOffice can show
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    def ticks(self) -> int:
        """Now, in units of 100 ns since 1970; never twice the same, so that every change has its own stamp."""
        ...

    def advance(self, seconds: float) -> None: ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's time. `advance` puts the servers ahead of it."""

    def __init__(self) -> None:
        self._ahead = 0
        self._last = 0

    def ticks(self) -> int:
        self._last = max(time.time_ns() // 100 + self._ahead, self._last + 1)
        return self._last

    def advance(self, seconds: float) -> None:
        self._ahead += round(seconds * TICKS_PER_SECOND)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock:
    """Stands still but for one microsecond per look; sleeping moves it and takes no time."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 8, tzinfo=UTC)) -> None:
        self._now = ticks_of(start)

    def ticks(self) -> int:
        self._now += 10
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * TICKS_PER_SECOND)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


def ticks_of(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10


def seconds_of(ticks: int) -> int:
    return ticks // TICKS_PER_SECOND


def datetime_of(ticks: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ticks // 10)


def date_of(ticks: int) -> date:
    return datetime_of(ticks).date()


def stamp(ticks: int, digits: int, zone: str) -> str:
    """`ticks` as ISO 8601 with `digits` fractional digits, written with `zone` for UTC."""
    seconds, rest = divmod(ticks, TICKS_PER_SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:07d}"[: 20 + digits] + zone


@dataclass(frozen=True, slots=True)
class NotAStamp(Exception):
    text: str


def parse_stamp(text: str) -> int:
    """Ticks of an ISO 8601 text with up to seven fractional digits; without an offset it is UTC."""
    head, point, rest = text.strip().replace(" ", "T", 1).partition(".")
    length = len(rest) - len(rest.lstrip("0123456789"))
    digits, zone = rest[:length], rest[length:]
    if len(digits) > 7 or (point and not digits):
        raise NotAStamp(text)
    try:
        moment = datetime.fromisoformat(head + zone)
    except ValueError:
        raise NotAStamp(text) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return ticks_of(moment) + int(digits.ljust(7, "0") or 0)
