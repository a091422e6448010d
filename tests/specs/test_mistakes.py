"""Mistakes that once went unseen, and sound specs that were once called wrong."""

from pathlib import Path

import pytest

from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.problems import Problem, Severity, did_you_mean
from talk_assets.specs.resolve import connected_entity, resolve
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.verify.rows import sense
from talk_assets.specs.verify.settings import cron_mistake
from talk_assets.specs.yaml12 import parse
from talk_assets.systems.calling.address import Base
from talk_assets.systems.errors import BadSetup
from tests.specs.test_verify import ALPHA, BETA, DOCUMENT, ROW, SOUND_FLOW, found, said


def row(text: str) -> str:
    """The sound flow with one more row on line 11."""
    return SOUND_FLOW.replace(ROW, f"{ROW}      - {text}\n")


def only(problems: list[Problem], *codes: str) -> list[Problem]:
    return [problem for problem in problems if problem.code in codes]


MISSED = [
    # Value maps and what stands beside them
    ("{source: active, target: IsActive, values: {}}", "11:52 error bad-row", "the value map is empty"),
    (
        '{source: active, target: IsActive, values: {"true": true}, to_target: active, to_source: IsActive}',
        *("11:52 error bad-row", "either has `values` or computes"),
    ),
    (
        '{source: [name, code], target: legalName, join: " ", values: {a: b}, added: true}',
        *("11:70 error bad-row", "one property on each side"),
    ),
    (
        '{source: [name, status], target: legalName, join: " ", to_target: name, to_source: legalName, added: true}',
        *("11:75 error bad-row", "`to_target` would never be used"),
    ),
    (
        '{source: [status, status], target: legalName, join: " ", added: true}',
        *("11:18 error bad-row", "names alpha.company.status twice"),
    ),
    ('{source: active, target: IsActive, values: {"true": true}}', "11:52 warning values-missing", "may also hold false"),
    ('{source: turnover, target: turnover, values: {"1": 1, "2": 1.0}}', "11:68 error not-bijective", "both '1' and '2'"),
    ('{source: turnover, target: turnover, values: {"0": 1, "0.0": 2}}', "11:63 error not-bijective", "are the same value"),
    # Expressions
    (
        "{source: name, target: legalName, to_target: \"'x'\", to_source: legalName}",
        "11:54 error not-read",
        "would never arrive",
    ),
    ("{source: name, target: legalName, to_target: code, to_source: legalName}", "11:54 error not-read", "use name in"),
    (
        "{source: name, target: legalName, to_target: name || code, to_source: legalName}",
        *("11:54 warning inverse-unproven", "reads code as well"),
    ),
    (
        "{source: name, target: legalName, to_source: UPPER(legalName), direction: to_target}",
        *("11:54 error bad-row", "`to_source` is never used"),
    ),
    (
        "{source: name, target: legalName, to_target: UPPER(name), direction: to_source}",
        *("11:54 error bad-row", "`to_target` is never used"),
    ),
    (
        "{source: code, target: legalName, to_target: CAST(CAST(code AS INTEGER) AS VARCHAR), to_source: legalName}",
        *("11:54 error bad-expression", "TRY_CAST gives null instead"),
    ),
    # Flags
    (
        '{source: isInactive, target: IsActive, values: {"true": true, "false": false}}',
        *("11:38 error inverted-boolean", "mean opposite things"),
    ),
    (
        "{source: isInactive, target: IsActive, to_target: isInactive, to_source: IsActive}",
        *("11:38 error inverted-boolean", "mean opposite things"),
    ),
    (
        '{source: active, target: IsActive, values: {"true": false, "false": true}}',
        *("11:34 error inverted-boolean", "mean the same"),
    ),
    # References
    (
        "{source: mainContact, target: contact, values: {a: 1}}",
        *("11:56 error reference-computed", "translated through links"),
    ),
    (
        "{source: mainContact, target: contact, to_target: LENGTH(mainContact), direction: to_target}",
        *("11:59 error reference-computed", "would carry the id"),
    ),
]


@pytest.mark.parametrize(("planted", "expected", "says"), MISSED, ids=lambda text: text[:60])
def test_a_row_that_was_missed_is_found(tmp_path: Path, planted: str, expected: str, says: str):
    problems = found(tmp_path, flow=row(planted))
    assert f"flow.yaml:{expected}" in said(problems)
    assert any(says in f"{problem.message} {problem.suggestion}" for problem in problems)


@pytest.mark.parametrize(
    ("values", "planted", "expected"),
    [
        ("type: string, values: {P: prospect, C: customer}", "values: {lead: prospect, won: customer}", []),
        (
            "type: string, values: {P: prospect, C: customer}",
            "values: {lead: P, won: customer}",
            ["11:50 warning values-missing", "11:57 error bad-value"],
        ),
        ("type: string, values: {L: lead, W: won}", "to_target: status, to_source: status", []),
        ("type: string, values: {L: lead, W: won}", "direction: both", []),
        ("type: string, max_length: 1, values: {L: lead, W: won}", "values: {lead: won, won: lead}", []),
        (
            'type: integer, values: {"10": Open, "20": Won}',
            "values: {lead: Open, won: Won}",
            ["11:34 error bad-value"],
        ),
        (
            'type: integer, values: {"10": Open, "20": Won}',
            "values: {lead: 10, won: 20}",
            ["11:34 error bad-value"],
        ),
    ],
)
def test_a_row_calls_values_by_what_the_system_spec_says_they_mean(
    tmp_path: Path, values: str, planted: str, expected: list[str]
):
    beta = BETA.replace("status: {type: string, values: [prospect, customer]}", f"status: {{{values}}}")
    flow = row(f"{{source: status, target: status, {planted}}}")
    lines = [line for line in said(found(tmp_path, beta=beta, flow=flow)) if line.startswith("flow.yaml:11:")]
    assert lines == [f"flow.yaml:{line}" for line in expected]


