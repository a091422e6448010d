"""Small worlds for the stages: two systems, one dataflow, and short ways to write frames."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.json import encode

from talk_assets.hub.tables.records import upsert
from talk_assets.specs import yaml12
from talk_assets.specs.catalog import Catalog
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.read import build
from talk_assets.specs.resolve import resolve
from talk_assets.specs.system import SystemSpec
from talk_assets.sync.meaning.compile import compile_model
from talk_assets.sync.meaning.model import Model
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.merge import GOLDEN
from talk_assets.sync.plan import Known
from talk_assets.sync.world import World
from talk_assets.systems.reading.rows import digest
from tests.specs.samples import ALPHA, BETA

NOON = dt.datetime(2026, 11, 20, 12)  # noqa: DTZ001  (times of the engine are UTC without saying so)
COMPANY, CUSTOMER = "alpha.company", "beta.customer"
PATHS = {COMPANY: ("name", "email"), CUSTOMER: ("name", "mail")}
Held = Mapping[tuple[str, int], Sequence[str | list[str] | None]]
"""What companies and customers hold at PATHS, by entity and id; ABSENT is not shown."""


def keep(world: World, held: Held, minute: int = 0) -> None:
    """Records of the sample systems as they are kept when they were read; edited in this minute."""
    for key, paths in PATHS.items():
        rows: list[dict[str, Any]] = []
        for number, texts in ((number, texts) for (entity, number), texts in held.items() if entity == key):
            shown = {path: text for path, text in zip(paths, texts, strict=True) if text != ABSENT}
            body = encode({"id": number, **shown}).decode()
            rows.append({"entity": key, "id": f"{number}", "body": body, "digest": digest(body)})
        if rows:
            edited = pl.lit(NOON + dt.timedelta(minutes=minute))
            batch = pl.DataFrame(rows, schema_overrides={"digest": pl.UInt64}).with_columns(edited_at=edited)
            world.hub.run(lambda batch=batch, key=key: upsert(world.hub, batch, lambda new: world.describe(key, new)))


def model(flow: str, *more: str, alpha: str = ALPHA, beta: str = BETA) -> Model:
    """The model of a dataflow between the two sample systems."""
    alpha, beta = (re.sub("(    list: .*\n)", r"\1    update: {path: 'x/{id}', style: put}\n", text) for text in (alpha, beta))
    systems = [build(yaml12.parse(text, Path(f"{number}.yaml")), SystemSpec) for number, text in enumerate((alpha, beta))]
    flows = [build(yaml12.parse(text, Path(f"flow{number}.yaml")), DataflowSpec) for number, text in enumerate((flow, *more))]
    resolved = resolve(Catalog({loaded.spec.system: loaded for loaded in systems}, tuple(flows), ()))
    assert not resolved.problems, resolved.problems
    return compile_model(resolved)


def flow(*rows: str, mapping: str = "source: company, target: customer", **more: str) -> str:
    """A dataflow from alpha to beta with one mapping."""
    extras = "".join(f"    {key}: {value}\n" for key, value in more.items())
    listed = "".join(f"      - {row}\n" for row in rows)
    first, second = mapping.split(", ")
    return f"source: alpha\ntarget: beta\nmappings:\n  - {first}\n    {second}\n{extras}    properties:\n{listed}"


def wide(entity: Any, *records: Mapping[str, str | None]) -> pl.DataFrame:
    """Records of an entity as text, each in a cluster of its own; what is not given is absent."""
    rows = [
        {"#cluster": number, "#id": f"{number}", **{path: record.get(path, ABSENT) for path in entity.columns}}
        for number, record in enumerate(records, 1)
    ]
    schema = {"#cluster": pl.Int64, "#id": pl.String, **dict.fromkeys(entity.columns, pl.String)}
    return pl.DataFrame(rows, schema=schema)


def golden(values: Mapping[tuple[int, str], str | None], version: int = 1) -> pl.DataFrame:
    rows = [(cluster, field, value, version, "alpha.company", "1", NOON, []) for (cluster, field), value in values.items()]
    return pl.DataFrame(rows, schema=GOLDEN, orient="row")


def seen(cells: Mapping[tuple[int, str, str, str], str | None]) -> dict[str, pl.DataFrame]:
    """What records hold, by cluster, entity, id and path; what is not given is absent."""
    found: dict[str, dict[tuple[int, str], dict[str, str | None]]] = {}
    for (cluster, entity, id_, path), value in cells.items():
        found.setdefault(entity, {}).setdefault((cluster, id_), {})[path] = value
    frames = {}
    for entity, records in found.items():
        paths = dict.fromkeys(path for record in records.values() for path in record)
        rows = [
            {"#cluster": cluster, "#id": id_, **{path: record.get(path, ABSENT) for path in paths}}
            for (cluster, id_), record in records.items()
        ]
        frames[entity] = pl.DataFrame(rows, schema={"#cluster": pl.Int64, "#id": pl.String, **dict.fromkeys(paths, pl.String)})
    return frames


def in_full(there: Known, made: Model) -> Known:
    """With all properties of every record; those that were not given are absent."""
    frames = {
        key: rows.with_columns(pl.lit(ABSENT).alias(path) for path in made.entities[key].columns if path not in rows.columns)
        for key, rows in there.observed.items()
    }
    return replace(there, observed=frames)


def known(
    members: Iterable[tuple[int, str, str]],
    observed: Mapping[tuple[int, str, str, str], str | None] | None = None,
    accepted: Mapping[tuple[int, str, str, str], int] | None = None,
    tombstones: Iterable[tuple[int, str]] = (),
    *,
    referred: Iterable[tuple[int, str, str]] = (),
    connected: Iterable[tuple[str, int]] = (),
) -> Known:
    where = {"cluster": pl.Int64, "entity": pl.String, "id": pl.String}
    return Known(
        members=pl.DataFrame(list(members), schema=where, orient="row"),
        referred=pl.DataFrame(list(referred), schema=where, orient="row"),
        observed=seen(observed or {}),
        accepted=pl.DataFrame(
            [(*key, value) for key, value in (accepted or {}).items()],
            schema={**where, "field": pl.String, "accepted": pl.Int64},
            orient="row",
        ),
        tombstones=pl.DataFrame(list(tombstones), schema={"cluster": pl.Int64, "entity": pl.String}, orient="row"),
        connected=pl.DataFrame(list(connected), schema={"mapping": pl.String, "cluster": pl.Int64}, orient="row"),
    )
