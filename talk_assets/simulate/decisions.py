"""What a person decides between two rounds: what is another thing, what is the same after all, and who is right."""

from dataclasses import dataclass

import polars as pl

from talk_assets.hub.tables import members
from talk_assets.operator import deciding
from talk_assets.operator.project import Unusable
from talk_assets.sync.world import World

_ASKED = {
    "part": "SELECT entity, id FROM members QUALIFY count(*) OVER (PARTITION BY cluster) > 1 ORDER BY ALL",
    "join": """
        SELECT m.entity, m.id, n.other_entity, n.other_id FROM never n JOIN members m ON m.entity = n.entity AND m.id = n.id
        WHERE m.how = 'unlinked' ORDER BY ALL
    """,
    "take": "SELECT entity, id, number, cluster, field FROM conflicts WHERE NOT won ORDER BY ALL",
}
"""By what is decided: the records that it may be about, and what else there is to know of each."""
_WHO = "somebody"
_NO_FIELD = pl.DataFrame(schema={"cluster": pl.Int64, "field": pl.String})


@dataclass(frozen=True)
class Decided:
    words: str
    about: pl.DataFrame
    """`entity`, `id`: the records of the things that it is about."""
    agreed: pl.DataFrame
    """`cluster`, `field` that are agreed on otherwise by that."""


def decide(world: World, what: str, which: float) -> Decided | None:
    """Nothing where there is nothing of the kind, or it cannot be decided now."""
    hub = world.hub
    ways = hub.read(_ASKED[what])
    if ways.is_empty():
        return None
    way = ways[int(which * ways.height)]
    entity, id_, *rest = way.row(0)
    record, ends = f"{entity}/{id_}", [way.select("entity", "id")]
    if what == "join":
        ends.append(way.select(entity="other_entity", id="other_id"))
    about = members.ids_in(hub, members.clusters_of(hub, pl.concat(ends)).select("cluster").unique())
    try:
        match what:
            case "part":
                deciding.unlink(world, record, _WHO)
            case "join":
                deciding.link(world, record, "/".join(rest), _WHO)
            case _:
                deciding.take(world, rest[0], record, _WHO)
    except Unusable:
        return None
    agreed = way.select("cluster", "field") if what == "take" else _NO_FIELD
    words = {"part": "is another thing", "join": f"is {'/'.join(map(str, rest))} after all", "take": "is right in a conflict"}
    return Decided(f"somebody decides that {record} {words[what]}", about.select("entity", "id"), agreed)
