import re

import httpx
import pytest

from tests.sandbox.clients import Clients

SORTED = {"sort": "updated_at ASC", "per_page": 100}


def test_the_key_is_the_user_of_basic_auth(invoiced: httpx.Client) -> None:
    assert invoiced.get("/customers").status_code == 200
    answer = invoiced.get("/customers", auth=("wrong", ""))
    assert (answer.status_code, answer.json()["type"]) == (401, "invalid_request")


def test_pages_hold_25_unless_said_otherwise_and_at_most_100(invoiced: httpx.Client) -> None:
    assert len(invoiced.get("/customers").json()) == 25
    assert len(invoiced.get("/customers", params={"per_page": 1000}).json()) == 63


def test_the_next_page_stands_in_the_link_header(invoiced: httpx.Client) -> None:
    seen, url = [], "/customers?per_page=10&sort=updated_at+ASC"
    while url:
        answer = invoiced.get(url)
        assert answer.headers["x-total-count"] == "63"
        seen += [row["id"] for row in answer.json()]
        found = re.search(r'<([^>]+)>; rel="next"', answer.headers["link"])
        url = found and found[1]
    assert len(seen) == len(set(seen)) == 63


def test_updated_after_takes_unix_seconds_and_includes_them(invoiced: httpx.Client) -> None:
    rows = invoiced.get("/customers", params=SORTED).json()
    assert all(isinstance(row["updated_at"], int) for row in rows)
    found = invoiced.get("/customers", params=SORTED | {"updated_after": rows[-2]["updated_at"]}).json()
    assert [row["id"] for row in found] == [rows[-2]["id"], rows[-1]["id"]]


def test_filters_want_the_exact_value(invoiced: httpx.Client) -> None:
    people = invoiced.get("/customers", params={"filter[type]": "person", "per_page": 100}).json()
    assert {row["type"] for row in people} == {"person"}
    assert len(people) == 20
    assert [row["id"] for row in invoiced.get("/customers", params={"filter[number]": "CUST-00003"}).json()] == [400_003]
    assert invoiced.get("/customers", params={"filter[nonsense]": "1"}).status_code == 400


def test_own_values_are_kept_and_found(invoiced: httpx.Client) -> None:
    new = invoiced.post("/customers", json={"name": "A", "metadata": {"ref": "R-1"}}).json()
    assert [row["id"] for row in invoiced.get("/customers", params={"metadata[ref]": "R-1"}).json()] == [new["id"]]
    assert invoiced.post("/customers", json={"name": "A", "metadata": {"x" * 41: "1"}}).status_code == 400
    assert invoiced.post("/customers", json={"name": "A", "metadata": {str(n): "1" for n in range(11)}}).status_code == 400


def test_a_customer_is_a_company_in_lower_case_currency(invoiced: httpx.Client) -> None:
    answer = invoiced.post("/customers", json={"name": "A", "currency": "NOK"})
    assert answer.status_code == 201
    assert (answer.json()["type"], answer.json()["currency"]) == ("company", "nok")
    assert answer.json()["number"].startswith("CUST-")


@pytest.mark.parametrize(
    ("body", "param"), [({}, "name"), ({"name": "A", "type": "dog"}, "type"), ({"name": "A", "country": "Norway"}, "country")]
)
def test_errors_name_the_parameter(invoiced: httpx.Client, body, param) -> None:
    answer = invoiced.post("/customers", json=body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"type", "message", "param"}
    assert (answer.json()["type"], answer.json()["param"]) == ("invalid_request", param)


def test_numbers_are_unique(invoiced: httpx.Client) -> None:
    assert invoiced.post("/customers", json={"name": "A", "number": "CUST-00001"}).json()["param"] == "number"


def test_a_form_is_taken_as_well(invoiced: httpx.Client) -> None:
    assert invoiced.post("/customers", data={"name": "Åse Lie", "type": "person"}).json()["name"] == "Åse Lie"


def test_a_patch_takes_a_part_of_the_record(invoiced: httpx.Client) -> None:
    row = invoiced.get("/customers/400001").json()
    changed = invoiced.patch("/customers/400001", json={"city": "Vadsø"}).json()
    assert (changed["city"], changed["name"]) == ("Vadsø", row["name"])
    assert changed["updated_at"] > row["updated_at"]


