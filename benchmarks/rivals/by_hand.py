"""The script that somebody writes in an afternoon: get a page, decode it, see what changed, insert it."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import httpx
import polars as pl

from benchmarks.customers import COLUMNS, table
from benchmarks.measure import Stopwatch


class _Stream:
    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def collect(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, watch.running(), httpx.Client() as client:
        store = duckdb.connect(str(Path(folder) / "customers.duckdb"))
        store.execute(table({**COLUMNS, "digest": "VARCHAR"}))
        # In one transaction: without it the disk alone would take several times as long.
        store.execute("BEGIN")
        page = 1
        while records := client.get(f"{settings['url']}/shop/customers", params={"page": page, "size": 1000}).json():
            _keep(store, records)
            page += 1
        store.execute("COMMIT")
        store.close()


def _keep(store: duckdb.DuckDBPyConnection, records: list[dict[str, Any]]) -> None:
    """What is new or changed of a page, in place of what was there."""
    for record in records:
        record["digest"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
        record.update({f"address.{name}": value for name, value in record.pop("address").items()})
    frame = pl.DataFrame(records, infer_schema_length=None)
    store.register("batch", _Stream(frame.select(*COLUMNS, "digest")))
    known = dict(store.execute("SELECT t.id, t.digest FROM customers t JOIN batch ON t.id = batch.id").fetchall())
    changed = frame.filter([known.get(id_) != digest for id_, digest in frame.select("id", "digest").iter_rows()])
    store.register("changed", _Stream(changed.select(*COLUMNS, "digest")))
    store.execute("DELETE FROM customers USING changed WHERE customers.id = changed.id")
    store.execute("INSERT INTO customers BY NAME SELECT * FROM changed")
