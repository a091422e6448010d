"""Values must survive the way to the other side and back."""

from collections.abc import Iterator
from dataclasses import dataclass

from talk_assets.specs.dataflow import VerbatimType
from talk_assets.specs.problems import Problem, Severity, error
from talk_assets.specs.property import Property
from talk_assets.specs.resolve import Resolved, ResolvedMapping, ResolvedRow

_NUMBERS = {"integer", "decimal"}
_TIMES = {"date", "datetime"}
_DOCUMENTED = {"string": {"string"}, "integer": {"integer"}, "float": {"decimal"}, "boolean": {"boolean"}}


@dataclass(frozen=True)
class Obstacle:
    """Why values do not cross and come back as they were."""

    reason: str
    impossible: bool


def obstacle(source: Property, target: Property) -> Obstacle | None:
    """None where every value of either side has exactly one counterpart on the other."""
    kinds = {source.type, target.type}
    if kinds == {"string"}:
        return _formats(source, target)
    if len(kinds) == 1:
        return None
    if kinds == {"string", "integer"} and "digits" in (source.format, target.format):
        return None
    if kinds == {"string", "integer"}:
        return Obstacle("text that is not a whole number cannot become an integer", impossible=True)
    if kinds == _NUMBERS:
        return Obstacle("a decimal's fraction is lost in an integer", impossible=False)
    if kinds == _TIMES:
        return Obstacle("the time of day is lost in a date", impossible=False)
    names = " and ".join(sorted(kinds))
    return Obstacle(f"{names} do not convert into each other", impossible=True)


def _formats(source: Property, target: Property) -> Obstacle | None:
    if source.format and target.format and source.format != target.format:
        return Obstacle(f"one side holds {source.format}, the other {target.format}", impossible=False)
    if source.max_length and target.max_length and source.max_length != target.max_length:
        shortest = min(source.max_length, target.max_length)
        return Obstacle(f"one side holds at most {shortest} characters, the other more", impossible=False)
    return None


def is_reference(row: ResolvedRow) -> bool:
    """Both sides name other records: the value is translated, so its type says nothing."""
    return all(endpoint.spec.references for endpoint in (*row.sources, *row.targets))


def row_obstacle(row: ResolvedRow) -> Obstacle | None:
    if not row.is_plain or row.is_identity or row.spec.values or is_reference(row):
        return None
    source, target = row.pair
    return obstacle(source.spec, target.spec)


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        for row in mapping.rows:
            if found := row_obstacle(row):
                yield _mismatch(mapping, row, found)
            yield from _documented(mapping, row)


def _mismatch(mapping: ResolvedMapping, row: ResolvedRow, found: Obstacle) -> Problem:
    source, target = row.pair
    place = mapping.row_place(row)
    message = f"{source} ({source.spec.type}) and {target} ({target.spec.type}): {found.reason}"
    if found.impossible:
        return error("type-mismatch", place, message, "give the row `values`, or `to_target` and `to_source`")
    return Problem("lossy-type", Severity.warning, place, message, "an edit on the fuller side may come back shortened")


def _documented(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    documented = row.spec.type
    if documented is None or isinstance(documented, VerbatimType) or len(row.targets) != 1:
        return
    expected, target = _DOCUMENTED.get(documented), row.targets[0]
    if expected and target.spec.type not in expected:
        yield Problem(
            "documented-type",
            Severity.note,
            mapping.row_place(row, "type"),
            f"the document calls {target} {documented}, its system spec says {target.spec.type}; the system spec is followed",
        )
