"""Which records are the same thing, and what each of them held when it last agreed."""

from collections.abc import Sequence

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import fetch, patch, put, put_changed, remove
from talk_assets.hub.tables.checks import require_one_place
from talk_assets.hub.tables.shapes import require_fit

KEY = ["entity", "id"]
UNKNOWN = "\x02"
"""In a base: we never agreed with the record on this property."""


def new_clusters(hub: Hub, count: int) -> pl.Series:
    """Numbers of clusters that never were."""
    first = hub.numbers("cluster", count)
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True).alias("cluster")


def link(hub: Hub, rows: pl.DataFrame) -> pl.DataFrame:
    """Put records into clusters: `entity`, `id`, `cluster`, `how`, `since`. A record that was elsewhere moves, and keeps its
    base and what it is known by. Gives the rows that changed; more than one record of an entity in a cluster undoes the
    transaction.
    """
    new = rows.select(*KEY, "cluster", "how", "since")
    there = whole(hub, new)
    kept = there.select(*KEY, "shape", "base", "accepted", "known_by")
    changed = put_changed(hub, "members", new.join(kept, on=KEY, how="left"), KEY, ignoring=["how", "since"], there=there)
    if len(changed):
        require_one_place(hub)
    return changed


def unlink(hub: Hub, keys: pl.DataFrame) -> int:
    """Take records (`entity`, `id`) out of their clusters, with their bases."""
    return remove(hub, "members", keys.select(KEY))


def touch(hub: Hub, clusters: pl.DataFrame) -> None:
    """Have every stage look at these clusters (`cluster`) again."""
    rows = of(hub, clusters)
    put(hub, "members", rows.with_columns(seq=pl.lit(hub.seq, pl.Int64)), KEY)


def agree(hub: Hub, rows: pl.DataFrame, *, news: bool = True, there: pl.DataFrame | None = None) -> pl.DataFrame:
    """Set what members hold by agreement: `entity`, `id`, and any of `shape`, `base`, `accepted`. With `news` off the stages
    do not look at their clusters again for it. `there` are the members, whole, if they were just read.
    """
    columns = [name for name in ("shape", "base", "accepted") if name in rows.columns]
    if "shape" in columns:
        packed = {name: kind for name, kind in (("base", "columns"), ("accepted", "fields")) if name in columns}
        require_fit(hub, rows, packed)
    return patch(hub, "members", rows.select(*KEY, *columns), KEY, seq=news, there=there)


def know(hub: Hub, rows: pl.DataFrame) -> None:
    """Note what members (`entity`, `id`) are recognised by, in one number: `known_by`. No stage looks at them again for it."""
    if not rows.is_empty():
        hub.write(
            "UPDATE members t SET known_by = k.known_by FROM known k WHERE t.entity = k.entity AND t.id = k.id",
            known=rows.select(*KEY, pl.col("known_by").cast(pl.UInt64)),
        )


def known(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """`entity`, `id`, `known_by` of those of the wanted (`entity`, `id`) that are linked."""
    return fetch(hub, "members", wanted.select(KEY), [*KEY, "known_by"])


def taken(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """`cluster`, `entity`, `id`, `shape`, `accepted` of those of the wanted (`entity`, `id`) that are linked."""
    return fetch(hub, "members", wanted.select(KEY), ["cluster", *KEY, "shape", "accepted"])


def of(hub: Hub, clusters: pl.DataFrame, columns: Sequence[str] | None = None, *, numbered: bool = False) -> pl.DataFrame:
    """The members of these clusters (`cluster`), whole unless columns are named; `numbered` for `agree`."""
    return fetch(hub, "members", clusters.select("cluster"), columns, numbered=numbered)


def whole(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """The wanted (`entity`, `id`) of those that are linked, whole, for `agree`."""
    return fetch(hub, "members", wanted.select(KEY), numbered=True)


def clusters(hub: Hub) -> pl.DataFrame:
    """All clusters (`cluster`) that have records, in order."""
    return hub.read("SELECT DISTINCT cluster FROM members ORDER BY cluster")


def placed(hub: Hub, entity: str) -> pl.DataFrame:
    """`id`, `cluster` of all records of an entity that are in one."""
    return hub.read("SELECT id, cluster FROM members WHERE entity = ?", [entity])


def counts(hub: Hub) -> dict[str, int]:
    """By entity: how many records are in a cluster."""
    return dict(hub.read("SELECT entity, count(*) FROM members GROUP BY entity").iter_rows())


def clusters_of(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """`entity`, `id`, `cluster` of those of the wanted records (`entity`, `id`) that are linked: a reference read."""
    return _narrow(hub, wanted.select(KEY))


def ids_in(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    """`cluster`, `entity`, `id` of the wanted (`cluster`, `entity`) that exist: a reference written. Without `entity` in the
    wanted: of all members.
    """
    return _narrow(hub, wanted.select(name for name in ("cluster", "entity") if name in wanted.columns))


def since(hub: Hub, seq: int) -> pl.DataFrame:
    """`entity`, `id`, `cluster`, `how`, `since`, `seq` of members whose link or base changed after a position."""
    return hub.read("SELECT entity, id, cluster, how, since, seq FROM members WHERE seq > ?", [seq])


def _narrow(hub: Hub, wanted: pl.DataFrame) -> pl.DataFrame:
    return fetch(hub, "members", wanted, ["entity", "id", "cluster"])
