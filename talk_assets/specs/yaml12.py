"""YAML 1.2 as specs need it: `NO` and `0150` stay text, nothing is said twice, every value knows where it stands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

from talk_assets.specs.problems import Place, SpecError, error, shown
from talk_assets.specs.yaml_mistakes import explained

Step: TypeAlias = str | int
Trail: TypeAlias = tuple[Step, ...]

MAX_DEPTH = 20
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")


@dataclass(frozen=True)
class Tree:
    """The plain data of one YAML file and the place of each value and key in it."""

    file: Path
    data: Any
    values: Mapping[Trail, Place]
    keys: Mapping[Trail, Place]

    def place(self, *trail: Step) -> Place:
        """Where the value at `trail` stands, or the nearest value around it that exists."""
        return self._nearest(self.values, trail)

    def key_place(self, *trail: Step) -> Place:
        return self._nearest(self.keys, trail)

    def _nearest(self, places: Mapping[Trail, Place], trail: Trail) -> Place:
        if trail in places:
            return places[trail]
        for end in range(len(trail), -1, -1):
            if trail[:end] in self.values:
                return self.values[trail[:end]]
        return Place(self.file)


def parse(text: str, file: Path) -> Tree:
    """Read one YAML document; every mistake is a SpecError with its place."""
    try:
        return _Builder(file, yaml.parse(text, Loader=_LOADER)).tree()
    except yaml.MarkedYAMLError as failure:
        mark, reason, hint = explained(failure, text)
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        raise SpecError(error("yaml", place, f"not valid YAML: {reason}", hint)) from failure
    except yaml.YAMLError as failure:
        found = getattr(failure, "position", None)
        before = text[:found] if isinstance(found, int) else ""
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        reason = getattr(failure, "reason", None) or str(failure).splitlines()[0]
        raise SpecError(error("yaml", place, f"not valid YAML: {reason}")) from failure


def _plain(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= 18 else text
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text


class _Builder:
    def __init__(self, file: Path, events: Iterator[Any]) -> None:
        self.file = file
        self.events = events
        self.values: dict[Trail, Place] = {}
        self.keys: dict[Trail, Place] = {}

    def tree(self) -> Tree:
        data: Any = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                data = self._value(next(self.events), ())
                next(self.events)
                self._refuse_second_document()
        return Tree(self.file, data, MappingProxyType(self.values), MappingProxyType(self.keys))

    def _refuse_second_document(self) -> None:
        following = next(self.events)
        if isinstance(following, yaml.DocumentStartEvent):
            raise self._problem(following, "a second YAML document starts here", "keep one spec in one file")

    def _problem(self, event: Any, message: str, suggestion: str = "") -> SpecError:
        return SpecError(error("yaml", self._at(event), message, suggestion))

    def _at(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _value(self, event: Any, trail: Trail) -> Any:
        if isinstance(event, yaml.AliasEvent):
            raise self._problem(
                event, f"the alias *{event.anchor} is not allowed", "write the value out, or put text in quotes"
            )
        if event.anchor:
            raise self._problem(
                event,
                f"the anchor &{event.anchor} is not allowed",
                "write the value out where it is used, or put text in quotes",
            )
        if event.tag and event.tag != "!":
            raise self._problem(
                event, f"the tag {event.tag} is not allowed", "leave it out, or put text that begins with ! in quotes"
            )
        if len(trail) > MAX_DEPTH:
            raise self._problem(event, f"nested deeper than {MAX_DEPTH} levels")
        self.values[trail] = self._at(event)
        if isinstance(event, yaml.ScalarEvent):
            return event.value if event.style else _plain(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(trail)
        return self._mapping(trail)

    def _sequence(self, trail: Trail) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*trail, len(items))))
        return items

    def _mapping(self, trail: Trail) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor:
                raise self._problem(
                    event, "a key must be plain text, without anchor or alias", "put text that begins with { or [ in quotes"
                )
            key = event.value
            if key == "<<" and not event.style:
                raise self._problem(event, "merge keys (<<) are not allowed", "write the values out")
            if key in entries:
                first = self.keys[(*trail, key)]
                raise self._problem(
                    event, f"the key {shown(key)} stands here twice, first on line {first.line}", "leave one of them out"
                )
            self.keys[(*trail, key)] = self._at(event)
            entries[key] = self._value(next(self.events), (*trail, key))
        return entries
