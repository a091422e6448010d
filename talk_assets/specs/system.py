"""The system spec: how to talk to one system and what its entities look like."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from talk_assets.specs.client import Client, Paginator
from talk_assets.specs.model import Constant, Flag, Frozen, Name, SpecModel, Text
from talk_assets.specs.property import Property
from talk_assets.specs.reading import Item, Listing, Parent
from talk_assets.specs.writing import Archive, Concurrency, Create, Idempotency, Joins, Limitation, Update

OURS = frozenset({"engine", "golden", "hub", "invalid_specs", "io_manager", "online", "specs", "state", "systems"})
"""What Dagster shows beside systems, and settings of its engine."""


def _is_free(key: str) -> str:
    if key in OURS:
        raise ValueError("is something else in Dagster: call the system otherwise")
    return key


class Entity(SpecModel):
    """One collection of records."""

    title: Text
    """The name people know."""
    names: tuple[Text, ...] = ()
    """Other names that dataflow documents use for it."""
    subject: Name
    """The kind of thing a record describes."""
    description: str = ""
    """For people."""
    client: Name | None = None
    """Which of the system's clients serves it; absent: the first."""
    key: Text = "id"
    """The property that holds the id."""
    parent: Parent | None = None
    """The record that owns this one."""
    joins: Joins | None = None
    """The record only joins another one, to which some of its properties belong."""
    omits_empty: Flag = False
    """Its records leave out what is empty: what a record does not show is empty then, and not unsaid. Not for an entity whose
    lists show less of a record than there is.
    """
    where: Frozen[Annotated[tuple[Constant | None, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Of a shared endpoint, only records with these values belong to this entity; new ones are created with the first."""
    paginator: Paginator | None = None
    """Where this listing pages differently from its client."""
    list: Listing
    """How to read all records, or the news."""
    get: Item | None = None
    """How to read one record; absent: the listing has to do."""
    create: Create | None = None
    """How to make a record; absent: none can be made."""
    update: Update | None = None
    """How to change a record; absent: none can be changed."""
    archive: Archive | None = None
    """How to take a record out of use; tried by `talk specs conform --write`, and never sent by a synchronisation."""
    concurrency: Concurrency | None = None
    """How an update is kept from overwriting what it has not seen; absent: `compare`."""
    idempotency: Idempotency | None = None
    """How to find out whether a create happened when its answer was lost."""
    mark: Text | None = None
    """A property of text that no one else uses. A new record keeps in it what it was made from, so that even an empty hub finds
    the two again. Absent: the property of its `idempotency`, where that has one of ours.
    """
    modified: Text | None = None
    """The property that says when a record was last edited."""
    created: Text | None = None
    """The property that says when a record was made. Where it changes, an id was given to another record."""
    limitations: tuple[Limitation, ...] = ()
    """What the real API cannot take, and what is done instead."""
    properties: Frozen[Property]
    """What a record holds, by dotted path."""

    @model_validator(mode="after")
    def _can_be_tested(self) -> Self:
        tests = self.concurrency is not None and self.concurrency.type == "json_patch_test"
        if tests and self.update and self.update.style != "json_patch":
            raise ValueError(
                f"`concurrency: {{type: json_patch_test}}` is for updates of `style: json_patch`; those of "
                f"`{self.update.style}` carry no tests"
            )
        return self


class SystemSpec(SpecModel):
    """One API account: its clients and its entities."""

    system: Annotated[Name, AfterValidator(_is_free)]
    """The key of the system: mapping specs, records and commands name it so."""
    title: Text
    """The name people know."""
    names: tuple[str, ...] = ()
    """Other names that dataflow documents use for it; an empty text stands for a name left out."""
    description: str = ""
    """For people."""
    schedule: Text
    """When to collect, as a cron line."""
    full_sweep: Text
    """When to list everything, as a cron line: finds deletions and edits that stamps miss."""
    time_zone: Text = "UTC"
    """The zone of stamps without an offset; stamps are written so too, but with one where it is UTC or a record shows one."""
    clients: Annotated[Frozen[Client], Field(min_length=1)]
    """Ways to talk to it; the first serves every entity that names no other."""
    entities: Annotated[Frozen[Entity], Field(min_length=1)]
    """Its collections of records."""
