"""The time of the sandbox's servers: waiting moves us and them ahead together, and takes no time."""

from datetime import datetime

from talk_assets.sandbox.clock import TICKS_PER_SECOND, datetime_of
from talk_assets.sandbox.serve import Sandbox
from talk_assets.systems.clock import SystemClock


class SharedClock(SystemClock):
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def now(self) -> datetime:
        return datetime_of(self._sandbox.clock.ticks())

    def monotonic(self) -> float:
        return self._sandbox.clock.ticks() / TICKS_PER_SECOND

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._sandbox.clock.advance(seconds)
