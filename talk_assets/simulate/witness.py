"""What really happened, as only the simulation can know it: every edit, every write, and what replaced what."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from talk_assets.simulate.estate import Estate, Place, Token, token_of


@dataclass(frozen=True)
class Edit:
    """Something a person wrote."""

    number: int
    thing: int
    field: str
    entity: str
    id: str
    value: Any
    ticks: int
    round: int
    unguarded: bool = False
    """Between the engine's look at a record and its write, where the API cannot make a write depend on what it replaces."""


@dataclass(frozen=True)
class Lost:
    """A person's value that the engine wrote over."""

    token: Token
    by: Token | None
    entity: str
    id: str
    field: str
    ticks: int


@dataclass(frozen=True)
class Change:
    """What one request of the engine did to one record."""

    entity: str
    id: str
    before: Place | None
    after: Place | None
    ticks: int
    round: int


@dataclass
class Witness:
    estate: Estate
    edits: dict[int, Edit] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    touches: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    deleted: dict[tuple[int, str], int] = field(default_factory=dict)
    """By thing and entity: when a person deleted a record that the engine had known."""
    complaints: list[tuple[str, str]] = field(default_factory=list)
    writes: int = 0
    requests: int = 0
    _trace: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=12))

    def complain(self, invariant: str, words: str) -> None:
        self.complaints.append((invariant, words))

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    def hear(self, *told: object) -> None:
        self._trace.update(repr(told).encode())

    def wrote(self, sent: str, before: Iterable[Place], after: Iterable[Place], ticks: int, round_: int) -> None:
        """The records of a system before and after a request of the engine."""
        old = {(place.entity, place.id): place for place in before}
        new = {(place.entity, place.id): place for place in after}
        for key in sorted(old.keys() | new.keys()):
            was, now = old.get(key), new.get(key)
            if was and now and was.body == now.body:
                continue
            self.touches.setdefault(key, []).append(ticks)
            self.changes.append(Change(*key, was, now, ticks, round_))
            if was and now:
                self._replaced(was, now, ticks)
                self._in_scope(was, now, sent)
            elif was:
                self.complain("I8", f"the engine deleted {key[0]}/{key[1]}")

    def _replaced(self, was: Place, now: Place, ticks: int) -> None:
        for name, places in self.estate.topology.plain.items():
            if (path := places.get(was.entity)) is None:
                continue
            token, by = token_of(was.value(path)), token_of(now.value(path))
            if token and token != by:
                self.lost.append(Lost(token, by, was.entity, was.id, name, ticks))

    def _in_scope(self, was: Place, now: Place, sent: str) -> None:
        entity = self.estate.topology.model.entities[was.entity]
        mapped = self.estate.topology.model.projections(was.entity)
        for path, prop in entity.spec.properties.items():
            if path in mapped or prop.access == "read_only" or path.rpartition(".")[2] not in sent:
                continue
            if was.value(path) != now.value(path):
                self.complain(
                    "I18",
                    f"{was.entity}/{was.id}: {path} is not mapped and went from {was.value(path)!r} to {now.value(path)!r}",
                )
