"""What people did, and what the engine did to their records, as only the simulation can know it."""

from dataclasses import dataclass
from typing import Any

from talk_assets.simulate.estate import Place, Token
from talk_assets.simulate.turns import Turn

SECOND = 10_000_000
"""In ticks."""
RESOLUTION = 7 * SECOND
"""Stamps of some systems tell whole seconds, and a clock is measured no better than a request takes."""


@dataclass(frozen=True)
class Edit:
    """Something a person wrote."""

    number: int
    thing: int
    field: str
    entity: str
    id: str
    value: Any
    ticks: int
    round: int
    unguarded: bool = False
    """Between the engine's look at a record and its write, where the API cannot make a write depend on what it replaces."""
    unstamped: bool = False
    """Of what its system does not count as a change of the record: only reading everything shows it."""
    was_agreed: bool = False
    """All records of the thing had held the same, so that this was no first word."""
    is_idle: bool = False
    """In a property that did not count in its record then."""


@dataclass(frozen=True)
class Lost:
    """A person's value that the engine wrote over."""

    token: Token
    by: Token | None
    entity: str
    id: str
    field: str
    ticks: int


@dataclass(frozen=True)
class Retold:
    """What a record held of an edit, written again in another form: as some system stores it."""

    token: Token
    entity: str
    id: str
    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Change:
    """What one request of the engine did to one record."""

    entity: str
    id: str
    before: Place | None
    after: Place | None
    ticks: int


@dataclass(frozen=True)
class Erased:
    """A record that a person deleted."""

    thing: int
    entity: str
    id: str
    ticks: int
    is_known: bool = True
    """Whether the engine knew what it was a record of; not while the creation that made it has no answer."""


@dataclass(frozen=True)
class TakenBack:
    """An older value that a person has put back over what the engine had written."""

    value: Any
    over: Token | None
    """Whose value the engine had written."""
    ticks: int
    unstamped: bool
    """Nothing in the record says that it was ever anything else, so nobody can tell it from a write that never arrived."""


@dataclass(frozen=True)
class Turned:
    """Something a person changed that tells of no edit."""

    turn: Turn
    ticks: int
    unguarded: bool
    unstamped: bool
    unheard: bool
    """Emptied before anything was agreed, where there was no other record, or where nothing was mapped: what is empty then says
    nothing.
    """