@pytest.mark.parametrize(
    ("old", "new", "expected", "says"),
    [
        ("create: always\n", "create: always\n    on_create: {staff: many}\n", "7:24 error bad-value", "not an integer"),
        ("create: always\n", "create: always\n    on_create: {staff: true}\n", "7:24 error bad-value", "not an integer"),
        ("create: always\n", "create: always\n    on_create: {legalName: 7}\n", "7:28 error bad-value", "not a string"),
        (
            "create: always\n",
            "create: always\n    on_create: {status: prospekt}\n",
            "7:25 error bad-value",
            "did you mean prospect?",
        ),
        ("create: always\n", "create: always\n    on_create: {name: x}\n", "7:17 warning given-twice", "by the row from name"),
        (
            "create: always\n    match:\n      - [code, code]\n",
            "create: never\n",
            "6:13 warning never-linked",
            "add a match rule",
        ),
        ("- [code, code]\n", "- [code, code]\n      - [code, code]\n", "9:9 warning match-twice", "on line 8"),
        ("- [code, code]", "- [mainContact, contact]", "8:10 warning match-id", "the id of another record"),
        (
            "- [code, code]",
            "- all:\n          - [code, code]\n          - [name, nmae]\n        added: true",
            *("10:20 error unknown-property", "did you mean name?"),
        ),
        (
            "- [name, name]",
            '- source:\n          - name\n          - nmae\n        target: name\n        join: " "\n        added: true',
            *("12:13 error unknown-property", "did you mean name?"),
        ),
        (
            "create: always",
            "create:\n      when_connected:\n        - Contacts\n        - Quote",
            *("9:11 warning unknown-entity", "no entity 'Quote'"),
        ),
    ],
)
def test_a_change_that_was_missed_is_found(tmp_path: Path, old: str, new: str, expected: str, says: str):
    problems = found(tmp_path, flow=SOUND_FLOW.replace(old, new, 1))
    assert f"flow.yaml:{expected}" in said(problems)
    assert any(says in f"{problem.message} {problem.suggestion}" for problem in problems)


@pytest.mark.parametrize(
    ("create", "never"),
    [
        ('{when: "FALSE"}', True),
        ('{when: "NULL"}', True),
        ("{when: \"status = 'wno'\"}", True),
        ("{when: \"status = 'Won' AND employees > 5\"}", True),
        ("{when: \"employees > 5 AND status IN ('a', 'b') AND name LIKE 'A%'\"}", True),
        ("{when: \"status = 'won' AND status = 'lead'\"}", True),
        ('{when: "active AND NOT active"}', True),
        ('{when_connected: [deal], when: "status = code AND 1 > 2"}', True),
        ("{when: \"status = 'won'\"}", False),
        ("{when: \"status = 'wno' OR employees > 5\"}", False),
        ('{when: "status IS NULL AND NOT active"}', False),
        ("{when: \"code = 'wno'\"}", False),
        ('{when: "employees > 5 AND employees < 3"}', False),
    ],
)
def test_a_condition_that_no_record_can_meet_is_told(tmp_path: Path, create: str, never: bool):
    """Where it can be proved: numbers and free text may be anything, and nobody computes with those."""
    flow = SOUND_FLOW.replace("create: always", f"create: {create}", 1)
    problems = only(found(tmp_path, flow=flow), "never-holds")
    assert [problem.place.line for problem in problems] == [6] * never
    assert all("creates nothing" in problem.message and problem.suggestion for problem in problems)


def test_a_condition_knows_what_tells_its_records_from_others(tmp_path: Path):
    alpha = ALPHA.replace("status: {type: string, values: [lead, won]}", "status: {type: string, values: {L: lead, W: won}}")
    alpha = alpha.replace("    list: {path: companies}\n", "    where: {status: [L]}\n    list: {path: companies}\n")
    flow = SOUND_FLOW.replace("create: always", "create: {when: \"status = 'won'\"}", 1)
    (problem,) = only(found(tmp_path, alpha=alpha, flow=flow), "never-holds")
    assert "status is lead, as its system spec says" in problem.message
    assert not only(found(tmp_path, alpha=alpha, flow=flow.replace("'won'", "'lead'")), "never-holds")


def test_what_a_mapping_would_give_to_records_that_it_never_makes_is_told(tmp_path: Path):
    flow = SOUND_FLOW.replace("create: always\n", "create: never\n    on_create: {status: prospect}\n", 1)
    assert "flow.yaml:7:5 warning never-given" in said(found(tmp_path, flow=flow))
    assert not only(found(tmp_path, flow=flow.replace("create: never", "create: always")), "never-given")


GAMMA = BETA.replace("system: beta", "system: gamma").replace("title: Beta", "title: Gamma")
FURTHER = """\
source: beta
target: gamma
mappings:
  - {source: customer, target: customer, match: [[code, code]], properties: [[name, name], [staff, staff]]}
"""


@pytest.mark.parametrize(
    ("planted", "place"),
    [
        (SOUND_FLOW.replace("    match:\n", "    conflicts: {prefer: [gamma]}\n    match:\n", 1), "7:16"),
        (row("{source: employees, target: staff, conflicts: {prefer: [gamma, beta]}}"), "11:55"),
    ],
)
def test_a_system_is_preferred_only_where_it_has_a_say(tmp_path: Path, planted: str, place: str):
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "gamma.yaml").write_text(GAMMA, encoding="utf-8")
    told = f"flow.yaml:{place} warning no-say"
    assert told in said(found(tmp_path, flow=planted))
    assert told not in said(found(tmp_path, flow=planted, further="source: [\n"))
    assert not only(found(tmp_path, flow=planted, further=FURTHER), "no-say")


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ("[code, status]", ["11:16 warning leaves-entity"]),
        ("{source: code, target: status, direction: to_source}", []),
        ("{source: status, target: status, values: {lead: prospect, won: customer}}", ["11:34 warning leaves-entity"]),
        ("{source: status, target: status, values: {lead: customer}}", []),
    ],
)
def test_a_row_that_takes_records_out_of_their_entity_is_told(tmp_path: Path, planted: str, expected: list[str]):
    beta = BETA.replace("    list: {path: customers}\n", "    where: {status: [customer]}\n    list: {path: customers}\n")
    problems = only(found(tmp_path, beta=beta, flow=row(planted)), "leaves-entity")
    assert said(problems) == [f"flow.yaml:{one}" for one in expected]


