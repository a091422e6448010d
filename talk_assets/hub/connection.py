"""A connection to one hub: waited for, attached, then locked down."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from os import getpid
from pathlib import Path
from random import Random
from typing import TypeVar

import duckdb
from filelock import FileLock, Timeout

from talk_assets.hub.address import Address, extension, without_password
from talk_assets.hub.errors import Busy, HubError
from talk_assets.hub.ports import Tell
from talk_assets.hub.private import make_private, private_files, require_own
from talk_assets.hub.text import literal
from talk_assets.systems.clock import Clock

_Found = TypeVar("_Found")
_HOLDER = re.compile(r"\(PID (\d+)\)")
_LOCKED = ("Could not set lock", "database is locked", "used by another process")
_WAL = "replaying WAL"
_LONGEST_PAUSE = 1.0
_FIRST_PAUSE = 0.05
_SETTINGS = (
    # Rows found by their number are read without unpacking all the others; beyond some thousands it no longer pays.
    "SET dynamic_or_filter_threshold = 5000",
    # A hub that is made now: a row here and there is read from blocks of half of the usual size.
    "SET default_block_size = '131072'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
)
_LOOKED_FOR = ("pandas", "pyarrow")
"""DuckDB asks for these with every parameter and every frame."""
_LOCK_DOWN = ("SET enable_external_access = false", "SET lock_configuration = true")


class _Held(Exception):
    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass
class Session:
    """An open connection and the lock that keeps other processes away."""

    connection: duckdb.DuckDBPyConnection
    lock: FileLock | None
    spill: Path | None

    def close(self) -> None:
        self.disconnect()
        self.unlock()

    def disconnect(self) -> None:
        with private_files():
            self.connection.close()
        _drop_folder(self.spill)

    def unlock(self) -> None:
        if self.lock is not None:
            self.lock.release()


@dataclass(frozen=True)
class Patience:
    """How to wait for a hub that somebody else has."""

    clock: Clock
    random: Random
    tell: Tell
    seconds: float

    def wait_for(self, attempt: Callable[[], _Found], what: str, busy: str) -> _Found:
        started, told, tries = self.clock.monotonic(), "", 0
        while True:
            try:
                return attempt()
            except _Held as held:
                if self.clock.monotonic() - started >= self.seconds:
                    raise Busy(f"{what} is held by {held.holder}; gave up after {self.seconds:g} seconds") from None
                if held.holder != told:
                    told = held.holder
                    self.tell(f"{busy} {held.holder}; waiting")
            tries += 1
            self.clock.sleep(self.pause(tries))

    def pause(self, tries: int) -> float:
        """Full jitter: anything up to a limit that doubles, so that those who wait do not march in step."""
        return self.random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(tries, 10)))


def open_session(address: Address, patience: Patience) -> Session:
    return patience.wait_for(lambda: _attempt(address), f"the hub {address.place}", "the hub is busy: held by")


@contextmanager
def nobody_at(path: Path, patience: Patience) -> Iterator[None]:
    """Keeps our own programs away from a hub's file, which need not be one that can be opened."""
    lock = patience.wait_for(lambda: _take_lock(path), f"the hub {path}", "the hub is busy: held by")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def turn(url: str, patience: Patience) -> Iterator[None]:
    """One engine at a time works on a hub, while others may look into it whenever it rests.

    A hub that several machines share has no file to lock: there, each stage's cursor refuses what was worked out too late.
    """
    path = Address.parse(url).path
    if path is None:
        yield
        return
    place = path.with_name(f"{path.name}.turn")
    lock = patience.wait_for(lambda: _take_lock(place), f"the turn to work on {path}", "another run is at work:")
    try:
        yield
    finally:
        lock.release()


def _attempt(address: Address) -> Session:
    lock = _take_lock(address.path) if address.one_process and address.path else None
    # That of a hub which others may have open stays: they would make it again, for all to read.
    spill = address.spill if address.one_process else None
    try:
        return Session(_connect(address), lock, spill)
    except BaseException:
        _drop_folder(spill)
        if lock is not None:
            lock.release()
        raise


def _drop_folder(folder: Path | None) -> None:
    """Unless there is something in it."""
    if folder is not None:
        with suppress(OSError):
            folder.rmdir()


def _take_lock(path: Path) -> FileLock:
    """DuckDB's own lock on the file vanishes when any code of this process opens and closes that file, so it is not enough."""
    file = path.with_name(f"{path.name}.lock")
    lock = FileLock(file, mode=0o600, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise _Held(_name(file)) from None
    file.write_text(f"{getpid()}\n", encoding="ascii")
    return lock


def _name(file: Path) -> str:
    with suppress(OSError, ValueError):
        return _process(int(file.read_text(encoding="ascii")))
    return "another process"


def _process(number: int) -> str:
    return f"PID {number}" + (" (this process)" if number == getpid() else "")


def _remember_absent() -> None:
    """What is not installed is looked for once, and not through all folders with each statement: that took half its time."""
    for name in _LOOKED_FOR:
        if name not in sys.modules and find_spec(name) is None:
            sys.modules[name] = None  # type: ignore[assignment]


def _connect(address: Address) -> duckdb.DuckDBPyConnection:
    _remember_absent()
    connection = duckdb.connect(":memory:")
    try:
        for setting in _SETTINGS:
            connection.execute(setting)
        if address.is_lake:
            for name in address.extensions():
                connection.execute(f"LOAD {literal(extension(name))}")
            if address.data and "://" not in address.data:
                Path(address.data).mkdir(mode=0o700, exist_ok=True)
        else:
            # To try every way to pack a text costs more than half of a first load. This is the smallest, where none is named.
            connection.execute("SET force_compression = 'zstd'")
        _attach(connection, address)
        for setting in (*address.reachable(), *_LOCK_DOWN):
            connection.execute(setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, address: Address) -> None:
    spill = address.spill
    connection.execute(f"SET temp_directory = {literal(str(spill or ''))}")
    if address.path and spill:
        require_own(address.path)
        spill.mkdir(mode=0o700, exist_ok=True)
        make_private(address.path)
    try:
        with private_files():
            connection.execute(address.attach())
    except duckdb.Error as failure:
        text = str(failure)
        if found := _HOLDER.search(text):
            raise _Held(_process(int(found.group(1)))) from None
        if any(sign in text for sign in _LOCKED):
            raise _Held("another process") from None
        advice = f"\n{address.path}.wal is of another hub, or damaged: `talk restore` puts both aside" if _WAL in text else ""
        # What DuckDB says of a catalog's database would stand in a trace back as well.
        cause = None if address.catalog else failure
        raise HubError(f"the hub {address.place} cannot be opened: {without_password(text)}{advice}") from cause
    connection.execute("USE hub")
