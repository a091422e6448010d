"""Properties that count only while their record holds something else."""

from collections.abc import Sequence
from functools import reduce
from operator import and_

import polars as pl

from talk_assets.specs.ends import Dependence
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.meaning.values import ABSENT


def holds(depends: Sequence[Dependence]) -> pl.Expr:
    """Over a record's columns of text: whether all of it is so. What is not shown is not so."""
    return reduce(and_, (pl.col(one.path).eq_missing(pl.lit(one.value)) for one in depends))


def counting(texts: pl.DataFrame, entity: EntityModel) -> pl.DataFrame:
    """Records of an entity, without what does not count in them: they do not show it."""
    if not entity.depends:
        return texts
    return texts.with_columns(
        pl.when(holds(depends)).then(path).otherwise(pl.lit(ABSENT)).alias(path) for path, depends in entity.depends.items()
    )
