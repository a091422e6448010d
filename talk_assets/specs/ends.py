"""The ends of rows and match rules: which property a cell names, and what its record must hold for it to count."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from talk_assets.expressions import Properties
from talk_assets.specs.problems import shown
from talk_assets.specs.property import Property
from talk_assets.specs.system import Entity, SystemSpec

_CELL = re.compile(r"(?P<path>.*?) \((?P<dependants>Dependant on having .*)\)", re.DOTALL)
_ONE = re.compile(r"Dependant on having (.*?) in (.*?)(?=Dependant on having |$)", re.DOTALL)
_WHOLE = re.compile(r"[-+]?[0-9]+")
_COMPARED = ("string", "integer", "boolean")


@dataclass(frozen=True)
class Cell:
    """What a document writes in a table's cell: a path, and what must hold for it to apply."""

    text: str
    path: str
    dependants: tuple[tuple[str, str], ...] = ()
    """(value, path) pairs: the path must hold the value."""


def read_cell(text: str) -> Cell:
    found = _CELL.fullmatch(text)
    if not found:
        return Cell(text, text)
    dependants = tuple((value, path) for value, path in _ONE.findall(found["dependants"]))
    return Cell(text, found["path"], dependants)


@dataclass(frozen=True)
class Dependence:
    """What a record must hold for one of its properties to count."""

    path: str
    value: str
    """As it is between stages."""

    def __str__(self) -> str:
        return f"{self.path} is {shown(self.value)}"


@dataclass(frozen=True)
class EntityRef:
    system: SystemSpec
    name: str

    @cached_property
    def spec(self) -> Entity:
        return self.system.entities[self.name]

    @property
    def key(self) -> str:
        return f"{self.system.system}.{self.name}"

    @cached_property
    def types(self) -> Properties:
        return {path: prop.type for path, prop in self.spec.properties.items()}

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        return {alias: path for path, prop in self.spec.properties.items() for alias in prop.aliases}

    def find(self, name: str) -> str | None:
        """The path that a name means: a property of this entity, or another name for one."""
        return name if name in self.spec.properties else self._aliases.get(name)

    def prop(self, path: str) -> Property:
        return self.spec.properties[path]

    @property
    def names(self) -> list[str]:
        return [*self.spec.properties, *self._aliases]

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True)
class Endpoint:
    """One property as a row names it."""

    entity: EntityRef
    path: str
    cell: Cell
    depends: tuple[Dependence, ...] = ()
    """Where these do not hold all, its record says nothing of it and is told nothing of it."""

    @property
    def spec(self) -> Property:
        return self.entity.prop(self.path)

    @property
    def is_key(self) -> bool:
        return self.path == self.entity.spec.key

    @property
    def identity(self) -> tuple[str, str]:
        """What this writes to: two rows with the same identity write the same value."""
        return (self.entity.key, self.path)

    def __str__(self) -> str:
        return f"{self.entity.key}.{self.path}"


def unknown_dependants(entity: EntityRef, cell: Cell) -> Iterator[str]:
    """What a cell depends on lies beside it, or is named in full; a document may also leave it out."""
    for _, name in cell.dependants:
        if name.strip() and not meant(entity, cell, name):
            yield name


def meant(entity: EntityRef, cell: Cell, name: str) -> list[str]:
    """The properties that a cell may depend on by this name."""
    beside = cell.path.rpartition(".")[0]
    found = (entity.find(one) for one in (f"{beside}.{name}", name))
    return list(dict.fromkeys(path for path in found if path))


def dependences(entity: EntityRef, cell: Cell, path: str) -> tuple[Dependence, ...] | str:
    """What must hold for the property of a cell to count; or why nobody can tell."""
    found: list[Dependence] = []
    for value, name in cell.dependants:
        on = meant(entity, cell, name)
        if why := _why_untold(entity, path, value, name, on):
            return why
        text = _as_held(entity.prop(on[0]), value)
        if text is None:
            return f"{on[0]} never holds {shown(value)}"
        found.append(Dependence(on[0], text))
    if found and entity.prop(path).references:
        return "it names another record"
    if found and entity.spec.joins and {path, *(one.path for one in found)} & {*entity.spec.joins.owns}:
        return "some of it is written to another record"
    return tuple(found)


def _why_untold(entity: EntityRef, path: str, value: str, name: str, on: list[str]) -> str | None:
    if not name.strip():
        return "the document leaves out what it depends on"
    if not value:
        return f"the document leaves out what {name} must hold"
    if len(on) != 1:
        return f"{name} may be {' or '.join(on)}" if on else f"there is no {name}"
    prop = entity.prop(on[0])
    if on[0] == path:
        return "it depends on itself"
    if prop.access == "write_only":
        return f"{on[0]} never comes back from its API"
    if prop.references:
        return f"{on[0]} names another record"
    return None if prop.type in _COMPARED else f"{on[0]} is a {prop.type}, and only text, whole numbers and flags are compared"


def _as_held(prop: Property, value: str) -> str | None:
    """A document's value as it is between stages; None: the property never holds it."""
    if prop.values:
        meanings = {one: one for one in prop.values} if isinstance(prop.values, tuple) else dict(prop.values)
        return value if value in meanings.values() else meanings.get(value)
    match prop.type:
        case "integer":
            return str(int(value)) if _WHOLE.fullmatch(value) else None
        case "boolean":
            return value.lower() if value.lower() in ("true", "false") else None
        case _:
            return unicodedata.normalize("NFC", value.upper() if prop.encoded == "lower_case" else value)
