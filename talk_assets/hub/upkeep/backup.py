"""A copy of the hub that is a hub itself, taken while it is in use, and put back in its place."""

import shutil
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb

from talk_assets.hub.address import Address
from talk_assets.hub.connection import Patience, nobody_at
from talk_assets.hub.errors import HubError
from talk_assets.hub.hub import Hub
from talk_assets.hub.opening import open_hub
from talk_assets.hub.private import private_files
from talk_assets.hub.schema import TABLES

_NOT_COPIED = "DELETE FROM meta WHERE key = 'views'"


def backup(hub: Hub, path: Path) -> None:
    """Write the hub as of now to a new DuckDB file. The file has its name only once it is complete."""
    if path.exists():
        raise HubError(f"{path} exists already: a backup never overwrites anything")
    if not path.parent.is_dir():
        raise HubError(f"no folder {path.parent} for the backup {path.name}: make it first")
    partial = path.with_name(f"{path.name}.partial")
    remove_file(partial)
    try:
        if hub.address.is_lake or hub.address.path is None:
            with open_hub(f"duckdb:{partial}", clock=hub.clock, ids=hub.ids, wait_seconds=0) as copy:
                copy_all(hub, copy)
        else:
            with hub.closed() as file:
                _copy_file(file, partial)
            try:
                _require_readable(partial)
            except HubError as failure:
                raise HubError(
                    f"{hub.address.path} is damaged, so there is no backup of it: {failure}. Keep the backups that you have, "
                    "and go back to one of them"
                ) from failure
        partial.rename(path)
    finally:
        remove_file(partial)


def restore(address: Address, file: Path, patience: Patience) -> Path | None:
    """Put a backup in the place of a hub, in whatever state that is, and give the file that it was kept in. Only who has the
    hub's turn may do so.
    """
    place = address.path
    if place is None or not address.is_file:
        raise HubError(
            f"{address.place} is no file, so no backup can take its place: name the backup itself as the hub, with --hub or "
            "TALK_HUB, and the state folder of before, with --state or TALK_STATE: it knows who was erased"
        )
    if not file.is_file():
        raise HubError(f"there is no backup {file}")
    if place.exists() and file.samefile(place):
        raise HubError(f"{file} is the hub itself")
    if file.with_name(f"{file.name}.wal").exists():
        raise HubError(f"{file} is a hub in use, or one that nobody closed: make a backup of it with `talk backup`")
    partial = place.with_name(f"{place.name}.restoring")
    remove_file(partial)
    try:
        with private_files():
            shutil.copyfile(file, partial)
        try:
            _require_readable(partial)
        except HubError as failure:
            raise HubError(f"{file} cannot be restored, and nothing was changed: {failure}") from failure
        with nobody_at(place, patience):
            kept = _set_aside(place, patience.clock.now())
            partial.rename(place)
    finally:
        remove_file(partial)
    return kept


def _set_aside(place: Path, now: datetime) -> Path | None:
    """With what was not in the file yet when its program was killed, which would be taken for a part of the next one."""
    names = (f"{place.stem}.before-{now:%Y%m%d-%H%M%S}{f'-{n}' if n else ''}{place.suffix}" for n in count())
    kept = next(path for name in names if not (path := place.with_name(name)).exists())
    for suffix in ("", ".wal"):
        with suppress(FileNotFoundError):
            place.with_name(f"{place.name}{suffix}").rename(kept.with_name(f"{kept.name}{suffix}"))
    return kept if kept.exists() else None


def _copy_file(file: Path, copy: Path) -> None:
    """Byte by byte, which is many times faster than row by row. The hub's lock keeps our own programs out meanwhile."""
    before = file.stat()
    with private_files():
        shutil.copyfile(file, copy)
    after = file.stat()
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or file.with_name(
        f"{file.name}.wal"
    ).exists():
        raise HubError(f"somebody wrote to {file} while it was copied; try again once it is left alone")


def _require_readable(copy: Path) -> None:
    """What was copied byte by byte was not looked at: what a disk has lost is told now, and not when the copy is needed."""
    read = "what a hub begins with"
    try:
        with open_hub(f"duckdb:{copy}", wait_seconds=0, anew=False) as opened:
            for read in TABLES:
                opened.value(f"SELECT bit_xor(hash(t)) FROM {read} t")  # noqa: S608
    except duckdb.Error as failure:
        raise HubError(f"{read} cannot be read: {failure}") from failure


def copy_all(hub: Hub, copy: Hub) -> None:
    """Fill a new hub with what another one holds, from one moment, whatever each of them is kept in. Table by table, as
    streams: locked down as it is, a hub can attach no second database.
    """
    with hub.transaction("backup"), copy.transaction("backup copy"):
        copy.write("DELETE FROM meta")
        for table in TABLES:
            rows = hub.stream(f"SELECT * FROM {table}")  # noqa: S608
            copy.write(f"INSERT INTO {table} BY NAME SELECT * FROM batch", batch=rows)  # noqa: S608
        # The copy's views are made when it is first used.
        copy.write(_NOT_COPIED)
    copy.forget()


def remove_file(path: Path) -> None:
    for suffix in ("", ".wal", ".lock"):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}{suffix}").unlink()
