"""The verifier: each kind of mistake, planted into sound specs, is found where it was planted."""

import re
from pathlib import Path

import pytest

from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.problems import Problem, Severity
from talk_assets.specs.resolve import resolve
from talk_assets.specs.verify import verify
from tests.specs import samples
from tests.specs.samples import SOUND_FLOW

ALPHA, BETA = (
    re.sub("(    list: .*\n)", r"\1    update: {path: 'x/{id}', style: put}\n", text) for text in (samples.ALPHA, samples.BETA)
)
"""The sample systems, able to take edits."""


def found(folder: Path, *, alpha: str = ALPHA, beta: str = BETA, **flows: str) -> list[Problem]:
    (folder / "systems").mkdir(exist_ok=True)
    (folder / "systems" / "alpha.yaml").write_text(alpha, encoding="utf-8")
    (folder / "systems" / "beta.yaml").write_text(beta, encoding="utf-8")
    for name, text in flows.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return list(verify(resolve(load_catalog(folder))))


def said(problems: list[Problem]) -> list[str]:
    return [
        f"{problem.place.file.name}:{problem.place.line}:{problem.place.column} {problem.severity} {problem.code}"
        for problem in problems
    ]


def test_sound_specs_have_nothing_but_notes(tmp_path: Path):
    assert [problem for problem in found(tmp_path, flow=SOUND_FLOW) if problem.severity is not Severity.note] == []


ROW = "      - [name, name]\n"
"""Line 10 of the sound flow; what a test plants comes right after it, on line 11."""


@pytest.mark.parametrize(
    ("planted", "expected", "says"),
    [
        ("      - [nmae, legalName]\n", "11:10 error unknown-property", "did you mean name?"),
        ("      - [status, MailAddress.Cty]\n", "11:18 error unknown-property", "did you mean MailAddress.City?"),
        ("      - [active, mailaddress.city]\n", "11:18 error unknown-property", "did you mean MailAddress.City?"),
        ("      - [employees, legalName]\n", "11:21 error type-mismatch", "text that is not a whole number"),
        ("      - [active, staff]\n", "11:18 error type-mismatch", "boolean and integer do not convert"),
        ("      - [employees, IsActive]\n", "11:21 error type-mismatch", "boolean and integer"),
        ("      - [turnover, staff]\n", "11:20 warning lossy-type", "fraction is lost"),
        ("      - [status, status]\n", "11:18 warning values-differ", "only one side knows customer, lead"),
        (
            "      - {source: status, target: status, values: {lead: prospect, won: prospect}}\n",
            "11:72 error not-bijective",
            "both 'lead'",
        ),
        (
            "      - {source: status, target: status, values: {lead: prospekt, won: customer}}\n",
            "11:57 error bad-value",
            "did you mean prospect?",
        ),
        ("      - {source: active, target: IsActive, values: {maybe: true}}\n", "11:53 error bad-value", "it is not a boolean"),
        (
            "      - {source: status, target: legalName, to_target: UPPER(status)}\n",
            "11:56 error no-inverse",
            "direction: to_target",
        ),
        (
            "      - {source: currency, target: legalName, to_target: LOWER(currency), to_source: legalName}\n",
            *("11:86 error inverse-differs", "'NOK' becomes 'nok' and comes back as 'nok'"),
        ),
        (
            "      - {source: status, target: legalName, to_target: UPPER(statsu), to_source: status}\n",
            "11:56 error bad-expression",
            "did you mean status?",
        ),
        (
            "      - {source: status, target: legalName, to_target: UPER(status), to_source: status}\n",
            "11:56 error bad-expression",
            "did you mean UPPER?",
        ),
        (
            "      - {source: status, target: staff, to_target: UPPER(status), direction: to_target}\n",
            "11:52 error bad-expression",
            "gives string, integer",
        ),
        ("      - [email, name]\n", "11:17 warning same-target", "beta.customer.name is written by this row and from name"),
        ("      - [name, legalName]\n", "11:10 warning fan-out", "alpha.company.name feeds this row and name"),
        ("      - [isInactive, IsActive]\n", "11:22 error inverted-boolean", "mean opposite things"),
        ("      - [status, customerId]\n", "11:18 warning id-like", "would be copied, not translated"),
        ("      - [ownerId, legalName]\n", "11:10 warning id-like", "would be copied, not translated"),
        ("      - [status, contact]\n", "11:18 error untranslated-id", "the id of one system would be copied"),
        ("      - [mainContact, legalName]\n", "11:23 error untranslated-id", "alpha.company.mainContact names a record"),
        ("      - [id, id]\n", "11:14 note identity", "the link satisfies this row"),
        ("      - [id, legalName]\n", "11:14 warning id-copied", "direction: to_target"),
        (
            "      - [created, created]\n",
            "11:19 error never-written",
            "beta.customer.created is read-only and alpha.company.created is read-only",
        ),
        ("      - [created, founded]\n", "11:10 warning one-way", "read-only"),
        ("      - {source: [status, currency], target: legalName, added: true}\n", "11:18 error bad-row", "need `join`"),
        (
            "      - {source: status, target: legalName, join: x, added: true}\n",
            "11:18 error bad-row",
            "several properties on one side",
        ),
        (
            "      - {source: [status, employees], target: legalName, join: x, added: true}\n",
            "11:18 error type-mismatch",
            "only text can be joined",
        ),
        (
            "      - [name (Dependant on having NO in contry), legalName]\n",
            "11:10 error unknown-property",
            "has no property 'contry'",
        ),
        ("      - [employees, staff, string]\n", "11:28 note documented-type", "the system spec is followed"),
    ],
)
def test_a_planted_row_is_found(tmp_path: Path, planted: str, expected: str, says: str):
    before = said(found(tmp_path, flow=SOUND_FLOW))
    problems = found(tmp_path, flow=SOUND_FLOW.replace(ROW, ROW + planted))
    expected = f"flow.yaml:{expected}"
    assert expected in said(problems)
    assert expected not in before
    assert any(says in f"{problem.message} {problem.suggestion}" for problem in problems if expected in said([problem]))


