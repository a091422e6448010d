"""Attempts to write that came to nothing: each of a row waits longer than the one before, and a person is told of the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from talk_assets.assets.graph import delivered_key
from talk_assets.specs.resolve import EntityRef

_IN_VAIN, _NO_LOGIN, _AGAIN_AT = "in vain", "no login", "again at"
_FIRST, _LONGEST = timedelta(seconds=30), timedelta(minutes=15)


@dataclass(frozen=True)
class Tries:
    """Of an entity: attempts in a row after which all was left that there was to be written."""

    count: int = 0
    is_locked_out: bool = False
    """Its system did not let us in."""
    again_at: float = 0
    """Not before then; seconds since 1970."""

    def one_more(self, now: datetime, *, is_locked_out: bool) -> "Tries":
        wait = min(_FIRST * 2 ** min(self.count, 10), _LONGEST)
        return Tries(self.count + 1, is_locked_out, (now + wait).timestamp())


def tries_metadata(tries: Tries) -> dict[str, Any]:
    if not tries.count:
        return {_IN_VAIN: 0}
    return {
        _IN_VAIN: tries.count,
        _NO_LOGIN: tries.is_locked_out,
        _AGAIN_AT: dg.MetadataValue.timestamp(tries.again_at),
    }


def tries_told(figures: Mapping[str, Any]) -> Tries:
    """What a materialisation said."""
    return Tries(figures.get(_IN_VAIN, 0), bool(figures.get(_NO_LOGIN)), figures.get(_AGAIN_AT, 0))


def tries_before(instance: dg.DagsterInstance, entities: Sequence[EntityRef]) -> dict[str, Tries]:
    """What the newest deliveries said, by the keys of the entities."""
    names = {delivered_key(entity): entity.key for entity in entities}
    found = {entity.key: Tries() for entity in entities}
    for record in instance.get_asset_records([*names]):
        if (last := record.asset_entry.last_materialization) and last.asset_materialization:
            figures = {name: value.value for name, value in last.asset_materialization.metadata.items()}
            found[names[record.asset_entry.asset_key]] = tries_told(figures)
    return found