def test_of_thousands_of_unknown_properties_only_the_first_are_guessed_at(tmp_path: Path):
    """To compare each of them with each that there is took minutes."""
    flow = SOUND_FLOW.replace(ROW, ROW + "".join(f"      - [nmae, legalNme{number}]\n" for number in range(2000)))
    problems = only(found(tmp_path, flow=flow), "unknown-property")
    assert len(problems) == 4000
    for entity in ("alpha.company", "beta.customer"):
        hints = [one.suggestion for one in problems if one.message.startswith(entity)]
        assert all(hint.startswith("did you mean ") for hint in hints[:50])
        assert {hint.split(",")[0] for hint in hints[50:]} == {"see the entity's properties in its system spec"}


REFERENCE = "    idempotency: {{type: reference, property: {}, max_length: {}, param: q}}\n"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("isInactive: {type: boolean}", "isInactive: {type: boolean, default: banana}", "bad-value"),
        ("references: [contact]}", "references: [contact], empty_as: 0}", "bad-value"),
        ("    list: {path: companies}\n", "    where: {status: [wno]}\n    list: {path: companies}\n", "bad-value"),
        ("    list: {path: companies}\n", "    archive: {set: {active: off}}\n    list: {path: companies}\n", "bad-value"),
        ("employees: {type: integer}", 'employees: {type: integer, values: [ten, "20"]}', "bad-value"),
        ("employees: {type: integer}", "employees: {type: integer, values: {ten: Ten}}", "bad-value"),
        ('schedule: "*/5 * * * *"', "schedule: whenever", "bad-setting"),
        ('full_sweep: "0 3 * * *"', 'full_sweep: "0 25 * * *"', "bad-setting"),
        ('full_sweep: "0 3 * * *"', 'full_sweep: "0 3 * * *"\ntime_zone: Mars/Base', "bad-setting"),
        ("https://alpha.example.com", "not a url", "bad-setting"),
        ("    limits:", "    headers: {Bad Header: x}\n    limits:", "bad-setting"),
        ("type: bearer, token:", "type: api_key, header: 'X-Key:', key:", "bad-setting"),
        ("'x/{id}'", "'x/{id'", "bad-setting"),
        ("'x/{id}'", "'http://127.0.0.1:18101/api/clients/{id}'", "bad-setting"),
        ("list: {path: companies}", "list: {path: https://alpha.example.com/companies}", "bad-setting"),
        ("https://alpha.example.com", "https://user:word@alpha.example.com", "secret"),
        ("    limits:", '    headers: {Authorization: "Bearer sk_live_1234"}\n    limits:', "secret"),
        ("    limits:", "    headers: {X-Account: sk_live_1234567890}\n    limits:", "secret"),
        ("    list: {path: companies}\n", "    list: {path: companies, params: {api_key: abc}}\n", "secret"),
        ("    limits:", "    headers: {X-Company: Møller}\n    limits:", "bad-setting"),
        ("    limits:", '    headers: {X-Company: "a\\nb"}\n    limits:', "bad-setting"),
        ("list: {path: companies}", "list: {path: 'companies/{code}'}", "bad-setting"),
        ("list: {path: companies}", "list: {path: 'companies?archived=false'}", "bad-setting"),
        ("create: {path: companies}", "create: {path: 'companies/{id}'}", "bad-setting"),
        ("    list: {path: companies}\n", "    list: {path: companies}\n    get: {path: companies}\n", "bad-setting"),
        ("    list: {path: companies}\n", "    list: {path: companies}\n    archive: {delete: companies}\n", "bad-setting"),
        ("    list: {path: companies}\n", f"    list: {{path: companies}}\n{REFERENCE.format('created', 40)}", "bad-setting"),
        ("    list: {path: companies}\n", f"    list: {{path: companies}}\n{REFERENCE.format('code', 10)}", "bad-setting"),
    ],
)
def test_a_system_spec_s_settings_are_looked_at(tmp_path: Path, old: str, new: str, code: str):
    problems = only(found(tmp_path, alpha=ALPHA.replace(old, new, 1), flow=SOUND_FLOW), "bad-value", "bad-setting", "secret")
    assert [problem.code for problem in problems] == [code]
    assert problems[0].suggestion
    assert "sk_live" not in f"{problems[0]}"


@pytest.mark.parametrize(
    ("entity", "says"),
    [
        ("list: {path: companies, cursor: {property: created, param: q, template: 'created ge {stamp}'}}", "has no {since}"),
        ("list: {path: companies, cursor: {property: created, param: q, template: '{since} {since}'}}", "or several"),
        (
            "list: {path: companies}\n    idempotency: {type: natural_key, property: code, param: q, template: code}",
            "has no {value}",
        ),
    ],
)
def test_a_filter_must_say_where_its_value_stands(tmp_path: Path, entity: str, says: str):
    (problem,) = only(found(tmp_path, alpha=ALPHA.replace("list: {path: companies}", entity)), "value")
    assert problem.place.line
    assert says in problem.message


@pytest.mark.parametrize(
    ("update", "says"),
    [
        ("{path: 'companies/{id}', style: put, method: POST}", "`method` and `also` are for"),
        ("{path: 'companies/{id}', style: json_patch, also: [id]}", "`method` and `also` are for"),
        ("{path: 'companies/{id}', style: json_patch, envelope: company}", "a list of operations"),
        ("{path: 'companies/{id}', style: merge_patch, also: [kode]}", "has no property 'kode'"),
        ("{path: companies, style: merge_patch}", "does not say which"),
        ("{path: companies, style: merge_patch, method: POST, also: [id]}", ""),
    ],
)
def test_how_changes_are_sent_must_be_possible(tmp_path: Path, update: str, says: str):
    alpha = ALPHA.replace("    update: {path: 'x/{id}', style: put}\n", f"    update: {update}\n", 1)
    problems = [problem.message for problem in found(tmp_path, alpha=alpha) if problem.severity is Severity.error]
    assert [says in message for message in problems] == ([True] if says else [])


