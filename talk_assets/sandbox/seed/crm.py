"""The start of CRMOffice."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from talk_assets.sandbox.seed.norway import SUBJECTS
from talk_assets.sandbox.seed.rows import numbered
from talk_assets.sandbox.seed.world import World
from talk_assets.sandbox.store import Collection


def collections(seed: int, size: int) -> Mapping[str, Collection]:
    world = World(seed, size)
    contacts = world.part((30, 55), (100, 110))
    activities = size * 3 // 10
    companies = world.part((30, 55), (100, 110))
    users = world.employees

    def contact(place: int) -> dict[str, Any]:
        person = world.contact(contacts.at(place))
        return {
            "givenName": person.first_name,
            "familyName": person.last_name,
            "email": person.email,
            "directPhone": person.phone,
            "mobilePhone": f"+47{person.phone}" if place % 3 == 0 else None,
            "jobTitle": person.job,
            "company": {"id": str(place + 1)},
        }

    def activity(place: int) -> dict[str, Any]:
        about = place % max(1, len(contacts))
        person = world.contact(contacts.at(about))
        begins = datetime.combine(world.project(place).starts, time(8 + place % 8))
        return {
            "subject": f"{SUBJECTS[place % len(SUBJECTS)]} med {person.first_name} {person.last_name}",
            "description": None,
            "ownerId": _user_name(world, place % max(1, users)),
            "startsAt": begins.isoformat(),
            "endsAt": (begins + timedelta(minutes=90)).isoformat(),
            "completed": place % 2 == 0,
            "address": {
                "streetAddress": person.address.line1,
                "postCode": person.address.zip_code,
                "postalArea": person.address.city,
                "country": "Norge",
            },
            "company": {"id": str(about + 1)},
            "contact": {"id": str(300_001 + about)},
        }

    def company(place: int) -> dict[str, Any]:
        return {"name": world.company(companies.at(place)).name}

    def user(place: int) -> dict[str, Any]:
        person = world.employee(place)
        return {"userName": _user_name(world, place), "name": f"{person.first_name} {person.last_name}"}

    rows = {
        "activities": numbered(activities, 700_001, activity),
        "contacts": numbered(len(contacts), 300_001, contact),
        "companies": numbered(len(companies), 1, company),
        "users": numbered(users, 1, user),
    }
    return {name: Collection(name, seeded) for name, seeded in rows.items()}


def _user_name(world: World, index: int) -> str:
    return world.employee(index).email.partition("@")[0]
