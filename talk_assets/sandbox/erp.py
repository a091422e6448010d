"""CustomERP: an API key, pages by offset with a total, whole records by PUT under If-Match, a searchable reference."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from talk_assets.sandbox.calls import Answer, Call, NotJson, Refused, json_answer, json_body
from talk_assets.sandbox.clock import NotAStamp, parse_stamp, stamp
from talk_assets.sandbox.listing import drifted, matches
from talk_assets.sandbox.plain import PlainSystem
from talk_assets.sandbox.rate import Allowance
from talk_assets.sandbox.seed.erp import collections
from talk_assets.sandbox.shape import Complaint, Flat, shape
from talk_assets.sandbox.store import Collection, Stored
from talk_assets.sandbox.system import Entity, Operation

API_KEY = "sandbox-erp-key"

_PATHS = {
    "contact": "contacts",
    "customer": "customers",
    "employee": "employees",
    "order": "orders",
    "product": "products",
    "project": "projects",
}
_STATUS = {"duplicate": 409, "in_use": 409, "reference": 422}
_LIMIT, _MAX_LIMIT = 100, 500
_ALLOWANCE = Allowance(20)

_COMMON = """
id          uuid  ro
externalRef text  rw <=64
createdAt   stamp ro
modifiedAt  stamp ro
"""
_ADDRESS = """
address.line1       text rw <=200
address.line2       text rw <=200
address.postalCode  text rw <=50
address.city        text rw <=100
address.countryCode text rw
"""
SHAPES = {
    "contact": shape("contact", f"""{_COMMON.strip()}
firstName  text rw !
lastName   text rw !
email      text rw
phone      text rw
title      text rw
customerId uuid rw ! ->customer
active     bool rw =true
"""),
    "customer": shape("customer", f"""{_COMMON.strip()}{_ADDRESS.rstrip()}
number             int  rw unique
name               text rw !
organisationNumber text rw
email              text rw
invoiceEmail       text rw
phone              text rw
website            text rw
archived           bool rw =false
"""),
    "employee": shape("employee", f"""{_COMMON.strip()}{_ADDRESS.rstrip()}
number      int  rw unique
firstName   text rw !
lastName    text rw !
email       text rw unique
phone       text rw
jobTitle    text rw
dateOfBirth date rw
hiredDate   date rw
managerId   uuid rw ->employee
archived    bool rw =false
"""),
    "order": shape("order", f"""{_COMMON.strip()}
orderNumber       int    rw unique
orderDate         date   rw
deliveryDate      date   rw
currency          text   rw
customerId        uuid   rw ! ->customer
contactId         uuid   rw ->contact
projectId         uuid   rw ->project
salesPersonId     uuid   rw ->employee
purchaseOrder     text   rw
customerReference text   rw
netAmount         number ro
vatAmount         number ro
totalAmount       number ro
"""),
    "product": shape("product", f"""{_COMMON.strip()}
code        text   rw ! unique <=100
name        text   rw ! <=400
description text   rw
unitPrice   number rw
unitCost    number rw
gtin        text   rw
archived    bool   rw =false
"""),
    "project": shape("project", f"""{_COMMON.strip()}
