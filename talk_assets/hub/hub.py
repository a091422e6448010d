"""One hub: statements, transactions, and the number that orders everything written."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from threading import RLock, Timer
from time import monotonic
from typing import Any, Protocol, Self, TypeVar

import duckdb
import polars as pl

from talk_assets.hub.address import Address, without_password
from talk_assets.hub.connection import Patience, Session, open_session
from talk_assets.hub.errors import Busy, HubError
from talk_assets.hub.few import FEW, few
from talk_assets.hub.ports import Crashpoint, Ids
from talk_assets.hub.private import private_files
from talk_assets.systems.clock import Clock

_Result = TypeVar("_Result")
_TRIES = 12
_AT_ONCE = 0.05
"""Seconds within which a hub that rests is often used again: to open it takes half of that."""
_Check = Callable[["Hub"], None]
_PLACES = re.compile(r"""'[^']*'|"[^"]*"|\?|\$(\d+)""")
"""Of the parameters in a statement, and what is quoted in it."""


class Rows(Protocol):
    """A frame, or a query's rows as they come."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class _Stream:
    """A frame as DuckDB reads it without pyarrow: by its Arrow stream alone. Others of the same columns may take its place."""

    def __init__(self, rows: Rows) -> None:
        self.rows: Rows | None = rows
        self.schema = getattr(rows, "schema", None)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        if self.rows is None:
            raise HubError("a frame was asked for after the statement that it was given to")
        if isinstance(self.rows, pl.DataFrame) and find_spec("pyarrow") is not None:
            # DuckDB has pyarrow filter the stream then, which cannot be done to texts as Polars has them.
            return self.rows.to_arrow(compat_level=pl.CompatLevel.oldest()).__arrow_c_stream__(requested_schema)
        return self.rows.__arrow_c_stream__(requested_schema)


class Hub:
    """A DuckDB store with one connection. Reads may happen at any time, writes inside a transaction only."""

    def __init__(self, address: Address, patience: Patience, *, clock: Clock, ids: Ids, crashpoint: Crashpoint) -> None:
        self.address = address
        self.clock = clock
        self.ids = ids
        self._patience = patience
        self._crashpoint = crashpoint
        self._turn = RLock()
        self._session: Session | None = None
        self._rests_since: float | None = None
        self._watch: Timer | None = None
        self._writing = False
        self._failed = False
        self._seq: int | None = None
        self._checks: dict[object, _Check] = {}
        self._kept: dict[str, Any] = {}
        self._seen: dict[str, Any] = {}
        self._streams: dict[str, _Stream] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the hub. It opens again by itself, waiting for its turn, when it is used again; one in memory is gone."""
        with self._turn:
            self._stay()
            if self._session is not None:
                self._session.close()
                self._session = None
                self.forget()

    def rest(self) -> None:
        """Let others at the hub while this run does something slow: it is closed, unless it is used again at once."""
        with self._turn:
            if self._writing:
                raise HubError("a hub cannot rest in the middle of a transaction")
            if self.address.path is not None and self._session is not None:
                self._rests_since = monotonic()
                if self._watch is None:
                    self._look_in(_AT_ONCE)

    @contextmanager
    def closed(self) -> Iterator[Path]:
        """The hub's file with everything in it and nobody at it, to be copied."""
        with self._turn:
            if self._writing or self.address.path is None:
                raise HubError("only a hub that is a file, and not in the middle of a transaction, can be closed to be copied")
            self._stay()
            session, self._session = self._session or open_session(self.address, self._patience), None
            self.forget()
            session.disconnect()
            try:
                yield self.address.path
            finally:
                session.unlock()

    def now(self) -> datetime:
        """The clock's time as the hub keeps times: UTC, without a zone."""
        return self.clock.now().astimezone(UTC).replace(tzinfo=None)

    def read(self, statement: str, parameters: Sequence[Any] = (), /, **frames: Rows) -> pl.DataFrame:
        """A query's rows. Frames are tables of the query, under the names they are given here."""
        with self._turn, self._given(frames) as connection:
            if all(not isinstance(frame, pl.DataFrame) or frame.height <= FEW for frame in frames.values()):
                found = few(connection.execute(statement, list(parameters)))
                if found is not None:
                    return found
            return pl.DataFrame(connection.sql(_with_variables(connection, statement, parameters)))

    def value(self, statement: str, parameters: Sequence[Any] = (), /) -> Any:
        """The first value of a query's first row; None where it has no row."""
        with self._turn, self._given({}) as connection:
            rows = connection.execute(statement, list(parameters)).fetchall()
        return rows[0][0] if rows else None

    def stream(self, statement: str) -> Rows:
        """A query's rows for another hub to read, a piece at a time; nothing else may be asked of this hub meanwhile."""
        return self._connected().sql(statement)

    def write(self, statement: str, parameters: Sequence[Any] = (), /, **frames: Rows) -> int:
        """Change rows and say how many; only inside a transaction."""
        if not self._writing:
            raise HubError("the hub is written inside a transaction only")
        with self._turn, self._given(frames) as connection:
            rows = connection.execute(statement, list(parameters)).fetchall()
        return rows[0][0] if rows and isinstance(rows[0][0], int) else 0

    @contextmanager
    def transaction(self, name: str = "hub") -> Iterator["Hub"]:
        """All or nothing. Keep it short, and keep HTTP out of it."""
        with self._turn:
            if self._writing:
                raise HubError("a transaction inside a transaction: one of them must go")
            connection = self._connected()
            connection.execute("BEGIN")
            self._writing, self._failed, self._seq, self._checks, self._seen = True, False, None, {}, {}
            try:
                yield self
                self._require_sound()
                self._crashpoint(f"{name}: before commit")
                with private_files(), self._words():
                    connection.execute("COMMIT")
            except BaseException:
                self.forget()
                with suppress(duckdb.Error):
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._writing, self._seq, self._checks, self._seen = False, None, {}, {}
        self._crashpoint(f"{name}: after commit")

    def run(self, work: Callable[[], _Result], name: str = "hub") -> _Result:
        """Do work in a transaction, again from its start if another writer was faster. It must have no other effects."""
        for tries in range(1, _TRIES + 1):
            try:
                with self.transaction(name):
                    return work()
            except duckdb.Error as failure:
                if not _is_conflict(failure):
                    raise
            self.clock.sleep(self._patience.pause(tries))
        raise Busy(
            f"the hub {self.address.place} was written by others each of the {_TRIES} times that this run was about to. What "
            "was committed is safe; start again: whatever was under way is found out then"
        )

    @property
    def seq(self) -> int:
        """The number of this transaction: everything it writes carries it. Taking it also keeps concurrent writers apart."""
        if self._seq is None:
            self._seq = self.numbers("seq", 1)
        return self._seq

    def position(self) -> int:
        """The number of the last transaction that wrote: what a consumer that has read everything has read up to."""
        return self._counted("seq")

    def numbers(self, name: str, count: int) -> int:
        """The first of `count` numbers that were never given before."""
        last = self._counted(name)
        self.note(f"last {name}", str(last + count))
        return last + 1

    def facts(self) -> dict[str, str]:
        """Small facts about the hub itself, by name."""
        return self.whole("meta", lambda: dict(self.read("SELECT key, value FROM meta").iter_rows()))

    def note(self, name: str, value: str) -> None:
        """Set a fact."""
        if self.write("UPDATE meta SET value = ? WHERE key = ?", [value, name]) == 0:
            self.write("INSERT INTO meta VALUES (?, ?)", [name, value])
        self.facts()[name] = value

    def unnote(self, name: str) -> None:
        self.write("DELETE FROM meta WHERE key = ?", [name])
        self.facts().pop(name, None)

    def before_commit(self, subject: object, check: _Check) -> None:
        """Have something checked once before this transaction commits, however often it is asked for."""
        self._checks.setdefault(subject, check)

    def kept(self, name: str, read: Callable[[], _Result], *, again: bool = False) -> _Result:
        """What was read once, of rows that are only ever added; `again` for who misses or adds one. A rollback forgets it."""
        if again or name not in self._kept:
            self._kept[name] = read()
        return self._kept[name]

    def seen(self, name: str, read: Callable[[], _Result]) -> _Result:
        """What was read before in this transaction, in which nobody else can change it; whoever changes it says `unsee`."""
        if not self._writing:
            return read()
        if name not in self._seen:
            self._seen[name] = read()
        return self._seen[name]

    def whole(self, name: str, read: Callable[[], _Result]) -> _Result:
        """All of a small table, read once where nobody else can write meanwhile; whoever changes rows changes what it gives."""
        return self.seen(name, read) if self.address.is_shared else self.kept(name, read)

    def unsee(self, name: str) -> None:
        self._seen.pop(name, None)

    def crashpoint(self, name: str) -> None:
        self._crashpoint(name)

    def settle(self) -> None:
        """After definitions have changed: a log that holds those is the one DuckDB has had trouble replaying."""
        if not self.address.is_lake:
            with self._turn, private_files():
                self._connected().execute("CHECKPOINT hub")

    def _require_sound(self) -> None:
        for check in self._checks.values():
            check(self)
        if self._failed:
            # DuckDB would commit nothing here, and say nothing about it.
            raise HubError("a statement of this transaction had failed, so it cannot be committed")

    def _counted(self, name: str) -> int:
        return int(self.facts().get(f"last {name}", 0))

    @contextmanager
    def _given(self, frames: dict[str, Rows]) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._connected()
        try:
            for name, frame in frames.items():
                self._give(connection, name, frame)
            with self._words():
                yield connection
        except (duckdb.Error, HubError):
            self._failed = True
            raise
        finally:
            for name in frames.keys() & self._streams.keys():
                self._streams[name].rows = None

    def _give(self, connection: duckdb.DuckDBPyConnection, name: str, frame: Rows) -> None:
        """Naming a frame costs as much as a small query, so the name stays for all that have the same columns."""
        stream = self._streams.get(name)
        if stream is not None and stream.schema is not None and stream.schema == getattr(frame, "schema", None):
            stream.rows = frame
        else:
            self._streams[name] = stream = _Stream(frame)
            connection.register(name, stream)

    def forget(self) -> None:
        """What is known of a session, or of a transaction, that is no more, or of rows that somebody has put in whole."""
        self._kept.clear()
        self._streams.clear()

    @contextmanager
    def _words(self) -> Iterator[None]:
        """A full or broken disk is no riddle. After it, the file is as it was committed last."""
        try:
            yield
        except duckdb.Error as failure:
            if _is_conflict(failure) or not _is_of_the_disk(failure):
                raise
            cause = None if self.address.catalog else failure
            told = without_password(str(failure))
            raise HubError(
                f"the hub {self.address.place} cannot be read or written: {told}. What was committed is safe; make room or "
                "mend the disk, then start again: whatever was under way is found out then"
            ) from cause

    def _connected(self) -> duckdb.DuckDBPyConnection:
        with self._turn:
            self._stay()
            if self._session is None:
                self._session = open_session(self.address, self._patience)
            return self._session.connection

    def _stay(self) -> None:
        self._rests_since = None

    def _look_in(self, seconds: float) -> None:
        self._watch = Timer(seconds, self._close_if_resting)
        self._watch.daemon = True
        self._watch.start()

    def _close_if_resting(self) -> None:
        with self._turn:
            self._watch = None
            if self._rests_since is None:
                return
            left = self._rests_since + _AT_ONCE - monotonic()
            if left > 0:
                self._look_in(left)
            else:
                self.close()


def _with_variables(connection: duckdb.DuckDBPyConnection, statement: str, parameters: Sequence[Any]) -> str:
    """Of a statement that has parameters, DuckDB makes Python's values before it gives columns: many rows take ten times as
    long. Variables of the session are no parameters.
    """
    for number, value in enumerate(parameters, 1):
        connection.execute(f"SET VARIABLE given_{number} = ?", [value])
    places = count(1)

    def told(found: re.Match[str]) -> str:
        if found[0][0] not in "?$":
            return found[0]
        number = int(found[1] or next(places))
        return "NULL" if parameters[number - 1] is None else f"getvariable('given_{number}')"

    return _PLACES.sub(told, statement) if parameters else statement


def _is_of_the_disk(failure: duckdb.Error) -> bool:
    return isinstance(failure, duckdb.IOException | duckdb.FatalException) or "Could not write file" in str(failure)


def _is_conflict(failure: duckdb.Error) -> bool:
    text = str(failure).lower()
    return "conflict" in text or "database is locked" in text
