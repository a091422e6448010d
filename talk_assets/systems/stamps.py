"""Time stamps as servers write them. Their text is what is kept: Python's clock has six digits where .NET has seven."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from talk_assets.specs.reading import ChangedSince

_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<part>\d+))?\s?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?"
)
_IN_SLASHES = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_MILLISECONDS = re.compile(r"[0-9]{13,15}")
NONE = Decimal(0)
_SECONDS = len("2026-11-20T12:00:00")
_START = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)
_FIRST = int(_START.timestamp())
_LAST = int(datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp())
_AHEAD = timedelta(minutes=5)
_AMBIGUITY = timedelta(hours=1)


@dataclass(frozen=True, order=True)
class Instant:
    """A moment with every digit it came with."""

    second: int
    part: Decimal

    def at(self) -> datetime:
        """Rounded down to what Python holds."""
        return datetime.fromtimestamp(self.second, UTC) + timedelta(microseconds=int(self.part * 1_000_000))


def instant(text: str, zone: str = "UTC") -> Instant | None:
    """What a stamp says, be it ISO 8601, UNIX seconds, or milliseconds, which have more digits than the seconds of any year
    that can be told; stamps without an offset are in `zone`.
    """
    if told := in_slashes(text):
        return milliseconds(told)
    if _MILLISECONDS.fullmatch(text):
        return milliseconds(text)
    return seconds(text) if "-" not in text[1:] else _iso(text, zone)


def seconds(text: str) -> Instant | None:
    return _since_1970(text, Decimal(1))


def milliseconds(text: str) -> Instant | None:
    return _since_1970(text, Decimal(1000))


def in_slashes(text: str) -> str | None:
    """The milliseconds of `/Date(1793188800000+0000)/`, as .NET writes a moment; its offset moves nothing."""
    found = _IN_SLASHES.fullmatch(text)
    return found[1] if found else None


def finer(text: str) -> str:
    """The digits of a stamp below the microsecond, without those that say nothing."""
    found = _ISO.fullmatch(text.strip())
    return (found["part"] or "")[6:].rstrip("0") if found else ""


def is_ambiguous(text: str, zone: str) -> bool:
    """A local time that a change of clocks makes happen twice, or never."""
    found = _ISO.fullmatch(text.strip())
    if not found or found["zone"] or not found["time"]:
        return False
    try:
        there = datetime.fromisoformat(f"{found['date']}T{found['time']}").replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        return False
    return there.utcoffset() != there.replace(fold=1).utcoffset()


def told_in(text: str, zone: str) -> str:
    """A stamp as a system of a zone shows it, so that it reads it as we read its own: without an offset, but for an hour that
    a change of clocks makes happen twice. By UTC it stays as it is.
    """
    moment = instant(text, zone)
    if zone == "UTC" or moment is None or is_offsetless(text):
        return text
    try:
        there = datetime.fromtimestamp(moment.second, UTC).astimezone(ZoneInfo(zone))
    except OverflowError:
        return text
    part = f"{moment.part.normalize():f}"[1:] if moment.part else ""
    happens_twice = there.utcoffset() != there.replace(fold=1 - there.fold).utcoffset()
    offset = there.isoformat()[_SECONDS:] if happens_twice else ""
    return f"{_written(there)}{part}{offset}"


def is_offsetless(text: str) -> bool:
    found = _ISO.fullmatch(text.strip())
    return found is not None and not found["zone"]


def newest(stamps: Iterable[str | None], zone: str, not_after: datetime | None = None) -> str | None:
    """The latest stamp, as written. Stamps from the server's own future are mistakes and would hide edits for years."""
    known = {stamp for stamp in stamps if stamp}
    best = _latest(_candidates(known), zone)
    limit = min(not_after, _END - _AHEAD) + _AHEAD if not_after else None
    if best and limit and best[0].at() > limit:
        best = _latest((stamp for stamp in known if (at := instant(stamp, zone)) and at.at() <= limit), zone)
    return best[1] if best else None


def _latest(stamps: Iterable[str], zone: str) -> tuple[Instant, str] | None:
    best: tuple[Instant, str] | None = None
    for stamp in stamps:
        moment = instant(stamp, zone)
        if moment and (best is None or moment > best[0]):
            best = moment, stamp
    return best


def later(one: str | None, other: str | None, zone: str) -> str | None:
    """The later of two cursors: they never move back."""
    return newest((one, other), zone)


def is_older(one: str | None, other: str | None, zone: str) -> bool:
    """Whether `one` is provably before `other`."""
    first = instant(one, zone) if one else None
    second = instant(other, zone) if other else None
    return first is not None and second is not None and first < second


def since(cursor: str, spec: ChangedSince, zone: str) -> str | None:
    """The cursor as a query value: moved back by the overlap, rounded down, in the shape the server uses itself."""
    moment = instant(cursor, zone)
    if moment is None:
        return None
    # Nothing with exactly the cursor's stamp may be lost to `>`.
    back = max(spec.overlap_seconds, 1 if spec.comparison == ">" else 0)
    if spec.encoded != "iso":
        return str((moment.second - back) * (1000 if spec.encoded == "unix_milliseconds" else 1))
    found = _ISO.fullmatch(cursor)
    if back == 0 and found:
        return cursor
    start = datetime.fromtimestamp(max(moment.second - back, _FIRST), UTC)
    if found and not found["zone"]:
        return _local(start, zone)
    return f"{_written(start)}Z"


def _local(start: datetime, zone: str) -> str:
    if start.year == _START.year:
        # Systems say so for "never", and there is no earlier time for a zone to be at.
        return _written(_START)
    there = start.astimezone(ZoneInfo(zone))
    if there.utcoffset() != there.replace(fold=1 - there.fold).utcoffset():
        # The hour that comes twice: the earlier reading is the safe one.
        there -= _AMBIGUITY
    return _written(there)


def _written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def _candidates(stamps: set[str]) -> Iterable[str]:
    """Where all stamps have the same zone, their first 19 characters sort like time, and only the last second needs a
    closer look.
    """
    zones = {stamp[-1:] if stamp[-1] in "Zz" else stamp[-6:] for stamp in stamps if len(stamp) > _SECONDS and stamp[10] == "T"}
    if len(zones) == 1 and next(iter(zones))[0] in "Zz+-" and min(map(len, stamps)) > _SECONDS:
        second = max(stamp[:_SECONDS] for stamp in stamps)
        return [stamp for stamp in stamps if stamp[:_SECONDS] == second]
    return stamps


def _since_1970(text: str, per_second: Decimal) -> Instant | None:
    try:
        value = Decimal(text) / per_second
        second = int(value // 1)
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return _within_years(Instant(second, value - second))


@lru_cache(maxsize=4096)
def _iso(text: str, zone: str) -> Instant | None:
    found = _ISO.fullmatch(text.strip())
    if not found:
        return None
    offset = (found["zone"] or "").upper().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{found['date']}T{found['time'] or '00:00'}{offset}")
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return _within_years(Instant(int(moment.timestamp() // 1), Decimal(f"0.{found['part'] or 0}")))


def _within_years(moment: Instant) -> Instant | None:
    """Of the years 1 to 9999 by UTC: others cannot be told."""
    return moment if _FIRST <= moment.second <= _LAST else None
