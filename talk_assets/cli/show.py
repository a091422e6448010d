"""How problems, and data, look on a terminal and in JSON."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import click

from talk_assets.specs.problems import Problem, Severity, plural

_COLOURS = {Severity.error: "red", Severity.warning: "yellow", Severity.note: "blue"}
_NOT_PLAIN = re.compile(r"[^ -~\n]")

LEAST = {
    "note": set(Severity),
    "warning": {Severity.error, Severity.warning},
    "error": {Severity.error},
}
"""What is shown when asked for a least weight."""


def printable(text: str) -> str:
    """`text` without anything that could steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def json_text(data: object) -> str:
    """Data for programs, in which nothing could steer a terminal either."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    return _NOT_PLAIN.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)


def show_problems(problems: Iterable[Problem], *, err: bool = False) -> None:
    for problem in problems:
        word = click.style(problem.severity, fg=_COLOURS[problem.severity], bold=True)
        hint = click.style(f" ({printable(problem.suggestion)})", dim=True) if problem.suggestion else ""
        place = click.style(printable(str(problem.place)), bold=True)
        click.echo(f"{place}: {word} [{problem.code}] {printable(problem.message)}{hint}", err=err)


def counted(problems: Sequence[Problem]) -> str:
    found = Counter(problem.severity for problem in problems)
    return ", ".join(plural(found[severity], severity) for severity in Severity)


def problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "file": str(problem.place.file),
        "line": problem.place.line,
        "column": problem.place.column,
        "message": problem.message,
        "suggestion": problem.suggestion or None,
    }
