"""How far each server's clock is ahead of ours, as its answers told. Decides which of two edits was later (R7)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from talk_assets.hub import Hub
from talk_assets.hub.tables import meta

_UNSURE = timedelta(seconds=2)
"""What whole seconds and the time of an answer may make of no skew at all."""


@dataclass(frozen=True)
class Skew:
    ahead: timedelta = timedelta()
    since: datetime | None = None
    """When the clock was last seen to have been set."""


def skew_of(hub: Hub, system: str) -> Skew:
    text = meta.get(hub, _name(system))
    if text is None:
        return Skew()
    seconds, since = json.loads(text)
    return Skew(timedelta(seconds=seconds), datetime.fromisoformat(since))


def note_skew(hub: Hub, system: str, measured: timedelta) -> None:
    now = measured if abs(measured) > _UNSURE else timedelta()
    if abs(now - skew_of(hub, system).ahead) > _UNSURE:
        text = json.dumps([now.total_seconds(), hub.now().isoformat()])
        hub.run(lambda: meta.put(hub, _name(system), text), _name(system))


def _name(system: str) -> str:
    return f"skew {system}"
