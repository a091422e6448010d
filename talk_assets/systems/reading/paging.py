"""Which page comes next. Pure: from what one page said to what to ask for next, or to the end."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from talk_assets.specs.client import CursorToken, NextLink, Offset, PageNumber, Paginator, SinglePage
from talk_assets.systems import strict_json
from talk_assets.systems.errors import BadRecord, TooLarge

_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[^,;=]+(?:=(?:\"[^\"]*\"|[^,;\"]*))?)*)")
_REL = re.compile(r";\s*rel\s*=\s*\"?([^\";]*)\"?", re.IGNORECASE)


@dataclass(frozen=True)
class Turn:
    """One page to ask for: by parameters, or by a link the server gave."""

    params: tuple[tuple[str, str], ...] = ()
    link: str | None = None
    position: int = 0
    """Page number or offset, where there is one."""


@dataclass(frozen=True)
class Seen:
    """What a page says about paging."""

    rows: int
    headers: Mapping[str, str]
    member: Callable[[str], Any]
    """What the body says at a path."""
    empty: bool = False
    """204: there is no page here."""


class Pager(Protocol):
    @property
    def parallel(self) -> bool:
        """Whether pages may be asked for ahead and out of order."""
        ...

    def first(self) -> Turn: ...

    def after(self, turn: Turn, seen: Seen) -> Turn | None:
        """The turn after this one; None at the end."""
        ...

    def ahead(self, turn: Turn, total: int | None) -> Turn | None:
        """The turn after this one, asked before its answer is known; only where `parallel`."""
        ...

    def total(self, seen: Seen) -> int | None:
        """How many rows the server says there are in all."""
        ...

    def edge(self, turn: Turn, seen: Seen) -> Turn | None:
        """Asks again for the last row of a page alone: on pages without a total, the only way to notice that rows moved."""
        ...


def pager(spec: Paginator) -> Pager:
    match spec:
        case PageNumber():
            return _Pages(spec)
        case Offset():
            return _Offsets(spec)
        case CursorToken():
            return _Tokens(spec)
        case NextLink():
            return _Links(spec)
        case SinglePage():
            return _Single()


@dataclass(frozen=True)
class _Pages:
    spec: PageNumber

    @property
    def parallel(self) -> bool:
        return self.spec.parallel

    def first(self) -> Turn:
        return self._turn(self.spec.first_page)

    def after(self, turn: Turn, seen: Seen) -> Turn | None:
        if seen.empty:
            return None
        return self._turn(turn.position + 1) if self._goes_on(seen) else None

    def ahead(self, turn: Turn, total: int | None) -> Turn | None:
        number = turn.position + 1
        past = total is not None and (number - self.spec.first_page) * _size(self.spec) >= total
        return None if past else self._turn(number)

    def total(self, seen: Seen) -> int | None:
        if self.spec.total_header:
            return _whole_number(seen.headers.get(self.spec.total_header.lower()))
        return _whole_number(seen.member(self.spec.total)) if self.spec.total else None

    def edge(self, turn: Turn, seen: Seen) -> Turn | None:
        size = _size(self.spec)
        if not self.spec.size_param or self.spec.total_header or self.spec.total or seen.rows != size:
            return None
        before = turn.position - self.spec.first_page
        row = (before + 1) * size - 1 + self.spec.first_page
        return Turn(((self.spec.page_param, str(row)), (self.spec.size_param, "1")), position=row)

    def _goes_on(self, seen: Seen) -> bool:
        full = seen.rows >= self.spec.size > 0
        match self.spec.until:
            case "empty_page":
                return seen.rows > 0
            case "short_page":
                return full
            case "link_header":
                return "link" in seen.headers and next_link(seen.headers["link"]) is not None
            case "header":
                told = seen.headers.get((self.spec.header or "").lower())
                # A full page without the header proves nothing; the next one will be empty if this was the last.
                return full if told is None else _names_next(told)

    def _turn(self, number: int) -> Turn:
        size = [(self.spec.size_param, str(_size(self.spec)))] if self.spec.size_param else []
        return Turn(((self.spec.page_param, str(number)), *size), position=number)


@dataclass(frozen=True)
class _Offsets:
    spec: Offset

    @property
    def parallel(self) -> bool:
        return self.spec.parallel

    def first(self) -> Turn:
        return self._turn(0)

    def after(self, turn: Turn, seen: Seen) -> Turn | None:
        if seen.empty or seen.rows == 0:
            return None
        total = self.total(seen)
        reached = turn.position + seen.rows
        # A server may give fewer than asked for: only its total, or without one a short page, is the end.
        if reached >= total if total is not None else seen.rows < _size(self.spec):
            return None
        return self._turn(reached)

    def ahead(self, turn: Turn, total: int | None) -> Turn | None:
        offset = turn.position + _size(self.spec)
        return None if total is not None and offset >= total else self._turn(offset)

    def total(self, seen: Seen) -> int | None:
        return _whole_number(seen.member(self.spec.total)) if self.spec.total else None

    def edge(self, turn: Turn, seen: Seen) -> Turn | None:
        if self.spec.total or not seen.rows:
            return None
        row = turn.position + seen.rows - 1
        return Turn(((self.spec.offset_param, str(row)), (self.spec.limit_param, "1")), position=row)

    def _turn(self, offset: int) -> Turn:
        size = str(_size(self.spec))
        return Turn(((self.spec.offset_param, str(offset)), (self.spec.limit_param, size)), position=offset)


class _InOrder:
    """Pages that only the page before leads to, and that tell no total."""

    @property
    def parallel(self) -> bool:
        return False

    def ahead(self, turn: Turn, total: int | None) -> Turn | None:  # noqa: ARG002 - whatever they say
        return None

    def total(self, seen: Seen) -> int | None:  # noqa: ARG002 - likewise
        return None

    def edge(self, turn: Turn, seen: Seen) -> Turn | None:  # noqa: ARG002 - likewise
        return None


@dataclass(frozen=True)
class _Tokens(_InOrder):
    spec: CursorToken

    def first(self) -> Turn:
        return Turn(_size_param(self.spec))

    def after(self, turn: Turn, seen: Seen) -> Turn | None:
        token = None if seen.empty else seen.member(self.spec.next)
        if token is None or token == "" or token is False:
            return None
        return replace(turn, params=(*_size_param(self.spec), (self.spec.cursor_param, str(token))))


@dataclass(frozen=True)
class _Links(_InOrder):
    spec: NextLink

    def first(self) -> Turn:
        return Turn(_size_param(self.spec))

    def after(self, turn: Turn, seen: Seen) -> Turn | None:  # noqa: ARG002 - the page alone knows
        if seen.empty:
            return None
        link = seen.member(self.spec.next) if self.spec.next else next_link(seen.headers.get("link", ""))
        return Turn(link=str(link)) if link else None


@dataclass(frozen=True)
class _Single(_InOrder):
    def first(self) -> Turn:
        return Turn()

    def after(self, turn: Turn, seen: Seen) -> Turn | None:  # noqa: ARG002 - whatever it says, it is the last
        return None


def next_link(header: str) -> str | None:
    """The address with rel=next in a Link header (RFC 8288)."""
    for address, parameters in _LINK.findall(header):
        relation = _REL.search(parameters)
        if relation and "next" in relation[1].lower().split():
            return address
    return None


def _names_next(header: str) -> bool:
    try:
        told = strict_json.loads(header)
    except (BadRecord, TooLarge):
        return False
    return isinstance(told, dict) and any("next" in name.lower() and value for name, value in told.items())


def _size(spec: PageNumber | Offset | CursorToken | NextLink) -> int:
    return min(spec.size, spec.max_size) if spec.max_size else spec.size


def _size_param(spec: CursorToken | NextLink) -> tuple[tuple[str, str], ...]:
    return ((spec.size_param, str(_size(spec))),) if spec.size_param else ()


def _whole_number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else None
