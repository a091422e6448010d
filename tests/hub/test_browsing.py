"""The views that people look at, backups, and texts that try to be more than texts."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from talk_assets.hub import HubError, browse
from talk_assets.hub.rows import whole
from talk_assets.hub.tables import cells, checks, golden, history, members, records, shapes
from talk_assets.hub.upkeep.backup import backup
from talk_assets.specs.resolve import EntityRef
from talk_assets.specs.system import SystemSpec
from tests.hub.support import ENTITY, START, clusters, frame, keep, place, record, told

NASTY = [
    *("'; DROP TABLE records; --", '"', "''", "\\", "$1", "?", "{}", "[a, NULL]", "NULL", "null", "%s", "../../etc/passwd"),
    *("a\nb", "\r", "\t", " lead", "trail ", "\u202e", "🧾", "æøå", "e\u0301", "\x01", "\x7f", "-- x", "/* x */", "=1+1", ""),
]
BODY = {
    "id": "1",
    "Name": "Acme",
    "name": "small",
    "cluster": "theirs",
    "Mail": {"City": "Oslo", "a/b~c": "odd", 'q"uote': "'"},
    "count": 9007199254740993,
    "price": "12.50",
    "active": True,
    "born": "2020-02-29",
    "at": "2026-01-02T03:04:05+01:00",
    "unix": 1700000000,
    "bad": "many",
    "tags": ["x"],
}
TYPES = {
    "id": "string",
    "Name": "string",
    "name": "string",
    "cluster": "string",
    "Mail.City": "string",
    "Mail.a/b~c": "string",
    'Mail.q"uote': "string",
    "count": "integer",
    "price": "decimal",
    "active": "boolean",
    "born": "date",
    "at": "datetime",
    "unix": "datetime",
    "bad": "integer",
    "gone": "string",
    "tags": "json",
}


def entity(types: dict[str, str], system: str = "erp", name: str = "customer") -> EntityRef:
    return EntityRef(SystemSpec.model_construct(system=system, entities={name: Properties(types)}), name)


class Properties:
    """As much of an entity's spec as views need."""

    def __init__(self, types: dict[str, str]) -> None:
        self.properties = {path: Kind(kind) for path, kind in types.items()}


class Kind:
    def __init__(self, kind: str) -> None:
        self.type = kind


def test_every_property_has_a_column_of_its_type(hub):
    keep(hub, record("1", "x", None) | {"body": json.dumps(BODY)})
    place(hub, (ENTITY, "1", 5))
    assert browse.publish(hub, [entity(TYPES)]) == ["erp.customer"]
    assert hub.read("SELECT * FROM erp.customer").row(0, named=True) == {
        "cluster": 5,
        "id": "1",
        "Name": "Acme",
        "name_": "small",
        "cluster_": "theirs",
        "Mail.City": "Oslo",
        "Mail.a/b~c": "odd",
        'Mail.q"uote': "'",
        "count": 9007199254740993,
        "price": Decimal("12.5"),
        "active": True,
        "born": date(2020, 2, 29),
        "at": START - timedelta(hours=1),
        "unix": datetime.fromtimestamp(1700000000, UTC).replace(tzinfo=None),
        "bad": None,
        "gone": None,
        "tags": '["x"]',
    }


def test_views_follow_the_specs(hub):
    keep(hub, record("1", "x", None) | {"body": json.dumps(BODY)})
    other = entity({"id": "string"}, system="main", name="records")
    assert browse.publish(hub, [entity(TYPES), other]) == ["erp.customer", "main_.records"]
    assert browse.publish(hub, [entity(TYPES), other]) == []
    assert browse.publish(hub, [entity({"id": "string"})]) == ["erp.customer", "main_.records"]
    assert hub.read("SELECT * FROM erp.customer").columns == ["cluster", "id"]
    with pytest.raises(duckdb.CatalogException):
        hub.read("SELECT * FROM main_.records")


def test_views_work_for_whoever_opens_the_file(tmp_path, hub_at):
    with hub_at(str(tmp_path / "talk.duckdb")) as hub:
        keep(hub, record("1", "x", None) | {"body": json.dumps(BODY)})
        browse.publish(hub, [entity(TYPES)])
    with duckdb.connect(str(tmp_path / "talk.duckdb"), read_only=True) as connection:
        assert connection.execute('SELECT "Mail.City" FROM erp.customer').fetchall() == [("Oslo",)]


