"""The least that anything can do with pages of JSON: fetch, split, decode to columns, hash and insert them."""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import httpx
import msgspec
import polars as pl
import xxhash

from benchmarks.customers import COLUMNS, table
from benchmarks.measure import Stopwatch

_PAGES_AT_ONCE = 40
_AHEAD = 4
_TYPES = {"BIGINT": pl.Int64, "VARCHAR": pl.String, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
_TOP = {name: _TYPES[kind] for name, kind in COLUMNS.items() if "." not in name}
_ADDRESS = [name.removeprefix("address.") for name in COLUMNS if "." in name]
_SCHEMA = pl.Schema({**_TOP, "address": pl.Struct(dict.fromkeys(_ADDRESS, pl.String))})
_split = msgspec.json.Decoder(list[msgspec.Raw])


class _Stream:
    """A frame as DuckDB reads it without pyarrow."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def collect(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    keep_text = settings.get("keep_text", False)
    columns = {"digest": "UBIGINT", **({"body": "VARCHAR"} if keep_text else {}), **COLUMNS}
    pages = -(-settings["records"] // 1000)
    with tempfile.TemporaryDirectory() as folder, watch.running(), httpx.Client() as client, ThreadPoolExecutor(_AHEAD) as pool:
        store = duckdb.connect(str(Path(folder) / "floor.duckdb"))
        store.execute("SET force_compression = 'zstd'")
        store.execute(table(columns))
        addresses = (f"{settings['url']}/shop/customers?page={number}&size=1000" for number in range(1, pages + 1))
        waiting: list[pl.DataFrame] = []
        for answer in _ahead(pool, client, addresses):
            waiting.append(_frame(answer, keep_text=keep_text))
            if len(waiting) == _PAGES_AT_ONCE:
                _insert(store, waiting)
                waiting = []
        _insert(store, waiting)
        store.close()


def _ahead(pool: ThreadPoolExecutor, client: httpx.Client, addresses: Any) -> Any:
    under_way = []
    for address in addresses:
        under_way.append(pool.submit(lambda address=address: client.get(address).content))
        if len(under_way) > _AHEAD:
            yield under_way.pop(0).result()
    for one in under_way:
        yield one.result()


def _frame(body: bytes, *, keep_text: bool) -> pl.DataFrame:
    rows = _split.decode(body)
    digests = [xxhash.xxh3_64_intdigest(row) for row in rows]  # type: ignore[arg-type]
    decoded = pl.read_json(body, schema=_SCHEMA).unnest("address").rename({name: f"address.{name}" for name in _ADDRESS})
    texts = {"body": [str(row, "utf-8") for row in rows]} if keep_text else {}
    return pl.DataFrame({"digest": pl.Series(digests, dtype=pl.UInt64), **texts}).hstack(decoded)


def _insert(store: duckdb.DuckDBPyConnection, waiting: list[pl.DataFrame]) -> None:
    if waiting:
        store.register("batch", _Stream(pl.concat(waiting)))
        store.execute("INSERT INTO customers BY NAME SELECT * FROM batch")
        store.unregister("batch")
