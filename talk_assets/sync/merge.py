"""What records say → what is agreed.

Pure: frames in, frames out. A cell is what one record says about one field; `edited` is a matter of values, never of times,
actors or echoes. Times only choose between edits that contradict each other.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from talk_assets.hub.tables.golden import GOLDEN
from talk_assets.sync.meaning.model import ConflictRules
from talk_assets.sync.meaning.values import PENDING, misfit, opinion

CELLS = pl.Schema(
    {
        "cluster": pl.Int64,
        "field": pl.String,
        "entity": pl.String,
        "id": pl.String,
        "value": pl.String,
        "base": pl.String,
        "has_base": pl.Boolean,
        "accepted": pl.Int64,
        "edited_at": pl.Datetime("us"),
        "rank": pl.Int32,
        "was_parted": pl.Boolean,
    }
)
"""`base` is what the record said when it last agreed, `accepted` the version of the field that it last took; `was_parted` says
of a part of a text that the text was edited, whichever part of it.
"""
CONFLICTS = pl.Schema(
    {
        "cluster": pl.Int64,
        "field": pl.String,
        "kind": pl.String,
        "entity": pl.String,
        "id": pl.String,
        "value": pl.String,
        "base": pl.String,
        "edited_at": pl.Datetime("us"),
        "won": pl.Boolean,
    }
)
KEY = ["cluster", "field"]
_STANDING = -1
"""The rank of what is agreed already."""
_TRAIL = 3


@dataclass(frozen=True)
class Merged:
    golden: pl.DataFrame
    """All fields of the clusters that were looked at."""
    accepted: pl.DataFrame
    """By cell: the version that the record has taken; 0 where it must be told."""
    conflicts: pl.DataFrame
    """Every value of every contradiction, with the winner."""
    held: pl.DataFrame
    """Fields whose value flips between writers: as they were, until a person decides."""
    undecided: pl.DataFrame
    """Fields whose edits contradict each other, and that stay as they are for that."""
    changed: pl.DataFrame
    """Cluster, field and version of what has a new value."""


def merge(cells: pl.DataFrame, golden: pl.DataFrame, rules: ConflictRules | None = None) -> Merged:
    """All cells of some clusters, and what was agreed on them before."""
    rules = rules or ConflictRules()
    # Where nothing is agreed on, what records hold is their first word, whatever they held before.
    agreed_on = golden.select(*KEY, is_agreed=pl.lit(value=True))
    cells = cells.join(agreed_on, on=KEY, how="left", maintain_order="left").with_columns(
        has_base=pl.col("has_base") & pl.col("is_agreed").fill_null(value=False)
    )
    weighed = _weigh(cells, golden)
    candidates = pl.concat([weighed.filter("speaks").select(_CANDIDATE), _standing(weighed)])
    contradicting = _contradicting(candidates)
    undecided = contradicting.filter(pl.col("field").is_in(list(rules.hold)))
    winners = (
        candidates.join(undecided, on=KEY, how="anti")
        .join(rules.preferred, on=["field", "entity"], how="left")
        .sort(
            *("empty", "preference", "edited_at", "rank", "entity", "id"),
            descending=[False, False, True, False, False, False],
            nulls_last=True,
        )
        .group_by(KEY, maintain_order=True)
        .first()
    )
    # Of what nobody says anything, nothing is agreed on.
    agreed = (
        _agree(weighed, winners, golden)
        .filter(~pl.col("is_first") | pl.col("speaks"))
        .join(undecided.select(*KEY, undecided=pl.lit(value=True)).unique(), on=KEY, how="left")
    )
    agreed = agreed.with_columns(undecided=pl.col("undecided").fill_null(value=False))
    return Merged(
        # What was never agreed on, and is not now, is no agreement on nothing.
        golden=agreed.filter(~pl.col("undecided") | ~pl.col("is_first")).select(GOLDEN.names()),
        accepted=_accepted(cells, agreed),
        conflicts=_conflicts(contradicting, winners),
        held=agreed.filter("flips").select(*KEY, "entity", "id", reason=_flipping()),
        undecided=_told(undecided),
        changed=agreed.filter("is_changed").select(*KEY, "version"),
    )


def overruled(golden: pl.DataFrame, words: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Fields as a person says that they are: `cluster`, `field`, `value`, and the record (`entity`, `id`) that it is the value
    of. What was agreed before is all that stays of their trail, so that nobody who goes back to it goes back and forth.
    """
    before = golden.select(*KEY, "version", trail=pl.concat_list(_writer("entity", "value")))
    return words.join(before, on=KEY, how="left").with_columns(
        version=pl.col("version").fill_null(0) + 1,
        edited_at=pl.lit(at, pl.Datetime("us")),
        trail=pl.col("trail").fill_null([]),
    )


