"""What happened, of all or of what somebody names. From the hub alone: no specs are needed to look back."""

from typing import Any

from talk_assets.hub import Hub
from talk_assets.hub.tables import history
from talk_assets.hub.upkeep import about
from talk_assets.operator.names import entity_and_id, near
from talk_assets.operator.project import Unusable

_RUNS = 3


def happened(hub: Hub, limit: int, *, record: str | None, run: str | None) -> list[dict[str, Any]]:
    """The newest rows, oldest first. Raises where a name is unknown, so that a mistyped one is not taken for silence."""
    rows = history.newest(hub, limit, record=record, run=run)
    if rows.is_empty():
        if run is not None:
            _require_run(hub, run)
        if record is not None:
            _require_record(hub, record)
    return rows.to_dicts()


def _require_run(hub: Hub, begin: str) -> None:
    if not history.newest_runs(hub, 1, begin):
        newest = ", ".join(history.newest_runs(hub, _RUNS)) or "none yet"
        raise Unusable(
            f"no run {begin!r} is in the history: its id begins otherwise, it did nothing, or what it did was pruned; "
            f"the newest are {newest}"
        )


def _require_record(hub: Hub, record: str) -> None:
    key, id_ = entity_and_id(record)
    if about.knows(hub, key, id_):
        return
    known = about.entities(hub)
    if key not in known:
        raise Unusable(f"the hub has no record of an entity {key!r}; {near(key, known)}")
    raise Unusable(f"the hub has no record {record}, and its history tells of none: the id is another, or that was pruned")
