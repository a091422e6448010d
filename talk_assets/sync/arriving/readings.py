"""When each entity was read last, and since when it cannot be: for whoever asks how things stand."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from talk_assets.hub import Hub
from talk_assets.hub.tables import meta
from talk_assets.sync.world import World

_FACT = "readings"
_NOTABLE = 10
"""Seconds of waiting in vain that nobody minds. Beyond …"""
_SHARE = 10
"""… at most one second of so many is spent with waiting for who does not answer; …"""
_LONGEST = 300
"""… but how things stand is never looked at less often than after so many seconds."""


@dataclass(frozen=True)
class Reading:
    """How the last readings of an entity went. Times are the hub's."""

    read_at: datetime | None = None
    """When it could be read last, its changes or all of it."""
    failing_since: datetime | None = None
    failure: str | None = None
    """What its system said the last time, if it could not be read then."""
    again_at: datetime | None = None
    """When it is worth while to ask again, where one waits long for nothing."""


def note_readings(world: World, read: Iterable[str], failed: Mapping[str, str], waited: Mapping[str, float]) -> None:
    """Keep how reading went just now: which entities were read, why others could not be, and for how many seconds each system
    was `waited` for to no avail.
    """
    now = world.hub.now()

    def work() -> None:
        known = readings(world.hub)
        news = {key: Reading(now) for key in read}
        for key, failure in failed.items():
            before = known.get(key, Reading())
            seconds = waited.get(key.split(".", 1)[0], 0)
            again_at = now + timedelta(seconds=min(seconds * _SHARE, _LONGEST)) if seconds > _NOTABLE else None
            news[key] = Reading(before.read_at, before.failing_since or now, failure, again_at)
        told = {key: asdict(one) for key, one in sorted({**known, **news}.items())}
        meta.put(world.hub, _FACT, json.dumps(told, default=datetime.isoformat))

    world.hub.run(work, _FACT)


def readings(hub: Hub) -> dict[str, Reading]:
    """By entity, mapped or not."""
    told = json.loads(meta.get(hub, _FACT) or "{}")
    return {
        key: Reading(_time(one["read_at"]), _time(one["failing_since"]), one["failure"], _time(one.get("again_at")))
        for key, one in told.items()
    }


def resting(hub: Hub) -> dict[str, str]:
    """Entities that are not worth while to be asked already, and why they could not be read."""
    now = hub.now()
    # What lies further ahead was written before a clock was set back.
    ahead = now + timedelta(seconds=_LONGEST)
    failing = {key: one for key, one in readings(hub).items() if one.failure}
    return {key: one.failure or "" for key, one in failing.items() if one.again_at and now < one.again_at <= ahead}


def not_read(world: World) -> dict[str, str]:
    """Why entities could not be read the last time; of them, what is there now is not known."""
    return {
        key: f"{one.failure} (since {one.failing_since:%Y-%m-%d %H:%M:%S})"
        for key, one in readings(world.hub).items()
        if one.failure and key in world.model.entities
    }


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
