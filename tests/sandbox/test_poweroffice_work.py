import httpx
import pytest

from tests.sandbox.clients import Clients, patch, replace


def detail(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return answer.json()["detail"]


def test_a_new_department_is_inactive_unless_said_otherwise(go: httpx.Client) -> None:
    assert go.post("Departments", json={"Name": "A"}).json()["IsActive"] is False
    assert go.post("Departments", json={"Name": "B", "IsActive": True}).json()["IsActive"] is True


@pytest.mark.parametrize("path", ["Departments", "Products", "Projects"])
def test_codes_are_unique(go: httpx.Client, path) -> None:
    assert go.post(path, json={"Name": "A", "Code": "ny"}).is_success
    assert "already exists" in detail(go.post(path, json={"Name": "B", "Code": "ny"}))


@pytest.mark.parametrize("path", ["Departments", "Products", "Projects"])
def test_a_name_is_required(go: httpx.Client, path) -> None:
    assert "Name is required" in detail(go.post(path, json={"Code": "ny"}))


def test_a_department_manager_may_be_given_by_number_and_changed_by_id(go: httpx.Client) -> None:
    employees = go.get("Employees").json()
    new = go.post("Departments", json={"Name": "A", "ManagerEmployeeNo": employees[0]["Number"]}).json()
    assert new["ManagerEmployeeId"] == employees[0]["Id"]
    changed = patch(go, f"Departments/{new['Id']}", replace("/ManagerEmployeeId", employees[1]["Id"])).json()
    assert changed["ManagerEmployeeNo"] == employees[1]["Number"]


def test_a_department_in_use_cannot_be_deleted(go: httpx.Client) -> None:
    assert "is in use and cannot be deleted" in detail(go.delete("Departments/11"), 409)
    new = go.post("Departments", json={"Name": "A"}).json()
    assert go.delete(f"Departments/{new['Id']}").status_code == 200


def test_posting_a_product_answers_200(go: httpx.Client) -> None:
    assert go.post("Products", json={"Name": "Hammer"}).status_code == 200


def test_products_need_the_standard_sales_account_of_the_client(clients: Clients, go: httpx.Client) -> None:
    clients.setting("poweroffice_go", standard_sales_account=False)
    assert "standard sales account" in detail(go.post("Products", json={"Name": "Hammer"}))


def test_a_stock_is_only_for_stock_items(go: httpx.Client) -> None:
    assert "IsStockItem" in detail(go.post("Products", json={"Name": "Hammer", "StockOnHand": 5}))
    new = go.post("Products", json={"Name": "Hammer", "StockOnHand": 5, "IsStockItem": True}).json()
    assert (new["StockOnHand"], new["StockAvailable"]) == (5, 5)


def test_a_stock_has_a_stamp_of_its_own(go: httpx.Client) -> None:
    new = go.post("Products", json={"Name": "Hammer", "StockOnHand": 5, "IsStockItem": True}).json()
    counted = patch(go, f"Products/{new['Id']}", replace("/StockOnHand", 4)).json()
    assert counted["LastChangedDateTimeOffset"] == new["LastChangedDateTimeOffset"]
    assert counted["StockOnHandLastChangedDatetimeOffset"] > new["StockOnHandLastChangedDatetimeOffset"]
    since = {"stockOnHandLastChangedDatetimeOffsetGreaterThan": new["StockOnHandLastChangedDatetimeOffset"]}
    assert [row["Id"] for row in go.get("Products", params=since).json()] == [new["Id"]]


def test_a_product_sold_cannot_be_deleted(go: httpx.Client) -> None:
    order = go.get("SalesOrders").json()[0]
    line = go.get(f"SalesOrders/{order['Id']}/Lines").json()[0]
    assert detail(go.delete(f"Products/{line['ProductId']}"), 409)


def test_accounts_show_their_number_beside_their_id(go: httpx.Client) -> None:
    new = go.post("Products", json={"Name": "Hammer", "StandardSalesAccount": 3100}).json()
    assert (new["StandardSalesAccountId"], new["StandardSalesAccount"]) == (32, 3100)
    assert "not found" in detail(go.post("Products", json={"Name": "Hammer", "StandardSalesAccountId": 999}))


def test_a_part_of_a_project_reads_back_with_its_parents_code(go: httpx.Client) -> None:
    part = go.post("Projects", json={"Name": "Del", "Code": "a", "ParentProjectCode": "2000"}).json()
    assert (part["Code"], part["ParentProjectCode"]) == ("2000.a", "2000")
    by_id = go.post("Projects", json={"Name": "Del", "Code": "b", "ParentProjectId": part["ParentProjectId"]}).json()
    assert by_id["Code"] == "2000.b"


def test_a_full_stop_is_reserved_for_parts(go: httpx.Client) -> None:
    assert "reserved" in detail(go.post("Projects", json={"Name": "A", "Code": "1.2"}))


def test_a_new_code_of_a_project_shows_in_its_parts(go: httpx.Client) -> None:
    parent = go.get("Projects", params={"projectCodes": "2008"}).json()[0]
    patch(go, f"Projects/{parent['Id']}", replace("/Code", "ny"))
    rows = go.get("Projects", params={"projectCodes": "ny", "includeSubProjects": "true"}).json()
    assert [row["Code"] for row in rows] == ["ny", "ny.01"]


def test_what_a_part_inherits_reads_as_null(go: httpx.Client) -> None:
    part = go.get("Projects", params={"projectCodes": "2008.01"}).json()[0]
    assert (part["CustomerId"], part["DepartmentId"]) == (None, None)


def test_a_contact_person_must_belong_to_the_projects_customer(go: httpx.Client) -> None:
    persons = go.get("ContactPersons").json()
    own = {"Name": "A", "CustomerId": persons[0]["ContactId"], "ContactPersonId": persons[0]["Id"]}
    assert go.post("Projects", json=own).status_code == 201
    assert "does not belong" in detail(go.post("Projects", json=own | {"ContactPersonId": persons[1]["Id"]}))
    assert go.post("Projects", json=own | {"ContactPersonId": 99}).status_code == 404


def test_progress_is_a_percentage(go: httpx.Client) -> None:
    assert "Progress" in detail(go.post("Projects", json={"Name": "A", "Progress": 101}))


def test_a_customer_may_be_given_by_its_number(go: httpx.Client) -> None:
    customer = go.get("Customers/1001").json()
    new = go.post("Projects", json={"Name": "A", "CustomerNo": customer["Number"]}).json()
    assert (new["CustomerId"], new["CustomerNo"]) == (1001, customer["Number"])
    answer = go.post("Projects", json={"Name": "A", "CustomerNo": 1})
    assert detail(answer, 404) == "Customer with number = 1 not found."