@pytest.mark.parametrize(
    ("old", "new", "expected", "says"),
    [
        ("source: alpha", "source: alhpa", "1:9 error unknown-system", "did you mean alpha?"),
        (
            "    create: always\n",
            "    create: always\n    conflicts: {prefer: [betta]}\n",
            "7:16 error unknown-system",
            "did you mean beta?",
        ),
        ("target: person", "target: persn", "16:13 error unknown-entity", "did you mean person?"),
        ("      - [name, name]\n", "", "5:13 error required-missing", "beta.customer cannot be created without name"),
        (
            "    create: always\n",
            "    create: never\n    on_create: {nmae: x}\n",
            "7:17 error unknown-property",
            "did you mean name?",
        ),
        ("    create: always\n", "    create: always\n    on_create: {created: x}\n", "7:26 error never-written", "read-only"),
        (
            "    create: always\n",
            "    create: always\n    on_create: {staff: {expression: UPPER(name)}}\n",
            *("7:24 error bad-expression", "the expression gives string, integer was expected"),
        ),
        (
            "create: always",
            'create: {condition: "When it is won"}',
            "6:13 warning unbound-condition",
            "'When it is won' is bound to no expression",
        ),
        ("create: always", "create: {when: status}", "6:20 error bad-expression", "gives string, boolean was expected"),
        ("create: always", 'create: {when: "status = \'won"}', "6:20 error bad-expression", "column"),
        ("create: always", "create: {when: COUNT(*) > 1}", "6:20 error bad-expression", "count_star is not allowed"),
        ("create: always", "create: {when_connected: [Quote]}", "6:31 warning unknown-entity", "no entity 'Quote'"),
        (
            "create: always",
            "create: {when_connected: [Alpha CRM Company]}",
            "6:13 warning not-connected",
            "refers to alpha.company",
        ),
        ("    match:\n      - [code, code]\n", "", "4:13 warning no-match-rule", "would stand there twice"),
        (
            "- [code, code]",
            "- [name, name]",
            "8:9 warning match-not-unique",
            "alpha.company.name and beta.customer.name need not",
        ),
        ("- [code, code]", "- [email, mail]", "8:9 note match-nullable", "may be empty"),
        ("- [code, code]", "- [id, id]", "8:10 warning match-id", "says nothing about another system"),
        ("- [code, code]", "- [active, staff]", "8:10 error match-type", "cannot be compared"),
        ("- [code, code]", "- [code, coed]", "8:16 error unknown-property", "did you mean code?"),
    ],
)
def test_a_planted_change_is_found(tmp_path: Path, old: str, new: str, expected: str, says: str):
    before = said(found(tmp_path, flow=SOUND_FLOW))
    problems = found(tmp_path, flow=SOUND_FLOW.replace(old, new, 1))
    assert f"flow.yaml:{expected}" in said(problems)
    assert f"flow.yaml:{expected}" not in before
    assert any(says in f"{problem.message} {problem.suggestion}" for problem in problems)


