"""What should be held, and what is → the writes that are due, each with its reason. Pure.

A write is due when the record has not taken the newest version of a value and holds another. A record that is missing is due
where a mapping creates it. What cannot be done yet waits, and what the API cannot do is said.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from talk_assets.specs.model import as_text
from talk_assets.sync.depending import given_where_it_counts, told_where_it_counts
from talk_assets.sync.meaning.formula import Formula
from talk_assets.sync.meaning.model import EntityModel, MappingModel, Model
from talk_assets.sync.meaning.values import ABSENT, misfit, opinion

DUE = pl.Schema(
    {
        "entity": pl.String,
        "cluster": pl.Int64,
        "id": pl.String,
        "kind": pl.String,
        "path": pl.String,
        "before": pl.String,
        "after": pl.String,
        "version": pl.Int64,
        "fields": pl.List(pl.String),
        "mapping": pl.String,
        "state": pl.String,
        "reason": pl.String,
    }
)
"""One row for each property of each write. States: `ready`, `waiting`, `refused`, `held`."""


Observed = Mapping[str, pl.DataFrame]
"""By entity: its records as text, a column for each property, beside the cluster as `#cluster` and the id as `#id`."""


@dataclass(frozen=True)
class Known:
    """What is there, of the clusters that are planned."""

    members: pl.DataFrame
    """cluster, entity, id"""
    referred: pl.DataFrame
    """cluster, entity, id: of the clusters that those refer to"""
    observed: Observed
    accepted: pl.DataFrame
    """cluster, entity, id, field, accepted"""
    tombstones: pl.DataFrame
    """cluster, entity: records that were deleted and are not made again, or that may exist already"""
    connected: pl.DataFrame
    """mapping, cluster: things that a synchronised record refers to, as far as a mapping asks for that"""


def plan(desired: pl.DataFrame, known: Known, model: Model) -> pl.DataFrame:
    """`desired` of all mappings together, of whole clusters."""
    wanted = desired.filter(opinion(pl.col("value")) | misfit(pl.col("value"))).unique(
        ["cluster", "entity", "path"], keep="first", maintain_order=True
    )
    translated = _translated(wanted, known, model)
    updated = _without_shown(translated, known, model)
    updates = told_where_it_counts(_updates(updated, known, model), model, known.observed)
    return pl.concat([updates, _creates(translated, known, model)]).sort("entity", "cluster", "id", "path", nulls_last=True)


def with_waiting(due: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    """Changes, of which some creations wait: `entity`, `cluster`, and for what (`waits`)."""
    if later.is_empty():
        return due
    waits = pl.col("waits").is_not_null() & (pl.col("kind") == "create")
    return (
        due.join(later, on=["entity", "cluster"], how="left", maintain_order="left")
        .with_columns(
            state=pl.when(waits).then(pl.lit("waiting")).otherwise("state"),
            reason=pl.when(waits).then("waits").otherwise("reason"),
        )
        .drop("waits")
    )


def write_hash(rows: pl.DataFrame) -> str:
    """What a write would send, in short."""
    told = rows.select("path", "after").sort("path").write_json()
    return hashlib.sha256(told.encode()).hexdigest()[:16]


# References


def _translated(wanted: pl.DataFrame, known: Known, model: Model) -> pl.DataFrame:
    """References: the number of a cluster becomes the id that the record's own system gives it."""
    named = model.named
    on = ["entity", "path"]
    naming = wanted.join(named, on=on, how="semi")
    if naming.is_empty():
        return wanted.with_columns(waits=pl.lit(None, pl.String))
    plain = wanted.join(named, on=on, how="anti").with_columns(waits=pl.lit(None, pl.String))
    rows = naming.with_row_index("row").with_columns(referred=pl.col("value").cast(pl.Int64, strict=False))
    everyone = pl.concat([known.members, known.referred]).unique()
    there = everyone.select(referred="cluster", to="entity", found="id").join(model.kinds, on="to")
    hits = (
        rows.select("row", "entity", "path", "referred")
        .join(named, on=on)
        .join(there.select("referred", "to", "found"), on=["referred", "to"], how="left")
        .join(there.select("referred", "subject").unique(), on="referred", how="left")
        .group_by("row")
        .agg(found=pl.col("found").drop_nulls().sort().first(), fits=(pl.col("to_subject") == pl.col("subject")).any())
    )
    told = (
        rows.join(hits, on="row", how="left")
        # A record of another kind is no business of this property: the one beside it that can name it will.
        .filter(pl.col("value").is_null() | pl.col("found").is_not_null() | pl.col("fits"))
        .with_columns(
            waits=pl.when(pl.col("value").is_not_null() & pl.col("found").is_null()).then(
                pl.format("{} names a record that is not in this system yet", "path")
            ),
            value=pl.when(pl.col("value").is_not_null()).then("found"),
        )
    )
    return pl.concat([plain, told.select(plain.columns)])


