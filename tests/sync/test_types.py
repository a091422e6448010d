"""A value that is read, kept in the hub, and written to another record is the same JSON again (I28)."""

import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talk_assets.hub import Hub, open_hub
from talk_assets.hub.packing import pack, unpack
from talk_assets.hub.tables import records, shapes
from talk_assets.sync.meaning.decode import Decoder
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.writing.prepare import value_of
from talk_assets.systems import stamps, strict_json
from talk_assets.systems.encode import encode
from talk_assets.systems.errors import CannotWrite
from tests.specs.samples import ALPHA, BETA
from tests.sync.support import flow, model

KINDS = ("text", "integer", "decimal", "boolean", "date", "datetime", "json", "price")
_SAID = {"text": "type: string", "price": "type: decimal, encoded: text"}
_MORE = "".join(f"      {kind}: {{{_SAID.get(kind, f'type: {kind}')}}}\n" for kind in KINDS)


@cache
def entity() -> EntityModel:
    """With a mapped property of every type."""
    alpha, beta = (text.replace("    properties:\n", f"    properties:\n{_MORE}", 1) for text in (ALPHA, BETA))
    rows = [f"[{kind}, {kind}]" for kind in KINDS]
    return model(flow(*rows), alpha=alpha, beta=beta).entities["alpha.company"]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with open_hub(":memory:") as one:
        yield one


def through(hub: Hub, body: str) -> dict[str, Any]:
    """What would be written of a record that was read: by property, as parsed JSON; what says nothing is missing."""
    shown = entity()
    frame = Decoder(shown).columns(pl.Series([body]))

    def keep() -> None:
        shape = shapes.shape_of(hub, shown.key, shown.columns, ())
        row = pl.DataFrame(
            {"entity": [shown.key], "id": ["1"], "body": [body], "digest": pl.Series([hash(body) % 2**64], dtype=pl.UInt64)}
        )
        records.upsert(hub, row.with_columns(shape=pl.lit(shape.number), vals=pack(frame, shown.columns)))

    hub.run(keep)
    kept = records.of(hub, pl.DataFrame({"entity": [shown.key], "id": ["1"]}), ["vals", "body"])
    assert kept["body"].item() == body
    texts = unpack(kept["vals"], shown.columns).row(0, named=True)
    sent = {
        path: encode(shown.prop(path), value_of(shown.prop(path), text))
        for path, text in texts.items()
        if text is None or not text.startswith(("\x00", "\x01"))
    }
    return strict_json.loads(strict_json.dumps(sent))


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text.strip() != "")


@settings(max_examples=60)
@given(
    text=TEXT,
    integer=st.integers(-(10**40), 10**40),
    number=st.decimals(allow_nan=False, allow_infinity=False, places=6),
    flag=st.booleans(),
    day=st.dates(),
)
def test_i28_values_of_every_type_come_back_through_the_hub(hub: Hub, text, integer, number, flag, day):
    body = strict_json.dumps(
        {"text": text, "integer": integer, "decimal": number, "boolean": flag, "date": day.isoformat()}
    ).decode()
    back = through(hub, body)
    assert back["text"] == unicodedata.normalize("NFC", text)
    assert (back["integer"], back["boolean"], back["date"]) == (integer, flag, day.isoformat())
    assert Decimal(back["decimal"]) == number


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-03-29T02:30:00+02:00",
        "2026-11-21T06:15:12.3456789Z",
        "2026-11-21T06:15:12.3456789+05:30",
        "2026-11-21T06:15:12.1Z",
        "1999-12-31T23:59:59.999999-11:00",
    ],
)
def test_i28_moments_come_back_to_the_last_digit(hub: Hub, stamp: str):
    back = through(hub, f'{{"datetime": "{stamp}"}}')["datetime"]
    assert stamps.instant(back) == stamps.instant(stamp)


@pytest.mark.parametrize(
    "number", ["9007199254740993", "18446744073709551615", "-9223372036854775808", "123456789012345678901234567890"]
)
def test_i28_whole_numbers_of_any_length_come_back(hub: Hub, number: str):
    assert str(through(hub, f'{{"integer": {number}}}')["integer"]) == number


@pytest.mark.parametrize(
    "number", ["1234567890123456.78", "0.1", "1.10", "-0.000001", "1E+3", "79228162514264337593543950335.5"]
)
def test_i28_amounts_come_back_to_the_last_digit(hub: Hub, number: str):
    assert Decimal(str(through(hub, f'{{"decimal": {number}}}')["decimal"])) == Decimal(number)


@pytest.mark.parametrize("number", ["1234567890123456.78", "0.10", "-0.000001", "79228162514264337593543950335.5"])
def test_i28_amounts_that_are_shown_as_text_come_back_as_text(hub: Hub, number: str):
    back = through(hub, f'{{"price": "{number}"}}')["price"]
    assert isinstance(back, str)
    assert Decimal(back) == Decimal(number)


@pytest.mark.parametrize("value", ['{"b": [1, 2.50, null], "a": {"x": "y"}}', "[]", '"text"', "9007199254740993", "false"])
def test_i28_what_is_json_comes_back_as_it_was(hub: Hub, value: str):
    assert strict_json.in_order(through(hub, f'{{"json": {value}}}')["json"]) == strict_json.in_order(strict_json.loads(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"json": {"a": [1], "b": {"c": 1, "d": 2}}}', '{"json": {"b": {"d": 2, "c": 1}, "a": [1]}}'),
        ('{"decimal": -0.0}', '{"decimal": 0}'),
        ('{"price": "-0.00"}', '{"price": "0"}'),
        ('{"decimal": -0E+5}', '{"decimal": 0.0}'),
    ],
)
def test_what_is_equal_is_the_same_text(one: str, other: str):
    """A server that told the members of an object in another order, or the sign of nothing, was taken for one who edits."""
    first, second = Decoder(entity()).columns(pl.Series([one, other])).rows()
    assert first == second


def test_a_number_that_is_too_long_to_be_read_cannot_be_written():
    """It ended every run."""
    with pytest.raises(CannotWrite, match="'1111"):
        value_of(entity().prop("integer"), "1" * 5_000)


def test_i28_null_is_null_and_what_is_absent_says_nothing(hub: Hub):
    assert through(hub, '{"text": null, "integer": null}') == {"text": None, "integer": None}


def test_i28_an_empty_text_says_what_null_says(hub: Hub):
    assert through(hub, '{"text": ""}') == {"text": None}


@pytest.mark.parametrize(
    "text", ["007", "true", "null", "1e5", "2026-01-01", "Bl\u00e5b\u00e6r \U0001f600", "a\tb\nc", "\u200b", '"', "\\u0000"]
)
def test_i28_texts_are_never_taken_for_something_else(hub: Hub, text: str):
    assert through(hub, strict_json.dumps({"text": text}).decode())["text"] == text


@pytest.mark.parametrize(
    "body", ['{"integer": 1.5}', '{"decimal": "1.5"}', '{"boolean": 1}', '{"date": "tomorrow"}', '{"text": 7}']
)
def test_i28_what_is_of_another_type_is_not_written(hub: Hub, body: str):
    assert through(hub, body) == {}