def test_a_condition_that_is_bound_is_sound(tmp_path: Path):
    bound = SOUND_FLOW.replace("create: always", "create: {condition: When it is won, when: \"status = 'won'\"}", 1)
    assert said(found(tmp_path, flow=bound)) == said(found(tmp_path, flow=SOUND_FLOW))


SELF = """\
source: alpha
target: alpha
mappings:
  - {source: deal, target: deal, create: always, properties: [[title, title]]}
"""


def test_a_missing_create_capability_is_found(tmp_path: Path):
    flow = SELF.replace("target: alpha", "target: beta").replace("target: deal", "target: order")
    assert "flow.yaml:4:43 error cannot-create" in said(found(tmp_path, flow=flow))


def test_a_reference_that_no_mapping_links_is_found(tmp_path: Path):
    alone = SOUND_FLOW[: SOUND_FLOW.index("  - source: contact")].replace(ROW, ROW + "      - [mainContact, contact]\n")
    assert "flow.yaml:11:10 warning reference-not-linked" in said(found(tmp_path, flow=alone))
    linked = SOUND_FLOW.replace(ROW, ROW + "      - [mainContact, contact]\n")
    assert not any("reference-not-linked" in line for line in said(found(tmp_path, flow=linked)))


def test_a_reference_falls_back_to_the_record_that_owns_what_it_names(tmp_path: Path):
    alpha = ALPHA.replace(
        "    subject: contact\n", "    subject: contact\n    parent: {property: company, entity: company}\n", 1
    )
    beta = BETA.replace("references: [person]", "references: [customer]")
    alone = SOUND_FLOW[: SOUND_FLOW.index("  - source: contact")].replace(ROW, ROW + "      - [mainContact, contact]\n")
    assert "flow.yaml:11:10 note through-parent" in said(found(tmp_path, alpha=alpha, beta=beta, flow=alone))


def test_a_section_said_twice_is_found_and_the_strictest_rule_wins(tmp_path: Path):
    again = SOUND_FLOW + "  - {source: company, target: customer, create: never}\n"
    problems = found(tmp_path, flow=again)
    assert "flow.yaml:24:14 warning duplicate-section" in said(problems)
    assert any("the strictest, 'never', wins" in problem.message for problem in problems)


DOCUMENT = "document:\n  file: a.txt\n  title: {title}\n  generated: 2024-09-11 07:56:15\n"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("", []),
        ("    labels: {source: Alpha Company}\n", ["flow.yaml:8:22 note label-differs"]),
        ("    labels: {source: Gamma Company}\n", ["flow.yaml:8:22 warning label-differs"]),
        ("    labels: {target: Gamma Customer, system: Gamma}\n", ["flow.yaml:8:22 warning label-differs"]),
    ],
)
def test_a_label_that_differs_from_the_title_is_found(tmp_path: Path, labels: str, expected: list[str]):
    first = SOUND_FLOW[: SOUND_FLOW.index("  - source: contact")].replace(
        "    target: customer\n", f"    target: customer\n{labels}"
    )
    flow = DOCUMENT.format(title="Alpha CRM to Beta Dataflow") + first
    assert [line for line in said(found(tmp_path, flow=flow)) if "label" in line] == [
        line.replace(":8:", ":10:") for line in expected
    ]


