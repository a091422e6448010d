"""What records say about fields, taken from the hub: what they hold, and what they held when they agreed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from talk_assets.hub import Shape, cells, members, records
from talk_assets.hub.members import UNKNOWN
from talk_assets.sync.cells import LINKS, OWNERS, said
from talk_assets.sync.merge import CELLS
from talk_assets.sync.model import EntityModel
from talk_assets.sync.values import ABSENT, opinion
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
        found.append(Held(entity, rows, now, then, cells.accepted_in(rows, world.shapes[key], known_shapes)))
    return found


def _texts(entity: EntityModel, rows: pl.DataFrame, of: str, known_shapes: Mapping[int, Shape]) -> pl.DataFrame:
    texts = cells.wide(rows, of, known_shapes, entity.columns, ABSENT)
    if not entity.columns:
        return texts
    every = pl.col(entity.columns)
    return texts.with_columns(pl.when(every == UNKNOWN).then(pl.lit(ABSENT)).otherwise(every).name.keep())


def opinions(
    world: World, held: Sequence[Held], known_shapes: Mapping[int, Shape], fields: frozenset[str] | None = None
) -> pl.DataFrame:
    """What records say about fields, or about some of them."""
    if not held:
        return CELLS.to_frame()
    links, owners = _named(world, held, known_shapes, fields)
    parts = [_said(here, links, owners, fields) for here in held]
    return pl.concat([CELLS.to_frame(), *parts])


def _said(held: Held, links: pl.DataFrame, owners: pl.DataFrame, fields: frozenset[str] | None) -> pl.DataFrame:
    told = [said(held.entity, texts, links, owners, fields) for texts in held.texts]
    observed, base = told[0], told[-1]
    row = observed["row"]
    return (
        observed.with_columns(
            base=base["value"],
            edited_at=held.rows["edited_at"].gather(row),
            accepted=held.accepted.gather(row * len(held.entity.fields) + observed["place"]),
        )
        .with_columns(has_base=opinion(pl.col("base")))
        .with_columns(base=pl.when("has_base").then("base"))
        .select(CELLS.names())
    )


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
