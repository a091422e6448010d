import httpx
import pytest

from tests.sandbox.clients import Clients, patch, replace


@pytest.fixture
def order(go: httpx.Client) -> dict:
    lines = [{"ProductId": 5001, "Quantity": 2}, {"Description": "Frakt", "ProductUnitPrice": 100, "Quantity": 1}]
    answer = go.post("SalesOrders/Complete", json={"CustomerId": 1001, "SalesOrderLines": lines})
    assert answer.status_code == 201, answer.text
    return answer.json()


def detail(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return answer.json()["detail"]


def test_posting_to_the_plain_list_is_404_from_the_gateway(go: httpx.Client) -> None:
    answer = go.post("SalesOrders", json={"CustomerId": 1001})
    assert (answer.status_code, answer.json()["message"]) == (404, "Resource not found")


def test_an_order_is_created_whole_and_added_up(go: httpx.Client, order: dict) -> None:
    product = go.get("Products/5001").json()
    first, second = order["SalesOrderLines"]
    assert first["ProductUnitPrice"] == product["UnitPrice"]
    assert first["Description"] == product["Name"]
    assert (first["VatRate"], second["VatRate"]) == (25.0, None)
    assert order["NetAmount"] == round(product["UnitPrice"] * 2 + 100, 2)
    assert order["LineCount"] == 2
    assert order["IsCreatedByCurrentIntegration"] is True
    assert order["SalesOrderStatus"] == "Draft"


def test_the_head_has_no_lines(go: httpx.Client, order: dict) -> None:
    head = go.get(f"SalesOrders/{order['Id']}").json()
    assert "SalesOrderLines" not in head
    assert go.get(f"SalesOrders/{order['Id']}/Complete").json() == order


def test_lines_cannot_be_patched_through_the_head(go: httpx.Client, order: dict) -> None:
    answer = patch(go, f"SalesOrders/{order['Id']}", replace("/SalesOrderLines", []))
    assert "SalesOrderPatchDto" in detail(answer)


def test_lines_are_added_changed_and_deleted_one_by_one(go: httpx.Client, order: dict) -> None:
    lines = f"SalesOrders/{order['Id']}/Lines"
    added = go.post(lines, json={"Description": "Mer", "Quantity": 1, "ProductUnitPrice": 10})
    assert added.status_code == 201
    line = added.json()["Id"]
    assert patch(go, f"{lines}/{line}", replace("/Quantity", 3)).json()["NetAmount"] == 30
    assert go.get(f"{lines}/{line}").json()["Quantity"] == 3
    assert len(go.get(lines).json()) == 3
    assert go.delete(f"{lines}/{line}").status_code == 200
    assert go.get(f"{lines}/{line}").status_code == 404


def test_a_product_line_needs_a_quantity(go: httpx.Client) -> None:
    assert "Quantity" in detail(go.post("SalesOrders/Complete", json={"SalesOrderLines": [{"ProductId": 5001}]}))


def test_the_reference_of_a_line_is_unique_within_its_order(go: httpx.Client) -> None:
    lines = [{"Description": "A", "ExternalImportReference": "L"}] * 2
    assert "'L' is used on" in detail(go.post("SalesOrders/Complete", json={"SalesOrderLines": lines}))


def test_the_reference_of_an_order_names_its_holder(go: httpx.Client) -> None:
    first = go.post("SalesOrders/Complete", json={"ExternalImportReference": "R"}).json()
    expected = f"ExternalImportReference is already in use. 'R' is used on (sales order) Id = {first['Id']}."
    assert detail(go.post("SalesOrders/Complete", json={"ExternalImportReference": "R"})) == expected


def test_only_own_orders_can_be_listed(go: httpx.Client, order: dict) -> None:
    params = {"onlyCreatedByCurrentIntegration": "true", "Fields": "Id,ExternalImportReference"}
    assert go.get("SalesOrders", params=params).json() == [{"Id": order["Id"], "ExternalImportReference": None}]


def test_a_confirmed_order_is_locked_until_it_is_a_draft_again(go: httpx.Client, order: dict) -> None:
    item = f"SalesOrders/{order['Id']}"
    assert patch(go, item, replace("/SalesOrderStatus", "Confirmed")).status_code == 200
    assert "confirmed" in detail(patch(go, item, replace("/ContractNo", "1")))
    assert "confirmed" in detail(go.post(f"{item}/Lines", json={"Description": "A"}))
    assert detail(go.delete(item), 409)
    assert patch(go, item, replace("/SalesOrderStatus", "Draft")).status_code == 200
    assert patch(go, item, replace("/ContractNo", "1")).json()["ContractNo"] == "1"
    assert go.delete(item).status_code == 200


def test_the_name_of_the_contact_person_reads_back_as_the_reference(go: httpx.Client) -> None:
    person = go.get("ContactPersons", params={"contactIds": "1001"}).json()[0]
    new = go.post("SalesOrders/Complete", json={"CustomerId": 1001, "CustomerReferenceContactPersonId": person["Id"]}).json()
    assert new["CustomerReference"] == f"{person['FirstName']} {person['LastName']}"
    other = go.get("ContactPersons", params={"contactIds": "1002"}).json()[0]
    assert "does not belong" in detail(
        patch(go, f"SalesOrders/{new['Id']}", replace("/CustomerReferenceContactPersonId", other["Id"]))
    )


def test_minus_one_is_expressly_nothing(go: httpx.Client) -> None:
    new = go.post("SalesOrders/Complete", json={"CustomerId": 1001, "DepartmentId": -1}).json()
    assert (new["DepartmentId"], new["DepartmentCode"]) == (-1, "-1")


def test_inherited_values_show_only_on_demand(go: httpx.Client) -> None:
    new = go.post("SalesOrders/Complete", json={"CustomerId": 1001}).json()
    item = f"SalesOrders/{new['Id']}"
    customer = go.get("Customers/1001").json()
    assert (new["DepartmentId"], new["CurrencyCode"], new["PaymentTermId"]) == (None, None, None)
    shown = go.get(item, params={"showInherited": "true"}).json()
    assert (shown["DepartmentId"], shown["CurrencyCode"]) == (customer["DepartmentId"], "NOK")
    assert go.get(item, params={"showInherited": "false"}).json()["DepartmentId"] is None
    listed = {row["Id"]: row for row in go.get("SalesOrders", params={"showInherited": "true"}).json()}
    assert listed[new["Id"]]["DepartmentId"] == customer["DepartmentId"]


def test_a_related_invoice_is_for_credit_notes(go: httpx.Client) -> None:
    line = {"Description": "A", "Quantity": 1, "ProductUnitPrice": 5}
    assert "credit notes" in detail(go.post("SalesOrders/Complete", json={"RelatedInvoiceNo": 1, "SalesOrderLines": [line]}))
    credit = {"RelatedInvoiceNo": 1, "SalesOrderLines": [line | {"Quantity": -1}]}
    assert go.post("SalesOrders/Complete", json=credit).json()["NetAmount"] == -5


def test_a_sent_order_leaves_the_list_and_is_an_invoice_with_the_same_id(go: httpx.Client, order: dict) -> None:
    sent = go.post(f"SalesOrders/{order['Id']}/createAndSendInvoice")
    assert (sent.status_code, sent.headers["location"]) == (202, f"/v2/SalesOrders/sentState?id={order['Id']}")
    assert go.get(f"SalesOrders/{order['Id']}").status_code == 404
    assert order["Id"] not in [row["Id"] for row in go.get("SalesOrders").json()]
    invoice = go.get(f"OutgoingInvoices/{order['Id']}").json()
    assert (invoice["Id"], invoice["NetAmount"]) == (order["Id"], order["NetAmount"])
    assert go.get("SalesOrders/sentState", params={"id": order["Id"]}).json()["State"] == "Sent"


def test_sending_needs_a_privilege_of_its_own(clients: Clients, go: httpx.Client, order: dict) -> None:
    clients.setting("poweroffice_go", allow_send_invoice=False)
    answer = go.post(f"SalesOrders/{order['Id']}/createAndSendInvoice")
    assert (answer.status_code, answer.json()["title"]) == (400, "Missing privilege")


def test_an_archived_invoice_reference_stays_taken(go: httpx.Client) -> None:
    new = go.post(
        "SalesOrders/Complete",
        json={"CustomerId": 1001, "ExternalImportReference": "R", "SalesOrderLines": [{"Description": "A"}]},
    )
    go.post(f"SalesOrders/{new.json()['Id']}/createAndSendInvoice")
    assert "already in use" in detail(go.post("SalesOrders/Complete", json={"ExternalImportReference": "R"}))