# Updates


def _updates(wanted: pl.DataFrame, known: Known, model: Model) -> pl.DataFrame:
    record = ["cluster", "entity", "id", "path"]
    unfit, waits = misfit(pl.col("value")), pl.col("waits").is_not_null()
    # What a record does not show may hold what it took once.
    is_unseen = pl.col("value").is_null() & (pl.col("held") == ABSENT).fill_null(value=False)
    # Most of what is wanted is there: what is not is few, and looked at further.
    differing = (
        wanted.join(known.members, on=["cluster", "entity"])
        .join(_held(wanted, known.observed), on=record, how="left")
        .with_columns(before=pl.when(opinion(pl.col("held"))).then("held"))
        .filter(waits | pl.col("value").ne_missing(pl.col("before")) | is_unseen)
    )
    if differing.is_empty():
        return DUE.to_frame()
    taken = (
        differing.select("cluster", "entity", "path", field="fields")
        .explode("field")
        .join(known.accepted, on=["cluster", "entity", "field"])
        .group_by(record)
        .agg(taken=pl.col("accepted").min())
    )
    return (
        differing.join(taken, on=record, how="left")
        .filter(pl.col("version") > pl.col("taken").fill_null(0))
        .filter(waits | ~is_unseen | (pl.col("taken") > 0))
        .join(model.limits, on=["entity", "path"], how="left")
        .select(
            *("entity", "cluster", "id"),
            kind=pl.lit("update"),
            path="path",
            before="before",
            after=pl.when(~unfit & ~waits).then("value"),
            version="version",
            fields="fields",
            mapping="mapping",
            state=pl.when(unfit)
            .then(pl.lit("held"))
            .when(pl.col("limit").is_not_null())
            .then(pl.lit("refused"))
            .when(waits)
            .then(pl.lit("waiting"))
            .otherwise(pl.lit("ready")),
            reason=pl.when(unfit).then(pl.col("value").str.slice(1)).otherwise(pl.coalesce("limit", "waits")),
        )
    )


_HELD = pl.Schema({"cluster": pl.Int64, "entity": pl.String, "id": pl.String, "path": pl.String, "held": pl.String})


def _held(wanted: pl.DataFrame, observed: Observed) -> pl.DataFrame:
    """cluster, entity, id, path, held: of the properties and clusters that something is wanted of."""
    found = [_HELD.to_frame()]
    for (key,), rows in wanted.group_by("entity", maintain_order=True):
        if (there := observed.get(str(key))) is not None:
            paths = [path for path in rows["path"].unique(maintain_order=True) if path in there.columns]
            held = there.join(rows.select("cluster").unique(), left_on="#cluster", right_on="cluster", how="semi").select(
                *paths, cluster="#cluster", id="#id", entity=pl.lit(key)
            )
            long = held.unpivot(index=["cluster", "entity", "id"], variable_name="path", value_name="held")
            found.append(long.select(_HELD.names()).cast(_HELD))
    return pl.concat(found)


