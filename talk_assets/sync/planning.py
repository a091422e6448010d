"""The plan stage, fed from the hub and written back to it: what is agreed → the changes that are due, after the guards."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from talk_assets.hub.tables import (
    ambiguous,
    cells,
    changes,
    cursors,
    golden,
    holds,
    intents,
    members,
    meta,
    records,
    shapes,
    tombstones,
)
from talk_assets.hub.tables.golden import Wide
from talk_assets.sync.decisions import keep_trips, release_settled, use_approvals
from talk_assets.sync.depending import told_where_it_counts
from talk_assets.sync.doubt.candidates import made_when_told
from talk_assets.sync.doubt.loaded import loaded
from talk_assets.sync.doubt.twins import one_at_a_time
from talk_assets.sync.doubt.unread import made_later
from talk_assets.sync.guards import Trip, guard
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.plan import DUE, Known, Observed, plan, write_hash
from talk_assets.sync.seen import Seen, look
from talk_assets.sync.translate import translate_all
from talk_assets.sync.world import AT_ONCE, World

_SPECS = "specs planned by"


@dataclass(frozen=True)
class PlanReport:
    ready: int
    waiting: int
    refused: int
    held: int
    trips: tuple[Trip, ...]


def plan_stage(world: World, *, approved: frozenset[str] = frozenset(), seen: Seen | None = None) -> PlanReport:
    """Golden fields → what each record should hold → the changes that are due, after the guards. `seen` is what merging has
    just read.
    """
    hub = world.hub
    before = cursors.position(hub, "plan")
    to = hub.position()
    # By other specs, other writes may be due.
    is_news = meta.get(hub, _SPECS) != world.model.signature
    touched = _with_connected(world, changes.to_plan(hub, 0 if is_news else before or 0))
    report = PlanReport(0, 0, 0, 0, ())
    if touched.is_empty():
        return report

    def work() -> None:
        nonlocal report
        given = approved | holds.approved(hub)
        due, trips = planned(world, touched, given, seen)
        if given:
            use_approvals(world, planned(world, touched, seen=seen)[1], given)
        keep_trips(world, trips)
        release_settled(world, touched, due)
        _keep(world, touched, due)
        if is_news:
            meta.put(hub, _SPECS, world.model.signature)
        if to != before:
            cursors.move(hub, "plan", expected=before, to=to)
        counts = dict(due.select("entity", "cluster", "state").unique()["state"].value_counts().iter_rows())
        # What an earlier run planned and did not send is ready as well.
        ready = changes.ready(hub)
        report = PlanReport(ready, counts.get("waiting", 0), counts.get("refused", 0), counts.get("held", 0), tuple(trips))

    hub.run(work, "plan")
    return report


def stirred(world: World) -> pl.DataFrame:
    """The clusters (`cluster`) that something happened to since the last plan."""
    return changes.stirred(world.hub, cursors.position(world.hub, "plan") or 0)


def planned(
    world: World, touched: pl.DataFrame, approved: frozenset[str] = frozenset(), seen: Seen | None = None
) -> tuple[pl.DataFrame, list[Trip]]:
    """What is due in some clusters, after the guards."""
    hub, model = world.hub, world.model
    if touched.is_empty():
        return DUE.to_frame(), []
    # Some at a time, as they are agreed on. What is about to be made is compared with all else that is.
    parts = [_planned(world, part, seen) for part in touched.iter_slices(AT_ONCE)]
    due = pl.concat([part for part, _ in parts]).sort("entity", "cluster", "id", "path", nulls_last=True)
    keys = dict.fromkeys(key for _, met in parts for key in met)
    observed = {key: pl.concat([met[key] for _, met in parts if key in met]) for key in keys}
    asked = made_when_told(world, _quarantined(world, _unsettled(world, due)))
    due = made_later(world, one_at_a_time(asked, intents.open_creations(hub), observed, model))
    if due.is_empty():
        return due, []
    linked = members.counts(hub)
    known = loaded(hub)
    loading = {key for key in due["entity"].unique() if not linked.get(key) or key not in known}
    left, trips = guard(due, linked, loading=loading, approved=approved, limits=world.limits)
    # What a property depends on may be held, and the property itself not.
    return told_where_it_counts(left, model, {}), trips


def _planned(world: World, touched: pl.DataFrame, seen: Seen | None) -> tuple[pl.DataFrame, Observed]:
    """What is due in some clusters; and what is observed where something is to be made."""
    part = _part(world, touched, seen)
    desired = translate_all(part.agreed, world.model, part.observed)
    known = _known(world, touched, part, desired.select("cluster", "entity", field="fields").explode("field").unique())
    due = plan(desired, known, world.model)
    if not (due["kind"] == "create").any():
        return due, {}
    making = due.filter(pl.col("kind") == "create").select("cluster").unique()
    met = {key: rows.join(making, left_on="#cluster", right_on="cluster", how="semi") for key, rows in known.observed.items()}
    return due, met


def _with_connected(world: World, touched: pl.DataFrame) -> pl.DataFrame:
    """With the things that records in these clusters refer to, where their mapping waits for that."""
    hub, asking = world.hub, world.model.connections
    if asking.is_empty():
        return touched
    known_shapes = shapes.shapes(hub)
    found = [touched]
    for part in touched.iter_slices(AT_ONCE):
        naming = cells.sides(hub, part).join(asking, on="entity", how="semi")
        said = cells.long(naming, known_shapes).select("entity", path="column", id="observed")
        named = said.join(asking, on=["entity", "path"]).select("id", entity="source").drop_nulls().unique()
        found.append(members.clusters_of(hub, named).select("cluster"))
    return pl.concat(found).unique().sort("cluster")


@dataclass(frozen=True)
class _Part:
    """Some clusters: what is agreed on them, their members, and what those hold."""

    agreed: Mapping[str, Wide]
    members: pl.DataFrame
    stored: pl.DataFrame
    observed: Observed


def _part(world: World, touched: pl.DataFrame, seen: Seen | None = None) -> _Part:
    hub = world.hub
    placed, held = look(hub, touched, seen)
    here = placed.select("cluster", "entity", "id")
    stored = placed.rename({"shape": "base_shape"}).join(held, on=["entity", "id"])
    known_shapes = shapes.shapes(hub)
    return _Part(
        agreed=golden.wide(hub, touched, world.model.subjects, ABSENT),
        members=here,
        stored=stored,
        observed={
            str(key): cells.wide(rows, "vals", known_shapes, world.entity(str(key)).columns, ABSENT).drop("#entity")
            for (key,), rows in cells.by_kind(stored, "entity")
            if key in world.model.entities
        },
    )


def known_of(world: World, touched: pl.DataFrame) -> Known:
    """What is there of some clusters, and of what they refer to."""
    return _known(world, touched, _part(world, touched))


def _known(world: World, touched: pl.DataFrame, part: _Part, asked: pl.DataFrame | None = None) -> Known:
    """With the versions of fields that are `asked` for, as `cells.accepted` has them."""
    hub, here = world.hub, part.members
    return Known(
        members=here.sort("cluster", "entity", "id"),
        referred=members.ids_in(hub, _referred(world, part.agreed)).select("cluster", "entity", "id"),
        observed=part.observed,
        accepted=cells.accepted(part.stored, shapes.shapes(hub), asked),
        tombstones=pl.concat([tombstones.in_clusters(hub, touched).select("cluster", "entity"), undecided(world, here)]),
        connected=_connected(world, here),
    )


def _referred(world: World, agreed: Mapping[str, Wide]) -> pl.DataFrame:
    """The clusters (`cluster`) that others are agreed to refer to."""
    named = [field for field in world.model.fields.values() if field.references and field.subject in agreed]
    values = [agreed[field.subject].values.select(cluster=pl.col(field.name).cast(pl.Int64, strict=False)) for field in named]
    return pl.concat([pl.DataFrame(schema={"cluster": pl.Int64}), *values]).drop_nulls().unique()


def _connected(world: World, here: pl.DataFrame) -> pl.DataFrame:
    """mapping, cluster: things without a counterpart to which a record refers that is synchronised into the target's system."""
    hub, asking = world.hub, world.model.connections
    found = [pl.DataFrame(schema={"mapping": pl.String, "cluster": pl.Int64})]
    for mapping, source, target, entity, path in asking.iter_rows():
        there = here.filter(pl.col("entity") == target).select("cluster")
        lacking = here.filter(pl.col("entity") == source).join(there, on="cluster", how="anti")
        naming = records.holding(hub, entity, path, lacking.select(value="id").unique())
        placed = naming.join(members.clusters_of(hub, naming), on=["entity", "id"])
        system = [key for key, one in world.model.entities.items() if one.system == world.entity(target).system]
        synced = members.ids_in(hub, placed.select("cluster").unique()).filter(pl.col("entity").is_in(system))
        values = placed.join(synced, on="cluster", how="semi").select(id="value").unique()
        found.append(lacking.join(values, on="id").select("cluster", mapping=pl.lit(mapping)).select("mapping", "cluster"))
    return pl.concat(found).unique(maintain_order=True)


