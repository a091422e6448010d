"""Whether a system is still the one whose records are known: an address or a login may lead to another account by mistake."""

import polars as pl

from talk_assets.hub.tables import records
from talk_assets.sync.world import World
from talk_assets.systems import strict_json
from talk_assets.systems.errors import BadSetup
from talk_assets.systems.reading.reader import Gone, Reader

_FEW = 3
"""Fewer records than these prove nothing."""
_NAMES = {"entity": pl.String, "id": pl.String}


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
        f"none of the records of {key} that were seen last and first is there, and all of the {listed.height} that are listed "
        f"are new: {address(world, key)} with this login seems to be another account of {title}. Nothing of it was kept. "
        "Correct the address or the login; if all was replaced on purpose, start with another hub"
    )


def _all_gone(world: World, key: str) -> bool:
    """The newest may all be deleted, as may the oldest; hardly both."""
    reader = world.connection(key).reader(key.split(".", 1)[1])
    newest = records.latest(world.hub, key, _FEW)
    if newest.height < _FEW:
        return False
    if reader.entity.get is None:
        return _none_is_listed(world, key, reader)
    known = pl.concat([newest, records.earliest(world.hub, key, _FEW)]).unique(maintain_order=True)
    world.hub.rest()
    return all(isinstance(reader.one(id_, strict_json.loads(body)), Gone) for id_, body in known.iter_rows())


def _none_is_listed(world: World, key: str, reader: Reader) -> bool:
    """Only all of a list says that nothing known is in it."""
    world.hub.rest()
    listing = reader.sweep()
    for page in listing:
        if records.of(world.hub, pl.DataFrame({"entity": key, "id": page.ids}, schema=_NAMES), ["id"]).height:
            return False
    return listing.whole
