"""A document's bytes → its values.

No sentence is ever split. The labels A and B are read from the table heads, where fixed marks stand on both sides of
them, and every sentence is then compared with what the grammar says it must be for this A and B.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from talk_assets.specs.document import grammar
from talk_assets.specs.document.model import (
    Before,
    Condition,
    Connected,
    Document,
    Every,
    Row,
    Section,
    TypeCell,
)
from talk_assets.specs.problems import Place, SpecError, error, shown

_RULE = " will be synchronized with a "
_GENERATED = re.compile(r"Generated: (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})")


def parse(text: str, file: Path) -> Document:
    """Read one whole document; a SpecError names the first line that does not fit."""
    return _Parser(text, file).document()


class _Parser:
    def __init__(self, text: str, file: Path) -> None:
        self.file = file
        first_end = text.find("\n")
        self.newline = "\r\n" if text[max(first_end - 1, 0) : first_end] == "\r" else "\n"
        self.lines = text.split(self.newline)
        self.at = 0
        self._check_line_ends(text)

    def document(self) -> Document:
        title = self._title()
        generated = self._generated()
        heading = self._introduction_heading()
        introduction = self._introduction(grammar.route(title))
        sections: list[Section] = []
        while not self._at_end():
            self._blank("an empty line")
            if sections and self._at_end():
                break
            if sections and not any(self.lines[self.at :]):
                raise self._problem("one empty line ends a document; here stand more of them", "delete the last empty lines")
            if sections:
                self._blank("two empty lines between mappings, or one at the end of the document")
            if not self._line() and any(self.lines[self.at :]):
                raise self._problem("an empty line too many stands before this mapping", "delete this empty line")
            sections.append(self._section())
            if self._at_end():
                raise self._problem("the document stops after its last row; one empty line must follow", "is it truncated?")
        return Document(title, generated, tuple(sections), self.newline, heading, introduction)

    # The preamble

    def _title(self) -> str:
        if self.lines == [""]:
            raise self._problem("the file is empty; a dataflow document was expected")
        if len(self.lines) < 3:
            raise self._problem("this is not a dataflow document: a title between two bars of = was expected")
        bar, title, closing = self.lines[:3]
        if bar.startswith("\ufeff"):
            raise self._problem("the file starts with a byte order mark", "save it without one")
        if not bar or set(bar) != {"="}:
            raise self._problem(f"a bar of = above the title was expected, found {shown(bar)}")
        if not grammar.is_title(title):
            self.at = 1
            if " to " in title:
                raise self._lacks(title, grammar.TITLE_END, "a title")
            raise self._problem(f"a title '<system> to <system>{grammar.TITLE_END}' was expected, found {shown(title)}")
        for self.at, found in ((0, bar), (2, closing)):
            self._underline(found, "=", title)
        self.at = 3
        self._blank("an empty line after the title")
        return title

    def _generated(self) -> str:
        found = _GENERATED.fullmatch(self._line())
        if not found:
            raise self._problem(f"'Generated: YYYY-MM-DD HH:MM:SS' was expected, found {shown(self._line())}")
        self.at += 1
        self._blank("an empty line after the time of generation")
        return found[1]

    def _introduction_heading(self) -> str:
        heading = self._line()
        if heading not in grammar.HEADINGS:
            raise self._problem(f"the heading 'Introduction' was expected, found {shown(heading)}")
        self.at += 1
        self._expect(grammar.HEADING_LINE, "12 dashes under the heading")
        self._blank("an empty line after the heading")
        return heading

    def _introduction(self, route: str) -> str | None:
        paragraph = self._line()
        if grammar.names_route(route) not in paragraph:
            raise self._lacks(paragraph, grammar.names_route(route), "an introduction that names the title's systems")
        self.at += 1
        if self.at == len(self.lines):
            self.at -= 1
            raise self._problem(
                "the document stops in the middle of its introduction's line", "is it truncated?", len(paragraph) + 1
            )
        return None if paragraph == grammar.introduction(route) else paragraph

    # One mapping

    def _section(self) -> Section:
        table = self._first_table()
        a, b = self._label(table + 3, grammar.FIRST_CELL), self._label(table + 4, grammar.NEXT_CELL)
        self._head_fits(table, a, b)
        heading = grammar.heading(a, b)
        self._expect(heading, "a heading that fits the table below it")
        self._underline(self._line(), "-", heading)
        self.at += 1
        rule = self._rule(a, b)
        self._blank("an empty line after the rule")
        connected = self._connected(a, b)
        match_or_create = self._match_or_create(a, b)
        merge = self._merge(a, b)
        possible = [] if merge is not None else [grammar.merge(a, b)]
        if merge is None and not connected and not match_or_create:
            possible += [grammar.connected_start(a, b), grammar.match_or_create(a, b)[0]]
        self._expect(grammar.once(a, b), "the sentence", possible)
        self._blank("an empty line after the sentence")
        self._expect(grammar.properties(a, b), "the sentence")
        self._blank("an empty line after the sentence")
        system = self._table_head(a, b)
        return Section(a, b, system, rule, connected, match_or_create, merge, self._rows())

    def _first_table(self) -> int:
        """Where the first table of the section that starts here begins: its head names A and B."""
        for number in range(self.at + 1, len(self.lines)):
            line = self.lines[number]
            if line == grammar.TABLE[0]:
                return number
            if line.startswith("..") and _RULE in line:
                # A condition in words may begin like anything.
                continue
            if line.startswith("..") or line.lstrip().startswith(":header-rows:"):
                self.at = number if line.startswith("..") else number - 1
                raise self._differs(self._line(), grammar.TABLE[0], "the start of a table")
            if line == self.lines[number - 1] == "" and any(self.lines[number:]):
                self.at = number
                raise self._problem(
                    "no table follows, but two empty lines; within a mapping there is one at a time", "delete this empty line"
                )
        raise self._problem(
            f"no table follows {shown(self._line())}; a mapping has a heading, its sentences and a '{grammar.TABLE[0]}'",
            "is the document truncated?",
        )

    def _head_fits(self, table: int, a: str, b: str) -> None:
        """Where heading and sentences agree with each other, it is the table's head that is wrong."""
        heading = self._line()
        if heading == grammar.heading(a, b):
            return
        sentences = set(self.lines[self.at + 1 : table])
        for found in re.finditer("(?= to )", heading):
            one, other = heading[: found.start()], heading[found.start() + len(" to ") :]
            said = {grammar.every(one, other), grammar.before(one, other), grammar.merge(one, other), grammar.once(one, other)}
            if said & sentences:
                wrong, mark, label = (3, grammar.FIRST_CELL, one) if a != one else (4, grammar.NEXT_CELL, other)
                self.at = table + wrong
                raise self._differs(self._line(), mark + label + grammar.PROPERTY, "the table's head")

    def _label(self, number: int, mark: str) -> str:
        line = self.lines[number] if number < len(self.lines) else ""
        if not line.startswith(mark) or not line.endswith(grammar.PROPERTY):
            self.at = min(number, len(self.lines) - 1)
            raise self._problem(f"the table's head '{mark}<entity>{grammar.PROPERTY}' was expected, found {shown(line)}")
        return line[len(mark) : -len(grammar.PROPERTY)]

    def _rule(self, a: str, b: str) -> Every | Before | Condition:
        line = self._line()
        end = grammar.condition_end(b)
        if line == grammar.every(a, b):
            rule: Every | Before | Condition = Every()
        elif line == grammar.before(a, b):
            rule = Before()
        elif line.endswith(end):
            rule = Condition(line.removesuffix(end))
        elif grammar.OPEN_ENDED in line:
            raise self._differs(line, line[: line.index(grammar.OPEN_ENDED) - 2] + end, "a rule for this mapping")
        else:
            raise self._differs(line, _closest(line, (grammar.every(a, b), grammar.before(a, b))), "a rule for this mapping")
        self.at += 1
        return rule

    def _connected(self, a: str, b: str) -> Connected | None:
        line, start = self._line(), grammar.connected_start(a, b)
        if not line.startswith(start):
            return None
        items, into_is, into = line.removeprefix(start).rpartition(grammar.CONNECTED_INTO)
        if not into_is or not into.endswith("."):
            raise self._problem(
                f"the sentence must end with '{grammar.CONNECTED_INTO.strip()} <system>.', found {shown(line[-60:])}",
                column=len(line) + 1,
            )
        self.at += 1
        self._blank("an empty line after the sentence")
        return Connected(grammar.split_items(items), into.removesuffix("."))

    def _match_or_create(self, a: str, b: str) -> bool:
        first, second = grammar.match_or_create(a, b)
        if self._line() != first:
            return False
        self.at += 1
        self._expect(second, "the sentence")
        self._blank("an empty line after the sentence")
        return True

    def _merge(self, a: str, b: str) -> tuple[tuple[str, str], ...] | None:
        if self._line() != grammar.merge(a, b):
            return None
        self.at += 1
        self._blank("an empty line after the sentence")
        self._table_start(a, b)
        pairs: list[tuple[str, str]] = []
        while self._line().startswith(grammar.FIRST_CELL):
            pairs.append((self._cell(grammar.FIRST_CELL), self._cell(grammar.NEXT_CELL)))
        self._blank("a row of the merge table, or an empty line after it")
        return tuple(pairs)

    def _table_start(self, a: str, b: str) -> None:
        for line in grammar.TABLE:
            self._expect(line, "the start of a table")
        self._expect(grammar.FIRST_CELL + a + grammar.PROPERTY, "the table's head")
        self._expect(grammar.NEXT_CELL + b + grammar.PROPERTY, "the table's head")

    def _table_head(self, a: str, b: str) -> str:
        self._table_start(a, b)
        line = self._line()
        if not line.startswith(grammar.NEXT_CELL) or not line.endswith(grammar.DATA_TYPE):
            head = f"{grammar.NEXT_CELL}<system>{grammar.DATA_TYPE}"
            raise self._problem(f"the table's head '{head}' was expected, found {shown(line)}")
        system = line[len(grammar.NEXT_CELL) : -len(grammar.DATA_TYPE)]
        if not b.startswith(system + " "):
            raise self._problem(
                f"{shown(system)} before 'Data Type' does not begin the target {shown(b)}",
                column=len(grammar.NEXT_CELL) + 1,
            )
        self.at += 1
        return system

    def _rows(self) -> tuple[Row, ...]:
        rows: list[Row] = []
        while self._line().startswith(grammar.FIRST_CELL):
            rows.append(Row(self._cell(grammar.FIRST_CELL), self._cell(grammar.NEXT_CELL), self._type_cell()))
        if self._line():
            raise self._problem(
                f"a row '{grammar.FIRST_CELL}<property>' or an empty line was expected, found {shown(self._line())}"
            )
        return tuple(rows)

    def _cell(self, mark: str) -> str:
        line = self._line()
        if not line.startswith(mark):
            raise self._problem(f"a cell '{mark}<property>' was expected, found {shown(line)}")
        self.at += 1
        return line.removeprefix(mark)

    def _type_cell(self) -> TypeCell:
        line = self._line()
        if line.startswith(grammar.NEXT_CELL):
            self.at += 1
            return TypeCell(line.removeprefix(grammar.NEXT_CELL))
        if not line or line.startswith(grammar.FIRST_CELL):
            raise self._problem(f"the row's data type '{grammar.NEXT_CELL}<type>' was expected, found {shown(line)}")
        if line.startswith((" ", "\t")):
            raise self._problem(
                f"the row's data type was expected, after '{grammar.NEXT_CELL}' or from the first column, found {shown(line)}",
                column=_same_start(line, grammar.NEXT_CELL) + 1,
            )
        self.at += 1
        return TypeCell(line, at_column_0=True)

    # Lines

    def _line(self) -> str:
        return self.lines[self.at] if self.at < len(self.lines) else ""

    def _at_end(self) -> bool:
        return self.at >= len(self.lines) - 1 and self._line() == ""

    def _blank(self, what: str) -> None:
        if self._at_end():
            raise self._problem(f"{what} was expected, but the document stops here", "is it truncated?")
        self._expect("", what)

    def _expect(self, expected: str, what: str, others: Sequence[str] = ()) -> None:
        line = self._line()
        if line != expected:
            if self._at_end():
                raise self._problem(f"{what} {shown(expected)} was expected, but the document stops here", "is it truncated?")
            raise self._differs(line, _closest(line, (expected, *others)), what)
        self.at += 1

    def _underline(self, found: str, mark: str, text: str) -> None:
        expected = mark * len(text)
        if found != expected:
            raise self._problem(
                f"{len(text)} times {mark} were expected, as long as {shown(text)}, found {shown(found)} ({len(found)})",
                column=_same_start(found, expected) + 1,
            )

    def _differs(self, found: str, expected: str, what: str) -> SpecError:
        same = _same_start(found, expected)
        if not expected:
            return self._problem(f"{what} was expected, found {shown(found)}")
        start = max(same - 30, 0)
        return self._problem(f"{what} was expected: {shown(expected[start:])}, found {shown(found[start:])}", column=same + 1)

    def _lacks(self, found: str, part: str, what: str) -> SpecError:
        """Told where the line comes nearest to what it lacks."""
        longest = bisect_left(range(len(part)), 1, key=lambda last: part[: last + 1] not in found)
        nearest = found.index(part[:longest])
        return self._differs(found, found[:nearest] + part, what)

    def _problem(self, message: str, suggestion: str = "", column: int = 1) -> SpecError:
        return SpecError(error("document", Place(self.file, min(self.at + 1, len(self.lines)), column), message, suggestion))

    def _check_line_ends(self, text: str) -> None:
        if "\n" not in text and "\r" in text:
            raise self._problem("lines end in CR alone; CRLF or LF was expected", "save the file with one of these")
        other = "\n" if self.newline == "\r\n" else "\r"
        for number, line in enumerate(self.lines):
            if (other == "\n" and other in line) or (other == "\r" and line.endswith(other)):
                self.at = number
                raise self._problem("line ends are mixed: some lines end in CRLF, some in LF", "save the file with one kind")


def _same_start(one: str, other: str) -> int:
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return number
    return min(len(one), len(other))


def _closest(found: str, candidates: Sequence[str]) -> str:
    return max(candidates, key=lambda candidate: _same_start(found, candidate))
