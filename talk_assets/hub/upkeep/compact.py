"""What was deleted is still in a file, in blocks that are free, until the file is written anew."""

import sqlite3
from contextlib import closing

from talk_assets.hub.hub import Hub
from talk_assets.hub.opening import open_hub
from talk_assets.hub.schema import TABLES, TO_COMPACT, definitions
from talk_assets.hub.tables import meta
from talk_assets.hub.upkeep.backup import copy_all, remove_file

_FORGET = (
    "CALL ducklake_expire_snapshots('hub', older_than => now())",
    "CALL ducklake_cleanup_old_files('hub', cleanup_all => true)",
)


def compact_later(hub: Hub) -> None:
    """In the transaction that deletes: a crash after it does not leave what was deleted in the file."""
    meta.put(hub, TO_COMPACT, "yes")


def compact_if_due(hub: Hub) -> None:
    if meta.get(hub, TO_COMPACT):
        compact(hub)
        hub.run(lambda: meta.drop(hub, TO_COMPACT), "compacted")


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
