"""A field is called after one of its properties, and by other documents that may be another one. What was agreed on stays."""

import json
from collections.abc import Collection, Mapping

from talk_assets.hub import Hub
from talk_assets.hub.tables import conflicts, holds, intents, meta, shapes
from talk_assets.sync.meaning.model import Model

_FACT = "fields"


def carry_over(hub: Hub, model: Model) -> None:
    """Have what was agreed on by other specs be about the fields that hold it by these. In a transaction, and for whose turn it
    is.
    """
    now = {name: sorted(field.as_it_is) for name, field in model.fields.items()}
    told = meta.get(hub, _FACT)
    before: dict[str, list[str]] = json.loads(told) if told else {}
    if now == before:
        return
    if names := called_otherwise(before, now):
        for part in (shapes, holds, conflicts, intents):
            part.rename_fields(hub, names)
    meta.put(hub, _FACT, json.dumps(now))


def called_otherwise(before: Mapping[str, Collection[str]], now: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Fields that are no more, each with the new one that has most of its properties."""
    gone, come = before.keys() - now.keys(), now.keys() - before.keys()
    shared = sorted((-len({*before[old]} & {*now[new]}), old, new) for old in gone for new in come)
    found: dict[str, str] = {}
    for shares, old, new in shared:
        if shares and old not in found and new not in found.values():
            found[old] = new
    return found
