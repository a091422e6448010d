"""What a listing shows that is not news: a record as it was before, since readers lag, or its system was put back or left a
write aside.
"""

from datetime import datetime, timedelta

import polars as pl

from talk_assets.hub.tables import cells, history, members, records, shapes
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.world import World, moments

_FEW_BACK = 5
_SHARE_BACK = 0.2
"""More records than these two say do not go back in time because a clock was set."""


def older(world: World, key: str, rows: pl.DataFrame, started: datetime) -> pl.DataFrame:
    """Rows that show a record as it was before what we know: older by its own stamp, or listed while our write sinks in. One
    that is older than what its system has shown to all for long does not lag: it was put back, or edited by a clock that was.
    """
    zone = world.entity(key).ref.system.time_zone
    stored = records.of(world.hub, rows, ["entity", "id", "edited_at", "modified", "listed_at", "written_at"])
    known = stored.with_columns(was=moments(stored["modified"], zone)).drop("modified")
    known = known.rename({"edited_at": "known_at", "listed_at": "known_since"})
    client = world.connection(key).client_spec(key.split(".", 1)[1])
    began = started.replace(tzinfo=None)
    settled = began - timedelta(seconds=client.visibility_seconds)
    # By its server's clock too: what we measure of that is a little off, and may have been corrected since.
    older = (pl.col("edited_at") < pl.col("known_at")) & (pl.col("now") < pl.col("was"))
    not_newer = (pl.col("edited_at") <= pl.col("known_at")) & (pl.col("now") <= pl.col("was"))
    # What is later than now was told by a clock of ours that has been set back since.
    sinking = pl.col("written_at").is_between(settled, began, closed="right").fill_null(value=False)
    just_seen = pl.col("known_since").is_between(settled, began, closed="right").fill_null(value=True)
    return (
        rows.select("entity", "id", "edited_at", now=moments(rows["modified"], zone))
        .join(known, on=["entity", "id"])
        .filter(older | (sinking & not_newer.fill_null(value=True)))
        .select("entity", "id", lags=sinking | just_seen)
    )


def put_back(world: World, key: str, rows: pl.DataFrame, known: int) -> pl.DataFrame:
    """Of records that are older than what they last showed, by their own stamps, those whose system was put back: many at once,
    or what they held before. With anything else in it, it is an edit by a clock that was set.
    """
    if rows.height > max(_FEW_BACK, _SHARE_BACK * known):
        return rows
    return _as_before(world, key, rows)


def left_aside(world: World, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Records that took a write, by their answers, and show what they held before it with the stamp that they had: their
    systems left it aside. Nobody edited them.
    """
    path = world.entity(key).spec.modified
    if path is None or rows.is_empty():
        return rows.clear()
    stored = records.of(world.hub, rows, ["entity", "id", "modified", "written_at"])
    assumed = stored.filter(pl.col("modified").is_null() & pl.col("written_at").is_not_null())
    was = records.of(world.hub, assumed, ["entity", "id", "body"]).select("entity", "id", was=records.shown(path))
    unmoved = rows.join(was, on=["entity", "id"], maintain_order="left")
    return _as_before(world, key, unmoved.filter(pl.col("modified") == pl.col("was")).drop("was"))


def _as_before(world: World, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Those that hold, wherever they differ from what is known of them, what they held before."""
    if rows.is_empty():
        return rows
    columns, known_shapes = world.entity(key).columns, shapes.shapes(world.hub)
    stored = records.of(world.hub, rows, ["entity", "id", "shape", "vals"])
    texts = [cells.wide(part, "vals", known_shapes, columns, ABSENT) for part in (stored, rows)]
    was, now = ({row["#id"]: row for row in part.iter_rows(named=True)} for part in texts)
    held: dict[str, set[str | None]] = {id_: set() for id_ in now}
    for id_, before in history.about(world.hub, rows).filter(pl.col("path").is_not_null()).select("id", "before").iter_rows():
        held[id_].add(before)
    back = [
        id_
        for id_, row in now.items()
        if (changed := [row[path] for path in columns if row[path] != was[id_][path]]) and held[id_].issuperset(changed)
    ]
    return rows.filter(pl.col("id").is_in(back))


def take_back(world: World, key: str, rows: pl.DataFrame) -> None:
    """What a system that was put back holds is nobody's edit: it is told again what was agreed."""
    if rows.is_empty():
        return
    unheard = pl.lit(None, pl.String)
    members.agree(world.hub, rows.select("entity", "id", "shape", base="vals", accepted=unheard))
    placed = members.clusters_of(world.hub, rows)
    told = placed.with_columns(kind=pl.lit("put back"), reason=pl.lit(f"{key} shows it as it was before what it last showed"))
    history.append(world.hub, told, world.run)
