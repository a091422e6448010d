"""The exact bytes of writes."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from talk_assets.systems.errors import CannotWrite
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.writing.outcome import Verdict
from talk_assets.systems.writing.partial import completed, expected, is_partial
from talk_assets.systems.writing.prepared import Prepared
from talk_assets.systems.writing.writer import Writer
from tests.systems.support import Script, Server, answer, connect, spec

PROPERTIES = {
    "id": {"type": "integer", "access": "read_only"},
    "name": {"type": "string"},
    "amount": {"type": "decimal"},
    "secret": {"type": "string", "hidden_as": "hidden"},
    "Mail.City": {"type": "string"},
    "Mail.Zip": {"type": "string"},
    "Mail.Id": {"type": "integer", "access": "read_only"},
    "parent": {"type": "integer", "references": ["things"]},
    "version": {"type": "integer", "access": "read_only"},
    "changed": {"type": "datetime", "access": "read_only"},
}


def writer(entity: dict[str, Any] | None = None, properties: dict[str, Any] | None = None) -> Writer:
    layout = {"properties": properties or PROPERTIES, "modified": None, **(entity or {})}
    return connect(spec(entity=layout), Script(answer({}))).writer("things")


def update(style: str, text: str, changes: dict[str, Any], **entity: Any) -> Prepared:
    layout = {"update": {"path": "things/{id}", "style": style}, **entity}
    [prepared] = writer(layout).update(Record("7", text), changes)
    return prepared


def body(prepared: Prepared) -> Any:
    assert prepared.body is not None
    return json.loads(prepared.body)


def test_a_json_patch_tests_what_it_replaces_before_it_changes_anything():
    prepared = update("json_patch", '{"id": 7, "name": "a", "amount": 10.50}', {"name": "b", "amount": Decimal("11.00")})
    assert prepared.body == (
        '[{"op":"test","path":"/name","value":"a"},{"op":"test","path":"/amount","value":10.50},'
        '{"op":"replace","path":"/name","value":"b"},{"op":"replace","path":"/amount","value":11.00}]'
    )
    assert (prepared.method, prepared.path) == ("PATCH", "things/7")
    assert prepared.headers["Content-Type"] == "application/json-patch+json"


def test_a_json_patch_adds_what_was_not_mentioned_and_does_not_test_what_is_hidden():
    assert body(update("json_patch", '{"id": 7, "secret": "hidden"}', {"name": "b", "secret": "s"})) == [
        {"op": "add", "path": "/name", "value": "b"},
        {"op": "replace", "path": "/secret", "value": "s"},
    ]


def test_a_json_patch_into_a_missing_object_adds_the_object_once():
    changes = {"Mail.City": "Oslo", "Mail.Zip": "0150", "name": "b"}
    assert body(update("json_patch", '{"id": 7, "name": "a", "Mail": null}', changes)) == [
        {"op": "test", "path": "/Mail", "value": None},
        {"op": "test", "path": "/name", "value": "a"},
        {"op": "add", "path": "/Mail", "value": {"City": "Oslo", "Zip": "0150"}},
        {"op": "replace", "path": "/name", "value": "b"},
    ]
    assert body(update("json_patch", '{"id": 7}', {"Mail.City": "Oslo"})) == [
        {"op": "add", "path": "/Mail", "value": {"City": "Oslo"}}
    ]


def test_a_json_patch_into_an_object_replaces_its_members():
    assert body(update("json_patch", '{"id": 7, "Mail": {"City": "Oslo", "Zip": null}}', {"Mail.Zip": "0150"})) == [
        {"op": "test", "path": "/Mail/Zip", "value": None},
        {"op": "replace", "path": "/Mail/Zip", "value": "0150"},
    ]


def test_a_merge_patch_names_changed_members_only_and_clears_with_null():
    prepared = update("merge_patch", '{"id": 7, "name": "a", "amount": 1}', {"Mail.City": "Oslo", "name": None})
    assert body(prepared) == {"Mail": {"City": "Oslo"}, "name": None}


def test_a_version_goes_with_the_change():
    prepared = update(
        "merge_patch",
        '{"id": 7, "name": "a", "version": 12}',
        {"name": "b"},
        concurrency={"type": "version", "property": "version"},
    )
    assert body(prepared) == {"name": "b", "version": 12}
    assert prepared.version == "12"
    assert not prepared.compare
    with pytest.raises(CannotWrite, match="no version"):
        update("merge_patch", '{"id": 7}', {"name": "b"}, concurrency={"type": "version", "property": "version"})


def test_a_put_keeps_what_nobody_declared_value_for_value():
    text = (
        '{"id": 7, "name": "a", "unknown": {"deep": [1.50, 9007199254740993, 1e400, "\\u00e6"]}, "amount": 0.10, '
        '"changed": "2026-01-01T00:00:00.1234567Z", "secret": "hidden", "Mail": {"City": "Oslo", "Id": 5, "own": true}}'
    )
    prepared = update("put", text, {"name": "b", "Mail.Zip": "0150"}, concurrency={"type": "compare"})
    assert prepared.method == "PUT"
    assert prepared.body == (
        '{"name":"b","unknown":{"deep":[1.50,9007199254740993,1E+400,"æ"]},"amount":0.10,'
        '"Mail":{"City":"Oslo","own":true,"Zip":"0150"}}'
    )
    assert prepared.before_text == text
    assert prepared.compare


def test_an_upsert_by_post_names_the_record_in_its_body():
    prepared = update("post", '{"id": 7, "name": "a", "more": 1}', {"name": "b"})
    assert (prepared.method, body(prepared)) == ("POST", {"id": 7, "name": "b", "more": 1})


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_changed_members_go_by_the_method_and_into_the_envelope_that_the_api_wants(method: str):
    layout = {"path": "things/{id}", "style": "merge_patch", "method": method, "envelope": "body.thing"}
    [prepared] = writer({"update": layout}).update(Record("7", '{"id": 7, "name": "a", "@url": "u"}'), {"name": "b"})
    assert (prepared.method, body(prepared)) == (method, {"body": {"thing": {"name": "b"}}})
    assert prepared.sent == {"name": "b"}


def test_an_update_names_what_its_api_wants_beside_the_changes_as_the_record_holds_it():
    layout = {"path": "things", "style": "merge_patch", "envelope": "data", "also": ["id", "kind", "name", "amount"]}
    properties = PROPERTIES | {"kind": {"type": "string", "access": "create_only", "default": "things"}}
    make = writer({"update": layout, "create": {"path": "things", "envelope": "data"}}, properties)
    [prepared] = make.update(Record("7", '{"id": 7, "kind": "things", "name": "a"}'), {"name": "b"})
    assert body(prepared) == {"data": {"id": 7, "kind": "things", "name": "b"}}
    assert body(make.create({"name": "b"}, "ref")) == {"data": {"kind": "things", "name": "b"}}


def test_a_whole_record_goes_into_the_envelope_too():
    layout = {"path": "things/{id}", "style": "put", "envelope": "thing"}
    [prepared] = writer({"update": layout}).update(Record("7", '{"id": 7, "name": "a", "more": 1}'), {"name": "b"})
    assert body(prepared) == {"thing": {"name": "b", "more": 1}}


def test_an_etag_guards_where_it_is_known_and_else_the_record_is_compared():
    make = writer({"concurrency": {"type": "etag"}})
    [known] = make.update(Record("7", '{"id": 7, "name": "a"}', None, '"v1"'), {"name": "b"})
    assert known.headers["If-Match"] == '"v1"'
    assert not known.compare
    [unknown] = make.update(Record("7", '{"id": 7, "name": "a"}'), {"name": "b"})
    assert unknown.compare


def test_a_create_holds_defaults_the_reference_and_what_marks_the_entity():
    make = writer(
        {
            "where": {"kind": ["person", None]},
            "idempotency": {"type": "reference", "property": "ref", "max_length": 40, "param": "ref"},
        },
        PROPERTIES | {"kind": {"type": "string"}, "ref": {"type": "string"}, "active": {"type": "boolean", "default": True}},
    )
    prepared = make.create(
        {"name": "Åse", "parent": "12", "Mail.City": "Oslo", "Mail.Zip": None, "amount": Decimal("1.10")}, "R1"
    )
    assert body(prepared) == {
        "active": True,
        "kind": "person",
        "name": "Åse",
        "parent": 12,
        "Mail": {"City": "Oslo"},
        "amount": 1.1,
        "ref": "R1",
    }
    assert '"amount":1.10' in (prepared.body or "")
    with pytest.raises(CannotWrite, match="41 characters; ref holds 40"):
        make.create({}, "R" * 41)


def test_placeholders_of_the_address_stay_out_of_the_body():
    make = writer(
        {
            "get": {"path": "parents/{parent}/things/{id}"},
            "create": {"path": "parents/{parent}/things"},
            "update": {"path": "parents/{parent}/things/{id}", "style": "put"},
        }
    )
    prepared = make.create({"parent": 3, "name": "a"}, "R1")
    assert (prepared.path, body(prepared), prepared.known) == ("parents/3/things", {"name": "a"}, {"parent": 3})
    with pytest.raises(CannotWrite, match="needs parent"):
        make.create({"name": "a"}, "R1")
    [changed] = make.update(Record("7", '{"id": 7, "name": "a"}'), {"name": "b"}, known={"parent": 4})
    assert (changed.path, body(changed)) == ("parents/4/things/7", {"name": "b"})


def test_prepared_writes_survive_a_store_byte_for_byte():
    prepared = update("put", '{"id": 7, "amount": 1.10, "x": 123456789012345678901}', {"name": "b"})
    again = Prepared.from_json(prepared.to_json())
    assert again == prepared
    assert again.body == prepared.body


def test_archiving_sets_what_the_spec_says():
    make = writer(
        {
            "archive": {"set": {"name": "archived"}},
            "concurrency": {"type": "json_patch_test"},
            "update": {"path": "things/{id}", "style": "json_patch"},
        }
    )
    [prepared] = make.archive(Record("7", '{"id": 7, "name": "a"}'))
    assert body(prepared)[-1] == {"op": "replace", "path": "/name", "value": "archived"}


@pytest.mark.parametrize(
    ("prop", "value", "written"),
    [
        ({"type": "date", "encoded": "unix_seconds"}, date(2026, 11, 20), 1795132800),
        ({"type": "date"}, date(2026, 11, 20), "2026-11-20"),
        ({"type": "datetime", "encoded": "unix_seconds"}, datetime(2026, 11, 20, 0, 0, 1, tzinfo=UTC), 1795132801),
        ({"type": "date", "encoded": "unix_milliseconds"}, date(2026, 11, 20), 1795132800000),
        ({"type": "datetime", "encoded": "unix_milliseconds"}, datetime(1969, 12, 31, 23, 59, 59, 1999, UTC), -999),
        ({"type": "date", "encoded": "in_slashes"}, date(2026, 11, 20), "/Date(1795132800000)/"),
        ({"type": "datetime", "encoded": "in_slashes"}, datetime(2026, 11, 20, 0, 0, 1, 5000, UTC), "/Date(1795132801005)/"),
        ({"type": "datetime"}, datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC), "2026-11-20T01:02:03Z"),
        ({"type": "datetime"}, "2026-11-20T01:02:03.1234567Z", "2026-11-20T01:02:03.1234567Z"),
        ({"type": "string", "encoded": "lower_case"}, "NOK", "nok"),
        ({"type": "integer"}, "123456789012345678901", 123456789012345678901),
        ({"type": "decimal"}, 0.1, 0.1),
        ({"type": "json"}, [{"a": 1}], [{"a": 1}]),
        ({"type": "boolean"}, False, False),
    ],
)
def test_values_are_written_as_the_api_has_them(prop: Any, value: Any, written: Any):
    make = writer(properties={"id": {"type": "string"}, "it": prop})
    assert body(make.create({"it": value}, "R")) == {"it": written}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "007"),
        ("integer", "x"),
        ("integer", True),
        ("integer", Decimal("1.5")),
        ("decimal", "NaN"),
        ("decimal", float("inf")),
        ("boolean", 1),
        ("date", "2026-11-20"),
        ("date", datetime(2026, 1, 1, tzinfo=UTC)),
        ("datetime", datetime(2026, 1, 1)),  # noqa: DTZ001 - a naive time is the point
        ("string", 5),
    ],
)
def test_values_that_do_not_fit_are_not_bent(kind: str, value: Any):
    with pytest.raises(CannotWrite):
        writer(properties={"id": {"type": "string"}, "it": {"type": kind}}).create({"it": value}, "R")


JOINED = {
    "entities": {
        "uses": {
            "title": "Uses",
            "subject": "thing",
            "joins": {"entity": "kinds", "property": "code", "by": "code", "owns": ["name"]},
            "list": {"path": "uses"},
            "get": {"path": "uses/{id}"},
            "create": {"path": "uses"},
            "update": {"path": "uses", "style": "post"},
            "properties": {
                "id": {"type": "integer", "access": "read_only"},
                "code": {"type": "string", "required": True},
                "name": {"type": "string"},
                "rate": {"type": "decimal"},
            },
        },
        "kinds": {
            "title": "Kinds",
            "subject": "thing",
            "list": {"path": "kinds"},
            "get": {"path": "kinds/{id}"},
            "update": {"path": "kinds", "style": "post"},
            "idempotency": {"type": "natural_key", "property": "code"},
            "properties": {
                "id": {"type": "integer", "access": "read_only"},
                "code": {"type": "string"},
                "name": {"type": "string"},
            },
        },
    }
}


def test_properties_that_belong_to_another_record_are_written_there():
    def handler(request: httpx.Request) -> httpx.Response:
        kinds = [{"id": 1, "code": "A", "name": "old", "more": 2}, {"id": 2, "code": "B", "name": "b"}]
        if request.method == "GET":
            return answer(kinds[0] if request.url.path.endswith("/1") else kinds)
        return answer({**kinds[0], "name": "new"})

    server = Server(handler)
    connection = connect(spec(system=JOINED), server)
    use = Record("9", '{"id": 9, "code": "A", "name": "old", "rate": 1.5}')
    own, owned = connection.writer("uses").update(use, {"rate": 2, "name": "new"})
    assert (own.entity, body(own)) == ("uses", {"id": 9, "code": "A", "rate": 2})
    assert (owned.entity, owned.id, body(owned)) == ("kinds", "1", {"id": 1, "code": "A", "name": "new", "more": 2})
    assert connection.sender("kinds").send(owned).verdict is Verdict.done
    created = connection.writer("uses").create({"code": "A", "name": "shown only"}, "R")
    assert body(created) == {"code": "A"}
    with pytest.raises(CannotWrite, match="0 records of Kinds have code 'Z'"):
        connection.writer("uses").update(Record("9", '{"id": 9, "code": "Z"}'), {"name": "new"})


def test_an_answer_that_shows_less_is_completed_by_what_was_known_and_sent():
    layout = spec(entity={"properties": PROPERTIES, "modified": None}).entities["things"]
    known = Record("7", '{"id": 7, "name": "a", "amount": 10.50, "Mail": {"City": "Oslo", "Zip": "0150"}, "more": 1}')
    prepared = update("merge_patch", known.text, {"name": "b"})
    answered = Record("7", '{"id": 7, "Mail": {"Zip": "0151"}}', etag='"2"')
    hoped = expected(layout, prepared, known)
    assert is_partial(layout, answered, hoped)
    whole = completed(answered, hoped)
    assert json.loads(whole.text) == {"id": 7, "name": "b", "amount": 10.5, "Mail": {"City": "Oslo", "Zip": "0151"}, "more": 1}
    assert whole.etag == '"2"'
    assert not is_partial(layout, whole, hoped)
