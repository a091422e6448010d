"""Spec files are YAML 1.2, and whatever is wrong in one is named at its place."""

import re
from pathlib import Path
from typing import cast

import pytest

from talk_assets.specs import yaml12
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.problems import SpecError
from talk_assets.specs.read import build
from talk_assets.specs.system import SystemSpec
from tests.specs.samples import ALPHA, SOUND_FLOW

FILE = Path("spec.yaml")


def problems(text: str, model: type = DataflowSpec) -> list[str]:
    with pytest.raises(SpecError) as failure:
        build(yaml12.parse(text, FILE), model)
    return [str(problem).removeprefix("spec.yaml:") for problem in failure.value.problems]


def test_a_norwegian_spec_is_read_as_it_is_written():
    text = "country: NO\nzip: 0150\non: yes\nday: 2024-09-11\nversion: 1.10.0\nempty:\nnothing: null\nflag: true\nsize: 10\n"
    assert yaml12.parse(text, FILE).data == {
        **{"country": "NO", "zip": "0150", "on": "yes", "day": "2024-09-11", "version": "1.10.0"},
        **{"empty": None, "nothing": None, "flag": True, "size": 10},
    }


def test_quoted_text_is_never_a_number():
    assert yaml12.parse('["10", \'true\', "null"]', FILE).data == ["10", "true", "null"]


def test_every_value_and_key_knows_its_place():
    tree = yaml12.parse("a:\n  - [x, æøå y]\n  - {b: 1}\n", FILE)
    assert str(tree.place("a", 0, 1)) == "spec.yaml:2:9"
    assert str(tree.key_place("a", 1, "b")) == "spec.yaml:3:6"
    assert str(tree.place("a", 1, "missing")) == "spec.yaml:3:5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1: error [yaml] the key 'a' stands here twice, first on line 1"),
        ("a: &x 1\n", "1:4: error [yaml] the anchor &x is not allowed"),
        ("a: *x\n", "1:4: error [yaml] the alias *x is not allowed"),
        ("a: {<<: {b: 1}}\n", "1:5: error [yaml] merge keys (<<) are not allowed"),
        (
            "a: !!python/object:os.system x\n",
            "1:4: error [yaml] the tag tag:yaml.org,2002:python/object:os.system is not allowed",
        ),
        ("a: 1\n---\nb: 2\n", "2:1: error [yaml] a second YAML document starts here"),
        ("? [a]\n: b\n", "1:3: error [yaml] a key must be plain text"),
        ("[" * 50 + "]" * 50, "error [yaml] nested deeper than 20 levels"),
        ("[" * 200_000, "error [yaml]"),
        ("a: b\x00c\n", "error [yaml] not valid YAML: control characters are not allowed"),
        ("- a\n- b\n", "1:1: error [spec] a mapping spec was expected: keys and their values"),
        ("", "1:1: error [spec] a mapping spec was expected: keys and their values"),
    ],
)
def test_yaml_that_would_surprise_is_refused(text: str, expected: str):
    (problem,) = problems(text)
    assert expected in problem


