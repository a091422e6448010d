"""Rows that fight, feed several, turn meanings round, or cannot be written."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from talk_assets.specs.dataflow import Prefer
from talk_assets.specs.model import as_text
from talk_assets.specs.problems import Place, Problem, Severity, did_you_mean, error, shown
from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping, ResolvedRow
from talk_assets.specs.topology import components
from talk_assets.specs.verify.transforms import turned_round
from talk_assets.specs.verify.values import meant, words

_WORDS = re.compile(r"[A-ZÆØÅ]?[a-zæøå0-9]+|[A-ZÆØÅ]+(?![a-zæøå])")
_ON = {"active", "enabled", "visible", "open", "aktiv", "synlig", "åpen", "apen", "activated", "aktivert"}
_OFF = {
    *("inactive", "archived", "disabled", "hidden", "closed", "deleted", "blocked", "locked", "deactivated", "discontinued"),
    *("inaktiv", "arkivert", "deaktivert", "lukket", "skjult", "slettet", "sperret", "stengt", "utgått"),
}
_NOT = ("not", "ikke", "non", "un", "no", "deny")
"""Longer ones before those they begin with."""
_IS = ("is", "er", "has")
_FLAGS = ("true", "false")


def check(resolved: Resolved) -> Iterator[Problem]:
    yield from _preferred(resolved)
    for mapping in resolved.mappings:
        yield from _empty(mapping)
        yield from _shared(mapping)
        for row in mapping.rows:
            yield from _inverted(mapping, row)
            yield from _identity(mapping, row)
            yield from _unwritable(mapping, row)
            yield from _leaves(mapping, row)
        yield from _dependent(mapping)


def _dependent(mapping: ResolvedMapping) -> Iterator[Problem]:
    for row in mapping.rows:
        for side, ends in (("source", row.sources), ("target", row.targets)):
            for end in ends:
                yield from _counts(end, mapping.row_place(row, side), "says nothing of it and is told nothing")
    for match in mapping.matches:
        for number, pair in enumerate(match.pairs):
            for place, (side, end) in enumerate(zip(("source", "target"), pair, strict=True)):
                cell = ("all", number, place) if match.spec.all else (side,)
                yield from _counts(end, mapping.place("match", match.index, *cell), "is not recognised by it")


def _counts(end: Endpoint, place: Place, otherwise: str) -> Iterator[Problem]:
    if end.depends:
        told = " and ".join(map(str, end.depends))
        message = f"{end} counts only while {told}; a record of which that is not so {otherwise}"
        yield Problem("dependent", Severity.note, place, message)


def _preferred(resolved: Resolved) -> Iterator[Problem]:
    """Systems that are preferred must be systems, and have a say in what they are preferred for."""
    known, unusable = list(resolved.catalog.systems), resolved.catalog.unusable
    is_partial = any(one.severity is Severity.error for one in (*resolved.catalog.problems, *resolved.problems))
    speaking = {} if is_partial else _speaking(resolved)
    for mapping in resolved.mappings:
        rules = [(mapping.spec.conflicts, mapping.rows, mapping.place("conflicts"))]
        rules += [(row.spec.conflicts, (row,), mapping.row_place(row, "conflicts")) for row in mapping.rows]
        for rule, rows, place in rules:
            if not isinstance(rule, Prefer):
                continue
            have_say = {system for row in rows for end in row.sources for system in speaking.get(end.identity, ())}
            for system in rule.prefer:
                if system not in known and system not in unusable:
                    hint = did_you_mean(system, known) or f"known are {', '.join(known)}"
                    yield error("unknown-system", place, f"there is no system {system!r} to prefer", hint)
                elif have_say and system not in have_say:
                    yield Problem(
                        "no-say",
                        Severity.warning,
                        place,
                        f"{system} is preferred and has no say here: no row joins a property of it to these",
                        f"name {' or '.join(sorted(have_say))}, or leave it out",
                    )


def _speaking(resolved: Resolved) -> Mapping[tuple[str, str], set[str]]:
    """By property: the systems of all those that rows lead to from there."""
    ends = [(*row.sources, *row.targets) for one in resolved.mappings for row in one.rows if not row.is_identity]
    systems = {end.identity: end.entity.system.system for row in ends for end in row}
    joined = components(systems, [(row[0].identity, end.identity) for row in ends for end in row[1:]])
    return {one: together for group in joined if (together := {systems[one] for one in group}) for one in group}


def _leaves(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    """A row may write what tells an entity's records from others of the same endpoint."""
    for way, read, written, side in (
        ("to_target", row.sources, row.targets, "target"),
        ("to_source", row.targets, row.sources, "source"),
    ):
        for end in written if row.spec.direction in ("both", way) else ():
            own, given = _own(end), _given(row, read, way)
            if own and end.spec.access != "read_only" and not (given and given <= own):
                yield Problem(
                    "leaves-entity",
                    Severity.warning,
                    mapping.row_place(row, side),
                    f"records of {end.entity} are those of which {end.path} is {' or '.join(sorted(own))}, by its `where`; "
                    "one to which this row writes another value is none any more, and counts as gone",
                    "leave the row out, or give it `values` or a `direction` by which no other value comes there",
                )


def _own(end: Endpoint) -> set[str]:
    """What a property must hold in the records of its entity, if that tells them from others."""
    return {meant(end.spec, value) for value in end.entity.spec.where.get(end.path, ()) if value is not None}


