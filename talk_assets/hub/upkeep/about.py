"""All that the hub holds about some records, table by table: to be shown, or to be erased.

What a person decided about them stays (`never`, and the generations of marks): it names records and holds no values.
"""

from collections.abc import Mapping

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.schema import column_list
from talk_assets.hub.tables import history
from talk_assets.hub.upkeep.compact import compact_later

RECORDS = pl.Schema({"entity": pl.String, "id": pl.String})
_BY_RECORD = "EXISTS (FROM named n WHERE n.entity = t.entity AND n.id = t.{id})"
_BY_CLUSTER = "t.cluster IN (SELECT cluster FROM clusters)"
_EITHER = f"({_BY_CLUSTER} OR {_BY_RECORD})"
_WHERE: Mapping[str, str] = {
    "records": _BY_RECORD.format(id="id"),
    "members": _EITHER.format(id="id"),
    "tombstones": _EITHER.format(id="id"),
    "keys": _BY_RECORD.format(id="id"),
    "ambiguous": _BY_RECORD.format(id="id"),
    "golden": _BY_CLUSTER,
    "changes": _BY_CLUSTER,
    "intents": _EITHER.format(id="record_id"),
    "conflicts": _EITHER.format(id="id"),
    "holds": _EITHER.format(id="id"),
    "history": _EITHER.format(id="id"),
}
"""By table: which of its rows are about the records `named` and the `clusters`."""
_NAMING = ("records", "members", "tombstones", "history")
"""Where a record that the hub knows, or knew, is named."""


def entities(hub: Hub) -> list[str]:
    """The entities that the hub knows, or knew, records of, mapped or not."""
    each = (f"SELECT entity FROM {table} WHERE entity IS NOT NULL AND id IS NOT NULL" for table in _NAMING)  # noqa: S608
    return hub.read(f"{' UNION '.join(each)} ORDER BY entity")["entity"].to_list()


def named(hub: Hub) -> pl.DataFrame:
    """Every record that the hub knows, or ever knew, by name."""
    each = (f"SELECT entity, id FROM {table} WHERE entity IS NOT NULL AND id IS NOT NULL" for table in _NAMING)  # noqa: S608
    return hub.read(" UNION ".join(each))


def knows(hub: Hub, entity: str, id_: str) -> bool:
    """Whether the hub knows a record, or ever knew it."""
    return any(
        hub.value(f"SELECT 1 FROM {table} WHERE entity = ? AND id = ? LIMIT 1", [entity, id_])  # noqa: S608 – our own names
        for table in _NAMING
    )


def clusters_of(hub: Hub, records: pl.DataFrame) -> pl.DataFrame:
    """The clusters (`cluster`) of these records (`entity`, `id`): those they are in, and those they were in that have no other
    records by now. One that they were in by mistake, and left, is somebody else's.
    """
    return hub.read(
        """
        WITH was AS (
            SELECT t.cluster FROM history t SEMI JOIN named n ON n.entity = t.entity AND n.id = t.id
            UNION SELECT t.cluster FROM tombstones t SEMI JOIN named n ON n.entity = t.entity AND n.id = t.id
            UNION SELECT t.cluster FROM conflicts t SEMI JOIN named n ON n.entity = t.entity AND n.id = t.id
        )
        SELECT t.cluster FROM members t SEMI JOIN named n ON n.entity = t.entity AND n.id = t.id
        UNION
        SELECT cluster FROM was WHERE cluster IS NOT NULL AND cluster NOT IN (
            SELECT m.cluster FROM members m ANTI JOIN named n ON n.entity = m.entity AND n.id = m.id
        )
        ORDER BY cluster
        """,
        named=records.select(RECORDS.names()),
    )


def gather(hub: Hub, records: pl.DataFrame, clusters: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """By table: the rows about these records (`entity`, `id`) and clusters (`cluster`)."""
    given = {"named": records.select(RECORDS.names()), "clusters": clusters.select("cluster")}
    return {
        table: hub.read(
            f"""
            SELECT {column_list(table)} FROM {table}
            WHERE rowid IN (SELECT t.rowid FROM {table} t WHERE {where}) ORDER BY ALL
            """,  # noqa: S608 – our own names
            **given,
        )
        for table, where in _WHERE.items()
    }


def erase(hub: Hub, records: pl.DataFrame, clusters: pl.DataFrame, who: str, run: str) -> dict[str, int]:
    """Take all of it away; of the history only what it says about whom. Gives the rows of each table that went."""
    given = {"named": records.select(RECORDS.names()), "clusters": clusters.select("cluster")}
    rows = hub.read(f"SELECT number FROM history t WHERE {_WHERE['history']}", **given)  # noqa: S608
    gone = {"history": history.erase(hub, rows, who, run)}
    gone |= {
        table: hub.write(f"DELETE FROM {table} t WHERE {where}", **given)  # noqa: S608
        for table, where in _WHERE.items()
        if table != "history"
    }
    _forget_candidates(hub, given["named"])
    compact_later(hub)
    return gone


def _forget_candidates(hub: Hub, records: pl.DataFrame) -> None:
    """What other records could be is not said with the names of these any more."""
    names = records.select(name=pl.format("{}/{}", "entity", "id"))
    for table in ("ambiguous", "holds"):
        hub.write(
            f"""
            UPDATE {table} SET candidates = list_filter(candidates, lambda c: NOT list_contains(n.names, c))
            FROM (SELECT list(name) AS names FROM named) n WHERE list_has_any(candidates, n.names)
            """,  # noqa: S608 - our own names
            named=names,
        )
    hub.unsee("held")