@pytest.mark.parametrize(
    ("text", "place", "says", "advice"),
    [
        ('a: "x\nb: 1\n', "1:4", "the quote that opens here is never closed", "close it"),
        ("a: {b: 'x}\nc: 1\n", "1:8", "the quote that opens here is never closed", "close it"),
        ("a: 'It's x'\n", "1:8", "after a closing quote", "a ' within single quotes is written twice"),
        ("a:\n\t- b\n", "2:1", "a tab stands here", "indent with spaces"),
        ("a: 1\n\tb: 2\n", "2:1", "a tab stands here", "indent with spaces"),
        ("m:\n  - a: 1\n   b: 2\n", "3:4", "indented otherwise", "items of this list begin with `- ` in column 3"),
        ("m:\n  a: []\n    - b\n  c: 1\n", "3:5", "indented otherwise", "those around it begin in column 3"),
        ("a: b\n   c: d\n", "2:5", "indented otherwise", "with a colon and a blank after it"),
        ("a: 1\nb 2\nc: 3\n", "2:1", "a key has no colon", "with a blank after the colon"),
        ("a: x: y\n", "1:5", "a colon with a blank after it stands in a value", "put the value in quotes"),
        ("a: {b: c d: 1}\n", "1:11", "the bracket of line 1, column 4", "part what stands in brackets by commas"),
        ("a: [1, 2\nb: 3\n", "2:2", "the bracket of line 1, column 4", "close them"),
        ("a: [1,, 2]\n", "1:7", "a value was expected here", "leave out the bracket or comma"),
        ("a: @x\n", "1:4", "no value begins with @", "put the value in quotes"),
        ("a: */5 * * * *\n", "1:4", "no value begins with *", "put the value in quotes"),
        ('a: "C:\\docs"\n', "1:7", "in double quotes a \\ begins a sign", "take single quotes"),
        ("a: - b\n", "1:4", "a list cannot begin behind its key", "begin it on the next line"),
        ("a: | b\n", "1:6", "begins on the next line", "write it there"),
        ("a: {{ b }}\n", "1:5", "a key must be plain text", "in quotes"),
        ("a: *x\n", "1:4", "the alias *x is not allowed", "put text in quotes"),
        ("a: 1\na: 2\n", "2:1", "stands here twice, first on line 1", "leave one of them out"),
    ],
)
def test_a_mistake_in_the_yaml_is_told_with_what_to_do(text: str, place: str, says: str, advice: str):
    (problem,) = problems(text)
    message, _, suggestion = problem.partition(" (")
    assert message.startswith(f"{place}: error [yaml]")
    assert says in message
    assert advice in suggestion


def test_a_pair_with_one_name_says_which_is_missing():
    (problem,) = problems(SOUND_FLOW.replace("- [code, code]", "- {all: [[code code], [name, name]], added: true}", 1))
    assert problem == "8:16: error [missing-key] item 2 is missing here"


def test_all_mistakes_of_a_file_are_said_at_once():
    text = SOUND_FLOW.replace("create: always", "create: allways", 1).replace("match:", "matches:", 1)
    text = text.replace("    target: person\n", "").replace("- [name, name]", "- [name, name, string, more]", 1)
    found = problems(text)
    assert [problem.split(" (")[0] for problem in found] == [
        "6:13: error [value] create: must be 'always' or 'never', found 'allways'",
        "10:9: error [value] properties[1]: a short row has two or three cells, [source, target, type]; this one has 4",
        (
            "7:5: error [unknown-key] the key 'matches' is not known here; known are conflicts, create, labels, match, "
            "match_or_create, on_create, properties, source, target"
        ),
        "15:5: error [missing-key] the key 'target' is missing here",
    ]
    assert "did you mean always?" in found[0]
    assert "did you mean match?" in found[2]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("type: bearer", "type: magic", "8:11: error [value] auth: must have a `type` of"),
        ("{env: ALPHA_TOKEN}", "s3cret", "8:33: error [secret] token: a secret never stands in a spec (write {env: NAME}"),
        (
            "type: bearer",
            "type: oauth2_client_credential",
            "'bearer' (did you mean oauth2_client_credentials?)",
        ),
        ("format: email", "format: mail", "found 'mail' (did you mean email?)"),
        ("requests: 10", "requests: ten", "error [value] requests: must be a whole number, found 'ten'"),
        ("requests: 10", "requests: -1", "error [value] requests: must be at least 1, found '-1'"),
        ("type: decimal", "type: money", "error [value] type: must be 'string', 'integer', 'decimal'"),
        ("nullable: false", "nullable: no", "error [value] nullable: must be true or false, found 'no'"),
        ("system: alpha", "system: Alpha CRM", "1:9: error [value] system: must match ^[a-z][a-z0-9_]{0,62}$"),
        ("access: read_only", "acess: read_only", "did you mean access?"),
        ("    list:", "    where: {deleted: []}\n    list:", "error [value] deleted: must have at least 1 entry"),
        (
            "create: {path: companies}",
            "create: {path: x, answers: 99}",
            "error [value] answers: must be at least 200, found '99'",
        ),
        ("create: {path: companies}", "create: {path: x, answers: 404}", "error [value] answers: must be at most 299"),
        ("    list:", "    archive: {}\n    list:", "archive: an archive has either `set` or `delete`"),
        ("    list:", "    archive: {set: {a: 1}, delete: x}\n    list:", "archive: an archive has either `set` or `delete`"),
        ("    list:", "    archive: {set: {}}\n    list:", "error [value] set: must have at least 1 entry"),
    ],
)
def test_a_system_spec_says_what_it_allows(old: str, new: str, expected: str):
    (problem,) = problems(ALPHA.replace(old, new, 1), SystemSpec)
    assert expected in problem


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("env: ALPHA_TOKEN", "env: hunter2-s3cr3t"),
        ("env: ALPHA_TOKEN", "env: 123456"),
        ("    limits:", "    headers: {X-Account: {env: hunter2-s3cr3t}}\n    limits:"),
    ],
)
def test_a_secret_in_place_of_a_variable_s_name_is_not_repeated(old: str, new: str):
    (problem,) = problems(ALPHA.replace(old, new, 1), SystemSpec)
    assert "error [secret] env: no variable has such a name" in problem
    assert "write the name of a variable, in capitals" in problem
    assert not {"hunter2", "123456"} & set(re.findall(r"\w+", problem))


