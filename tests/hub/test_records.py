"""What systems hold, as last read."""

import polars as pl
import pytest

from talk_assets.hub import HubError, rows
from talk_assets.hub.packing import flat
from talk_assets.hub.tables import members, records, shapes
from tests.hub.support import COLUMNS, ENTITY, FIELDS, OTHER, START, batch, frame, ids, keep, place, record, told


def stored(hub, *columns: str) -> list[tuple]:
    return hub.read("SELECT * FROM records ORDER BY entity, id").select(*columns).rows()


def upsert(hub, *rows: dict) -> list[tuple]:
    with hub.transaction():
        shape = shapes.shape_of(hub, rows[0]["entity"], COLUMNS, FIELDS)
        return records.upsert(hub, batch(*rows, shape=shape)).sort("id").rows()


def test_only_news_is_written(hub):
    keep(hub, record("1", "Acme", None), record("2", "Bcme", None))
    before = hub.position()
    news = upsert(hub, record("1", "Acme", None), record("2", "Bcme AS", None), record("3", "Ccme", None))
    assert news == [(ENTITY, "2", False), (ENTITY, "3", True)]
    assert stored(hub, "id", "vals", "seq") == [
        ("1", told("Acme", None), before),
        ("2", told("Bcme AS", None), before + 1),
        ("3", told("Ccme", None), before + 1),
    ]


def test_a_batch_without_news_takes_no_number(hub):
    keep(hub, record("1", "Acme", None))
    before = hub.position()
    assert upsert(hub, record("1", "Acme", None)) == []
    assert hub.position() == before


def test_of_several_rows_for_one_record_the_last_counts(hub):
    assert upsert(hub, record("1", "old", None), record("1", "new", None)) == [(ENTITY, "1", True)]
    assert stored(hub, "id", "vals") == [("1", told("new", None))]


def test_equal_ids_of_two_entities_are_two_records(hub):
    keep(hub, record("1", "Acme", None))
    keep(hub, record("1", "Guest", None, entity=OTHER))
    assert stored(hub, "entity", "id") == [(ENTITY, "1"), (OTHER, "1")]


def test_only_news_is_described(hub):
    shape = keep(hub, record("1", "Acme", None))
    described: list[str] = []

    def describe(rows: pl.DataFrame) -> pl.DataFrame:
        described.extend(rows["id"])
        return rows.with_columns(shape=pl.lit(shape.number), vals=pl.lit(told("a", "b")))

    raw = batch(record("1", "Acme", None), record("2", "Bcme", None), shape=shape).drop("vals", "shape")
    with hub.transaction():
        records.upsert(hub, raw, describe)
    assert described == ["2"]


def test_lists_that_do_not_fit_their_shape_are_refused(hub):
    with pytest.raises(HubError, match="does not fit"):
        keep(hub, record("1", "Acme"))


def test_a_column_that_the_table_does_not_have_is_not_lost_in_silence(hub):
    with pytest.raises(HubError, match=r"no colour; they have"), hub.transaction():
        rows.add(hub, "records", frame({"entity": "e", "id": "1", "colour": "red"}))


def test_times_with_a_zone_become_utc(hub):
    zoned = pl.Series([START]).dt.replace_time_zone("Europe/Oslo")
    shape = keep(hub, record("0", "x", None))
    with hub.transaction():
        records.upsert(hub, batch(record("1", "Acme", None), shape=shape).with_columns(edited_at=zoned))
    assert stored(hub, "edited_at")[1] == (START.replace(hour=2),)


def test_what_a_consumer_has_not_seen(hub):
    keep(hub, record("1", "Acme", None))
    position = hub.position()
    keep(hub, record("2", "Bcme", None))
    keep(hub, record("9", "Guest", None, entity=OTHER))
    assert records.since(hub, position)["id"].sort().to_list() == ["2", "9"]
    assert records.since(hub, position, ["id", "vals"], entity=ENTITY).rows() == [("2", told("Bcme", None))]
    assert records.since(hub, hub.position()).is_empty()


def test_many_records_come_in_lots_each_once_and_as_they_are_by_now(hub):
    for number in range(5):
        keep(hub, record(f"{number}", "old", None), record(f"{number}b", "old", None))
    wanted = records.since(hub, 0, ["entity", "id", "seq"])
    keep(hub, record("1", "new", None), record("stranger", "new", None))
    lots = list(records.in_lots(hub, wanted, ["entity", "id", "vals"], 4))
    assert len(lots) == 3
    held = {id_: flat(pl.Series([vals]))[0] for lot in lots for id_, vals in lot.select("id", "vals").iter_rows()}
    assert held == {id_: "new" if id_ == "1" else "old" for id_ in wanted["id"]}
    assert sum(map(len, lots)) == wanted.height
    assert list(records.in_lots(hub, wanted.clear(), ["entity", "id"], 4)) == []


