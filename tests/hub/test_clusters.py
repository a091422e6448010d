"""Links, what members hold, and the cells that the stages see."""

import polars as pl
import pytest

from talk_assets.hub import Contradiction, HubError
from talk_assets.hub.packing import pack
from talk_assets.hub.tables import cells, checks, members, shapes
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.hub.tables.shapes import Shape
from tests.hub.support import COLUMNS, ENTITY, FIELDS, OTHER, clusters, ids, keep, links_frame, place, record, told


@pytest.fixture
def linked(hub):
    """Two records of one thing, and one alone."""
    keep(hub, record("1", "Acme", "a@b.no"), record("2", "Bcme", None))
    keep(hub, record("9", "Acme AS", entity=OTHER), columns=["title"], fields=["erp.customer.name"])
    place(hub, (ENTITY, "1", 1), (OTHER, "9", 1), (ENTITY, "2", 2))
    return hub


def agreed(
    id_: str, base: list[str | None] | None, accepted: list[int] | None, shape: int, entity: str = ENTITY
) -> pl.DataFrame:
    types = {"base": pl.String, "accepted": pl.String, "shape": pl.Int32}
    texts = {"base": [base and told(*base)], "accepted": [accepted and told(*map(str, accepted))]}
    return pl.DataFrame({"entity": [entity], "id": [id_], "shape": [shape], **texts}, schema_overrides=types)


def shape_of(hub, entity: str = ENTITY) -> int:
    return next(shape.number for shape in shapes.shapes(hub).values() if shape.entity == entity)


def test_two_records_of_an_entity_in_one_cluster_undo_the_transaction(linked):
    with pytest.raises(Contradiction, match=r"cluster 1 has 2 records of erp\.customer: 1, 2"):
        place(linked, (ENTITY, "2", 1))
    assert members.clusters_of(linked, ids("2"))["cluster"].to_list() == [2]
    assert checks.check(linked) == []


def test_a_record_that_moves_leaves_its_cluster_and_keeps_its_base(linked):
    shape = shape_of(linked)
    with linked.transaction():
        members.agree(linked, agreed("2", ["Bcme", None], [1, 1], shape))
    place(linked, (ENTITY, "2", 3))
    assert members.of(linked, clusters(2)).is_empty()
    assert members.of(linked, clusters(3)).select("id", "base", "accepted").rows() == [
        ("2", told("Bcme", None), told("1", "1"))
    ]


def test_what_a_record_is_known_by_stays_with_it_and_is_no_news(linked):
    position = linked.position()
    with linked.transaction():
        members.know(linked, ids("1").with_columns(known_by=pl.lit(2**64 - 1, pl.UInt64)))
    assert members.known(linked, ids("1", "2")).sort("id").rows() == [(ENTITY, "1", 2**64 - 1), (ENTITY, "2", None)]
    assert cells.touched(linked, position).is_empty()
    place(linked, (ENTITY, "1", 3))
    assert members.known(linked, ids("1"))["known_by"].to_list() == [2**64 - 1]


def test_rows_that_were_replaced_since_they_were_read_are_not_replaced_again(linked):
    before = members.whole(linked, ids("1"))
    place(linked, (ENTITY, "1", 3))
    with pytest.raises(HubError, match="1 of 1 rows of members were replaced after they had been read"), linked.transaction():
        members.agree(linked, agreed("1", ["Acme", None], [1, 1], shape_of(linked)), there=before)
    assert members.of(linked, clusters(3)).height == 1


def test_linking_what_is_linked_is_no_news(linked):
    before = linked.position()
    place(linked, (ENTITY, "1", 1))
    assert linked.position() == before


def test_cluster_numbers_are_never_given_twice(hub):
    with hub.transaction():
        first = members.new_clusters(hub, 3)
    with hub.transaction():
        second = members.new_clusters(hub, 2)
    assert [*first, *second] == [1, 2, 3, 4, 5]


def test_references_are_read_and_written_through_clusters(linked):
    assert members.clusters_of(linked, ids("1", "2", "3")).sort("id").rows() == [(ENTITY, "1", 1), (ENTITY, "2", 2)]
    wanted = clusters(1, 2).with_columns(entity=pl.lit(OTHER))
    assert members.ids_in(linked, wanted).rows() == [(OTHER, "9", 1)]
    assert members.ids_in(linked, clusters(1)).sort("entity")["id"].to_list() == ["1", "9"]


def test_unlinking_takes_the_base_along(linked):
    with linked.transaction():
        assert members.unlink(linked, ids("1")) == 1
    assert members.of(linked, clusters(1))["entity"].to_list() == [OTHER]


def test_clusters_with_news(linked):
    everything = cells.touched(linked, 0)["cluster"].to_list()
    position = linked.position()
    assert everything == [1, 2]
    assert cells.touched(linked, position).is_empty()
    keep(linked, record("9", "Acme Norge", entity=OTHER), columns=["title"], fields=["erp.customer.name"])
    assert cells.touched(linked, position)["cluster"].to_list() == [1]


