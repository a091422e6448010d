"""Things that are about to get a counterpart each, and may prove to be one thing as soon as one of them has it. Pure.

A contact in the CRM and one in the ERP know nothing of each other; the contact person that is made from one of them may be
what a match rule recognises the other by. So one is made at a time, and the others are looked at again when it is there.
"""

import polars as pl

from talk_assets.sync.meaning.keys import match_keys
from talk_assets.sync.meaning.model import MatchModel, Model
from talk_assets.sync.plan import Observed, records_of, with_waiting

REASON = "what is being made of another record may be this too; it is looked at again once that is there"


def one_at_a_time(due: pl.DataFrame, sent: pl.DataFrame, observed: Observed, model: Model) -> pl.DataFrame:
    """Of creations that a rule would recognise by each other, the one that needs the least made up stays ready; and none beside
    one that was sent (`entity`, `cluster`, `path`, `after`) and has no answer.
    """
    creations = due.filter((pl.col("kind") == "create") & (pl.col("state") == "ready"))
    pairs = [pl.DataFrame(schema={"entity": pl.String, "cluster": pl.Int64})]
    for (entity,), made in creations.group_by("entity", maintain_order=True):
        rules = [rule for rule in model.matches if rule.pairs and entity in (rule.source, rule.target)]
        beside = sent.filter(pl.col("entity") == entity).join(made, on="cluster", how="anti")
        if made["cluster"].n_unique() + beside["cluster"].n_unique() > 1 and rules:
            later = _later(str(entity), made, beside, rules, observed, model)
            pairs.append(later.select(entity=pl.lit(entity), cluster="cluster"))
    return with_waiting(due, pl.concat(pairs).unique().with_columns(waits=pl.lit(REASON)))


def _later(
    entity: str, made: pl.DataFrame, sent: pl.DataFrame, rules: list[MatchModel], observed: Observed, model: Model
) -> pl.DataFrame:
    """cluster: whose record has a key that the new record of a better one will have, or the other way round."""
    columns = model.entities[entity].columns
    held = pl.concat([one.select("cluster", "path", "after") for one in (made, sent)])
    new = held.filter(pl.col("path").is_in(columns)).pivot(
        "path", on_columns=list(columns), index="cluster", values="after", aggregate_function="first"
    )
    of_new = match_keys(
        model.entities[entity], new.rename({"cluster": "#id"}).cast({"#id": pl.String}), rules, model.entities
    ).select("rule", "key", cluster=pl.col("id").cast(pl.Int64))
    found = [pl.DataFrame(schema={"cluster": pl.Int64, "other": pl.Int64})]
    for other in sorted({end for rule in rules for end in (rule.source, rule.target)} - {entity}):
        there = records_of(model.entities[other], observed).join(new, left_on="#cluster", right_on="cluster", how="semi")
        of_there = match_keys(
            model.entities[other],
            there.with_columns(pl.col("#cluster").cast(pl.String).alias("#id")),
            [rule for rule in rules if other in (rule.source, rule.target)],
            model.entities,
        ).select("rule", "key", other=pl.col("id").cast(pl.Int64))
        found.append(of_new.join(of_there, on=["rule", "key"]).select("cluster", "other"))
    # What is agreed has a version; what a mapping gives to new records has none.
    made_up = made.group_by("cluster").agg(pl.col("version").eq(0).sum()).sort("version", "cluster")
    ranks = pl.concat([sent.select("cluster").unique().sort("cluster"), made_up.select("cluster")]).with_row_index("rank")
    hits = (
        pl.concat(found)
        .filter(pl.col("cluster") != pl.col("other"))
        .join(ranks, on="cluster")
        .join(ranks, left_on="other", right_on="cluster", suffix="_other")
    )
    return hits.select(rank=pl.max_horizontal("rank", "rank_other")).unique().join(ranks, on="rank")