def test_records_by_their_ids(hub):
    keep(hub, record("1", "Acme", None), record("2", "Bcme", None))
    assert records.of(hub, ids("2", "3"), ["id", "vals"]).rows() == [("2", told("Bcme", None))]
    assert records.of(hub, ids()).is_empty()


_ALIKE = ("30541", "63049")
"""Two ids of which the whole names make the same hint."""


def test_names_with_the_same_hint_are_told_apart(hub):
    others = [str(number) for number in range(40)]
    keep(hub, *(record(id_, id_, None) for id_ in (*_ALIKE, *others)))
    assert hub.read("SELECT DISTINCT hint FROM records WHERE id IN (?, ?)", _ALIKE).height == 1
    for one, other in (_ALIKE, _ALIKE[::-1]):
        found = records.of(hub, ids(one, *others), ["vals", "id"])
        assert sorted(found.rows()) == sorted((told(id_, None), id_) for id_ in (one, *others))
        assert upsert(hub, record(one, "new", other), *(record(id_, id_, None) for id_ in others)) == [(ENTITY, one, False)]
    with hub.transaction():
        assert records.forget(hub, ids(_ALIKE[0], *others)) == 1 + len(others)
    assert stored(hub, "id", "vals") == [(_ALIKE[1], told("new", _ALIKE[0]))]


@pytest.mark.parametrize("count", [3, 30, 3_000])
def test_few_some_and_many_are_found_alike(hub, count):
    keep(hub, *(record(f"{number}", "Acme", None) for number in range(4_000)))
    keep(hub, record("1", "Acme", None, entity=OTHER))
    place(hub, *((ENTITY, f"{number}", number + 1) for number in range(0, 4_000, 2)))
    wanted = ids(*(f"{number}" for number in range(count)), "stranger")
    assert set(records.of(hub, wanted, ["id"])["id"]) == set(wanted["id"]) - {"stranger"}
    assert members.clusters_of(hub, wanted)["cluster"].sort().to_list() == list(range(1, count + 1, 2))
    with hub.transaction():
        assert records.forget(hub, wanted) == count
        assert members.unlink(hub, wanted) == len(range(0, count, 2))
    assert records.of(hub, wanted).is_empty()
    assert members.clusters_of(hub, wanted).is_empty()
    assert len(stored(hub, "id")) == 4_001 - count


def test_what_a_listing_did_not_name_is_counted_until_it_is_back(hub):
    keep(hub, record("1", "Acme", None), record("2", "Bcme", None))
    gone = records.unlisted(hub, ENTITY, ids("1").select("id"))
    assert gone.select("id", "missed").rows() == [("2", 0)]
    with hub.transaction():
        records.miss(hub, gone.with_columns(missed=pl.lit(1), missed_at=pl.lit(hub.now())))
    assert records.unlisted(hub, ENTITY, ids("1").select("id")).select("missed", "missed_at").rows() == [(1, START)]
    assert records.since(hub, 1).is_empty()
    assert upsert(hub, record("1", "Acme", None), record("2", "Bcme", None)) == [(ENTITY, "2", False)]
    assert stored(hub, "missed", "missed_at") == [(0, None), (0, None)]


def test_forgotten_records_are_gone(hub):
    keep(hub, record("1", "Acme", None), record("2", "Bcme", None))
    with hub.transaction():
        assert records.forget(hub, ids("1", "3")) == 1
    assert stored(hub, "id") == [("2",)]


def test_counts_of_what_is_there_and_of_what_is_linked(hub):
    keep(hub, record("1", "Acme", None), record("2", "Bcme", None))
    keep(hub, record("9", "Guest", None, entity=OTHER))
    place(hub, (ENTITY, "1", 1))
    assert records.counts(hub).rows() == [(ENTITY, 2, 1), (OTHER, 1, 0)]
    assert members.counts(hub) == {ENTITY: 1}


def test_who_refers_to_a_record(hub):
    keep(hub, record("1", "Acme", "c7"), record("2", "Bcme", None), record("3", "Ccme", "c8"))
    wanted = pl.DataFrame({"value": ["c7", "c9"]})
    assert records.holding(hub, ENTITY, "mail.address", wanted).rows() == [(ENTITY, "1", "c7")]
    assert records.holding(hub, ENTITY, "no.such", wanted).is_empty()
    assert records.holding(hub, ENTITY, "mail.address", wanted.clear()).is_empty()
