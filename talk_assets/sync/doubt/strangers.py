"""New records that are linked with nothing, and that hold what was sent in a creation of which a person is asked what came of
it: before that is answered, nobody knows whether they are what came of it.
"""

from collections.abc import Iterator, Mapping

import polars as pl

from talk_assets.hub import Shape
from talk_assets.hub.tables import cells, history, holds, intents, members, records, shapes
from talk_assets.sync.doubt.candidates import candidates, of_creations
from talk_assets.sync.meaning.keys import form_name, kind_of, with_normal
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.world import AT_ONCE, World

FOUND = pl.Schema({"number": pl.Int64, "entity": pl.String, "id": pl.String})


def ask_about(world: World, fresh: pl.DataFrame) -> None:
    """Have the holds that ask what came of a creation name those of some new records (`entity`, `id`) that may be it."""
    hub = world.hub
    asking = of_creations(holds.still(hub, "rejected")).filter(pl.col("entity").is_in(list(world.model.entities)))
    sent = intents.asked_about(hub, asking.join(fresh, on="entity", how="semi"))
    if sent.is_empty():
        return
    known_shapes, near = shapes.shapes(hub), fresh.join(sent, on="entity", how="semi")
    parts = [_alike(world, part, sent, known_shapes) for part in near.iter_slices(AT_ONCE)]
    named = asking.select("number", record="candidates").explode("record")
    found = pl.concat(parts).join(named, on=["number", "record"], how="anti")
    if found.is_empty():
        return
    holds.name(hub, found)
    reason = pl.format(
        "may be what was made for {} (hold {})", pl.col("source").fill_null("something that is gone by now"), "number"
    )
    told = candidates(hub).join(found, on=["number", "record"])
    history.append(hub, told.select("entity", "id", "cluster", kind=pl.lit("held"), reason=reason), world.run)


def _alike(world: World, fresh: pl.DataFrame, sent: pl.DataFrame, known_shapes: Mapping[int, Shape]) -> pl.DataFrame:
    """`number`, `entity`, `id`, `record`: which of the new records that are linked with nothing hold what was sent."""
    placed = members.clusters_of(world.hub, fresh)
    alone = members.ids_in(world.hub, placed.select("cluster")).filter(pl.len().over("cluster") == 1)
    found = [FOUND.to_frame()]
    for (key,), rows in cells.by_kind(records.of(world.hub, alone, ["entity", "id", "shape", "vals"]), "entity"):
        entity = world.entity(str(key))
        shown = cells.wide(rows, "vals", known_shapes, entity.columns, ABSENT)
        found.append(holding(entity, sent.filter(pl.col("entity") == key), shown))
    return pl.concat(found).with_columns(record=pl.format("{}/{}", "entity", "id"))


def holding(entity: EntityModel, sent: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """As FOUND: which records (`#id`, and a column of text for each property) hold all that was sent (`number`, `paths`,
    `after`), as far as they mention it. A server may have spelled it otherwise.
    """
    shows = [path for path in entity.columns if entity.prop(path).access != "write_only"]
    told = (
        sent.select(pl.col("number").alias("#number"), "after", path="paths")
        .explode("path", "after")
        .filter(pl.col("path").is_in(shows))
    )
    if told.is_empty():
        return FOUND.to_frame()
    paths = told["path"].unique().sort().to_list()
    kinds = [(path, kind_of(entity.prop(path))) for path in paths]
    forms = {path: form_name(path, kind) for path, kind in kinds}
    is_sent = {path: pl.col(form).is_not_null() for path, form in forms.items()}
    is_said = {path: pl.col(path).ne_missing(ABSENT) for path in paths}
    asked = told.pivot("path", on_columns=paths, index="#number", values="after", aggregate_function="first")
    there, found = with_normal(shown, kinds), [FOUND.to_frame()]
    for compared, alike in _by_what(with_normal(asked, kinds), is_sent):
        for mentioned, some in _by_what(there, {path: is_said[path] for path in compared}):
            on = [forms[path] for path in mentioned]
            both = some.select("#id", *on).join(alike.select("#number", *on), on=on)
            found.append(both.select(number="#number", entity=pl.lit(entity.key), id="#id"))
    return pl.concat(found)


def _by_what(rows: pl.DataFrame, is_there: Mapping[str, pl.Expr]) -> Iterator[tuple[list[str], pl.DataFrame]]:
    """Rows by what is there of them, of what is looked for; without those of which nothing is."""
    which = pl.concat_list(pl.when(there).then(pl.lit(path)) for path, there in is_there.items()).list.drop_nulls()
    for (names,), some in rows.with_columns(which.alias("#which")).group_by("#which", maintain_order=True):
        if names:
            yield names, some.drop("#which")
