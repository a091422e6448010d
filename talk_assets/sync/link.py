"""New records and match keys → clusters.

Pure: frames in, frames out. All hits of a batch are weighed at once, so that neither the order of rows and pages nor that of
rules decides anything: what cannot be linked without a choice is shown instead.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from talk_assets.sync.meaning.model import MatchModel

RECORDS = pl.Schema({"entity": pl.String, "id": pl.String, "cluster": pl.Int64, "is_new": pl.Boolean})
NEVER = pl.Schema({"entity": pl.String, "id": pl.String, "other_entity": pl.String, "other_id": pl.String})
"""Pairs of records that an operator has told apart, in either order."""
MEMBERS = pl.Schema({"entity": pl.String, "id": pl.String, "cluster": pl.Int64, "how": pl.String, "rule": pl.Int32})
"""`how`: `alone`, `matched` (by the rule), or `merged` (moved along with its cluster)."""
MERGED = pl.Schema({"old_cluster": pl.Int64, "new_cluster": pl.Int64})
AMBIGUOUS = pl.Schema(
    {
        "rule": pl.Int32,
        "entity": pl.String,
        "id": pl.String,
        "candidates": pl.List(pl.String),
        "count": pl.UInt32,
        "reason": pl.String,
    }
)
"""`candidates` are written `entity/id`, the first few of `count`, without those that were told apart from the record;
`reason` is one of the five below.
"""

SHARED = "shared"
"""Several records of one entity have the key."""
TAKEN = "taken"
"""The clusters have an entity in common."""
CLASH = "clash"
"""Together with other links of the batch it would put two records of an entity into one cluster."""
KEPT_APART = "kept apart"
"""Together with other links of the batch it would join records that an operator has told apart."""
EDITED = "edited"
"""Both records are linked already, and the rule had its say about them: editing a key links nothing."""

_SHOWN = 20
_HIT = ["rule", "key"]


@dataclass(frozen=True)
class Linked:
    members: pl.DataFrame
    """Records whose cluster is new."""
    merged: pl.DataFrame
    """Clusters that are now part of another, with the smallest number of those that met."""
    ambiguous: pl.DataFrame
    """Records that something hits, and that are still without a counterpart in its entity."""


def link(
    records: pl.DataFrame,
    keys: Iterable[pl.DataFrame],
    rules: Sequence[MatchModel],
    next_cluster: int,
    never: pl.DataFrame,
    new_rules: Collection[int] = (),
) -> Linked:
    """`records`: what is new, what `keys` name, and all members of their clusters; more changes nothing.

    `keys`: for each key of a new or changed record, all records that have it, on both sides of its rule. They come in parts,
    all that have one key in the same, since what is made of one part needs a part of the memory. Those of other records than
    are given have no say.

    `new_rules`: those that were never asked about the records that are linked already.
    """
    names = pl.Enum(sorted({*records["entity"].unique(), *(name for rule in rules for name in (rule.source, rule.target))}))
    known = _known(records.with_columns(pl.col("entity").cast(names)), next_cluster)
    refused = _refused(never, known, names)
    parts = [_hits(_claims(part, known, names)) for part in keys]
    unique = pl.concat([_UNIQUE.to_frame(), *(part for part, _ in parts)])
    shared = pl.concat([_CLAIMS.to_frame(), *(part for _, part in parts)])
    is_new = pl.col("rule").is_in([*new_rules]).any()
    pairs = unique.group_by("source", "target", maintain_order=True).agg(pl.col("rule").min(), by_new_rule=is_new)
    weighed = _weigh(pairs, known, refused)

    accepted = weighed.filter(pl.col("reason").is_null())
    moved = _components(accepted)
    members = known.join(moved, on="cluster", how="left").with_columns(now=pl.coalesce("root", "cluster"))
    unlinked = unique.join(
        weighed.filter(pl.col("reason").is_not_null()).select("source", "target", "reason"), on=["source", "target"]
    )
    at_stake = pl.concat(
        [
            shared.select(*_HIT, "row", "is_source", reason=pl.lit(SHARED)),
            unlinked.select(*_HIT, row="source", is_source=pl.lit(value=True), reason="reason"),
            unlinked.select(*_HIT, row="target", is_source=pl.lit(value=False), reason="reason"),
        ]
    )
    return Linked(
        members=_members(members, accepted),
        merged=members.filter(pl.col("was") != pl.col("now"))
        .select(old_cluster="was", new_cluster="now")
        .unique()
        .sort("old_cluster"),
        ambiguous=_ambiguous(at_stake, members, refused, rules, names),
    )


def _known(records: pl.DataFrame, next_cluster: int) -> pl.DataFrame:
    """Every record with a number and a cluster: new ones get clusters of their own, in the order of their ids."""
    if (records["cluster"].max() or 0) >= next_cluster:  # type: ignore[operator]
        raise ValueError(f"cluster {records['cluster'].max()} exists, so {next_cluster} cannot be the next one")
    numbered = records.rename({"cluster": "was"}).with_row_index("row")
    fresh = numbered.filter(pl.col("was").is_null()).sort("entity", "id").select("row").with_row_index("given", next_cluster)
    return (
        numbered.join(fresh.cast({"given": pl.Int64}), on="row", how="left", maintain_order="left")
        .with_columns(cluster=pl.coalesce("was", "given"))
        # A record that has joined something and is not new forms no further link by itself.
        .with_columns(alone=pl.len().over("cluster") == 1)
        .with_columns(seeks=pl.col("is_new") | pl.col("alone"))
        .select("row", "entity", "id", "was", "cluster", "alone", "seeks")
    )


_CLAIMS = pl.Schema({"rule": pl.Int32, "key": pl.UInt64, "row": pl.UInt32, "is_source": pl.Boolean})
_UNIQUE = pl.Schema({"rule": pl.Int32, "key": pl.UInt64, "source": pl.UInt32, "target": pl.UInt32})


def _claims(keys: pl.DataFrame, known: pl.DataFrame, names: pl.Enum) -> pl.DataFrame:
    """Which record has which key, on which side of its rule."""
    return (
        keys.with_columns(pl.col("entity").cast(names, strict=False))
        .join(known.select("row", "entity", "id"), on=["entity", "id"])
        .select(*_HIT, "row", is_source=pl.col("side") == "source")
        .unique()
    )


def _hits(claims: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Keys that one record on either side of a rule has, with the two; and the claims to those that more have."""
    sources, targets = (
        claims.filter(side).group_by(_HIT).agg(pl.len().alias(f"{name}s"), pl.col("row").min().alias(name))
        for side, name in ((pl.col("is_source"), "source"), (~pl.col("is_source"), "target"))
    )
    hits = sources.join(targets, on=_HIT)
    is_unique = pl.col("sources").eq(1) & pl.col("targets").eq(1)
    shared = claims.join(hits.filter(~is_unique), on=_HIT, how="semi")
    return hits.filter(is_unique).select(_UNIQUE.names()), shared.select(_CLAIMS.names())


