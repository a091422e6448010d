"""CustomPMS: a bearer token, pages by cursor, merge patches that name the version they were made from."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from talk_assets.sandbox.calls import Answer, Call, NotJson, Refused, json_answer, json_body
from talk_assets.sandbox.clock import NotAStamp, parse_stamp, stamp
from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.listing import matches
from talk_assets.sandbox.plain import PlainSystem
from talk_assets.sandbox.rate import Allowance
from talk_assets.sandbox.seed.pms import collections
from talk_assets.sandbox.shape import Complaint, shape
from talk_assets.sandbox.store import Collection, Stored, View
from talk_assets.sandbox.system import Entity, Operation

TOKEN = "sandbox-pms-token"  # noqa: S105 - the sandbox's own, and printed by it

_PATHS = {"customer": "customers", "project": "projects", "task": "tasks"}
_SEARCHED = {"customer": "number", "task": "number"}
_STATUS = {
    "duplicate": 409,
    "in_use": 409,
    "stale": 409,
    "reference": 422,
    "required": 422,
    "type": 422,
    "value": 422,
    "length": 422,
}
_SIZE, _MAX_SIZE = 50, 200
_ALLOWANCE = Allowance(300, 60)

_COMMON = """
id         int   ro
version    int   ro
created_at stamp ro
updated_at stamp ro
"""
SHAPES = {
    "customer": shape("customer", f"""{_COMMON.strip()}
number              int  rw unique
code                text rw unique
name                text rw !
organisation_number text rw
email               text rw
invoice_email       text rw
phone               text rw
website             text rw
address_line_1      text rw <=200
address_line_2      text rw <=200
postal_code         text rw <=50
city                text rw <=100
country_code        text rw
"""),
    "project": shape("project", f"""{_COMMON.strip()}
code         text   rw unique
name         text   rw !
description  text   rw
starts_on    date   rw
ends_on      date   rw
budget_hours number rw
customer_id  int    rw ->customer
parent_id    int    rw ->project
active       bool   rw =true
"""),
    "task": shape("task", f"""{_COMMON.strip()}
