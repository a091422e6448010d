import pytest

from talk_assets.sandbox import VirtualClock
from talk_assets.sandbox.seed.norway import gtin, organisation_number
from talk_assets.sandbox.seed.world import Twist, World
from talk_assets.sandbox.serve import systems
from talk_assets.sandbox.store import value_at

SIZE = 300


@pytest.fixture(scope="module")
def held() -> dict:
    return systems(VirtualClock(), 1, SIZE)


def rows(held: dict, system: str, collection: str) -> list[dict]:
    found = held[system]
    return [found.shown(collection, stored) for stored in found.collections[collection].view().scan()]


def checks(number: str) -> bool:
    return sum(int(digit) * weight for digit, weight in zip(number, (3, 2, 7, 6, 5, 4, 3, 2, 1), strict=True)) % 11 == 0


def test_organisation_numbers_check_and_never_repeat() -> None:
    numbers = [organisation_number(index) for index in range(5000)]
    assert all(len(number) == 9 and checks(number) for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_gtins_check() -> None:
    for index in range(100):
        assert sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(gtin(index))) % 10 == 0


def test_the_same_seed_gives_the_same_records_and_another_seed_others(held: dict) -> None:
    again, other = systems(VirtualClock(), 1, SIZE), systems(VirtualClock(), 2, SIZE)
    for name, system in held.items():
        for collection in system.collections:
            assert rows(held, name, collection) == rows(again, name, collection)
    assert rows(held, "custom_pms", "customer") != rows(other, "custom_pms", "customer")


def test_every_record_is_found_by_its_id_and_every_reference_leads_somewhere(held: dict) -> None:
    for system in held.values():
        for name, collection in system.collections.items():
            ids = [stored.id for stored in collection.view().scan()]
            assert len(set(ids)) == len(ids)
            assert all(collection.get(record_id) for record_id in ids)
            shape = system.shapes.get(name)
            for stored in collection.view().scan():
                for reference in shape.references if shape else ():
                    value = value_at(stored.body, reference.path)
                    assert value is None or any(system.collections[to].get(str(value)) for to in reference.refers), (
                        name,
                        stored,
                    )


def test_unique_values_are_unique_and_found(held: dict) -> None:
    for system in held.values():
        for name, shape in system.shapes.items():
            for prop in shape.uniques:
                values = [value_at(stored.body, prop.path) for stored in system.collections[name].view().scan()]
                given = [value for value in values if value is not None]
                assert len(set(given)) == len(given), (name, prop.path)
                assert all(system.collections[name].find(prop.path, value) for value in given)


def test_systems_share_records_that_match_nearly_match_and_do_not(held: dict) -> None:
    accounts = {
        row["OrganizationNumber"]: row for row in rows(held, "poweroffice_go", "customers") if row["OrganizationNumber"]
    }
    customers = rows(held, "custom_erp", "customer")
    plain = [row for row in customers if row["organisationNumber"] in accounts]
    same = [row for row in plain if accounts[row["organisationNumber"]]["Name"] == row["name"]]
    conflicting = [row for row in plain if accounts[row["organisationNumber"]]["PhoneNumber"] != row["phone"]]
    near = [row for row in customers if " " in (row["organisationNumber"] or "")]
    alone = [row for row in customers if row["name"].endswith("(gammel)")]
    assert len(same) > SIZE / 3
    assert conflicting
    assert near
    assert alone


def test_two_customers_of_one_system_share_an_address(held: dict) -> None:
    emails = [row["email"] for row in rows(held, "custom_erp", "customer") if row["email"]]
    assert len(set(emails)) < len(emails)


def test_each_system_knows_companies_that_the_accounts_do_not(held: dict) -> None:
    names = {row["Name"].upper() for row in rows(held, "poweroffice_go", "customers")}
    for system, collection in (("custom_erp", "customer"), ("custom_pms", "customer"), ("invoiced", "customers")):
        assert any(row["name"].upper() not in names for row in rows(held, system, collection))
        assert any(row["name"].upper() in names for row in rows(held, system, collection))


def test_orders_projects_products_people_and_contacts_overlap(held: dict) -> None:
    def values(system: str, collection: str, *paths: str) -> set:
        return {tuple(value_at(row, path) for path in paths) for row in rows(held, system, collection)}

    assert values("poweroffice_go", "salesorders", "PurchaseOrderReference") & values("invoiced", "invoices", "purchase_order")
    assert values("poweroffice_go", "salesorders", "ImportedOrderNo") & values("custom_erp", "order", "orderNumber")
    assert (
        values("poweroffice_go", "projects", "Code")
        & values("custom_pms", "project", "code")
        & values("custom_erp", "project", "code")
    )
    assert values("custom_pms", "task", "number", "name") & values("custom_erp", "project", "code", "name")
    assert values("poweroffice_go", "product", "Code") & values("custom_erp", "product", "code")
    assert values("poweroffice_go", "employees", "EmailAddress") & values("custom_erp", "employee", "email")
    assert values("poweroffice_go", "contactperson", "EmailAddress") & values("crm_office", "contacts", "email")
    assert values("poweroffice_go", "customers", "EmailAddress") & values("invoiced", "customers", "email")
    assert values("poweroffice_go", "departments", "Code") & values("custom_pms", "customer", "code")


def test_names_are_norwegian(held: dict) -> None:
    text = "".join(row["Name"] for row in rows(held, "poweroffice_go", "customers"))
    assert {"æ", "ø", "å"} <= set(text.lower())
    assert all(
        row["MailAddress"]["ZipCode"].isdecimal() for row in rows(held, "poweroffice_go", "customers") if "MailAddress" in row
    )


def test_every_twist_occurs() -> None:
    world = World(1, 2000)
    seen = {
        Twist.near: any(" " in (world.company_as_seen(i, 0).organisation_number or "") for i in range(2000)),
        Twist.alone: any(world.company_as_seen(i, 1).name.endswith("(gammel)") for i in range(2000)),
    }
    assert all(seen.values())


def test_a_million_companies_need_neither_time_nor_memory() -> None:
    held = systems(VirtualClock(), 1, 1_000_000)
    customers = held["poweroffice_go"].collections["customers"]
    assert len(customers) > 1_000_000 * 0.8
    assert [stored.body["Number"] for stored in customers.view().slice(500_000, 500_002)] == [510_000, 510_001]


@pytest.mark.parametrize("size", [0, 1, 2, 7])
def test_tiny_worlds_hold_together(size) -> None:
    held = systems(VirtualClock(), 1, size)
    for name, system in held.items():
        for collection in system.collections:
            rows(held, name, collection)
