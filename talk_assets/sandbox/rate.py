"""So many requests within so many seconds, counted per key."""

from collections import deque
from dataclasses import dataclass

from talk_assets.sandbox.clock import TICKS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Allowance:
    requests: int
    seconds: int = 1


class Meter:
    def __init__(self) -> None:
        self._seen: dict[str, deque[int]] = {}

    def wait(self, key: str, allowance: Allowance | None, now: int) -> int | None:
        """Counts one request; whole seconds to wait when it is one too many."""
        if allowance is None:
            return None
        window = allowance.seconds * TICKS_PER_SECOND
        seen = self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - window:
            seen.popleft()
        if len(seen) >= allowance.requests:
            return max(1, -((now - seen[0] - window) // TICKS_PER_SECOND))
        seen.append(now)
        return None

    def clear(self) -> None:
        self._seen.clear()
