"""The JSON of a write, as pure functions of what the record held and what shall be there."""

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any

from talk_assets.systems.encode import missing, raw_at

Json = Any


def nested(values: Mapping[str, Json]) -> dict[str, Json]:
    """Dotted paths as the object they describe."""
    found: dict[str, Json] = {}
    for path, value in values.items():
        put(found, path, value)
    return found


def put(record: dict[str, Json], path: str, value: Json) -> None:
    """Set one path, making the objects on its way where there are none."""
    *parents, last = path.split(".")
    for step in parents:
        inner = record.get(step)
        if not isinstance(inner, dict):
            inner = record[step] = {}
        record = inner
    record[last] = value


def drop(record: dict[str, Json], path: str) -> None:
    *parents, last = path.split(".")
    inner: Json = record
    for step in parents:
        inner = inner.get(step) if isinstance(inner, dict) else None
    if isinstance(inner, dict):
        inner.pop(last, None)


def json_patch(
    record: Mapping[str, Json], changes: Mapping[str, Json], untested: Collection[str] = (), beside: Collection[str] = ()
) -> list[Json]:
    """RFC 6902: first a test of everything we believe to be there, and of some properties `beside`, then the changes.
    `untested` values cannot be seen.
    """
    known = {path: old for path in beside if path not in untested and not missing(old := raw_at(record, path))}
    tests: list[Json] = [{"op": "test", "path": pointer(path), "value": old} for path, old in known.items()]
    edits: list[Json] = []
    for base, group in _by_missing_parent(record, changes):
        if base is None:
            for path, value in group.items():
                old = raw_at(record, path)
                if missing(old):
                    edits.append({"op": "add", "path": pointer(path), "value": value})
                    continue
                if path not in untested:
                    tests.append({"op": "test", "path": pointer(path), "value": old})
                edits.append({"op": "replace", "path": pointer(path), "value": value})
            continue
        below = {path[len(base) + 1 :]: value for path, value in group.items() if value is not None}
        if not below:
            continue
        if not missing(raw_at(record, base)):
            tests.append({"op": "test", "path": pointer(base), "value": None})
        edits.append({"op": "add", "path": pointer(base), "value": nested(below)})
    return [*tests, *edits]


def merge_patch(changes: Mapping[str, Json]) -> dict[str, Json]:
    """Only the changed members; null clears one."""
    return nested(changes)


def whole(record: Mapping[str, Json], changes: Mapping[str, Json], leave_out: Collection[str]) -> dict[str, Json]:
    """The record as it is, with the changes in it, members nobody declared included."""
    found = deepcopy(dict(record))
    for path, value in changes.items():
        put(found, path, value)
    for path in leave_out:
        drop(found, path)
    return found


def inside(envelope: str | None, record: dict[str, Json]) -> dict[str, Json]:
    """A record where an API wants it in the body of a request."""
    return nested({envelope: record}) if envelope else record


def pointer(path: str) -> str:
    """RFC 6901."""
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in path.split("."))


def _by_missing_parent(record: Mapping[str, Json], changes: Mapping[str, Json]) -> Iterator[tuple[str | None, dict[str, Json]]]:
    """Changes grouped by the outermost object on their way that is not there yet."""
    groups: dict[str | None, dict[str, Json]] = {}
    for path, value in changes.items():
        steps = path.split(".")
        parents = [".".join(steps[:depth]) for depth in range(1, len(steps))]
        base = next((parent for parent in parents if not isinstance(raw_at(record, parent), Mapping)), None)
        groups.setdefault(base, {})[path] = value
    yield from groups.items()


def merge(record: Mapping[str, Json], more: Mapping[str, Json]) -> dict[str, Json]:
    """A record with what is known beside it; the record's own values win."""
    return {**more, **{name: value for name, value in record.items() if value is not None}}
