"""What would be written and why, under a hash; and exactly that, nothing else."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from talk_assets.hub.tables import changes, golden, holds
from talk_assets.operator.names import one_of_each
from talk_assets.operator.project import Unusable
from talk_assets.sync.cycle import cycle
from talk_assets.sync.deliver import Delivered, deliver
from talk_assets.sync.guards import plan_hash
from talk_assets.sync.meaning.model import Projection
from talk_assets.sync.world import World


@dataclass(frozen=True)
class Cell:
    path: str
    before: str | None
    after: str | None
    origin: str | None
    """The record that the value came from, or the mapping that gives it."""


@dataclass(frozen=True)
class Write:
    """What is planned for one record."""

    entity: str
    cluster: int
    id: str | None
    thing: str
    """A record that is there already of what a new one will be."""
    kind: str
    mapping: str | None
    state: str
    reason: str | None
    cells: tuple[Cell, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.entity}/{self.id}" if self.id else f"new {self.entity} for {self.thing}"


@dataclass(frozen=True)
class Guarded:
    """A class of writes that waits for a person's word."""

    entity: str
    reason: str
    hash: str


@dataclass(frozen=True)
class Plan:
    hash: str
    hashes: Mapping[str, str]
    """Of what is ready, by entity."""
    writes: tuple[Write, ...]
    guarded: tuple[Guarded, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why entities could not be read, so that their news are missing."""

    @property
    def ready(self) -> tuple[Write, ...]:
        return tuple(write for write in self.writes if write.state == "ready")


def make_plan(world: World, *, collect: bool = True) -> Plan:
    """Read the systems and plan; nothing is sent that changes anything. Without `collect`: what was planned last."""
    failed = cycle(world, dry=True).failed if collect else {}
    return kept_plan(world, failed)


def kept_plan(world: World, failed: Mapping[str, str] | None = None) -> Plan:
    """What the hub has planned by now."""
    rows = _settled(world, changes.of(world.hub))
    hashes = _hashes(rows.filter(pl.col("state") == "ready"))
    return Plan(_whole(hashes), hashes, tuple(_writes(world, rows)), guarded(world), dict(failed or {}))


def guarded(world: World) -> tuple[Guarded, ...]:
    """What waits for an approval, and has none."""
    held = holds.still(world.hub, "guard").select("entity", "reason", "plan_hash").rows()
    approved = holds.approved(world.hub) if held else ()
    return tuple(Guarded(*row) for row in held if row[2] not in approved)


def apply(world: World, wanted: str) -> tuple[Plan, Delivered]:
    """Plan again and send exactly what has this hash: of the whole plan, or of one entity of it. Raises when it is another."""
    plan = make_plan(world)
    entities = list(plan.hashes) if wanted == plan.hash else [key for key, one in plan.hashes.items() if one == wanted]
    if wanted in {one.hash for one in plan.guarded}:
        raise Unusable(f"{wanted} is held by a guard: `talk approve {wanted}` first, then plan again")
    if not plan.ready:
        raise Unusable(f"nothing is ready to be written, so there is no plan {wanted} any more; see `talk plan`")
    if not entities:
        raise Unusable(
            f"the plan is another one by now: {plan.hash}, not {wanted}; nothing was sent. "
            f"Look at it with `talk plan`, then `talk apply {plan.hash}`"
        )
    if unread := [key for key in entities if key in plan.failed]:
        raise Unusable(f"{unread[0]} could not be read ({plan.failed[unread[0]]}), so nothing was sent")
    return plan, deliver(world, only={key: plan.hashes[key] for key in entities})


def _settled(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    """What is ready, and is not sent because the record's last write has no certain outcome yet, waits."""
    sendable = changes.sendable(world.hub).select("entity", "cluster", sendable=pl.lit(value=True))
    open_ = (pl.col("state") == "ready") & pl.col("sendable").is_null()
    return (
        rows.join(sendable, on=["entity", "cluster"], how="left", maintain_order="left")
        .with_columns(
            state=pl.when(open_).then(pl.lit("waiting")).otherwise("state"),
            reason=pl.when(open_).then(pl.lit("the outcome of its last write is not known yet")).otherwise("reason"),
        )
        .drop("sendable")
    )


def _hashes(ready: pl.DataFrame) -> dict[str, str]:
    return {str(key): plan_hash(_long(rows)) for (key,), rows in ready.group_by("entity", maintain_order=True)}


def _long(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each property of each write; a creation without properties keeps one."""
    return rows.select("entity", "cluster", "id", "kind", path="paths", before="before", after="after").explode(
        "path", "before", "after"
    )


def _whole(hashes: Mapping[str, str]) -> str:
    told = "|".join(f"{key} {hashes[key]}" for key in sorted(hashes))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _writes(world: World, rows: pl.DataFrame) -> list[Write]:
    origins = _origins(world, rows)
    things = one_of_each(world, rows)
    made = {key: world.model.projections(key) for key in rows["entity"].unique()}
    return [
        Write(
            row["entity"],
            row["cluster"],
            row["id"],
            things.get(row["cluster"], ""),
            row["kind"],
            row["mapping"] or None,
            row["state"],
            row["reason"] or None,
            tuple(
                Cell(path, before, after, _origin(origins, row, made[row["entity"]].get(path)))
                for path, before, after in zip(row["paths"], row["before"], row["after"], strict=True)
            ),
        )
        for row in rows.iter_rows(named=True)
    ]


def _origins(world: World, rows: pl.DataFrame) -> dict[tuple[int, str], str]:
    agreed = golden.of(world.hub, rows.select("cluster").unique()).filter(pl.col("entity").is_not_null())
    return {
        (cluster, name): f"{entity}/{id_}"
        for cluster, name, entity, id_ in agreed.select("cluster", "field", "entity", "id").iter_rows()
    }


def _origin(origins: Mapping[tuple[int, str], str], row: Mapping[str, Any], projection: Projection | None) -> str | None:
    names = projection.fields if projection else ()
    found = dict.fromkeys(origins[row["cluster"], name] for name in names if (row["cluster"], name) in origins)
    return ", ".join(found) or (f"the mapping {row['mapping']}" if row["mapping"] else None)
