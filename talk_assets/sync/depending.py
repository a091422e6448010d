"""What is planned for properties that count only while their record holds something else. Pure."""

from collections.abc import Mapping

import polars as pl

from talk_assets.specs.model import Constant, as_text
from talk_assets.sync.meaning.model import EntityModel, Model
from talk_assets.sync.meaning.values import misfit

_PLACE = ["cluster", "entity", "path"]
_GIVES = ("read_write", "create_only")


def told_where_it_counts(due: pl.DataFrame, model: Model, observed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Updates, without those of properties that will not count in their records, and without those that would empty what
    counts only from that very write on: a value beats nothing, and its record has had no say yet. What nothing is observed
    of, and nothing is due in, is as it should be.
    """
    known = _table(model)
    needed = due.filter(pl.col("kind") == "update").join(known, on=["entity", "path"])
    if needed.is_empty():
        return due
    becomes = pl.when(pl.col("state") == "ready").then("after").otherwise("before")
    moving = due.filter(pl.col("kind") == "update").select(
        "cluster", "entity", on="path", was="before", becomes=becomes, moves=pl.lit(value=True)
    )
    held = [_held(rows, str(key), observed) for (key,), rows in needed.group_by("entity", maintain_order=True)]
    wrong = (
        needed.join(moving, on=["cluster", "entity", "on"], how="left")
        .join(pl.concat(held), on=["cluster", "entity", "on"], how="left")
        .filter(
            pl.when("moves").then("becomes").otherwise("held").ne_missing(pl.col("expected"))
            | (pl.col("moves") & pl.col("was").ne_missing(pl.col("expected")) & pl.col("after").is_null())
        )
        .filter(pl.col("moves") | pl.col("is_seen"))
    )
    return due.join(wrong, on=_PLACE, how="anti", maintain_order="left")


def _held(needed: pl.DataFrame, key: str, observed: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """cluster, entity, on, held, is_seen: what records hold of what others of their properties depend on."""
    there = observed.get(key)
    schema = {"cluster": pl.Int64, "entity": pl.String, "on": pl.String, "held": pl.String, "is_seen": pl.Boolean}
    if there is None:
        return pl.DataFrame(schema=schema)
    wanted = there.join(needed.select("cluster").unique(), left_on="#cluster", right_on="cluster", how="semi")
    return (
        wanted.select("#cluster", *needed["on"].unique().sort())
        .unpivot(index="#cluster", variable_name="on", value_name="held")
        .select(cluster="#cluster", entity=pl.lit(key), on="on", held="held", is_seen=pl.lit(value=True))
    )


def given_where_it_counts(cells: pl.DataFrame, model: Model) -> pl.DataFrame:
    """What new records are given, without what will not count in them, and with what it depends on where nothing else says
    what that should be.
    """
    known = _table(model)
    needed = cells.filter(pl.col("waits").is_null() & ~misfit(pl.col("value"))).join(known, on=["entity", "path"])
    if needed.is_empty():
        return cells
    said = cells.select("cluster", "entity", on="path", said="value", is_said=pl.lit(value=True))
    alone = pl.col("may_give") & (pl.col("expected").n_unique().over("cluster", "entity", "on") == 1)
    judged = (
        needed.join(said, on=["cluster", "entity", "on"], how="left")
        .with_columns(gives=pl.col("is_said").is_null() & alone)
        .with_columns(
            is_so=pl.col("gives") | pl.coalesce("said", "otherwise").eq_missing(pl.col("expected")),
        )
        .with_columns(counts=pl.col("is_so").all().over(_PLACE))
    )
    given = judged.filter("counts", "gives").with_columns(
        path="on", value="expected", version=pl.lit(0, pl.Int64), fields=pl.lit([], pl.List(pl.String))
    )
    left = cells.join(judged.filter(~pl.col("counts")), on=_PLACE, how="anti", maintain_order="left")
    return pl.concat([left, given.select(cells.columns).unique(_PLACE, maintain_order=True)])


def _table(model: Model) -> pl.DataFrame:
    """entity, path, on, expected: what properties depend on; what a new record holds of it `otherwise`, and whether it may be
    given to one.
    """
    rows = [
        (key, path, one.path, one.value, _by_itself(entity, one.path), _may_give(model, entity, one.path))
        for key, entity in model.entities.items()
        for path, depends in entity.depends.items()
        for one in depends
    ]
    texts = dict.fromkeys(("entity", "path", "on", "expected", "otherwise"), pl.String)
    return pl.DataFrame(rows, schema={**texts, "may_give": pl.Boolean}, orient="row")


def _by_itself(entity: EntityModel, path: str) -> str | None:
    """What a record has that nobody gave anything, as far as specs say."""
    prop = entity.prop(path)
    fixed: Constant | None = entity.spec.where[path][0] if path in entity.spec.where else prop.default
    text = None if fixed is None else as_text(fixed)
    return text if text is None or isinstance(prop.values, tuple) else prop.values.get(text, text)


def _may_give(model: Model, entity: EntityModel, path: str) -> bool:
    mapped = path in model.projections(entity.key)
    given = any(path in mapping.on_create for mapping in model.mappings if mapping.target == entity.key)
    return not mapped and not given and _by_itself(entity, path) is None and entity.prop(path).access in _GIVES
