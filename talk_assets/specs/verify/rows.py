"""Rows that fight, feed several, turn meanings round, or cannot be written."""

import re
from collections import defaultdict
from collections.abc import Iterator

from talk_assets.specs.problems import Problem, Severity, error, shown
from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping, ResolvedRow

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_ON = {"active", "enabled", "visible", "open", "aktiv", "synlig", "apen"}
_OFF = {"inactive", "archived", "disabled", "hidden", "closed", "deleted", "inaktiv", "arkivert", "blocked", "locked"}
_NOT = {"not", "ikke", "non", "un", "no", "deny"}


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        yield from _empty(mapping)
        yield from _shared(mapping)
        for row in mapping.rows:
            yield from _inverted(mapping, row)
            yield from _identity(mapping, row)
            yield from _unwritable(mapping, row)


def _empty(mapping: ResolvedMapping) -> Iterator[Problem]:
    if mapping.creates and not any(not row.is_identity for row in mapping.rows):
        yield Problem(
            "empty-table",
            Severity.warning,
            mapping.place("target"),
            f"{mapping} creates records but names no property to fill in",
            "add rows of your own with `added: true`",
        )


def _shared(mapping: ResolvedMapping) -> Iterator[Problem]:
    writers: defaultdict[object, list[tuple[ResolvedRow, Endpoint]]] = defaultdict(list)
    readers: defaultdict[object, list[tuple[ResolvedRow, Endpoint]]] = defaultdict(list)
    for row in mapping.rows:
        for target in row.targets:
            writers[target.identity].append((row, target))
        for source in row.sources:
            readers[source.identity].append((row, source))
    for rows in writers.values():
        for row, target in rows[1:]:
            others = ", ".join(str(one.spec.source) for one, _ in rows if one is not row)
            yield Problem(
                "same-target",
                Severity.warning,
                mapping.row_place(row),
                f"{target} is written by this row and from {others}; the newest edit that is not empty wins",
                "leave one row, or tell them apart with a condition",
            )
    for rows in readers.values():
        for row, source in rows[1:]:
            others = ", ".join(str(one.spec.target) for one, _ in rows if one is not row)
            yield Problem(
                "fan-out",
                Severity.warning,
                mapping.row_place(row, "source"),
                f"{source} feeds this row and {others}; an edit of either comes back to it and goes on to all",
                "leave one row, or give the others `direction: to_target`",
            )


def _inverted(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    if not row.is_plain or row.spec.values:
        return
    source, target = row.pair
    one, other = _sense(source.path), _sense(target.path)
    if one and other and one != other:
        yield error(
            "inverted-boolean",
            mapping.row_place(row),
            f"by their names {source} and {target} mean opposite things; copied, every record would change its state",
            'turn it round: values: {"true": false, "false": true}',
        )


def _sense(path: str) -> str | None:
    """`on`, `off`, or None where a name is no state: isInactive, IsActive, IsArchived, denyAccess."""
    words = [word.casefold() for word in _WORDS.findall(path.rsplit(".", maxsplit=1)[-1])]
    state = next((word for word in words if word in _ON | _OFF), None)
    if state is None:
        return None
    turned = any(word in _NOT for word in words[: words.index(state)])
    return "on" if (state in _ON) != turned else "off"


def _identity(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    if len(row.sources) != 1 or len(row.targets) != 1:
        return
    source, target = row.pair
    if row.is_identity:
        yield Problem(
            "identity",
            Severity.info,
            mapping.row_place(row),
            f"{source} and {target} are ids that each system gives itself; the link satisfies this row, nothing is written",
        )
    elif (source.is_key or target.is_key) and row.spec.direction == "both":
        key, copy, way = (source, target, "to_target") if source.is_key else (target, source, "to_source")
        yield Problem(
            "id-copied",
            Severity.warning,
            mapping.row_place(row),
            f"{copy} receives the id {key}, and an edit of it could never come back",
            f"say `direction: {way}`",
        )


def _unwritable(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    if row.is_identity:
        return
    closed = [_closed(side) for side in (row.sources, row.targets)]
    to_target = row.spec.direction in ("both", "to_target") and not closed[1]
    to_source = row.spec.direction in ("both", "to_source") and not closed[0]
    if not to_target and not to_source:
        yield error(
            "never-written",
            mapping.row_place(row),
            f"no value ever crosses between {_names(row.sources)} and {_names(row.targets)}: neither side can be written",
        )
    elif closed[0] and row.spec.direction in ("both", "to_source"):
        yield _one_way(mapping, row, row.sources, "source")
    elif closed[1] and row.spec.direction in ("both", "to_target"):
        yield _one_way(mapping, row, row.targets, "target")


def _closed(endpoints: tuple[Endpoint, ...]) -> bool:
    return any(endpoint.spec.access == "read_only" and not endpoint.is_key for endpoint in endpoints)


def _one_way(mapping: ResolvedMapping, row: ResolvedRow, closed: tuple[Endpoint, ...], side: str) -> Problem:
    other = row.targets if side == "source" else row.sources
    return Problem(
        "one-way",
        Severity.warning,
        mapping.row_place(row, side),
        f"{_names(closed)} is read-only: an edit of {_names(other)} cannot arrive there",
        f"say `direction: {'to_target' if side == 'source' else 'to_source'}` if that is meant",
    )


def _names(endpoints: tuple[Endpoint, ...]) -> str:
    return shown(", ".join(map(str, endpoints))).strip("'")
