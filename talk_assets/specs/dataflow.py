"""The mapping spec: one dataflow document as something that can run, and be turned back into the document."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from talk_assets.specs.model import A_LIST, A_MAPPING, A_VALUE, Constant, Flag, Frozen, Name, SpecModel, Text, shape

FileName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\x00]*[^/\x00.][^/\x00]*$")]
Pair = tuple[str, str]


class DocumentSpec(SpecModel):
    """What only the document says; needed to render it back byte for byte."""

    file: FileName
    """The name of the document's file."""
    title: Text
    """Its first line: the names of both systems."""
    generated: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$")]
    """When it was made, as it says itself."""
    newline: Literal["lf", "crlf"] = "lf"
    """How its lines end."""
    heading: Literal["Introduction", "Introduction."] = "Introduction"
    """How its introduction is headed."""
    introduction: Text | None = None
    """The introduction's paragraph, where it is not the usual one."""


class Labels(SpecModel):
    """The document's own words for both sides, where they are not `<system name> <entity>`."""

    source: str | None = None
    """The source entity's name in the document."""
    target: str | None = None
    """The target entity's name in the document."""
    system: str | None = None
    """The words before `Data Type` in the table's head."""


class WhenConnected(SpecModel):
    """Create only what a synchronised record refers to."""

    when_connected: Annotated[tuple[str, ...], Field(min_length=1)]
    """Entities of the source system, as the document lists them."""
    into: str | None = None
    """The document's name for the system they are synchronised into, where it is not the table's."""
    rule: Literal["before", "every"] = "before"
    """The document's rule in front of this exception."""
    condition: str | None = None
    """The document's free text, where its rule is a condition."""
    when: Text | None = None
    """What that free text means, as an expression over the source record."""


class WhenCondition(SpecModel):
    """Create only where a condition holds. What is linked stays in step, whether it holds or not."""

    condition: str | None = None
    """The document's words; they bind nothing."""
    when: Text | None = None
    """An expression over the source record. Until it is given, nothing is written."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.condition is None and self.when is None:
            raise ValueError("says neither `when_connected`, nor `condition`, nor `when`")
        return self


_CONNECTED, _CONDITION = "a rule about connections", "a rule about a condition"
"""Forms of `create`; no key of a spec has these names."""


def _create_form(value: Any) -> str:
    if isinstance(value, WhenConnected) or (isinstance(value, dict) and "when_connected" in value):
        return _CONNECTED
    return _CONDITION if isinstance(value, WhenCondition | dict) else "always or never"


CreateRule = Annotated[
    Annotated[Literal["always", "never"], Tag("always or never")]
    | Annotated[WhenConnected, Tag(_CONNECTED)]
    | Annotated[WhenCondition, Tag(_CONDITION)],
    Discriminator(_create_form),
]


def _match_from(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) != 2:
            raise ValueError(f"a short match rule has two cells, [source, target]; this one has {len(value)}")
        return {"source": value[0], "target": value[1]}
    return value


class MatchRule(SpecModel):
    """Records that agree on these properties are the same thing. Rules are alternatives."""

    source: str | None = None
    """A property of the source entity."""
    target: str | None = None
    """The property of the target entity that must agree with it."""
    all: tuple[Pair, ...] = ()
    """Several pairs that must all agree, instead of one source and target."""
    added: Flag = False
    """Not in the document: ours."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        single = self.source is not None and self.target is not None
        if single == bool(self.all) or (self.source is None) != (self.target is None):
            raise ValueError("a match rule has either `source` and `target`, or `all` with several pairs")
        if self.all and not self.added:
            raise ValueError("a document's rule has one pair; a rule with `all` is ours and needs `added: true`")
        return self

    @property
    def pairs(self) -> tuple[Pair, ...]:
        if self.source is not None and self.target is not None:
            return ((self.source, self.target),)
        return self.all


class VerbatimType(SpecModel):
    """A data type cell that is not one quoted word."""

    verbatim: str
    """The cell as it stands."""
    at_column_0: Flag = False
    """Written without the list item's indent, as documents of 2024-03-26 do."""


