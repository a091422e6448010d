"""What one check found."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    passed = "passed"
    failed = "failed"
    skipped = "skipped"


@dataclass(frozen=True)
class Finding:
    entity: str
    declaration: str
    """The part of the spec that was tried."""
    result: Result
    reason: str


class Broken(Exception):
    """The system does not do what is declared."""


class Untried(Exception):
    """It could not be tried."""
