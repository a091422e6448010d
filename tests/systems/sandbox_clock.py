"""Waiting moves us and the sandbox's servers ahead together, and takes no time."""

from datetime import datetime, timedelta

from talk_assets.sandbox.serve import Sandbox
from talk_assets.systems.clock import SystemClock


class SharedClock(SystemClock):
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._ahead += seconds
            self._sandbox.clock.advance(seconds)
