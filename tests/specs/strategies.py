"""Documents of the grammar and specs of the schema, made up."""

import string

from hypothesis import strategies as st

from talk_assets.specs.dataflow import (
    DataflowSpec,
    DocumentSpec,
    Expression,
    Labels,
    MappingSpec,
    MatchRule,
    PropertyRow,
    VerbatimType,
    WhenCondition,
    WhenConnected,
)
from talk_assets.specs.document import Before, Condition, Connected, Document, Every, Row, Section, TypeCell

AWKWARD = [
    *(" to ", " and a ", " Property", " Data Type", "  ", "Every ", " will be synchronized with a ", "(human data)"),
    *(", or ", ", ", ".", ": ", " # ", "'", '"', "{", "}", "[", "]", "\\", "æøå", "é", "日本", "🙂", "\t", "\u2028", "\x85"),
    *(
        "\x07",
        "\x7f",
        "\ufeff",
        "NO",
        "null",
        "true",
        "0150",
        "1.10",
        "- ",
        "* - ",
        "     - ",
        "   * - ",
        ".. list-table::",
        "~",
        "&a",
    ),
]
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=6)
lines = st.lists(st.one_of(words, st.sampled_from(AWKWARD)), max_size=5).map("".join)
"""Any text that fits on one line, rich in what could be mistaken for grammar."""
names = lines.filter(lambda name: "\n" not in name)
type_texts = st.one_of(
    st.sampled_from(['"string"', '"integer"', '"float"', '"boolean"', "N/A", '"list"', '["decimal","_."]', "string", "", '""']),
    lines,
)
rows = st.builds(Row, lines, lines, st.builds(TypeCell, type_texts))
flush_rows = st.builds(
    Row,
    lines,
    lines,
    type_texts.filter(lambda text: text and not text.startswith((" ", "\t"))).map(
        lambda text: TypeCell(text, at_column_0=True)
    ),
)


@st.composite
def sections(draw: st.DrawFn) -> Section:
    system = draw(names)
    target = f"{system} {draw(names)}"
    connected = draw(
        st.none()
        | st.builds(Connected, st.lists(lines, min_size=1, max_size=4).map(_as_document_lists), st.just(system) | lines)
    )
    return Section(
        source=draw(names),
        target=target,
        system=system,
        rule=draw(st.one_of(st.just(Every()), st.just(Before()), st.builds(Condition, lines))),
        connected=connected,
        match_or_create=not connected and draw(st.booleans()),
        merge=draw(st.none() | st.lists(st.tuples(lines, lines), max_size=3).map(tuple)),
        rows=tuple(draw(st.lists(st.one_of(rows, flush_rows), max_size=4))),
    )


def _as_document_lists(items: list[str]) -> tuple[str, ...]:
    """The same list as it is read back: an item that holds a separator reads as several."""
    joined = items[0] if len(items) == 1 else f"{', '.join(items[:-1])}, or {items[-1]}"
    head, last_is, last = joined.rpartition(", or ")
    return (*head.split(", "), last) if last_is else (joined,)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    title = f"{draw(names)} to {draw(names)} Dataflow"
    route = title.removesuffix(" Dataflow")
    return Document(
        title=title,
        generated=f"{draw(st.dates()).isoformat()} {draw(st.times()).replace(microsecond=0).isoformat()}",
        sections=tuple(draw(st.lists(sections(), max_size=3))),
        newline=draw(st.sampled_from(["\n", "\r\n"])),
        heading=draw(st.sampled_from(["Introduction", "Introduction."])),
        introduction=draw(st.none() | lines.map(lambda text: f"{text} flow from {route}. {text}")),
    )


keys = st.text(string.ascii_lowercase + string.digits + "_", max_size=8).map(lambda tail: f"k{tail}")
texts = lines.filter(bool)
constants = st.one_of(lines, st.booleans(), st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False))
types = st.one_of(
    st.none(),
    st.sampled_from(["string", "integer", "N/A"]),
    lines,
    st.builds(VerbatimType, verbatim=lines, at_column_0=st.booleans()),
)
joined = st.lists(texts, min_size=2, max_size=3).map(tuple)
property_rows = st.one_of(
    st.builds(PropertyRow, source=lines, target=lines, type=types),
    st.builds(
        PropertyRow,
        source=lines | joined,
        target=lines,
        type=types,
        added=st.just(value=True),
        direction=st.sampled_from(["both", "to_target", "to_source"]),
        join=st.none() | texts,
        values=st.none() | st.dictionaries(lines, constants, max_size=3),
        to_target=st.none() | texts,
        to_source=st.none() | texts,
    ),
)
pairs = st.tuples(lines, lines)
match_rules = st.one_of(
    st.builds(MatchRule, source=lines, target=lines, added=st.booleans()),
    st.builds(MatchRule, all=st.lists(pairs, min_size=1, max_size=3).map(tuple), added=st.just(value=True)),
)
create_rules = st.one_of(
    st.sampled_from(["always", "never"]),
    st.builds(
        WhenConnected,
        when_connected=st.lists(lines, min_size=1, max_size=3).map(tuple),
        into=st.none() | lines,
        rule=st.sampled_from(["before", "every"]),
        condition=st.none() | lines,
        when=st.none() | texts,
    ),
    st.builds(WhenCondition, condition=lines, when=st.none() | texts),
    st.builds(WhenCondition, when=texts),
)
mappings = st.builds(
    MappingSpec,
    source=keys,
    target=keys,
    labels=st.builds(Labels, source=st.none() | lines, target=st.none() | lines, system=st.none() | lines),
    create=create_rules,
    match_or_create=st.booleans(),
    match=st.none() | st.lists(match_rules, max_size=3).map(tuple),
    on_create=st.dictionaries(lines, st.one_of(constants, st.builds(Expression, expression=texts)), max_size=2),
    properties=st.lists(property_rows, max_size=4).map(tuple),
)
document_specs = st.builds(
    DocumentSpec,
    file=st.sampled_from(["a.txt", "000_d.rst", "NO", "1.10", "æ b.txt"]),
    title=lines.map(lambda text: f"a to {text}"),
    generated=st.just("2024-08-28 08:12:21"),
    newline=st.sampled_from(["lf", "crlf"]),
    heading=st.sampled_from(["Introduction", "Introduction."]),
    introduction=st.none() | texts,
)
dataflow_specs = st.builds(
    DataflowSpec,
    document=st.none() | document_specs,
    source=keys,
    target=keys,
    mappings=st.lists(mappings, max_size=3).map(tuple),
)