@pytest.mark.parametrize(
    ("prop", "says"),
    [
        ("mainContact: {type: boolean, empty_as: none}", "is not for boolean"),
        ("mainContact: {type: string, references: [contact], nullable: false, empty_as: none}", "that may be empty"),
    ],
)
def test_what_stands_for_nothing_is_for_what_may_be_empty(tmp_path: Path, prop: str, says: str):
    alpha = ALPHA.replace("mainContact: {type: string, references: [contact]}", prop)
    (problem,) = only(found(tmp_path, alpha=alpha), "value")
    assert problem.place.line
    assert says in problem.message
    for kind in ("string, references: [contact], empty_as: none", "date, empty_as: 0001-01-01", "decimal, empty_as: ''"):
        sound = ALPHA.replace("mainContact: {type: string, references: [contact]}", f"mainContact: {{type: {kind}}}")
        assert not found(tmp_path, alpha=sound)


def test_a_row_of_ids_gives_no_id_to_a_record_that_needs_one(tmp_path: Path):
    beta = BETA.replace("id: {type: integer, access: read_only,", "id: {type: integer, access: create_only, required: true,", 1)
    (problem,) = only(found(tmp_path, beta=beta, flow=row("[id, id]")), "required-missing")
    assert "beta.customer cannot be created without id" in problem.message


def test_a_new_record_is_not_given_what_tells_another_entity_s(tmp_path: Path):
    beta = BETA.replace("    list: {path: customers}\n", "    list: {path: customers}\n    where: {status: [customer]}\n")
    flow = SOUND_FLOW.replace("create: always\n", "create: always\n    on_create: {status: prospect}\n", 1)
    assert "flow.yaml:7:25 error bad-value" in said(found(tmp_path, beta=beta, flow=flow))
    assert not only(found(tmp_path, beta=beta, flow=flow.replace("prospect", "customer")), "bad-value")


def test_what_belongs_to_the_record_that_is_joined_must_be_a_property_there(tmp_path: Path):
    joins = "    joins: {entity: contact, property: mainContact, by: id, owns: [name, turnover]}\n"
    problems = found(tmp_path, alpha=ALPHA.replace("    list: {path: companies}\n", f"    list: {{path: companies}}\n{joins}"))
    assert [one.message for one in problems] == ["alpha.contact has no property 'turnover'"]


@pytest.mark.parametrize("more", ["until: header", "header: X-Pages"])
def test_pages_that_end_by_a_header_name_it(tmp_path: Path, more: str):
    alpha = ALPHA.replace("{type: single_page}", f"{{type: page_number, page_param: page, size: 10, {more}}}")
    (problem,) = only(found(tmp_path, alpha=alpha), "value")
    assert "`until: header` and `header`, its name, go together" in problem.message


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(
    "url",
    [
        *("https://nova.example.com/api", "http://nova.example.com/api", "http://localhost:8000", "http://127.0.0.1/api"),
        *("https://10.0.0.1/api", "http://10.0.0.1/api", "https://[fd00::1]", "https://100.64.0.1", "https://169.254.169.254"),
        *("https://8.8.8.8", "https://224.0.1.1", "https://0.0.0.0", "https://[::1]", "ftp://nova.example.com", "https://"),
        *("https://nova.example.com:x", "https://nova.example.com/?a=b"),
    ],
)
@pytest.mark.parametrize("where", ["base_url", "token_url"])
def test_an_address_that_no_connection_takes_is_found_where_it_stands(tmp_path: Path, where: str, url: str, private: bool):
    try:
        Base.of(url, private=private)
        expected = []
    except BadSetup:
        expected = ["bad-setting"]
    login = "{type: oauth2_client_credentials, token_url: 'URL', client_id: {env: ID}, client_secret: {env: KEY}}"
    alpha = (
        ALPHA.replace("https://alpha.example.com", url)
        if where == "base_url"
        else ALPHA.replace("{type: bearer, token: {env: ALPHA_TOKEN}}", login.replace("URL", url))
    ).replace("    auth:", f"    allow_private_network: {str(private).lower()}\n    auth:", 1)
    problems = only(found(tmp_path, alpha=alpha, flow=SOUND_FLOW), "bad-setting", "value")
    assert [one.code for one in problems] == expected
    assert all(one.message.startswith(f"{where} is no address that can be used: ") for one in problems)


@pytest.mark.parametrize("token_url", ["OAuth/Token", "/token", "a//b"])
def test_a_token_address_below_the_base_is_none_of_its_own(tmp_path: Path, token_url: str):
    login = f"{{type: oauth2_client_credentials, token_url: {token_url}, client_id: {{env: ID}}, client_secret: {{env: KEY}}}}"
    alpha = ALPHA.replace("{type: bearer, token: {env: ALPHA_TOKEN}}", login)
    assert not only(found(tmp_path, alpha=alpha, flow=SOUND_FLOW), "bad-setting", "value")


@pytest.mark.parametrize("values", ["[Y, N]", '{Y: "true", N: "false"}'])
def test_a_flag_with_values_is_refused_where_it_stands_with_what_works_instead(tmp_path: Path, values: str):
    beta = BETA.replace("IsActive: {type: boolean}", f"IsActive: {{type: boolean, values: {values}}}")
    flow = row('{source: active, target: IsActive, values: {"true": Y, "false": N}}')
    (problem,) = only(found(tmp_path, beta=beta, flow=flow), "value", "bad-value", "unknown-system")
    assert (problem.place.file.name, problem.place.line) == ("beta.yaml", BETA[: BETA.index("IsActive")].count("\n") + 1)
    works = BETA.replace("IsActive: {type: boolean}", "IsActive: {type: string, values: [Y, N]}")
    assert "say `type: string, values: [Y, N]`, and in rows `values: {true: Y, false: N}`" in problem.message
    assert not [one for one in found(tmp_path, beta=works, flow=flow) if one.severity.value != "note"]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("- [code, code]\n", '- [code, code]\n      - [email, ""]\n', "9:17"),
        ("- [code, code]\n", '- [code, code]\n      - [" ", mail]\n', "9:10"),
        (ROW, f'{ROW}      - [status, "", string]\n', "11:18"),
        (ROW, f'{ROW}      - ["", legalName]\n', "11:10"),
    ],
)
def test_an_empty_cell_of_a_document_is_told_and_binds_nothing(tmp_path: Path, old: str, new: str, place: str):
    problems = found(tmp_path, flow=SOUND_FLOW.replace(old, new, 1))
    assert f"flow.yaml:{place} warning empty-cell" in said(problems)
    assert not [one for one in problems if one.severity.value == "error"]


