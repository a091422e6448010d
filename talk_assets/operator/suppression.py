"""The list of what was erased, kept beside the hub as well: a hub that comes back from a backup is made to forget again."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from talk_assets.hub import HubError
from talk_assets.hub.tables import suppressed
from talk_assets.hub.upkeep import about
from talk_assets.hub.upkeep.compact import compact_if_due
from talk_assets.sync.arriving.erased import addresses, meant, names
from talk_assets.sync.world import World
from talk_assets.systems.own_file import replace_own

FILE = "erased.json"
_AGAIN = "talk"
"""Who erases what a backup has brought back."""


@dataclass(frozen=True)
class _List:
    salt: str
    keys: Mapping[str, str]
    """Each with its erasure."""


def keep_list(world: World, state: Path) -> None:
    """What the hub knows as erased, beside it; for its owner only."""
    salt = suppressed.salt(world.hub)
    if salt is None:
        return
    keys = dict(suppressed.every(world.hub).select("key", "erasure").iter_rows())
    known = _read(state)
    if known is None or (known.salt, known.keys) != (salt, keys):
        state.mkdir(mode=0o700, exist_ok=True)
        replace_own(state / FILE, json.dumps({"salt": salt, "keys": keys}))


def erase_again(world: World, state: Path) -> None:
    """Before anything is read: what the list beside the hub names and the hub does not was erased after this hub was copied."""
    hub, known = world.hub, _read(state)
    own = suppressed.salt(hub)
    if known and own and own != known.salt:
        raise HubError(f"{state / FILE} belongs to another hub: give this one a state folder of its own with --state")
    there = suppressed.holds(hub)
    lost = {} if known is None else {key: erasure for key, erasure in known.keys.items() if key not in there}
    if known and lost:
        salt = known.salt

        def work() -> int:
            suppressed.salted(hub, salt)
            suppressed.put(hub, lost.items())
            found = _named_by(world, lost, salt)
            if len(found):
                about.erase(hub, found, about.clusters_of(hub, found), _AGAIN, world.run)
            return len(found)

        if count := hub.run(work, "erase again"):
            world.tell(f"this hub is older than an erasure: {count} records are erased again")
    keep_list(world, state)
    compact_if_due(hub)


def _named_by(world: World, keys: Collection[str], salt: str) -> pl.DataFrame:
    """The records in the hub that these keys are of."""
    every = about.named(world.hub)
    told = [names(every), *(addresses(world, key) for key in about.entities(world.hub))]
    return pl.concat([meant(one, keys, salt) for one in told]).unique()


def _read(state: Path) -> _List | None:
    try:
        found = json.loads((state / FILE).read_text(encoding="ascii"))
        return _List(found["salt"], found["keys"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise HubError(f"{state / FILE} is damaged: restore it from a backup, or remove it to go by the hub alone") from None
