"""When to ask again, by what is known of the last attempt. A write is sent again only if it provably was not carried out."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from talk_assets.systems.calling.http import Answer
from talk_assets.systems.clock import Clock
from talk_assets.systems.errors import NoAnswer, NotSent, Throttled

Kind = Literal["read", "write"]
TOO_MANY = 429
_PASSING = frozenset({408, 500, 502, 503, 504})
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
"""RFC 9110 has whole ones; some servers say `2.0`."""


@dataclass(frozen=True)
class Patience:
    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 30
    longest_rest: float = 300
    """A longer Retry-After is for the scheduler, not for a run."""


class Retrying:
    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        pause: Callable[[float], None],
        is_doubted: Callable[[Kind], bool],
        *,
        rest: float = 1,
        patience: Patience | None = None,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._pause = pause
        self._is_doubted = is_doubted
        self._rest = rest
        self._patience = patience or Patience()

    def run(self, send: Callable[[], Answer], kind: Kind) -> Answer:
        """The last answer, whatever it says; or what kept the last attempt from one."""
        attempt = 1
        while True:
            last = attempt >= self._patience.attempts
            try:
                answer = send()
            except NotSent:
                if last or self._is_doubted(kind):
                    raise
                self._back_off(attempt)
            except NoAnswer:
                if last or kind == "write" or self._is_doubted(kind):
                    raise
                self._back_off(attempt)
            else:
                if answer.status == TOO_MANY:
                    self._rest_after(answer, attempt)
                    if last:
                        return answer
                elif kind == "read" and answer.status in _PASSING and not last:
                    self._rest_or_back_off(answer, attempt)
                else:
                    return answer
            attempt += 1

    def _back_off(self, attempt: int) -> None:
        self._clock.sleep(self._jitter(attempt))

    def _rest_or_back_off(self, answer: Answer, attempt: int) -> None:
        asked = retry_after(answer)
        if asked is None:
            self._back_off(attempt)
        else:
            self._clock.sleep(self._bounded(asked, answer))

    def _rest_after(self, answer: Answer, attempt: int) -> None:
        asked = retry_after(answer)
        wait = self._rest + self._jitter(attempt) if asked is None else self._bounded(asked, answer)
        # The budget makes everybody wait, this request included when it asks for its next turn.
        self._pause(wait)

    def _bounded(self, seconds: float, answer: Answer) -> float:
        if seconds > self._patience.longest_rest:
            raise Throttled(
                f"{answer.told}: HTTP {answer.status} asks for {seconds:,.0f} seconds of rest, longer than one run waits "
                f"({self._patience.longest_rest:g}); what is left is done by a later run",
                seconds,
            )
        return seconds

    def _jitter(self, attempt: int) -> float:
        return self._chance.uniform(0, min(self._patience.longest_wait, self._patience.first_wait * 2**attempt))


def retry_after(answer: Answer) -> float | None:
    """Seconds the server asks for; nothing where it says nothing or nonsense."""
    text = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text) if len(text) < len("999999999999") else float("inf")
    until = http_date(text)
    if until is None:
        return None
    # Both dates by the server's clock, so that its error cancels out.
    now = http_date(answer.headers.get("date", "")) or answer.received
    return max(0.0, (until - now).total_seconds())


def http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
