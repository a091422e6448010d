"""The system spec: how to talk to one system and what its entities look like."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Strict, model_validator

from talk_assets.specs import patterns
from talk_assets.specs.client import Client, Paginator
from talk_assets.specs.model import A_LIST, A_MAPPING, Constant, Count, Flag, Frozen, Name, SpecModel, Text, shape

PropertyType = Literal["string", "integer", "decimal", "boolean", "date", "datetime", "json"]
Format = Literal[
    "email",
    "phone",
    "url",
    "organisation_number",
    "postal_code",
    "country_code",
    "currency_code",
    "digits",
    "uuid",
]
Access = Literal["read_write", "read_only", "create_only", "write_only"]


def _compiles(pattern: str) -> str:
    if why := patterns.mistake(pattern):
        raise ValueError(f"is no regular expression: {why}")
    return pattern


def _names_a_group(pattern: str) -> str:
    if not patterns.has_group(pattern):
        raise ValueError("has no group: put what is the id of the holder in brackets, as in `is used by (\\d+)`")
    return pattern


Pattern = Annotated[Text, AfterValidator(_compiles)]


def _holds(placeholder: str) -> Callable[[str], str]:
    def once(template: str) -> str:
        if template.count(placeholder) != 1:
            raise ValueError(
                f"has no {placeholder}, or several: it is for one parameter, with {placeholder} where the value stands"
            )
        return template

    return once


Wanted = Annotated[Text, AfterValidator(_holds("{value}"))]


OURS = frozenset({"engine", "golden", "hub", "invalid_specs", "io_manager", "online", "specs", "state", "systems"})
"""What Dagster shows beside systems, and settings of its engine."""


def _is_free(key: str) -> str:
    if key in OURS:
        raise ValueError("is something else in Dagster: call the system otherwise")
    return key


_ENCODED: Mapping[str, tuple[PropertyType, ...]] = {
    "unix_seconds": ("date", "datetime"),
    "unix_milliseconds": ("date", "datetime"),
    "in_slashes": ("date", "datetime"),
    "lower_case": ("string",),
    "text": ("integer", "decimal"),
}
"""What each way to write a value is for."""

Allowed = Annotated[Annotated[tuple[str, ...], A_LIST] | Annotated[Frozen[str], A_MAPPING], Discriminator(shape)]


class Property(SpecModel):
    """One dotted path of a record."""

    type: PropertyType
    """What the values are; a value that is none is held and shown."""
    format: Format | None = None
    """What the text means; it decides how matches are normalised and what converts to what."""
    nullable: Flag = True
    """Whether it may be empty."""
    unique: Flag = False
    """No two records hold the same value."""
    access: Access = "read_write"
    """What may be done with it: `create_only` is given once, `write_only` never comes back."""
    required: Flag = False
    """Creating a record without it is refused."""
    default: Constant | None = None
    """Sent on create when no mapping gives a value."""
    max_length: Count | None = None
    """The longest text the system takes."""
    values: Allowed = ()
    """The allowed values: a list, or a map from what the API says to what it means. Rows and expressions say what it means;
    `default`, `where` and `on_create` say what the API says.
    """
    references: tuple[Name, ...] = ()
    """Entities of this system whose key this property holds."""
    empty_as: Constant | None = None
    """What the API has where there is no value, if that is not null: `0` of a reference, `0001-01-01` of a date, or `""`. Read
    as empty, and written to empty it.
    """
    encoded: Literal["unix_seconds", "unix_milliseconds", "in_slashes", "lower_case", "text"] | None = None
    """How the API writes the value: dates as UNIX seconds, as milliseconds or as `/Date(1793188800000)/`, codes in lower case,
    numbers as text (`"12.50"`).
    """
    aliases: tuple[Text, ...] = ()
    """Other names that dataflow documents use for it."""
    hidden_as: Text | None = None
    """A placeholder the API sends instead of a value we may not see; never a value, never written back."""
    personal: Flag = False
    """Says something about a person; kept out of samples and logs."""
    description: str = ""
    """For people."""

    @model_validator(mode="after")
    def _can_be_encoded(self) -> Self:
        if self.encoded and self.type not in _ENCODED[self.encoded]:
            raise ValueError(f"`encoded: {self.encoded}` is for {' and '.join(_ENCODED[self.encoded])}, not for {self.type}")
        return self

    @model_validator(mode="after")
    def _may_be_empty(self) -> Self:
        if self.empty_as is not None and self.type in {"boolean", "json"}:
            raise ValueError(f"`empty_as` is not for {self.type}")
        if self.empty_as is not None and not self.nullable:
            raise ValueError("`empty_as` is for a property that may be empty: leave out `nullable: false`")
        return self

    @model_validator(mode="after")
    def _is_no_flag_with_values(self) -> Self:
        if self.type == "boolean" and self.values:
            raise ValueError(
                "`values` is not for boolean: say `type: string, values: [Y, N]`, and in rows `values: {true: Y, false: N}`"
            )
        return self


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


class Create(SpecModel):
    """How to make a record."""

    method: Literal["POST", "PUT"] = "POST"
    """How a new record is sent."""
    path: Text
    """Properties in braces are filled in from the record and stay out of the body."""
    envelope: Text | None = None
    """Path in the body of the request at which the record stands, where the API wants it inside of something: `customer`."""
    answers: Annotated[int, Strict(), Field(ge=200, le=299)] = 201
    """The status of success."""
    id: Text | None = None
    """Path in the answer that holds the id of the new record, where the answer does not show the record itself."""


class Update(SpecModel):
    """How to change a record."""

    path: Text
    """Below base_url, with properties in braces."""
    style: Literal["json_patch", "merge_patch", "put", "post"]
    """RFC 6902 operations, changed members only, the whole record by PUT, or by POST with its id."""
    method: Literal["PATCH", "PUT", "POST"] | None = None
    """With `merge_patch`: how the changed members are sent, where that is not by PATCH."""
    envelope: Text | None = None
    """As of `create`."""
    also: tuple[Text, ...] = ()
    """With `merge_patch`: properties that every update names beside those that change, as they are: `[id, type]`."""

    @model_validator(mode="after")
    def _can_be_said(self) -> Self:
        if self.style != "merge_patch" and (self.method or self.also):
            raise ValueError(f"`method` and `also` are for updates of `style: merge_patch`, not of `{self.style}`")
        if self.style == "json_patch" and self.envelope:
            raise ValueError("`envelope` is not for updates of `style: json_patch`: those are a list of operations")
        return self


class Joins(SpecModel):
    """A record that only joins another entity's record to something, and shows properties that belong to that one."""

    entity: Name
    """The entity of the other record."""
    property: Text
    """The property here that names the other record."""
    by: Text
    """The property of the other record that it names."""
    owns: tuple[Text, ...]
    """Properties shown here that are written to the other record."""


