"""What is agreed on clusters goes in and comes out as the stages have it."""

from datetime import timedelta

import polars as pl

from talk_assets.hub import golden, shapes
from tests.hub.support import ENTITY, START, clusters


def agreed(*rows: tuple, subject: str = "customer") -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=golden.GOLDEN, orient="row").with_columns(subject=pl.lit(subject))


ACME = agreed(
    (1, "f.city", None, 2, ENTITY, "a/b/c", START, ["Oslo", "", '\x00 "quoted" \'n æøå']),
    (1, "f.name", "Acme", 1, ENTITY, "1", None, []),
)
BCME = agreed((2, "f.name", "Bcme", 1, None, None, START - timedelta(days=9), []))


def put(hub, frame: pl.DataFrame) -> list[int]:
    with hub.transaction():
        return golden.put(hub, frame)["cluster"].to_list()


def test_it_comes_out_as_it_went_in(hub):
    put(hub, pl.concat([ACME, BCME]))
    assert golden.of(hub, clusters(1, 2)).sort("cluster", "field").equals(pl.concat([ACME, BCME]))
    assert golden.of(hub, clusters(2)).equals(BCME)
    assert golden.of(hub, clusters(3)).schema == ACME.schema
    assert put(hub, ACME.clear()) == []


def test_fields_keep_what_is_theirs_in_whatever_order_they_come(hub):
    put(hub, pl.concat([BCME, ACME]).reverse())
    assert golden.of(hub, clusters(1, 2)).sort("cluster", "field").equals(pl.concat([ACME, BCME]))


def test_what_is_agreed_as_columns_of_each_subject(hub):
    put(hub, pl.concat([ACME, BCME, agreed((3, "g.name", "Kari", 7, ENTITY, "3", None, []), subject="person")]))
    asked = {"customer": ("f.name", "f.city"), "order": ("h.name",)}
    told = golden.wide(hub, clusters(1, 2, 3), asked, "absent")
    assert told.keys() == {"customer"}
    assert told["customer"].values.sort("cluster").rows() == [(1, "Acme", None), (2, "Bcme", "absent")]
    assert told["customer"].versions.sort("cluster").rows() == [(1, 1, 2), (2, 1, 0)]
    assert golden.wide(hub, clusters(4), asked, "absent") == {}
    assert golden.holding(hub, pl.Series(["Bcme", "2"]))["cluster"].to_list() == [2]


def test_only_what_changed_is_written(hub):
    put(hub, pl.concat([ACME, BCME]))
    position = hub.position()
    assert put(hub, pl.concat([ACME, BCME])) == []
    assert hub.position() == position
    renamed = BCME.with_columns(value=pl.lit("Bcme AS"), version=pl.lit(2, pl.Int64), trail=pl.lit(["Bcme"]))
    assert put(hub, pl.concat([ACME, renamed])) == [2]
    assert golden.since(hub, position)["cluster"].to_list() == [2]
    assert golden.since(hub, position, "person").is_empty()
    assert golden.of(hub, clusters(2)).equals(renamed)


def test_a_field_that_is_no_longer_agreed_on_is_gone(hub):
    put(hub, ACME)
    put(hub, ACME.tail(1))
    assert golden.of(hub, clusters(1)).equals(ACME.tail(1))


def test_equal_mixes_of_fields_share_a_shape(hub):
    put(hub, pl.concat([ACME, BCME, ACME.with_columns(cluster=pl.lit(3, pl.Int64))]))
    assert len(shapes.shapes(hub)) == 2


def test_counting_and_forgetting(hub):
    put(hub, pl.concat([ACME, BCME, agreed((3, "p.name", "Ada", 1, ENTITY, "3", None, []), subject="person")]))
    assert golden.counts(hub).rows() == [("customer", 2), ("person", 1)]
    with hub.transaction():
        golden.forget(hub, clusters(1))
    assert golden.counts(hub).rows() == [("customer", 1), ("person", 1)]