number          text   rw ! unique
name            text   rw !
description     text   rw
starts_on       date   rw
ends_on         date   rw
estimated_hours number rw
completed       bool   rw =false
project_id      int    rw ->project
"""),
}  # fmt: skip


class CustomPms(PlainSystem):
    name = "custom_pms"
    title = "CustomPMS"
    shapes = SHAPES
    entities: ClassVar = {name: Entity(name) for name in SHAPES}
    first_new_id: ClassVar = dict.fromkeys(SHAPES, 1)

    def seeded(self, seed: int, size: int) -> Mapping[str, Collection]:
        return collections(seed, size)

    def variables(self, url: str) -> Mapping[str, str]:
        return {"CUSTOM_PMS_URL": f"{url}/v1", "CUSTOM_PMS_TOKEN": TOKEN}

    def operations(self) -> Sequence[Operation]:
        found: list[Operation] = []
        for entity, path in _PATHS.items():
            found += [
                Operation("GET", f"/v1/{path}", entity, "list", self._for(entity, self._list)),
                Operation("POST", f"/v1/{path}", entity, "create", self._for(entity, self._create)),
                Operation("GET", f"/v1/{path}/{{id}}", entity, "get", self._for(entity, self._get)),
                Operation("PATCH", f"/v1/{path}/{{id}}", entity, "update", self._for(entity, self._update)),
                Operation("DELETE", f"/v1/{path}/{{id}}", entity, "delete", self._for(entity, self._delete)),
            ]
        return found

    def _for(self, entity: str, handle: Callable[[str, Call], Answer]) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            try:
                return handle(entity, call)
            except NotJson:
                return _problem(400, "Malformed", "The body is no JSON.")
            except Complaint as complaint:
                return _problem(
                    _STATUS.get(complaint.code, 400), complaint.code.replace("_", " ").capitalize(), complaint.message
                )

        return answer

    def enter(self, call: Call, operation: Operation) -> None:
        del operation
        if call.header("authorization") != f"Bearer {TOKEN}":
            raise Refused(_problem(401, "Unauthorized", "No valid token.", {"www-authenticate": "Bearer"}))
        wait = self.meter.wait(TOKEN, _ALLOWANCE if self.rate_limits else None, self.clock.ticks())
        if wait:
            raise Refused(self.throttled(str(wait), call))

    def nowhere(self, call: Call) -> Answer:
        return _problem(404, "Not found", f"There is no {call.path}.")

    def throttled(self, retry_after: str | None, call: Call) -> Answer:
        del call
        return _problem(429, "Too many requests", "Slow down.", {"retry-after": retry_after} if retry_after else {})

    def failed(self, status: int) -> Answer:
        return _problem(status, "Server error", "Something went wrong here.")

    def shown(self, collection: str, stored: Stored) -> dict[str, Any]:
        del collection
        stamps = {"created_at": stamp(stored.created, 6, "+00:00"), "updated_at": stamp(stored.changed, 6, "+00:00")}
        return {"id": int(stored.id), **stored.body, "version": stored.version, **stamps}

    def _list(self, entity: str, call: Call) -> Answer:
        size, after, cursor, equal = _SIZE, None, None, {}
        for name, value in call.arguments():
            if name == "page_size":
                size = _whole(name, value)
            elif name == "updated_after":
                after = _stamp(value)
            elif name == "cursor":
                cursor = _read_cursor(value)
            elif name == _SEARCHED.get(entity):
                equal = {name: [value if entity == "task" else _whole(name, value)]}
            else:
                raise Complaint(name, "unknown_parameter", f"There is no parameter {name}.")
        size = min(size, _MAX_SIZE)
        view = self.view(entity, call.effects)
        found = matches(self.collections[entity], view, call.effects, after=after, equal=equal)
        offset = 0 if cursor is None else _place(view, cursor, call.effects) - found.start
        rows = found.page(offset, size)
        more = offset + size < found.total and bool(rows)
        following = _write_cursor(rows[-1]) if more else None
        if call.effects.first("loop") and rows:
            following = _write_cursor(rows[0])
        return json_answer(200, {"data": [self.shown(entity, stored) for stored in rows], "next_cursor": following})

    def _found(self, entity: str, call: Call, *, to_read: bool = False) -> Stored:
        records = self.view(entity, call.effects, by_id=True) if to_read else self.collections[entity]
        stored = records.get(call.params["id"])
        if stored is None:
            raise Refused(_problem(404, "Not found", f"There is no {entity} {call.params['id']}."))
        return stored

    def _get(self, entity: str, call: Call) -> Answer:
        return json_answer(200, self.shown(entity, self._found(entity, call, to_read=True)))

    def _create(self, entity: str, call: Call) -> Answer:
        stored = self.revise(entity, None, self.sent(entity, json_body(call), creates=True), call.effects)
        return json_answer(201, self.shown(entity, stored), {"location": f"/v1/{_PATHS[entity]}/{stored.id}"})

    def _update(self, entity: str, call: Call) -> Answer:
        stored = self._found(entity, call)
        if call.content_type not in ("application/merge-patch+json", "application/json"):
            raise Refused(_problem(415, "Unsupported media type", "Send a merge patch."))
        body = json_body(call)
        version = body.get("version") if isinstance(body, dict) else None
        if isinstance(version, bool) or not isinstance(version, int):
            raise Complaint("version", "required", "Send the version that your patch was made from.")
        if version != stored.version:
            raise Complaint(
                "version", "stale", f"The record is at version {stored.version}, your patch was made from {version}."
            )
        return json_answer(200, self.shown(entity, self.revise(entity, stored, self.sent(entity, body), call.effects)))

    def _delete(self, entity: str, call: Call) -> Answer:
        self.retire(entity, self._found(entity, call))
        return Answer(204)


def _problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    return json_answer(status, {"status": status, "title": title, "detail": detail}, headers, "application/problem+json")


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise Complaint(name, "bad_parameter", f"{name} is a whole number from 1.")
    return int(text)


def _stamp(text: str) -> int:
    try:
        return parse_stamp(text)
    except NotAStamp:
        raise Complaint("updated_after", "bad_parameter", "updated_after is a time with its offset.") from None


def _write_cursor(last: Stored) -> str:
    return base64.urlsafe_b64encode(f"{last.changed}:{last.id}".encode()).decode()


def _read_cursor(text: str) -> tuple[int, int]:
    try:
        changed, _, record_id = base64.urlsafe_b64decode(text).decode().partition(":")
        return int(changed), int(record_id)
    except (binascii.Error, ValueError):
        raise Complaint("cursor", "bad_parameter", "This is no cursor of ours.") from None


def _place(view: View, cursor: tuple[int, int], effects: Effects) -> int:
    """The position behind the last record of the page before, wherever that has gone."""
    changed, last = cursor
    place = view.since(changed - 1)
    while any(s.changed == changed and int(s.id) <= last for s in view.slice(place, place + 1)):
        place += 1
    drift = effects.first("drift")
    return place + drift.option("rows") if drift else place
