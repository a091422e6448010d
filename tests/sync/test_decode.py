"""Records of a page that are built alike are decoded together, to the texts that each alone is decoded to."""

import json
import re
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from talk_assets.sandbox.shape import nest
from talk_assets.sync.meaning.decode import Decoder
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.systems.reading.rows import Layout, Rows, read_rows, take_apart
from tests.specs.samples import ALPHA, BETA
from tests.sync.support import flow, model

KINDS = {
    "text": "type: string",
    "upper": "type: string, encoded: lower_case",
    "secret": "type: string, hidden_as: '***'",
    "choice": "type: string, values: {a: one, b: two}",
    "whole": "type: integer",
    "amount": "type: decimal",
    "price": "type: decimal, encoded: text",
    "stock": "type: integer, encoded: text",
    "owner": "type: integer, references: [contact], empty_as: 0",
    "seller": "type: string, references: [contact], empty_as: none",
    "flag": "type: boolean",
    "day": "type: date",
    "visited": "type: date, empty_as: 0001-01-01",
    "spent": "type: decimal, empty_as: '', encoded: text",
    "moment": "type: datetime",
    "second": "type: datetime, encoded: unix_seconds",
    "free": "type: json",
    "address.city": "type: string",
    "address.at.floor": "type: integer",
    "address.at.rent": "type: decimal",
    "only.rent": "type: decimal",
}
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 2**63, 2**64, -(2**63) - 1, 10**30])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"amount": 5', '"rent":', "***", "a", "b", "é", "e\u0301", "null", "2026-11-22", "2026-02-30T25:00:00Z", "\\", "\u2028"]
)
DAYS = st.dates().map(str)
MOMENTS = st.datetimes().map(lambda one: f"{one.isoformat()}Z")
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.sampled_from(
    [Decimal("1E+3"), Decimal("-0.10"), Decimal("12345678901234567890.123456789"), Decimal("0E-7")]
)
ANYTHING = TEXTS | NUMBERS | AMOUNTS | st.booleans() | st.none() | st.just({}) | st.just([1])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("text", "upper", "secret", "choice", "address.city"), TEXTS),
    **dict.fromkeys(("whole", "owner", "second", "address.at.floor"), NUMBERS),
    **dict.fromkeys(("amount", "address.at.rent", "only.rent"), AMOUNTS | NUMBERS),
    "price": AMOUNTS.map(str) | NUMBERS.map(str) | st.just(""),
    "stock": NUMBERS.map(str) | st.just("1.0"),
    "seller": TEXTS | st.just("none"),
    "visited": DAYS | st.just("0001-01-01"),
    "spent": AMOUNTS.map(str) | st.just(""),
    **{"flag": st.booleans(), "day": DAYS, "moment": MOMENTS, "free": ANYTHING},
}


@cache
def entity(*without: str) -> EntityModel:
    """With a property of every kind, but for some."""
    more = "".join(f"      {path}: {{{said}}}\n" for path, said in KINDS.items())
    alpha, beta = (text.replace("    properties:\n", f"    properties:\n{more}", 1) for text in (ALPHA, BETA))
    beta = beta.replace("references: [contact]", "references: [person]")
    rows = [f"[{path}, {path}]" for path in KINDS if path not in without]
    return model(flow(*rows), alpha=alpha, beta=beta).entities["alpha.company"]


def read(body: str) -> Rows:
    """A page as a listing reads it."""
    ref = entity().ref
    layout = Layout.of(ref.spec, ref.system.clients["api"])
    return read_rows(take_apart(body.encode(), layout), layout)


def written(page: list[dict[str, Any]], *, spaced: bool = False, plain: bool = False) -> str:
    """As JSON, with the digits that decimals have."""
    text = json.dumps(
        page, default=lambda one: f"<number {one}>", ensure_ascii=plain, separators=(" , ", " : ") if spaced else None
    )
    return re.sub('"<number ([^>]+)>"', r"\1", text)


