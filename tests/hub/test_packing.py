"""Texts of a row as one text, and back: whatever they are."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from talk_assets.hub import Hub, rows
from talk_assets.hub.packing import flat, pack, unpack
from talk_assets.hub.schema import HINT, TO_COMPACT
from talk_assets.hub.tables import golden, members, meta
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.hub.upkeep.compact import compact_if_due
from tests.hub.conftest import SOON_TRIED
from tests.hub.support import ENTITY, START, clusters, keep, make_lists, place, record, tell_each, told

upgraded = pytest.mark.parametrize("lasting_url", SOON_TRIED[1:], indirect=True)
TEXT = st.none() | st.text(st.sampled_from("ab\x00\x02\x1b\x1e\x1fenbæ\U0001f426 "), max_size=5)
ROWS = st.integers(0, 4).flatmap(lambda width: st.lists(st.lists(TEXT, min_size=width, max_size=width), max_size=4))


def wide(rows: list[list[str | None]]) -> pl.DataFrame:
    names = [f"c{number}" for number in range(len(rows[0]) if rows else 2)]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row", height=len(rows))


@given(ROWS)
def test_every_row_comes_back_as_it_was(rows):
    there = wide(rows)
    packed = pack(there, there.columns)
    assert unpack(packed, there.columns).equals(there)
    if there.width:
        assert flat(packed).to_list() == [text for row in rows for text in row]


@given(ROWS)
def test_equal_texts_are_equal_rows(rows):
    packed = pack(there := wide(rows), there.columns).to_list()
    if there.width:
        assert [one == two for one in packed for two in packed] == [one == two for one in rows for two in rows]


def contents(hub: Hub) -> dict[str, list[tuple]]:
    """A table has no order of its own, in a lake least of all."""
    return {table: sorted(rows.whole(hub, table).rows(), key=repr) for table in ("records", "members", "golden")}


def has_hints(hub: Hub) -> bool:
    kept = [hub.read(f"SELECT hint, {HINT} AS made FROM {table}") for table in ("records", "members")]  # noqa: S608 - our own names
    return all(rows["hint"].equals(rows["made"]) and not rows.is_empty() for rows in kept)


@upgraded
def test_a_hub_of_lists_is_packed_when_it_is_opened(lasting_url, hub_at):
    """As hubs were until their version 5."""
    with hub_at(lasting_url) as hub:
        shape = keep(hub, record("1", "Acme\x1b\x1f", None), record("2", "", "\x00"))
        place(hub, (ENTITY, "1", 1), (ENTITY, "2", 2))
        base = {"shape": [shape.number], "base": [told("Acme", UNKNOWN)], "accepted": [told("3", "0")]}
        agreed = [
            (1, "f.city", None, 2, ENTITY, "1", START, ["Oslo", "\x1e"]),
            (1, "f.name", "Acme", 1, ENTITY, "1", None, []),
            (2, "f.name", "", 1, None, None, START, []),
        ]
        with hub.transaction():
            members.agree(hub, pl.DataFrame({"entity": [ENTITY], "id": ["1"], **base}))
            golden.put(hub, pl.DataFrame(agreed, schema=golden.GOLDEN, orient="row").with_columns(subject=pl.lit("customer")))
        before = contents(hub)
        with hub.transaction():
            make_lists(hub)
            hub.write("UPDATE meta SET value = '4' WHERE key = 'schema'")
        assert hub.read("SELECT vals FROM records ORDER BY id")["vals"].to_list() == [["Acme\x1b\x1f", None], ["", "\x00"]]
    is_upgraded(hub_at(lasting_url), before)


@upgraded
def test_a_hub_of_records_without_hints_gets_them_when_it_is_opened(lasting_url, hub_at):
    """As hubs were until their version 6."""
    with hub_at(lasting_url) as hub:
        keep(hub, record("1", "Acme", None), record("2", "Bcme", None))
        place(hub, (ENTITY, "1", 1), (ENTITY, "2", 2))
        before = contents(hub)
        with hub.transaction():
            for table in ("records", "members"):
                hub.write(f"ALTER TABLE {table} DROP COLUMN hint")
            hub.write("UPDATE meta SET value = '5' WHERE key = 'schema'")
    is_upgraded(hub_at(lasting_url), before)


@upgraded
def test_a_hub_that_tells_each_origin_is_shortened_when_it_is_opened(lasting_url, hub_at):
    """As hubs were until their version 7."""
    with hub_at(lasting_url) as hub:
        keep(hub, record("1", "Acme", None))
        place(hub, (ENTITY, "1", 1))
        other, later = ("other.entity", "\x1f\x1b/"), START + timedelta(days=1)
        agreed = [
            (1, "f.city", "Oslo", 1, ENTITY, "1", START, []),
            (1, "f.mail", None, 1, ENTITY, "1", None, []),
            (1, "f.name", "Acme", 2, *other, later, ["Bcme"]),
            (1, "f.zip", "0150", 1, *other, later, []),
            (2, "f.city", "Oslo", 1, *other, later, []),
            (2, "f.name", "Acme", 1, ENTITY, "1", later, []),
        ]
        told_of = pl.DataFrame(agreed, schema=golden.GOLDEN, orient="row").with_columns(subject=pl.lit("customer"))
        with hub.transaction():
            golden.put(hub, told_of)
        before = contents(hub)
        with hub.transaction():
            tell_each(hub)
            assert contents(hub) != before
            hub.write("UPDATE meta SET value = '6' WHERE key = 'schema'")
    with hub_at(lasting_url) as hub:
        is_upgraded(hub, before)
        assert golden.of(hub, clusters(1, 2)).sort("cluster", "field").equals(told_of)


def is_upgraded(hub: Hub, before: dict[str, list[tuple]]) -> None:
    assert contents(hub) == before
    assert has_hints(hub)
    # The old rows left room in the file.
    assert meta.get(hub, TO_COMPACT)
    compact_if_due(hub)
    assert contents(hub) == before
    assert has_hints(hub)
    assert not meta.get(hub, TO_COMPACT)
