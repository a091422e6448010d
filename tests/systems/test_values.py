"""Types survive the way in and out (R22, R25, R33-R35, I28)."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import ValidationError

from talk_assets.specs.property import Property
from talk_assets.specs.reading import ChangedSince
from talk_assets.systems import stamps, strict_json
from talk_assets.systems.encode import alike, decode, decode_record, encode, raw_at
from talk_assets.systems.errors import BadRecord, CannotWrite, Mistyped, TooLarge
from talk_assets.systems.reading import rows
from talk_assets.systems.reading.likeness import likeness
from tests.systems.support import Script, answer, connect, spec


def prop(kind: str, **more: Any) -> Property:
    return Property.model_validate({"type": kind, **more})


MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(
    st.one_of(
        st.tuples(st.just("string"), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
        st.tuples(st.just("integer"), st.integers(-(10**30), 10**30)),
        st.tuples(st.just("decimal"), st.decimals(allow_nan=False, allow_infinity=False)),
        st.tuples(st.just("boolean"), st.booleans()),
        st.tuples(st.just("date"), st.dates()),
        st.tuples(st.just("datetime"), MOMENTS),
    )
)
def test_i28_values_come_back_as_they_were(case: tuple[str, Any]):
    kind, value = case
    text = strict_json.dumps({"it": encode(prop(kind), value)})
    assert decode(prop(kind), strict_json.loads(text)["it"]) == value


COUNTED = ["unix_seconds", "unix_milliseconds", "in_slashes"]


@given(st.dates(min_value=date(1, 1, 1)), st.sampled_from(COUNTED))
def test_i28_dates_that_are_counted_come_back_as_they_were(value: date, encoded: str):
    counted = prop("date", encoded=encoded)
    assert decode(counted, encode(counted, value)) == value


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(COUNTED))
def test_i28_moments_that_are_counted_come_back_as_exact_as_they_are_counted(value: datetime, encoded: str):
    counted = prop("datetime", encoded=encoded)
    kept = 0 if encoded == "unix_seconds" else value.microsecond // 1000 * 1000
    assert decode(counted, encode(counted, value)) == value.replace(microsecond=kept)


@pytest.mark.parametrize(
    ("encoded", "raw"),
    [
        ("unix_milliseconds", "1795132800000"),
        ("unix_milliseconds", 10**15),
        ("unix_seconds", 1795132800000),
        ("in_slashes", 1795132800000),
        ("in_slashes", "1795132800000"),
        ("in_slashes", "2026-11-20"),
        ("in_slashes", "/Date(soon)/"),
    ],
)
def test_moments_that_are_counted_otherwise_than_declared_do_not_fit(encoded: str, raw: Any):
    for kind in ("date", "datetime"):
        with pytest.raises(Mistyped):
            decode(prop(kind, encoded=encoded), raw)


def test_the_offset_beside_a_moment_in_slashes_moves_nothing():
    assert decode(prop("datetime", encoded="in_slashes"), "/Date(1795132800000-0400)/") == datetime(2026, 11, 20, tzinfo=UTC)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6) | st.integers(-(10**40), 10**40).map(Decimal))
def test_i28_numbers_that_an_api_shows_as_text_come_back_as_text(value: Decimal):
    price = prop("decimal", encoded="text")
    written = encode(price, value)
    assert isinstance(written, str)
    assert "E" not in written
    assert decode(price, written) == value
    whole = prop("integer", encoded="text")
    assert decode(whole, encode(whole, int(value))) == int(value)


@pytest.mark.parametrize(
    "raw", ["12,50", " 12.50", "1_000", "NaN", "Infinity", "abc", "1.", "0x1", "\u0661", 12.5, 12, True, ["1"]]
)
def test_r25_what_is_no_number_in_a_text_holds_its_property(raw: Any):
    with pytest.raises(Mistyped):
        decode(prop("decimal", encoded="text"), raw, "price")


@pytest.mark.parametrize(
    ("raw", "value"), [("12.50", Decimal("12.5")), ("-0.1", Decimal("-0.1")), ("1E+3", Decimal(1000)), ("", None)]
)
def test_numbers_in_texts_are_read_as_the_numbers_they_are(raw: str, value: Decimal | None):
    assert decode(prop("decimal", encoded="text"), raw) == value


@pytest.mark.parametrize(("kind", "encoded"), [("string", "text"), ("decimal", "unix_seconds"), ("date", "lower_case")])
def test_a_way_to_write_a_value_is_refused_where_it_means_nothing(kind: str, encoded: str):
    with pytest.raises(ValidationError, match=f"`encoded: {encoded}` is for"):
        prop(kind, encoded=encoded)


STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | STORABLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STORABLE, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(STORABLE, JSON, max_size=4))
def test_i28_any_json_is_written_back_value_for_value(record: dict[str, Any]):
    text = strict_json.dumps(record).decode()
    again = strict_json.loads(text)
    assert again == record
    assert strict_json.dumps(again).decode() == text


@pytest.mark.parametrize("text", ["1.10", "1234567890123456.78", "-0.0", "1E-7", "0.1", "100", "9007199254740993", "1e400"])
def test_r34_numbers_keep_their_value(text: str):
    value = strict_json.loads(f'{{"n": {text}}}')["n"]
    assert Decimal(value) == Decimal(text)
    assert Decimal(json.loads(strict_json.dumps({"n": value}), parse_float=Decimal)["n"]) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "[Infinity]",
        '{"a": 1, "a": 1}',
        '{"a": {"b": 1, "b": 2}}',
        "{",
        "",
        "[1,]",
        "'a'",
        r'"\ud800"',
        r'["\u0000"]',
        "[1] 2",
        "{a: 1}",
    ],
)
def test_strict_json_takes_nothing_else(text: str):
    with pytest.raises(BadRecord):
        strict_json.loads(text)


def test_strict_json_is_not_deep():
    strict_json.loads("[" * 100 + "]" * 100)
    strict_json.loads('"' + "[" * 1000 + '"')
    with pytest.raises(TooLarge):
        strict_json.loads("[" * 101 + "]" * 101)


@pytest.mark.parametrize("blank", [" ", "\t", "\r\n"])
def test_a_key_that_is_there_twice_is_found_however_it_is_spaced(blank: str):
    sound, twice = '{"a":1}', f'{{"a"{blank}:1,"a":2}}'
    assert not strict_json.is_strict(twice)
    assert not likeness([msgspec.Raw(text.encode()) for text in (sound, twice)], f"[{sound},{twice}]".encode())


@given(st.text(alphabet='{}[]":,ab\\ 1', max_size=30))
def test_repeated_keys_are_found_as_a_strict_parser_finds_them(text: str):
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise KeyError
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=unique)
    except KeyError:
        assert not strict_json.is_strict(text)
    except ValueError:
        pass
    else:
        assert strict_json.is_strict(text)


BLANKS = st.sampled_from(["", "", "", " ", "\n"])
KEYS = st.sampled_from(["a", "b", "\\u0061", 'a\\":', "a'"])
SCALARS = st.sampled_from(["1", "null", '"x"', '"{\\":["', "[]", '[{"a":1}]', "{}"])


def objects(values: SearchStrategy[str]) -> SearchStrategy[str]:
    pairs = st.lists(st.tuples(KEYS, BLANKS, values), max_size=3)
    return pairs.map(lambda found: "{" + ",".join(f'"{key}"{blank}:{value}' for key, blank, value in found) + "}")


@given(st.lists(objects(SCALARS | objects(SCALARS)), max_size=4), st.booleans())
def test_objects_that_are_alike_have_no_key_twice_and_no_lists(found: list[str], again: bool):
    texts = found * 2 if again else found
    is_alike = likeness([msgspec.Raw(text.encode()) for text in texts], f"[{','.join(texts)}]".encode())
    if is_alike:
        assert all(map(strict_json.is_strict, texts))
        values = [strict_json.loads(text) for text in texts]
        assert len({shown(value) for value in values}) == 1
    elif again and len(found) == 1:
        # As far as it is not clear at once, they are looked at more closely.
        assert any(sign in found[0] for sign in ("[", ":{}", '\\"')) or not strict_json.is_strict(found[0])


def shown(value: Any) -> Any:
    return frozenset((key, shown(inner)) for key, inner in value.items()) if isinstance(value, dict) else None


def test_a_page_of_objects_that_are_alike_needs_no_closer_look():
    page = [{"id": number, "address": {"city": "Oslo", "line": None}} for number in range(3)]
    raws = [msgspec.Raw(msgspec.json.encode(one)) for one in page]
    assert likeness(raws, msgspec.json.encode(page))
    assert not likeness(raws, msgspec.json.encode([*page[:2], {"id": 1, "address": {"city": "Oslo", "line": {}}}]))
    assert not likeness([], b"[]")


@pytest.mark.parametrize(
    "value", ["01", "1.", "-", "NaN", "tru", "1 2", "0x1", '"\\x"', '"\\u12"', '"\\ud800"', '"\n"', '"', '""x']
)
def test_what_is_no_json_is_like_nothing(value: str):
    sound, other = b'{"a":1,"b":2}', f'{{"a":{value},"b":2}}'.encode()
    assert not likeness([msgspec.Raw(sound), msgspec.Raw(other)], b"[" + sound + b"," + other + b"]")


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("string", 5),
        ("string", True),
        ("string", ["a"]),
        ("integer", "5"),
        ("integer", Decimal("1.5")),
        ("integer", True),
        ("decimal", "1.5"),
        ("decimal", False),
        ("boolean", 0),
        ("boolean", "true"),
        ("date", "20.11.2026"),
        ("date", "2026-11-20x"),
        ("date", 5),
        ("datetime", "yesterday"),
        ("datetime", "2026-13-01T00:00:00Z"),
    ],
)
def test_r25_a_value_of_another_type_holds_its_property_and_no_other(kind: str, raw: Any):
    with pytest.raises(Mistyped):
        decode(prop(kind), raw, "it")
    entity = spec(entity={"properties": {"id": {"type": "string"}, "it": {"type": kind}, "name": {"type": "string"}}})
    found = decode_record(entity.entities["things"], {"id": "1", "it": raw, "name": "x"}, "UTC")
    assert found.values == {"id": "1", "name": "x"}
    assert found.mistyped.keys() == {"it"}


def test_r26_absent_null_and_hidden_are_three_things():
    properties = {
        "id": {"type": "string"},
        "a": {"type": "string"},
        "b": {"type": "string"},
        "secret": {"type": "string", "hidden_as": "hidden"},
        "mail.city": {"type": "string"},
        "post.city": {"type": "string"},
    }
    entity = spec(entity={"properties": properties}).entities["things"]
    found = decode_record(entity, {"id": "1", "a": None, "secret": "hidden", "mail": None}, "UTC")
    assert found.values == {"id": "1", "a": None, "mail.city": None}
    assert found.mistyped == {}


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [("integer", {"empty_as": 0}, 0), ("integer", {"empty_as": 0, "encoded": "text"}, "0"), ("string", {"empty_as": ""}, "")],
)
def test_a_reference_is_emptied_as_its_system_says_it(kind: str, more: dict[str, Any], said: Any):
    owner = prop(kind, references=["people"], **more)
    assert encode(owner, None) == said
    assert decode(owner, said) is None
    assert decode(owner, None) is None


@pytest.mark.parametrize(
    ("kind", "more", "value"),
    [
        ("date", {"empty_as": "0001-01-01"}, date(2026, 11, 20)),
        ("datetime", {"empty_as": "0001-01-01T00:00:00Z"}, datetime(2026, 11, 20, tzinfo=UTC)),
        ("date", {"empty_as": 0, "encoded": "unix_seconds"}, date(2026, 11, 20)),
        ("date", {"empty_as": ""}, date(2026, 11, 20)),
        ("decimal", {"empty_as": ""}, Decimal("12.5")),
        ("decimal", {"empty_as": "", "encoded": "text"}, Decimal("12.5")),
        ("string", {"empty_as": ""}, "text"),
        ("string", {"empty_as": "none", "values": ["a", "b"]}, "a"),
    ],
)
def test_any_value_is_emptied_as_its_system_says_it(kind: str, more: dict[str, Any], value: Any):
    it = prop(kind, **more)
    assert encode(it, None) == more["empty_as"]
    assert decode(it, more["empty_as"]) is None
    assert decode(it, None) is None
    assert decode(it, encode(it, value)) == value


def test_a_flag_is_not_the_number_that_stands_for_nothing():
    with pytest.raises(Mistyped):
        decode(prop("integer", references=["people"], empty_as=0), raw=False)


def test_dates_lose_the_time_of_day_that_some_servers_add():
    assert decode(prop("date"), "2026-11-20T00:00:00") == date(2026, 11, 20)
    assert decode(prop("date"), "2026-11-20T00:00:00+01:00") == date(2026, 11, 20)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("2026-11-20T12:00:00.1234567+01:00", datetime(2026, 11, 20, 11, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-20 12:00:00+0100", datetime(2026, 11, 20, 11, tzinfo=UTC)),
        ("2026-11-20T12:00", datetime(2026, 11, 20, 11, tzinfo=UTC)),
        ("2026-07-20T12:00:00", datetime(2026, 7, 20, 10, tzinfo=UTC)),
    ],
)
def test_r35_stamps_are_read_in_their_zone(text: str, moment: datetime):
    assert decode(prop("datetime"), text, "it", "Europe/Oslo") == moment


@pytest.mark.parametrize("text", ["2026-10-25T02:30:00", "2026-03-29T02:30:00"])
def test_r35_an_hour_that_happens_twice_or_never_holds_the_property(text: str):
    with pytest.raises(Mistyped, match="twice or never"):
        decode(prop("datetime"), text, "it", "Europe/Oslo")


ZONES = st.sampled_from(["UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])


@given(MOMENTS | st.datetimes(datetime(2026, 10, 24, 22), datetime(2026, 10, 25, 4), timezones=st.just(UTC)), ZONES)  # noqa: DTZ001
def test_i28_what_is_written_is_read_as_the_same_moment_in_every_zone(moment: datetime, zone: str):
    written = encode(prop("datetime"), moment, "it", zone)
    assert decode(prop("datetime"), written, "it", zone) == moment
    finer = f"{moment:%Y-%m-%dT%H:%M:%S}.1234567Z"
    assert stamps.instant(encode(prop("datetime"), finer, "it", zone), zone) == stamps.instant(finer)
    again = encode(prop("datetime"), decode(prop("datetime"), written, "it", zone), "it", zone)
    assert again == written


@pytest.mark.parametrize(
    ("stamp", "zone", "written"),
    [
        ("2026-11-20T11:00:00Z", "Europe/Oslo", "2026-11-20T12:00:00"),
        ("2026-07-20T10:00:00.5Z", "Europe/Oslo", "2026-07-20T12:00:00.5"),
        ("2026-10-25T00:30:00Z", "Europe/Oslo", "2026-10-25T02:30:00+02:00"),
        ("2026-10-25T01:30:00Z", "Europe/Oslo", "2026-10-25T02:30:00+01:00"),
        ("2026-03-29T01:30:00Z", "Europe/Oslo", "2026-03-29T03:30:00"),
        ("2026-11-20T12:00:00", "Europe/Oslo", "2026-11-20T12:00:00"),
        ("9999-12-31T23:59:59Z", "Europe/Oslo", "9999-12-31T23:59:59Z"),
        ("2026-11-20T11:00:00Z", "UTC", "2026-11-20T11:00:00Z"),
    ],
)
def test_r35_stamps_are_written_as_a_system_shows_its_own(stamp: str, zone: str, written: str):
    assert encode(prop("datetime"), stamp, "it", zone) == written


@pytest.mark.parametrize(
    ("held", "written"),
    [
        ("2026-01-01T09:00:00Z", "2026-11-20T11:00:00Z"),
        ("2026-01-01T09:00:00+01:00", "2026-11-20T11:00:00Z"),
        ("2026-01-01T09:00:00", "2026-11-20T12:00:00"),
        (None, "2026-11-20T12:00:00"),
    ],
)
def test_r35_where_a_record_shows_an_offset_it_is_given_one(held: str | None, written: str):
    assert encode(prop("datetime"), "2026-11-20T11:00:00Z", "it", "Europe/Oslo", held) == written


def test_r35_a_write_tells_times_in_the_zone_of_its_system():
    shop = spec(
        entity={"properties": {"id": {"type": "string"}, "at": {"type": "datetime"}}}, system={"time_zone": "Europe/Oslo"}
    )
    writer = connect(shop, Script(answer({}))).writer("things")
    assert strict_json.loads(writer.create({"at": "2026-11-20T11:00:00Z"}, "r").body or "") == {"at": "2026-11-20T12:00:00"}


def test_r35_a_local_cursor_stays_local_and_errs_on_the_early_side():
    cursor = (
        spec(entity={"list": {"path": "x", "cursor": {"property": "updated", "param": "since"}}}).entities["things"].list.cursor
    )
    assert cursor is not None
    assert stamps.since("2026-11-20T12:00:00", cursor, "Europe/Oslo") == "2026-11-20T11:50:00"
    assert stamps.since("2026-10-25T02:30:00", cursor, "Europe/Oslo") == "2026-10-25T01:20:00"


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-01:00", "-62135596801", "253402300800"])
def test_a_moment_outside_of_the_years_that_can_be_told_is_none(stamp: str):
    assert stamps.instant(stamp) is None


def test_the_last_moment_that_can_be_told_keeps_its_digits():
    last = stamps.instant("9999-12-31T23:59:59.9999999Z")
    assert last
    assert last.at() == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "America/New_York"])
def test_a_system_that_stamps_never_with_the_first_moment_is_asked_from_there(zone: str):
    cursor = ChangedSince(property="at", param="since")
    assert stamps.since("0001-01-01T00:00:00Z", cursor, zone) == "0001-01-01T00:00:00Z"
    assert stamps.since("0001-01-02T00:00:00", cursor, zone) == "0001-01-01T00:00:00"


@given(MOMENTS, st.integers(0, 9_999_999), st.integers(0, 7), st.sampled_from([0, 60, -330]))
def test_r19_stamps_compare_by_every_digit(moment: datetime, part: int, digits: int, offset: int):
    there = moment.astimezone(timezone(timedelta(minutes=offset)))
    fraction = f".{part:07}"[: digits + 1] if digits else ""
    zone = there.strftime("%z")
    text = f"{there:%Y-%m-%dT%H:%M:%S}{fraction}{zone[:3]}:{zone[3:]}"
    found = stamps.instant(text)
    assert found is not None
    assert found.second == int(moment.replace(microsecond=0).timestamp())
    assert found.part == Decimal(f"0{fraction or '.0'}")
    newest = stamps.newest([text, "1970-01-01T00:00:00Z"], "UTC")
    assert newest == text


@given(
    st.lists(
        st.sampled_from(
            [
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:00:00.1Z",
                "2026-01-01T00:00:00.10Z",
                "2026-01-01T01:00:00.5+01:00",
                "2026-01-01T00:00:01Z",
                None,
                "junk",
            ]
        ),
        min_size=1,
    )
)
def test_the_newest_stamp_is_the_newest(texts: list[str | None]):
    newest = stamps.newest(texts, "UTC")
    known = [moment for text in texts if text and (moment := stamps.instant(text))]
    assert (stamps.instant(newest) if newest else None) == max(known, default=None)


def test_codes_in_lower_case_are_upper_case_here():
    currency = prop("string", encoded="lower_case")
    assert decode(currency, "nok") == "NOK"
    assert encode(currency, "NOK") == "nok"


def test_alike_forgives_what_normalisers_do_and_nothing_else():
    name = prop("string")
    assert alike(name, "Blåbær  AS", " BLÅBÆR as ")
    assert alike(name, "é", "e\u0301")
    assert alike(name, "", None)
    assert not alike(name, "Blåbær", "Blabar")
    assert alike(prop("decimal"), 1, Decimal("1.00"))
    assert not alike(prop("decimal"), 1, "x")


def test_a_float_is_written_as_it_prints():
    assert encode(prop("decimal"), 0.1) == Decimal("0.1")
    with pytest.raises(CannotWrite):
        encode(prop("decimal"), float("nan"))


def test_raw_values_below_null_are_null():
    assert raw_at({"a": None}, "a.b.c") is None


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers(0, 10**25) | st.text(min_size=1, max_size=8),
                "n": st.decimals(allow_nan=False, allow_infinity=False),
                "name": st.text(max_size=8),
            }
        ),
        max_size=8,
    )
)
def test_splitting_a_page_keeps_every_record_as_it_was_written(records: list[dict[str, Any]]):
    try:
        texts = [strict_json.dumps(record).decode() for record in records]
    except UnicodeEncodeError:
        return
    layout = rows.Layout(("d", "items"), None, "id", None, {})
    body = f'{{"d": {{"items": [{", ".join(texts)}]}}, "more": 1}}'.encode()
    found = rows.read_rows(rows.take_apart(body, layout), layout)
    kept = [(str(record["id"]), text) for record, text in zip(records, texts, strict=True) if not strict_json.unstorable(text)]
    assert list(zip(found.ids, found.texts, strict=True)) == kept
    assert found.digests == [rows.digest(text) for _, text in kept]