def _given(row: ResolvedRow, read: Sequence[Endpoint], way: str) -> set[str]:
    """The values that a row may write, where they are known."""
    if row.spec.join or getattr(row.spec, way):
        return set()
    if row.spec.values is not None:
        return set(map(as_text, row.spec.values.values())) if way == "to_target" else set(row.spec.values)
    return _own(read[0]) or set(words(read[0].spec))


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
    returning: defaultdict[object, list[tuple[ResolvedRow, Endpoint]]] = defaultdict(list)
    for row in mapping.rows:
        if row.spec.direction != "to_source":
            for identity, target in {end.identity: end for end in row.targets}.items():
                writers[identity].append((row, target))
        if row.spec.direction != "to_target":
            for identity, source in {end.identity: end for end in row.sources}.items():
                returning[identity].append((row, source))
    for rows in writers.values():
        for row, target in rows[1:]:
            others = _others(rows, row, "source")
            yield Problem(
                "same-target",
                Severity.warning,
                mapping.row_place(row),
                f"{target} is written by this row and from {others}; the newest edit that is not empty wins",
                "leave one row, or give the others `direction: to_source`",
            )
    for rows in returning.values():
        for row, source in rows[1:]:
            yield Problem(
                "fan-out",
                Severity.warning,
                mapping.row_place(row, "source"),
                f"{source} feeds this row and {_others(rows, row, 'target')}; "
                "an edit of either comes back to it and goes on to all",
                "leave one row, or give the others `direction: to_target`",
            )


def _others(rows: Sequence[tuple[ResolvedRow, Endpoint]], row: ResolvedRow, side: str) -> str:
    nearest = [one for one, _ in rows[:4] if one is not row][:3]
    more = len(rows) - 1 - len(nearest)
    return ", ".join(str(getattr(one.spec, side)) for one in nearest) + (f" and {more} more" if more else "")


def _inverted(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    if len(row.sources) != 1 or len(row.targets) != 1:
        return
    source, target = row.pair
    one, other, turned = sense(source.path), sense(target.path), _turned(row)
    if not one or not other or turned is None or (one != other) == turned:
        return
    if turned:
        message = f"by their names {source} and {target} mean the same, but the row turns one into the other's opposite"
        yield error("inverted-boolean", mapping.row_place(row), message, "let true be true and false be false")
    else:
        yield error(
            "inverted-boolean",
            mapping.row_place(row),
            f"by their names {source} and {target} mean opposite things; copied, every record would change its state",
            'turn it round: values: {"true": false, "false": true}',
        )


def _turned(row: ResolvedRow) -> bool | None:
    """Whether true becomes false on the way; None where the row says neither."""
    if row.spec.to_target or row.spec.to_source:
        return turned_round(row)
    if row.spec.values is None:
        return False
    kept = [as_text(value) == key for key, value in row.spec.values.items() if key in _FLAGS and as_text(value) in _FLAGS]
    return not kept[0] if kept and len(set(kept)) == 1 else None


def sense(path: str) -> str | None:
    """`on`, `off`, or None where a name is no state: isInactive, IsActive, isarchived, denyAccess, åpen."""
    turned = False
    for word in _WORDS.findall(path.rsplit(".", maxsplit=1)[-1]):
        state, negated = _state(word.casefold())
        turned ^= negated
        if state:
            return "on" if (state == "on") != turned else "off"
    return None


def _state(word: str) -> tuple[str | None, bool]:
    """What a word says about a state, and whether it says the opposite of what follows; `isnotactive` is one word too."""
    turned = False
    while word not in _ON | _OFF:
        if word in _NOT:
            return None, not turned
        prefix = next((start for start in (*_IS, *_NOT) if word.startswith(start) and _ends_in_state(word[len(start) :])), None)
        if prefix is None:
            return None, turned
        turned ^= prefix in _NOT
        word = word[len(prefix) :]
    return "on" if word in _ON else "off", turned


def _ends_in_state(word: str) -> bool:
    return any(word.endswith(state) for state in _ON | _OFF)


def _identity(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    if len(row.sources) != 1 or len(row.targets) != 1:
        return
    source, target = row.pair
    if row.is_identity:
        yield Problem(
            "identity",
            Severity.note,
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
    ways = {
        way: (read, written)
        for way, read, written in (("to_target", row.sources, row.targets), ("to_source", row.targets, row.sources))
        if row.spec.direction in ("both", way)
    }
    blocked = {way: why for way, (read, written) in ways.items() if (why := _no_way(read, written))}
    if len(blocked) == len(ways):
        yield error(
            "never-written",
            mapping.row_place(row),
            f"no value ever crosses between {_names(row.sources)} and {_names(row.targets)}: {' and '.join(blocked.values())}",
        )
    else:
        yield from (_one_way(mapping, row, way, why) for way, why in blocked.items())


def _no_way(read: tuple[Endpoint, ...], written: tuple[Endpoint, ...]) -> str:
    """Why nothing goes from some properties to others; empty where it does."""
    if any(end.spec.access == "write_only" for end in read):
        return f"{_names(read)} never comes back from its API"
    if any(end.spec.access == "read_only" and not end.is_key for end in written):
        return f"{_names(written)} is read-only"
    return ""


def _one_way(mapping: ResolvedMapping, row: ResolvedRow, way: str, why: str) -> Problem:
    read, side, other = (row.sources, "target", "to_source") if way == "to_target" else (row.targets, "source", "to_target")
    return Problem(
        "one-way",
        Severity.warning,
        mapping.row_place(row, side),
        f"{why}: an edit of {_names(read)} cannot arrive on the other side",
        f"say `direction: {other}` if that is meant",
    )


def _names(endpoints: tuple[Endpoint, ...]) -> str:
    return shown(", ".join(map(str, endpoints))).strip("'")