def _without_shown(wanted: pl.DataFrame, known: Known, model: Model) -> pl.DataFrame:
    """Without what a record only shows of another one that is there and is told the same: two writes would meet in it."""
    showing = wanted.join(model.shown, on=["entity", "path"])
    if showing.is_empty():
        return wanted
    told = wanted.select("cluster", "path", owner="entity").join(
        known.members.select("cluster", owner="entity"), on=["cluster", "owner"], how="semi"
    )
    twice = showing.join(told, on=["cluster", "owner", "path"], how="semi")
    return wanted.join(twice, on=["cluster", "entity", "path"], how="anti")


# Creates


def _creates(wanted: pl.DataFrame, known: Known, model: Model) -> pl.DataFrame:
    made = _missing(known, model)
    if made.is_empty():
        return DUE.to_frame()
    there = ["cluster", "entity"]
    golden = wanted.join(made.select(there), on=there).select(_CELL)
    extras = [_given(mapping, made, known, model) for mapping in model.mappings]
    extras += [_joined(model.entities[key], made, known) for key in made["entity"].unique().sort()]
    cells = (
        pl.concat([*(part for part in extras if part is not None), golden])
        .filter(pl.col("value").is_not_null() | pl.col("waits").is_not_null())
        .unique([*there, "path"], keep="last", maintain_order=True)
    )
    cells = given_where_it_counts(cells, model)
    ready = cells.filter(pl.col("waits").is_null() & ~misfit(pl.col("value")))
    return (
        made.join(ready.drop("mapping"), on=there, how="left")
        .join(_lacking(made, cells, model), on=there, how="left")
        .with_columns(reason=pl.coalesce("doubt", "reason"))
        .select(
            "entity",
            "cluster",
            id=pl.lit(None, pl.String),
            kind=pl.lit("create"),
            path="path",
            before=pl.lit(None, pl.String),
            after="value",
            version="version",
            fields="fields",
            mapping="mapping",
            state=pl.when(pl.col("reason").is_null()).then(pl.lit("ready")).otherwise(pl.lit("waiting")),
            reason="reason",
        )
    )


def _missing(known: Known, model: Model) -> pl.DataFrame:
    """cluster, entity, mapping, doubt: records that some mapping creates, also by way of one that is about to be created; and
    those of which no mapping can tell whether it does, with the reason.
    """
    there = known.members.select("cluster", "entity")
    never = pl.concat([there, known.tombstones.select("cluster", "entity")]).unique()
    found = pl.DataFrame(schema={"cluster": pl.Int64, "entity": pl.String, "mapping": pl.String, "doubt": pl.String})
    mappings = [mapping for mapping in model.mappings if mapping.creates and mapping.bound]
    while True:
        have = pl.concat([there, found.select("cluster", "entity")])
        # Where rules could still recognise a counterpart, the source must be there first, for them to look at.
        steps = [
            allowed(
                mapping, (there if mapping.matches else have).filter(pl.col("entity") == mapping.source), known, model
            ).select("cluster", entity=pl.lit(mapping.target), mapping=pl.lit(mapping.name), doubt="doubt")
            for mapping in mappings
        ]
        more = (
            pl.concat([found.clear(), *steps])
            .join(never, on=["cluster", "entity"], how="anti")
            .join(found, on=["cluster", "entity"], how="anti")
            .sort(pl.col("doubt").is_not_null(), maintain_order=True)
            .unique(["cluster", "entity"], keep="first", maintain_order=True)
        )
        new = more.filter(pl.col("doubt").is_null())
        if new.is_empty():
            return pl.concat([found, more])
        found = pl.concat([found, new])


def allowed(mapping: MappingModel, sources: pl.DataFrame, known: Known, model: Model) -> pl.DataFrame:
    """cluster, doubt: those among `sources` for which the mapping's rule holds, or of which nobody can tell, with why."""
    clusters = sources.select("cluster", doubt=pl.lit(None, pl.String)).unique(maintain_order=True)
    if mapping.when is not None:
        records = records_of(model.entities[mapping.source], known.observed)
        said = records.select(cluster="#cluster", said=mapping.when.over(records))
        unfit = misfit(pl.col("said"))
        told = pl.format("the condition of {} cannot be computed for it: {}", pl.lit(mapping.name), pl.col("said").str.slice(1))
        clusters = (
            clusters.join(said, on="cluster", maintain_order="left")
            .filter(unfit | (pl.col("said") == "true"))
            .select("cluster", doubt=pl.when(unfit).then(told))
        )
    if mapping.connected:
        clusters = clusters.join(known.connected.filter(pl.col("mapping") == mapping.name), on="cluster", how="semi")
    return clusters


