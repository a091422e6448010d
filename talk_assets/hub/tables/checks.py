"""What must hold whatever happens: rule R4, and one row per thing in every table."""

import polars as pl

from talk_assets.hub.errors import Contradiction
from talk_assets.hub.hub import Hub

_UNIQUE = {
    "meta": "key",
    "cursors": "consumer",
    "shapes": "shape",
    "records": "entity, id",
    "members": "entity, id",
    "golden": "cluster",
    "changes": "entity, cluster",
    "intents": "id",
    "history": "number",
    "chain": "batch",
    "tombstones": "entity, id",
    "suppressed": "key",
    "never": "entity, id, other_entity, other_id",
}


def require_one_place(hub: Hub) -> None:
    """Before this transaction commits: the clusters it touched have one record per entity, and those records one cluster."""
    hub.before_commit(require_one_place, _check_touched)


def check(hub: Hub) -> list[str]:
    """Everything that is wrong with the hub, by reading all of it; an empty list is what one wants."""
    found = [f"{problem}" for problem in _misplaced(hub, 0)]
    for table, key in _UNIQUE.items():
        statement = f"SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY {key} HAVING count(*) > 1)"  # noqa: S608
        if count := hub.read(statement).item():
            found.append(f"{table}: {count} keys ({key}) have several rows")
    creates = """
        SELECT count(*) FROM (
            SELECT 1 FROM intents WHERE kind = 'create' AND state NOT IN ('done', 'rejected', 'cancelled')
            GROUP BY cluster, entity HAVING count(*) > 1
        )
    """
    if count := hub.read(creates).item():
        found.append(f"intents: {count} records are being created more than once")
    return found


def _check_touched(hub: Hub) -> None:
    if problems := _misplaced(hub, hub.seq):
        raise Contradiction("; ".join(problems[:5]))


def _misplaced(hub: Hub, since: int) -> list[str]:
    pairs = hub.read(
        """
        SELECT t.entity, t.cluster::VARCHAR AS one, t.id AS here, m.id AS there, false AS is_split
        FROM (SELECT entity, cluster, id, rowid AS number FROM members WHERE seq >= $1) t
        JOIN members m ON m.entity = t.entity AND m.cluster = t.cluster AND m.rowid <> t.number
        UNION ALL
        SELECT t.entity, t.id, t.cluster::VARCHAR, m.cluster::VARCHAR, true
        FROM (SELECT entity, cluster, id, rowid AS number FROM members WHERE seq >= $1) t
        JOIN members m ON m.entity = t.entity AND m.id = t.id AND m.rowid <> t.number
        """,
        [since],
    )
    several = pl.col("here").append(pl.col("there")).unique().sort()
    found = pairs.group_by("is_split", "entity", "one").agg(several=several).sort("is_split", "entity", "one")
    return [
        f"{entity}/{one} is in {len(several)} clusters: {', '.join(several[:5])}"
        if is_split
        else f"cluster {one} has {len(several)} records of {entity}: {', '.join(several[:5])}"
        for is_split, entity, one, several in found.iter_rows()
    ]