def test_a_title_that_can_be_read_twice_is_found(tmp_path: Path):
    flow = DOCUMENT.format(title="Alpha to CRM to Beta Dataflow") + SOUND_FLOW
    assert "flow.yaml:3:10 note ambiguous-title" in said(found(tmp_path, flow=flow))


def test_subjects_that_are_joined_are_found(tmp_path: Path):
    joined = SOUND_FLOW + "  - {source: deal, target: customer, create: never}\n"
    problems = found(tmp_path, flow=joined)
    assert "flow.yaml:24:14 warning subjects-joined" in said(problems)
    assert any("joins the subjects order and customer" in problem.message for problem in problems)


BACK = """\
source: beta
target: alpha
mappings:
  - source: customer
    target: company
    create: always
    match:
      - [code, code]
    properties:
      - [name, name]
"""


def test_a_circle_of_mappings_is_reported_as_safe(tmp_path: Path):
    problems = found(tmp_path, there=SOUND_FLOW, back=BACK)
    (circle,) = [problem for problem in problems if problem.code.startswith("cycle")]
    assert (circle.code, circle.severity) == ("cycle", Severity.note)
    assert "alpha.company → beta.customer → alpha.company; it is safe" in circle.message


def test_a_circle_in_which_a_value_comes_back_elsewhere_is_not_safe(tmp_path: Path):
    problems = found(tmp_path, there=SOUND_FLOW, back=BACK.replace("[name, name]", "[legalName, name]"))
    codes = {problem.code: problem for problem in problems if problem.severity is Severity.error}
    assert {"cycle-unsafe", "fields-joined"} <= codes.keys()
    assert "does not come back as itself" in codes["cycle-unsafe"].message


def test_a_circle_in_which_a_value_loses_something_is_not_safe(tmp_path: Path):
    problems = found(tmp_path, there=SOUND_FLOW.replace("[turnover, turnover]", "[turnover, staff]"), back=BACK)
    assert any(problem.code == "cycle-unsafe" and "fraction is lost" in problem.message for problem in problems)


def test_an_entity_that_creates_itself_is_not_safe(tmp_path: Path):
    assert any(problem.code == "cycle-unsafe" and "without end" in problem.message for problem in found(tmp_path, flow=SELF))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("references: [contact]", "references: [contakt]", "33:47 error unknown-entity"),
        ("    list: {path: companies}\n", "    key: uid\n    list: {path: companies}\n", "15:10 error unknown-property"),
        ("    create: {path: companies}\n", "    create: {path: 'companies/{owner}'}\n", "16:20 error unknown-property"),
        ("    create: {path: companies}\n", "    client: apy\n", "16:13 error unknown-client"),
        ("{type: decimal}", "{type: decimal, aliases: [name]}", "24:43 error twice"),
        (
            "    list: {path: companies}\n",
            "    joins: {entity: contact, property: mainContact, by: code, owns: [name]}\n    list: {path: companies}\n",
            "15:57 error unknown-property",
        ),
        (
            "    list: {path: companies}\n",
            "    idempotency: {type: list_recent, created: craeted}\n    list: {path: companies}\n",
            "15:47 error unknown-property",
        ),
        (
            "    list: {path: companies}\n",
            "    list: {path: companies, cursor: {property: created, param: since, misses: [name, emial]}}\n",
            "15:86 error unknown-property",
        ),
    ],
)
def test_a_system_spec_must_fit_itself(tmp_path: Path, old: str, new: str, expected: str):
    lines = [
        line for line in said(found(tmp_path, alpha=ALPHA.replace(old, new, 1), flow=SOUND_FLOW)) if line.startswith("alpha")
    ]
    code = expected.split(" ", 1)[1]
    assert [line.split(" ", 1)[1] for line in lines] == [code]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("title: Beta\n", "title: Beta\nnames: [B, alpha-crm]\n", ["beta.yaml:3:12 error twice"]),
        ("title: Beta\n", "title: Alpha\n", ["beta.yaml:2:8 error twice"]),
        ("title: Person\n", "title: Customer\n", ["beta.yaml:35:12 error twice"]),
        ("title: Person\n", "title: Person\n    names: [ORDER]\n", ["beta.yaml:36:13 error twice"]),
        ("title: Person\n", "title: Person\n    names: [person, Contact, Company]\n", []),
        ("title: Beta\n", 'title: Beta\nnames: ["", beta]\n', []),
    ],
)
def test_a_name_means_one_system_and_one_entity_of_it(tmp_path: Path, old: str, new: str, expected: list[str]):
    alpha = ALPHA.replace("title: Alpha CRM\n", 'title: Alpha CRM\nnames: [""]\n')
    problems = found(tmp_path, alpha=alpha, beta=BETA.replace(old, new, 1), flow=SOUND_FLOW)
    assert [line for line in said(problems) if "note" not in line] == expected


