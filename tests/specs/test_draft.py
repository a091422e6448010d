"""`talk specs draft`: from documents, and an API's description, to a first system spec."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from talk_assets.cli import main
from talk_assets.specs.catalog import Catalog
from talk_assets.specs.convert import spec_from_document
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.document import Document
from talk_assets.specs.draft.api import described
from talk_assets.specs.draft.draft import draft, draft_yaml
from talk_assets.specs.draft.wanted import wanted
from talk_assets.specs.emit import dataflow_yaml
from talk_assets.specs.problems import Severity
from talk_assets.specs.read import Loaded, build, load_system
from talk_assets.specs.resolve import resolve
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.yaml12 import parse
from tests.specs.strategies import documents

FLOW = """
source: shop
target: ledger
mappings:
  - source: customers
    target: company
    properties:
      - [Name, name, string]
      - [address.city, city, string]
      - [Rating, rating, integer]
  - source: orders
    target: sale
    match:
      - {source: Number, target: number, added: true}
    properties:
      - [CustomerId, buyer, string]
      - [PlacedAt, placed, string]
      - [VAT (Dependant on having NO in Country), vat, string]
"""
STRING = {"type": "string"}
CUSTOMER = {
    "type": "object",
    "required": ["Id", "Name"],
    "properties": {
        "Id": {"type": "integer", "readOnly": True},
        "Name": {"type": "string", "maxLength": 80},
        "Email": {"type": "string", "format": "email"},
        "Kind": {"type": "string", "enum": ["firm", "person"]},
        "Balance": {"type": "number", "readOnly": True},
        "Address": {"allOf": [{"$ref": "#/components/schemas/Address"}], "nullable": True},
        "Tags": {"type": "array", "items": STRING},
        "UpdatedAt": {"type": "string", "format": "date-time", "readOnly": True},
    },
}
SHOP = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://api.shop.example"}],
    "paths": {
        "/v2/customers": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "page", "schema": {"type": "integer", "minimum": 1}},
                    {"in": "query", "name": "page_size", "schema": {"type": "integer", "maximum": 250}},
                    {"in": "query", "name": "updated_since", "schema": {"type": "string", "format": "date-time"}},
                ],
                "responses": {"200": {"$ref": "#/components/responses/Customers"}},
            },
            "post": {
                "parameters": [{"in": "header", "name": "Idempotency-Key", "schema": STRING}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewCustomer"}}}},
                "responses": {"200": {"description": "made"}},
            },
        },
        "/v2/customers/{customer_id}": {
            "get": {
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"properties": {"customer": {"$ref": "#/components/schemas/Customer"}}}
                            }
                        }
                    }
                }
            },
            "patch": {
                "parameters": [{"in": "header", "name": "If-Match", "schema": STRING}],
                "requestBody": {"content": {"application/json": {"schema": {"properties": {"Name": STRING, "Email": STRING}}}}},
                "responses": {"200": {"description": "changed"}},
            },
            "delete": {"responses": {"204": {"description": "gone"}}},
        },
        "/v2/orders": {
            "get": {
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "array",
                                    "items": {
                                        "properties": {
                                            "id": {"type": "string", "format": "uuid"},
                                            "customerId": {"type": "integer"},
                                            "number": STRING,
                                        }
                                    },
                                }
                            }
                        }
                    }
                }
            }
        },
        "/v2/health": {"get": {"responses": {"200": {"description": "well"}}}},
    },
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Shop-Key"}},
        "schemas": {
            "Customer": CUSTOMER,
            "Address": {"type": "object", "properties": {"City": STRING, "Zip": STRING}},
            "NewCustomer": {
                "type": "object",
                "required": ["Name"],
                "properties": {"Name": STRING, "Email": STRING, "Kind": STRING, "Password": STRING},
            },
        },
        "responses": {
            "Customers": {
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "data": {"type": "array", "items": {"$ref": "#/components/schemas/Customer"}},
                                "total": {"type": "integer"},
                            },
                        }
                    }
                }
            }
        },
    },
}
OLD = """
swagger: "2.0"
host: ledger.example
basePath: /api
securityDefinitions:
  login: {type: oauth2, flow: application, tokenUrl: https://ledger.example/token}
paths:
  /company:
    get:
      parameters:
        - {in: query, name: offset, type: integer}
        - {in: query, name: limit, type: integer, default: 50}
      responses: {200: {schema: {type: array, items: {$ref: "#/definitions/Company"}}}}
    post:
      parameters: [{in: body, name: company, schema: {$ref: "#/definitions/Company"}}]
      responses: {201: {description: made}}
  /company/{id}:
    put:
      parameters: [{in: body, name: company, schema: {$ref: "#/definitions/Company"}}]
      responses: {200: {description: changed}}
definitions:
  Company:
    properties:
      id: {type: integer, readOnly: true}
      name: {type: string}
      founded: {type: string, format: date}
"""


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    flows = tmp_path / "mapping_specs" / "dataflows"
    flows.mkdir(parents=True)
    (flows / "shop_ledger.yaml").write_text(FLOW, encoding="utf-8")

    def run(*arguments: str, code: int = 0) -> str:
        result: Result = CliRunner().invoke(main, ["specs", *arguments])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    return run


def drafted(system: str) -> SystemSpec:
    return load_system(Path("mapping_specs/systems") / f"{system}.yaml").spec


def test_what_dataflows_name_becomes_a_spec_that_fits_them(talk) -> None:
    assert "2 entities with 10 properties" in talk("draft", "shop")
    talk("draft", "ledger")
    assert "0 errors" in talk("check")
    shop, ledger = drafted("shop"), drafted("ledger")
    assert shop.entities["customers"].properties["Rating"].type == "integer"
    assert {"VAT", "Country", "Number"} < shop.entities["orders"].properties.keys()
    assert shop.entities["orders"].properties["CustomerId"].references == ("customers",)
    # What stands beside a reference is one too, and what belongs together describes the same kind of thing.
    assert ledger.entities["sale"].properties["buyer"].references == ("company",)
    assert (ledger.entities["company"].subject, ledger.entities["sale"].subject) == ("customer", "order")


def test_all_that_was_guessed_says_so(talk) -> None:
    talk("draft", "shop")
    marked = [
        line.split(":")[0].strip()
        for line in Path("mapping_specs/systems/shop.yaml").read_text().splitlines()
        if "CHANGE THIS:" in line
    ]
    assert marked == ["base_url", "auth", "paginator", "limits", *["list", "idempotency", "properties"] * 2]


def test_a_description_says_how_to_read_and_write(talk) -> None:
    Path("shop.json").write_text(json.dumps(SHOP), encoding="utf-8")
    told = talk("draft", "shop", "--openapi", "shop.json")
    missing = [line.rpartition(" ")[2] for line in told.splitlines() if line.startswith("not in shop.json")]
    assert sorted(missing) == ["customers.Rating", "orders.Country", "orders.PlacedAt", "orders.VAT"]
    shop = drafted("shop")
    client = shop.clients["main"]
    assert client.base_url == "https://api.shop.example"
    assert client.auth.model_dump() == {"type": "api_key", "header": "X-Shop-Key", "key": {"env": "SHOP_API_KEY"}}
    assert client.paginator.model_dump(exclude_defaults=True) == {
        **{"type": "page_number", "page_param": "page", "size_param": "page_size", "size": 250}
    }
    customers = shop.entities["customers"]
    assert customers.key == "Id"
    assert (customers.list.path, customers.list.data_selector) == ("v2/customers", "data")
    assert customers.list.cursor
    assert (customers.list.cursor.property, customers.list.cursor.param) == ("UpdatedAt", "updated_since")
    assert customers.get
    assert (customers.get.path, customers.get.data_selector) == ("v2/customers/{Id}", "customer")
    assert customers.create
    assert (customers.create.path, customers.create.answers) == ("v2/customers", 200)
    assert customers.update
    assert (customers.update.path, customers.update.style) == ("v2/customers/{Id}", "merge_patch")
    assert customers.archive
    assert customers.archive.delete == "v2/customers/{Id}"
    assert customers.concurrency
    assert customers.concurrency.type == "etag"
    assert customers.idempotency
    assert customers.idempotency.type == "key"
    assert customers.modified == "UpdatedAt"
    assert shop.entities["orders"].create is None


def test_a_description_says_what_records_hold(talk) -> None:
    Path("shop.json").write_text(json.dumps(SHOP), encoding="utf-8")
    talk("draft", "shop", "--openapi", "shop.json")
    held = drafted("shop").entities["customers"].properties
    said = {path: one.model_dump(exclude_defaults=True) for path, one in held.items()}
    assert said == {
        "Id": {"type": "integer", "access": "read_only", "nullable": False, "unique": True},
        "Name": {"type": "string", "max_length": 80, "nullable": False, "required": True},
        "Email": {"type": "string", "format": "email", "personal": True},
        "Kind": {"type": "string", "values": ("firm", "person"), "access": "create_only"},
        "Balance": {"type": "decimal", "access": "read_only"},
        "Address.City": {"type": "string", "access": "read_only", "aliases": ("address.city",)},
        "Address.Zip": {"type": "string", "access": "read_only"},
        "UpdatedAt": {"type": "datetime", "access": "read_only"},
        "Password": {"type": "string", "access": "write_only"},
        "Rating": {"type": "integer"},
    }


def test_an_older_kind_of_description_in_yaml(talk) -> None:
    Path("old.yaml").write_text(OLD, encoding="utf-8")
    talk("draft", "ledger", "--openapi", "old.yaml")
    ledger = drafted("ledger")
    client, company = ledger.clients["main"], ledger.entities["company"]
    assert client.base_url == "https://ledger.example/api"
    assert client.auth.type == "oauth2_client_credentials"
    assert client.paginator.model_dump()["limit_param"] == "limit"
    assert company.update
    assert company.update.style == "put"
    assert company.properties["founded"].type == "date"


def test_addresses_as_other_apis_have_them(talk) -> None:
    listed = {"get": SHOP["paths"]["/v2/orders"]["get"]}
    named = {
        "get": {"responses": {"200": {"schema": {"type": "array", "items": {"properties": {"id": STRING, "name": STRING}}}}}}
    }
    wrapped = {"content": {"application/json": {"schema": {"properties": {"customer": {"properties": {"name": STRING}}}}}}}
    paths = {
        "/firms/{firm}/orders": listed,
        "/firms/{firm}/orders/{orderId}": {"delete": {}},
        "/customers.json": {**named, "post": {"requestBody": wrapped, "responses": {"201": {}}}},
        "/customers/{customer_id}.json": {"delete": {}},
    }
    Path("shop.json").write_text(json.dumps({"paths": paths}), encoding="utf-8")
    talk("draft", "shop", "--openapi", "shop.json")
    text = Path("mapping_specs/systems/shop.yaml").read_text()
    assert 'list: {path: "firms/{firm}/orders"}  # CHANGE THIS: what stands in braces' in text
    orders, customers = (drafted("shop").entities[name] for name in ("orders", "customers"))
    assert orders.archive
    assert orders.archive.delete == "firms/{firm}/orders/{id}"
    assert customers.list.path == "customers.json"
    assert customers.create
    assert customers.create.envelope == "customer"
    assert customers.properties["name"].access == "read_write"
    assert customers.archive
    assert customers.archive.delete == "customers/{id}.json"


@pytest.mark.parametrize(
    ("parameters", "members", "expected"),
    [
        (["offset", "limit"], [], {"type": "offset", "offset_param": "offset", "limit_param": "limit", "size": 100}),
        (
            ["after", "limit"],
            ["nextCursor"],
            {"type": "cursor", "cursor_param": "after", "next": "nextCursor", "size_param": "limit", "size": 100},
        ),
        (["$top"], ["@odata.nextLink"], {"type": "next_link", "next": "@odata.nextLink", "size_param": "$top", "size": 100}),
        (["pageNumber"], [], {"type": "page_number", "page_param": "pageNumber", "size": 100}),
        (["after"], [], None),
    ],
)
def test_how_lists_page_is_told_by_what_is_asked_and_answered(
    parameters: list[str], members: list[str], expected: dict[str, Any] | None
) -> None:
    rows = {"value": {"type": "array", "items": {"properties": {"id": STRING}}}} | dict.fromkeys(members, STRING)
    get = {
        "parameters": [{"in": "query", "name": name, "schema": {"type": "integer"}} for name in parameters],
        "responses": {"200": {"schema": {"properties": rows}}},
    }
    assert described({"paths": {"/things": {"get": get}}}, "any").paginator == expected


def test_without_dataflows_all_lists_become_entities(talk) -> None:
    Path("shop.json").write_text(json.dumps(SHOP), encoding="utf-8")
    assert "2 entities" in talk("draft", "other", "--openapi", "shop.json")
    assert {*drafted("other").entities} == {"customers", "orders"}
    talk("draft", "elsewhere", "--openapi", "shop.json", "--specs", "no/such", "--out", "elsewhere.yaml")
    assert load_system(Path("elsewhere.yaml")).spec.system == "elsewhere"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shpo",), "no dataflow here names shpo (did you mean shop?; or give its --openapi)"),
        (("Shop",), "is no key of a system"),
        (("shop", "--openapi", "none.json"), "No such file or directory"),
        (("shop", "--openapi", "junk.json"), "neither JSON nor YAML"),
        (("shop", "--openapi", "deep.json"), "neither JSON nor YAML: nested too deeply"),
        (("shop", "--openapi", "mapping_specs/dataflows/shop_ledger.yaml"), "`paths` were expected"),
        (("other", "--openapi", "empty.json"), "no dataflow names other, and no list of records is described here"),
        (("shop", "--out", "junk.json"), "there is such a file already"),
    ],
)
def test_what_cannot_be_drafted_is_said_and_nothing_written(talk, arguments, said) -> None:
    Path("junk.json").write_text("{]", encoding="utf-8")
    Path("deep.json").write_text("{" + '"a":{' * 200_000, encoding="utf-8")
    Path("empty.json").write_text('{"paths": {"/x": {"get": {}}}}', encoding="utf-8")
    assert said in talk("draft", *arguments, code=2 if arguments == ("Shop",) else 1)
    assert not Path("mapping_specs/systems").exists()


def test_who_meets_an_unknown_system_hears_of_it(talk) -> None:
    assert "begin systems/shop.yaml by `talk specs draft shop`" in talk("check", code=1)


@given(document=documents())
def test_any_document_gets_systems_that_have_what_it_names(document: Document) -> None:
    file = Path("flow.yaml")
    flow = build(parse(dataflow_yaml(spec_from_document(document, "flow.txt", {})), file), DataflowSpec)
    systems: dict[str, Loaded[SystemSpec]] = {}
    for system in dict.fromkeys((flow.spec.source, flow.spec.target)):
        asked = wanted(system, Catalog(systems, (flow,), ()))
        if asked.entities:
            text = draft_yaml(draft(system, asked, None), None)
            systems[system] = build(parse(text, Path(f"{system}.yaml")), SystemSpec)
    if systems:
        problems = resolve(Catalog(systems, (flow,), ())).problems
        assert not [one for one in problems if one.severity is Severity.error and one.code.startswith("unknown")]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*at, step)
        yield from places(inner, (*at, step))


ODD = [
    None,
    True,
    -1,
    10**30,
    "",
    "object",
    "array",
    "\x07 #{",
    "#/paths",
    [],
    ["string", "null"],
    [[]],
    {},
    {"$ref": "#/components"},
    {"": {}},
]


@given(changes=st.lists(st.tuples(st.sampled_from([*places(SHOP)]), st.sampled_from(ODD)), min_size=1, max_size=8))
def test_no_description_is_too_odd(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    data = copy.deepcopy(SHOP)
    for (*way, last), junk in changes:
        inner: Any = data
        with suppress(KeyError, TypeError, IndexError):
            for step in way:
                inner = inner[step]
            inner[last] = copy.deepcopy(junk)
    api = described(data, "odd")
    if api.collections:
        text = draft_yaml(draft("odd", wanted("odd", Catalog({}, (), ())), api), None)
        build(parse(text, Path("odd.yaml")), SystemSpec)


def test_a_schema_that_holds_itself_ends(talk) -> None:
    person = {"type": "object", "allOf": [{"$ref": "#/p"}], "properties": {"id": STRING, "boss": {"$ref": "#/p"}}}
    listed = {"responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/p"}}}}}}}
    Path("own.yaml").write_text(yaml.safe_dump({"paths": {"/people": {"get": listed}}, "p": person}), encoding="utf-8")
    talk("draft", "own", "--openapi", "own.yaml")
    assert sorted(drafted("own").entities["people"].properties) == sorted(
        ["id", "boss.id", "boss.boss.id", "boss.boss.boss.id"]
    )
