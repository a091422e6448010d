"""What the texts that a row is packed of stand for. A changed spec makes a new shape; old rows keep theirs until rewritten."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from talk_assets.hub.errors import HubError
from talk_assets.hub.hub import Hub
from talk_assets.hub.packing import counted
from talk_assets.hub.rows import add, fetch, put, whole

Describe = Callable[[pl.DataFrame], pl.DataFrame]
"""Rows with `entity`, `id` and `body` → the same rows with `shape` and `vals`."""


@dataclass(frozen=True)
class Shape:
    number: int
    entity: str
    columns: tuple[str, ...]
    """The property of each text of `vals` and `base`."""
    fields: tuple[str, ...]
    """The field of each version of `accepted`."""


def shapes(hub: Hub) -> Mapping[int, Shape]:
    """All shapes there ever were, by number."""
    known = hub.kept("shapes", lambda: _read(hub))
    if not hub.address.is_shared:
        return known
    # A shape is never changed, and another writer may have added some.
    count = hub.seen("shapes", lambda: hub.value("SELECT count(*) FROM shapes"))
    return known if len(known) == count else hub.kept("shapes", lambda: _read(hub), again=True)


def _read(hub: Hub) -> Mapping[int, Shape]:
    return {
        number: Shape(number, entity, tuple(columns), tuple(fields))
        for number, entity, columns, fields in whole(hub, "shapes").iter_rows()
    }


def shape_of(hub: Hub, entity: str, columns: Sequence[str], fields: Sequence[str]) -> Shape:
    """The shape with these columns and fields, made if there is none yet; needs a transaction only then."""
    known = shapes(hub)
    for shape in known.values():
        if (shape.entity, shape.columns, shape.fields) == (entity, tuple(columns), tuple(fields)):
            return shape
    shape = Shape(hub.numbers("shape", 1), entity, tuple(columns), tuple(fields))
    row = {"shape": [shape.number], "entity": [entity], "columns": [list(columns)], "fields": [list(fields)]}
    hub.unsee("shapes")
    add(hub, "shapes", pl.DataFrame(row, schema_overrides={"columns": pl.List(pl.String), "fields": pl.List(pl.String)}))
    hub.kept("shapes", lambda: _read(hub), again=True)
    return shape


def rename_fields(hub: Hub, names: Mapping[str, str]) -> None:
    """Call fields otherwise wherever they are kept, while nobody else works on the hub. What has one of the new names already,
    from earlier, gets the old one.
    """
    swapped = {**{new: old for old, new in names.items()}, **names}
    before = whole(hub, "shapes")
    # What is agreed on has the fields of a subject for its columns; entities are named `system.entity`.
    place = pl.when(pl.col("entity").str.contains(".", literal=True)).then(pl.lit("fields")).otherwise(pl.lit("columns"))
    after = before.with_columns(
        pl.when(place == name).then(pl.col(name).list.eval(pl.element().replace(swapped))).otherwise(name).alias(name)
        for name in ("columns", "fields")
    )
    hub.unsee("shapes")
    put(hub, "shapes", after, ["shape"])
    hub.kept("shapes", lambda: _read(hub), again=True)


def require_fit(hub: Hub, rows: pl.DataFrame, packed: Mapping[str, str]) -> None:
    """Every packed text has one for each of the columns or fields of its row's shape; else values would change places."""
    known = shapes(hub)
    found = rows.select("shape", *(counted(pl.col(name)).alias(name) for name in packed)).unique()
    for shape, *counts in found.iter_rows():
        for (name, kind), count in zip(packed.items(), counts, strict=True):
            fitting = len(getattr(known[shape], kind)) if shape in known else None
            if count is not None and count != fitting and (count, fitting) != (0, 1):
                raise HubError(f"rows have {count} {name}, which does not fit their shape: it has {fitting}")


def left_behind(hub: Hub, now: Collection[Shape]) -> set[str]:
    """Entities of which records are kept in other shapes than these."""
    known, wanted = shapes(hub), {shape.number for shape in now}
    return {known[number].entity for number in hub.read("SELECT DISTINCT shape FROM records")["shape"] if number not in wanted}


def outdated(hub: Hub, shape: Shape, limit: int = 50_000) -> pl.DataFrame:
    """Some records of the shape's entity that are kept in another one: `entity`, `id`, `body`."""
    statement = "SELECT entity, id, body FROM records WHERE entity = ? AND shape <> ? LIMIT ?"
    return hub.read(statement, [shape.entity, shape.number, limit])


def reshape(hub: Hub, shape: Shape, describe: Describe, limit: int = 50_000) -> int:
    """Make the rows of records that have an older shape anew from their stored bodies, batch by batch, each a transaction.
    They count as news, so that the stages look at what the new spec makes of them. Gives their number.
    """
    done = 0
    while not (rows := outdated(hub, shape, limit)).is_empty():
        described = describe(rows).select("entity", "id", "shape", "vals")
        hub.run(lambda described=described: _rewrite(hub, described), "reshape")
        done += rows.height
    return done


def _rewrite(hub: Hub, described: pl.DataFrame) -> None:
    key = ["entity", "id"]
    kept = fetch(hub, "records", described.select(key)).drop("shape", "vals", "seq")
    put(hub, "records", kept.join(described, on=key).with_columns(seq=pl.lit(hub.seq, pl.Int64)), key)