def test_agreeing_is_news_only_if_it_is_said_so(linked):
    shape, position = shape_of(linked), linked.position()
    with linked.transaction():
        members.agree(linked, agreed("1", ["Acme", "a@b.no"], [1, 1], shape), news=False)
    assert cells.touched(linked, position).is_empty()
    with linked.transaction():
        members.agree(linked, agreed("1", ["Acme", None], [1, 1], shape))
    assert cells.touched(linked, position)["cluster"].to_list() == [1]
    assert members.since(linked, position)["id"].to_list() == ["1"]


def test_bases_that_do_not_fit_their_shape_are_refused(linked):
    with pytest.raises(HubError, match="1 accepted, which does not fit"), linked.transaction():
        members.agree(linked, agreed("1", ["Acme", None], [1], shape_of(linked)))


def test_cells_before_and_after_there_is_a_base(linked):
    known = shapes.shapes(linked)
    seen = cells.long(cells.sides(linked, clusters(1)), known)
    assert seen.schema == cells.CELLS
    assert seen.select("entity", "column", "observed", "has_base").rows() == [
        (ENTITY, "name", "Acme", False),
        (ENTITY, "mail.address", "a@b.no", False),
        (OTHER, "title", "Acme AS", False),
    ]
    with linked.transaction():
        members.agree(linked, agreed("1", ["Acme", UNKNOWN], [3, 0], shape_of(linked)))
    sides = cells.sides(linked, clusters(1, 2))
    assert cells.long(sides, known).filter(pl.col("id") == "1").select("column", "base", "has_base").rows() == [
        ("name", "Acme", True),
        ("mail.address", None, False),
    ]
    assert cells.accepted(sides, known).rows() == [(1, ENTITY, "1", FIELDS[0], 3), (1, ENTITY, "1", FIELDS[1], 0)]


def test_an_empty_base_is_a_base(linked):
    with linked.transaction():
        members.agree(linked, agreed("1", [None, "\x00"], [1, 1], shape_of(linked)))
    seen = cells.long(cells.sides(linked, clusters(1)), shapes.shapes(linked)).filter(pl.col("entity") == ENTITY)
    assert seen.select("base", "has_base").rows() == [(None, True), ("\x00", True)]


def test_cells_as_columns_and_back(linked):
    known = shapes.shapes(linked)
    rows = cells.sides(linked, clusters(1, 2)).filter(pl.col("entity") == ENTITY)
    wide = cells.wide(rows, "vals", known, [*COLUMNS, "new.property"])
    assert wide.select("#cluster", "#id", *COLUMNS, "new.property").rows() == [
        (1, "1", "Acme", "a@b.no", UNKNOWN),
        (2, "2", "Bcme", None, UNKNOWN),
    ]
    assert pack(wide, COLUMNS).to_list() == rows["vals"].to_list()
    assert cells.wide(rows, "base", known, COLUMNS, missing="-").select(COLUMNS).rows() == [("-", "-"), ("-", "-")]


def test_properties_may_be_called_like_our_columns(hub):
    names = ["id", "entity", "shape", "vals", "base", "cluster"]
    keep(hub, record("1", *names), columns=names, fields=[])
    place(hub, (ENTITY, "1", 1))
    rows, known = cells.sides(hub, clusters(1)), shapes.shapes(hub)
    assert cells.wide(rows, "vals", known, names).select(names).rows() == [tuple(names)]
    assert cells.long(rows, known)["observed"].to_list() == names


def test_versions_keep_their_fields_when_the_shape_changes():
    old, new = Shape(1, ENTITY, (), ("f.name", "f.gone", "f.city")), Shape(2, ENTITY, (), ("f.city", "f.new", "f.name"))
    kept = {"base_shape": [1, None, 2, 2], "accepted": [told("3", "7", "5"), None, told("1", "2", "3"), None]}
    rows = pl.DataFrame(kept, schema={"base_shape": pl.Int32, "accepted": pl.String})
    accepted = cells.accepted_in(rows, new, {1: old, 2: new})
    assert cells.folded(accepted, rows.height).to_list() == [told(*versions) for versions in ("503", "000", "123", "000")]


def test_records_that_have_no_say_in_any_field_keep_no_versions():
    mute = Shape(1, ENTITY, ("name",), ())
    rows = pl.DataFrame(
        {"base_shape": [1, None], "accepted": ["", None]}, schema={"base_shape": pl.Int32, "accepted": pl.String}
    )
    assert cells.folded(cells.accepted_in(rows, mute, {1: mute}), rows.height).to_list() == ["", ""]


def test_clusters_that_do_not_exist_have_no_cells(hub):
    sides = cells.sides(hub, clusters(5))
    assert sides.schema == cells.SIDES
    assert cells.long(sides, {}).is_empty()
    assert cells.accepted(sides, {}).is_empty()


def test_the_whole_check_finds_what_slipped_in(linked):
    with linked.transaction():
        linked.write("INSERT INTO members BY NAME SELECT * FROM slipped", slipped=links_frame((ENTITY, "2", 1)))
        linked.write("INSERT INTO records SELECT * FROM records WHERE id = '9'")
    assert checks.check(linked) == [
        "cluster 1 has 2 records of erp.customer: 1, 2",
        "erp.customer/2 is in 2 clusters: 1, 2",
        "records: 1 keys (entity, id) have several rows",
        "members: 1 keys (entity, id) have several rows",
    ]
