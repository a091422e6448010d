"""What records say about fields, taken from the hub: what they hold, and what they held when they agreed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from talk_assets.hub import Shape
from talk_assets.hub.packing import pack
from talk_assets.hub.tables import cells, members, records
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.sync.meaning.cells import LINKS, OWNERS, said
from talk_assets.sync.meaning.counting import counting, holds
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.meaning.values import ABSENT, opinion
from talk_assets.sync.merge import CELLS
from talk_assets.sync.world import World


@dataclass(frozen=True)
class Held:
    """Records of one entity: as the hub keeps them, a column of text for each property, now and when they agreed, and the
    versions that they took, of all fields of one record after the other.
    """

    entity: EntityModel
    rows: pl.DataFrame
    now: pl.DataFrame
    then: pl.DataFrame
    accepted: pl.Series
    mapped: pl.Series
    """Of the same fields: whether they were ones when the record agreed."""

    @property
    def texts(self) -> tuple[pl.DataFrame, ...]:
        return (self.now,) if self.then is self.now else (self.now, self.then)


def hear(world: World, sides: pl.DataFrame, known_shapes: Mapping[int, Shape], *, is_settled: bool = False) -> list[Held]:
    """By entity. Those that are settled hold what they agreed to."""
    if sides.is_empty():
        return []
    found: list[Held] = []
    for (key,), rows in cells.by_kind(sides, "entity"):
        entity = world.model.entities[key]
        now = _texts(entity, rows, "vals", known_shapes)
        then = now if is_settled else _texts(entity, rows, "base", known_shapes)
        shape = world.shapes[key]
        accepted, mapped = (of(rows, shape, known_shapes) for of in (cells.accepted_in, cells.mapped_in))
        found.append(Held(entity, rows, now, then, accepted, mapped))
    return found


def _texts(entity: EntityModel, rows: pl.DataFrame, of: str, known_shapes: Mapping[int, Shape]) -> pl.DataFrame:
    texts = cells.wide(rows, of, known_shapes, entity.columns, ABSENT)
    if not entity.columns:
        return texts
    every = pl.col(entity.columns)
    return counting(texts.with_columns(pl.when(every == UNKNOWN).then(pl.lit(ABSENT)).otherwise(every).name.keep()), entity)


@dataclass(frozen=True)
class Spoken:
    """What records say."""

    cells: pl.DataFrame
    silent: Sequence[pl.DataFrame]
    """By entity, as they were heard: `row` and `number` of the contributions that have no opinion."""


def opinions(
    world: World, held: Sequence[Held], known_shapes: Mapping[int, Shape], fields: frozenset[str] | None = None
) -> Spoken:
    """What records say about fields, or about some of them."""
    if not held:
        return Spoken(CELLS.to_frame(), [])
    links, owners = _named(world, held, known_shapes, fields)
    parts = [_said(here, links, owners, fields) for here in held]
    return Spoken(pl.concat([CELLS.to_frame(), *(told for told, _ in parts)]), [silent for _, silent in parts])


def _said(
    held: Held, links: pl.DataFrame, owners: pl.DataFrame, fields: frozenset[str] | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    told = [said(held.entity, texts, links, owners, fields) for texts in held.texts]
    observed, base = told[0], told[-1]
    row = observed["row"]
    field = row * len(held.entity.fields) + observed["place"]
    spoken = (
        observed.with_columns(
            base=base["value"],
            edited_at=held.rows["edited_at"].gather(row),
            accepted=held.accepted.gather(field),
            has_base=held.mapped.gather(field),
            was_parted=_was_parted(held, observed),
        )
        .with_columns(has_base=opinion(pl.col("base")) & pl.col("has_base"))
        .with_columns(base=pl.when("has_base").then("base"))
        .select(CELLS.names())
    )
    # Where nothing was said before either, there is nothing to keep.
    never = pl.col("value").eq(ABSENT) & base["value"].eq_missing(ABSENT)
    return spoken, observed.filter(~opinion(pl.col("value")) & ~never).select("row", "number")


def _was_parted(held: Held, observed: pl.DataFrame) -> pl.Expr | pl.Series:
    """Of parts of texts: whether the text was edited."""
    found: pl.Expr | pl.Series = pl.lit(value=False)
    for number, column in held.entity.parts.items() if held.then is not held.now else ():
        edited = held.now[column].ne_missing(held.then[column])
        found = pl.when(pl.col("number") == number).then(edited.gather(observed["row"])).otherwise(found)
    return found


def bases(held: Held, silent: pl.DataFrame) -> pl.Series:
    """What the next edit of records is measured against: what they hold, but for what says nothing now. There it is what they
    held when they last said something, so that what they say next is an edit of that. What does not count now is held against
    nothing: once it counts, it is a first word.
    """
    texts = held.rows["vals"].alias("base")
    depends = held.entity.depends
    idle = held.now.select(pl.arg_where(~pl.all_horizontal(map(holds, depends.values())))).to_series() if depends else None
    rows = silent["row"] if idle is None else pl.concat([silent["row"], idle.cast(pl.Int64)])
    rows = rows.unique().sort()
    if rows.is_empty():
        return texts
    by_row = silent.group_by("row").agg("number")
    said_nothing = rows.to_frame().join(by_row, on="row", how="left", maintain_order="left")["number"]
    kept = [
        pl.when(
            said_nothing.list.set_intersection(sorted(numbers)).list.len() == len(numbers),
            holds(depends[column]) if column in depends else pl.lit(value=True),
        )
        .then(held.then[column].gather(rows))
        .otherwise(column)
        .alias(column)
        for column, numbers in held.entity.readers.items()
    ]
    columns = held.entity.columns
    return texts.scatter(rows, pack(held.now[rows].select(columns).with_columns(kept), columns))


def _named(
    world: World, held: Sequence[Held], known_shapes: Mapping[int, Shape], fields: frozenset[str] | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The clusters of all records that these name, and the owners of those."""
    hub = world.hub
    wanted = [pl.DataFrame(schema={"entity": pl.String, "id": pl.String})]
    for here in held:
        if fields is not None and not any(one.references and one.field in fields for one in here.entity.contributions):
            continue
        for path, to in here.entity.naming.items():
            texts = pl.concat([texts[path] for texts in here.texts]).drop_nulls().unique().to_frame("id")
            ids = texts.filter(opinion(pl.col("id")))
            if len(ids):
                wanted += [ids.select(entity=pl.lit(one), id="id") for one in to]
    named = pl.concat(wanted).unique()
    owners = _owners(world, named, known_shapes)
    everybody = pl.concat([named, owners.select(entity="owner_entity", id="owner")]).unique()
    links = members.clusters_of(hub, everybody).select(LINKS.names())
    return links, owners


def _owners(world: World, named: pl.DataFrame, known_shapes: Mapping[int, Shape]) -> pl.DataFrame:
    found = [OWNERS.to_frame()]
    for key, entity in world.model.entities.items():
        parent = entity.spec.parent
        here = named.filter(pl.col("entity") == key)
        if parent and len(here):
            stored = records.of(world.hub, here, ["entity", "id", "shape", "vals"])
            texts = cells.wide(stored, "vals", known_shapes, [parent.property], ABSENT)
            owner = pl.lit(f"{entity.system}.{parent.entity}")
            found.append(
                texts.filter(opinion(pl.col(parent.property))).select(
                    entity="#entity", id="#id", owner_entity=owner, owner=parent.property
                )
            )
    return pl.concat(found)