@pytest.mark.parametrize("name", ["company", "client", "parent", "list", "create", "key", "title"])
def test_what_is_called_like_a_key_hides_no_key_below_it(name: str):
    text = ALPHA.replace("  company:\n", f"  {name}:\n").replace("{path: companies}", "{path: companies, data_select: rows}", 1)
    of_list, of_property = problems(text.replace("id: {type: string,", "type: {type: string, nulable: true,", 1), SystemSpec)
    assert "known are complete, cursor, data_selector, null_when_empty, params, path (did you mean data_selector?)" in of_list
    assert "(did you mean nullable?)" in of_property


def test_a_joined_row_cannot_claim_to_be_the_documents():
    (problem,) = problems(SOUND_FLOW.replace(', join: " ", added: true', ', join: " "'))
    assert "a joined row is ours and needs `added: true`" in problem


def test_specs_cannot_be_changed():
    spec = build(yaml12.parse(ALPHA, FILE), SystemSpec).spec
    with pytest.raises(TypeError):
        cast("dict", spec.entities)["company"] = spec.entities["contact"]
    with pytest.raises(ValueError, match="frozen"):
        SystemSpec.__setattr__(spec, "title", "other")


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        (
            "create: {when_conected: [a]}",
            ["known are condition, into, rule, when, when_connected (did you mean when_connected?)"],
        ),
        ("create: {condition: x, wehn: y}", ["the key 'wehn' is not known here; known are condition, into, rule, when"]),
        ("create: {}", ["create: says neither `when_connected`, nor `condition`, nor `when`"]),
        ("create: always\n    on_create: {c: {expr: x}}", ["the key 'expression' is missing", "known are expression"]),
        ("create: always\n    on_create: {c: null}", ["c: must be text, a number, true or false, found 'null'"]),
        ("create: always\n    on_create: {c: [1]}", ["c: must be text or a mapping"]),
        ("create: always\n    properties: [[a, b], x]", ["properties[2]: must be a"]),
        ("create: always\n    match: [[a]]", ["match[1]: a short match rule has two cells, [source, target]; this one has 1"]),
        (
            "create: always\n    properties: [[a]]",
            ["a short row has two or three cells, [source, target, type]; this one has 1"],
        ),
        ("create: always\n    properties: [{source: 1, target: b}]", ["source: must be text, found '1'"]),
        ("create: always\n    properties: [{source: [a], target: b}]", ["source: must have at least 2 entries"]),
        ("create: always\n    properties: [{source: a, target: b, values: {x: null}}]", ["x: must be text, a number, true or"]),
        (
            "create: always\n    properties: [{source: a, target: b, values: [c]}]",
            ["values: must be a mapping of keys and values"],
        ),
        ("create: {when_connected: []}", ["when_connected: must have at least 1 entry"]),
    ],
)
def test_what_may_be_written_in_several_forms_is_judged_by_the_form_it_has(planted: str, expected: list[str]):
    found = problems(f"source: a\ntarget: b\nmappings:\n  - source: x\n    target: y\n    {planted}\n")
    assert len(found) == len(expected)
    for problem, says in zip(found, expected, strict=True):
        assert says in problem
