"""The start of CustomPMS."""

from collections.abc import Mapping
from typing import Any

from talk_assets.sandbox.seed.norway import DEPARTMENTS
from talk_assets.sandbox.seed.rows import by_number, numbered
from talk_assets.sandbox.seed.world import World
from talk_assets.sandbox.store import Collection

_TWIST = 1
_KNOWN_DEPARTMENTS = DEPARTMENTS[:2]


def collections(seed: int, size: int) -> Mapping[str, Collection]:
    world = World(seed, size)
    customers = world.part((10, 60), (95, 100))
    projects = world.part((20, 80), of=world.projects)
    tasks = world.part((0, 70), of=world.tasks)
    departments = len(_KNOWN_DEPARTMENTS) if size else 0

    def customer(place: int) -> dict[str, Any]:
        if place >= len(customers):
            code, name = _KNOWN_DEPARTMENTS[place - len(customers)]
            return _customer(None, code, name)
        company = world.company_as_seen(customers.at(place), _TWIST)
        return _customer(company.number, None, company.name) | {
            "organisation_number": company.organisation_number,
            "email": company.email,
            "invoice_email": company.invoice_email,
            "phone": company.phone,
            "website": company.website,
            "address_line_1": company.address.line1,
            "address_line_2": company.address.line2,
            "postal_code": company.address.zip_code,
            "city": company.address.city,
            "country_code": company.address.country,
        }

    def project(place: int) -> dict[str, Any]:
        found = world.project(projects.at(place))
        parent = None if found.parent is None else projects.place(found.parent)
        customer = customers.place(found.company)
        return {
            "code": found.code,
            "name": found.name,
            "description": None,
            "starts_on": found.starts.isoformat(),
            "ends_on": found.ends.isoformat(),
            "budget_hours": found.hours,
            "customer_id": None if customer is None else customer + 1,
            "parent_id": None if parent is None else parent + 1,
            "active": True,
        }

    def task(place: int) -> dict[str, Any]:
        index = tasks.at(place)
        number, name, found = world.task(index)
        project = projects.place(index % max(1, world.projects))
        return {
            "number": number,
            "name": name,
            "description": None,
            "starts_on": found.starts.isoformat(),
            "ends_on": found.ends.isoformat(),
            "estimated_hours": found.hours / 4,
            "completed": False,
            "project_id": None if project is None else project + 1,
        }

    def by_code(value: Any) -> list[int]:
        return [len(customers) + n for n, (code, _) in enumerate(_KNOWN_DEPARTMENTS[:departments]) if code == value]

    rows = {
        "customer": numbered(
            len(customers) + departments, 1, customer, {"number": by_number(customers.place, 10_001), "code": by_code}
        ),
        "project": numbered(len(projects), 1, project),
        "task": numbered(len(tasks), 1, task, {"number": by_number(tasks.place, 100, "T-")}),
    }
    return {name: Collection(name, seeded) for name, seeded in rows.items()}


def _customer(number: int | None, code: str | None, name: str) -> dict[str, Any]:
    rest = ("organisation_number", "email", "invoice_email", "phone", "website")
    address = ("address_line_1", "address_line_2", "postal_code", "city", "country_code")
    return {"number": number, "code": code, "name": name, **dict.fromkeys((*rest, *address))}
