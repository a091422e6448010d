"""What a run works with: the store, the model, the systems and the ports. Passed to every stage, reached for by none."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from talk_assets.hub import Hub, Shape
from talk_assets.hub.packing import pack
from talk_assets.hub.tables import shapes
from talk_assets.sync.guards import LIMITS, Limits
from talk_assets.sync.meaning.carried import carry_over
from talk_assets.sync.meaning.decode import Decoder
from talk_assets.sync.meaning.model import EntityModel, Model
from talk_assets.sync.skew import skew_of
from talk_assets.systems import stamps
from talk_assets.systems.clock import Clock
from talk_assets.systems.connection import Connection
from talk_assets.systems.errors import BadSetup
from talk_assets.systems.reading.likeness import Steps

AT_ONCE = 20_000
"""Clusters that are worked on together: each is some dozens of cells."""
_USUAL = r"^\d{4}-\d\d-\d\dT[0-2]\d:[0-5]\d:[0-5]\d(\.\d{1,6})?Z$"
_IS_USUAL = (pl.col("told").str.contains(_USUAL) & ~pl.col("told").str.starts_with("0000")).fill_null(value=False)
_FIRST, _LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 – UTC, as all times of a hub
"""Systems say the first one for "never", and a clock that is corrected does not lead beyond it."""
_READ = pl.when(_IS_USUAL).then("told").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
_OTHER = (~_IS_USUAL & pl.col("told").is_not_null()).alias("other")
Tell = Callable[[str], None]
Each = Callable[[Callable[[Any], Any], Sequence[Any], int], list[Any]]
"""Does something with each of several things, at most so many at once, and gives the results in their order."""


def side_by_side(work: Callable[[Any], Any], things: Sequence[Any], limit: int) -> list[Any]:
    with ThreadPoolExecutor(max_workers=max(1, limit)) as pool:
        return list(pool.map(work, things))


def silent(_line: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True)
class World:
    hub: Hub
    model: Model
    connections: Mapping[str, Connection]
    clock: Clock
    run: str
    shapes: Mapping[str, Shape]
    """How the records of each entity are kept by this model."""
    tell: Tell = silent
    decoders: Mapping[str, Decoder] = field(default_factory=dict)
    each: Each = side_by_side
    """How requests are sent: a simulation sends one after the other, so that a seed always gives the same run."""
    ahead: int = 4
    """Pages asked for before they are needed, where an API allows that. With none, systems wait for each other too."""
    limits: Limits = LIMITS
    closed: Mapping[str, str] = field(default_factory=dict)
    """Systems that cannot even be asked, and why: their logins are not set, for instance."""

    def entity(self, key: str) -> EntityModel:
        return self.model.entities[key]

    def connection(self, key: str) -> Connection:
        system = self.entity(key).system
        if system in self.closed:
            raise BadSetup(self.closed[system])
        return self.connections[system]

    def why_closed(self, key: str) -> str | None:
        """Why the system of an entity cannot be asked, if so."""
        return self.closed.get(self.entity(key).system)

    def describe(self, key: str, rows: pl.DataFrame, paths: frozenset[Steps] | None = None) -> pl.DataFrame:
        """Rows with `body` → the same with what the stages look at: the columns as text, and when the record was edited by our
        clock. `paths` as `Decoder.columns` has them.
        """
        entity, shape = self.entity(key), self.shapes[key]
        columns = self.decoders[key].columns(rows["body"], paths)
        described = rows.with_columns(shape=pl.lit(shape.number, pl.Int32), vals=pack(columns, entity.columns))
        if "modified" not in rows.columns:
            return described
        zone, ahead = entity.ref.system.time_zone, skew_of(self.hub, entity.system).ahead
        return described.with_columns(edited_at=(moments(rows["modified"], zone) - ahead).clip(_FIRST, _LAST))


def moments(told: pl.Series, zone: str) -> pl.Series:
    """Stamps of a server as times in UTC, by its own clock. Almost all are written in one way; the others are read singly."""
    read, others = told.to_frame("told").select(_READ, _OTHER).get_columns()
    if not others.any():
        return read
    places = others.arg_true()
    found = [stamps.instant(stamp, zone) if stamp else None for stamp in told.gather(places)]
    exact = pl.Series([one.at().replace(tzinfo=None) if one else None for one in found], dtype=pl.Datetime("us"))
    return read.scatter(places, exact)


def make_world(
    hub: Hub,
    model: Model,
    connections: Mapping[str, Connection],
    clock: Clock,
    run: str,
    tell: Tell = silent,
    *,
    in_turn: bool = True,
) -> World:
    """Ready the hub for a model: records that an older model left in another shape are made anew from their stored bodies, and
    fields that it called otherwise get their new names. These only `in_turn`: a run that goes on knows them by the old ones.
    """

    def known() -> dict[str, Shape]:
        if in_turn:
            carry_over(hub, model)
        return {key: shapes.shape_of(hub, key, entity.columns, entity.fields) for key, entity in model.entities.items()}

    decoders = {key: Decoder(entity) for key, entity in model.entities.items()}
    world = World(hub, model, connections, clock, run, hub.run(known, "shapes"), tell, decoders)
    behind = shapes.left_behind(hub, world.shapes.values())
    for key in sorted(behind & world.shapes.keys()):
        shapes.reshape(hub, world.shapes[key], lambda rows, key=key: world.describe(key, rows))
    return world
