"""Fetching the pages of a list, one after another or ahead of whoever reads them; always handed over in order."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from talk_assets.systems.reading.paging import Pager, Seen, Turn
from talk_assets.systems.reading.rows import Rows


@dataclass(frozen=True)
class Fetched:
    turn: Turn
    rows: Rows
    seen: Seen
    served: datetime | None
    """The server's clock when it answered."""


Fetch = Callable[[Turn], Fetched]


class EndsEarly(Exception):
    """The list cannot be read to its end."""


def fetch_all(fetch: Fetch, pager: Pager, *, ahead: int, max_pages: int) -> Generator[Fetched]:
    """Pages until the pager says it is the last. `ahead` pages are under way while earlier ones are read: where pages
    may be fetched out of order that many, elsewhere one.
    """
    pages = _one_after_another(fetch, pager) if ahead <= 0 else _ahead(fetch, pager, ahead if pager.parallel else 1)
    with closing(pages):
        for number, page in enumerate(pages, start=1):
            if number > max_pages:
                raise EndsEarly(f"more than {max_pages:,} pages")
            yield page


def _one_after_another(fetch: Fetch, pager: Pager) -> Generator[Fetched]:
    asked: set[Turn] = set()
    turn: Turn | None = pager.first()
    while turn:
        _once(turn, asked)
        page = fetch(turn)
        yield page
        turn = pager.after(turn, page.seen)


def _ahead(fetch: Fetch, pager: Pager, depth: int) -> Generator[Fetched]:
    asked: set[Turn] = set()
    under_way: deque[tuple[Turn, Future[Fetched]]] = deque()
    with ThreadPoolExecutor(depth, thread_name_prefix="pages") as pool:
        try:
            turn: Turn | None = pager.first()
            while turn:
                if under_way and under_way[0][0] == turn:
                    page = under_way.popleft()[1].result()
                else:
                    # The first, or pages turned out to be cut differently from what was guessed.
                    _cancel(under_way)
                    page = fetch(turn)
                _once(turn, asked)
                following = pager.after(turn, page.seen)
                is_first = len(asked) == 1
                if is_first:
                    # It may be wanted long before the others.
                    yield page
                if following:
                    _send_ahead(pager, pager.total(page.seen), following, under_way, depth, lambda t: pool.submit(fetch, t))
                if not is_first:
                    yield page
                turn = following
        finally:
            _cancel(under_way)


def _send_ahead(
    pager: Pager,
    total: int | None,
    following: Turn,
    under_way: deque[tuple[Turn, Future[Fetched]]],
    depth: int,
    submit: Callable[[Turn], Future[Fetched]],
) -> None:
    if not under_way or under_way[0][0] != following:
        _cancel(under_way)
        under_way.append((following, submit(following)))
    while pager.parallel and len(under_way) < depth:
        guess = pager.ahead(under_way[-1][0], total)
        if guess is None:
            return
        under_way.append((guess, submit(guess)))


def _cancel(under_way: deque[tuple[Turn, Future[Fetched]]]) -> None:
    for _, future in under_way:
        future.cancel()
    under_way.clear()


def _once(turn: Turn, asked: set[Turn]) -> None:
    if turn in asked:
        raise EndsEarly("the server leads back to a page that was read already")
    asked.add(turn)
