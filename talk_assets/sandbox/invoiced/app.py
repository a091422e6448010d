"""Invoiced's customers, invoices and events."""

import base64
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from talk_assets.sandbox.calls import Answer, Call, NotJson, Refused, form_body, json_answer, json_body
from talk_assets.sandbox.clock import TICKS_PER_SECOND, seconds_of
from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.invoiced.replay import Replay
from talk_assets.sandbox.invoiced.shapes import SHAPES, checked_country, checked_metadata, invoiced, status, with_currency
from talk_assets.sandbox.listing import Matches, drifted, matches
from talk_assets.sandbox.plain import PlainSystem
from talk_assets.sandbox.rate import Allowance
from talk_assets.sandbox.seed.invoiced import collections
from talk_assets.sandbox.shape import Complaint, Flat
from talk_assets.sandbox.store import Collection, Stored, value_at
from talk_assets.sandbox.system import Entity, Operation

API_KEY = "sandbox-invoiced-key"

_SIZE, _MAX_SIZE = 25, 100
_ALLOWANCE = Allowance(20)
_PREFIX = {"customers": "CUST", "invoices": "INV"}
_KIND = {"customers": "customer", "invoices": "invoice"}
_EVENTS = 10_000


class Invoiced(PlainSystem):
    name = "invoiced"
    title = "Invoiced"
    shapes = SHAPES
    entities: ClassVar = {
        "customers_company": Entity("customers", lambda body: body["type"] != "person", {"type": "company"}),
        "customers_person": Entity("customers", lambda body: body["type"] == "person", {"type": "person"}),
        "invoices": Entity("invoices"),
    }
    first_new_id: ClassVar = {"customers": 400_001, "invoices": 900_001}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._replay = Replay()
        self._events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        super().__init__(*args, **kwargs)

    def seeded(self, seed: int, size: int) -> Mapping[str, Collection]:
        return collections(seed, size)

    def forget_logins(self) -> None:
        self._replay = Replay()
        self._events.clear()

    def memory(self) -> dict[str, Any]:
        return {**super().memory(), "replay": self._replay.memory(), "events": list(self._events)}

    def recall(self, held: Mapping[str, Any]) -> None:
        super().recall(held)
        self._replay.recall(held["replay"])
        self._events = deque(held["events"], maxlen=_EVENTS)

    def variables(self, url: str) -> Mapping[str, str]:
        return {"INVOICED_URL": url, "INVOICED_API_KEY": API_KEY}

    def operations(self) -> Sequence[Operation]:
        found: list[Operation] = [Operation("GET", "/events", "events", "list", self._list_events)]
        for entity in SHAPES:
            found += [
                Operation("GET", f"/{entity}", entity, "list", self._for(entity, self._list)),
                Operation("POST", f"/{entity}", entity, "create", self._for(entity, self._create)),
                Operation("GET", f"/{entity}/{{id}}", entity, "get", self._for(entity, self._get)),
                Operation("PATCH", f"/{entity}/{{id}}", entity, "update", self._for(entity, self._update)),
                Operation("DELETE", f"/{entity}/{{id}}", entity, "delete", self._for(entity, self._delete)),
            ]
        found += [
            Operation("POST", "/invoices/{id}/void", "invoices", "send", self._for("invoices", self._settle("voided"))),
            Operation("POST", "/invoices/{id}/pay", "invoices", "send", self._for("invoices", self._settle("paid"))),
        ]
        return found

    def _for(self, entity: str, handle: Callable[[str, Call], Answer]) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            try:
                return handle(entity, call)
            except NotJson:
                return _error(400, "Could not parse the request body.")
            except Complaint as complaint:
                return _error(400, complaint.message, complaint.path)

        return answer

    def enter(self, call: Call, operation: Operation) -> None:
        del operation
        allowed = (f"Basic {base64.b64encode(f'{API_KEY}:'.encode()).decode()}", f"Bearer {API_KEY}")
        if call.header("authorization") not in allowed:
            raise Refused(
                _error(401, "The API key is missing or not valid.", headers={"www-authenticate": 'Basic realm="Invoiced"'})
            )
        if self.meter.wait(API_KEY, _ALLOWANCE if self.rate_limits else None, self.clock.ticks()):
            raise Refused(self.throttled(None, call))

    def nowhere(self, call: Call) -> Answer:
        return _error(404, f"There is no {call.path}.")

    def throttled(self, retry_after: str | None, call: Call) -> Answer:
        del call
        return _error(429, "Rate limit reached.", headers={"retry-after": retry_after} if retry_after else {})

    def failed(self, status: int) -> Answer:
        return json_answer(status, {"type": "api", "message": "An internal error came up."})

    def shown(self, collection: str, stored: Stored) -> dict[str, Any]:
        stamps = {"created_at": seconds_of(stored.created), "updated_at": seconds_of(stored.changed)}
        shown = {"id": int(stored.id), "object": _KIND[collection], **stored.body, **stamps}
        if collection == "invoices":
            del shown["voided"]
            shown["status"] = status(stored.body, self.clock.ticks())
        return shown

    def completed(self, collection: str, stored: Stored | None, flat: Flat) -> Flat:
        flat = checked_metadata(flat)
        if stored is None and not flat.get("number"):
            records = self.collections[collection]
            flat |= {"number": f"{_PREFIX[collection]}-{len(records.seeded) + records.given_ids + 1:05d}"}
        if collection == "customers":
            return with_currency(checked_country(flat), None) | {"type": flat.get("type") or "company"}
        customer = self.collections["customers"].get(str(flat.get("customer")))
        default = customer.body["currency"] if customer else None
        return invoiced(with_currency(flat, default or "nok"), self.clock.ticks())

    def revise(self, collection: str, stored: Stored | None, flat: Flat, effects: Effects) -> Stored:
        new = super().revise(collection, stored, flat, effects)
        self._tell(collection, "updated" if stored else "created", new, stored)
        return new

    def retire(self, collection: str, stored: Stored) -> None:
        super().retire(collection, stored)
        self._tell(collection, "deleted", stored, None)

    def _tell(self, collection: str, what: str, stored: Stored, before: Stored | None) -> None:
        data: dict[str, Any] = {"object": self.shown(collection, stored)}
        if before:
            old = self.shown(collection, before)
            data["previous"] = {name: old[name] for name in old if old[name] != data["object"].get(name)}
        event = {
            "id": len(self._events) + 1,
            "type": f"{_KIND[collection]}.{what}",
            "timestamp": seconds_of(stored.changed),
            "data": data,
        }
        self._events.appendleft(event)

    # Reading

    def _list(self, entity: str, call: Call) -> Answer:
        arguments = dict(call.arguments())
        after = arguments.get("updated_after")
        found = matches(
            self.collections[entity],
            self.view(entity, call.effects),
            call.effects,
            after=None if after is None else _whole("updated_after", after) * TICKS_PER_SECOND - 1,
            equal=self._filters(entity, arguments),
            wanted=_by_metadata(arguments) if any(name.startswith("metadata[") for name in arguments) else _by_date(arguments),
        )
        found = self._sorted(entity, found, arguments.get("sort"))
        rows = [self._expanded(entity, stored, arguments) for stored in self._on_page(found, call)]
        return json_answer(200, rows, self._paging(found.total, call))

    def _filters(self, entity: str, arguments: Mapping[str, str]) -> dict[str, list[Any]]:
        """`filter[name]=value`: exactly that value."""
        equal: dict[str, list[Any]] = {}
        for name, value in arguments.items():
            if match := re.fullmatch(r"filter\[(\w+)\]", name):
                path = match[1]
                if path not in self.shapes[entity].properties:
                    raise Complaint(path, "unknown", f"Cannot filter by {path}.")
                plain: dict[str, Any] = {"true": True, "false": False}
                kind = self.shapes[entity].properties[path].kind
                equal[path] = [_whole(path, value) if kind in ("int", "unix") else plain.get(value, value)]
        return equal

    def _sorted(self, entity: str, found: Matches, sort: str | None) -> Matches:
        name, _, direction = (sort or "updated_at asc").strip().partition(" ")
        if name not in self.shapes[entity].properties or direction.strip().lower() not in ("", "asc", "desc"):
            raise Complaint("sort", "value", f"Cannot sort by {sort}.")
        descending = direction.strip().lower() == "desc"
        if name == "updated_at" and not descending:
            return found

        def key(stored: Stored) -> tuple[bool, Any]:
            value = self.shown(entity, stored).get(name)
            return value is not None, value if isinstance(value, int | float | str) else repr(value)

        return Matches(records=sorted(found.all(), key=key, reverse=descending))

    def _expanded(self, entity: str, stored: Stored, arguments: Mapping[str, str]) -> dict[str, Any]:
        shown = self.shown(entity, stored)
        if entity == "invoices" and "customer" in arguments.get("expand", "").split(","):
            customer = self.collections["customers"].get(str(shown["customer"]))
            shown["customer"] = self.shown("customers", customer) if customer else None
        return shown

    def _on_page(self, found: Matches, call: Call) -> list[Stored]:
        page, size = _page(call)
        return found.page(drifted(call.effects, (page - 1) * size), size)

    @staticmethod
    def _paging(total: int, call: Call) -> dict[str, str]:
        page, size = _page(call)
        last = max(1, -(-total // size))
        rest = [(name, value) for name, value in call.arguments() if name not in ("page", "per_page")]

        def link(number: int, relation: str) -> str:
            return f'<{call.origin}{call.path}?{urlencode([*rest, ("page", number), ("per_page", size)])}>; rel="{relation}"'

        links = [link(page, "self"), link(1, "first")]
        if page > 1:
            links.append(link(page - 1, "previous"))
        if page < last or call.effects.first("loop"):
            links.append(link(page if call.effects.first("loop") else page + 1, "next"))
        return {"link": ", ".join([*links, link(last, "last")]), "x-total-count": str(total)}

    def _list_events(self, call: Call) -> Answer:
        kind, _, record_id = dict(call.arguments()).get("related_to", "").partition(",")
        events = [
            e
            for e in self._events
            if not kind or (e["type"].startswith(f"{kind}.") and str(e["data"]["object"]["id"]) == record_id)
        ]
        page, size = _page(call)
        return json_answer(200, events[(page - 1) * size : page * size], self._paging(len(events), call))

    def _found(self, entity: str, call: Call, *, to_read: bool = False) -> Stored:
        records = self.view(entity, call.effects, by_id=True) if to_read else self.collections[entity]
        stored = records.get(call.params["id"])
        if stored is None:
            raise Refused(_error(404, f"{_KIND[entity].capitalize()} was not found: {call.params['id']}"))
        return stored

    def _get(self, entity: str, call: Call) -> Answer:
        return json_answer(200, self._expanded(entity, self._found(entity, call, to_read=True), dict(call.arguments())))

    # Writing

    def _create(self, entity: str, call: Call) -> Answer:
        now = self.now(call.effects)
        return self._replay.once(call, now, lambda: self._created(entity, call))

    def _created(self, entity: str, call: Call) -> Answer:
        values = self.sent(entity, _body(call), lenient=True, creates=True)
        return json_answer(201, self.shown(entity, self.revise(entity, None, values, call.effects)))

    def _update(self, entity: str, call: Call) -> Answer:
        stored = self._found(entity, call)
        values = self.sent(entity, _body(call), lenient=True)
        return json_answer(200, self.shown(entity, self.revise(entity, stored, values, call.effects)))

    def _delete(self, entity: str, call: Call) -> Answer:
        self.retire(entity, self._found(entity, call))
        return Answer(204)

    def _settle(self, how: str) -> Callable[[str, Call], Answer]:
        def settle(entity: str, call: Call) -> Answer:
            stored = self._found(entity, call)
            return json_answer(200, self.shown(entity, self.revise(entity, stored, {how: True, "closed": True}, call.effects)))

        return settle


def _error(code: int, message: str, param: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    return json_answer(code, {"type": "invalid_request", "message": message} | ({"param": param} if param else {}), headers)


def _body(call: Call) -> Any:
    return form_body(call) if call.content_type == "application/x-www-form-urlencoded" else json_body(call)


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise Complaint(name, "value", f"{name} is a whole number.")
    return int(text)


def _page(call: Call) -> tuple[int, int]:
    arguments = dict(call.arguments())
    page, size = _whole("page", arguments.get("page", "1")), _whole("per_page", arguments.get("per_page", str(_SIZE)))
    return max(1, page), min(max(1, size), _MAX_SIZE)


def _by_metadata(arguments: Mapping[str, str]) -> Callable[[Stored], bool]:
    wanted = [(name[9:-1], value) for name, value in arguments.items() if re.fullmatch(r"metadata\[.+\]", name)]
    return lambda stored: all(str((value_at(stored.body, "metadata") or {}).get(key)) == value for key, value in wanted)


def _by_date(arguments: Mapping[str, str]) -> Callable[[Stored], bool] | None:
    if "start_date" not in arguments and "end_date" not in arguments:
        return None
    first, last = (
        _whole("start_date", arguments.get("start_date", "0")),
        _whole("end_date", arguments.get("end_date", "99999999999")),
    )
    return lambda stored: first <= (value_at(stored.body, "date") or 0) <= last
