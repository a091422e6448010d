"""The specs of this project: the five documents as they were, and everything needed to run them."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.convert import document_from_spec
from talk_assets.specs.document import render
from talk_assets.specs.problems import Severity
from talk_assets.specs.read import Loaded
from talk_assets.specs.reference import reference_text
from talk_assets.specs.resolve import Resolved, resolve
from talk_assets.specs.schema import schema_texts
from talk_assets.specs.summary import summarise
from talk_assets.specs.topology import subjects
from talk_assets.specs.verify import verify

SPECS = Path("mapping_specs")
DOCUMENTS = {
    "000_d587a5d7486bad3c.txt": "904c09dd618443586b07433cb371c98a8164e8ee6276e62d27c07b080b7643a5",
    "001_accd15e1201d6239.txt": "6e8fbb11d08e38a496005101b0a2eec810c9346ea35e54e6b6402fe3e5439333",
    "002_d54e80080c517d38.txt": "18352e5fbea14f8aabb88b0e36ee2f6b4e0b68158a0eb4e52da78caf78fd6584",
    "003_08ea9be1aba387e0.txt": "5d21a595f7a9ca56bb3d69e1a381551583571e3d505bd051f1cc4f38c0ecdf62",
    "004_622346d7c5c212df.txt": "2a1f9243b4e8ea7cbf026fdbf3e46c3ff622b33b55e3016008608b3de8ab03dc",
}
"""The documents as they came: name and SHA-256."""


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return resolve(load_catalog(SPECS))


def test_the_five_documents_come_back_byte_for_byte(resolved: Resolved):
    rendered = {}
    for loaded in resolved.catalog.dataflows:
        assert loaded.spec.document
        text = render(document_from_spec(loaded.spec))
        rendered[loaded.spec.document.file] = hashlib.sha256(text.encode()).hexdigest()
    assert rendered == DOCUMENTS


def test_nothing_of_the_documents_is_missing(resolved: Resolved):
    summary = summarise(resolved)
    assert (summary.dataflows, summary.mappings, summary.documented_rows) == (5, 18, 11)
    assert (summary.systems, summary.entities, summary.subjects) == (5, 24, 8)
    assert {subject.name for subject in subjects(resolved)} == {
        *("customer", "person", "contact", "project", "employee", "order", "product", "activity"),
    }


def test_the_specs_have_no_errors_and_both_circles_are_safe(resolved: Resolved):
    problems = verify(resolved)
    assert [problem for problem in problems if problem.severity is Severity.error] == []
    assert sum(problem.code == "cycle" for problem in problems) == 2
    assert not [problem for problem in problems if problem.code == "not-personal"]
    dangers = {(problem.code, problem.message.split(" joins")[0]) for problem in problems if problem.code == "subjects-joined"}
    assert dangers == {
        ("subjects-joined", "poweroffice_go.departments → custom_pms.customer"),
        ("subjects-joined", "custom_pms.task → custom_erp.project"),
    }


def test_every_created_record_is_one_a_person_would_recognise(resolved: Resolved):
    for mapping in resolved.mappings:
        written = {endpoint.path.split(".")[-1].casefold() for row in mapping.rows for endpoint in row.targets}
        known_by = {"name", "firstname", "title", "ordernumber", "importedorderno", "purchase_order"}
        assert written & known_by, f"{mapping} creates a record without a name or number"


def test_only_activities_are_created_without_looking_for_a_match(resolved: Resolved):
    unmatched = {str(mapping.source) for mapping in resolved.mappings if not mapping.matches}
    assert unmatched == {"crm_office.activities"}


def test_v1_names_of_documents_are_aliases(resolved: Resolved):
    contactperson = resolved.entities["poweroffice_go.contactperson"]
    product = resolved.entities["poweroffice_go.product"]
    assert [contactperson.find(name) for name in ("emailAddress", "city", "partyId")] == [
        "EmailAddress",
        "MailAddress.City",
        "ContactId",
    ]
    assert [product.find(name) for name in ("salesPrice", "costPrice", "name")] == ["UnitPrice", "UnitCost", "Name"]


def test_no_secret_stands_in_a_spec(resolved: Resolved):
    for loaded in resolved.catalog.systems.values():
        for client in loaded.spec.clients.values():
            assert client.base_url.startswith("https://")
    assert not re.search(r"(secret|password|token|key): *[\"']?[A-Za-z0-9+/]{16,}", _text(resolved))


def _text(resolved: Resolved) -> str:
    files: list[Loaded] = [*resolved.catalog.systems.values(), *resolved.catalog.dataflows]
    return "\n".join(loaded.file.read_text(encoding="utf-8") for loaded in files)


def test_the_schemas_are_current():
    for name, text in schema_texts().items():
        assert (SPECS / "schema" / name).read_text(encoding="utf-8") == text, "run: uv run talk specs schema"


def test_the_reference_is_current():
    written = Path("docs/spec-reference.md").read_text(encoding="utf-8")
    assert written == reference_text(), "run: uv run talk specs schema --reference docs/spec-reference.md"


def test_every_key_says_what_it_means_and_every_link_of_the_reference_leads_to_a_heading():
    text = reference_text()
    rows = re.findall(r"^\| `([a-z_0-9]+)` \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    keys = {
        key
        for schema in map(json.loads, schema_texts().values())
        for one in (schema, *schema["$defs"].values())
        for key, value in one["properties"].items()
        if "const" not in value
    }
    assert {row[0] for row in rows} == keys
    headings = [heading.lower().replace(" ", "-") for heading in re.findall(r"^###? (.+)$", text, re.MULTILINE)]
    assert len(headings) == len(set(headings))
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= set(headings)


def test_every_spec_names_its_schema():
    for path in SPECS.rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        found = re.fullmatch(r"# yaml-language-server: \$schema=(.*)", first)
        assert found, path
        assert (path.parent / found[1]).is_file(), path


def test_the_schema_knows_the_short_forms():
    rows = json.loads(schema_texts()["dataflow.json"])["$defs"]["MappingSpec"]["properties"]["properties"]
    assert {"object", "array"} == {_type(form, json.loads(schema_texts()["dataflow.json"])) for form in rows["items"]["anyOf"]}


def _type(form: dict, schema: dict) -> str:
    return schema["$defs"][form["$ref"].split("/")[-1]]["type"] if "$ref" in form else form["type"]
