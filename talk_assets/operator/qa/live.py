"""What a look at a hub that is in use found: what is linked, in step, of the right type and there once."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from talk_assets.operator.names import in_one

SHOWN = 3
"""Examples of each kind."""


@dataclass(frozen=True)
class LiveRow:
    source: str
    target: str
    documented: bool
    pairs: int
    """Linked pairs of which both sides say something."""
    differ: int
    misfits: int
    """Pairs with a value that is not of the property's type."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why pairs differ that cannot agree, and how many: what an API cannot take, or a record that a system does not have."""
    examples: tuple[str, ...] = ()
    """Of pairs that differ for no known reason."""
    records: tuple[str, ...] = ()
    """Source records of those pairs, and of pairs with a misfit."""

    @property
    def is_in_sync(self) -> bool:
        return self.differ == sum(self.reasons.values()) and not self.misfits


@dataclass(frozen=True)
class LiveMapping:
    title: str
    source: str
    target: str
    records: int
    linked: int
    reasons: dict[str, int] = field(default_factory=dict)
    """Why source records have no counterpart, and how many."""
    lost: tuple[str, ...] = ()
    """Some of those for which no reason is known."""
    duplicates: int = 0
    doubled: tuple[str, ...] = ()
    """Some target records that have the same counterpart."""
    rows: tuple[LiveRow, ...] = ()

    @property
    def is_linked(self) -> bool:
        return self.linked + sum(count for reason, count in self.reasons.items() if reason) == self.records

    @property
    def is_passed(self) -> bool:
        return self.is_linked and not self.duplicates and all(row.is_in_sync for row in self.rows)


@dataclass(frozen=True)
class LiveReport:
    mappings: tuple[LiveMapping, ...]
    problems: tuple[str, ...]
    unread: Mapping[str, str] = field(default_factory=dict)
    """Why entities could not be read the last time: what is there by now was not looked at."""

    @property
    def is_passed(self) -> bool:
        return not self.problems and all(mapping.is_passed for mapping in self.mappings)


def together(one: LiveMapping, other: LiveMapping) -> LiveMapping:
    """The same mapping over more records."""
    return replace(
        one,
        records=one.records + other.records,
        linked=one.linked + other.linked,
        reasons=_added(one.reasons, other.reasons),
        lost=(one.lost + other.lost)[:SHOWN],
        duplicates=one.duplicates + other.duplicates,
        doubled=(one.doubled + other.doubled)[:SHOWN],
        rows=tuple(
            replace(
                here,
                pairs=here.pairs + more.pairs,
                differ=here.differ + more.differ,
                misfits=here.misfits + more.misfits,
                reasons=_added(here.reasons, more.reasons),
                examples=(here.examples + more.examples)[:SHOWN],
                records=(here.records + more.records)[:SHOWN],
            )
            for here, more in zip(one.rows, other.rows, strict=True)
        ),
    )


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return dict((Counter(one) + Counter(other)).most_common())


def lines(report: LiveReport) -> Iterator[str]:
    title = None
    for mapping in report.mappings:
        if mapping.title != title:
            title = mapping.title
            yield from ("", title)
        yield f" {_mark(mapping.is_passed, mapping.records)} {mapping.source} → {mapping.target}"
        yield f"     linked   {_mark(mapping.is_linked, mapping.records)}  {mapping.linked} of {mapping.records}"
        for reason, count in mapping.reasons.items():
            yield f"                 {count}: {reason or 'no reason is known'}"
        yield f"     unique   {_mark(not mapping.duplicates, mapping.records)}  {mapping.duplicates} duplicates"
        for row in mapping.rows:
            kind = "document" if row.documented else "added"
            yield f"     {kind:8} {_mark(row.is_in_sync, row.pairs)}  {row.source} ↔ {row.target}: {_counted(row)}"
            yield from (f"                 {count}: {reason}" for reason, count in row.reasons.items())
            yield from (f"                 {example}" for example in row.examples)
    yield ""
    yield from report.problems
    for key, reason in in_one(report.unread).items():
        yield f"could not be read, so this is what was there before: {key}: {reason}"
    passed = sum(one.is_passed for one in report.mappings)
    yield f"{passed} of {len(report.mappings)} mappings in order; · is what there are no records of yet"


def _counted(row: LiveRow) -> str:
    differ = f", {row.differ} differ" if row.differ else ""
    misfits = f", {row.misfits} of another type" if row.misfits else ""
    return f"{row.pairs} pairs{differ}{misfits}"


def _mark(fine: bool, seen: int) -> str:  # noqa: FBT001  (what it marks)
    """What nothing was seen of is not ticked."""
    if not fine:
        return "✗"
    return "✓" if seen else "·"


def as_data(report: LiveReport) -> dict[str, Any]:
    return {
        "passed": report.is_passed,
        "problems": list(report.problems),
        "unread": dict(report.unread),
        "mappings": [
            {**dataclasses.asdict(mapping), "passed": mapping.is_passed, "rows": [_row_data(row) for row in mapping.rows]}
            for mapping in report.mappings
        ],
    }


def _row_data(row: LiveRow) -> dict[str, Any]:
    return {**dataclasses.asdict(row), "in_sync": row.is_in_sync}
