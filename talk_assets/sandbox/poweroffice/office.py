"""PowerOffice GO: its records and what happens when one of them changes."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from talk_assets.sandbox.clock import stamp
from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.house_rules import adjusted
from talk_assets.sandbox.poweroffice import contacts, orders, work
from talk_assets.sandbox.poweroffice.activities import activity, joined
from talk_assets.sandbox.poweroffice.books import Books
from talk_assets.sandbox.poweroffice.links import LINKS, References
from talk_assets.sandbox.poweroffice.problems import WORDS
from talk_assets.sandbox.poweroffice.show import Showing
from talk_assets.sandbox.poweroffice.tables import SHAPES
from talk_assets.sandbox.seed.poweroffice import Start
from talk_assets.sandbox.seed.rows import uuid_at
from talk_assets.sandbox.shape import Complaint, Flat, nest
from talk_assets.sandbox.store import Collection, Stored
from talk_assets.sandbox.system import Entity, System

Rule = Callable[[Books, Flat | None, Flat, str | None], Flat]

_RULES: Mapping[str, Rule] = {
    "customers": contacts.customer,
    "employees": contacts.employee,
    "contactperson": contacts.contact_person,
    "departments": work.department,
    "product": work.product,
    "projects": work.project,
    "salesorders": orders.order,
    "timetrackingactivity": activity,
    "projectactivity": joined,
}
_CONTACTS = ("customers", "employees")
_FIRST_IDS = {
    "contactperson": 300_001,
    "departments": 11,
    "product": 5001,
    "projects": 2000,
    "timetrackingactivity": 901,
    "projectactivity": 70_001,
}
_NEW_ORDERS = 2_000_000
_ADDRESS_IDS, _SUBLEDGER_IDS = 5_000_000, 8_000_000
_ADDRESS_IDS, _SUBLEDGER_IDS = 5_000_000, 8_000_000


class Office(System):
    name = "poweroffice_go"
    title = "PowerOffice GO"
    shapes = SHAPES
    entities: ClassVar = {
        "departments": Entity("departments"),
        "customers": Entity("customers", lambda body: not body.get("IsPerson"), {"IsPerson": False}),
        "customers_person": Entity("customers", lambda body: bool(body.get("IsPerson")), {"IsPerson": True}),
        "contactperson": Entity("contactperson"),
        "employees": Entity("employees"),
        "product": Entity("product"),
        "projects": Entity("projects"),
        "projectactivity": Entity("projectactivity"),
        "timetrackingactivity": Entity("timetrackingactivity"),
        "salesorders": Entity("salesorders"),
    }

    def seeded(self, seed: int, size: int) -> Mapping[str, Collection]:
        start = Start(seed, size)
        collections = start.collections()
        self.references = References(collections)
        self.books = Books(collections, self.settings, start.last_customer_number, start.last_employee_number)
        self.showing = Showing(self.references, self.books)
        self._next_contact_id = start.next_contact_id
        self.lines_given = 0
        return collections

    def memory(self) -> dict[str, Any]:
        return {**super().memory(), "next contact": self._next_contact_id, "lines": self.lines_given}

    def recall(self, held: Mapping[str, Any]) -> None:
        super().recall(held)
        self._next_contact_id, self.lines_given = held["next contact"], held["lines"]

    def shown(self, collection: str, stored: Stored) -> dict[str, Any]:
        return self.showing.shown(collection, stored, reveal=self.settings["show_hidden_numbers"])

    def flat_of(self, collection: str, stored: Stored) -> Flat:
        groups = SHAPES[collection].groups
        flat: Flat = {}
        for name, value in stored.body.items():
            if name in groups:
                flat.update({f"{name}.{part}": inside for part, inside in value.items()})
            else:
                flat[name] = value
        return flat

    def revise(self, collection: str, stored: Stored | None, flat: Flat, effects: Effects) -> Stored:
        before = None if stored is None else self.flat_of(collection, stored)
        values = self.references.resolved(collection, adjusted(effects, flat))
        after = _RULES[collection](self.books, before, {**(before or {}), **values}, stored.id if stored else None)
        changed = {path for path in {*after, *(before or {})} if after.get(path) != (before or {}).get(path)}
        now = self.now(effects)
        if stored and not changed:
            return stored
        record_id = stored.id if stored else self._new_id(collection)
        after = self._stamped(collection, record_id, after, changed, now)
        body = nest({path: value for path, value in after.items() if value is not None})
        quiet = stored is not None and _leaves_stamp_alone(collection, changed)
        new = Stored(
            record_id,
            body,
            stored.created if stored else now,
            stored.changed if stored and quiet else now,
            stored.version + 1 if stored else 1,
        )
        self.collections[collection].put(new, now)
        self._ripple(collection, new, changed, effects)
        return new

    def _new_id(self, collection: str) -> str:
        records = self.collections[collection]
        records.given_ids += 1
        if collection in _CONTACTS:
            self._next_contact_id += 1
            return str(self._next_contact_id - 1)
        if collection == "salesorders":
            return uuid_at(_NEW_ORDERS + self.seed_number, records.given_ids)
        return str(_FIRST_IDS[collection] + len(records.seeded) + records.given_ids - 1)

    def _stamped(self, collection: str, record_id: str, after: Flat, changed: set[str], now: int) -> Flat:
        if collection in _CONTACTS:
            if after.get("SubledgerAccountId") is None:
                after["SubledgerAccountId"] = _SUBLEDGER_IDS + int(record_id)
            if "MailAddress.CountryCode" in after and any(path.startswith("MailAddress.") for path in changed):
                after["MailAddress.Id"] = after.get("MailAddress.Id") or _ADDRESS_IDS + int(record_id)
                after["MailAddress.LastChangedDateTimeOffset"] = stamp(now, 7, "+00:00")
        if collection == "product" and "StockOnHand" in changed:
            after["StockOnHandLastChangedDatetimeOffset"] = stamp(now, 7, "+00:00")
            after["StockAvailable"] = after.get("StockOnHand")
        if collection == "salesorders" and after.get("SalesOrderNo") is None:
            after["SalesOrderNo"] = len(self.collections[collection].seeded) + self.collections[collection].given_ids
        return after

    def _ripple(self, collection: str, new: Stored, changed: set[str], effects: Effects) -> None:
        """What one change does to other records."""
        if collection == "contactperson" and new.body.get("IsDefault") and "IsDefault" in changed:
            for other in self.collections[collection].find("ContactId", new.body["ContactId"]):
                if other.id != new.id and other.body.get("IsDefault"):
                    self.revise(collection, other, {"IsDefault": False}, effects)
        if collection == "projects" and "Code" in changed:
            for part in self.collections[collection].find("ParentProjectId", int(new.id)):
                own = part.body["Code"].rpartition(".")[2]
                self.revise(collection, part, {"Code": f"{new.body['Code']}.{own}"}, effects)

    def retire(self, collection: str, stored: Stored) -> None:
        if self._is_used(collection, stored):
            raise Complaint("", "in_use", f"{WORDS[collection]} with id = {stored.id} is in use and cannot be deleted.")
        super().retire(collection, stored)

    def _is_used(self, collection: str, stored: Stored) -> bool:
        found = self.collections
        if collection == "salesorders":
            return stored.body.get("SalesOrderStatus") == "Confirmed"
        if collection == "timetrackingactivity":
            return bool(found["projectactivity"].find("activityCode", stored.body["code"]))
        own_id = int(stored.id)
        if collection == "customers" and (
            found["contactperson"].find("ContactId", own_id) or self.books.has_invoices(stored.id)
        ):
            return True
        if collection == "projects" and found["projectactivity"].find("projectId", own_id):
            return True
        if any(
            found[name].find(link.id_path, own_id)
            for name, links in LINKS.items()
            if name in found
            for link in links
            if link.source == collection
        ):
            return True
        lines = (
            line
            for name in ("salesorders", "outgoing_invoices")
            for order in found[name].view().scan()
            for line in order.body[orders.LINES_KEY]
        )
        return collection == "product" and any(line.get("ProductId") == own_id for line in lines)


def _leaves_stamp_alone(collection: str, changed: set[str]) -> bool:
    """Addresses and stocks are records of their own: their edits do not touch the stamp of what they belong to."""
    if collection in _CONTACTS:
        return all(path.startswith("MailAddress.") for path in changed)
    return collection == "product" and changed <= {"StockOnHand", "StockAvailable"}
