"""Draws that depend on nothing but the seed, a topic and an index: record 900,000 costs what record 1 costs."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1


def mixed(number: int) -> int:
    """A well-stirred 64-bit number (the finaliser of SplitMix64)."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)


class Draw:
    __slots__ = ("_state",)

    def __init__(self, seed: int, topic: int, index: int) -> None:
        self._state = mixed(mixed(seed * 1_000_003 + topic) ^ index)

    def below(self, limit: int) -> int:
        self._state = mixed(self._state)
        return self._state % limit

    def pick(self, among: Sequence[T]) -> T:
        return among[self.below(len(among))]

    def chance(self, per_cent: int) -> bool:
        return self.below(100) < per_cent