@pytest.mark.parametrize(
    ("hidden", "flow", "expected"),
    [
        ("status", row("[status, legalName]"), ["flow.yaml:11:18 warning one-way"]),
        ("legalName", row("[status, legalName]"), ["flow.yaml:11:10 warning one-way"]),
        ("status", row("{source: status, target: legalName, direction: to_source}"), []),
        (
            "status",
            row("{source: status, target: legalName, direction: to_target}"),
            ["flow.yaml:11:34 error never-written"],
        ),
        (
            "status",
            row("{source: status, target: legalName, to_target: UPPER(status), direction: to_target}"),
            ["flow.yaml:11:34 error never-written", "flow.yaml:11:56 error bad-expression"],
        ),
        (
            "status",
            SOUND_FLOW.replace("create: always", "create: {when: \"status = 'won'\"}", 1),
            ["flow.yaml:6:20 error bad-expression"],
        ),
        (
            "legalName",
            SOUND_FLOW.replace("- [code, code]\n", "- [code, code]\n      - [name, legalName]\n", 1),
            ["flow.yaml:9:10 error match-type"],
        ),
    ],
)
def test_nothing_is_read_of_what_never_comes_back(tmp_path: Path, hidden: str, flow: str, expected: list[str]):
    alpha, beta = (
        text.replace(f"{hidden}: {{type: string", f"{hidden}: {{access: write_only, type: string") for text in (ALPHA, BETA)
    )
    problems = found(tmp_path, alpha=alpha, beta=beta, flow=flow)
    assert said(only(problems, "one-way", "never-written", "bad-expression", "match-type")) == expected


DEPENDANT = "email (Dependant on having NO in currency)"
UNTOLD = "email (Dependant on having  in currency)"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("- [code, code]\n", f"- [code, code]\n      - [{UNTOLD}, mail]\n", "9:10"),
        (ROW, f"{ROW}      - [{UNTOLD}, legalName]\n", "11:10"),
        (ROW, f"{ROW}      - [status, {UNTOLD.replace('email', 'legalName')}]\n", "11:18"),
    ],
)
def test_a_cell_that_depends_on_what_is_left_out_is_told_and_binds_nothing(tmp_path: Path, old: str, new: str, place: str):
    """Its property was carried, and recognised by, whatever stood where the document says what must hold."""
    problems = found(tmp_path, flow=SOUND_FLOW.replace(old, new, 1))
    assert said(problems)[0] == f"flow.yaml:{place} warning unbound-condition"
    (company, _) = resolve(load_catalog(tmp_path)).mappings
    assert (len(company.rows), len(company.matches)) == (5, 1)


@pytest.mark.parametrize(
    ("old", "new", "place", "otherwise"),
    [
        ("- [code, code]\n", f"- [code, code]\n      - [{DEPENDANT}, mail]\n", "9:10", "is not recognised by it"),
        (
            "- [code, code]\n",
            f"- {{all: [[code, code], ['{DEPENDANT}', mail]], added: true}}\n",
            *("8:31", "is not recognised by it"),
        ),
        ("[email, mail]\n      - [f", f"['{DEPENDANT}', mail]\n      - [f", "12:10", "says nothing of it and is told nothing"),
        (ROW, f"{ROW}      - [status, '{DEPENDANT.replace('email', 'legalName')}']\n", "11:18", "is told nothing"),
    ],
)
def test_what_a_cell_depends_on_is_noted(tmp_path: Path, old: str, new: str, place: str, otherwise: str):
    problems = found(tmp_path, flow=SOUND_FLOW.replace(old, new, 1))
    (note,) = only(problems, "dependent")
    assert said([note]) == [f"flow.yaml:{place} note dependent"]
    assert "counts only while currency is 'NO'" in note.message
    assert otherwise in note.message
    assert not only(problems, "unbound-condition")


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("status (Dependant on having  in currency)", "the document leaves out what currency must hold"),
        ("status (Dependant on having NO in  )", "the document leaves out what it depends on"),
        ("status (Dependant on having x in status)", "it depends on itself"),
        ("status (Dependant on having 2024-01-01 in founded)", "founded is a date"),
        ("status (Dependant on having 1.5 in turnover)", "turnover is a decimal"),
        ("status (Dependant on having many in employees)", "employees never holds 'many'"),
        ("status (Dependant on having yes in active)", "active never holds 'yes'"),
        ("ownerId (Dependant on having lost in status)", "status never holds 'lost'"),
        ("status (Dependant on having 7 in mainContact)", "mainContact names another record"),
        ("mainContact (Dependant on having NO in currency)", "it names another record"),
        ("phones.number (Dependant on having work in name)", "name may be phones.name or name"),
        ("status (Dependant on having s3cret in ownerId)", "ownerId never comes back from its API"),
        (DEPENDANT, "another row names alpha.company.email without it, or with something else"),
        ("currency (Dependant on having 8 in employees)", "the expression of another row reads currency"),
    ],
)
def test_why_a_cell_that_depends_on_something_binds_nothing(tmp_path: Path, cell: str, why: str):
    phones = "      phones.number: {type: string}\n      phones.name: {type: string}\n"
    alpha = ALPHA.replace("      employees:", f"{phones}      employees:")
    alpha = alpha.replace("ownerId: {type: string}", "ownerId: {type: string, access: write_only}")
    computed = "{source: code, target: customerId, to_target: code || currency, direction: to_target, added: true}"
    flow = row(f"['{cell}', legalName]\n      - {computed}")
    (problem,) = only(found(tmp_path, alpha=alpha, flow=flow), "unbound-condition")
    assert f"binds nothing, since {why}" in problem.message


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (
            [f"{{source: '{DEPENDANT.replace('email', 'status')}', target: legalName, to_target: UPPER(status), added: true}}"],
            "the row joins or computes its values",
        ),
        (
            [
                "['status (Dependant on having 8 in employees)', legalName]",
                "['employees (Dependant on having x in code)', staff]",
            ],
            "employees depends on something itself",
        ),
    ],
)
def test_rows_that_a_cell_may_not_depend_on_something_in(tmp_path: Path, rows: list[str], why: str):
    problems = only(found(tmp_path, flow=row("\n      - ".join(rows))), "unbound-condition")
    assert [problem for problem in problems if why in problem.message]
    assert "11:" in f"{problems[0].place}"


