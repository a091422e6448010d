"""What a server says about a record is the truth: it is what the record holds, and the base of what was written."""

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from talk_assets.hub import Shape
from talk_assets.hub.packing import pack
from talk_assets.hub.tables import cells, members, records, shapes
from talk_assets.hub.tables.members import UNKNOWN
from talk_assets.sync.burial import bury_replaced, bury_reused, made_anew
from talk_assets.sync.meaning.model import EntityModel
from talk_assets.sync.world import World
from talk_assets.sync.writing.write import Intent, is_own
from talk_assets.systems.reading.reader import Record


def believe(world: World, written: list[tuple[Intent, Record]]) -> None:
    """The server's answer is the truth: it is the record, and the base of what was written."""
    if not written:
        return
    hub = world.hub
    now = pl.lit(hub.now(), pl.Datetime("us"))
    by_entity: dict[str, list[tuple[Intent, Record]]] = {}
    for intent, record in written:
        by_entity.setdefault(intent.change.entity, []).append((intent, record))
    described = {
        key: world.describe(key, _rows(world, key, [record for _, record in pairs]).with_columns(written_at=now))
        for key, pairs in by_entity.items()
    }
    created = [
        (intent.change.entity, record.id, intent.change.cluster) for intent, record in written if intent.change.kind == "create"
    ]
    if created:
        born = pl.DataFrame(created, schema={"entity": pl.String, "id": pl.String, "cluster": pl.Int64}, orient="row")
        # A system that was put back gives ids again that we still know others by.
        for key, rows in described.items():
            bury_reused(world, key, rows.join(born, on=["entity", "id"], how="semi"))
        bury_replaced(world, born)
        members.link(hub, born.with_columns(how=pl.lit("created"), since=now))
    records.upsert(hub, pl.concat(described.values()))
    _rebase(world, by_entity, described)


def taken_for_new(world: World, created: Sequence[tuple[Intent, Record]]) -> set[str]:
    """The creations, by the ids of their intents, that were answered with the record of another cluster, which does not say
    that it was made anew: a system that found something like it did not make what we asked for.
    """
    if not created:
        return set()
    rows = pl.DataFrame(
        [(intent.id, intent.change.entity, record.id, record.text, intent.change.cluster) for intent, record in created],
        schema={"intent": pl.String, "entity": pl.String, "id": pl.String, "body": pl.String, "cluster": pl.Int64},
        orient="row",
    )
    placed = members.clusters_of(world.hub, rows.select("entity", "id").unique())
    linked = members.ids_in(world.hub, placed.select("cluster").unique()).filter(pl.len().over("cluster") > 1)
    elsewhere = rows.join(linked.rename({"cluster": "other"}), on=["entity", "id"]).filter(pl.col("cluster") != pl.col("other"))
    anew = [made_anew(world, str(key), of_one) for (key,), of_one in elsewhere.group_by("entity")]
    known = elsewhere.join(pl.concat([rows.select("entity", "id").clear(), *anew]), on=["entity", "id"], how="anti")
    twice = rows.filter(~pl.struct("entity", "id").is_first_distinct())
    return {*known["intent"], *twice["intent"]}


def told_of_taken(record: Record) -> str:
    return f"its system answered with record {record.id}, which is linked with something else and is not said to be new"


def _rebase(
    world: World, written: Mapping[str, Sequence[tuple[Intent, Record]]], described: Mapping[str, pl.DataFrame]
) -> None:
    """Where it was written, a record's base is what it holds now; elsewhere it stays."""
    hub = world.hub
    held = {
        key: rows.select("entity", "id", "shape", "vals").unique("id", keep="last", maintain_order=True)
        for key, rows in described.items()
    }
    there = members.whole(hub, pl.concat(held.values()))
    stored, known = there.rename({"shape": "base_shape"}), shapes.shapes(hub)
    agreed = pl.concat(
        _agreed(world, key, pairs, held[key], stored.filter(pl.col("entity") == key), known) for key, pairs in written.items()
    )
    # Nobody needs to hear of what is as it was agreed.
    is_news = pl.col("base").ne_missing(pl.col("vals"))
    for rows, news in ((agreed.filter(is_news), True), (agreed.filter(~is_news), False)):
        members.agree(hub, rows, news=news, there=there)


def _agreed(
    world: World,
    key: str,
    pairs: Sequence[tuple[Intent, Record]],
    held: pl.DataFrame,
    stored: pl.DataFrame,
    known: Mapping[int, Shape],
) -> pl.DataFrame:
    """The bases of one entity's records from now on: `entity`, `id`, `shape`, `base`, `accepted`, beside `vals`."""
    entity, shape = world.entity(key), world.shapes[key]
    columns = entity.columns
    written: dict[str, set[str]] = {path: set() for path in columns}
    for intent, record in pairs:
        for path in intent.change.after.keys() & written.keys():
            written[path].add(record.id)
    now = cells.wide(held, "vals", known, columns)
    old = _agreed_to(entity, stored, known).select("#id", pl.col(columns).name.prefix("#old "))
    everyone = set(held["id"])
    base = now.join(old, on="#id").with_columns(_kept(path, ids) for path, ids in written.items() if ids != everyone)
    accepted = _taken(pairs, stored["id"], cells.accepted_in(stored, shape, known), shape)
    return (
        base.select(id="#id", base=pack(base, columns))
        .join(stored.select("id").with_columns(accepted=cells.folded(accepted, stored.height)), on="id")
        .join(held.select("entity", "id", "vals"), on="id")
        .with_columns(shape=pl.lit(shape.number, pl.Int32))
    )


def _agreed_to(entity: EntityModel, stored: pl.DataFrame, known: Mapping[int, Shape]) -> pl.DataFrame:
    """What records held when they agreed. A property of which something is made only now held nothing that was agreed to."""
    texts = cells.wide(stored, "base", known, entity.columns)
    for number in stored["base_shape"].drop_nulls().unique():
        fields = {*known[number].fields}
        anew = [
            column
            for column, numbers in entity.readers.items()
            if not {entity.contributions[one].field for one in numbers} <= fields
        ]
        if anew:
            of_then = stored["base_shape"].eq_missing(number)
            texts = texts.with_columns(pl.when(of_then).then(pl.lit(UNKNOWN)).otherwise(pl.col(anew)).name.keep())
    return texts


def _taken(pairs: Sequence[tuple[Intent, Record]], ids: pl.Series, before: pl.Series, shape: Shape) -> pl.Series:
    """The versions that records have taken, with those of the writes that they were just sent."""
    row, place = ({one: number for number, one in enumerate(ones)} for ones in (ids, shape.fields))
    sent: dict[int, int] = {}
    for intent, record in pairs:
        for name, version in intent.change.versions.items():
            if record.id in row and name in place:
                at = row[record.id] * len(place) + place[name]
                sent[at] = max(version, sent.get(at, before[at]))
    at, versions = (pl.Series(list(ones), dtype=pl.Int64) for ones in (sent, sent.values()))
    return before.clone().scatter(at, versions)


def _kept(path: str, written: Collection[str]) -> pl.Expr:
    """What a property held by agreement, but where it was written."""
    old = pl.col(f"#old {path}")
    return (pl.when(pl.col("#id").is_in(list(written))).then(path).otherwise(old) if written else old).alias(path)


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
