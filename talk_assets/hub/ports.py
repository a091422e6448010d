"""What the hub is handed rather than reaches for, beside the clock: identifiers, and points at which a test may crash it."""

from collections.abc import Callable
from typing import Protocol
from uuid import uuid4

Crashpoint = Callable[[str], None]
"""Called with the name of each point at which a crash must do no harm."""
Tell = Callable[[str], None]
"""Takes a line for whoever is waiting."""


class Ids(Protocol):
    def new(self) -> str: ...


class RandomIds:
    def new(self) -> str:
        return uuid4().hex


def no_crash(_name: str) -> None:
    """In production nothing happens at a crash point."""