_APART = pl.Schema({"one": pl.UInt32, "two": pl.UInt32, "a": pl.Int64, "b": pl.Int64})


def _refused(never: pl.DataFrame, known: pl.DataFrame, names: pl.Enum) -> pl.DataFrame:
    """The rows of records told apart, in both orders: who is one with either of two is as apart as they are."""
    if never.is_empty():
        return _APART.to_frame()
    pairs = never.cast({"entity": names, "other_entity": names}, strict=False)
    rows = known.select("row", "entity", "id", "cluster")
    one_way = pairs.join(rows, on=["entity", "id"]).join(
        rows, left_on=["other_entity", "other_id"], right_on=["entity", "id"], suffix="_2"
    )
    apart = one_way.select(a="cluster", b="cluster_2").filter(pl.col("a") != pl.col("b")).unique()
    members = known.select("row", "cluster")
    of_clusters = apart.join(members, left_on="a", right_on="cluster").join(
        members, left_on="b", right_on="cluster", suffix="_2"
    )
    there = of_clusters.select(one="row", two="row_2", a="a", b="b")
    return pl.concat([there, there.select(one="two", two="one", a="b", b="a")]).unique()


def _weigh(pairs: pl.DataFrame, known: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Records that recognise each other and are not together yet, each pair with the reason why it makes no link, or none."""
    slots = known.select("cluster", "entity")
    proposed = (
        pairs.with_columns(
            a=known["cluster"].gather(pairs["source"]),
            b=known["cluster"].gather(pairs["target"]),
        )
        .filter(pl.col("a") != pl.col("b"))
        .join(refused, left_on=["source", "target"], right_on=["one", "two"], how="anti")
    )
    if proposed.is_empty():
        return proposed.with_columns(reason=pl.lit(None, pl.String))
    taken = (
        # Two that are alone have no entity in common; most of a first load need not be looked up.
        proposed.filter(~(known["alone"].gather(proposed["source"]) & known["alone"].gather(proposed["target"])))
        .select("a", "b")
        .unique()
        .join(slots, left_on="a", right_on="cluster")
        .join(slots, left_on=["b", "entity"], right_on=["cluster", "entity"], how="semi")
        .select("a", "b", taken=True)
        .unique()
    )
    weighed = proposed.join(taken, on=["a", "b"], how="left")
    # Edits among linked records count here too: else a link refused today would be made as soon as nothing in it is new.
    roots = _components(weighed.filter(pl.col("taken").is_null()))
    doubled = slots.join(roots, on="cluster").group_by("root", "entity").len().filter(pl.col("len") > 1)
    apart = (
        refused.filter(pl.col("a") != pl.col("b"))
        .join(roots, left_on="a", right_on="cluster")
        .join(roots, left_on=["b", "root"], right_on=["cluster", "root"], how="semi")
    )
    return (
        weighed.join(roots, left_on="a", right_on="cluster", how="left")
        .with_columns(
            seeks=known["seeks"].gather(weighed["source"]) | known["seeks"].gather(weighed["target"]) | weighed["by_new_rule"]
        )
        .with_columns(
            reason=pl.when("taken")
            .then(pl.lit(TAKEN))
            .when(pl.col("root").is_in(doubled["root"].unique().implode()))
            .then(pl.lit(CLASH))
            .when(pl.col("root").is_in(apart["root"].unique().implode()))
            .then(pl.lit(KEPT_APART))
            .when(~pl.col("seeks"))
            .then(pl.lit(EDITED))
        )
    )


def _components(pairs: pl.DataFrame) -> pl.DataFrame:
    """Clusters that pairs `a`, `b` connect, each with the smallest number of its component.

    Each round joins every cluster to its smallest neighbour and goes on with what the joined ones have around them, so that
    long chains take few rounds.
    """
    ends = pl.concat([pairs["a"], pairs["b"]])
    clusters = ends.unique().sort()
    places = ends.rank("dense").cast(pl.Int64) - 1
    links = pl.DataFrame({"u": places.head(pairs.height), "v": places.tail(pairs.height)})
    root = pl.int_range(clusters.len(), eager=True)
    while links.height:
        low, high = pl.min_horizontal("u", "v"), pl.max_horizontal("u", "v")
        nearest = links.select(u=high, v=low).group_by("u").agg(pl.col("v").min())
        parent = pl.int_range(clusters.len(), eager=True).scatter(nearest["u"], nearest["v"])
        while not (above := parent.gather(parent)).equals(parent):
            parent = above
        root = parent.gather(root)
        links = (
            links.select(u=parent.gather(links["u"]), v=parent.gather(links["v"])).unique().filter(pl.col("u") != pl.col("v"))
        )
    return pl.DataFrame({"cluster": clusters, "root": clusters.gather(root)})


def _members(members: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    matched = pl.concat([accepted.select("rule", row=side) for side in ("source", "target")])
    by_rule = matched.group_by("row").agg(pl.col("rule").min())
    how = pl.when(pl.col("rule").is_not_null()).then(pl.lit("matched")).when(pl.col("was").is_null()).then(pl.lit("alone"))
    return (
        members.filter(pl.col("was").ne_missing(pl.col("now")))
        .join(by_rule, on="row", how="left")
        .sort("now", "entity")
        .select("entity", "id", cluster="now", how=how.otherwise(pl.lit("merged")), rule="rule")
        .cast(MEMBERS)
    )


def _ambiguous(
    claims: pl.DataFrame, members: pl.DataFrame, refused: pl.DataFrame, rules: Sequence[MatchModel], names: pl.Enum
) -> pl.DataFrame:
    """`claims` to keys that link nothing, each with the `reason` → one row for each record that is left without a counterpart
    by that, unless it was told apart from all that it hits.
    """
    if claims.is_empty():
        return AMBIGUOUS.to_frame()
    ends = pl.DataFrame(
        [(rule.number, *end) for rule in rules for end in ((True, rule.target), (False, rule.source))],
        schema={"rule": pl.Int32, "is_source": pl.Boolean, "other": names},
        orient="row",
    )
    at_stake = claims.join(ends, on=["rule", "is_source"]).join(members.select("row", "entity", "id", "now"), on="row")
    name = pl.format("{}/{}", "entity", "id").sort()
    opposite = at_stake.group_by(*_HIT, ~pl.col("is_source")).agg(candidates=name.head(_SHOWN), count=pl.len())
    told_apart = (
        at_stake.join(refused, left_on="row", right_on="one")
        .join(at_stake, left_on=[*_HIT, "two"], right_on=[*_HIT, "row"], suffix="_2")
        .filter(pl.col("is_source") != pl.col("is_source_2"))
        .select(*_HIT, "row", "is_source")
        .unique()
    )
    left = (
        told_apart.join(at_stake.with_columns(~pl.col("is_source")), on=[*_HIT, "is_source"], suffix="_2")
        .join(refused, left_on=["row", "row_2"], right_on=["one", "two"], how="anti")
        .group_by(*_HIT, "row", "is_source")
        .agg(candidates=name.head(_SHOWN), count=pl.len())
    )
    own = told_apart.join(left, on=[*_HIT, "row", "is_source"], how="left").with_columns(pl.col("count").fill_null(0))
    return (
        at_stake.join(members, left_on=["now", "other"], right_on=["now", "entity"], how="anti")
        .join(opposite, on=[*_HIT, "is_source"])
        .join(own, on=[*_HIT, "row", "is_source"], how="left", suffix="_own")
        .with_columns(pl.coalesce(f"{one}_own", one).alias(one) for one in ("candidates", "count"))
        .filter(pl.col("count") > 0)
        .sort("rule", "entity", "id")
        .select(AMBIGUOUS.names())
        .cast(AMBIGUOUS)
    )