def undecided(world: World, there: pl.DataFrame) -> pl.DataFrame:
    """`cluster`, `entity`: counterparts of records (`cluster`, `entity`, `id`) that may exist already, only nobody knows which
    they are. None is made until one does.
    """
    open_ = ambiguous.of(world.hub, there).join(there, on=["entity", "id"])
    if open_.is_empty():
        return open_.select("cluster", "entity")
    other = pl.DataFrame(
        [
            (rule.number, mine, theirs)
            for rule in world.model.matches
            for mine, theirs in ((rule.source, rule.target), (rule.target, rule.source))
        ],
        schema={"rule": pl.Int32, "entity": pl.String, "other": pl.String},
        orient="row",
    )
    return open_.join(other, on=["rule", "entity"]).select("cluster", entity="other").unique()


def _unsettled(world: World, due: pl.DataFrame) -> pl.DataFrame:
    """Nothing is planned for a record whose last write has an unknown outcome."""
    open_ = intents.open_places(world.hub).select("entity", "cluster").unique()
    if open_.is_empty():
        return due
    return due.join(open_, on=["entity", "cluster"], how="anti")


def _quarantined(world: World, due: pl.DataFrame) -> pl.DataFrame:
    """A write that its system refused is not tried again until it would be another write. One that nobody knows the outcome of
    waits for a person, whatever it would be next: an update may have been taken back, and a record may have been made.
    """
    refused = holds.still(world.hub, "rejected").select("entity", "cluster", "plan_hash", path="field", said="reason")
    if refused.is_empty() or due.is_empty():
        return due
    there = ["entity", "cluster"]
    ready = due.filter(pl.col("state") == "ready").join(refused, on=there, how="semi")
    hashes = [(*place, write_hash(rows)) for place, rows in ready.group_by(there, maintain_order=True)]
    same = pl.DataFrame(hashes, schema={"entity": pl.String, "cluster": pl.Int64, "plan_hash": pl.String}, orient="row")
    of_all = refused.filter(pl.col("path").is_null())
    whatever = of_all.filter(pl.col("plan_hash").is_null())
    whole = pl.concat([whatever, of_all.join(same, on=[*there, "plan_hash"])]).unique(there)
    unknown = refused.filter(pl.col("path").is_not_null()).unique([*there, "path"])
    return (
        due.join(whole.select(*there, "said"), on=there, how="left", maintain_order="left")
        .join(unknown.select(*there, "path", in_part="said"), on=[*there, "path"], how="left", maintain_order="left")
        .with_columns(said=pl.when(pl.col("state") == "ready").then(pl.coalesce("said", "in_part")))
        .with_columns(
            state=pl.when(pl.col("said").is_not_null()).then(pl.lit("held")).otherwise("state"),
            reason=pl.coalesce("reason", "said"),
        )
        .drop("said", "in_part")
    )


