"""What is agreed on clusters goes in and comes out as the stages have it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from talk_assets.hub import open_hub
from talk_assets.hub.tables import golden, shapes
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
    renamed = golden.wide(hub, clusters(1), {"client": ("f.name",)}, "absent")
    assert renamed["client"].values.rows() == [(1, "Acme")]
    assert golden.holding(hub, pl.Series(["Bcme", "2"]))["cluster"].to_list() == [2]


TEXTS = st.sampled_from([None, "", "Acme", "a/b", "\x1b", "\x1e", "\x1f", "\x1be", "{", "\x00"])
FIELDS = st.fixed_dictionaries(
    {
        "value": TEXTS,
        "version": st.integers(1, 9),
        "edited_at": st.none() | st.just(START),
        "trail": st.lists(TEXTS.filter(bool), max_size=3),
    }
)
AGREED = st.dictionaries(st.tuples(st.integers(1, 4), st.sampled_from(["f.city", "f.mail", "f.name"])), FIELDS, max_size=8)


def fields(told: Mapping[tuple[int, str], Mapping[str, Any]]) -> pl.DataFrame:
    rows = [
        (cluster, field, one["value"], one["version"], ENTITY, f"{one['version']}", one["edited_at"], one["trail"])
        for (cluster, field), one in told.items()
    ]
    # Of two subjects, so that not all clusters have the same kind of row.
    return agreed(*rows).with_columns(subject=pl.when(pl.col("cluster") > 2).then(pl.lit("person")).otherwise("subject"))


@settings(max_examples=20)
@given(AGREED, AGREED)
def test_some_fields_are_read_and_renewed_as_if_all_were(before: dict, after: dict):
    everyone = clusters(1, 2, 3, 4)
    with open_hub(":memory:") as hub:
        put(hub, fields(before))
        asked = fields(before | after).select("cluster", "field")
        there = golden.kept(hub, everyone)
        found = golden.some(there, asked).sort("cluster", "field")
        assert found.equals(fields(before).sort("cluster", "field"))
        position = hub.position()
        with hub.transaction():
            golden.renew(hub, there, fields(after))
        whole = before | after
        assert golden.of(hub, everyone).sort("cluster", "field").equals(fields(whole).sort("cluster", "field"))
        differing = {cluster for (cluster, field), one in whole.items() if before.get((cluster, field)) != one}
        assert set(golden.since(hub, position)["cluster"]) == differing


def test_a_cluster_whose_field_is_renewed_has_its_subject_as_it_is_called_now(hub):
    put(hub, pl.concat([ACME, BCME]))
    there = golden.kept(hub, clusters(1, 2))
    with hub.transaction():
        golden.renew(hub, there, ACME.tail(1).with_columns(subject=pl.lit("client")))
    assert golden.counts(hub).rows() == [("client", 1), ("customer", 1)]
    assert golden.of(hub, clusters(1)).drop("subject").equals(ACME.drop("subject"))


def test_a_cluster_whose_fields_are_of_two_subjects_by_now_has_each_of_them_once(hub):
    """Documents that are taken away may leave nothing that connects the entities of what is linked."""
    put(hub, ACME)
    there = golden.kept(hub, clusters(1))
    halves = [ACME.head(1).with_columns(subject=pl.lit("client")), ACME.tail(1).with_columns(subject=pl.lit("debtor"))]
    with hub.transaction():
        golden.renew(hub, there, pl.concat(halves))
    assert golden.of(hub, clusters(1)).drop("subject").equals(ACME.drop("subject"))


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
