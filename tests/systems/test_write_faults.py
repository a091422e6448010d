"""What may go wrong with a write (reliability catalogue W1-W28), and what it is taken for."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from talk_assets.systems.connection import Connection
from talk_assets.systems.errors import CannotWrite
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.writing.outcome import Outcome, Verdict
from talk_assets.systems.writing.prepared import Prepared
from tests.systems.support import Handler, Script, Server, VirtualClock, answer, connect, empty, spec

UNIQUE = {
    "type": "unique_reference",
    "property": "name",
    "max_length": 50,
    "holder": r"used on .*?Id = (\w+)",
    "param": "name",
}


class Shop:
    def __init__(self, handler: Handler, clock: VirtualClock | None = None, entity: Any = None, **client: Any) -> None:
        self.server = Server(handler)
        self.clock = clock or VirtualClock()
        self.connection: Connection = connect(spec(entity=entity, **client), self.server, self.clock)
        self.writer = self.connection.writer("things")

    def create(self, reference: str = "ref-1", **values: Any) -> Outcome:
        return self.send(self.writer.create({"amount": 1, **values}, reference))

    def update(self, record: Record, **changes: Any) -> Outcome:
        return self.send(*self.writer.update(record, changes))

    def send(self, prepared: Prepared) -> Outcome:
        return self.connection.sender("things").send(Prepared.from_json(prepared.to_json()))


def test_no_pattern_is_looked_for_longer_than_the_server_s_words_are():
    words = "used on " + "a" * 5_000
    shop = Shop(lambda _: answer({"error": words}, 409), entity={"idempotency": UNIQUE | {"holder": r"on ((a+)+)$x"}})
    assert shop.create().verdict is Verdict.rejected


def test_an_etag_that_stands_in_the_record_guards_its_update():
    there = {"@odata.etag": 'W/"7"', "id": "1", "name": "old"}
    shop = Shop(
        served(there, lambda _: answer({"id": "1"})), entity={"concurrency": {"type": "etag", "property": "@odata.etag"}}
    )
    assert shop.update(record({"id": "1", "name": "old"}), name="new").verdict is Verdict.done
    [written] = shop.server.writes()
    assert written.headers["if-match"] == 'W/"7"'


CREATED = {"create": {"path": "things", "id": "result.Id"}}


def test_a_creation_that_is_answered_with_an_id_alone_is_done():
    outcome = Shop(Script(answer({"result": {"Id": 5}, "errors": []}, 201)), entity=CREATED).create()
    assert (outcome.verdict, outcome.id, outcome.record) == (Verdict.done, "5", None)


@pytest.mark.parametrize("shown", [{"id": "5"}, {"result": {"Id": None}}, ["5"], b"<html>"])
def test_a_creation_that_is_answered_without_the_id_that_was_promised_is_unknown(shown: Any):
    assert Shop(Script(answer(shown, 201)), entity=CREATED).create().verdict is Verdict.unknown


def record(values: dict[str, Any], etag: str | None = None) -> Record:
    return Record(str(values["id"]), json.dumps(values), values.get("updated"), etag)


def served(values: dict[str, Any], write: Callable[[httpx.Request], httpx.Response]) -> Handler:
    """GET shows the record, everything else goes to `write`."""
    return lambda request: answer(values) if request.method == "GET" else write(request)


TIMEOUTS = [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]


@pytest.mark.parametrize("failure", TIMEOUTS)
def test_w01_w02_a_create_without_an_answer_is_unknown_and_never_sent_twice(failure: type[httpx.HTTPError]):
    shop = Shop(Script(failure("lost")))
    assert shop.create().verdict is Verdict.unknown
    assert len(shop.server.requests) == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_w03_what_never_left_is_sent_again(failure: type[httpx.HTTPError]):
    shop = Shop(Script(failure("refused"), failure("refused"), answer({"id": "1"}, 201)))
    assert shop.create().verdict is Verdict.done
    assert len(shop.server.requests) == 3


def test_w03_what_never_leaves_is_not_sent():
    shop = Shop(Script(httpx.ConnectError("refused")))
    assert shop.create().verdict is Verdict.not_sent
    assert len(shop.server.requests) == 5


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_w04_a_server_error_on_a_create_is_unknown_and_never_sent_twice(status: int):
    shop = Shop(Script(answer({"detail": "oops"}, status)))
    assert shop.create().verdict is Verdict.unknown
    assert len(shop.server.requests) == 1


def test_w05_already_in_use_by_us_is_the_lost_create_and_adopted():
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer({"id": "77", "name": "ref-1"})
        return answer({"detail": "The reference is already in use. 'ref-1' is used on (contact) Id = 77."}, 400)

    shop = Shop(handler, entity={"idempotency": UNIQUE}, error_message=["detail"])
    outcome = shop.create("ref-1")
    assert outcome.verdict is Verdict.done
    assert outcome.adopted
    assert outcome.id == "77"


def test_w05_already_in_use_by_somebody_else_is_a_conflict_and_not_adopted():
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer({"id": "77", "name": "another"})
        return answer({"detail": "'ref-1' is used on Id = 77."}, 400)

    outcome = Shop(handler, entity={"idempotency": UNIQUE}, error_message=["detail"]).create("ref-1")
    assert outcome.verdict is Verdict.rejected
    assert outcome.conflict
    assert "used on" in outcome.words


def test_w05_409_on_a_create_is_a_conflict():
    outcome = Shop(Script(answer({"message": "exists"}, 409))).create()
    assert (outcome.verdict, outcome.conflict) == (Verdict.rejected, True)


@pytest.mark.parametrize("status", [409, 412])
def test_w06_a_stale_version_is_stale(status: int):
    shop = Shop(served({"id": "1", "name": "newer"}, lambda _: answer({}, status)), entity={"concurrency": {"type": "etag"}})
    assert shop.update(record({"id": "1", "name": "old"}, '"v1"'), name="new").verdict is Verdict.stale


def test_w07_a_conflict_with_another_record_is_told_and_no_stale_version():
    values = {"id": "1", "name": "old"}
    said = "the name is taken by record 2"
    refused = served(values, lambda _: answer({"detail": said}, 409))
    shop = Shop(refused, entity={"concurrency": {"type": "etag"}}, error_message=["detail"])
    outcome = shop.update(record(values, '"v1"'), name="taken")
    assert (outcome.verdict, outcome.words) == (Verdict.rejected, said)


@pytest.mark.parametrize(("version", "verdict"), [(3, Verdict.rejected), (4, Verdict.stale)])
def test_w06_w07_a_version_tells_a_conflict_with_another_record_from_a_stale_one(version: int, verdict: Verdict):
    there = {"id": "1", "name": "old", "version": version}
    entity = {
        "concurrency": {"type": "version", "property": "version"},
        "update": {"path": "things/{id}", "style": "merge_patch"},
    }
    shop = Shop(served(there, lambda _: answer({"detail": "conflict"}, 409)), entity=entity)
    assert shop.update(record({"id": "1", "name": "old", "version": 3}), name="new").verdict is verdict


def test_w06_a_failed_test_of_a_json_patch_is_stale_when_the_server_says_so():
    said = "The current value 'x' at path 'name' is not equal to the test value 'old'."
    shop = Shop(
        served({"id": "1", "name": "x"}, lambda _: answer({"detail": said}, 400)),
        entity={"update": {"path": "things/{id}", "style": "json_patch"}, "concurrency": {"type": "json_patch_test"}},
        error_message=["detail"],
    )
    assert shop.update(record({"id": "1", "name": "old"}), name="new").verdict is Verdict.stale


def test_w06_what_no_request_guards_is_looked_at_before_it_is_written():
    """A list of versions, as JSON Patch has no place for one."""
    shop = Shop(
        served({"id": "1", "name": "newer", "version": 4}, lambda _: answer({}, 200)),
        entity={
            "update": {"path": "things/{id}", "style": "json_patch"},
            "concurrency": {"type": "version", "property": "version"},
        },
    )
    assert shop.update(record({"id": "1", "name": "old", "version": 3}), name="new").verdict is Verdict.stale
    assert shop.server.writes() == []


@pytest.mark.parametrize(("there", "verdict"), [("x", Verdict.stale), ("old", Verdict.rejected)])
def test_w06_a_refusal_without_reason_is_stale_when_the_record_has_changed(there: str, verdict: Verdict):
    shop = Shop(
        served({"id": "1", "name": there}, lambda _: answer({"detail": "validation"}, 400)),
        entity={"update": {"path": "things/{id}", "style": "json_patch"}, "concurrency": {"type": "json_patch_test"}},
    )
    assert shop.update(record({"id": "1", "name": "old"}), name="new").verdict is verdict


@pytest.mark.parametrize("status", [400, 422, 413, 415])
def test_w07_a_refusal_is_rejected_in_the_servers_own_words(status: int):
    shop = Shop(Script(answer({"error": {"message": "name is too short"}}, status)), error_message=["error.message"])
    outcome = shop.create()
    assert (outcome.verdict, outcome.words, outcome.status) == (Verdict.rejected, "name is too short", status)
    assert len(shop.server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_w08_being_refused_entry_is_no_fault_of_the_record(status: int):
    assert Shop(Script(answer({}, status))).create().verdict is Verdict.auth


def test_w08_403_where_the_same_login_may_read_is_about_this_record():
    said = "this record is locked for you"
    there = record({"id": "1", "name": "old"}, '"v1"')

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            return answer({"detail": said}, 403)
        return answer([there.values()] if request.url.path.endswith("things") else there.values())

    shop = Shop(handler, entity={"concurrency": {"type": "etag"}}, error_message=["detail"])
    for outcome in (shop.update(there, name="new"), shop.create()):
        assert (outcome.verdict, outcome.words) == (Verdict.rejected, said)


def test_w08_401_stops_all_writes_whatever_may_be_read():
    shop = Shop(served({"id": "1", "name": "old"}, lambda _: answer({}, 401)), entity={"concurrency": {"type": "etag"}})
    assert shop.update(record({"id": "1", "name": "old"}, '"v1"'), name="new").verdict is Verdict.auth


def test_w09_404_on_an_update_is_gone_and_creates_nothing():
    shop = Shop(Script(answer({}, 404)), entity={"concurrency": {"type": "etag"}})
    assert shop.update(record({"id": "1", "name": "old"}, '"v1"'), name="new").verdict is Verdict.gone
    assert [request.method for request in shop.server.requests] == ["PATCH", "GET"]


def test_w09_404_about_a_reference_in_the_body_is_a_refusal():
    values = {"id": "1", "name": "old"}
    shop = Shop(
        served(values, lambda _: answer({"detail": "Department 7 not found."}, 404)),
        entity={"concurrency": {"type": "etag"}},
        error_message=["detail"],
    )
    outcome = shop.update(record(values, '"v1"'), name="new")
    assert (outcome.verdict, outcome.words) == (Verdict.rejected, "Department 7 not found.")


def test_w10_429_was_not_carried_out_and_is_sent_again_after_the_rest():
    shop = Shop(Script(answer({}, 429, retry_after="3"), answer({"id": "1"}, 201)))
    assert shop.create().verdict is Verdict.done
    assert shop.clock.elapsed == pytest.approx(3, abs=0.01)
    first, second = (request.content for request in shop.server.requests)
    assert first == second


def test_w10_429_that_lasts_is_not_executed():
    outcome = Shop(Script(answer({}, 429, retry_after="2"))).create()
    assert (outcome.verdict, outcome.retry_after) == (Verdict.not_executed, 2)
    outcome = Shop(Script(answer({}, 429, retry_after="100000"))).create()
    assert (outcome.verdict, outcome.retry_after) == (Verdict.not_executed, 100_000)


def test_w12_200_with_errors_and_no_record_is_not_taken_for_success():
    outcome = Shop(Script(answer({"errors": ["no"], "message": "not saved"})), error_message=["message"]).create()
    assert outcome.verdict is Verdict.unknown
    assert "not saved" in outcome.words


def test_w12_200_that_says_no_success_is_rejected():
    client = {"success": "success", "envelope": "data", "error_message": ["why"]}
    outcome = Shop(Script(answer({"success": False, "why": "code is in use"})), **client).create()
    assert (outcome.verdict, outcome.words) == (Verdict.rejected, "code is in use")


def test_w13_what_the_server_made_of_it_is_handed_back():
    outcome = Shop(Script(answer({"id": "1", "name": "TRIMMED", "amount": 10.50}, 201))).create(name=" trimmed ")
    assert outcome.record is not None
    assert outcome.record.values()["name"] == "TRIMMED"


def test_w13_a_record_keeps_its_text_and_etag():
    outcome = Shop(Script(answer(b'{ "id": "1",  "amount": 10.50 }', 201, etag='"7"'))).create()
    assert outcome.record == Record("1", '{ "id": "1",  "amount": 10.50 }', None, '"7"')


def test_w20_a_token_that_ends_before_a_write_is_renewed_and_the_write_sent_once_more():
    tokens = iter("ab")
    writes = Script(answer({}, 401), answer({"id": "1"}, 201))

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return answer({"access_token": f"token-{next(tokens)}"})
        return writes(request)

    shop = Shop(
        handler,
        auth={
            "type": "oauth2_client_credentials",
            "token_url": "token",
            "client_id": {"env": "THING_USER"},
            "client_secret": {"env": "THING_PASSWORD"},
        },
    )
    assert shop.create().verdict is Verdict.done
    assert [request.headers["authorization"] for request in shop.server.writes()] == ["Bearer token-a", "Bearer token-b"]


def test_w20_a_login_without_an_answer_leaves_the_write_unsent():
    shop = Shop(
        Script(httpx.ReadTimeout("lost")),
        auth={
            "type": "oauth2_client_credentials",
            "token_url": "token",
            "client_id": {"env": "THING_USER"},
            "client_secret": {"env": "THING_PASSWORD"},
        },
    )
    assert shop.create().verdict is Verdict.not_sent
    assert shop.server.writes() == []


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (301, Verdict.unknown),
        (302, Verdict.unknown),
        (303, Verdict.unknown),
        (307, Verdict.rejected),
        (308, Verdict.rejected),
    ],
)
def test_w21_a_redirect_of_a_write_is_never_followed(status: int, verdict: Verdict):
    shop = Shop(lambda _: empty(status, location="https://evil.example.com/"))
    assert shop.create().verdict is verdict
    assert len(shop.server.requests) == 1


def test_w22_accepted_for_later_is_unknown():
    assert Shop(Script(answer({"id": "1"}, 202))).create().verdict is Verdict.unknown


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"name": "x"}', b"<html>", b'{"id": "1'])
def test_w23_a_create_whose_answer_names_no_record_is_unknown(body: bytes):
    assert Shop(Script(answer(body, 201))).create().verdict is Verdict.unknown


def test_w23_html_with_200_is_unknown():
    page = httpx.Response(200, headers={"content-type": "text/html"}, content=b"<html>ok</html>")
    assert Shop(lambda _: page).create().verdict is Verdict.unknown


def test_w23_a_location_names_the_record_and_is_not_fetched():
    shop = Shop(lambda _: empty(201, location="https://elsewhere.example.com/things/42"))
    outcome = shop.create()
    assert (outcome.verdict, outcome.id, outcome.record) == (Verdict.done, "42", None)
    assert len(shop.server.requests) == 1


@pytest.mark.parametrize(
    ("last", "id_"),
    [("things(4f-2)", "4f-2"), ("things('a%2Fb')", "a/b"), ("things%28%27x%27%29", "x"), ("(7)", "(7)"), ("a)", "a)")],
)
def test_w23_a_location_may_name_the_record_in_brackets(last: str, id_: str):
    assert Shop(lambda _: empty(204, location=f"https://elsewhere.example.com/api/{last}")).create().id == id_


def test_w23_a_location_that_is_no_address_names_nothing():
    assert Shop(lambda _: empty(201, location="http://[bad/things/4")).create().verdict is Verdict.unknown


def test_w25_a_create_is_the_same_bytes_and_key_every_time_it_is_sent():
    shop = Shop(
        Script(httpx.ReadTimeout("lost"), answer({"id": "1"}, 201)),
        entity={"idempotency": {"type": "key", "header": "Idempotency-Key", "window_seconds": 3600}},
    )
    prepared = shop.writer.create({"name": "å"}, "ref-1")
    assert shop.send(prepared).verdict is Verdict.unknown
    assert shop.send(prepared).verdict is Verdict.done
    first, second = shop.server.requests
    assert first.content == second.content
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == "ref-1"


def test_w26_an_edit_between_our_read_and_our_write_is_not_overwritten():
    shop = Shop(
        served({"id": "1", "name": "edited"}, lambda _: answer({"id": "1"})), entity={"concurrency": {"type": "compare"}}
    )
    outcome = shop.update(record({"id": "1", "name": "old"}), name="new")
    assert outcome.verdict is Verdict.stale
    assert outcome.record is not None
    assert shop.server.writes() == []


@pytest.mark.parametrize(("there", "verdict"), [(0, Verdict.done), (7, Verdict.stale)])
def test_w26_what_a_list_does_not_show_may_be_empty_in_its_system_s_own_way(there: int, verdict: Verdict):
    owner = {"type": "integer", "references": ["things"], "empty_as": 0}
    properties = {"id": {"type": "string"}, "name": {"type": "string"}, "owner": owner}
    shop = Shop(
        served({"id": "1", "name": "old", "owner": there}, lambda _: answer({"id": "1"})),
        entity={"properties": properties, "concurrency": {"type": "compare"}},
    )
    assert shop.update(record({"id": "1", "name": "old"}), owner="5").verdict is verdict


def test_w26_where_the_whole_record_is_replaced_any_edit_counts():
    entity = {"update": {"path": "things/{id}", "style": "put"}, "concurrency": {"type": "compare"}}
    values = {"id": "1", "name": "old", "unmapped": 1}
    shop = Shop(served({**values, "unmapped": 2}, lambda _: answer(values)), entity=entity)
    assert shop.update(record(values), name="new").verdict is Verdict.stale
    assert shop.server.writes() == []


def test_w26_without_a_chance_to_look_nothing_is_sent():
    shop = Shop(Script(answer({}, 500)), entity={"concurrency": {"type": "compare"}})
    assert shop.update(record({"id": "1", "name": "old"}), name="new").verdict is Verdict.not_sent
    assert shop.server.writes() == []


def test_w26_what_is_sent_again_after_a_rest_is_compared_again():
    there = {"id": "1", "name": "old"}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer(there)
        there["name"] = "edited while we waited"
        return answer({}, 429, retry_after="120")

    shop = Shop(handler, entity={"concurrency": {"type": "compare"}})
    outcome = shop.update(record({"id": "1", "name": "old"}), name="new")
    assert outcome.verdict is Verdict.stale
    assert outcome.record is not None
    assert len(shop.server.writes()) == 1


def test_w26_a_record_known_without_its_etag_is_read_and_then_guarded():
    shop = Shop(lambda _: answer({"id": "1", "name": "old"}, etag='"v9"'), entity={"concurrency": {"type": "etag"}})
    assert shop.update(record({"id": "1", "name": "old"}), name="new").verdict is Verdict.done
    assert shop.server.writes()[0].headers["if-match"] == '"v9"'


def test_an_update_answered_with_another_record_is_unknown():
    shop = Shop(served({"id": "1", "name": "old"}, lambda _: answer({"id": "2"})))
    assert shop.update(record({"id": "1", "name": "old"}), name="new").verdict is Verdict.unknown


def test_an_update_answered_with_nothing_is_done_and_to_be_read_back():
    shop = Shop(served({"id": "1", "name": "old"}, lambda _: empty(204)))
    outcome = shop.update(record({"id": "1", "name": "old"}), name="new")
    assert (outcome.verdict, outcome.id, outcome.record) == (Verdict.done, "1", None)


def test_a_delete_is_done_gone_or_refused():
    entity = {"archive": {"delete": "things/{id}"}}
    for status, verdict in [(204, Verdict.done), (200, Verdict.done), (404, Verdict.gone), (409, Verdict.rejected)]:
        shop = Shop(lambda _, status=status: empty(status), entity=entity)
        assert shop.send(*shop.writer.archive(record({"id": "1"}))).verdict is verdict


def test_what_cannot_be_written_is_said_before_anything_is_sent():
    entity = {
        "properties": {
            "id": {"type": "string", "access": "read_only"},
            "name": {"type": "string", "required": True, "max_length": 5},
            "kind": {"type": "string", "access": "create_only"},
            "secret": {"type": "string", "hidden_as": "hidden"},
        },
        "limitations": [{"property": "name", "cannot": "update", "reason": "Names are for ever."}],
    }
    shop = Shop(Script(answer({})), entity=entity)
    old = record({"id": "1"})
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: shop.writer.create({"kind": "a"}, "r"), "cannot be created without name"),
        (lambda: shop.writer.create({"name": "toolong"}, "r"), "7 characters, and 5 are allowed"),
        (lambda: shop.writer.create({"name": "a", "nmae": "b"}, "r"), "no property 'nmae'"),
        (lambda: shop.writer.create({"name": 5}, "r"), "a int cannot be written as string"),
        (lambda: shop.writer.create({"name": "a", "id": "5"}, "r"), "read only"),
        (lambda: shop.writer.update(old, {"kind": "b"}), "create only"),
        (lambda: shop.writer.update(old, {"name": "b"}), "Names are for ever"),
        (lambda: shop.writer.update(old, {"secret": "hidden"}), "may not see"),
        (lambda: shop.writer.archive(old), "neither be archived nor deleted"),
    ]
    for attempt, reason in cases:
        with pytest.raises(CannotWrite, match=reason):
            attempt()
    assert shop.server.requests == []
