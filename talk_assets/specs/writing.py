"""How a system's records are made, changed and taken out of use, and how it is found out what became of that."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from talk_assets.specs import patterns
from talk_assets.specs.model import Constant, Count, Frozen, Name, SpecModel, Text
from talk_assets.specs.property import Pattern
from talk_assets.specs.reading import Wanted


def _names_a_group(pattern: str) -> str:
    if not patterns.has_group(pattern):
        raise ValueError("has no group: put what is the id of the holder in brackets, as in `is used by (\\d+)`")
    return pattern


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
