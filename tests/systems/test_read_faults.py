"""What a list or a record may do wrong (reliability catalogue R1-R41), and what is made of it."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest

from talk_assets.systems.calling.http import Bounds
from talk_assets.systems.errors import AuthFailed, BadAnswer, NoAnswer, Refused, Throttled, TooLarge
from talk_assets.systems.reading.listing import Listing
from talk_assets.systems.reading.reader import Found, Gone, Moved, Reader
from tests.systems.support import BASE, Handler, Script, Server, VirtualClock, answer, connect, drip, empty, spec

OFFSET = {"type": "offset", "offset_param": "offset", "limit_param": "limit", "size": 2, "total": "total"}
PAGES = {"type": "page_number", "page_param": "page", "size_param": "size", "size": 2}
LINKS = {"type": "next_link", "next": "next", "size": 2}
CURSOR = {"type": "cursor", "cursor_param": "cursor", "next": "next", "size": 2}
ITEMS = {"list": {"path": "things", "data_selector": "items"}, "modified": "updated"}
SINCE = {
    "list": {
        "path": "things",
        "data_selector": "items",
        "cursor": {"property": "updated", "param": "since", "comparison": ">="},
    },
    "modified": "updated",
}


def reader(handler: Handler, clock: VirtualClock | None = None, entity: Any = None, **client: Any) -> Reader:
    more = {name: client.pop(name) for name in ("bounds", "patience", "transport") if name in client}
    return connect(spec(entity=ITEMS if entity is None else entity, **client), handler, clock, **more).reader("things")


def things(*ids: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": id_, "name": f"thing {id_}", **more} for id_ in ids]


def read(listing: Listing) -> list[str]:
    return [id_ for page in listing for id_ in page.ids]


def test_r01_rows_that_shift_between_offset_pages_make_the_listing_incomplete():
    rows = things("1", "2", "3", "4", "5")

    def handler(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["offset"])
        given = answer({"items": rows[start : start + 2], "total": len(rows)})
        if start == 0:
            del rows[0]
        return given

    listing = reader(handler, paginator=OFFSET).sweep()
    assert read(listing) == ["1", "2", "4", "5"]
    assert not listing.complete
    assert "total" in listing.problems[0]


@pytest.mark.parametrize(
    "paginator",
    [PAGES, {"type": "offset", "offset_param": "offset", "limit_param": "limit", "size": 2}],
)
def test_r01_without_a_total_the_edges_of_pages_show_that_rows_moved(paginator: Any):
    rows = things("1", "2", "3", "4", "5")
    moves = [True]

    def handler(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        size = int(params.get("limit", params.get("size", 2)))
        start = int(params["offset"]) if "offset" in params else (int(params["page"]) - 1) * size
        given = answer({"items": rows[start : start + size]})
        if start == 0 and moves:
            moves.pop()
            del rows[0]
        return given

    once = reader(handler, paginator=paginator)
    listing = once.sweep()
    assert read(listing) == ["1", "2", "4", "5"]
    assert listing.problems == ["rows moved from page to page while they were read"]
    calm = once.sweep()
    assert read(calm) == ["2", "3", "4", "5"]
    assert calm.complete


@pytest.mark.parametrize(("second", "kept"), [("2026-01-02T00:00:00Z", ["new"]), ("2025-12-31T00:00:00Z", [])])
def test_r02_the_same_id_on_two_pages_keeps_the_newest_and_counts_once(second: str, kept: list[str]):
    pages = Script(
        answer({"items": things("1", updated="2026-01-01T00:00:00Z"), "next": "b"}),
        answer({"items": [{"id": "1", "name": "new", "updated": second}, {"id": "2", "name": "other"}]}),
    )
    listing = reader(pages, paginator=CURSOR).sweep()
    texts = [json.loads(text) for page in listing for text in page.texts]
    assert [text["name"] for text in texts if text["id"] == "1"] == ["thing 1", *kept]
    assert listing.repeated == 1
    assert not listing.complete


def test_r03_an_error_in_mid_list_keeps_the_pages_read_and_forbids_absence_and_cursor():
    pages = Script(answer({"items": things("1", "2", updated="2026-01-01T00:00:00Z"), "total": 4}), answer({}, 500))
    listing = reader(pages, entity=SINCE, paginator=OFFSET).changes("2025-01-01T00:00:00Z")
    assert read(listing) == ["1", "2"]
    assert isinstance(listing.failure, BadAnswer)
    assert not listing.complete
    assert listing.cursor == "2025-01-01T00:00:00Z"


def test_r03_an_error_on_the_first_page_is_raised():
    with pytest.raises(BadAnswer, match="HTTP 500"):
        read(reader(Script(answer({}, 500))).sweep())


def test_r03_a_list_that_ends_before_its_total_is_incomplete():
    pages = Script(answer({"items": things("1", "2"), "total": 5}), answer({"items": [], "total": 5}))
    listing = reader(pages, paginator=OFFSET).sweep()
    assert read(listing) == ["1", "2"]
    assert listing.problems == ["the server counts 5 records and listed 2"]


def test_r03_a_list_that_its_spec_does_not_call_complete_never_is():
    entity = {"list": {"path": "things", "data_selector": "items", "complete": False}}
    listing = reader(Script(answer({"items": things("1")})), entity=entity).sweep()
    assert read(listing) == ["1"]
    assert listing.whole
    assert not listing.complete


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("@odata.nextLink", {"@odata.nextLink": f"{BASE}/things?p=2"}),
        ("paging.next.a.b", {"paging": {"next": {"a.b": "?p=2"}}}),
    ],
)
def test_a_name_with_dots_of_its_own_leads_to_the_next_page(name: str, more: dict[str, Any]):
    handler = Script(answer({"items": things("1"), **more}), answer({"items": things("2")}))
    assert read(reader(handler, paginator={**LINKS, "next": name}).sweep()) == ["1", "2"]


def test_pages_by_number_may_be_counted_in_their_body():
    counted = {**PAGES, "total": "meta.@total"}
    pages = [answer({"items": things(*ids), "meta": {"@total": 3}}) for ids in ("12", "3")]
    server = Server(Script(*pages))
    listing = reader(server, paginator=counted).sweep()
    assert read(listing) == ["1", "2", "3"]
    assert listing.complete
    assert len(server.requests) == 2
    short = reader(Script(pages[0], answer({"items": [], "meta": {"@total": 3}})), paginator=counted).sweep()
    read(short)
    assert short.problems == ["the server counts 3 records and listed 2"]


NULLS = {"list": {"path": "things", "data_selector": "found.items", "null_when_empty": True}}


@pytest.mark.parametrize("found", ['{"items": null}', '{"items" :  null }', "{}", '{"items": []}'])
def test_a_list_that_its_system_leaves_out_where_it_is_empty_is_empty_and_whole(found: str):
    listing = reader(Script(answer(f'{{"found": {found}}}'.encode())), entity=NULLS).sweep()
    assert read(listing) == []
    assert listing.complete


@pytest.mark.parametrize(
    "body", ["{}", '{"found": null}', "null", '{"found": {"items": {}}}', '{"found": {"items": 0}}', "<html>"]
)
def test_nothing_else_is_taken_for_a_list_that_was_left_out(body: str):
    with pytest.raises(BadAnswer):
        read(reader(Script(answer(body.encode())), entity=NULLS).sweep())


def test_a_record_may_come_as_the_list_of_one():
    entity = {"get": {"path": "things/{id}", "data_selector": "items"}}
    found = reader(Script(answer({"items": [{"id": "1", "name": "a"}]})), entity=entity).one("1")
    assert isinstance(found, Found)
    assert found.record.values() == {"id": "1", "name": "a"}
    assert isinstance(reader(Script(answer([{"id": "1"}])), entity={}).one("1"), Found)
    for others in ([], things("1", "2"), things("2")):
        with pytest.raises(BadAnswer):
            reader(Script(answer({"items": others})), entity=entity).one("1")


def test_names_with_dots_say_success_totals_and_the_servers_own_words():
    totals = {**OFFSET, "total": "@odata.count"}
    page = {"items": things("1"), "@odata.count": 1, "d.ok": True}
    listing = reader(Script(answer(page)), paginator=totals, success="d.ok").sweep()
    assert read(listing) == ["1"]
    assert listing.complete
    refused = Script(answer({"d.ok": False, "odata.error": {"message": "no such list"}}))
    with pytest.raises(BadAnswer, match="no such list"):
        read(reader(refused, success="d.ok", error_message=["odata.error.message"]).sweep())


def test_r04_next_link_loop_ends_listing_incomplete():
    server = Server(Script(answer({"items": things("1"), "next": f"{BASE}/things?p=2"}), lambda _: next_page()))

    def next_page() -> httpx.Response:
        number = len(server.requests)
        return answer({"items": things(str(number)), "next": f"{BASE}/things?p=2"})

    listing = reader(server, paginator=LINKS).sweep()
    assert read(listing) == ["1", "2"]
    assert listing.problems == ["the server leads back to a page that was read already"]


def test_r04_a_server_that_ignores_the_page_number_ends_listing_incomplete():
    server = Server(Script(answer({"items": things("1", "2")})))
    listing = reader(server, paginator=PAGES).sweep()
    assert read(listing) == ["1", "2"]
    assert len(server.requests) == 2
    assert not listing.complete


def test_r04_a_list_without_end_stops_at_the_page_budget():
    counter = iter(range(1000))
    server = Server(lambda _: answer({"items": things(str(next(counter))), "next": f"t{next(counter)}"}))
    listing = reader(server, paginator=CURSOR).sweep(max_pages=5)
    assert len(read(listing)) == 5
    assert listing.problems == ["more than 5 pages"]


@pytest.mark.parametrize("asked", ["7", "7.0", "Fri, 20 Nov 2026 12:00:07 GMT"])
def test_r05_retry_after_is_obeyed_in_seconds_and_as_a_date(asked: str):
    clock = VirtualClock()
    limited = answer({}, 429, retry_after=asked, date="Fri, 20 Nov 2026 12:00:00 GMT")
    assert read(reader(Script(limited, answer({"items": things("1")})), clock).sweep()) == ["1"]
    assert clock.elapsed == pytest.approx(7, abs=0.01)


def test_r05_a_429_without_retry_after_waits_as_long_as_the_spec_says_and_a_little_more():
    clock = VirtualClock()
    handler = Script(answer({}, 429), answer({"items": []}))
    read(reader(handler, clock, retry_after_seconds=60).sweep())
    assert 60 <= clock.elapsed < 62


def test_r05_an_absurd_retry_after_gives_the_run_back():
    clock = VirtualClock()
    with pytest.raises(Throttled, match="86,400 seconds") as caught:
        read(reader(Script(answer({}, 429, retry_after="86400")), clock).sweep())
    assert caught.value.retry_after == 86400
    assert clock.elapsed == 0


@pytest.mark.parametrize("nonsense", ["-5", "soon", "1e9", "٣"])
def test_r05_a_retry_after_that_makes_no_sense_counts_as_none(nonsense: str):
    clock = VirtualClock()
    handler = Server(Script(httpx.Response(429, headers=[(b"retry-after", nonsense.encode())]), answer({"items": []})))
    read(reader(handler, clock).sweep())
    assert 0 < clock.elapsed < 3


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_r06_server_errors_are_asked_again_four_times_and_then_fail_the_stream(status: int):
    server = Server(Script(answer({}, status)))
    with pytest.raises(BadAnswer, match=str(status)):
        read(reader(server).sweep())
    assert len(server.requests) == 5


def test_r06_a_passing_server_error_is_not_noticed():
    assert read(reader(Script(answer({}, 502), answer({}, 504), answer({"items": things("1")}))).sweep()) == ["1"]


def test_r07_truncated_json_discards_the_page():
    with pytest.raises(BadAnswer, match="no list of records"):
        read(reader(Script(answer(b'{"items": [{"id": "1"}, {"id": '))).sweep())


def test_r07_fewer_bytes_than_promised_are_no_answer():
    short = httpx.Response(200, headers={"content-type": "application/json", "content-length": "500"}, content=b'{"items": []}')
    server = Server(lambda _: short)
    with pytest.raises(NoAnswer, match="500 were promised"):
        read(reader(server).sweep())
    assert len(server.requests) == 5


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "text/plain", ""])
def test_r08_html_with_200_is_an_error_and_never_zero_rows(kind: str):
    page = httpx.Response(200, headers={"content-type": kind} if kind else {}, content=b"<html>Please log in</html>")
    with pytest.raises(BadAnswer):
        read(reader(lambda _: page).sweep())


@pytest.mark.parametrize("body", [{}, [], {"error": "no"}, None, {"items": None}, {"items": {}}, {"items": "x"}, "text", 3])
def test_r09_a_body_without_a_list_of_rows_is_an_error(body: Any):
    with pytest.raises(BadAnswer):
        read(reader(Script(answer(body))).sweep())


def test_r09_an_empty_body_with_200_is_an_error():
    with pytest.raises(BadAnswer):
        read(reader(Script(httpx.Response(200))).sweep())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_r10_a_redirect_is_an_error_and_never_zero_rows(status: int):
    server = Server(lambda _: empty(status, location="https://login.example.com/"))
    with pytest.raises(BadAnswer, match="redirects"):
        read(reader(server).sweep())
    assert len(server.requests) == 1


def test_r11_an_empty_list_is_complete_and_says_so():
    listing = reader(Script(answer({"items": []}))).sweep()
    assert read(listing) == []
    assert listing.complete


def test_r15_a_stamp_from_the_servers_future_does_not_move_the_cursor():
    rows = [
        {"id": "1", "updated": "2026-11-20T11:00:00Z"},
        {"id": "2", "updated": "2099-01-01T00:00:00Z"},
    ]
    handler = Script(answer({"items": rows}, date="Fri, 20 Nov 2026 12:00:00 GMT"))
    listing = reader(handler, entity=SINCE).sweep()
    assert read(listing) == ["1", "2"]
    assert listing.cursor == "2026-11-20T11:00:00Z"


def test_r15_without_a_date_a_stamp_far_in_our_own_future_does_not_move_the_cursor():
    rows = [{"id": "1", "updated": "2026-11-20T11:00:00Z"}, {"id": "2", "updated": "2099-01-01T00:00:00Z"}]
    listing = reader(Script(answer({"items": rows})), entity=SINCE).sweep()
    read(listing)
    assert listing.cursor == "2026-11-20T11:00:00Z"


def test_r15_a_body_that_takes_long_makes_no_clock_wrong():
    clock = VirtualClock()
    slow = drip([json.dumps({"items": things("1")}).encode()], clock, 9)
    slow.headers["date"] = "Fri, 20 Nov 2026 12:00:00 GMT"
    one = reader(lambda _: slow, clock)
    assert read(one.sweep()) == ["1"]
    assert clock.elapsed == 9
    assert one.skew == timedelta()


DATES = ["Mon, 01 Jan 2026 00:00:00 +999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2300"]


@pytest.mark.parametrize("date", DATES)
def test_r15_a_date_that_no_clock_shows_is_no_date(date: str):
    rows = [{"id": "1", "updated": "2026-11-20T11:00:00Z"}]
    one = reader(Script(answer({"items": rows}, date=date)), entity=SINCE)
    listing = one.sweep()
    assert read(listing) == ["1"]
    assert (listing.whole, one.skew) == (True, timedelta())


@pytest.mark.parametrize("asked", DATES)
def test_r05_a_retry_after_of_an_impossible_date_ends_no_run(asked: str):
    server = Server(Script(answer({}, 429, retry_after=asked), answer({"items": things("1")})))
    with suppress(Throttled):
        assert read(reader(server).sweep()) == ["1"]


@pytest.mark.parametrize("beside", [b'"\xff"', b"1e400"])
def test_r09_what_cannot_be_read_beside_the_rows_is_an_error(beside: bytes):
    one = reader(lambda _: answer(b'{"ok": ' + beside + b', "items": []}'), success="ok")
    with pytest.raises(BadAnswer, match="beside the records"):
        read(one.sweep())


def test_r15_the_cursor_never_moves_back():
    handler = Script(answer({"items": [{"id": "1", "updated": "2026-01-01T00:00:00Z"}]}))
    listing = reader(handler, entity=SINCE).changes("2026-11-20T11:00:00Z")
    read(listing)
    assert listing.whole
    assert listing.cursor == "2026-11-20T11:00:00Z"


def test_r16_equal_stamps_at_the_cursor_are_asked_for_again():
    server = Server(Script(answer({"items": []})))
    entity = {**SINCE, "list": {**SINCE["list"], "cursor": {"property": "updated", "param": "since", "overlap_seconds": 0}}}
    read(reader(server, entity=entity).changes("2026-11-20T11:00:00.5Z"))
    assert server.requests[0].url.params["since"] == "2026-11-20T10:59:59Z"


def test_r17_the_overlap_reaches_back_from_the_cursor():
    server = Server(Script(answer({"items": []})))
    read(reader(server, entity=SINCE).changes("2026-11-20T11:00:00Z"))
    assert server.requests[0].url.params["since"] == "2026-11-20T10:50:00Z"


def test_r19_cursors_keep_all_seven_digits_and_queries_round_down():
    stamps = ["2026-11-20T11:00:00.1234567Z", "2026-11-20T11:00:00.1234568Z", "2026-11-20T11:00:00.12Z"]
    server = Server(Script(answer({"items": [{"id": str(n), "updated": stamp} for n, stamp in enumerate(stamps)]})))
    first = reader(server, entity=SINCE)
    listing = first.sweep()
    read(listing)
    assert listing.cursor == "2026-11-20T11:00:00.1234568Z"
    read(first.changes(listing.cursor))
    assert server.requests[1].url.params["since"] == "2026-11-20T10:50:00Z"


@pytest.mark.parametrize(
    ("stamp", "encoded", "asked"),
    [
        (1795132801_500, "unix_milliseconds", "1795132791000"),
        ("2026-11-20T00:00:01.5Z", "unix_milliseconds", "1795132791000"),
        (1795132801_500, "iso", "2026-11-19T23:59:51Z"),
        ("/Date(1795132801500+0000)/", "iso", "2026-11-19T23:59:51Z"),
    ],
)
def test_cursors_of_milliseconds_are_asked_for_in_the_words_of_the_api(stamp: Any, encoded: str, asked: str):
    template = "updated ge {since} and kind eq 'a'"
    cursor = {"property": "updated", "param": "$filter", "template": template, "encoded": encoded, "overlap_seconds": 10}
    entity = {"list": {"path": "things", "params": {"$filter": "kind eq 'a'"}, "cursor": cursor}, "modified": "updated"}
    server = Server(Script(answer(things("1", updated=stamp))))
    there = reader(server, entity=entity)
    listing = there.sweep()
    read(listing)
    assert listing.cursor
    read(there.changes(listing.cursor))
    assert [dict(request.url.params) for request in server.requests] == [
        {"$filter": "kind eq 'a'"},
        {"$filter": template.replace("{since}", asked)},
    ]


def test_r19_unix_cursors_are_rounded_down():
    cursor = {"property": "updated", "param": "since", "encoded": "unix_seconds", "overlap_seconds": 10}
    server = Server(Script(answer({"items": [{"id": "1", "updated": 1700000000.9}]})))
    entity = {"list": {"path": "things", "data_selector": "items", "cursor": cursor}}
    listing = reader(server, entity=entity).sweep()
    read(listing)
    assert listing.cursor == "1700000000.9"
    read(reader(server, entity=entity).changes(listing.cursor))
    assert server.requests[1].url.params["since"] == "1699999990"


def test_r20_an_edit_that_moves_no_stamp_changes_the_digest():
    pages = Script(*(answer({"items": [{"id": "1", "updated": "2026-01-01T00:00:00Z", "name": name}]}) for name in "ab"))
    once = reader(pages)
    first, second = ([digest for page in once.sweep() for digest in page.digests] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("status", [404, 410])
def test_r22_a_record_that_is_gone_is_told_from_one_that_cannot_be_read(status: int):
    assert reader(Script(answer({}, status))).one("7") == Gone(status)
    with pytest.raises(BadAnswer):
        reader(Script(answer({}, 500))).one("7")


def test_r26_a_property_that_is_left_out_is_not_null():
    found = reader(Script(answer({"id": "1", "amount": None}))).one("1")
    assert isinstance(found, Found)
    assert found.record.values() == {"id": "1", "amount": None}


def test_r29_an_oversized_record_is_quarantined_and_the_others_pass():
    big = {"id": "2", "name": "x" * (5 << 20)}
    listing = reader(Script(answer({"items": [*things("1"), big, *things("3")]}))).sweep()
    assert read(listing) == ["1", "3"]
    assert "larger than" in listing.unreadable[0].reason


def test_r29_a_record_nested_too_deep_is_quarantined_and_the_others_pass():
    deep: Any = "bottom"
    for _ in range(200):
        deep = [deep]
    listing = reader(Script(answer({"items": [*things("1"), {"id": "2", "name": deep}]}))).sweep()
    assert read(listing) == ["1"]
    assert [bad.id for bad in listing.unreadable] == ["2"]


def test_r29_bottomless_nesting_is_an_error_and_no_crash():
    with pytest.raises(BadAnswer, match="deep"):
        read(reader(Script(answer(b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"))).sweep())


@pytest.mark.parametrize("name", [r"\u0000", r"\ud83d", r"\ude00 x"])
def test_r30_a_nul_or_half_a_surrogate_pair_is_quarantined(name: str):
    body = b'{"items": [{"id": "1"}, {"id": "2", "name": "' + name.encode() + b'"}]}'
    listing = reader(Script(answer(body))).sweep()
    assert read(listing) == ["1"]
    assert [bad.id for bad in listing.unreadable] == ["2"]


@pytest.mark.parametrize("name", [r"\ud83d\ude00", r"\\u0000", "æøå", r"\u00e6"])
def test_r30_all_other_text_passes_as_it_came(name: str):
    body = '{"items": [{"id": "1", "name": "' + name + '"}]}'
    page = next(iter(reader(Script(answer(body.encode()))).sweep()))
    assert page.texts == ['{"id": "1", "name": "' + name + '"}']


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_r31_nan_and_infinity_cost_their_own_record_only(number: str):
    body = b'{"items": [{"id": "1", "name": "NaN"}, {"id": "2", "amount": ' + number.encode() + b"}]}"
    listing = reader(Script(answer(body))).sweep()
    assert read(listing) == ["1"]
    assert [bad.id for bad in listing.unreadable] == ["2"]


def test_r32_a_record_with_a_key_twice_is_quarantined():
    body = b'{"items": [{"id": "1", "name": "a\\":b"}, {"id": "2", "name": "x", "name": "y"}]}'
    listing = reader(Script(answer(body))).sweep()
    assert read(listing) == ["1"]
    assert "'name' is there twice" in listing.unreadable[0].reason


def test_r32_also_in_a_single_record():
    with pytest.raises(BadAnswer, match="there twice"):
        reader(Script(answer(b'{"id": "1", "name": "x", "name": "y"}'))).one("1")


@pytest.mark.parametrize("raw", ["9007199254740993", "123456789012345678901234567890", '"00123"', "-5"])
def test_r33_ids_are_text_digit_for_digit(raw: str):
    body = f'{{"items": [{{"id": {raw}}}]}}'.encode()
    assert read(reader(Script(answer(body))).sweep()) == [raw.strip('"')]


@pytest.mark.parametrize("raw", ["null", "1.5", "true", '""', "{}", "[1]"])
def test_r33_what_is_no_id_quarantines_its_record(raw: str):
    body = f'{{"items": [{{"id": "1"}}, {{"id": {raw}}}, {{}}, 7]}}'.encode()
    listing = reader(Script(answer(body))).sweep()
    assert read(listing) == ["1"]
    assert len(listing.unreadable) == 3


def test_r34_decimals_are_exact():
    found = reader(Script(answer(b'{"id": "1", "amount": 1234567890123456.78}'))).one("1")
    assert isinstance(found, Found)
    assert str(found.record.values()["amount"]) == "1234567890123456.78"


def test_r36_a_slow_drip_ends_at_the_deadline_of_the_whole_request():
    clock = VirtualClock()
    pieces = [b" "] * 1000
    with pytest.raises(NoAnswer, match="not whole after 60 seconds"):
        read(reader(lambda _: drip(pieces, clock, 0.5), clock).sweep())
    assert clock.elapsed < 5 * 61 + 40


def test_r37_a_gzip_bomb_stops_at_the_limit():
    bomb = gzip.compress(b"[" + b" " * (80 << 20) + b"]")
    assert len(bomb) < 100_000
    packed = httpx.Response(
        200, headers={"content-type": "application/json", "content-encoding": "gzip"}, stream=httpx.ByteStream(bomb)
    )
    server = Server(lambda _: packed)
    with pytest.raises(TooLarge, match="larger than 67,108,864 bytes"):
        read(reader(server).sweep())
    assert len(server.requests) == 1


def test_r37_a_stream_that_unpacks_to_nothing_stops_at_the_limit_too():
    nothing = gzip.compress(b"")

    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                yield nothing * 1000

    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    with pytest.raises(TooLarge):
        read(
            reader(lambda _: httpx.Response(200, headers=headers, stream=Endless()), bounds=Bounds(body_bytes=1 << 20)).sweep()
        )


def test_r37_packed_pages_are_unpacked():
    body = gzip.compress(json.dumps({"items": things("1")}).encode())
    halves = body[:20], body[20:]

    class Pieces(httpx.SyncByteStream):
        def __iter__(self):
            yield from halves

    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert read(reader(lambda _: httpx.Response(200, headers=headers, stream=Pieces())).sweep()) == ["1"]
    with pytest.raises(NoAnswer, match="ends too early"):
        read(reader(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(body[:-12]))).sweep())


def test_r37_a_large_page_beyond_the_limit_is_refused():
    with pytest.raises(TooLarge):
        read(reader(Script(answer({"items": things(*map(str, range(100)))})), bounds=Bounds(body_bytes=1000)).sweep())


def test_r39_a_token_that_ends_in_mid_list_is_renewed_once_and_the_page_resumed():
    tokens = iter("abc")
    answers = Script(
        answer({"items": things("1", "2"), "total": 3}),
        answer({}, 401),
        answer({"items": things("3"), "total": 3}),
    )

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return answer({"access_token": f"token-{next(tokens)}", "expires_in": 1200})
        return answers(request)

    auth = {
        "type": "oauth2_client_credentials",
        "token_url": "/token",
        "client_id": {"env": "THING_USER"},
        "client_secret": {"env": "THING_PASSWORD"},
    }
    server = Server(handler)
    listing = reader(server, auth=auth, paginator=OFFSET).sweep()
    assert read(listing) == ["1", "2", "3"]
    assert listing.complete
    sent = [request.headers["authorization"] for request in server.requests if request.method == "GET"]
    assert sent == ["Bearer token-a", "Bearer token-a", "Bearer token-b"]


def test_r39_credentials_that_stay_refused_are_said_to_be():
    with pytest.raises(AuthFailed, match="401"):
        read(reader(Script(answer({}, 401))).sweep())


def test_r40_a_record_that_moved_elsewhere_is_not_gone():
    def handler(request: httpx.Request) -> httpx.Response:
        return answer({"id": "7"}) if "invoices" in request.url.path else answer({}, 404)

    entity = {**ITEMS, "get": {"path": "things/{id}", "moved_to": {"path": "invoices/{id}", "meaning": "It was sent."}}}
    found = reader(handler, entity=entity).one("7")
    assert isinstance(found, Moved)
    assert found.meaning == "It was sent."
    assert reader(Script(answer({}, 404)), entity=entity).one("7") == Gone(404)


def test_r41_204_is_an_empty_page():
    listing = reader(Script(empty(204))).sweep()
    assert read(listing) == []
    assert listing.complete


def test_r41_404_on_a_list_is_an_error_and_never_a_deletion():
    with pytest.raises(BadAnswer, match="no such filter value") as caught:
        read(reader(Script(answer({"detail": "no such filter value"}, 404)), error_message=["detail"]).sweep())
    assert caught.value.status == 404


def test_an_answer_about_another_record_is_an_error():
    with pytest.raises(BadAnswer, match="asked for '1', got '2'"):
        reader(Script(answer({"id": "2"}))).one("1")


def test_an_api_that_says_no_with_200_is_heard():
    client = {"envelope": "data", "success": "ok", "error_message": ["why"]}
    entity = {"list": {"path": "things"}}
    with pytest.raises(BadAnswer, match="module missing"):
        read(reader(Script(answer({"data": [], "ok": False, "why": "module missing"})), entity=entity, **client).sweep())
    assert read(reader(Script(answer({"data": things("1"), "ok": True})), entity=entity, **client).sweep()) == ["1"]


def test_a_shared_endpoint_gives_each_entity_its_own_records():
    people = [{"id": "1", "person": True}, {"id": "2", "person": False}, {"id": "3"}, {"id": "4", "person": None}]
    entity = {
        **ITEMS,
        "where": {"person": [False, None]},
        "properties": {"id": {"type": "string"}, "person": {"type": "boolean"}},
    }
    listing = reader(Script(answer({"items": people})), entity=entity).sweep()
    assert read(listing) == ["2", "3", "4"]
    assert listing.complete
    found = reader(Script(answer(people[0])), entity=entity).one("1")
    assert isinstance(found, Found)
    assert not found.belongs


@pytest.mark.parametrize(
    "link", ["https://evil.example.com/things", "//evil.example.com/x", "http://api.example.com/v1/things"]
)
def test_a_next_link_to_another_origin_is_refused(link: str):
    server = Server(Script(answer({"items": things("1"), "next": link})))
    listing = reader(server, paginator=LINKS).sweep()
    assert read(listing) == ["1"]
    assert isinstance(listing.failure, Refused)
    assert len(server.requests) == 1


def paged(cut: Callable[[int], tuple[list[dict[str, Any]], dict[str, Any], dict[str, str]]]) -> Handler:
    """Pages of two out of five, laid out as `cut` says for each first index; or of one, where one is asked for."""

    def handler(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        size = int(params.get("size", params.get("limit", 2)))
        start = int(params.get("offset", params.get("from", (int(params.get("page", 1)) - 1) * size)))
        rows, beside, headers = cut(start)
        return answer({"items": rows[:1] if size == 1 else rows, **beside}, 200, **headers)

    return handler


ROWS = things("1", "2", "3", "4", "5")


@pytest.mark.parametrize("ahead", [0, 1, 4])
@pytest.mark.parametrize(
    ("paginator", "cut"),
    [
        (PAGES, lambda at: (ROWS[at : at + 2], {}, {})),
        ({**PAGES, "parallel": True}, lambda at: (ROWS[at : at + 2], {}, {})),
        ({**PAGES, "until": "empty_page"}, lambda at: (ROWS[at : at + 2], {}, {})),
        (
            {**PAGES, "until": "header", "header": "X-Pagination"},
            lambda at: (ROWS[at : at + 2], {}, {"x_pagination": json.dumps({"nextPageLink": "x" if at < 4 else None})}),
        ),
        (
            {**PAGES, "until": "link_header", "total_header": "X-Total-Count"},
            lambda at: (
                ROWS[at : at + 2],
                {},
                {"link": '</x>; rel="next"' if at < 4 else '</x>; rel="prev"', "x_total_count": "5"},
            ),
        ),
        (OFFSET, lambda at: (ROWS[at : at + 2], {"total": 5}, {})),
        ({**OFFSET, "parallel": True}, lambda at: (ROWS[at : at + 2], {"total": 5}, {})),
        ({**OFFSET, "size": 3, "parallel": True}, lambda at: (ROWS[at : at + 2], {"total": 5}, {})),
        (LINKS, lambda at: (ROWS[at : at + 2], {"next": f"?from={at + 2}" if at < 4 else None}, {})),
        (
            {"type": "next_link", "size": 2},
            lambda at: (ROWS[at : at + 2], {}, {"link": f"<?from={at + 2}>; rel=next"} if at < 4 else {}),
        ),
        ({**CURSOR, "cursor_param": "from"}, lambda at: (ROWS[at : at + 2], {"next": at + 2 if at < 4 else None}, {})),
    ],
)
def test_every_way_of_paging_reads_everything_in_order(paginator: Any, cut: Any, ahead: int):
    listing = reader(paged(cut), paginator=paginator).sweep(ahead=ahead)
    assert read(listing) == ["1", "2", "3", "4", "5"]
    assert listing.problems == []
    assert listing.complete


def test_pages_ahead_stop_when_nobody_reads_on():
    server = Server(paged(lambda at: ([{"id": str(at)}, {"id": str(at + 1)}], {"total": 1000}, {})))
    pages = iter(reader(server, paginator={**OFFSET, "parallel": True}).sweep(ahead=3))
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    assert len(server.requests) < 10


def test_a_page_size_never_exceeds_what_the_api_allows():
    server = Server(Script(answer({"items": []})))
    read(reader(server, paginator={**PAGES, "size": 500, "max_size": 200}).sweep())
    assert server.requests[0].url.params["size"] == "200"