def _given(mapping: MappingModel, made: pl.DataFrame, known: Known, model: Model) -> pl.DataFrame | None:
    """What the mapping gives to records that it creates: constants, and what is computed from the source record."""
    here = made.filter(pl.col("mapping") == mapping.name)
    if here.is_empty() or not mapping.on_create:
        return None
    records = records_of(model.entities[mapping.source], known.observed)
    records = records.join(here, left_on="#cluster", right_on="cluster", how="semi")
    parts: list[pl.DataFrame] = []
    for path, value in mapping.on_create.items():
        if isinstance(value, Formula):
            parts.append(_cells(records["#cluster"], mapping.target, path, value.over(records), mapping.name))
        else:
            text = as_text(value)
            same = pl.Series([text] * len(here), dtype=pl.String)
            parts.append(_cells(here["cluster"], mapping.target, path, same, mapping.name))
    return pl.concat(parts)


def _joined(entity: EntityModel, made: pl.DataFrame, known: Known) -> pl.DataFrame | None:
    """Of a record that only joins another one of its cluster: which one."""
    joins = entity.spec.joins
    if joins is None:
        return None
    other = known.observed.get(f"{entity.system}.{joins.entity}")
    named = _NAMED.to_frame() if other is None else other.select(cluster="#cluster", named=joins.by)
    found = made.filter(pl.col("entity") == entity.key).select("cluster").join(named, on="cluster", how="left")
    waits = pl.when(pl.col("value").is_null()).then(pl.lit(f"its {joins.entity} is not there yet"))
    return _cells(found["cluster"], entity.key, joins.property, found["named"], "").with_columns(waits=waits)


_CELL = ["cluster", "entity", "path", "value", "version", "fields", "mapping", "waits"]
_NAMED = pl.Schema({"cluster": pl.Int64, "named": pl.String})


def _cells(clusters: pl.Series, entity: str, path: str, values: pl.Series, mapping: str) -> pl.DataFrame:
    return pl.DataFrame({"cluster": clusters, "value": values}).select(
        "cluster",
        entity=pl.lit(entity),
        path=pl.lit(path),
        value="value",
        version=pl.lit(0, pl.Int64),
        fields=pl.lit([], pl.List(pl.String)),
        mapping=pl.lit(mapping),
        waits=pl.lit(None, pl.String),
    )


def _lacking(made: pl.DataFrame, cells: pl.DataFrame, model: Model) -> pl.DataFrame:
    """cluster, entity, reason: creations that lack something their API insists on, or that is given only now."""
    unfit = misfit(pl.col("value"))
    required = made.select("cluster", "entity").join(model.required, on="entity").select("cluster", "entity", "path")
    given = cells.filter(unfit & (pl.col("fields").list.len() == 0)).select("cluster", "entity", "path")
    return (
        pl.concat([required, given])
        .unique(maintain_order=True)
        .join(cells.select("cluster", "entity", "path", "value", "waits"), on=["cluster", "entity", "path"], how="left")
        .filter(pl.col("value").is_null() | pl.col("waits").is_not_null() | unfit)
        .with_columns(
            problem=pl.coalesce(
                "waits", pl.when(unfit).then(pl.col("value").str.slice(1)), pl.format("{} is required and has no value", "path")
            )
        )
        .sort("path")
        .group_by("cluster", "entity", maintain_order=True)
        .agg(reason=pl.col("problem").str.join("; "))
    )


def records_of(entity: EntityModel, observed: Observed) -> pl.DataFrame:
    """What is observed of one entity; of one that has no records, nothing."""
    there = observed.get(entity.key)
    if there is not None:
        return there
    return pl.DataFrame(schema={"#cluster": pl.Int64, "#id": pl.String, **dict.fromkeys(entity.columns, pl.String)})
