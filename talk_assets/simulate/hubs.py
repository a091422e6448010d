"""Hubs in memory, one after another at one connection, which keeps the plan of each statement: to plan it takes longest.

Nothing is optimised: with so few rows to look for a better way takes longer than any way does; and an optimised plan holds only
for the rows there were when it was made.
"""

import random
from collections.abc import Sequence
from itertools import count
from typing import Any, Protocol, cast
from unittest.mock import patch

import polars as pl

from talk_assets.hub import Hub, connection, schema
from talk_assets.hub.address import Address
from talk_assets.hub.connection import Patience, Session, open_session
from talk_assets.hub.opening import create
from talk_assets.hub.ports import Crashpoint, Ids, no_crash
from talk_assets.hub.text import literal
from talk_assets.systems.clock import Clock, SystemClock

_SETTINGS = ("SET threads = 1", "PRAGMA disable_optimizer")
"""Seeds share the cores; the threads of one would only be in the way of the others."""
_PLANNED = ("SELECT", "INSERT", "DELETE", "UPDATE")
_ADDRESS = Address.parse(":memory:")
_LASTS = 40
"""Hubs that a connection is good for: it keeps some of the memory of each."""
_spare: list[Session] = []


def open_hub(clock: Clock, ids: Ids, crashpoint: Crashpoint) -> Hub:
    """A new hub, at a connection that an earlier one had, if there is any."""
    chance = random.Random(0)  # noqa: S311 - jitter
    hub = Hub(_ADDRESS, Patience(clock, chance, no_crash, 60.0), clock=clock, ids=ids, crashpoint=crashpoint)
    hub._session = _spare.pop() if _spare else _session()  # noqa: SLF001 - production has no use for such a door
    hub.run(lambda: create(hub), "create hub")
    return hub


def heir(hub: Hub) -> Hub:
    """What a hub in a file is after a crash: what was committed, and nobody at it."""
    heir = Hub(
        hub.address,
        hub._patience,  # noqa: SLF001
        clock=hub.clock,
        ids=hub.ids,
        crashpoint=hub.crashpoint,
    )
    heir._session = hub._session  # noqa: SLF001
    return heir


def give_back(hub: Hub) -> None:
    """Nobody needs what it holds any more."""
    session = hub._session  # noqa: SLF001
    assert session  # noqa: S101 - one in memory is open until then
    for table in schema.TABLES:
        session.connection.execute(f"DELETE FROM {table}")  # noqa: S608
    # Without it the next rows would have other numbers than in a hub that is new.
    session.connection.execute("CHECKPOINT hub")
    planned = cast("_Planned", session.connection)
    planned.hubs += 1
    if planned.hubs < _LASTS:
        _spare.append(session)
    else:
        session.close()


def _session() -> Session:
    with patch.object(connection, "_SETTINGS", (*connection._SETTINGS, *_SETTINGS)):  # noqa: SLF001
        session = open_session(_ADDRESS, Patience(SystemClock(), random.Random(0), no_crash, 0.0))  # noqa: S311
    session.connection = cast("Any", _Planned(session.connection))
    return session


class _Rows(Protocol):
    schema: pl.Schema | None

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class _Place:
    """Where DuckDB reads the frames of one name: a plan holds this, and not the name."""

    def __init__(self, rows: _Rows) -> None:
        self.rows = rows

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.rows.__arrow_c_stream__(requested_schema)


class _Planned:
    """A connection that plans each statement once."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._places: dict[str, _Place] = {}
        self._plans: dict[str, str] = {}
        """By statement."""
        self.hubs = 0
        self._number = count(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def register(self, name: str, rows: _Rows) -> None:
        place = self._places.get(name)
        if place is not None and place.rows.schema == rows.schema is not None:
            place.rows = rows
        else:
            self._places[name] = place = _Place(rows)
            self._connection.register(name, place)
            self._plans = {statement: plan for statement, plan in self._plans.items() if name not in statement}

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        if statement == "ROLLBACK":
            # Names that were given since it began are taken back too.
            self._places.clear()
        if not (statement.lstrip().startswith(_PLANNED) and all(type(value) in (str, int) for value in parameters)):
            return self._connection.execute(statement, parameters)
        plan = self._plans.get(statement)
        if plan is None:
            plan = self._plans[statement] = f"plan_{next(self._number)}"
            self._connection.execute(f"PREPARE {plan} AS {statement}")
        given = ", ".join(literal(value) if isinstance(value, str) else str(value) for value in parameters)
        return self._connection.execute(f"EXECUTE {plan}({given})" if given else f"EXECUTE {plan}")
