"""PowerOffice GO: its records and what happens when one of them changes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from talk_assets.sandbox.calls import Answer, Call, Refused
from talk_assets.sandbox.clock import stamp
from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.house_rules import adjusted
from talk_assets.sandbox.poweroffice import contacts, orders, work
from talk_assets.sandbox.poweroffice.activities import activity, joined
from talk_assets.sandbox.poweroffice.books import Books
from talk_assets.sandbox.poweroffice.company import PRIVILEGES
from talk_assets.sandbox.poweroffice.gateway import (
    APPLICATION_KEY,
    CLIENT_KEY,
    SUBSCRIPTION_KEY,
    Tokens,
    subscription,
    too_many,
)
from talk_assets.sandbox.poweroffice.links import LINKS, References
from talk_assets.sandbox.poweroffice.problems import WORDS, gateway, problem
from talk_assets.sandbox.poweroffice.show import Showing
from talk_assets.sandbox.poweroffice.tables import SHAPES
from talk_assets.sandbox.poweroffice.v1 import V1
from talk_assets.sandbox.poweroffice.v2 import V2
from talk_assets.sandbox.poweroffice.v2_orders import V2Orders
from talk_assets.sandbox.rate import Allowance
from talk_assets.sandbox.seed.poweroffice import Start
from talk_assets.sandbox.seed.rows import uuid_at
from talk_assets.sandbox.shape import Complaint, Flat, nest
from talk_assets.sandbox.store import Collection, Stored
from talk_assets.sandbox.system import Entity, Operation, System

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
_V2_ALLOWANCE, _V1_ALLOWANCE = 10, 50
_LONGEST_URL = 2000


class PowerOffice(System):
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
    v1_port: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.tokens = Tokens()
        super().__init__(*args, **kwargs)

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

    def default_settings(self) -> Mapping[str, Any]:
        return {
            "standard_sales_account": True,
            "allow_send_invoice": True,
            "show_hidden_numbers": False,
            "privileges": list(PRIVILEGES),
            "token_seconds": 1200,
            "requests_per_second": _V2_ALLOWANCE,
            "requests_per_second_v1": _V1_ALLOWANCE,
        }

    def forget_logins(self) -> None:
        self.tokens.forget()

    def variables(self, url: str) -> Mapping[str, str]:
        return {
            "POWEROFFICE_GO_URL": f"{url}/v2",
            "POWEROFFICE_GO_V1_URL": url,
            "POWEROFFICE_GO_APPLICATION_KEY": APPLICATION_KEY,
            "POWEROFFICE_GO_CLIENT_KEY": CLIENT_KEY,
            "POWEROFFICE_GO_SUBSCRIPTION_KEY": SUBSCRIPTION_KEY,
        }

    def canonical(self, path: str) -> str:
        """Paths are the same in any case, and in the demo environment."""
        lower = path.lower()
        return lower.removeprefix("/demo") if lower.startswith("/demo/") else lower

    def operations(self) -> Sequence[Operation]:
        token = Operation("POST", "/oauth/token", "login", "token", self._token, answers_outsiders=True)
        return [token, *V2Orders(self).operations(), *V2(self).operations(), *V1(self).operations()]

    # At the gate

    def _on_v1_host(self, call: Call) -> bool:
        return call.port == self.v1_port or (call.header("host") or "").startswith("api")

    def _token(self, call: Call) -> Answer:
        if not self._on_v1_host(call):
            self._pass_gateway(call, is_token=True)
        return self.tokens.issue(call, self.now(call.effects), self.settings["token_seconds"], self.settings["privileges"])

    def _pass_gateway(self, call: Call, *, is_token: bool = False) -> None:
        if refusal := subscription(call):
            raise Refused(refusal)
        allowance = Allowance(self.settings["requests_per_second"]) if self.rate_limits else None
        if wait := self.meter.wait(SUBSCRIPTION_KEY, allowance, self.clock.ticks()):
            raise Refused(too_many(str(wait), is_token=is_token))

    def enter(self, call: Call, operation: Operation) -> None:
        if operation.answers_outsiders:
            return
        is_v1 = not operation.path.startswith("/v2")
        if is_v1:
            allowance = Allowance(self.settings["requests_per_second_v1"]) if self.rate_limits else None
            if wait := self.meter.wait(APPLICATION_KEY, allowance, self.clock.ticks()):
                raise Refused(too_many(str(wait), is_token=False))
        else:
            self._pass_gateway(call)
            if len(call.path) + len(call.query) > _LONGEST_URL:
                raise Refused(self.nowhere(call))
        login = self.tokens.login(call, self.now(call.effects))
        if login is None:
            raise Refused(Answer(401, headers={"www-authenticate": "Bearer"}))
        if not _allowed(operation, login.privileges):
            raise Refused(Answer(403))

    def nowhere(self, call: Call) -> Answer:
        del call
        return gateway(404, "Resource not found")

    def throttled(self, retry_after: str | None, call: Call) -> Answer:
        answer = too_many(retry_after or "1", is_token="token" in call.path.lower())
        return answer if retry_after else Answer(answer.status, answer.body, {"content-type": answer.headers["content-type"]})

    def failed(self, status: int) -> Answer:
        return problem(status, "An error occurred while processing your request.", "Internal error.")

    # Records

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


_PRIVILEGE_OF = {
    "customers": "Customer",
    "contactperson": "ContactPerson",
    "departments": "Department",
    "employees": "Employee",
    "product": "Product",
    "projects": "Project",
    "salesorders": "SalesOrders",
    "outgoing_invoices": "OutgoingInvoice",
    "timetrackingactivity": "TimeTracking",
    "projectactivity": "TimeTracking",
}


def _allowed(operation: Operation, privileges: Sequence[str]) -> bool:
    needed = _PRIVILEGE_OF.get(operation.entity)
    if needed is None or f"{needed}_Full" in privileges:
        return True
    return operation.method == "GET" and needed in privileges