def test_a_backup_is_a_hub_with_the_same_in_it(hub, tmp_path, hub_at):
    keep(hub, record("1", "Acme", None), record("2", "\x00", "\x02"))
    place(hub, (ENTITY, "1", 1))
    with hub.transaction():
        history.append(hub, frame({"kind": "edit"}), "run")
    browse.publish(hub, [entity(TYPES)])
    backup(hub, tmp_path / "copy.duckdb")
    copy = hub_at(str(tmp_path / "copy.duckdb"))
    for table in ("records", "members", "shapes", "history", "chain"):
        assert whole(copy, table).sort(pl.all()).equals(whole(hub, table).sort(pl.all())), table
    assert copy.position() == hub.position()
    assert history.verify(copy) == checks.check(copy) == []
    browse.publish(copy, [entity(TYPES)])
    assert copy.read("SELECT count(*) FROM erp.customer").item() == 2
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.duckdb", "copy.duckdb.lock", "copy.duckdb.tmp"]
    keep(hub, record("3", "Ccme", None))


def test_a_backup_overwrites_nothing(hub, tmp_path: Path):
    (tmp_path / "copy.duckdb").write_text("my diary")
    with pytest.raises(HubError, match="exists already"):
        backup(hub, tmp_path / "copy.duckdb")
    assert (tmp_path / "copy.duckdb").read_text() == "my diary"


def test_a_backup_needs_a_folder(hub, tmp_path: Path):
    with pytest.raises(HubError, match="make it first"):
        backup(hub, tmp_path / "nowhere" / "copy.duckdb")


def test_texts_stay_texts_wherever_they_stand(hub):
    """Every name and value of the corpus, as entity, id, property, field, value and reason at once."""
    columns, fields = [f"{text}c" for text in NASTY], [f"{text}f" for text in NASTY]
    with hub.transaction():
        shape = shapes.shape_of(hub, NASTY[0], columns, fields).number
        rows = pl.DataFrame({"entity": NASTY, "id": NASTY, "digest": range(len(NASTY)), "body": NASTY})
        records.upsert(hub, rows.with_columns(shape=pl.lit(shape), vals=pl.lit(told(*NASTY))))
        everyone = pl.DataFrame({"entity": NASTY, "id": NASTY}).with_columns(cluster=members.new_clusters(hub, len(NASTY)))
        members.link(hub, everyone.with_columns(how=pl.lit("matched"), since=pl.lit(hub.now())))
        history.append(hub, pl.DataFrame({"kind": NASTY, "id": NASTY, "entity": NASTY, "path": NASTY, "after": NASTY}), "'run")
        golden.put(hub, agreed(everyone))
    seen = cells.long(cells.sides(hub, clusters(3)), shapes.shapes(hub))
    assert seen["column"].to_list() == columns
    assert seen["observed"].to_list() == NASTY
    assert records.of(hub, everyone.select("entity", "id")).height == len(NASTY)
    assert history.after(hub)["after"].to_list() == NASTY
    assert history.verify(hub) == checks.check(hub) == []
    assert golden.of(hub, everyone.select("cluster")).sort("cluster").equals(agreed(everyone))


def agreed(everyone: pl.DataFrame) -> pl.DataFrame:
    text = pl.Series(NASTY)
    return everyone.select(
        "cluster",
        field=text,
        value=text,
        version=pl.lit(1, pl.Int64),
        entity=pl.lit(ENTITY),
        id="id",
        edited_at=pl.lit(None, pl.Datetime("us")),
        trail=pl.concat_list(text, text),
        subject=text,
    )


def test_nasty_names_become_views(hub):
    keep(hub, record("1", "x", None) | {"body": json.dumps({text: text for text in NASTY if "." not in text})})
    types = {text: "string" for text in NASTY if text and "." not in text}
    browse.publish(hub, [entity(types)])
    row = hub.read("SELECT * FROM erp.customer").row(0)
    assert list(row[1:]) == [text for text in NASTY if text and "." not in text]