def _keep(world: World, touched: pl.DataFrame, due: pl.DataFrame) -> None:
    """One row per record: what is ready of it, or else why nothing is."""
    order = {"ready": 0, "held": 1, "waiting": 2, "refused": 3}
    ranked = due.with_columns(rank=pl.col("state").replace_strict(order, return_dtype=pl.Int32))
    best = ranked.filter(pl.col("rank") == pl.col("rank").min().over("entity", "cluster"))
    rows = best.group_by("entity", "cluster", maintain_order=True).agg(
        id=pl.col("id").first(),
        kind=pl.col("kind").first(),
        mapping=pl.col("mapping").drop_nulls().first(),
        paths=pl.col("path").drop_nulls(),
        before=pl.col("before").filter(pl.col("path").is_not_null()),
        after=pl.col("after").filter(pl.col("path").is_not_null()),
        state=pl.col("state").first(),
        fields=pl.col("fields").list.explode().drop_nulls(),
        reason=pl.col("reason").drop_nulls().unique(maintain_order=True).str.join("; "),
    )
    versions = (
        _own_versions(world, best)
        .filter(pl.col("fields").is_not_null())
        .group_by("entity", "cluster", "fields", maintain_order=True)
        .agg(pl.col("version").max())
        .group_by("entity", "cluster", maintain_order=True)
        .agg(fields="fields", versions="version")
    )
    whole = rows.drop("fields").join(versions, on=["entity", "cluster"], how="left")
    changes.replace(world.hub, whole, touched)


def _own_versions(world: World, due: pl.DataFrame) -> pl.DataFrame:
    """A row for each field that is told, with the version that it has itself, where a property is made of several."""
    told = due.explode("fields")
    several = due.filter(pl.col("fields").list.len() > 1).select("cluster", field="fields").explode("field").unique()
    if several.is_empty():
        return told
    agreed = golden.some(golden.kept(world.hub, several.select("cluster").unique()), several)
    own = agreed.select("cluster", fields="field", own="version")
    return told.join(own, on=["cluster", "fields"], how="left", maintain_order="left").with_columns(
        version=pl.coalesce("own", "version")
    )
