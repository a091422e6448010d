"""What must hold whatever happens: rule R4, and one row per thing in every table."""

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
    found = hub.read(
        """
        SELECT entity, cluster::VARCHAR AS one, list(id ORDER BY id) AS several, true AS is_crowded FROM members
        WHERE cluster IN (SELECT cluster FROM members WHERE seq >= $1)
        GROUP BY cluster, entity HAVING count(*) > 1
        UNION ALL
        SELECT t.entity, t.id, list(t.cluster::VARCHAR ORDER BY t.cluster), false FROM members t
        SEMI JOIN (SELECT entity, id FROM members WHERE seq >= $1) n ON t.entity = n.entity AND t.id = n.id
        GROUP BY t.entity, t.id HAVING count(*) > 1
        """,
        [since],
    )
    return [
        f"cluster {one} has {len(several)} records of {entity}: {', '.join(several[:5])}"
        if is_crowded
        else f"{entity}/{one} is in {len(several)} clusters: {', '.join(several[:5])}"
        for entity, one, several, is_crowded in found.iter_rows()
    ]
