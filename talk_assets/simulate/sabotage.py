"""What is put in the place of parts of the engine, to see whether its being wrong shows."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import polars as pl

from talk_assets.hub import Shape
from talk_assets.hub.packing import pack, unpack
from talk_assets.hub.tables import cells, members, records
from talk_assets.sync import collect, merge, naming, plan
from talk_assets.sync import cycle as cycles
from talk_assets.sync.writing import believe
from talk_assets.systems import stamps
from talk_assets.systems.calling.retry import Retrying
from talk_assets.systems.encode import raw_at
from talk_assets.systems.writing.resolve import Fate, Resolution, Resolver


def never_looked(self: Resolver, *_: Any, **__: Any) -> Resolution:
    del self
    return Resolution(Fate.absent, "nobody looked")


_run = Retrying.run
_wide = cells.wide


def all_allowed(_mapping: Any, sources: pl.DataFrame, *_: Any) -> pl.DataFrame:
    return sources.select("cluster", doubt=pl.lit(None, pl.String)).unique(maintain_order=True)


def nothing_open(_hub: Any) -> list[str]:
    return []


def retry_everything(self: Retrying, send: Any, kind: str) -> Any:
    del kind
    return _run(self, send, "read")


def buried_at_once(world: Any, key: str, listed: pl.DataFrame, *_: Any) -> tuple[int, str]:
    absent = records.unlisted(world.hub, key, listed)["id"].to_list()
    world.hub.run(lambda: collect._note_missing(world, key, [(id_, 9) for id_ in absent], absent), f"missing {key}")  # noqa: SLF001
    return len(absent), ""


_merge = merge.merge


def last_arrival(cells: pl.DataFrame, golden: pl.DataFrame, rules: merge.ConflictRules | None = None) -> merge.Merged:
    """Whoever is not agreed yet has come last."""
    never = pl.lit(None, pl.Datetime("us"))
    return _merge(cells.with_columns(edited_at=never), golden.with_columns(edited_at=never), rules)


def found_is_base(world: Any, intent: Any, record: Any) -> None:
    believe.believe(world, [(intent, record)])
    base = records.of(world.hub, pl.DataFrame({"entity": [intent.change.entity], "id": [record.id]}))
    members.agree(world.hub, base.select("entity", "id", "shape", base="vals"))


_agreed = believe._agreed  # noqa: SLF001


def sent_is_base(world: Any, key: str, pairs: Any, held: pl.DataFrame, *rest: Any) -> pl.DataFrame:
    sent = {record.id: intent.change.after for intent, record in pairs}
    columns = world.entity(key).columns
    values = [
        {path: sent[id_].get(path, value) for path, value in row.items()}
        for id_, row in zip(held["id"], unpack(held["vals"], columns).iter_rows(named=True), strict=True)
    ]
    found = pl.DataFrame(values, schema=dict.fromkeys(columns, pl.String))
    return _agreed(world, key, pairs, held.with_columns(vals=pack(found, columns)), *rest)


_accepted = merge._accepted  # noqa: SLF001


def loser_content(cells: pl.DataFrame, agreed: pl.DataFrame) -> pl.DataFrame:
    """As if whoever spoke had heard the answer."""
    versions = agreed.select("cluster", "field", "version")
    return (
        _accepted(cells, agreed)
        .join(versions, on=["cluster", "field"], how="left")
        .with_columns(accepted=pl.when(cells["has_base"]).then(pl.col("version").fill_null(0)).otherwise("accepted"))
        .drop("version")
    )


def told_before(cells: pl.DataFrame, agreed: pl.DataFrame) -> pl.DataFrame:
    return _accepted(cells, agreed.with_columns(is_edit=pl.lit(value=False)))


_collect, _keep = collect.collect, collect._keep  # noqa: SLF001


def cursor_first(world: Any, key: str, **how: Any) -> collect.Collected:
    late: list[tuple[Any, ...]] = []

    def later(world: Any, key: str, batch: pl.DataFrame, started: Any) -> pl.DataFrame:
        late.append((world, key, batch, started))
        return pl.DataFrame(schema={"entity": pl.String, "id": pl.String, "is_new": pl.Boolean})

    with patch.object(collect, "_keep", later):
        found = _collect(world, key, **how)
    for rows in late:
        world.hub.run(lambda rows=rows: _keep(*rows), "late")
    return found


def nothing_older(_world: Any, _key: str, rows: pl.DataFrame, _started: Any) -> pl.DataFrame:
    return rows.select("entity", "id", lags=pl.lit(value=True)).clear()


def surely_happened(self: Resolver, prepared: Any) -> Resolution:
    del self, prepared
    return Resolution(Fate.happened, "it must have happened", None)


_judged_update = Resolver._update  # noqa: SLF001


def by_value_alone(self: Resolver, prepared: Any) -> Resolution:
    found = _judged_update(self, prepared)
    values = found.record.values() if found.record else {}
    is_as_it_was = all(raw_at(values, path) == old for path, old in prepared.before.items())
    return Resolution(Fate.absent, "it is as it was") if found.fate is Fate.ambiguous and is_as_it_was else found


def same_second(cells: pl.DataFrame, golden: pl.DataFrame, rules: merge.ConflictRules | None = None) -> merge.Merged:
    """An edit that is no newer than what its own system said last is taken for the same edit."""
    old = golden.select("cluster", "field", "id", "entity", old_at="edited_at", old="value")
    known = cells.join(old, on=["cluster", "field", "entity", "id"], how="left", maintain_order="left")
    same = (known["edited_at"] <= known["old_at"]).fill_null(value=False) & known["old_at"].is_not_null()
    return _merge(cells.with_columns(base=pl.when(same).then("value").otherwise("base")), golden, rules)


_since = stamps.since


def no_overlap(cursor: str, asked: Any, zone: Any) -> Any:
    return _since(cursor, asked.model_copy(update={"overlap_seconds": 0, "comparison": ">="}), zone)


_plan = plan.plan


def no_tombstones(desired: pl.DataFrame, known: plan.Known, model: Any) -> pl.DataFrame:
    return _plan(desired, replace(known, tombstones=known.tombstones.clear()), model)


def never_remembered(world: Any, armed: Any, state: str) -> None:
    del world, armed, state


def dry_is_wet(world: Any, *, dry: bool = False, **how: Any) -> Any:
    del dry
    return _cycle(world, **how)


_cycle = cycles.cycle


def unguarded(due: pl.DataFrame, *_: Any, **__: Any) -> tuple[pl.DataFrame, list[Any]]:
    return due, []


def nobody_names(world: Any, record: pl.DataFrame, by: pl.DataFrame, *rest: Any) -> None:
    _part(world, record, by.clear(), *rest)


_part = naming.part


def by_shape(rows: pl.DataFrame, of: str, *given: Any) -> pl.DataFrame:
    shape = "base_shape" if of == "base" and "base_shape" in rows.columns else "shape"
    return _wide(pl.concat(part for _, part in rows.group_by(shape, maintain_order=True)), of, *given)


def all_mapped(rows: pl.DataFrame, shape: Shape, _known: Any) -> pl.Series:
    return pl.repeat(value=True, n=rows.height * len(shape.fields), dtype=pl.Boolean, eager=True)
