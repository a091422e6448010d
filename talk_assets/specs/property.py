"""One property of a record: what its values are, and what may be done with it."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, model_validator

from talk_assets.specs import patterns
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


Pattern = Annotated[Text, AfterValidator(_compiles)]


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
