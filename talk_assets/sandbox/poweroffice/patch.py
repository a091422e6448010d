"""JSON Patch as .NET applies it to a typed object: paths in any case, all operations or none, `test` on typed values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talk_assets.sandbox.shape import Complaint, Flat, Property, Shape, converted

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")
_NEEDS_FROM = ("move", "copy")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path leads: a property, a group of them, or one item of a list."""

    text: str
    prop: Property | None = None
    group: str | None = None
    item: str | None = None


def patched(of: Shape, dto: str, current: Mapping[str, Any], operations: Any) -> Flat:
    """The values that a patch of `current` changes. Raises Complaint where any of its operations fails."""
    if not isinstance(operations, list) or not all(isinstance(op, dict) for op in operations):
        raise Complaint("", "patch", "The body is no array of operations.")
    return _Patch(of, dto, dict(current)).run(operations)


class _Patch:
    def __init__(self, of: Shape, dto: str, values: Flat) -> None:
        self._of = of
        self._dto = dto
        self._before = values
        self._values = dict(values)

    def run(self, operations: list[dict[str, Any]]) -> Flat:
        for operation in operations:
            self._apply({str(name).lower(): value for name, value in operation.items()})
        paths = self._before.keys() | self._values.keys()
        return {path: self._values.get(path) for path in paths if self._values.get(path) != self._before.get(path)}

    def _apply(self, operation: Mapping[str, Any]) -> None:
        name, path = operation.get("op"), operation.get("path")
        if name not in _OPERATIONS or not isinstance(path, str):
            raise Complaint("", "patch", f"{self._dto}: Invalid JsonPatch operation '{name}'.")
        place = self._place(path)
        value = operation.get("value")
        if name in _NEEDS_FROM:
            source = self._place(str(operation.get("from") or ""))
            value = self._read(source)
            if name == "move":
                self._remove(source)
        match name:
            case "test":
                self._test(place, value)
            case "remove":
                self._remove(place)
            case "replace" if place.item is not None:
                self._replace_item(place, value)
            case _:
                self._set(place, value)

    def _place(self, path: str) -> _Place:
        segments = [part.replace("~1", "/").replace("~0", "~") for part in path.removeprefix("/").split("/")]
        first = segments[0].lower()
        groups = {group.lower(): group for group in self._of.groups}
        if first in groups:
            if len(segments) == 1:
                return _Place(path, group=groups[first])
            prop = self._patchable(f"{first}.{segments[1].lower()}", segments[1])
            if not self._has(groups[first]):
                raise Complaint(
                    prop.path, "patch", f"{self._dto}: The target location specified by path '{path}' was not found."
                )
            return self._whole(path, prop, segments[2:])
        prop = self._patchable(first, segments[0])
        if prop.kind == "ints" and len(segments) == 2:
            return _Place(path, prop=prop, item=segments[1])
        return self._whole(path, prop, segments[1:])

    def _patchable(self, path: str, segment: str) -> Property:
        prop = self._of.by_lower.get(path)
        if prop is None or not prop.on_update:
            raise self._nowhere(segment)
        return prop

    def _whole(self, path: str, prop: Property, rest: list[str]) -> _Place:
        if rest:
            raise self._nowhere(rest[0])
        return _Place(path, prop=prop)

    def _nowhere(self, segment: str) -> Complaint:
        message = f"{self._dto}: The target location specified by path segment '{segment.lower()}' was not found."
        return Complaint(segment, "patch", message)

    def _has(self, group: str) -> bool:
        return any(self._values.get(p.path) is not None for p in self._of.inside(group))

    def _read(self, place: _Place) -> Any:
        if place.group is not None:
            inside = {p.path.rpartition(".")[2]: self._values.get(p.path) for p in self._of.inside(place.group)}
            return inside if self._has(place.group) else None
        value = self._values.get(_path(place))
        return self._list(place)[self._index(place)] if place.item is not None else value

    def _set(self, place: _Place, value: Any) -> None:
        if place.group is not None:
            self._set_group(place.group, value)
        elif place.item is not None:
            items = self._list(place)
            at = len(items) if place.item == "-" else self._index(place, adding=True)
            self._values[_path(place)] = [*items[:at], self._number(place, value), *items[at:]]
        else:
            prop = place.prop
            self._values[_path(place)] = converted(prop, value, lenient=True) if prop else None

    def _set_group(self, group: str, value: Any) -> None:
        if value is not None and not isinstance(value, dict):
            raise Complaint(group, "patch", f"{self._dto}: The value for '{group}' is not an object.")
        given = {f"{group}.{name}".lower(): part for name, part in (value or {}).items()}
        for path in given:
            self._patchable(path, path.rpartition(".")[2])
        for prop in self._of.inside(group):
            if prop.on_update:
                self._values[prop.path] = converted(prop, given.get(prop.path.lower()), lenient=True)
            elif value is None:
                self._values[prop.path] = None

    def _remove(self, place: _Place) -> None:
        if place.item is not None:
            items = self._list(place)
            at = len(items) - 1 if place.item == "-" and items else self._index(place)
            self._values[_path(place)] = [*items[:at], *items[at + 1 :]]
        else:
            self._set(place, None)

    def _replace_item(self, place: _Place, value: Any) -> None:
        items = self._list(place)
        at = self._index(place)
        self._values[_path(place)] = [*items[:at], self._number(place, value), *items[at + 1 :]]

    def _test(self, place: _Place, value: Any) -> None:
        current = self._read(place)
        if place.group is not None:
            given = {str(name).lower(): part for name, part in value.items()} if isinstance(value, dict) else value
            shown = {name.lower(): part for name, part in current.items() if name.lower() in (given or {})} if current else None
            same = shown == given
        elif place.item is not None:
            same = current == self._number(place, value)
        else:
            try:
                same = place.prop is not None and current == converted(place.prop, value, lenient=True)
            except Complaint:
                same = False
        if not same:
            found = f"The current value '{_shown(current)}' at path '{place.text}'"
            raise Complaint(place.text, "test", f"{self._dto}: {found} is not equal to the test value '{_shown(value)}'.")

    def _list(self, place: _Place) -> list[int]:
        return list(self._values.get(_path(place)) or [])

    def _index(self, place: _Place, *, adding: bool = False) -> int:
        size = len(self._list(place)) + adding
        if place.item is None or not place.item.isdecimal() or int(place.item) >= size:
            raise Complaint(
                place.text, "patch", f"{self._dto}: The index value provided by path segment '{place.item}' is out of bounds."
            )
        return int(place.item)

    def _number(self, place: _Place, value: Any) -> int:
        return converted(Property(_path(place), "int", on_create=True, on_update=True, shown=True), value, lenient=True)


def _path(place: _Place) -> str:
    return place.prop.path if place.prop else ""


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)