def agreed_before(golden: pl.DataFrame, changes: pl.Expr) -> pl.DataFrame:
    """What was agreed on so many changes ago, as far as the trail tells: `cluster`, `field`, `value`, the `entity` that it came
    from, and whether it is `known`.
    """
    step = pl.when(changes > 0).then(pl.col("trail").list.get(-changes, null_on_oob=True))
    told = step.str.splitn("=", 2).struct
    value = told.field("field_1")
    return golden.select(*KEY, entity=told.field("field_0"), value=pl.when(value != "").then(value), known=step.is_not_null())


def _flipping() -> pl.Expr:
    return pl.format("two writers replace each other: {}", pl.col("trail").list.join(", "))


def _told(undecided: pl.DataFrame) -> pl.DataFrame:
    told = pl.format("{} of {}/{}", pl.col("value").fill_null("nothing"), "entity", "id")
    return (
        undecided.sort(*KEY, "entity", "id")
        .group_by(KEY, maintain_order=True)
        .agg(pl.col("entity").first(), pl.col("id").first(), reason=told.str.join(" against "))
    )


_CANDIDATE = [*KEY, "entity", "id", "value", "base", "edited_at", "rank", "empty", "any_edited"]


def _weigh(cells: pl.DataFrame, golden: pl.DataFrame) -> pl.DataFrame:
    """Who has something to say. Once a field was edited its edits decide; before that, records that are new to it speak."""
    old = golden.select(*KEY, old="value", old_version="version", old_entity="entity", old_id="id", old_at="edited_at")
    differs = pl.col("old_version").is_null() | pl.col("value").ne_missing(pl.col("old"))
    # Where others part the text elsewhere, the whole of it is meant.
    parted = pl.col("was_parted") & differs & (pl.col("accepted") >= pl.col("old_version"))
    return (
        cells.filter(opinion(pl.col("value")))
        .join(old, on=KEY, how="left")
        .with_columns(
            edited=pl.col("has_base") & (pl.col("value").ne_missing(pl.col("base")) | parted),
            empty=pl.col("value").is_null(),
            differs=differs,
        )
        .with_columns(any_edited=pl.col("edited").any().over(KEY))
        .with_columns(speaks=pl.when("any_edited").then("edited").otherwise(~pl.col("has_base") & pl.col("differs")))
    )


def _standing(weighed: pl.DataFrame) -> pl.DataFrame:
    """What is agreed already stands beside records that are new to it, and beside edits made in ignorance of it."""
    unaware = pl.col("edited") & (pl.col("accepted") < pl.col("old_version")) & pl.col("differs")
    newcomer = ~pl.col("any_edited") & pl.col("speaks")
    return (
        weighed.filter((unaware | newcomer) & pl.col("old_version").is_not_null())
        .unique(KEY, maintain_order=True)
        .with_columns(
            entity="old_entity",
            id="old_id",
            value="old",
            base="old",
            edited_at="old_at",
            rank=pl.lit(_STANDING, pl.Int32),
            empty=pl.col("old").is_null(),
        )
        .select(_CANDIDATE)
    )


