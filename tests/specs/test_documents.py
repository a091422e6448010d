"""Dataflow documents: every sentence is understood, every byte comes back, every mistake is named."""

import re
from pathlib import Path

import pytest

from talk_assets.specs.convert import spec_from_document
from talk_assets.specs.document import (
    Before,
    Condition,
    Connected,
    Document,
    Every,
    Row,
    Section,
    TypeCell,
    parse,
    render,
)
from talk_assets.specs.problems import SpecError
from tests.specs.samples import EMPTY_DOCUMENT, EVERY_SENTENCE

FILE = Path("some/document.txt")


def test_every_sentence_of_the_grammar_is_understood():
    document = parse(EVERY_SENTENCE, FILE)
    company, contact, deal = document.sections
    assert (document.title, document.generated) == ("Alpha CRM to Beta Dataflow", "2024-11-13 00:31:07")
    assert (company.source, company.target, company.system) == (
        "Alpha CRM Company",
        "Beta Customer (organisation data)",
        "Beta",
    )
    assert company.rule == Before()
    assert company.connected == Connected(("Alpha CRM Deal", "Quote"), "Beta")
    assert company.merge == (("orgNr (Dependant on having NO in country)", "organizationNumber"), ("email", "emails.value"))
    assert company.rows == (
        Row("name\t", "name ", TypeCell('"string"')),
        Row("turnover", "economy.turnover", TypeCell('"float"', at_column_0=True)),
    )
    assert contact.rule == Every()
    assert contact.match_or_create
    assert [row.type.text for row in contact.rows] == ["N/A", '["decimal","_."]']
    assert deal.rule == Condition("When a Alpha CRM Deal is won. At last")
    assert deal.rows == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("text", [EVERY_SENTENCE, EMPTY_DOCUMENT])
def test_a_document_comes_back_byte_for_byte(text: str, newline: str):
    written = text.replace("\n", newline)
    assert render(parse(written, FILE)) == written


def test_a_paragraph_of_an_older_generation_is_kept():
    text = EMPTY_DOCUMENT.replace(" It serves as a QA checklist for testing purposes and", " It")
    assert render(parse(text, FILE)) == text


def test_every_cut_but_one_at_a_mapping_s_end_is_noticed():
    whole = [
        len(EVERY_SENTENCE[: EVERY_SENTENCE.index(heading)]) - 1 for heading in ("Alpha CRM Contact to", "Alpha CRM Deal to")
    ]
    end_of_introduction = EVERY_SENTENCE.index("prohibited.\n") + len("prohibited.\n")
    accepted = []
    for size in range(len(EVERY_SENTENCE)):
        try:
            parse(EVERY_SENTENCE[:size], FILE)
        except SpecError as failure:
            assert failure.problems[0].place.line <= EVERY_SENTENCE[:size].count("\n") + 1  # noqa: PT017  (all of them, not one)
        else:
            accepted.append(size)
    assert accepted == [end_of_introduction, *whole]


