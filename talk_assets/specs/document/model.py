"""A dataflow document as plain values: exactly what its bytes say, nothing interpreted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Every:
    """Every A gets a B."""


@dataclass(frozen=True)
class Before:
    """Only records that are linked already are synchronised."""


@dataclass(frozen=True)
class Condition:
    """Free text that says when an A gets a B."""

    text: str


@dataclass(frozen=True)
class Connected:
    """What a record must be connected to for a counterpart to be created."""

    items: tuple[str, ...]
    into: str


@dataclass(frozen=True)
class TypeCell:
    text: str
    at_column_0: bool = False


@dataclass(frozen=True)
class Row:
    source: str
    target: str
    type: TypeCell


@dataclass(frozen=True)
class Section:
    """One mapping: `source` and `target` are the labels A and B, `system` the words before `Data Type`."""

    source: str
    target: str
    system: str
    rule: Every | Before | Condition
    connected: Connected | None = None
    match_or_create: bool = False
    merge: tuple[tuple[str, str], ...] | None = None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Document:
    title: str
    generated: str
    sections: tuple[Section, ...] = ()
    newline: str = "\n"
    heading: str = "Introduction"
    introduction: str | None = None
    """The introduction's paragraph where it is not the usual one."""