def test_what_cannot_be_read_does_not_hide_the_rest(tmp_path: Path):
    lines = said(found(tmp_path, flow=SOUND_FLOW.replace("[name, name]", "[nmae, name]"), broken="source: [", junk="a: 1\n"))
    assert any(line.startswith("broken.yaml") for line in lines)
    assert any(line.startswith("junk.yaml") for line in lines)
    assert "flow.yaml:10:10 error unknown-property" in lines


def test_a_system_described_twice_is_found(tmp_path: Path):
    assert "alpha.yaml:1:9 error twice" in said(found(tmp_path, flow=SOUND_FLOW, other=ALPHA))


@pytest.mark.parametrize("mistake", ["    encoded: text\n", "  - [\n"])
def test_a_system_with_mistakes_of_its_own_is_not_called_unknown(tmp_path: Path, mistake: str):
    flow = SOUND_FLOW.replace("    create: always\n", "    create: always\n    conflicts: {prefer: [alpha]}\n", 1)
    problems = found(tmp_path, alpha=ALPHA + mistake, flow=flow)
    assert {problem.place.file.name for problem in problems if problem.severity is Severity.error} == {"alpha.yaml"}
    other = found(tmp_path, alpha=ALPHA + mistake, flow=flow.replace("source: alpha", "source: alhpa"))
    assert "flow.yaml:1:9 error unknown-system" in said(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1 error spec"),
        ("- a\n", "1:1 error spec"),
        ("title: Nova\n", "1:1 error missing-key"),
        ("system: Nova\n", "1:9 error value"),
    ],
)
def test_what_stands_among_systems_is_taken_for_one_and_known_by_its_file_too(tmp_path: Path, text: str, expected: str):
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "nova.yaml").write_text(text, encoding="utf-8")
    problems = found(tmp_path, flow=SOUND_FLOW.replace("source: alpha", "source: nova"))
    assert f"nova.yaml:{expected}" in said(problems)
    assert {one.place.file.name for one in problems} == {"nova.yaml"}
    assert not any("mapping spec" in one.message for one in problems)


def test_a_system_is_not_called_unknown_among_those_that_are_preferred(tmp_path: Path):
    flow = SOUND_FLOW.replace("    create: always\n", "    create: always\n    conflicts: {prefer: [gamma]}\n", 1)
    assert "unknown-system" in {problem.code for problem in found(tmp_path, flow=flow)}
    (tmp_path / "systems" / "third.yaml").write_text("system: gamma\nnothing: else\n", encoding="utf-8")
    assert "unknown-system" not in {problem.code for problem in found(tmp_path, flow=flow)}
