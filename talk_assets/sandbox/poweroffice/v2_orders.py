"""Version 2 of the API: sales orders with their lines, and sending them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from talk_assets.sandbox.calls import Answer, Call, Refused, json_answer
from talk_assets.sandbox.clock import date_of
from talk_assets.sandbox.house_rules import adjusted
from talk_assets.sandbox.poweroffice import orders
from talk_assets.sandbox.poweroffice.office import Office
from talk_assets.sandbox.poweroffice.orders import LINES_KEY
from talk_assets.sandbox.poweroffice.patch import patched
from talk_assets.sandbox.poweroffice.problems import not_found, problem
from talk_assets.sandbox.poweroffice.query import parse
from talk_assets.sandbox.poweroffice.tables import LINES, SALES_ORDERS
from talk_assets.sandbox.poweroffice.v2 import guarded, posted, sent_json
from talk_assets.sandbox.seed.rows import uuid_at
from talk_assets.sandbox.shape import Complaint, Flat
from talk_assets.sandbox.store import Body, Stored
from talk_assets.sandbox.system import Operation

_NEW_LINES, _SENT_LINES = 3_000_000, 4_000_000
_ORDERS, _LINES = "salesorders", "salesorderlines"
_FIRST_INVOICE = 20_001


class V2Orders:
    def __init__(self, office: Office) -> None:
        self._office = office

    def operations(self) -> Sequence[Operation]:
        order, lines, line = f"/v2/{_ORDERS}/{{id}}", f"/v2/{_ORDERS}/{{id}}/lines", f"/v2/{_ORDERS}/{{id}}/lines/{{lineid}}"
        return [
            Operation("POST", f"/v2/{_ORDERS}/complete", _ORDERS, "create", guarded(_ORDERS, self._create)),
            Operation("GET", f"/v2/{_ORDERS}/sentstate", _ORDERS, "get", self._sent_state),
            Operation("GET", f"{order}/complete", _ORDERS, "get", guarded(_ORDERS, self._complete)),
            Operation("POST", f"{order}/createandsendinvoice", _ORDERS, "send", guarded(_ORDERS, self._send)),
            Operation("GET", lines, _LINES, "list", guarded(_LINES, self._list_lines)),
            Operation("POST", lines, _LINES, "create", guarded(_LINES, self._create_line)),
            Operation("GET", line, _LINES, "get", guarded(_LINES, self._get_line)),
            Operation("PATCH", line, _LINES, "update", guarded(_LINES, self._update_line)),
            Operation("DELETE", line, _LINES, "delete", guarded(_LINES, self._delete_line)),
        ]

    def _create(self, entity: str, call: Call) -> Answer:
        body = sent_json(call)
        head = (
            {name: value for name, value in body.items() if name.lower() != "salesorderlines"}
            if isinstance(body, Mapping)
            else body
        )
        flat = posted(SALES_ORDERS, "SalesOrderCompletePostDto", head)
        sent = next((value for name, value in body.items() if name.lower() == "salesorderlines"), None) or []
        if not isinstance(sent, list):
            raise Complaint("SalesOrderLines", "type", "SalesOrderLines is not a list.")
        lines: list[Body] = []
        for one in sent:
            lines.append(self._new_line(one, lines, call))
        known: Flat = {"IsCreatedByCurrentIntegration": True, LINES_KEY: tuple(lines)}
        stored = self._office.revise(entity, None, flat | known, call.effects)
        return json_answer(201, self._office.showing.complete(stored))

    def _new_line(self, sent: Any, others: Sequence[Mapping[str, Any]], call: Call) -> Body:
        flat = adjusted(call.effects, posted(LINES, "SalesOrderLinePostDto", sent))
        after = orders.line(self._office.books, None, self._office.references.resolved(_LINES, flat), others)
        self._office.lines_given += 1
        return {"Id": uuid_at(_NEW_LINES + self._office.seed_number, self._office.lines_given), **_without_nulls(after)}

    def _order(self, call: Call, *, to_read: bool = False) -> Stored:
        view = self._office.view(_ORDERS, call.effects, by_id=True) if to_read else self._office.collections[_ORDERS]
        stored = view.get(call.params["id"])
        if stored is None:
            raise Refused(not_found(_ORDERS, call.params["id"]))
        return stored

    def _complete(self, entity: str, call: Call) -> Answer:
        del entity
        inherited = any(name.lower() == "showinherited" and value.lower() == "true" for name, value in call.arguments())
        return json_answer(200, self._office.showing.complete(self._order(call, to_read=True), show_inherited=inherited))

    # Lines

    def _list_lines(self, entity: str, call: Call) -> Answer:
        query = parse(entity, LINES, call)
        order = self._order(call, to_read=True)
        rows = [self._office.showing.line(order, line) for line in order.body[LINES_KEY]]
        shown = rows[(query.page - 1) * query.size : query.page * query.size]
        picked = [{name: row[name] for name in query.fields if name in row} for row in shown] if query.fields else shown
        return json_answer(200, picked) if picked else Answer(204)

    def _line(self, order: Stored, call: Call) -> Body:
        found = next((line for line in order.body[LINES_KEY] if line["Id"] == call.params["lineid"]), None)
        if found is None:
            raise Refused(not_found(_LINES, call.params["lineid"]))
        return found

    def _get_line(self, entity: str, call: Call) -> Answer:
        del entity
        order = self._order(call, to_read=True)
        return json_answer(200, self._office.showing.line(order, self._line(order, call)))

    def _create_line(self, entity: str, call: Call) -> Answer:
        del entity
        order = self._editable(call)
        new = self._new_line(sent_json(call), order.body[LINES_KEY], call)
        return json_answer(201, self._office.showing.line(self._with_lines(order, (*order.body[LINES_KEY], new), call), new))

    def _update_line(self, entity: str, call: Call) -> Answer:
        del entity
        order = self._editable(call)
        old = self._line(order, call)
        changes = adjusted(call.effects, patched(LINES, "SalesOrderLinePatchDto", old, sent_json(call)))
        others = [line for line in order.body[LINES_KEY] if line["Id"] != old["Id"]]
        resolved = self._office.references.resolved(_LINES, {**old, **changes})
        new = _without_nulls(orders.line(self._office.books, dict(old), resolved, others))
        lines = tuple(new if line["Id"] == old["Id"] else line for line in order.body[LINES_KEY])
        return json_answer(200, self._office.showing.line(self._with_lines(order, lines, call), new))

    def _delete_line(self, entity: str, call: Call) -> Answer:
        del entity
        order = self._editable(call)
        old = self._line(order, call)
        self._with_lines(order, tuple(line for line in order.body[LINES_KEY] if line["Id"] != old["Id"]), call)
        return Answer(200)

    def _editable(self, call: Call) -> Stored:
        order = self._order(call)
        if order.body.get("SalesOrderStatus") == "Confirmed":
            raise Complaint("SalesOrderStatus", "locked", "The sales order is confirmed and can not be edited.")
        return order

    def _with_lines(self, order: Stored, lines: Sequence[Body], call: Call) -> Stored:
        """The order with other lines. Whether that moves its stamp is nowhere said: here it does not."""
        new = replace(order, body={**order.body, LINES_KEY: tuple(lines)}, version=order.version + 1)
        return self._office.collections[_ORDERS].put(new, self._office.now(call.effects))

    # Sending

    def _send(self, entity: str, call: Call) -> Answer:
        del entity
        if not self._office.settings["allow_send_invoice"]:
            raise Refused(problem(400, "Missing privilege", "The integration is not allowed to send invoices."))
        order = self._order(call)
        if order.body.get("CustomerId") is None or not order.body[LINES_KEY]:
            raise Complaint("CustomerId", "required", "A customer and at least one line are needed to send an invoice.")
        now = self._office.now(call.effects)
        invoices = self._office.collections["outgoing_invoices"]
        invoices.given_ids += 1
        number = _FIRST_INVOICE + invoices.given_ids - 1
        first_line = invoices.given_ids * 1000
        lines = tuple(
            {**line, "Id": uuid_at(_SENT_LINES, first_line + place)} for place, line in enumerate(order.body[LINES_KEY])
        )
        body = {**order.body, LINES_KEY: lines, "InvoiceNo": number, "InvoiceDate": date_of(now).isoformat()}
        invoices.put(replace(order, body=body, changed=now, version=order.version + 1), now)
        self._office.collections[_ORDERS].remove(order.id, now)
        return Answer(202, headers={"location": f"/v2/SalesOrders/sentState?id={order.id}"})

    def _sent_state(self, call: Call) -> Answer:
        order_id = next((value for name, value in call.arguments() if name.lower() == "id"), "")
        stored = self._office.collections["outgoing_invoices"].get(order_id.lower())
        if stored:
            return json_answer(200, {"Id": order_id, "State": "Sent", "InvoiceNo": stored.body["InvoiceNo"]})
        if self._office.collections[_ORDERS].get(order_id.lower()):
            return json_answer(200, {"Id": order_id, "State": "NotSent"})
        return not_found(_ORDERS, order_id)


def _without_nulls(flat: Mapping[str, Any]) -> Flat:
    return {path: value for path, value in flat.items() if value is not None}