class Archive(SpecModel):
    """How a record is taken out of use; never sent unless a mapping asks for it."""

    set: Annotated[Frozen[Constant], Field(min_length=1)] | None = None
    """Properties and the values that take it out of use."""
    delete: Text | None = None
    """Path of a DELETE."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.set is None) == (self.delete is None):
            raise ValueError("an archive has either `set` or `delete`")
        return self


class Concurrency(SpecModel):
    """How an update is kept from overwriting what it has not seen."""

    type: Literal["json_patch_test", "etag", "version", "compare"]
    """`test` operations, the ETag header, a number of versions, or a look just before the write."""
    property: Text | None = None
    """With `version`: the property that counts versions. With `etag`: what of a record holds its ETag, where no header does."""

    @model_validator(mode="after")
    def _can_tell_versions(self) -> Self:
        if self.type == "version" and self.property is None:
            raise ValueError("`concurrency: {type: version}` needs `property`, the one that counts versions")
        return self


class IdempotencyKey(SpecModel):
    """Class A: the server remembers a key sent in a header."""

    type: Literal["key"]
    header: Text
    """The header that takes the key."""
    window_seconds: Count
    """How long the server remembers a key; it is relied on for half of that."""


class UniqueReference(SpecModel):
    """Class A2: the server refuses a second record with the same reference of ours."""

    type: Literal["unique_reference"]
    property: Text
    """Where the reference is written."""
    max_length: Count
    """What fits there."""
    holder: Annotated[Pattern, AfterValidator(_names_a_group)] | None = None
    """Pattern whose first group is the holder's id in the refusal."""
    param: Text | None = None
    """Query parameter that finds a record by the reference."""
    template: Wanted = "{value}"
    """What the parameter says, where that is more than the reference: `externalRef eq '{value}'`."""


class SearchableReference(SpecModel):
    """Class B: a reference of ours can be written and searched, but is not kept unique."""

    type: Literal["reference"]
    property: Text
    """Where the reference is written."""
    max_length: Count
    """What fits there."""
    param: Text
    """Query parameter that finds a record by the reference."""
    template: Wanted = "{value}"
    """What the parameter says, where that is more than the reference: `externalRef eq '{value}'`."""


class NaturalKey(SpecModel):
    """Class C: a key of the business that is unique can be searched."""

    type: Literal["natural_key"]
    property: Text
    """The property that is unique."""
    param: Text | None = None
    """Query parameter that finds a record by the key; absent: a complete listing is searched."""
    template: Wanted = "{value}"
    """What the parameter says, where that is more than the key. One with quotes or a backslash is searched in a listing."""


class ListRecent(SpecModel):
    """Class D: only a complete listing since the first attempt shows whether a create happened."""

    type: Literal["list_recent"]
    created: Text | None = None
    """The stamp of creation in a record."""


class AtMostOnce(SpecModel):
    """Class E: no way to find out; an unknown outcome waits for a person."""

    type: Literal["at_most_once"]


Idempotency = Annotated[
    IdempotencyKey | UniqueReference | SearchableReference | NaturalKey | ListRecent | AtMostOnce,
    Field(discriminator="type"),
]


class Limitation(SpecModel):
    """Something the real API cannot take, with what is done instead."""

    property: Text
    """What cannot be taken."""
    cannot: Literal["create", "update"]
    """When it cannot be taken."""
    reason: Text
    """Why not, and what happens instead, in words for people."""


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