def test_what_a_cell_depends_on_lies_beside_it_by_the_words_of_the_api_or_their_meaning(tmp_path: Path):
    alpha = ALPHA.replace("status: {type: string, values: [lead, won]}", "status: {type: string, values: {L: lead, W: won}}")
    for value in ("W", "won"):
        found(tmp_path, alpha=alpha, flow=row(f"['ownerId (Dependant on having {value} in status)', legalName]"))
        (company, _) = resolve(load_catalog(tmp_path)).mappings
        assert [str(one) for end in company.rows[1].sources for one in end.depends] == ["status is 'won'"]


def test_what_a_cell_depends_on_can_be_said_as_suggested(tmp_path: Path):
    flow = row(f"[{DEPENDANT}, legalName]")
    (problem,) = only(found(tmp_path, flow=flow), "unbound-condition")
    computed = problem.suggestion.split("`")[3]
    followed = row(f"{{source: email, target: legalName, {computed}, direction: to_target, added: true}}")
    assert not [one for one in found(tmp_path, flow=followed) if one.severity.value != "note"]


@pytest.mark.parametrize(("cell", "recognises"), [(DEPENDANT, True), (UNTOLD, False)])
def test_a_rule_that_depends_on_something_recognises_unless_nobody_can_tell_what(tmp_path: Path, cell: str, recognises: bool):
    flow = SOUND_FLOW.replace("- [code, code]\n", f"- [{cell}, mail]\n", 1)
    assert bool(only(found(tmp_path, flow=flow), "no-match-rule")) != recognises


def test_an_empty_cell_in_a_row_of_ours_is_an_unknown_property(tmp_path: Path):
    problems = found(tmp_path, flow=row('{source: "", target: legalName, added: true}'))
    assert "flow.yaml:11:18 error unknown-property" in said(problems)


def test_a_mapping_whose_only_match_rule_has_an_empty_cell_recognises_nothing(tmp_path: Path):
    problems = found(tmp_path, flow=SOUND_FLOW.replace("- [code, code]\n", '- [code, ""]\n', 1))
    assert only(problems, "no-match-rule")


ONE_WAY = "{source: status, target: legalName, direction: to_target, added: true}"


@pytest.mark.parametrize(
    ("first", "second", "expected", "says"),
    [
        (ONE_WAY, ONE_WAY.replace("to_target", "to_source"), "warning opposite-rows", "write one row without `direction`"),
        (
            "{source: email, target: legalName, to_target: UPPER(email), direction: to_target}",
            "{source: email, target: legalName, to_source: LOWER(legalName), direction: to_source}",
            *("error opposite-rows", "whether one expression undoes the other"),
        ),
        (
            "{source: status, target: status, values: {lead: prospect, won: customer}, direction: to_target}",
            "{source: status, target: status, values: {lead: customer, won: prospect}, direction: to_source}",
            *("error rows-differ", "one of the two maps would not be used"),
        ),
    ],
    ids=["plain", "computed", "mapped"],
)
def test_two_rows_for_the_two_ways_of_a_pair_are_told(tmp_path: Path, first: str, second: str, expected: str, says: str):
    problems = only(found(tmp_path, flow=row(f"{first}\n      - {second}")), "opposite-rows", "rows-differ")
    assert [f"{one.severity.value} {one.code}" for one in problems] == [expected]
    assert "flow.yaml:12:" in f"{problems[0].place}"
    assert "flow.yaml:11:" in problems[0].message
    assert says in f"{problems[0].message} {problems[0].suggestion}"


def test_two_mappings_that_carry_a_pair_back_and_forth_are_told(tmp_path: Path):
    back = "source: beta\ntarget: alpha\nmappings:\n  - {source: customer, target: company, create: never, properties: [ROW]}\n"
    (tmp_path / "back.yaml").write_text(
        back.replace("ROW", "{source: legalName, target: status, direction: to_target, added: true}")
    )
    (problem,) = only(found(tmp_path, flow=row(ONE_WAY)), "opposite-rows")
    assert problem.severity.value == "warning"


@pytest.mark.parametrize(
    "second", [ONE_WAY, "[status, legalName]", "{source: code, target: legalName, direction: to_source, added: true}"]
)
def test_rows_that_say_the_same_or_are_of_other_pairs_are_none_of_them(tmp_path: Path, second: str):
    assert not only(found(tmp_path, flow=row(f"{ONE_WAY}\n      - {second}")), "opposite-rows", "rows-differ")


@pytest.mark.parametrize("more", ["name.first: {type: string}", "code.a.b: {type: string}"])
def test_a_property_inside_another_is_refused_where_it_stands(tmp_path: Path, more: str):
    alpha = ALPHA.replace("      email: {type: string, format: email}\n", f"      email: {{type: string}}\n      {more}\n", 1)
    line = alpha.splitlines().index(f"      {more}") + 1
    (problem,) = only(found(tmp_path, alpha=alpha, flow=SOUND_FLOW), "inside-another")
    assert f"{problem.place}".endswith(f"alpha.yaml:{line}:7")
    assert "a record cannot hold both" in problem.message


def test_properties_side_by_side_in_an_object_lie_inside_no_other(tmp_path: Path):
    more = "".join(f"      {path}: {{type: json}}\n" for path in ("home.city", "home.zip", "homes"))
    alpha = ALPHA.replace("      email:", f"{more}      email:", 1)
    assert not only(found(tmp_path, alpha=alpha, flow=SOUND_FLOW), "inside-another")


