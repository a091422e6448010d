"""When each entity was read last, and since when it cannot be: for whoever asks how things stand."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from talk_assets.hub import Hub, meta
from talk_assets.sync.world import World

_FACT = "readings"


@dataclass(frozen=True)
class Reading:
    """How the last readings of an entity went. Times are the hub's."""

    read_at: datetime | None = None
    """When it could be read last, its changes or all of it."""
    failing_since: datetime | None = None
    failure: str | None = None
    """What its system said the last time, if it could not be read then."""


def note_readings(world: World, read: Iterable[str], failed: Mapping[str, str]) -> None:
    """Keep how reading went just now: which entities were read, and why others could not be."""
    now = world.hub.now()

    def work() -> None:
        known = readings(world.hub)
        news = {key: Reading(now) for key in read}
        for key, failure in failed.items():
            before = known.get(key, Reading())
            news[key] = replace(before, failing_since=before.failing_since or now, failure=failure)
        told = {key: asdict(one) for key, one in sorted({**known, **news}.items())}
        meta.put(world.hub, _FACT, json.dumps(told, default=datetime.isoformat))

    world.hub.run(work, _FACT)


def readings(hub: Hub) -> dict[str, Reading]:
    """By entity, mapped or not."""
    told = json.loads(meta.get(hub, _FACT) or "{}")
    return {key: Reading(_time(one["read_at"]), _time(one["failing_since"]), one["failure"]) for key, one in told.items()}


def not_read(world: World) -> dict[str, str]:
    """Why entities could not be read the last time; of them, what is there now is not known."""
    return {
        key: f"{one.failure} (since {one.failing_since:%Y-%m-%d %H:%M:%S})"
        for key, one in readings(world.hub).items()
        if one.failure and key in world.model.entities
    }


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
