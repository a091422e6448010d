"""After a lost answer: what each class of API lets us find out, and what is never guessed."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from talk_assets.systems.reading.reader import Record
from talk_assets.systems.writing.prepared import Prepared
from talk_assets.systems.writing.resolve import Attempts, Fate, Resolution
from tests.systems.support import START, Handler, Script, Server, VirtualClock, answer, connect, spec

KEY = {"type": "key", "header": "Idempotency-Key", "window_seconds": 86400}
UNIQUE = {"type": "unique_reference", "property": "ref", "max_length": 50, "holder": r"Id = (\w+)", "param": "ref"}
REFERENCE = {"type": "reference", "property": "ref", "max_length": 50, "param": "ref"}
NATURAL = {"type": "natural_key", "property": "name", "param": "name"}
RECENT = {"type": "list_recent", "created": "created"}
PROPERTIES = {
    "id": {"type": "string", "access": "read_only"},
    "name": {"type": "string"},
    "ref": {"type": "string"},
    "amount": {"type": "decimal"},
    "version": {"type": "integer", "access": "read_only"},
    "created": {"type": "datetime", "access": "read_only"},
    "updated": {"type": "datetime", "access": "read_only"},
}


class Case:
    def __init__(self, handler: Handler, idempotency: Any = None, **entity: Any) -> None:
        self.clock = VirtualClock()
        self.server = Server(handler)
        layout = {"properties": PROPERTIES, "idempotency": idempotency, "modified": "updated", **entity}
        self.connection = connect(spec(entity=layout, error_message=["detail"]), self.server, self.clock)

    def create(self, name: str = "Ærlig Talt") -> Prepared:
        return self.connection.writer("things").create({"name": name, "amount": 1}, "REF")

    def resolve(self, prepared: Prepared, after: float = 61, missed_after: float | None = None, linked: str = "") -> Resolution:
        self.clock.elapsed = max(self.clock.elapsed, after)
        missed = START + timedelta(seconds=missed_after) if missed_after is not None else None
        attempts = Attempts(START, START, missed)
        return self.connection.resolver("things").resolve(prepared, attempts, lambda found: found.keys() & {linked})


def listing(*records: dict[str, Any]) -> Handler:
    return lambda _: answer(list(records))


MINE = {"id": "7", "name": "Ærlig Talt", "ref": "REF", "amount": 1.0, "created": "2026-11-20T12:00:00Z"}


def test_a_key_within_half_its_window_is_asked_by_sending_the_same_bytes():
    case = Case(Script(answer(MINE, 200)), KEY)
    found = case.resolve(case.create(), after=3600 * 11)
    assert (found.fate, found.record and found.record.id) == (Fate.happened, "7")
    assert case.server.requests[0].headers["idempotency-key"] == "REF"


def test_w24_a_key_after_half_its_window_is_not_trusted_and_the_list_is_looked_through():
    case = Case(listing({"id": "1", "name": "x"}, MINE), KEY)
    found = case.resolve(case.create(), after=3600 * 12)
    assert (found.fate, found.record and found.record.id) == (Fate.happened, "7")
    assert case.server.asked == ["GET /v1/things"]


def test_a_key_whose_repeat_is_lost_too_is_asked_again_later():
    case = Case(Script(httpx.ReadTimeout("lost")), KEY)
    assert case.resolve(case.create()).fate is Fate.not_yet


def test_a_unique_reference_is_looked_up_and_found():
    case = Case(listing(MINE), UNIQUE)
    assert case.resolve(case.create()).fate is Fate.happened
    assert case.server.asked == ["GET /v1/things?ref=REF"]


def test_a_unique_reference_that_is_not_found_is_sent_again_since_that_cannot_double_it():
    def handler(request: httpx.Request) -> httpx.Response:
        return answer([]) if request.method == "GET" else answer(MINE, 201)

    case = Case(handler, UNIQUE)
    assert case.resolve(case.create()).fate is Fate.happened
    assert len(case.server.writes()) == 1


@pytest.mark.parametrize(("holder", "fate"), [("REF", Fate.happened), ("OTHER", Fate.ambiguous)])
def test_a_unique_reference_without_look_up_is_found_through_its_refusal(holder: str, fate: Fate):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return answer({**MINE, "ref": holder})
        return answer({"detail": "in use. 'REF' is used on Id = 7."}, 400)

    case = Case(handler, {key: value for key, value in UNIQUE.items() if key != "param"})
    assert case.resolve(case.create()).fate is fate


def test_a_unique_reference_nobody_holds_and_the_server_refuses_did_not_happen():
    def handler(request: httpx.Request) -> httpx.Response:
        return answer([]) if request.method == "GET" else answer({"detail": "name is too short"}, 400)

    case = Case(handler, UNIQUE)
    found = case.resolve(case.create())
    assert found.fate is Fate.absent
    assert found.outcome is not None


@pytest.mark.parametrize("kind", [UNIQUE, REFERENCE, NATURAL], ids=["unique", "searched", "natural"])
def test_a_look_up_says_what_the_language_of_the_api_wants(kind: dict[str, Any]):
    filtered = kind | {"param": "$filter", "template": f"{kind['property']} eq '{{value}}'"}
    case = Case(listing(MINE), filtered)
    assert case.resolve(case.create()).fate is Fate.happened
    assert dict(case.server.requests[0].url.params) == {
        "$filter": filtered["template"].replace("{value}", MINE[kind["property"]])
    }


def test_a_key_that_would_end_the_text_of_a_filter_is_looked_for_in_the_whole_list():
    natural = NATURAL | {"param": "$filter", "template": "name eq '{value}'"}
    case = Case(listing({**MINE, "name": "O'Hara"}), natural)
    assert case.resolve(case.create(name="O'Hara")).fate is Fate.happened
    assert case.server.asked == ["GET /v1/things"]


def test_a_value_that_was_emptied_and_is_left_out_now_was_emptied():
    case = Case(Script(answer({"id": "7", "amount": 1})), omits_empty=True)
    [prepared] = case.connection.writer("things").update(Record("7", '{"id": "7", "name": "a", "amount": 1}'), {"name": None})
    found = case.resolve(prepared)
    assert (found.fate, found.reason) == (Fate.happened, "the record holds what was sent")


def test_r14_a_search_before_the_horizon_proves_nothing():
    case = Case(listing(), REFERENCE)
    found = case.resolve(case.create(), after=59)
    assert (found.fate, found.again_at) == (Fate.not_yet, START + timedelta(seconds=60))
    assert case.server.requests == []


def test_r14_absence_is_believed_when_it_is_seen_twice_apart():
    case = Case(listing(), REFERENCE)
    first = case.resolve(case.create(), after=61)
    assert first.fate is Fate.not_yet
    assert first.missed_at == START + timedelta(seconds=61)
    assert case.resolve(case.create(), after=100, missed_after=61).fate is Fate.not_yet
    assert case.resolve(case.create(), after=121, missed_after=61).fate is Fate.absent


def test_a_searched_reference_is_found_even_if_the_server_ignores_the_parameter():
    case = Case(listing({"id": "1", "ref": "X"}, MINE, {"id": "3"}), REFERENCE)
    found = case.resolve(case.create())
    assert (found.fate, found.record and found.record.id) == (Fate.happened, "7")


def test_two_records_with_our_reference_are_for_a_person():
    case = Case(listing(MINE, {**MINE, "id": "8"}), REFERENCE)
    found = case.resolve(case.create())
    assert (found.fate, found.candidates) == (Fate.ambiguous, ("7", "8"))


def test_a_natural_key_that_is_linked_elsewhere_is_for_a_person():
    case = Case(listing(MINE), NATURAL)
    assert case.resolve(case.create()).fate is Fate.happened
    assert case.resolve(case.create(), linked="7").fate is Fate.ambiguous


def test_a_create_without_its_natural_key_is_known_by_all_that_it_holds():
    there = {"id": "7", "amount": 1.0}
    others = [{"id": "1", "amount": 2}, {"id": "2", "amount": 1}]
    case = Case(listing(*others, there), NATURAL)
    prepared = case.connection.writer("things").create({"amount": 1}, "REF")
    assert case.resolve(prepared).fate is Fate.ambiguous
    assert case.resolve(prepared, linked="2").fate is Fate.happened
    gone = Case(listing(others[0]), NATURAL)
    first = gone.resolve(prepared, linked="1")
    assert (first.fate, first.reason) == (Fate.not_yet, "not found, once")
    assert gone.resolve(prepared, after=500, missed_after=61, linked="1").fate is Fate.absent


def test_a_create_that_somebody_may_have_edited_by_now_is_for_a_person():
    edited = {**MINE, "name": "Edited At Once"}
    for idempotency in (RECENT, {**NATURAL, "property": "ref"}):
        case = Case(listing(edited), idempotency)
        prepared = case.create()
        assert case.resolve(prepared).fate is Fate.not_yet
        found = case.resolve(prepared, after=500, missed_after=61)
        assert (found.fate, found.candidates) == (Fate.ambiguous, ("7",))
        assert case.resolve(prepared, after=500, missed_after=61, linked="7").fate is Fate.absent


def test_of_what_cannot_be_read_that_which_has_an_id_is_named_and_all_else_is_said():
    nameless = {"name": "nobody gave it an id"}
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    case = Case(listing({"id": "5", "name": deep}, nameless), RECENT)
    found = case.resolve(case.create())
    assert (found.fate, found.candidates) == (Fate.ambiguous, ("5",))
    assert found.reason == "it may be one of those that cannot be read, of which some have no id"


def test_a_natural_key_without_a_parameter_is_searched_in_the_whole_list():
    natural = {"type": "natural_key", "property": "name"}
    case = Case(listing({"id": "1", "name": "x"}, MINE), natural)
    assert case.resolve(case.create()).fate is Fate.happened
    partial = Case(listing(), natural, list={"path": "things", "complete": False})
    assert partial.resolve(partial.create(), after=500, missed_after=0).fate is Fate.ambiguous


def test_a_recent_record_that_holds_what_was_sent_is_ours():
    long_ago = {**MINE, "id": "1", "created": "2026-11-17T12:00:00Z"}
    case = Case(listing(long_ago, {**MINE, "name": " ÆRLIG TALT "}), RECENT)
    found = case.resolve(case.create())
    assert (found.fate, found.record and found.record.id) == (Fate.happened, "7")
    assert case.resolve(case.create(), after=500, missed_after=61, linked="7").fate is Fate.absent


def test_a_record_like_ours_from_shortly_before_is_for_a_person():
    case = Case(listing({**MINE, "created": "2026-11-20T11:00:00Z"}), RECENT)
    assert case.resolve(case.create()).fate is Fate.ambiguous


def test_r15_a_server_whose_clock_is_behind_does_not_hide_the_record():
    late = "Fri, 20 Nov 2026 10:01:01 GMT"
    case = Case(lambda _: answer([{**MINE, "created": "2026-11-20T10:00:00Z"}], date=late), RECENT)
    case.clock.elapsed = 61
    list(case.connection.reader("things").sweep())
    assert case.resolve(case.create()).fate is Fate.happened


def test_two_recent_records_that_look_alike_are_for_a_person():
    case = Case(listing(MINE, {**MINE, "id": "8"}), RECENT)
    assert case.resolve(case.create()).fate is Fate.ambiguous


@pytest.mark.parametrize("idempotency", [RECENT, {"type": "natural_key", "property": "name"}], ids=["recent", "by its key"])
def test_one_reading_of_a_list_tells_of_all_that_was_lost(idempotency: Any):
    case = Case(listing(MINE), idempotency)
    writer, resolver = case.connection.writer("things"), case.connection.resolver("things")
    case.clock.elapsed = 61

    def resolved(name: str) -> Resolution:
        prepared = writer.create({"name": name, "amount": 1}, name)
        return resolver.resolve(prepared, Attempts(START, START), lambda _: ())

    assert resolved("Ærlig Talt").fate is Fate.happened
    assert {resolved(name).fate for name in ("Another", "A Third")} == {Fate.not_yet}
    assert len(case.server.requests) == 1


@pytest.mark.parametrize("idempotency", [RECENT, {**NATURAL, "property": "ref"}], ids=["recent", "by its key"])
def test_r14_a_list_proves_only_what_could_be_seen_when_it_was_read(idempotency: Any):
    """Another write's list is at hand, which was read before this one's record had to be in it."""
    case = Case(lambda request: answer([] if request.url.params.get("ref") else [{"id": "1", "name": "x"}]), idempotency)
    resolver, missed = case.connection.resolver("things"), START - timedelta(seconds=300)
    prepared = case.create()
    case.clock.elapsed = 61
    assert resolver.resolve(prepared, Attempts(missed, START, missed), lambda _: "1").fate is Fate.absent
    case.clock.elapsed = 100
    later = resolver.resolve(prepared, Attempts(START, START + timedelta(seconds=30), missed), lambda _: "1")
    assert (later.fate, later.again_at) == (Fate.not_yet, START + timedelta(seconds=90))
    first = case.connection.resolver("things").resolve(prepared, Attempts(START, START), lambda _: "1")
    assert first.missed_at == START + timedelta(seconds=100)


def test_a_list_that_breaks_off_proves_nothing():
    paginator = {"type": "next_link", "next": "next", "size": 2}
    entity = {"list": {"path": "things", "data_selector": "items"}}
    pages = Script(answer({"items": [{"id": "1"}], "next": "?p=2"}), answer({}, 500))
    clock = VirtualClock()
    clock.elapsed = 500
    layout = {"properties": PROPERTIES, "idempotency": REFERENCE, **entity}
    connection = connect(spec(entity=layout, paginator=paginator), Server(pages), clock)
    prepared = connection.writer("things").create({"name": "x"}, "REF")
    found = connection.resolver("things").resolve(prepared, Attempts(START, START, START), lambda _: ())
    assert found.fate is Fate.not_yet


def test_where_nothing_can_be_asked_a_person_is():
    for idempotency in ({"type": "at_most_once"}, None):
        case = Case(listing(MINE), idempotency)
        assert case.resolve(case.create()).fate is Fate.ambiguous
        assert case.server.requests == []


def test_an_api_that_is_down_is_asked_again_later():
    case = Case(Script(httpx.ConnectError("down")), REFERENCE)
    assert case.resolve(case.create()).fate is Fate.not_yet


OLD = {"id": "7", "name": "old", "updated": "2026-11-20T11:00:00.1234567Z", "version": 3}


@pytest.mark.parametrize(
    ("there", "fate"),
    [
        ({}, Fate.absent),
        ({"name": "new", "updated": "2026-11-20T12:00:00Z", "version": 4}, Fate.happened),
        ({"updated": "2026-11-20T12:00:01Z", "version": 5}, Fate.ambiguous),
        ({"name": "third", "updated": "2026-11-20T12:00:01Z", "version": 5}, Fate.ambiguous),
    ],
)
@pytest.mark.parametrize("concurrency", [{"type": "version", "property": "version"}, {"type": "compare"}])
def test_w28_a_lost_update_is_judged_by_version_or_stamp_and_not_by_value_alone(there: Any, fate: Fate, concurrency: Any):
    case = Case(Script(answer({**OLD, **there})), concurrency=concurrency)
    [prepared] = case.connection.writer("things").update(Record("7", json.dumps(OLD), OLD["updated"]), {"name": "new"})
    assert case.resolve(prepared).fate is fate


@pytest.mark.parametrize("since", [{"updated": "2026-11-20T12:00:01Z"}, {}], ids=["stamped", "of what moves no stamp"])
def test_a_lost_update_of_which_a_person_took_a_part_back_had_happened(since: Any):
    """Of an address that moves no stamp it counted as not carried out, and the part taken back was written again. Whether the
    person took one part back or made the other one, nobody knows.
    """
    old = {**OLD, "amount": 1}
    case = Case(Script(answer({**old, "amount": 2, **since})), concurrency={"type": "compare"})
    [prepared] = case.connection.writer("things").update(
        Record("7", json.dumps(old), OLD["updated"]), {"name": "new", "amount": 2}
    )
    found = case.resolve(prepared)
    assert (found.fate, found.doubtful) == (Fate.happened, ("name",))


@pytest.mark.parametrize(("since", "fate"), [({}, Fate.absent), ({"updated": "2026-11-20T12:00:01Z"}, Fate.ambiguous)])
def test_a_lost_update_of_a_spelling_that_is_as_it_was_may_have_been_put_back_by_who_edited_since(since: Any, fate: Fate):
    case = Case(Script(answer({**OLD, "name": "acme", **since})), concurrency={"type": "compare"})
    [prepared] = case.connection.writer("things").update(
        Record("7", json.dumps({**OLD, "name": "acme"}), OLD["updated"]), {"name": "Acme"}
    )
    assert case.resolve(prepared).fate is fate


def test_a_lost_update_of_a_record_without_stamps_is_judged_by_what_it_replaced():
    for there, fate in [("old", Fate.absent), ("new", Fate.happened), ("third", Fate.ambiguous)]:
        case = Case(Script(answer({"id": "7", "name": there})), modified=None)
        [prepared] = case.connection.writer("things").update(Record("7", '{"id": "7", "name": "old"}'), {"name": "new"})
        assert case.resolve(prepared).fate is fate


def test_a_lost_update_of_a_record_that_is_gone_is_for_a_person():
    case = Case(Script(answer({}, 404)))
    [prepared] = case.connection.writer("things").update(Record("7", json.dumps(OLD)), {"name": "new"})
    assert case.resolve(prepared).fate is Fate.ambiguous


def test_a_lost_delete_is_judged_by_whether_the_record_is_there():
    for response, fate in [(answer({}, 404), Fate.happened), (answer(OLD), Fate.absent)]:
        case = Case(Script(response), archive={"delete": "things/{id}"})
        [prepared] = case.connection.writer("things").archive(Record("7", json.dumps(OLD)))
        assert case.resolve(prepared).fate is fate


@pytest.mark.parametrize("kind", ["create", "update"])
def test_w22_what_was_accepted_for_later_is_never_taken_for_not_done(kind: str):
    there = {"id": "7", "name": "as it was", "updated": "2026-11-20T11:00:00Z"}
    case = Case(lambda request: answer(there if request.url.path.endswith("7") else []), REFERENCE)
    old = Record("7", json.dumps(there), there["updated"])
    [change] = case.connection.writer("things").update(old, {"name": "new"})
    queued = replace(case.create() if kind == "create" else change, accepted=True)
    assert case.resolve(queued).fate is Fate.not_yet
    found = case.resolve(queued, after=200, missed_after=61)
    assert (found.fate, "to be done later" in found.reason) == (Fate.ambiguous, True)
    assert case.server.writes() == []
