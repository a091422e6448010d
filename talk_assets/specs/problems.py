"""What is wrong, where it stands, and what to do about it."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    error = "error"
    warning = "warning"
    note = "note"


@dataclass(frozen=True, order=True)
class Place:
    """A position in a file; lines and columns count from 1."""

    file: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    code: str
    severity: Severity
    place: Place
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.severity} [{self.code}] {self.message}"
        return f"{text} ({self.suggestion})" if self.suggestion else text


class SpecError(Exception):
    """One or more problems that stop a file from being used."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def error(code: str, place: Place, message: str, suggestion: str = "") -> Problem:
    return Problem(code, Severity.error, place, message, suggestion)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """A suggestion naming the closest known names, whatever their case; empty when none is close."""
    by_fold: dict[str, str] = {}
    for name in known:
        by_fold.setdefault(name.casefold(), name)
    close = difflib.get_close_matches(found.casefold(), by_fold, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(by_fold[name] for name in close)}?" if close else ""


def few(items: Sequence[str], between: str = ", ", most: int = 3) -> str:
    """The first of many things, and how many there are besides."""
    rest = len(items) - most
    return between.join(items[:most]) + (f" and {rest} more" if rest > 0 else "")


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else plural_of(noun)}"


def plural_of(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in set("aeiou") else f"{noun}s"


def shown(text: str, limit: int = 80) -> str:
    """`text` quoted for a message: control characters escaped, long texts cut."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut) + "'"