code             text   rw unique
name             text   rw !
description      text   rw
startDate        date   rw
endDate          date   rw
budgetHours      number rw
customerId       uuid   rw ->customer
contactId        uuid   rw ->contact
projectManagerId uuid   rw ->employee
parentProjectId  uuid   rw ->project
active           bool   rw =true
"""),
}  # fmt: skip


class CustomErp(PlainSystem):
    name = "custom_erp"
    title = "CustomERP"
    shapes = SHAPES
    entities: ClassVar = {name: Entity(name) for name in SHAPES}
    ids_are_numbers = False

    def seeded(self, seed: int, size: int) -> Mapping[str, Collection]:
        return collections(seed, size)

    def variables(self, url: str) -> Mapping[str, str]:
        return {"CUSTOM_ERP_URL": f"{url}/api", "CUSTOM_ERP_API_KEY": API_KEY}

    def operations(self) -> Sequence[Operation]:
        found: list[Operation] = []
        for entity, path in _PATHS.items():
            found += [
                Operation("GET", f"/api/{path}", entity, "list", self._for(entity, self._list)),
                Operation("POST", f"/api/{path}", entity, "create", self._for(entity, self._create)),
                Operation("GET", f"/api/{path}/{{id}}", entity, "get", self._for(entity, self._get)),
                Operation("PUT", f"/api/{path}/{{id}}", entity, "update", self._for(entity, self._update)),
                Operation("DELETE", f"/api/{path}/{{id}}", entity, "delete", self._for(entity, self._delete)),
            ]
        return found

    def _for(self, entity: str, handle: Callable[[str, Call], Answer]) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            try:
                return handle(entity, call)
            except NotJson:
                return _error(400, "malformed", "The body is no JSON.")
            except Complaint as complaint:
                return _error(_STATUS.get(complaint.code, 400), complaint.code, complaint.message, complaint.path)

        return answer

    def enter(self, call: Call, operation: Operation) -> None:
        del operation
        key = call.header("x-api-key")
        if key != API_KEY:
            raise Refused(_error(401, "unauthorized", "The header X-Api-Key is missing or holds no valid key."))
        wait = self.meter.wait(key, _ALLOWANCE if self.rate_limits else None, self.clock.ticks())
        if wait:
            raise Refused(self.throttled(str(wait), call))

    def nowhere(self, call: Call) -> Answer:
        return _error(404, "not_found", f"There is no {call.path}.")

    def throttled(self, retry_after: str | None, call: Call) -> Answer:
        del call
        return _error(
            429, "too_many_requests", "Too many requests.", headers={"retry-after": retry_after} if retry_after else {}
        )

    def failed(self, status: int) -> Answer:
        return _error(status, "server_error", "Something went wrong here.")

    def shown(self, collection: str, stored: Stored) -> dict[str, Any]:
        del collection
        stamps = {"createdAt": stamp(stored.created, 3, "Z"), "modifiedAt": stamp(stored.changed, 3, "Z")}
        return {"id": stored.id, **stored.body, **stamps}

    def completed(self, collection: str, stored: Stored | None, flat: Flat) -> Flat:
        del stored
        if collection != "order":
            return flat
        return flat | {name: flat[name] or 0.0 for name in ("netAmount", "vatAmount", "totalAmount")}

    def _list(self, entity: str, call: Call) -> Answer:
        offset, limit, after, equal = 0, _LIMIT, None, {}
        for name, value in call.arguments():
            match name:
                case "offset":
                    offset = _whole(name, value, 0)
                case "limit":
                    limit = _whole(name, value, 1)
                case "modifiedSince":
                    after = _since(value)
                case "externalRef":
                    equal = {"externalRef": [value]}
                case _:
                    raise Complaint(name, "unknown_parameter", f"There is no parameter {name}.")
        if limit > _MAX_LIMIT:
            raise Complaint("limit", "value", f"limit is at most {_MAX_LIMIT}.")
        found = matches(self.collections[entity], self.view(entity, call.effects), call.effects, after=after, equal=equal)
        rows = found.page(drifted(call.effects, offset), limit)
        total = found.total + limit if call.effects.first("loop") else found.total
        items = [self.shown(entity, stored) for stored in rows]
        return json_answer(
            200,
            {
                "items": items,
                "total": max(total, offset + 1) if call.effects.first("loop") else total,
                "offset": offset,
                "limit": limit,
            },
        )

    def _found(self, entity: str, call: Call, *, to_read: bool = False) -> Stored:
        records = self.view(entity, call.effects, by_id=True) if to_read else self.collections[entity]
        stored = records.get(call.params["id"])
        if stored is None:
            raise Refused(_error(404, "not_found", f"There is no {entity} {call.params['id']}."))
        return stored

    def _get(self, entity: str, call: Call) -> Answer:
        stored = self._found(entity, call, to_read=True)
        if call.header("if-none-match") == _etag(stored):
            return Answer(304, headers={"etag": _etag(stored)})
        return self._whole(entity, stored, 200)

    def _create(self, entity: str, call: Call) -> Answer:
        values = self.sent(entity, json_body(call), creates=True)
        stored = self.revise(entity, None, values, call.effects)
        return self._whole(entity, stored, 201, {"location": f"/api/{_PATHS[entity]}/{stored.id}"})

    def _update(self, entity: str, call: Call) -> Answer:
        stored = self._found(entity, call)
        self._expect_current(stored, call)
        values = self.sent(entity, json_body(call), replaces=True)
        return self._whole(entity, self.revise(entity, stored, values, call.effects), 200)

    def _delete(self, entity: str, call: Call) -> Answer:
        stored = self._found(entity, call)
        self._expect_current(stored, call)
        self.retire(entity, stored)
        return Answer(204)

    @staticmethod
    def _expect_current(stored: Stored, call: Call) -> None:
        condition = call.header("if-match")
        if condition is None:
            raise Refused(_error(428, "precondition_required", "Send If-Match with the ETag of the record as you know it."))
        if condition.strip() != "*" and _etag(stored) not in [tag.strip() for tag in condition.split(",")]:
            raise Refused(_error(412, "stale", "The record has changed since.", headers={"etag": _etag(stored)}))

    def _whole(self, entity: str, stored: Stored, status: int, headers: Mapping[str, str] | None = None) -> Answer:
        return json_answer(status, self.shown(entity, stored), {"etag": _etag(stored), **(headers or {})})


def _etag(stored: Stored) -> str:
    return f'"{stored.version}-{stored.changed:x}"'


def _error(status: int, code: str, message: str, name: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    error = {"code": code, "message": message} | ({"field": name} if name else {})
    return json_answer(status, {"error": error}, headers)


def _whole(name: str, text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise Complaint(name, "value", f"{name} is a whole number from {least}.")
    return int(text)


def _since(text: str) -> int:
    try:
        return parse_stamp(text) - 1
    except NotAStamp:
        raise Complaint("modifiedSince", "value", "modifiedSince is a time, such as 2026-11-21T08:00:00.000Z.") from None
