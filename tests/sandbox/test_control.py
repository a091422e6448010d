import json

import httpx
import pytest

from talk_assets.sandbox.clock import parse_stamp
from tests.sandbox.clients import Clients


@pytest.fixture
def control(clients: Clients) -> httpx.Client:
    return clients.control["poweroffice_go"]


def test_the_state_counts_the_records_of_each_entity(control: httpx.Client) -> None:
    state = control.get("state").json()
    assert (state["system"], state["seed"], state["size"]) == ("poweroffice_go", 1, 100)
    assert (state["entities"]["customers"], state["entities"]["customers_person"]) == (81, 20)


def test_a_persons_edit_moves_the_stamp_and_keeps_the_rules(control: httpx.Client, go: httpx.Client) -> None:
    before = go.get("Customers/1001").json()
    edited = control.patch("records/customers/1001", json={"Name": "Acme", "MailAddress.City": "Oslo"})
    assert edited.status_code == 200
    after = go.get("Customers/1001").json()
    assert (after["Name"], after["MailAddress"]["City"]) == ("Acme", "Oslo")
    assert after["LastChangedDateTimeOffset"] > before["LastChangedDateTimeOffset"]


def test_a_persons_edit_of_an_address_leaves_the_customers_stamp(control: httpx.Client, go: httpx.Client) -> None:
    before = go.get("Customers/1001").json()
    control.patch("records/customers/1001", json={"MailAddress": {"City": "Oslo"}})
    assert go.get("Customers/1001").json()["LastChangedDateTimeOffset"] == before["LastChangedDateTimeOffset"]


def test_a_persons_edit_moves_versions_and_etags(clients: Clients, pms: httpx.Client, erp: httpx.Client) -> None:
    version = pms.get("customers/1").json()["version"]
    clients.control["custom_pms"].patch("records/customer/1", json={"name": "Acme"})
    assert pms.get("customers/1").json()["version"] == version + 1
    row = erp.get("customers", params={"limit": 1}).json()["items"][0]
    etag = erp.get(f"customers/{row['id']}").headers["etag"]
    clients.control["custom_erp"].patch(f"records/customer/{row['id']}", json={"name": "Acme"})
    assert erp.put(f"customers/{row['id']}", json=row, headers={"If-Match": etag}).status_code == 412


def test_typed_values_are_read_as_their_property_wants_them(control: httpx.Client) -> None:
    changes = {
        "IsArchived": "true",
        "ExternalNumber": "12",
        "WebsiteUrl": "",
        "PhoneNumber": "12345678",
        "ContactGroupIds": "[1]",
    }
    edited = control.patch("records/customers/1001?typed=true", json=changes).json()
    assert [edited[name] for name in changes] == [True, 12, None, "12345678", [1]]


@pytest.mark.parametrize(
    ("path", "changes", "message"),
    [
        ("records/customers/99", {"Name": "A"}, "poweroffice_go.customers has no record 99."),
        ("records/custmers/1001", {"Name": "A"}, "Did you mean customers?"),
        ("records/customers/1001", {"Nmae": "A"}, "Did you mean Name?"),
        ("records/customers/1001", {"Id": 5}, "Id is set by PowerOffice GO itself."),
        ("records/customers/1001", {"Name": None}, "Name is required."),
        ("records/customers/1001", {"DepartmentId": 99}, "Department with id = 99 not found."),
        ("records/customers_person/1001", {"LastName": "A"}, "has no record 1001"),
    ],
)
def test_a_mistake_is_explained(control: httpx.Client, path, changes, message) -> None:
    answer = control.patch(path, json=changes)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_a_person_can_add_and_delete_records(control: httpx.Client, go: httpx.Client) -> None:
    person = {"FirstName": "Åse", "LastName": "Lie", "InvoiceDeliveryType": "Print"}
    new = control.post("records/customers_person", json=person).json()
    assert go.get(f"Customers/{new['Id']}").json()["IsPerson"] is True
    assert control.delete(f"records/customers_person/{new['Id']}").status_code == 204
    assert go.get(f"Customers/{new['Id']}").status_code == 404
    assert "in use" in control.delete("records/customers/1001").json()["message"]


def test_a_persons_order_is_not_the_integrations(control: httpx.Client, go: httpx.Client) -> None:
    new = control.post("records/salesorders", json={"CustomerId": 1001}).json()
    assert new["IsCreatedByCurrentIntegration"] is False
    assert go.get(f"SalesOrders/{new['Id']}").status_code == 200


