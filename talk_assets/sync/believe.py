"""What a server says about a record is the truth: it is what the record holds, and the base of what was written."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from talk_assets.hub import cells, members, records, shapes
from talk_assets.hub.members import UNKNOWN
from talk_assets.sync.burial import bury_replaced, bury_reused
from talk_assets.sync.world import World
from talk_assets.sync.write import Intent, is_own
from talk_assets.systems.reading import Record


def believe(world: World, written: list[tuple[Intent, Record]]) -> None:
    """The server's answer is the truth: it is the record, and the base of what was written."""
    if not written:
        return
    hub = world.hub
    now = hub.now()
    by_entity: dict[str, list[tuple[Intent, Record]]] = {}
    for intent, record in written:
        by_entity.setdefault(intent.change.entity, []).append((intent, record))
    for key, pairs in by_entity.items():
        entity = world.entity(key)
        rows = _rows(world, key, [record for _, record in pairs])
        described = world.describe(key, rows.with_columns(written_at=pl.lit(now, pl.Datetime("us"))))
        created = [(key, record.id, intent.change.cluster) for intent, record in pairs if intent.change.kind == "create"]
        born = pl.DataFrame(created, schema={"entity": pl.String, "id": pl.String, "cluster": pl.Int64}, orient="row")
        # A system that was put back gives ids again that we still know others by.
        bury_reused(world, key, described.join(born, on=["entity", "id"], how="semi"))
        bury_replaced(world, born)
        members.link(hub, born.with_columns(how=pl.lit("created"), since=pl.lit(now, pl.Datetime("us"))))
        records.upsert(hub, described)
        _rebase(world, entity.columns, key, pairs, described)


def _rebase(
    world: World, columns: tuple[str, ...], key: str, pairs: list[tuple[Intent, Record]], described: pl.DataFrame
) -> None:
    hub, shape = world.hub, world.shapes[key]
    ids = described.select("entity", "id").unique()
    there = members.whole(hub, ids)
    stored = there.rename({"shape": "base_shape"})
    known_shapes = shapes.shapes(hub)
    bases = {row["#id"]: row for row in cells.wide(stored, "base", known_shapes, columns, UNKNOWN).iter_rows(named=True)}
    taken: dict[str, dict[str, int]] = {}
    for id_, name, version in cells.accepted(stored, known_shapes).select("id", "field", "accepted").iter_rows():
        taken.setdefault(id_, {})[name] = version
    values = dict(zip(described["id"], described["vals"].to_list(), strict=True))
    rows: dict[str, dict[str, Any]] = {}
    for intent, record in pairs:
        now = dict(zip(columns, values[record.id], strict=True))
        base = rows.get(record.id, {}).get("kept") or {path: bases.get(record.id, {}).get(path, UNKNOWN) for path in columns}
        base |= {path: now[path] for path in intent.change.after if path in now}
        versions = taken.setdefault(record.id, {})
        versions |= {name: max(version, versions.get(name, 0)) for name, version in intent.change.versions.items()}
        rows[record.id] = {"kept": base}
    agreed = pl.DataFrame(
        {
            "entity": key,
            "id": list(rows),
            "shape": pl.Series([shape.number] * len(rows), dtype=pl.Int32),
            "base": cells.lists([[row["kept"][path] for path in columns] for row in rows.values()], pl.String()),
            "accepted": cells.lists([[taken.get(id_, {}).get(name, 0) for name in shape.fields] for id_ in rows], pl.Int64()),
        }
    )
    # Nobody needs to hear of what is as it was agreed.
    is_news = pl.col("base").ne_missing(pl.col("vals"))
    weighed = agreed.join(described.select("id", "vals").unique("id", keep="last"), on="id", how="left")
    for rows_, news in ((weighed.filter(is_news), True), (weighed.filter(~is_news), False)):
        members.agree(hub, rows_.drop("vals"), news=news, there=there)


def observe(world: World, met: Sequence[tuple[Intent, Record | None]]) -> set[tuple[str, str]]:
    """What a record turned out to hold right before it was to be written: a list of changes may never show it. Gives the
    entities and ids of those that hold something else than we knew.
    """
    anew: set[tuple[str, str]] = set()
    seen = [(intent.change.entity, record) for intent, record in met if record is not None and is_own(intent)]
    for key in dict.fromkeys(key for key, _ in seen):
        rows = _rows(world, key, [record for entity, record in seen if entity == key])
        described = world.describe(key, rows.with_columns(entity=pl.lit(key)))
        bury_reused(world, key, described)
        anew.update(records.upsert(world.hub, described).select("entity", "id").iter_rows())
    return anew


def _rows(world: World, key: str, found: Sequence[Record]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "entity": [key] * len(found),
            "id": [record.id for record in found],
            "digest": pl.Series([record.digest for record in found], dtype=pl.UInt64),
            "body": [record.text for record in found],
            "modified": pl.Series([record.stamp for record in found], dtype=pl.String),
        }
    ).with_columns(listed_at=pl.lit(world.hub.now(), pl.Datetime("us")))
