"""The properties of Invoiced's customers and invoices, and what it works out of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from talk_assets.sandbox.clock import datetime_of, seconds_of, ticks_of
from talk_assets.sandbox.shape import Complaint, Flat, shape

SHAPES = {
    "customers": shape("customers", """
id              int  ro
name            text rw !
number          text rw unique
type            text rw {company|person} =company
email           text rw
phone           text rw
attention_to    text rw
address1        text rw
address2        text rw
city            text rw
state           text rw
postal_code     text rw
country         text rw
currency        text rw
language        text rw
tax_id          text rw
payment_terms   text rw
parent_customer int  rw ->customers
notes           text rw
metadata        json rw
created_at      unix ro
updated_at      unix ro
"""),
    "invoices": shape("invoices", """
id             int    ro
customer       int    new ! ->customers
name           text   rw
number         text   rw unique
currency       text   rw
date           unix   rw
due_date       unix   rw
payment_terms  text   rw
purchase_order text   rw
draft          bool   rw =false
closed         bool   rw =false
paid           bool   ro =false
voided         bool   ro =false
items          json   rw
discounts      json   rw
taxes          json   rw
ship_to        json   rw
metadata       json   rw
subtotal       number ro
total          number ro
balance        number ro
created_at     unix   ro
updated_at     unix   ro
"""),
}  # fmt: skip

_LISTS = ("items", "discounts", "taxes")


def checked_metadata(flat: Flat) -> Flat:
    """Up to ten values of one's own: names of 40 characters, values of 255."""
    metadata = flat.get("metadata") or {}
    if not isinstance(metadata, dict) or len(metadata) > 10:
        raise Complaint("metadata", "value", "Metadata holds at most 10 values.")
    for key, value in metadata.items():
        if len(key) > 40 or len(str(value)) > 255:
            raise Complaint("metadata", "length", "Metadata takes names of 40 and values of 255 characters.")
    return flat | {"metadata": metadata}


def checked_country(flat: Flat) -> Flat:
    country = flat.get("country")
    if country is not None and (len(country) != 2 or not country.isalpha()):
        raise Complaint("country", "value", "Country is a code of two letters.")
    return flat


def with_currency(flat: Flat, default: str | None) -> Flat:
    currency = flat.get("currency") or default
    if currency is not None and (len(currency) != 3 or not currency.isalpha()):
        raise Complaint("currency", "value", "Currency is a code of three letters.")
    return flat | {"currency": currency.lower() if currency else None}


def invoiced(flat: Flat, now: int) -> Flat:
    """An invoice with its amounts and dates."""
    for name in _LISTS:
        if not isinstance(flat.get(name) or [], list) or not all(isinstance(row, dict) for row in flat.get(name) or []):
            raise Complaint(name, "type", f"{name} is a list of objects.")
    items = [_line(item, number) for number, item in enumerate(flat.get("items") or [], 1)]
    subtotal = round(sum(item["amount"] for item in items), 2)
    discounts, taxes = flat.get("discounts") or [], flat.get("taxes") or []
    total = round(subtotal - _sum(discounts) + _sum(taxes), 2)
    day = flat.get("date") or seconds_of(now)
    terms = (flat.get("payment_terms") or "").upper().removeprefix("NET ").strip()
    due = flat.get("due_date") or (day + int(terms) * 86_400 if terms.isdecimal() and len(terms) < 4 else None)
    balance = 0.0 if flat.get("paid") or flat.get("voided") else total
    amounts = {"subtotal": subtotal, "total": total, "balance": balance}
    return flat | {"items": items, "discounts": discounts, "taxes": taxes, "date": day, "due_date": due, **amounts}


def status(invoice: Mapping[str, Any], now: int) -> str:
    for name in ("voided", "paid", "draft"):
        if invoice.get(name):
            return name
    due = invoice.get("due_date")
    return "past_due" if due and due < seconds_of(now) else "not_sent"


def _line(item: Mapping[str, Any], number: int) -> dict[str, Any]:
    quantity, cost = _amount(item, "quantity", 1), _amount(item, "unit_cost", 0)
    rest = {"catalog_item": None, "type": None, "name": "", "description": None, "discounts": [], "taxes": [], "metadata": {}}
    return {"id": number, **rest, **item, "quantity": quantity, "unit_cost": cost, "amount": round(quantity * cost, 2)}


def _amount(row: Mapping[str, Any], name: str, default: float) -> float | int:
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Complaint(f"items.{name}", "type", f"{name} is a number.")
    return value


def _sum(rows: list[Mapping[str, Any]]) -> float | int:
    return sum(_amount(row, "amount", 0) for row in rows)


def unix(text: str) -> int:
    """UNIX seconds of a day."""
    return seconds_of(ticks_of(datetime.fromisoformat(f"{text}T00:00:00+00:00")))


def later(ticks: int, days: int) -> int:
    return ticks_of(datetime_of(ticks) + timedelta(days=days))
