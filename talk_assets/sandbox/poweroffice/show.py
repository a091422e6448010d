"""How PowerOffice shows its records: every property, codes beside ids, and some numbers only as `hidden`."""

from collections.abc import Callable, Mapping
from typing import Any

from talk_assets.sandbox.clock import stamp
from talk_assets.sandbox.poweroffice.books import Books
from talk_assets.sandbox.poweroffice.links import References
from talk_assets.sandbox.poweroffice.orders import LINES_KEY, inherited, priced, totals
from talk_assets.sandbox.poweroffice.tables import LINES, SHAPES
from talk_assets.sandbox.shape import Shape
from talk_assets.sandbox.store import Body, Stored

_HIDDEN = {"NationalIdNumber": "hidden", "InternationalIdNumber": "hidden", "Gender": "Hidden"}
_OMITTED_WHEN_EMPTY = ("Accrual",)


def stamp_of(ticks: int) -> str:
    return stamp(ticks, 7, "+00:00")


def _template(of: Shape) -> dict[str, Any]:
    plain = (p.path for p in of.properties.values() if p.shown and "." not in p.path)
    return {path: None for path in plain if path not in _OMITTED_WHEN_EMPTY}


_TEMPLATES = {name: _template(of) for name, of in SHAPES.items()} | {"salesorderlines": _template(LINES)}
_ADDRESSES = {
    name: {p.path.rpartition(".")[2]: None for p in of.inside("MailAddress")} for name, of in SHAPES.items() if of.groups
}
_CREATED = {
    "customers": ("ContactCreatedDateTimeOffset", "CustomerCreatedDateTimeOffset"),
    "employees": ("ContactCreatedDateTimeOffset", "EmployeeCreatedDateTimeOffset"),
}


class Showing:
    def __init__(self, references: References, books: Books) -> None:
        self._references = references
        self._books = books
        self._special: Mapping[str, Callable[[Stored], dict[str, Any]]] = {
            "timetrackingactivity": self._activity,
            "projectactivity": self._joined,
            "outgoing_invoices": self._invoice,
        }

    def shown(self, entity: str, stored: Stored, *, reveal: bool = False, show_inherited: bool = False) -> dict[str, Any]:
        if entity in self._special:
            return self._special[entity](stored)
        body = stored.body
        shown = {**_TEMPLATES[entity], **body, "Id": stored.id if entity == "salesorders" else int(stored.id)}
        for name in _CREATED.get(entity, ("CreatedDateTimeOffset",)):
            shown[name] = stamp_of(stored.created)
        shown["LastChangedDateTimeOffset"] = stamp_of(stored.changed)
        if "MailAddress" in body:
            shown["MailAddress"] = {**_ADDRESSES[entity], **body["MailAddress"]}
        if not reveal:
            shown.update({name: mask for name, mask in _HIDDEN.items() if shown.get(name) is not None})
        if entity == "salesorders":
            shown.update(totals(self._books, body))
            del shown[LINES_KEY]
            if show_inherited:
                shown.update({name: value for name, value in inherited(self._books, body).items() if shown.get(name) is None})
        self._references.show(entity, shown)
        return shown

    def complete(self, stored: Stored, *, show_inherited: bool = False) -> dict[str, Any]:
        """A sales order with its lines."""
        lines = [self.line(stored, of) for of in stored.body[LINES_KEY]]
        return self.shown("salesorders", stored, show_inherited=show_inherited) | {"SalesOrderLines": lines}

    def line(self, order: Stored, of: Body) -> dict[str, Any]:
        shown = {**_TEMPLATES["salesorderlines"], **priced(self._books, order.body, of), "SalesOrderId": order.id}
        self._references.show("salesorderlines", shown)
        return shown

    def _invoice(self, stored: Stored) -> dict[str, Any]:
        order = self.shown("salesorders", stored)
        return {**order, "InvoiceNo": stored.body["InvoiceNo"], "InvoiceDate": stored.body["InvoiceDate"]}

    def _activity(self, stored: Stored) -> dict[str, Any]:
        return {
            **_TEMPLATES["timetrackingactivity"],
            **stored.body,
            "id": int(stored.id),
            "lastChanged": stamp(stored.changed, 7, "Z"),
        }

    def _joined(self, stored: Stored) -> dict[str, Any]:
        body = stored.body
        of = self._books.collections["timetrackingactivity"].find("code", body["activityCode"])
        project = self._books.collections["projects"].get(str(body["projectId"]))
        return {
            "id": int(stored.id),
            "activityCode": body["activityCode"],
            "projectCode": project.body["Code"] if project else None,
            "isBillable": body.get("isBillable"),
            "hourlyRate": body.get("hourlyRate"),
            "name": of[0].body["name"] if of else None,
        }
