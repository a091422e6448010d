"""How a system's records are read: all of them, the news, one alone."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from talk_assets.specs.model import Count, Flag, Frozen, Name, SpecModel, Text
from talk_assets.specs.property import Pattern


def _holds(placeholder: str) -> Callable[[str], str]:
    def once(template: str) -> str:
        if template.count(placeholder) != 1:
            raise ValueError(
                f"has no {placeholder}, or several: it is for one parameter, with {placeholder} where the value stands"
            )
        return template

    return once


Wanted = Annotated[Text, AfterValidator(_holds("{value}"))]


class Parent(SpecModel):
    """The record that owns this one; a reference that finds no counterpart of its own falls back to it."""

    property: Text
    """The property here that names the owner."""
    entity: Name
    """The owner's entity."""


class ChangedSince(SpecModel):
    """How to ask for news only."""

    property: Text
    """The stamp in a record."""
    param: Text
    """The query parameter that takes the stamp."""
    template: Annotated[Text, AfterValidator(_holds("{since}"))] = "{since}"
    """What the parameter says, where that is more than the stamp: `lastModifiedDateTime ge {since}`."""
    comparison: Literal[">", ">="] = ">"
    """Whether the API also gives records with exactly the stamp."""
    encoded: Literal["iso", "unix_seconds", "unix_milliseconds"] = "iso"
    """How the parameter wants the stamp."""
    overlap_seconds: Count = 600
    """Ask again for this long before the latest stamp seen: stamps may come late."""
    misses: tuple[Text, ...] = ()
    """Properties whose edits do not move the stamp: only a full sweep sees them."""


class Listing(SpecModel):
    """How to read many records."""

    path: Text
    """Below base_url."""
    params: Frozen[str] = Field(default_factory=dict)
    """Query parameters of every page."""
    data_selector: Text | None = None
    """Path in the body that holds the rows; absent: the body is the list."""
    null_when_empty: Flag = False
    """Where there is no row, the body has null at that path, or nothing. Otherwise that is an error and never "no records"."""
    cursor: ChangedSince | None = None
    """How to ask for news only; absent: everything is listed each time."""
    complete: Flag = True
    """A full listing names every record that exists."""


class MovedTo(SpecModel):
    """Where a record that left the list may be found under the same id, before it counts as deleted."""

    path: Text
    """Where to look, with the id in braces."""
    meaning: Text
    """What it means when the record is found there, in words for people."""


class Item(SpecModel):
    """How to read one record."""

    path: Text
    """Below base_url, with properties in braces: `Customers/{Id}`."""
    data_selector: Text | None = None
    """Path in the body that holds the record, or a list of it alone; absent: the body is the record."""
    moved_to: MovedTo | None = None
    """Where else a record may be found before it counts as gone."""
    gone: Pattern | None = None
    """Where a refusal comes with status 200: the words in it that say there is no such record."""
