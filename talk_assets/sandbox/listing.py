"""Which records a list call is about, and which of them are on its page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.store import Collection, Stored, View, value_at

Wanted = Callable[[Stored], bool]


@dataclass(frozen=True)
class Matches:
    """The records a list call is about, in the order of their stamps; only those on a page are ever made."""

    view: View | None = None
    start: int = 0
    records: Sequence[Stored] = ()

    @property
    def total(self) -> int:
        return len(self.records) if self.view is None else len(self.view) - self.start

    def page(self, offset: int, length: int) -> list[Stored]:
        if self.view is None:
            return list(self.records[max(offset, 0) : max(offset + length, 0)])
        return self.view.slice(self.start + max(offset, 0), self.start + max(offset + length, 0))

    def all(self) -> Iterator[Stored]:
        return iter(self.records) if self.view is None else self.view.scan(self.start)


def matches(
    collection: Collection,
    view: View,
    effects: Effects,
    *,
    after: int | None = None,
    equal: Mapping[str, Sequence[Any]] | None = None,
    wanted: Wanted | None = None,
) -> Matches:
    """Records changed after `after`, with one of the given values in each property of `equal`, that are `wanted`."""
    if effects.first("empty"):
        return Matches()
    found = _all_matches(collection, view, after, equal or {}, wanted)
    shrink = effects.first("shrink")
    return Matches(records=found.page(0, int(found.total * shrink.option("keep")))) if shrink else found


def _all_matches(
    collection: Collection, view: View, after: int | None, equal: Mapping[str, Sequence[Any]], wanted: Wanted | None
) -> Matches:
    if not equal and wanted is None:
        return Matches(view, view.since(after))

    def fits(stored: Stored) -> bool:
        return all(value_at(stored.body, path) in values for path, values in equal.items()) and (
            wanted is None or wanted(stored)
        )

    if equal and view is collection.view():
        path, values = next(iter(equal.items()))
        found = {stored.id: stored for value in values for stored in collection.find(path, value)}
        rows = sorted(found.values(), key=lambda stored: (stored.changed, len(stored.id), stored.id))
        return Matches(records=[stored for stored in rows if (after is None or stored.changed > after) and fits(stored)])
    return Matches(records=[stored for stored in view.scan(view.since(after)) if fits(stored)])


def drifted(effects: Effects, offset: int) -> int:
    """Where a later page starts once rows before it have come or gone."""
    drift = effects.first("drift")
    return max(0, offset + drift.option("rows")) if drift and offset else offset
