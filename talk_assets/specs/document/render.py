"""A document's values → its bytes."""

from collections.abc import Iterator

from talk_assets.specs.document import grammar
from talk_assets.specs.document.model import Document, Section, TypeCell


def render(document: Document) -> str:
    lines = list(_preamble(document))
    for number, section in enumerate(document.sections):
        lines += ["", *([""] if number else []), *_section(section)]
    if document.sections:
        lines.append("")
    return "".join(line + document.newline for line in lines)


def _preamble(document: Document) -> Iterator[str]:
    bar = "=" * len(document.title)
    yield from (bar, document.title, bar, "")
    yield from (grammar.GENERATED + document.generated, "")
    yield from (document.heading, grammar.HEADING_LINE, "")
    yield document.introduction or grammar.introduction(grammar.route(document.title))


def _section(section: Section) -> Iterator[str]:
    a, b = section.source, section.target
    heading = grammar.heading(a, b)
    yield from (heading, "-" * len(heading))
    yield from (grammar.rule(section.rule, a, b), "")
    if section.connected:
        yield from (grammar.connected(section.connected, a, b), "")
    if section.match_or_create:
        yield from (*grammar.match_or_create(a, b), "")
    if section.merge is not None:
        yield from (grammar.merge(a, b), "")
        yield from _table(a + grammar.PROPERTY, b + grammar.PROPERTY)
        for source, target in section.merge:
            yield from _cells(source, target)
        yield ""
    yield from (grammar.once(a, b), "", grammar.properties(a, b), "")
    yield from _table(a + grammar.PROPERTY, b + grammar.PROPERTY, section.system + grammar.DATA_TYPE)
    for row in section.rows:
        yield from _cells(row.source, row.target)
        yield _type(row.type)


def _table(*head: str) -> Iterator[str]:
    yield from grammar.TABLE
    yield from _cells(*head)


def _cells(first: str, *others: str) -> Iterator[str]:
    yield grammar.FIRST_CELL + first
    for cell in others:
        yield grammar.NEXT_CELL + cell


def _type(cell: TypeCell) -> str:
    return cell.text if cell.at_column_0 else grammar.NEXT_CELL + cell.text
