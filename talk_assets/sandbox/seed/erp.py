"""The start of CustomERP."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from talk_assets.sandbox.seed.rows import by_number, never, uuid_at, with_uuids
from talk_assets.sandbox.seed.world import Address, World
from talk_assets.sandbox.store import Collection

_CONTACT, _CUSTOMER, _EMPLOYEE, _ORDER, _PRODUCT, _PROJECT = range(6)
_TWIST = 0


def collections(seed: int, size: int) -> Mapping[str, Collection]:
    world = World(seed, size)
    customers = world.part((15, 95))
    contacts = world.part((20, 60))
    employees = world.part((20, 100), of=world.employees)
    orders = world.part((30, 100), of=world.orders)
    products = world.part((30, 100), of=world.products)
    projects = world.part((40, 100), of=world.projects)
    tasks = world.part((50, 70), of=world.tasks)

    def reference(topic: int, place: int | None) -> str | None:
        return None if place is None else uuid_at(topic, place)

    def customer(place: int) -> dict[str, Any]:
        company = world.company_as_seen(customers.at(place), _TWIST)
        return {
            "externalRef": None,
            "address": _address(company.address),
            "number": company.number,
            "name": company.name,
            "organisationNumber": company.organisation_number,
            "email": company.email,
            "invoiceEmail": company.invoice_email,
            "phone": company.phone,
            "website": company.website,
            "archived": False,
        }

    def contact(place: int) -> dict[str, Any]:
        index = contacts.at(place)
        person = world.contact(index)
        return {
            "externalRef": None,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "email": person.email,
            "phone": person.phone,
            "title": person.job,
            "customerId": reference(_CUSTOMER, customers.place(index)),
            "active": True,
        }

    def employee(place: int) -> dict[str, Any]:
        index = employees.at(place)
        person = world.employee(index)
        return {
            "externalRef": None,
            "address": _address(person.address),
            "number": 101 + index,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "email": person.email,
            "phone": person.phone,
            "jobTitle": person.job,
            "dateOfBirth": person.born.isoformat(),
            "hiredDate": (person.born + timedelta(days=7000)).isoformat(),
            "managerId": reference(_EMPLOYEE, employees.place(index // 4)) if index else None,
            "archived": False,
        }

    def order(place: int) -> dict[str, Any]:
        found = world.order(orders.at(place))
        person = world.contact(found.company)
        net = round(world.product(found.product).price * found.quantity, 2)
        return {
            "externalRef": None,
            "orderNumber": found.number,
            "orderDate": found.day.isoformat(),
            "deliveryDate": (found.day + timedelta(days=14)).isoformat(),
            "currency": "NOK",
            "customerId": reference(_CUSTOMER, customers.place(found.company)),
            "contactId": reference(_CONTACT, contacts.place(found.company)),
            "projectId": None,
            "salesPersonId": reference(_EMPLOYEE, employees.place(world.employees - 1)),
            "purchaseOrder": found.purchase_order,
            "customerReference": f"{person.first_name} {person.last_name}",
            "netAmount": net,
            "vatAmount": round(net * 0.25, 2),
            "totalAmount": round(net * 1.25, 2),
        }

    def product(place: int) -> dict[str, Any]:
        found = world.product(products.at(place))
        return {
            "externalRef": None,
            "code": found.code,
            "name": found.name,
            "description": found.description,
            "unitPrice": found.price,
            "unitCost": found.cost,
            "gtin": found.gtin,
            "archived": False,
        }

    def project(place: int) -> dict[str, Any]:
        if place >= len(projects):
            number, name, found = world.task(tasks.at(place - len(projects)))
            own = {"code": number, "name": name, "parentProjectId": None}
        else:
            found = world.project(projects.at(place))
            parent = None if found.parent is None else projects.place(found.parent)
            own = {"code": found.code, "name": found.name, "parentProjectId": reference(_PROJECT, parent)}
        return {
            "externalRef": None,
            **own,
            "description": None,
            "startDate": found.starts.isoformat(),
            "endDate": found.ends.isoformat(),
            "budgetHours": found.hours,
            "customerId": reference(_CUSTOMER, customers.place(found.company)),
            "contactId": reference(_CONTACT, contacts.place(found.company)),
            "projectManagerId": reference(_EMPLOYEE, employees.place(found.manager)),
            "active": True,
        }

    none = {"externalRef": never}
    rows = {
        "contact": with_uuids(len(contacts), _CONTACT, contact, none),
        "customer": with_uuids(len(customers), _CUSTOMER, customer, none | {"number": by_number(customers.place, 10_001)}),
        "employee": with_uuids(len(employees), _EMPLOYEE, employee, none | {"number": by_number(employees.place, 101)}),
        "order": with_uuids(len(orders), _ORDER, order, none | {"orderNumber": by_number(orders.place, 50_001)}),
        "product": with_uuids(len(products), _PRODUCT, product, none | {"code": by_number(products.place, 1, "P-")}),
        "project": with_uuids(len(projects) + len(tasks), _PROJECT, project, none),
    }
    return {name: Collection(name, seeded) for name, seeded in rows.items()}


def _address(address: Address) -> dict[str, Any]:
    return {
        "line1": address.line1,
        "line2": address.line2,
        "postalCode": address.zip_code,
        "city": address.city,
        "countryCode": address.country,
    }