def _row_from(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) not in (2, 3):
            raise ValueError(f"a short row has two or three cells, [source, target, type]; this one has {len(value)}")
        return dict(zip(("source", "target", "type"), value, strict=False))
    return value


Cells = Annotated[
    Annotated[str, A_VALUE] | Annotated[tuple[Text, ...], Field(min_length=2), A_LIST],
    Discriminator(shape),
]


class Prefer(SpecModel):
    """Of edits that contradict each other, that of the first of these systems wins."""

    prefer: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Keys of systems; among those that are not named the newest edit wins."""


ConflictRule = Annotated[
    Annotated[Literal["newest", "hold"], A_VALUE] | Annotated[Prefer, A_MAPPING],
    Discriminator(shape),
]


class PropertyRow(SpecModel):
    """Two properties that are kept equal."""

    source: Cells
    """A cell of the document, or several properties that are joined into one."""
    target: Cells
    """Likewise, of the target entity."""
    type: Annotated[Annotated[str, A_VALUE] | Annotated[VerbatimType, A_MAPPING], Discriminator(shape)] | None = None
    """The document's data type of the target."""
    added: Flag = False
    """Not in the document: ours."""
    direction: Literal["both", "to_target", "to_source"] = "both"
    """Which way edits go."""
    join: Text | None = None
    """The text between the parts of a joined property; read back, the last one parts them."""
    values: Frozen[Constant] | None = None
    """What a source value is called on the target side; used both ways. A value for which a system spec gives a meaning is
    called by that.
    """
    to_target: Text | None = None
    """An expression over the source record that gives the target's value."""
    to_source: Text | None = None
    """The inverse: an expression over the target record that gives the source's value."""
    conflicts: ConflictRule | None = None
    """What settles edits that contradict each other; absent: what the mapping says."""

    @model_validator(mode="after")
    def _joined_is_ours(self) -> Self:
        if not self.added and not (isinstance(self.source, str) and isinstance(self.target, str)):
            raise ValueError("a document's row has one property on each side; a joined row is ours and needs `added: true`")
        return self


class Expression(SpecModel):
    """A value that is computed."""

    expression: Text
    """SQL over the source record."""


Row = Annotated[
    PropertyRow,
    BeforeValidator(_row_from, json_schema_input_type=PropertyRow | tuple[str, str] | tuple[str, str, str]),
]
Match = Annotated[MatchRule, BeforeValidator(_match_from, json_schema_input_type=MatchRule | Pair)]


Given = Annotated[
    Annotated[Constant, A_VALUE] | Annotated[Expression, A_MAPPING],
    Discriminator(shape),
]


class MappingSpec(SpecModel):
    """One section: every record of one entity, kept in step with a record of another."""

    source: Name
    """The entity that creates."""
    target: Name
    """The entity that is created in."""
    labels: Labels = Labels()
    """The document's own words, where they are not the usual ones."""
    create: CreateRule = "always"
    """Which records of the source get a counterpart, if they have none."""
    match_or_create: Flag = False
    """The document says in so many words that a match is merged and only a miss creates."""
    match: tuple[Match, ...] | None = None
    """How records that belong together are recognised; only a hit that is unique on both sides links."""
    on_create: Frozen[Given] = Field(default_factory=dict)
    """Values for properties of the target that are given once, when a record is created."""
    conflicts: ConflictRule = "newest"
    """What settles edits that contradict each other: the newest wins, a system is preferred, or nothing changes until a person
    edits the property again.
    """
    properties: tuple[Row, ...] = ()
    """The properties that are kept equal."""


class DataflowSpec(SpecModel):
    """One dataflow document."""

    document: DocumentSpec | None = None
    """Absent in a spec written by hand, which cannot be rendered."""
    source: Name
    """The key of the system from which records are created in the other; edits go both ways."""
    target: Name
    """The key of the other system."""
    mappings: tuple[MappingSpec, ...] = ()
    """One for each section of the document, in its order."""
