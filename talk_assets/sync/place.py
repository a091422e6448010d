"""Whether a system is still the one whose records are known: an address or a login may lead to another account by mistake."""

import polars as pl

from talk_assets.hub import records
from talk_assets.sync.world import World
from talk_assets.systems import strict_json
from talk_assets.systems.errors import BadSetup
from talk_assets.systems.reading import Gone

_FEW = 3
"""Fewer records than these prove nothing."""


def address(world: World, key: str) -> str:
    return world.connection(key).client(key.split(".", 1)[1]).base.url


def require_known(world: World, key: str, ids: pl.Series, *, has_moved: bool) -> None:
    """Before anything that a reading brought is kept. Where the address is another one, or where all that comes is new, some
    known records must still be there.
    """
    if len(ids) < _FEW and not has_moved:
        return
    listed = pl.DataFrame({"entity": key, "id": ids.unique()})
    if records.of(world.hub, listed, ["id"]).height or not _all_gone(world, key):
        return
    title = world.entity(key).ref.system.title
    raise BadSetup(
        f"none of the {_FEW} records of {key} that were seen last is there, and all of the {listed.height} that are listed are "
        f"new: {address(world, key)} with this login seems to be another account of {title}. Nothing of it was kept. "
        "Correct the address or the login; if all was replaced on purpose, start with another hub"
    )


def _all_gone(world: World, key: str) -> bool:
    reader = world.connection(key).reader(key.split(".", 1)[1])
    known = records.latest(world.hub, key, _FEW)
    if reader.entity.get is None:
        return known.height == _FEW
    world.hub.rest()
    looks = (reader.one(id_, strict_json.loads(body)) for id_, body in known.iter_rows())
    return known.height == _FEW and all(isinstance(found, Gone) for found in looks)