def _agree(weighed: pl.DataFrame, winners: pl.DataFrame, golden: pl.DataFrame) -> pl.DataFrame:
    chosen = winners.select(
        *KEY,
        new="value",
        new_entity="entity",
        new_id="id",
        new_at="edited_at",
        speaks=pl.lit(value=True),
        is_edit=pl.col("any_edited") & (pl.col("rank") != _STANDING),
    )
    unsaid = weighed.select(KEY).unique(maintain_order=True)
    fields = pl.concat([golden.select(KEY), unsaid]).unique(maintain_order=True)
    both = (
        fields.join(golden, on=KEY, how="left")
        .join(chosen, on=KEY, how="left")
        .with_columns(speaks=pl.col("speaks").fill_null(value=False), trail=pl.col("trail").fill_null([]))
    )
    is_first = pl.col("version").is_null()
    differs = pl.col("speaks") & (is_first | pl.col("new").ne_missing(pl.col("value")))
    before = pl.col("trail").list.concat(pl.concat_list(_writer("entity", "value")))
    return (
        both.with_columns(
            is_first=is_first, is_changed=differs, before=pl.when(is_first).then("trail").otherwise(before).list.tail(_TRAIL)
        )
        .with_columns(flips=pl.col("is_changed") & pl.col("new_entity").ne_missing(pl.col("entity")) & _comes_back())
        .with_columns(is_changed=pl.col("is_changed") & ~pl.col("flips"))
        .with_columns(
            version=pl.when("is_changed").then(pl.col("version").fill_null(0) + 1).otherwise(pl.col("version").fill_null(1)),
            value=pl.when("is_changed").then("new").otherwise("value"),
            entity=pl.when("is_changed").then("new_entity").otherwise("entity"),
            id=pl.when("is_changed").then("new_id").otherwise("id"),
            edited_at=pl.when("is_changed").then("new_at").otherwise("edited_at"),
            trail=pl.when("is_changed").then("before").otherwise("trail"),
        )
    )


def _writer(entity: str, value: str) -> pl.Expr:
    """One step of a trail: who wrote what."""
    return pl.concat_str(entity, pl.lit("="), pl.col(value).fill_null(""), ignore_nulls=True)


def _comes_back() -> pl.Expr:
    """Two writers replace each other's value by turns: a, b, a, and now b again."""
    last, one_before, two_before = (pl.col("before").list.get(-place, null_on_oob=True) for place in (1, 2, 3))
    return (_writer("new_entity", "new") == one_before).fill_null(value=False) & (last == two_before).fill_null(value=False)


def _accepted(cells: pl.DataFrame, agreed: pl.DataFrame) -> pl.DataFrame:
    """A record that holds the agreed value has taken its version. One that was edited or is new and holds another has not.
    Where somebody has edited a record to the agreed value, nor has any that holds another one: what it agreed to was called
    otherwise, as by a value map that was changed since. One that does not show the property is told nothing again: it may have
    taken it. One that shows what does not fit, or what nobody understands yet, is told nothing over it.
    """
    joined = cells.join(
        agreed.select(
            *KEY,
            "version",
            agreed="value",
            held=pl.col("flips") | pl.col("undecided"),
            is_said=pl.col("is_edit").fill_null(value=False) & ~pl.col("is_changed"),
        ),
        on=KEY,
        how="left",
    )
    has_it = opinion(pl.col("value")) & pl.col("value").eq_missing(pl.col("agreed"))
    must_hear = opinion(pl.col("value")) & (
        ~pl.col("has_base") | pl.col("is_said") | pl.col("value").ne_missing(pl.col("base"))
    )
    return joined.select(
        "cluster",
        "field",
        "entity",
        "id",
        accepted=pl.when("held")
        .then("accepted")
        .when((has_it & pl.col("version").is_not_null()) | (pl.col("value") == PENDING) | misfit(pl.col("value")))
        .then(pl.coalesce("version", "accepted"))
        .when(must_hear)
        .then(pl.lit(0, pl.Int64))
        .otherwise("accepted"),
    )


def _contradicting(candidates: pl.DataFrame) -> pl.DataFrame:
    # A record that is linked and has nothing there contradicts nobody.
    telling = candidates.filter(pl.col("any_edited") | ~pl.col("empty"))
    return telling.filter(pl.col("value").n_unique().over(KEY) > 1)


def _conflicts(contradicting: pl.DataFrame, winners: pl.DataFrame) -> pl.DataFrame:
    chosen = winners.select(*KEY, winner="value", is_won=pl.lit(value=True))
    return contradicting.join(chosen, on=KEY, how="left").select(
        *KEY,
        pl.when("any_edited").then(pl.lit("edits")).otherwise(pl.lit("first link")).alias("kind"),
        "entity",
        "id",
        "value",
        "base",
        "edited_at",
        won=pl.col("is_won").fill_null(value=False) & pl.col("value").eq_missing(pl.col("winner")),
    )


def misfits(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells whose value does not fit: they have no say, and are shown."""
    return cells.filter(misfit(pl.col("value"))).select("cluster", "field", "entity", "id", reason=pl.col("value").str.slice(1))
