"""How long a system has not answered. One that does not is asked less and less, so that nobody waits for it all day."""

import threading
from collections.abc import Callable
from typing import TypeVar

from talk_assets.systems.clock import Clock
from talk_assets.systems.errors import BadAnswer, NoAnswer, NotSent

DOUBT = 60.0
"""Seconds of waiting for answers that did not come. From then on nothing is tried a second time; …"""
REST = 60.0
"""… after twice as many, or once it cannot be reached at all, nothing is asked for so long. Then one request tries."""
_T = TypeVar("_T")


class Silence:
    """Of one kind of request to one client, for all threads. Any answer ends it, whatever it says."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waited = 0.0
        self._rests_until: float | None = None
        self._last = ""

    @property
    def is_doubted(self) -> bool:
        return self._waited >= DOUBT

    def require_hope(self) -> None:
        """Raises while the system is left alone; whoever comes first after that finds out for all others."""
        with self._lock:
            if self._rests_until is None:
                return
            if (now := self._clock.monotonic()) < self._rests_until:
                raise NotSent(f"not asked again so soon after: {self._last}")
            self._rests_until = now + REST

    def measured(self, exchange: Callable[[], _T]) -> _T:
        """One request, and how long it took if nothing came of it."""
        started = self._clock.monotonic()
        try:
            answer = exchange()
        except (NotSent, NoAnswer) as failure:
            with self._lock:
                self._waited += self._clock.monotonic() - started
                if self._waited >= 2 * DOUBT:
                    self._rest_after(failure)
            raise
        except BadAnswer:
            self._heard()
            raise
        self._heard()
        return answer

    def unreachable(self, failure: NotSent) -> None:
        """However often it was tried, not a byte reached the system."""
        with self._lock:
            self._waited = max(self._waited, DOUBT)
            self._rest_after(failure)

    def _heard(self) -> None:
        with self._lock:
            self._waited, self._rests_until = 0.0, None

    def _rest_after(self, failure: Exception) -> None:
        self._last = str(failure)
        self._rests_until = self._clock.monotonic() + REST
