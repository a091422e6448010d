"""What is over and was long ago is let go: history, finished writes, settled conflicts, released holds, used approvals."""

from datetime import datetime

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.tables import history
from talk_assets.hub.tables.intents import FINISHED
from talk_assets.hub.tables.seal import PRUNED
from talk_assets.hub.text import literal
from talk_assets.hub.upkeep.compact import compact_later

_OVER = {
    "intents": f"""
        state IN ({", ".join(map(literal, FINISHED))}) AND coalesce(last_sent_at, first_sent_at) < ? AND NOT (
            state = 'rejected' AND EXISTS (
                FROM holds h WHERE h.state = 'held' AND h.entity = t.entity AND h.cluster = t.cluster
            )
        )
    """,
    "conflicts": """
        t.at < ? AND NOT EXISTS (FROM holds h WHERE h.state = 'held' AND h.cluster = t.cluster AND h.field = t.field)
    """,
    "holds": "state = 'released' AND since < ?",
    "approvals": "used_at < ?",
}
"""By table: which of its rows nothing is expected of any more."""
_KEPT = "SELECT coalesce(min(h.batch), (SELECT max(batch) + 1 FROM history)) FROM history h WHERE h.at >= ?"
"""The first batch that stays: whole batches go, and none after one that stays."""


def prune(hub: Hub, before: datetime, why: str, run: str) -> dict[str, int]:
    """Let go of what was over before a moment; only inside a transaction. Gives the rows of each table that went.

    The hashes of batches stay in the chain, so that everything after them, and every head noted before, can still be verified;
    and a row of the history says up to where they went.
    """
    through = (hub.value(_KEPT, [before]) or 1) - 1
    gone = {"history": hub.write("DELETE FROM history WHERE batch <= ?", [through])}
    for table, condition in _OVER.items():
        gone[table] = hub.write(f"DELETE FROM {table} t WHERE {condition}", [before])  # noqa: S608
    if any(gone.values()):
        compact_later(hub)
        reason = f"{sum(gone.values())} rows from before {before:%Y-%m-%d}, {why}"
        history.append(hub, pl.DataFrame({"kind": [PRUNED], "after": [str(through)], "reason": [reason]}), run)
    return gone