@pytest.mark.parametrize(
    ("old", "new", "at", "column", "says"),
    [
        (
            "   * - Alpha CRM Deal Property\n     - Beta Order Property",
            "   * - Foo Property\n     - Beta Order Property",
            *("   * - Foo Property", 8, "the table's head was expected: '   * - Alpha CRM Deal Property'"),
        ),
        (
            "   * - Alpha CRM Deal Property\n     - Beta Order Property",
            "   * - Alpha CRM Deal Property\n     - Beta Oder Property",
            *("     - Beta Oder Property", 14, "the table's head was expected"),
        ),
        (
            ".. list-table::\n   :header-rows: 1\n\n   * - Alpha CRM Deal",
            ".. lst-table::\n   :header-rows: 1\n\n   * - Alpha CRM Deal",
            ".. lst-table::",
            5,
            "the start of a table was expected",
        ),
        ("Dataflow\n==========================", "Dataflow\n=====", "=====", 6, "26 times = were expected"),
        ("to Beta Dataflow\n", "to Beta Data flow\n", "Data flow", 23, "'Alpha CRM to Beta Dataflow', found"),
        ("to Beta Dataflow\n", "to Beta Dataflow \n", "Dataflow ", 27, "a title was expected"),
        ("Generated: 2024-11-13", "Generated: 13.11.2024", "Generated:", 1, "'Generated: YYYY-MM-DD HH:MM:SS'"),
        ("Introduction\n", "Preface\n", "Preface", 1, "the heading 'Introduction'"),
        ("flow from Alpha CRM", "flow from Gamma CRM", "This technical", 87, "flow from Alpha CRM to Beta.', found"),
        ("Beta Contact\n------", "Beta Contact\n~~~~~~", "~~~~~~", 1, "33 times - were expected"),
        ("Every Alpha CRM Contact", "Any Alpha CRM Contact", "Any Alpha", 1, "'Every Alpha CRM Contact"),
        ("Beta Contact is found", "Beta Contact was found", "was found", 29, "is found"),
        (
            "Deal, or Quote that",
            "Deal, or Quote which",
            "or Quote which",
            163,
            "must end with 'that is synchronized into <system>.'",
        ),
        ("keep in sync between", "stay in sync between", "it will stay", 105, "keep in sync"),
        ("   :header-rows: 1", "   :header-rows: 2", ":header-rows: 2", 18, ":header-rows: 1"),
        ("Beta Order Property", "Beta Order Proprety", "Proprety", 1, "<entity> Property"),
        ("     - N/A\n", "", "   * - score", 1, "the row's data type"),
        ("     - N/A\n", "      - N/A\n", "      - N/A", 6, "or from the first column"),
        ("     - N/A\n", "\t    - N/A\n", "\t    - N/A", 1, "or from the first column"),
        ("At last, it  will", "At last, it will", "At last", 1, "a rule for this mapping"),
        ("     - dateOfBirth\n", "     dateOfBirth\n", "     dateOfBirth", 1, "a cell"),
        ("Once a link between a Alpha CRM Deal", "Now a link between a Alpha CRM Deal", "Now a link", 1, "'Once a link"),
        ("Alpha CRM Deal to Beta Order\n", "Alpha CRM Deal for Beta Order\n", "Deal for", 16, "a heading that fits the table"),
        ("     - Beta Data Type\n   * - born", "     - Gamma Data Type\n   * - born", "Gamma", 8, "does not begin the target"),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, at: str, column: int, says: str):
    broken = EVERY_SENTENCE.replace(old, new, 1)
    with pytest.raises(SpecError) as failure:
        parse(broken, FILE)
    (problem,) = failure.value.problems
    assert says in problem.message
    assert at in broken.split("\n")[problem.place.line - 1]
    assert problem.place.column == column


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (EVERY_SENTENCE + "\nlast words", "no table follows 'last words'"),
        (EVERY_SENTENCE[:-1], "one empty line must follow"),
        (EVERY_SENTENCE.replace("\n", "\r\n", 8), "line ends are mixed"),
        ("\ufeff" + EVERY_SENTENCE, "byte order mark"),
        ("", "the file is empty"),
        ("one line", "this is not a dataflow document"),
        ("Title\n=====\n\nSome other RST\n", "a bar of ="),
        ("=====\nTitle\n=====\n\n.. toctree::\n", "a title '<system> to <system> Dataflow'"),
        (EMPTY_DOCUMENT[:-1], "in the middle of its introduction's line"),
    ],
)
def test_what_is_no_document_is_told_so(text: str, says: str):
    with pytest.raises(SpecError, match=re.escape(says)):
        parse(text, FILE)


def test_a_document_with_line_ends_of_an_old_mac_is_told_so():
    with pytest.raises(SpecError, match="lines end in CR alone"):
        parse(EVERY_SENTENCE.replace("\n", "\r"), FILE)


def test_more_empty_lines_at_the_end_are_called_that():
    with pytest.raises(SpecError, match="one empty line ends a document; here stand more of them"):
        parse(EVERY_SENTENCE + "\n", FILE)


@pytest.mark.parametrize("sentence", ["If a matching", "A Alpha CRM Contact will merge"])
def test_an_empty_line_too_many_is_pointed_at(sentence: str):
    before, after = EVERY_SENTENCE.split(sentence, 1)
    with pytest.raises(SpecError, match="two empty lines") as failure:
        parse(f"{before}\n{sentence}{after}", FILE)
    assert failure.value.problems[0].place.line == before.count("\n") + 1


@pytest.mark.parametrize("heading", ["Alpha CRM Company to", "Alpha CRM Contact to"])
def test_an_empty_line_too_many_before_a_mapping_is_to_be_deleted(heading: str):
    before, after = EVERY_SENTENCE.split(heading, 1)
    with pytest.raises(SpecError, match=r"an empty line too many .*delete this empty line") as failure:
        parse(f"{before}\n{heading}{after}", FILE)
    assert failure.value.problems[0].place.line == before.count("\n") + 1


def test_a_condition_may_begin_like_a_table():
    rules = (Every(), Condition(".. list-table::"))
    document = Document("A to B Dataflow", "2000-01-01 00:00:00", tuple(Section("a", "s b", "s", rule) for rule in rules))
    assert parse(render(document), Path("document.txt")) == document


def test_a_long_line_takes_no_longer_than_it_is():
    """It was looked through from each of its characters, for minutes."""
    text = EMPTY_DOCUMENT.replace("flow from Alpha CRM to Beta.", "flow from Gamma to Beta. " + "Words " * 400_000)
    with pytest.raises(SpecError, match="an introduction that names the title's systems was expected"):
        parse(text, FILE)


@pytest.mark.parametrize(
    ("old", "new"), [("Alpha CRM", "Alpha CRM" + " and more" * 20_000), ("Beta", "Beta" + " to Beta" * 20_000)]
)
def test_a_name_of_many_words_takes_no_longer_than_it_is(old: str, new: str):
    """All its beginnings were made, which took more memory than there is."""
    title = "Alpha CRM to Beta Dataflow".replace(old, new)
    section = Section("Alpha CRM Deal".replace(old, new), "Beta Order", "Beta", Every())
    spec = spec_from_document(Document(title, "2000-01-01 00:00:00", (section,)), "a.txt", {})
    assert spec.mappings[0].source == "deal"
    assert spec.target == "beta"
