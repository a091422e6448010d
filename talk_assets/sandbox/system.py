"""One system as a sandbox has it: its records, its operations, and what a person does in it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

from talk_assets.sandbox.calls import Answer, Call
from talk_assets.sandbox.clock import TICKS_PER_SECOND, Clock
from talk_assets.sandbox.faults import Effects, Faults
from talk_assets.sandbox.ledger import Ledger
from talk_assets.sandbox.rate import Meter
from talk_assets.sandbox.shape import Complaint, Flat, Property, Shape, converted, from_text
from talk_assets.sandbox.store import Collection, Stored, View

Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    entity: str
    name: str
    handle: Handler
    answers_outsiders: bool = False
    """Needs no login: it is the login."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A name by which people know some or all records of a collection."""

    collection: str
    holds: Callable[[Mapping[str, Any]], bool] | None = None
    given: Mapping[str, Any] | None = None
    """What makes a new record one of these."""


class Mistake(Exception):
    """A person asked for something that does not exist; the text says what does."""


class System(ABC):
    name: ClassVar[str]
    title: ClassVar[str]
    shapes: ClassVar[Mapping[str, Shape]]
    entities: ClassVar[Mapping[str, Entity]]

    def __init__(self, clock: Clock, seed: int, size: int, *, rate_limits: bool = True) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.first = (seed, size)
        self.rate_limits = rate_limits
        self.meter = Meter()
        self.ledger = Ledger()
        names = {name: entity.collection for name, entity in self.entities.items()}
        self.faults = Faults(seed, {operation.entity: operation.entity for operation in self.operations()} | names)
        self.settings: dict[str, Any] = dict(self.default_settings())
        self.collections: Mapping[str, Collection] = {}
        self.seed(seed, size)

    # What each system says of itself.

    @abstractmethod
    def operations(self) -> Sequence[Operation]: ...

    @abstractmethod
    def seeded(self, seed: int, size: int) -> Mapping[str, Collection]: ...

    @abstractmethod
    def variables(self, url: str) -> Mapping[str, str]:
        """The environment variables of a client of this system when it is served at `url`."""

    @abstractmethod
    def enter(self, call: Call, operation: Operation) -> None:
        """Raises Refused for whoever may not come in, or comes too often."""

    @abstractmethod
    def nowhere(self, call: Call) -> Answer: ...

    @abstractmethod
    def throttled(self, retry_after: str | None, call: Call) -> Answer: ...

    @abstractmethod
    def failed(self, status: int) -> Answer: ...

    @abstractmethod
    def shown(self, collection: str, stored: Stored) -> dict[str, Any]:
        """A record as the API shows it."""

    @abstractmethod
    def revise(self, collection: str, stored: Stored | None, flat: Flat, effects: Effects) -> Stored:
        """Puts values into a record, or makes one of them, with all the system does about it. Raises Complaint."""

    def retire(self, collection: str, stored: Stored) -> None:
        """Deletes a record. Raises Complaint where something else needs it."""
        self.collections[collection].remove(stored.id, self.now(self.faults.standing(collection)))

    def default_settings(self) -> Mapping[str, Any]:
        return {}

    def forget_logins(self) -> None:
        """Called when everything starts anew."""
        return

    def canonical(self, path: str) -> str:
        return path

    # What all of them share.

    def now(self, effects: Effects) -> int:
        now = self.clock.ticks() + sum(round(fault.option("seconds") * TICKS_PER_SECOND) for fault in effects.every("skew"))
        coarse = effects.first("coarse")
        return now - now % max(1, round(coarse.option("seconds") * TICKS_PER_SECOND)) if coarse else now

    def seed(self, seed: int, size: int) -> None:
        with self.lock:
            self.seed_number, self.size = seed, size
            self.collections = self.seeded(seed, size)

    def reset(self) -> None:
        with self.lock:
            self.seed(*self.first)
            self.settings.clear()
            self.settings.update(self.default_settings())
            self.faults.clear()
            self.ledger.clear()
            self.meter.clear()
            self.forget_logins()

    def memory(self) -> dict[str, Any]:
        """All that must be kept for another process to go on as this system, as JSON takes it."""
        with self.lock:
            held = {name: collection.memory() for name, collection in self.collections.items()}
            return {"seed": [self.seed_number, self.size], "collections": held}

    def recall(self, held: Mapping[str, Any]) -> None:
        with self.lock:
            self.seed(*held["seed"])
            for name, collection in self.collections.items():
                collection.recall(held["collections"][name])

    def view(self, collection: str, effects: Effects, *, by_id: bool = False) -> View:
        """What a reader gets to see: the present, or the past where the reading side lags."""
        lag = effects.first("lag")
        if lag is None or (by_id and not lag.option("get")):
            return self.collections[collection].view()
        return self.collections[collection].view_at(self.now(effects) - round(lag.option("seconds") * TICKS_PER_SECOND))

    # What a person does in the system.

    def entity(self, name: str) -> Entity:
        if name in self.entities:
            return self.entities[name]
        if name in self.shapes:
            return Entity(name)
        raise Mistake(f"{self.title} has no {name!r}. {_near(name, self.entities)}")

    def look(self, name: str, record_id: str) -> Stored:
        entity = self.entity(name)
        stored = self.collections[entity.collection].get(record_id)
        if stored is None or (entity.holds and not entity.holds(stored.body)):
            raise Mistake(f"{self.name}.{name} has no record {record_id}.")
        return stored

    def edit(self, name: str, record_id: str, changes: Mapping[str, Any], *, typed: bool = False) -> dict[str, Any]:
        """What a person changes in a record. `typed`: the values are texts from a keyboard."""
        with self.lock:
            stored = self.look(name, record_id)
            return self._done(name, stored, changes, typed=typed)

    def check_edit(self, name: str, record_id: str, changes: Mapping[str, Any]) -> None:
        """Raises Mistake where an edit could not even begin."""
        self.look(name, record_id)
        self._known(self.entity(name).collection, changes, is_new=False)

    def add(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        with self.lock:
            return self._done(name, None, {**(self.entity(name).given or {}), **values})

    def erase(self, name: str, record_id: str) -> None:
        with self.lock:
            stored = self.look(name, record_id)
            try:
                self.retire(self.entity(name).collection, stored)
            except Complaint as complaint:
                raise Mistake(complaint.message) from None

    def _done(self, name: str, stored: Stored | None, values: Mapping[str, Any], *, typed: bool = False) -> dict[str, Any]:
        collection = self.entity(name).collection
        try:
            flat = {
                found.path: from_text(found, str(value)) if typed else converted(found, value, lenient=True)
                for found, value in self._known(collection, values, is_new=stored is None)
            }
            return self.shown(collection, self.revise(collection, stored, flat, self.faults.standing(collection)))
        except Complaint as complaint:
            raise Mistake(complaint.message) from None

    def _known(self, collection: str, values: Mapping[str, Any], *, is_new: bool) -> list[tuple[Property, Any]]:
        properties = self.shapes[collection].by_lower
        found = []
        for path, value in values.items():
            if path.lower() not in properties:
                raise Mistake(f"{collection} has no property {path!r}. {_near(path, self.shapes[collection].properties)}")
            known = properties[path.lower()]
            if not (known.on_create or known.on_update):
                raise Mistake(f"{known.path} is set by {self.title} itself.")
            if not (is_new or known.on_update):
                raise Mistake(f"{known.path} is given when a record is made, and kept.")
            found.append((known, value))
        return found


def _near(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, list(known), 1, 0.5)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
