"""A changed spec: new properties are filled in from what is stored, removed ones keep their base until the row is rewritten."""

import json

import polars as pl

from talk_assets.hub.tables import cells, members, records, shapes
from tests.hub.support import ENTITY, OTHER, batch, clusters, keep, place, record, told


def body(**properties: str) -> str:
    return json.dumps(properties)


def describing(shape):
    def describe(rows: pl.DataFrame) -> pl.DataFrame:
        read = [told(*(json.loads(text).get(name, "\x00") for name in shape.columns)) for text in rows["body"]]
        return rows.with_columns(shape=pl.lit(shape.number), vals=pl.Series(read))

    return describe


def kept(hub, *rows: tuple[str, str]):
    with hub.transaction():
        shape = shapes.shape_of(hub, ENTITY, ["name", "city"], ["f.name", "f.city"])
        raw = batch(*(record(id_, entity=ENTITY, digest=1) | {"body": text} for id_, text in rows), shape=shape)
        records.upsert(hub, raw.drop("vals", "shape"), describing(shape))
    return shape


def changed(hub, columns: list[str], fields: list[str]):
    with hub.transaction():
        return shapes.shape_of(hub, ENTITY, columns, fields)


def test_an_unchanged_spec_has_the_shape_it_had(hub):
    assert changed(hub, ["a", "b"], ["f"]) == changed(hub, ["a", "b"], ["f"])
    assert changed(hub, ["b", "a"], ["f"]).number == 2
    assert shapes.shape_of(hub, ENTITY, ["a", "b"], ["f"]).number == 1


def test_a_new_property_is_filled_in_from_the_stored_bodies(hub):
    kept(hub, *((str(n), body(name=f"n{n}", city="Oslo", phone=f"{n}")) for n in range(7)))
    keep(hub, record("9", "Guest", None, entity=OTHER))
    position = hub.position()
    new = changed(hub, ["city", "name", "phone"], ["f.name"])
    assert shapes.reshape(hub, new, describing(new), limit=3) == 7
    found = records.since(hub, position, ["id", "shape", "vals"])
    assert sorted(found.rows()) == [(str(n), new.number, told("Oslo", f"n{n}", f"{n}")) for n in range(7)]
    assert shapes.reshape(hub, new, describing(new)) == 0


def test_a_removed_property_keeps_its_base_and_a_new_one_has_none(hub):
    old = kept(hub, ("1", body(name="Acme", city="Oslo", phone="22")))
    place(hub, (ENTITY, "1", 1))
    row = {
        "entity": [ENTITY],
        "id": ["1"],
        "shape": [old.number],
        "base": [told("Acme", "Bergen")],
        "accepted": [told("4", "5")],
    }
    with hub.transaction():
        members.agree(hub, pl.DataFrame(row))
    new = changed(hub, ["name", "phone"], ["f.name", "f.phone"])
    shapes.reshape(hub, new, describing(new))
    known = shapes.shapes(hub)
    sides = cells.sides(hub, clusters(1))
    assert cells.long(sides, known).select("column", "observed", "base", "has_base").rows() == [
        ("name", "Acme", "Acme", True),
        ("phone", "22", None, False),
    ]
    assert cells.accepted(sides, known).select("field", "accepted").rows() == [("f.name", 4), ("f.city", 5)]
    back = changed(hub, ["name", "city"], ["f.name", "f.city"])
    shapes.reshape(hub, back, describing(back))
    again = cells.long(cells.sides(hub, clusters(1)), known)
    assert again.select("column", "observed", "base").rows() == [("name", "Acme", "Acme"), ("city", "Oslo", "Bergen")]


def test_fields_that_are_called_otherwise_keep_what_was_agreed_and_taken(hub):
    old = kept(hub, ("1", body(name="Acme", city="Oslo", phone="22")))
    place(hub, (ENTITY, "1", 1))
    row = {"entity": [ENTITY], "id": ["1"], "shape": [old.number], "base": [told("Acme", "Oslo")], "accepted": [told("4", "5")]}
    with hub.transaction():
        members.agree(hub, pl.DataFrame(row))
        # From earlier, and not of these specs: it is in the way of the new name.
        shapes.shape_of(hub, "customer", ["f.city", "g.name"], ())
        shapes.rename_fields(hub, {"f.name": "g.name"})
    sides, known = cells.sides(hub, clusters(1)), shapes.shapes(hub)
    assert cells.accepted(sides, known).select("field", "accepted").rows() == [("g.name", 4), ("f.city", 5)]
    assert [(one.columns, one.fields) for one in known.values()] == [
        (old.columns, ("g.name", "f.city")),
        (("f.city", "f.name"), ()),
    ]