@pytest.mark.parametrize("pattern", ["a{99999999999}", "(" * 3_000, "a("], ids=lambda pattern: pattern[:20])
def test_a_pattern_that_is_none_is_a_finding(tmp_path: Path, pattern: str):
    alpha = ALPHA.replace(
        "    list: {path: companies}\n", f"    list: {{path: companies}}\n    get: {{path: x, gone: '{pattern}'}}\n"
    )
    (problem,) = only(found(tmp_path, alpha=alpha, flow=SOUND_FLOW), "value")
    assert "gone: is no regular expression" in problem.message


def test_a_pattern_of_holders_that_names_no_group_is_refused(tmp_path: Path):
    """Nothing told the id of the holder, and the first refusal ended the run."""
    holder = "    idempotency: {type: unique_reference, property: code, max_length: 40, holder: is used by}\n"
    alpha = ALPHA.replace("    list: {path: companies}\n", f"    list: {{path: companies}}\n{holder}")
    (problem,) = only(found(tmp_path, alpha=alpha, flow=SOUND_FLOW), "value")
    assert "holder: has no group" in problem.message


@pytest.mark.parametrize(
    "line",
    [
        *("*/5 * * * *", "0 2 * * 1-5", "15,45 8-18/2 1 jan,JUL sun", "@daily", "0 0 * * 7"),
        *("0 0 29 2 *", "0 0 31 2,3 *", "0 0 31-1 2 *", "50-10 * * * fri-mon", "5/10 * * * *"),
    ],
)
def test_cron_lines_are_understood(line: str):
    assert cron_mistake(line) == ""


@pytest.mark.parametrize(
    "line",
    [
        *("", "60 * * * *", "* * * *", "*/0 * * * *", "* * 0 * *", "* * * 13 *", "a b c d e"),
        *("*/00 * * * *", "٣ * * * *", "*/٣ * * * *", "1" * 5_000 + " * * * *", f"*/{'1' * 5_000} * * * *", "* * * ſep *"),
        *("0 0 31 2 *", "0 0 30-31 feb *", "0 0 31 4,6 *", "0 0 31 2 1"),
    ],
    ids=lambda line: line[:20],
)
def test_what_is_no_cron_line_is_found(line: str):
    assert cron_mistake(line)


def test_a_day_that_no_month_has_is_named():
    assert cron_mistake("0 0 31 2 *") == "no month of '2' has a day 31"


def test_an_entity_that_takes_no_edits_is_found(tmp_path: Path):
    beta = BETA.replace(
        "    list: {path: customers}\n    update: {path: 'x/{id}', style: put}\n", "    list: {path: customers}\n"
    )
    (problem,) = only(found(tmp_path, beta=beta, flow=SOUND_FLOW), "cannot-update")
    assert (problem.place.line, "beta.customer has no `update`" in problem.message) == (5, True)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Foo", ["flow.yaml:3:10 error round-trip"]),
        ("Beta to Beta Dataflow", ["flow.yaml:3:10 warning title-differs"]),
        ("Alpha CRM to Beta Dataflow", []),
        ("Gamma to Beta Dataflow", []),
    ],
)
def test_a_title_must_be_one_and_name_the_spec_s_systems(tmp_path: Path, title: str, expected: list[str]):
    problems = found(tmp_path, flow=DOCUMENT.format(title=title) + "source: alpha\ntarget: beta\nmappings: []\n")
    assert said(only(problems, "round-trip", "title-differs")) == expected


def test_a_line_break_in_a_cell_could_not_be_rendered(tmp_path: Path):
    flow = DOCUMENT.format(title="Alpha CRM to Beta Dataflow") + SOUND_FLOW.replace("[name, name]", '["na\\nme", name]')
    assert "flow.yaml:14:10 error round-trip" in said(found(tmp_path, flow=flow))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *(("isinactive", "off"), ("isarchived", "off"), ("deactivated", "off"), ("åpen", "on"), ("isNotActive", "off")),
        *(("isnotactive", "off"), ("unlocked", "on"), ("erAktiv", "on"), ("IsClosed", "off"), ("denyAccess", None)),
        *(("name", None), ("isolated", None), ("notes", None), ("active", "on"), ("customer.isActive", "on")),
    ],
)
def test_what_a_flag_s_name_says(path: str, expected: str | None):
    assert sense(path) == expected


@pytest.mark.parametrize(
    ("planted", "codes"),
    [
        ('{source: n, target: m, to_target: "CAST(n AS INTEGER)", to_source: m}', []),
        (
            '{source: n, target: d, to_target: "n * 10000000000000.0", to_source: "TRY_CAST(d * 10000 AS INTEGER)"}',
            ["11:78 error bad-expression"],
        ),
    ],
)
def test_an_inverse_that_fails_on_what_comes_to_it_is_found(tmp_path: Path, planted: str, codes: list[str]):
    alpha = ALPHA.replace("      employees: {type: integer}\n", "      n: {type: integer}\n")
    beta = BETA.replace("      staff: {type: integer}\n", "      m: {type: integer}\n      d: {type: decimal}\n")
    problems = found(tmp_path, alpha=alpha, beta=beta, flow=row(planted))
    assert [one for one in said(problems) if one.startswith("flow.yaml:11:")] == [f"flow.yaml:{code}" for code in codes]


def test_many_rows_over_one_pair_of_properties_are_each_told_once(tmp_path: Path):
    """Each was compared with each: three thousand took more than a minute."""
    ways = ["to_target"] * 2_000 + ["to_source"] * 2
    rows = "".join(f"      - {{source: status, target: legalName, direction: {way}, added: true}}\n" for way in ways)
    problems = only(found(tmp_path, flow=SOUND_FLOW.replace(ROW, ROW + rows)), "opposite-rows", "rows-differ")
    assert [problem.place.line for problem in problems] == [2011, 2012]


def test_of_many_values_that_only_one_side_knows_some_are_named_and_the_rest_counted(tmp_path: Path):
    beta = BETA.replace("values: [prospect, customer]", "values: [a, b, c, d, e]")
    (problem,) = only(found(tmp_path, beta=beta, flow=row("[status, status]")), "values-differ")
    assert "(only one side knows a, b, c, d, e and 2 more)" in problem.message