def test_unknown_and_read_only_members_are_left_aside(invoiced: httpx.Client) -> None:
    changed = invoiced.patch("/customers/400001", json={"nonsense": 1, "id": 5, "created_at": 1})
    assert changed.status_code == 200
    assert changed.json()["id"] == 400_001


def test_the_customer_of_an_invoice_stays(invoiced: httpx.Client) -> None:
    row = invoiced.get("/invoices/900001").json()
    changed = invoiced.patch("/invoices/900001", json={"customer": 400_001, "name": "Ny"})
    assert changed.status_code == 200
    assert (changed.json()["customer"], changed.json()["name"]) == (row["customer"], "Ny")


def test_an_invoice_needs_a_customer_that_exists(invoiced: httpx.Client) -> None:
    assert invoiced.post("/invoices", json={}).json()["param"] == "customer"
    assert invoiced.post("/invoices", json={"customer": 5}).json()["param"] == "customer"


def test_amounts_are_worked_out(invoiced: httpx.Client) -> None:
    items = [{"name": "A", "quantity": 2, "unit_cost": 10.5, "amount": 999}, {"name": "B", "unit_cost": 4}]
    new = invoiced.post("/invoices", json={"customer": 400_001, "items": items, "taxes": [{"amount": 5}], "draft": True}).json()
    assert [item["amount"] for item in new["items"]] == [21, 4]
    assert (new["subtotal"], new["total"], new["status"]) == (25, 30, "draft")


def test_terms_give_the_due_date(invoiced: httpx.Client) -> None:
    new = invoiced.post("/invoices", json={"customer": 400_001, "date": 1_800_000_000, "payment_terms": "NET 10"}).json()
    assert (new["due_date"], new["status"]) == (1_800_864_000, "not_sent")


def test_paying_and_voiding(invoiced: httpx.Client) -> None:
    assert invoiced.get("/invoices/900001").json()["status"] == "past_due"
    assert invoiced.post("/invoices/900001/pay").json()["status"] == "paid"
    assert invoiced.post("/invoices/900002/void").json()["status"] == "voided"


def test_a_customer_can_be_shown_within_its_invoice(invoiced: httpx.Client) -> None:
    row = invoiced.get("/invoices/900001", params={"expand": "customer"}).json()
    assert row["customer"]["object"] == "customer"


def test_an_idempotency_key_gives_the_first_answer_again(invoiced: httpx.Client) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = invoiced.post("/customers", json={"name": "A"}, headers=key)
    again = invoiced.post("/customers", json={"name": "A"}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert invoiced.get("/customers").headers["x-total-count"] == "64"


def test_an_idempotency_key_is_for_one_request_and_one_day(clients: Clients, invoiced: httpx.Client) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = invoiced.post("/customers", json={"name": "A"}, headers=key).json()
    assert invoiced.post("/customers", json={"name": "B"}, headers=key).status_code == 400
    clients.sandbox.clock.advance(24 * 3600 + 1)
    assert invoiced.post("/customers", json={"name": "A"}, headers=key).json()["id"] != first["id"]


def test_a_refused_request_does_not_use_its_key_up(invoiced: httpx.Client) -> None:
    key = {"Idempotency-Key": "k-1"}
    assert invoiced.post("/customers", json={}, headers=key).status_code == 400
    assert invoiced.post("/customers", json={"name": "A"}, headers=key).status_code == 201


def test_deleting_answers_204_and_a_missing_record_404(invoiced: httpx.Client) -> None:
    new = invoiced.post("/customers", json={"name": "A"}).json()
    assert invoiced.delete(f"/customers/{new['id']}").status_code == 204
    answer = invoiced.get(f"/customers/{new['id']}")
    assert (answer.status_code, answer.json()["type"]) == (404, "invalid_request")
    invoice = invoiced.get("/invoices/900001").json()
    assert invoiced.delete(f"/customers/{invoice['customer']}").status_code == 400


def test_events_tell_the_newest_first_with_what_was_before(invoiced: httpx.Client) -> None:
    new = invoiced.post("/customers", json={"name": "A"}).json()
    invoiced.patch(f"/customers/{new['id']}", json={"name": "B"})
    invoiced.delete(f"/customers/{new['id']}")
    events = invoiced.get("/events", params={"related_to": f"customer,{new['id']}"}).json()
    assert [event["type"] for event in events] == ["customer.deleted", "customer.updated", "customer.created"]
    assert events[1]["data"]["previous"]["name"] == "A"
