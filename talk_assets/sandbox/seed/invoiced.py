"""The start of Invoiced."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from talk_assets.sandbox.invoiced.shapes import invoiced, unix
from talk_assets.sandbox.seed.rows import by_number, numbered
from talk_assets.sandbox.seed.world import Address, World
from talk_assets.sandbox.store import Collection

_TWIST = 2


def collections(seed: int, size: int) -> Mapping[str, Collection]:
    world = World(seed, size)
    companies = world.part((5, 45), (100, 103))
    persons = world.part((20, 100), of=world.persons)
    orders = world.part((0, 30), of=world.orders)

    def customer(place: int) -> dict[str, Any]:
        number = f"CUST-{place + 1:05d}"
        if place >= len(companies):
            person = world.person(persons.at(place - len(companies)))
            own = {
                "name": f"{person.first_name} {person.last_name}",
                "type": "person",
                "email": person.email,
                "phone": person.phone,
            }
            return _customer(number, None, person.address) | own
        company = world.company_as_seen(companies.at(place), _TWIST)
        own = {"name": company.name, "type": "company", "email": company.email, "phone": company.phone}
        return _customer(number, company.organisation_number, company.address) | own

    def invoice(place: int) -> dict[str, Any]:
        order = world.order(orders.at(place))
        product = world.product(order.product)
        customer = companies.place(order.company)
        flat = {
            "customer": 400_001 + (customer or 0),
            "name": "Faktura",
            "number": f"INV-{place + 1:05d}",
            "currency": "nok",
            "date": unix(order.day.isoformat()),
            "due_date": unix((order.day + timedelta(days=30)).isoformat()),
            "payment_terms": "NET 30",
            "purchase_order": order.purchase_order,
            "draft": False,
            "closed": False,
            "paid": False,
            "voided": False,
            "items": [{"name": product.name, "quantity": order.quantity, "unit_cost": product.price}],
            "ship_to": None,
            "metadata": {},
        }
        return invoiced(flat, 0)

    rows = {
        "customers": numbered(len(companies) + len(persons), 400_001, customer, {"number": by_number(_itself, 1, "CUST-")}),
        "invoices": numbered(len(orders), 900_001, invoice, {"number": by_number(_itself, 1, "INV-")}),
    }
    return {name: Collection(name, seeded) for name, seeded in rows.items()}


def _itself(place: int) -> int:
    return place


def _customer(number: str, tax_id: str | None, address: Address) -> dict[str, Any]:
    return {
        "number": number,
        "attention_to": None,
        "address1": address.line1,
        "address2": address.line2,
        "city": address.city,
        "state": None,
        "postal_code": address.zip_code,
        "country": address.country,
        "currency": "nok",
        "language": None,
        "tax_id": tax_id,
        "payment_terms": "NET 14",
        "parent_customer": None,
        "notes": None,
        "metadata": {},
    }