# What was called wrong and is not


@pytest.mark.parametrize(
    "cell",
    [
        "phones.number (Dependant on having work in name)",
        "phones.number (Dependant on having  in  )",
        "name (Dependant on having x in )",
    ],
)
def test_what_a_cell_depends_on_lies_beside_it_or_is_left_out(tmp_path: Path, cell: str):
    alpha = ALPHA.replace(
        "      employees:", "      phones.number: {type: string}\n      phones.name: {type: string}\n      employees:"
    )
    assert only(found(tmp_path, alpha=alpha, flow=row(f'["{cell}", legalName]')), "unknown-property") == []


@pytest.mark.parametrize(
    ("path", "like"), [("paid", False), ("valid", False), ("grid", False), ("ownerid", True), ("owner_id", True)]
)
def test_only_names_of_ids_look_like_ids(tmp_path: Path, path: str, like: bool):
    alpha = ALPHA.replace("ownerId: {type: string}", f"{path}: {{type: string}}")
    assert bool(only(found(tmp_path, alpha=alpha, flow=row(f"[{path}, legalName]")), "id-like")) == like


@pytest.mark.parametrize(
    ("planted", "followed", "code"),
    [
        (
            "{source: status, target: status, values: {lead: prospect, won: prospect}}",
            "{source: status, target: status, values: {lead: prospect, won: prospect}, direction: to_target}",
            "not-bijective",
        ),
        ("[name, legalName]", "{source: name, target: legalName, direction: to_target}", "fan-out"),
        ("[email, name]", "{source: email, target: name, direction: to_source}", "same-target"),
    ],
)
def test_advice_that_is_followed_helps(tmp_path: Path, planted: str, followed: str, code: str):
    (problem,) = only(found(tmp_path, flow=row(planted)), code)
    assert f"direction: {followed.rpartition('direction: ')[2].removesuffix('}')}" in problem.suggestion
    assert only(found(tmp_path, flow=row(followed)), code) == []


def test_dates_can_be_computed(tmp_path: Path):
    for name in ("founded", "created"):
        text = f"{{source: {name}, target: {name}, to_target: {name}, to_source: {name}}}"
        assert only(found(tmp_path, flow=row(text)), "bad-expression", "inverse-differs") == []


@pytest.mark.parametrize(
    ("item", "entity"),
    [
        *(
            ("Alpha-contacts", "contact"),
            ("Alpha CRM Deal", "deal"),
            ("alpha-companies", "company"),
            ("Contact-person", "person"),
        ),
        *(("Quote", None), ("Alpha-deal", "deal")),
    ],
)
def test_a_list_of_connections_may_name_an_entity_in_either_number(item: str, entity: str | None):
    extra = ALPHA.partition("  deal:\n")[2].replace("title: Deal", "title: Contact (human data)")
    system = SystemSpec.model_validate(parse(f"{ALPHA}  person:\n{extra}", Path("alpha.yaml")).data)
    assert connected_entity(item, system) == entity


def test_a_name_that_the_title_leaves_out_and_a_section_does_not_is_more_than_a_note(tmp_path: Path):
    first = SOUND_FLOW[: SOUND_FLOW.index("  - source: contact")]
    flow = DOCUMENT.format(title="Alpha CRM to  Dataflow") + first.replace(
        "    target: customer\n", "    target: customer\n    labels: {target: HubSpot Customer, system: HubSpot}\n"
    )
    assert "flow.yaml:10:22 warning label-differs" in said(found(tmp_path, flow=flow))


def test_an_entity_that_is_unknown_sets_off_nothing_else(tmp_path: Path):
    flow = SOUND_FLOW.replace("target: person", "target: persn").replace(ROW, ROW + "      - [mainContact, contact]\n")
    assert [line for line in said(found(tmp_path, flow=flow)) if "note" not in line] == ["flow.yaml:17:13 error unknown-entity"]


def test_the_real_name_is_suggested_before_its_aliases():
    assert did_you_mean("MailAdress.City", ["MailAddress.City", "mailaddress.city"]) == "did you mean MailAddress.City?"


def test_the_real_name_is_suggested_though_documents_call_it_otherwise(tmp_path: Path):
    beta = BETA.replace("MailAddress.City: {type: string}", "MailAddress.City: {type: string, aliases: [mailaddress.city]}")
    (problem,) = only(found(tmp_path, beta=beta, flow=row("[status, MailAdress.City]")), "unknown-property")
    assert problem.suggestion == "did you mean MailAddress.City?"


@pytest.mark.parametrize(
    ("guard", "says"),
    [("{type: version}", "needs `property`"), ("{type: json_patch_test}", "those of `put` carry no tests")],
)
def test_a_guard_that_no_update_would_carry_is_refused(tmp_path: Path, guard: str, says: str):
    """It switched off the look before the write, and nothing came in its place."""
    (problem,) = found(tmp_path, alpha=ALPHA.replace("    title: Company\n", f"    title: Company\n    concurrency: {guard}\n"))
    assert problem.place.line > 1
    assert says in problem.message


@pytest.mark.parametrize(
    ("alpha", "beta", "direction", "noted"),
    [
        (True, False, "both", ["flow.yaml:11:34 note not-personal"]),
        (False, True, "both", ["flow.yaml:11:18 note not-personal"]),
        (False, True, "to_target", []),
        (True, True, "both", []),
    ],
)
def test_a_row_that_writes_what_is_personal_to_what_is_not_marked_so_is_noted(
    tmp_path: Path, alpha: bool, beta: bool, direction: str, noted: list[str]
):
    here, there = (
        text.replace(f"{name}: {{type: string", f"{name}: {{type: string, personal: {str(is_marked).lower()}", 1)
        for text, name, is_marked in ((ALPHA, "status", alpha), (BETA, "legalName", beta))
    )
    flow = row(f"{{source: status, target: legalName, direction: {direction}}}")
    assert said(only(found(tmp_path, alpha=here, beta=there, flow=flow), "not-personal")) == noted
