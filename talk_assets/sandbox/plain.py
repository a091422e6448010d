"""A system without surprises: values are checked against their table, references and unique values against the rest."""

from collections.abc import Mapping
from typing import Any, ClassVar

from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.house_rules import adjusted
from talk_assets.sandbox.seed.rows import uuid_at
from talk_assets.sandbox.shape import Complaint, Flat, Property, Shape, converted, flatten, nest
from talk_assets.sandbox.store import Collection, Stored, value_at
from talk_assets.sandbox.system import System

_BESIDE = ("id", "version")
_STAMPS = ("stamp", "unix")
_FRESH_UUIDS = 1_000_000  # apart from the topics that seeds use


class PlainSystem(System):
    ids_are_numbers: ClassVar = True
    first_new_id: ClassVar[Mapping[str, int]] = {}

    def revise(self, collection: str, stored: Stored | None, flat: Flat, effects: Effects) -> Stored:
        of = self.shapes[collection]
        flat = adjusted(effects, flat)
        before = {p.path: p.default if stored is None else value_at(stored.body, p.path) for p in self._kept(of)}
        after = self.completed(collection, stored, before | flat)
        self._check(of, stored, after)
        now = self.now(effects)
        if stored is None:
            record_id = self._new_id(self.collections[collection])
            return self.collections[collection].put(Stored(record_id, nest(after), now, now), now)
        return self.collections[collection].put(Stored(stored.id, nest(after), stored.created, now, stored.version + 1), now)

    def completed(self, collection: str, stored: Stored | None, flat: Flat) -> Flat:
        """The record with what the system works out itself."""
        del collection, stored
        return flat

    def retire(self, collection: str, stored: Stored) -> None:
        if user := self.user_of(collection, stored.id):
            raise Complaint("", "in_use", f"{collection} {stored.id} is in use by {user} and cannot be deleted.")
        super().retire(collection, stored)

    def user_of(self, collection: str, record_id: str) -> str | None:
        """The name of an entity that refers to this record."""
        for name, of in self.shapes.items():
            for p in of.references:
                if collection in p.refers and self.collections[name].find(p.path, _typed_id(p, record_id)):
                    return name
        return None

    def sent(self, collection: str, body: Any, *, replaces: bool = False, lenient: bool = False, creates: bool = False) -> Flat:
        """The values of a body, checked one by one. `replaces`: what is missing goes back to its default.
        `lenient`: unknown names are left aside.
        """
        of = self.shapes[collection]
        if not isinstance(body, dict):
            raise Complaint("", "type", "The body is no object.")
        flat, unknown = flatten(of, body)
        if unknown and not lenient:
            raise Complaint(unknown[0], "unknown", f"There is no property {unknown[0]}.")
        allowed = {p.path: p for p in of.properties.values() if (p.on_create if creates else p.on_update)}
        values = {path: converted(allowed[path], value) for path, value in flat.items() if path in allowed}
        if replaces:
            values = {path: p.default for path, p in allowed.items()} | values
        return values

    @staticmethod
    def _kept(of: Shape) -> list[Property]:
        """The properties that are part of the stored body; id, stamps and version lie beside it."""
        return [
            p for p in of.properties.values() if p.on_create or p.on_update or (p.path not in _BESIDE and p.kind not in _STAMPS)
        ]

    def _check(self, of: Shape, stored: Stored | None, flat: Flat) -> None:
        for p in of.properties.values():
            value = flat.get(p.path)
            if p.required and (value is None or value == ""):
                raise Complaint(p.path, "required", f"{p.path} is required.")
            if value is None:
                continue
            if p.refers and not any(self.collections[name].get(str(value)) for name in p.refers):
                raise Complaint(p.path, "reference", f"{p.path}: there is no {p.refers[0]} {value}.")
            if p.unique and (p.on_create or p.on_update):
                holder = next(
                    (s for s in self.collections[of.entity].find(p.path, value) if stored is None or s.id != stored.id), None
                )
                if holder:
                    raise Complaint(p.path, "duplicate", f"{p.path} {value} is already used by {of.entity} {holder.id}.")

    def _new_id(self, collection: Collection) -> str:
        number = collection.given_ids
        collection.given_ids += 1
        if not self.ids_are_numbers:
            return uuid_at(_FRESH_UUIDS + self.seed_number + sum(map(ord, collection.name)), number)
        return str(self.first_new_id.get(collection.name, 1) + len(collection.seeded) + number)


def _typed_id(of: Property, record_id: str) -> Any:
    return int(record_id) if of.kind == "int" and record_id.isdecimal() else record_id
