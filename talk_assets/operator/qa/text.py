"""A report as text for a terminal of 80 columns, and as data."""

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from talk_assets.operator.qa.checklist import Evidence, MappingCheck, Report, RowCheck, State, Tick, Way

WIDTH = 80
_MARKS = {State.ticked: "✓", State.explained: "R", State.missed: "✗"}
_NOTHING = "·"


def lines(report: Report, *, evidence: bool = False) -> Iterator[str]:
    """The checklist. Columns of a row: came along at creation, edit there, edit back."""
    title = None
    for mapping in report.mappings:
        if mapping.title != title:
            title = mapping.title
            yield from ("", *_wrapped(title, ""))
        yield from _mapping(mapping, evidence=evidence)
    yield from _after(report)


def _mapping(mapping: MappingCheck, *, evidence: bool) -> Iterator[str]:
    mark = _MARKS[State.ticked if mapping.is_ticked else State.missed]
    names = f"{mapping.source} → {mapping.target}"
    yield _cut(f" {mark} {names}")
    for word, tick in (("created", mapping.creation), ("linked", mapping.link)):
        yield from _step(f"     {word:8} {_MARKS[tick.state]}", tick, evidence=evidence)
    for row in mapping.rows:
        kind = "document" if row.documented else "added"
        yield _cut(f"     {kind:8} {_three(row)}  {row.label}")
        for way, tick in row.ticks.items():
            if tick.state is State.missed or evidence:
                yield from _told(way, tick, evidence=evidence)


def _step(start: str, tick: Tick, *, evidence: bool) -> Iterator[str]:
    if tick.state is State.missed:
        yield from _wrapped(f"{start}  {tick.reason}", " " * 16)
    elif evidence and tick.evidence:
        yield from _wrapped(f"{start}  {evidence_line(tick.evidence)}", " " * 16)
    else:
        yield start


def _three(row: RowCheck) -> str:
    if row.by_link:
        return f"{_MARKS[row.by_link.state]} by link"
    return " ".join(_MARKS[row.ticks[way].state] if way in row.ticks else _NOTHING for way in Way)


def _told(way: Way, tick: Tick, *, evidence: bool) -> Iterator[str]:
    if tick.reason and tick.state is not State.ticked:
        yield from _wrapped(f"{way}: {tick.reason}", " " * 16)
    if evidence and tick.evidence:
        yield from _wrapped(f"{way}: {evidence_line(tick.evidence)}", " " * 16)


def evidence_line(of: Evidence) -> str:
    wrote = f" ({of.wrote})" if of.wrote else ""
    cycles = f", {of.cycles} cycle{'' if of.cycles == 1 else 's'}" if of.cycles else ""
    return f"{of.edited}{wrote} → {of.arrived}: {shown(of.before)} → {shown(of.after)}{cycles}"


def shown(value: str | None) -> str:
    return "nothing" if value is None else value


def _after(report: Report) -> Iterator[str]:
    yield ""
    yield "✓ seen to work   R the real API cannot take it (R25)   ✗ missed   · not tried"
    yield "Columns: came along when created, edit of the source, edit of the target."
    if report.explained:
        yield ""
        yield "What the real APIs cannot take (R25), counted apart:"
        for one in report.explained:
            yield from _wrapped(f"- {one.mapping}, {one.row}, {one.way}: {one.reason}", "  ")
    if report.problems:
        yield ""
        yield "Problems:"
        for problem in report.problems:
            yield from _wrapped(f"- {problem}", "  ")
    yield ""
    for what, done, total in report.tallies:
        yield f"{done} of {total} {what}"
    yield f"{len(report.explained)} directions explained by R25, {report.cycles} cycles, {report.seconds:.0f} s"


def _wrapped(text: str, indent: str) -> list[str]:
    """`text` in lines that fit; all but the first are indented, and that one too unless it is a line of its own kind."""
    first = "" if text.startswith((" ", "- ")) else indent
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent)


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def as_data(report: Report) -> dict[str, Any]:
    return {
        "passed": report.is_passed,
        "tallies": [{"what": what, "ticked": done, "of": total} for what, done, total in report.tallies],
        "explained": [dataclasses.asdict(one) for one in report.explained],
        "problems": list(report.problems),
        "cycles": report.cycles,
        "seconds": round(report.seconds, 1),
        "mappings": [_mapping_data(mapping) for mapping in report.mappings],
    }


def _mapping_data(mapping: MappingCheck) -> dict[str, Any]:
    return {
        "dataflow": mapping.dataflow,
        "title": mapping.title,
        "source": mapping.source,
        "target": mapping.target,
        "ticked": mapping.is_ticked,
        "creation": dataclasses.asdict(mapping.creation),
        "link": dataclasses.asdict(mapping.link),
        "rows": [
            {
                "source": row.source,
                "target": row.target,
                "documented": row.documented,
                "state": row.state,
                "ticks": _ticks(row.ticks) if not row.by_link else {"link": dataclasses.asdict(row.by_link)},
            }
            for row in mapping.rows
        ],
    }


def _ticks(ticks: Mapping[Way, Tick]) -> dict[str, Any]:
    return {str(way): dataclasses.asdict(tick) for way, tick in ticks.items()}