@st.composite
def pages(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Records with the same properties, here and there with a value that its property does not allow."""
    paths = draw(st.lists(st.sampled_from(list(KINDS)), unique=True))
    strange = draw(st.sampled_from([None, None, *paths]))
    kinds = {path: (ANYTHING if path == strange else VALUES[path]) | st.none() for path in paths}
    records = draw(st.lists(st.fixed_dictionaries(kinds), min_size=1, max_size=4))
    page = [{"id": f"{number}", **nest(record)} for number, record in enumerate(records)]
    if flattened := draw(st.sampled_from([None, None, "address", "only"])):
        page[draw(st.integers(0, len(page) - 1))][flattened] = draw(st.sampled_from([None, "5", 5, True]))
    return page


@settings(max_examples=80)
@given(pages(), st.booleans(), st.booleans())
def test_what_is_decoded_together_is_what_each_record_says(page: list[dict[str, Any]], spaced: bool, plain: bool):
    rows = read(written(page, spaced=spaced, plain=plain))
    bodies = pl.Series(rows.texts, dtype=pl.String)
    together = Decoder(entity()).columns(bodies, rows.paths)
    alone = [Decoder(entity()).columns(pl.Series([text])) for text in rows.texts]
    assert together.equals(pl.concat([together.clear(), *alone]))


def test_what_records_leave_out_is_empty_where_their_entity_says_so():
    kinds = {path: KINDS[path] for path in ("text", "whole", "secret")}
    more = "    properties:\n" + "".join(f"      {path}: {{{said}}}\n" for path, said in kinds.items())
    alpha, beta = (text.replace("    properties:\n", more, 1) for text in (ALPHA, BETA))
    alpha = alpha.replace("    properties:\n", "    omits_empty: true\n    properties:\n", 1)
    rows = [f"[{path}, {path}]" for path in kinds]
    columns = Decoder(model(flow(*rows), alpha=alpha, beta=beta).entities["alpha.company"]).columns(pl.Series(['{"id": "1"}']))
    assert columns.select(*kinds).row(0) == (None, None, ABSENT)


SOUND = {
    **{"text": "Bl\u00e5b\u00e6r", "upper": "no", "secret": "x", "choice": "a", "whole": 5, "amount": Decimal("12.50")},
    **{"price": "12.50", "stock": "7", "owner": 0, "seller": "none"},
    **{"flag": True, "day": "2026-11-22", "moment": "2026-11-22T12:00:00Z", "second": 1_763_600_000},
    **{"address.city": "Oslo", "address.at.floor": 2, "address.at.rent": Decimal("1E+3")},
}


def test_a_usual_page_needs_no_look_at_each_record(monkeypatch: pytest.MonkeyPatch):
    nothing = dict.fromkeys(SOUND)
    rows = read(written([{"id": f"{number}", **nest(record)} for number, record in enumerate([nothing, SOUND, SOUND])]))
    assert rows.paths == {("id",), *(tuple(path.split(".")) for path in SOUND)}
    decoder = Decoder(entity("free", "only.rent"))
    expected = decoder.columns(pl.Series(rows.texts))

    def look(*_: object) -> None:
        raise AssertionError("it was looked at record by record")

    monkeypatch.setattr(Decoder, "_columns", look)
    assert decoder.columns(pl.Series(rows.texts), rows.paths).equals(expected)


@pytest.mark.parametrize(
    "other",
    [{"text": 5}, {"whole": "5"}, {"flag": 1}, {"day": 5}, {"whole": 1.5}, {"whole": 2**63}, {"address": None}, {"more": 1}],
)
def test_a_page_with_a_record_of_another_kind_is_looked_at_closely(other: dict[str, Any]):
    page = [{"id": "1", **nest(SOUND)}, {"id": "2", **nest(SOUND), **other}]
    assert read(written(page)).paths is None


def test_no_paths_are_told_of_a_page_where_an_object_stands_for_a_value():
    assert read('[{"id": "1", "text": {"a": 1}}, {"id": "2", "text": {"a": 2}}]').paths is None


@pytest.mark.parametrize("number", ["1e99999999999999999999", "1e-99999999999999999999", "1e999999999", "-1E+1001"])
@pytest.mark.parametrize("path", ["amount", "whole"])
def test_a_number_beyond_all_that_can_be_kept_is_held_and_stops_nothing(path: str, number: str):
    rows = read(f'[{{"id": "1", "{path}": {number}}}, {{"id": "2", "{path}": 5}}]')
    told = dict(zip(rows.ids, Decoder(entity()).columns(pl.Series(rows.texts), rows.paths)[path], strict=True))
    assert told["2"] == "5"
    assert "beyond all that can be kept" in (told.get("1") or rows.quarantined[0].reason)


def test_a_reference_that_says_none_in_its_own_way_is_empty():
    rows = read('[{"id": "1", "owner": 0, "seller": "none"}, {"id": "2", "owner": 5, "seller": "0"}]')
    for paths in (rows.paths, None):
        found = Decoder(entity()).columns(pl.Series(rows.texts), paths)
        assert found.select("owner", "seller").rows() == [(None, None), ("5", "0")]
    flag = Decoder(entity()).columns(pl.Series(['{"id": "1", "owner": false}']))
    assert flag["owner"].item() == "\x01owner: found true or false"


def test_below_a_null_everything_is_null():
    rows = read('[{"id": "1", "address": null}, {"id": "2", "address": null}]')
    found = Decoder(entity()).columns(pl.Series(rows.texts), rows.paths)
    assert rows.paths == {("id",), ("address",)}
    assert found["address.city"].to_list() == found["address.at.rent"].to_list() == [None, None]


def test_an_amount_is_found_beside_keys_and_texts_that_look_like_it():
    in_key = r'{"id": "1", "x\"amount": 1, "amount": 3.50}'
    in_text = r'{"id": "1", "text": "\"amount\" : 2", "amount": 3.50}'
    inside = '{"id": "1", "in": {"amount": 4}, "amount": 3.50}'
    for text in (in_key, in_text, inside):
        rows = read(f"[{text}]")
        assert Decoder(entity()).columns(pl.Series(rows.texts), rows.paths)["amount"].item() == "3.5"
