"""Version 2 of the API: lists, records, creating, patching and deleting."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from talk_assets.sandbox.calls import Answer, Call, NotJson, Refused, json_answer, json_body
from talk_assets.sandbox.listing import drifted
from talk_assets.sandbox.poweroffice import company
from talk_assets.sandbox.poweroffice.gateway import Tokens
from talk_assets.sandbox.poweroffice.office import Office
from talk_assets.sandbox.poweroffice.patch import patched
from talk_assets.sandbox.poweroffice.problems import not_found, problem, refusal
from talk_assets.sandbox.poweroffice.query import Query, parse
from talk_assets.sandbox.poweroffice.selection import selected
from talk_assets.sandbox.poweroffice.tables import SALES_ORDERS, SHAPES
from talk_assets.sandbox.shape import Complaint, Flat, Shape, converted, flatten
from talk_assets.sandbox.store import Stored
from talk_assets.sandbox.system import Operation

PATHS = {
    "customers": "customers",
    "contactperson": "contactpersons",
    "departments": "departments",
    "employees": "employees",
    "product": "products",
    "projects": "projects",
    "salesorders": "salesorders",
    "outgoing_invoices": "outgoinginvoices",
}
_DTOS = {
    "customers": "Customer",
    "contactperson": "ContactPerson",
    "departments": "Department",
    "employees": "Employee",
    "product": "Product",
    "projects": "Project",
    "salesorders": "SalesOrder",
    "salesorderlines": "SalesOrderLine",
}
_JSON = ("application/json", "text/json", "application/json-patch+json")


class V2:
    def __init__(self, office: Office, tokens: Tokens) -> None:
        self._office = office
        self._tokens = tokens

    def operations(self) -> Sequence[Operation]:
        found = [Operation("GET", "/v2/clientintegrationinformation", "client", "get", self._client)]
        for entity, path in PATHS.items():
            item = f"/v2/{path}/{{contactid}}/{{id}}" if entity == "contactperson" else f"/v2/{path}/{{id}}"
            found += [
                Operation("GET", f"/v2/{path}", entity, "list", guarded(entity, self._list)),
                Operation("GET", item, entity, "get", guarded(entity, self._get)),
            ]
            if entity == "outgoing_invoices":
                continue
            found += [
                Operation("PATCH", item, entity, "update", guarded(entity, self._update)),
                Operation("DELETE", item, entity, "delete", guarded(entity, self._delete)),
            ]
            if entity != "salesorders":
                where = f"/v2/{path}/{{contactid}}" if entity == "contactperson" else f"/v2/{path}"
                found.append(Operation("POST", where, entity, "create", guarded(entity, self._create)))
        return found

    def _client(self, call: Call) -> Answer:
        login = self._tokens.login(call, self._office.now(call.effects))
        valid = list(login.privileges) if login else []
        return json_answer(
            200,
            {
                "ClientId": company.CLIENT_ID,
                "ClientName": company.CLIENT_NAME,
                "ActiveClientSubscriptions": list(company.SUBSCRIPTIONS),
                "ValidPrivileges": valid,
                "InvalidPrivileges": [name for name in company.PRIVILEGES if name not in valid],
                "AllowSendInvoice": self._office.settings["allow_send_invoice"],
            },
        )

    def _list(self, entity: str, call: Call) -> Answer:
        query = parse(entity, shape_of(entity), call)
        found = selected(self._office, entity, query, call.effects)
        offset = drifted(call.effects, (query.page - 1) * query.size)
        rows = [self._row(entity, stored, query, call) for stored in found.page(offset, query.size)]
        if not rows:
            return Answer(204)
        more = offset + query.size < found.total or call.effects.first("loop") is not None
        return json_answer(200, rows, {"x-pagination": json.dumps(_pagination(call, query) if more else {})})

    def _row(self, entity: str, stored: Stored, query: Query, call: Call) -> dict[str, Any]:
        _, inherited = query.filters.get("showinherited", (None, False))
        shown = self._shown(entity, stored, call, show_inherited=bool(inherited))
        return {name: shown[name] for name in query.fields if name in shown} if query.fields else shown

    def _shown(self, entity: str, stored: Stored, call: Call, *, show_inherited: bool = False) -> dict[str, Any]:
        reveal = self._office.settings["show_hidden_numbers"]
        shown = self._office.showing.shown(entity, stored, reveal=reveal, show_inherited=show_inherited)
        return with_times(shape_of(entity), shown) if call.effects.first("time_in_dates") else shown

    def _found(self, entity: str, call: Call, *, to_read: bool = False) -> Stored:
        records = self._office.view(entity, call.effects, by_id=True) if to_read else self._office.collections[entity]
        stored = records.get(call.params["id"])
        if stored is None or (entity == "contactperson" and str(stored.body["ContactId"]) != call.params["contactid"]):
            raise Refused(not_found(entity, call.params["id"]))
        return stored

    def _get(self, entity: str, call: Call) -> Answer:
        inherited = any(name.lower() == "showinherited" and value.lower() == "true" for name, value in call.arguments())
        stored = self._found(entity, call, to_read=True)
        return json_answer(200, self._shown(entity, stored, call, show_inherited=inherited))

    def _create(self, entity: str, call: Call) -> Answer:
        flat = posted(SHAPES[entity], f"{_DTOS[entity]}PostDto", sent_json(call))
        if entity == "contactperson":
            flat["ContactId"] = int(call.params["contactid"]) if call.params["contactid"].isdecimal() else -1
        stored = self._office.revise(entity, None, flat, call.effects)
        return json_answer(200 if entity == "product" else 201, self._shown(entity, stored, call))

    def _update(self, entity: str, call: Call) -> Answer:
        stored = self._found(entity, call)
        flat = patched(SHAPES[entity], f"{_DTOS[entity]}PatchDto", self._office.flat_of(entity, stored), sent_json(call))
        return json_answer(200, self._shown(entity, self._office.revise(entity, stored, flat, call.effects), call))

    def _delete(self, entity: str, call: Call) -> Answer:
        self._office.retire(entity, self._found(entity, call))
        return Answer(200)


def shape_of(entity: str) -> Shape:
    return SALES_ORDERS if entity == "outgoing_invoices" else SHAPES[entity]


def guarded(entity: str, handle: Callable[[str, Call], Answer]) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        try:
            return handle(entity, call)
        except NotJson:
            return problem(400, "One or more validation errors occurred.", "The request body is not valid JSON.")
        except Complaint as complaint:
            return refusal(entity, complaint)

    return answer


def sent_json(call: Call) -> Any:
    if call.content_type not in _JSON and not call.content_type.endswith("+json"):
        raise Refused(problem(415, "Unsupported Media Type", f"The content type '{call.content_type}' is not supported."))
    return json_body(call)


def posted(of: Shape, dto: str, body: Any) -> Flat:
    """The values of a new record; names in any case, none that the DTO does not have."""
    if not isinstance(body, Mapping):
        raise Complaint("", "type", f"The request body can not be converted to {dto}.")
    flat, unknown = flatten(of, body, any_case=True)
    strange = [*unknown, *(path for path, value in flat.items() if value is not None and not of.properties[path].on_create)]
    if strange:
        raise Complaint(strange[0], "unknown", f"{dto}: There is no member '{strange[0]}'.")
    allowed = {path: value for path, value in flat.items() if of.properties[path].on_create}
    values = {path: converted(of.properties[path], value, lenient=True) for path, value in allowed.items()}
    return {path: value for path, value in values.items() if of.properties[path].shown}


def with_times(of: Shape, shown: dict[str, Any]) -> dict[str, Any]:
    dates = [p.path for p in of.properties.values() if p.kind == "date" and shown.get(p.path)]
    return shown | {path: f"{shown[path]}T00:00:00" for path in dates}


def _pagination(call: Call, query: Query) -> dict[str, Any]:
    rest = [(name, value) for name, value in call.arguments() if name.lower() not in ("pagenumber", "pagesize")]
    following = urlencode([("PageNumber", query.page + 1), ("PageSize", query.size), *rest])
    # Which host stands here is nowhere said; one that does not exist shows who follows the link instead of counting on.
    return {"nextPageLink": f"http://backend.invalid{call.path}?{following}"}