def test_records_are_listed_by_page_and_by_value(control: httpx.Client) -> None:
    found = control.get("records/customers", params={"limit": 2, "offset": 1}).json()
    assert (found["total"], [row["id"] for row in found["records"]]) == (81, ["1001", "1002"])
    assert control.get("records/departments", params={"name": "lager"}).json()["total"] == 1
    assert control.get("records/customers", params={"IsPerson": "true"}).json()["total"] == 0
    assert control.get("records/customers", params={"limit": "many"}).status_code == 400


def test_a_reset_brings_everything_back(clients: Clients, control: httpx.Client, go: httpx.Client) -> None:
    before = go.get("Customers").json()
    go.post("Customers", json={"Name": "A", "InvoiceDeliveryType": "Print"})
    clients.fault("poweroffice_go", "error")
    clients.setting("poweroffice_go", standard_sales_account=False)
    control.post("reset")
    assert go.get("Customers").status_code == 401
    go.headers.update(clients.headers())
    assert go.get("Customers").json() == before
    assert control.get("settings").json()["standard_sales_account"] is True
    assert go.post("Products", json={"Name": "A"}).status_code == 200


def test_a_seed_puts_other_records_in_place(control: httpx.Client, go: httpx.Client) -> None:
    first = go.get("Customers/1001").json()["Name"]
    assert control.post("seed", json={"seed": 2, "size": 20}).json()["entities"]["customers"] == 17
    assert go.get("Customers/1001").json()["Name"] != first
    assert control.post("seed", json={"size": -1}).status_code == 400


def test_a_seed_may_be_empty_but_for_given_records(control: httpx.Client, go: httpx.Client) -> None:
    records = {"customers": [{"Name": "A", "InvoiceDeliveryType": "Print"}]}
    control.post("seed", json={"size": 0, "records": records})
    assert [row["Name"] for row in go.get("Customers").json()] == ["Diverse kontakter", "A"]
    assert [row["Code"] for row in go.get("Projects").json()] == ["INTERN"]
    assert go.get("Employees").status_code == 204


def test_a_dump_holds_everything(control: httpx.Client, go: httpx.Client) -> None:
    dumped = control.get("dump").json()
    assert dumped["customers"] == go.get("Customers").json()
    assert {"projects", "timetrackingactivity", "outgoing_invoices"} <= dumped.keys()


def test_the_log_tells_what_came_and_what_became_of_it(clients: Clients, control: httpx.Client, go: httpx.Client) -> None:
    go.get("Customers", params={"PageSize": 1})
    go.post("Customers", json={"Name": "Å"})
    token, read, write = clients.requests("poweroffice_go")
    assert (token["operation"], "client" in token["body"]) == ("token", True)
    assert (read["path"], read["query"], read["status"]) == ("/v2/Customers", "PageSize=1", 200)
    assert (write["entity"], write["operation"], write["status"], json.loads(write["body"])) == (
        "customers",
        "create",
        400,
        {"Name": "Å"},
    )
    assert read["headers"]["ocp-apim-subscription-key"] == read["headers"]["authorization"] == "***"
    assert control.get("requests", params={"after": read["number"], "method": "POST"}).json() == [write]
    control.delete("requests")
    assert clients.requests("poweroffice_go") == []


def test_the_clock_can_be_moved(control: httpx.Client) -> None:
    before = parse_stamp(control.get("clock").json()["time"])
    after = parse_stamp(control.post("clock", json={"advance": 60}).json()["time"])
    assert 600_000_000 <= after - before < 601_000_000
    assert control.post("clock", json={"advance": "x"}).status_code == 400


def test_settings_are_checked(control: httpx.Client) -> None:
    assert "no setting" in control.post("settings", json={"nonsense": 1}).json()["message"]
    assert "does not take" in control.post("settings", json={"token_seconds": "x"}).json()["message"]


def test_faults_come_and_go(clients: Clients, control: httpx.Client) -> None:
    key = clients.fault("poweroffice_go", "drop_after", entity="customers", operation="create", times=2)
    row = control.get("faults").json()["faults"][0]
    assert (row["id"], row["kind"], row["left"], row["hits"]) == (key, "drop_after", 2, 0)
    assert control.delete(f"faults/{key}").status_code == 204
    assert control.delete(f"faults/{key}").status_code == 400
    assert control.get("faults").json()["faults"] == []


def test_the_control_api_needs_no_login_and_is_not_logged(clients: Clients, control: httpx.Client) -> None:
    control.get("state")
    assert clients.requests("poweroffice_go") == []


def test_a_body_that_is_no_json_is_a_mistake(control: httpx.Client) -> None:
    assert control.post("faults", content=b"{").json()["message"] == "The body is no JSON object."
