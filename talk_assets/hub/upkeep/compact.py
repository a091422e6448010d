"""What was deleted is still in a file, in blocks that are free, until the file is written anew. And each commit to a DuckLake
leaves files, until some are put together.
"""

import sqlite3
from contextlib import closing

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.opening import open_hub
from talk_assets.hub.schema import TABLES, TO_COMPACT, definitions
from talk_assets.hub.tables import meta
from talk_assets.hub.text import literal
from talk_assets.hub.upkeep.backup import copy_all, remove_file

_FORGET = (
    "CALL ducklake_expire_snapshots('hub', older_than => now())",
    "CALL ducklake_cleanup_old_files('hub', cleanup_all => true)",
)
_TIDIED = "files when tidied"
_MANY = 100
"""Files more than were left: half a second of each run with news, and as long to put them together."""
_SMALL, _LARGE = 16_000_000, 0.2
"""Bytes of a table, or a file, that is written anew for any row; and what share of a larger one's rows must be gone for it."""
_PAST = """
    SELECT snapshot_id FROM (SELECT *, max(snapshot_id) OVER () AS newest FROM ducklake_snapshots('hub'))
    WHERE snapshot_time < now() - INTERVAL 1 HOUR AND snapshot_id < newest
"""
"""Nobody reads for so long in what a lake was before."""
_UNUSED = "now() - INTERVAL 2 DAY"
"""That is compared as text where the catalog is SQLite, so that of the day itself everything is taken for older."""


def compact_later(hub: Hub) -> None:
    """In the transaction that deletes: a crash after it does not leave what was deleted in the file."""
    meta.put(hub, TO_COMPACT, "yes")


def compact_if_due(hub: Hub) -> None:
    if meta.get(hub, TO_COMPACT):
        compact(hub)
        hub.run(lambda: meta.drop(hub, TO_COMPACT), "compacted")


def tidy_if_due(hub: Hub) -> None:
    """Put together what many commits have left in a DuckLake: each query looks at every file there is."""
    if not hub.address.is_lake:
        return
    if _files(hub)["files"].sum() >= int(meta.get(hub, _TIDIED) or 0) + _MANY:
        hub.run(lambda: _tidy(hub), "tidy")
        hub.run(lambda: meta.put(hub, _TIDIED, str(_files(hub)["files"].sum())), "tidied")


def _tidy(hub: Hub) -> None:
    for table, size in _files(hub).filter(pl.col("files") > 1).select("table_name", "file_size_bytes").iter_rows():
        threshold = 0 if size < _SMALL else _LARGE
        hub.write(f"CALL ducklake_rewrite_data_files('hub', {literal(table)}, delete_threshold => {threshold})")
    hub.write(f"CALL ducklake_merge_adjacent_files('hub', max_file_size => {_SMALL})")
    past = hub.read(_PAST)["snapshot_id"].to_list()
    if past:
        hub.write(f"CALL ducklake_expire_snapshots('hub', versions => {past})")
    hub.write(f"CALL ducklake_cleanup_old_files('hub', older_than => {_UNUSED})")


def _files(hub: Hub) -> pl.DataFrame:
    """By table: how many there are now."""
    return hub.read("SELECT *, file_count + delete_file_count AS files FROM ducklake_table_info('hub')")


def compact(hub: Hub) -> None:
    """Write the hub anew, without anything that was deleted. The file stays what it was until the new one is complete."""
    if hub.address.is_lake:
        _make_lake_anew(hub)
        return
    file = hub.address.path
    if file is None:
        return
    partial = file.with_name(f"{file.name}.partial")
    remove_file(partial)
    try:
        with open_hub(f"duckdb:{partial}", clock=hub.clock, ids=hub.ids, wait_seconds=0) as copy:
            copy_all(hub, copy)
        with hub.closed():
            partial.replace(file)
    finally:
        remove_file(partial)


def _make_lake_anew(hub: Hub) -> None:
    """A DuckLake keeps what was deleted in older snapshots, and the smallest and largest value of every column for ever."""
    for table, definition in zip(TABLES, definitions(), strict=True):
        with hub.transaction("compact"):
            hub.write(f"CREATE TEMP TABLE kept AS FROM {table}")
            hub.write(f"DROP TABLE {table}")
            hub.write(definition)
            hub.write(f"INSERT INTO {table} BY NAME FROM kept")
            hub.write("DROP TABLE kept")
    for step in _FORGET:
        hub.read(step)
    hub.close()
    if hub.address.catalog == "sqlite" and hub.address.path is not None:
        with closing(sqlite3.connect(hub.address.path)) as catalog:
            catalog.execute("VACUUM")
