import json
from itertools import pairwise

import httpx
import pytest

from tests.sandbox.clients import Clients, patch, replace

NATURAL = "LastChangedDateTimeOffset asc,Id asc"


def test_a_list_is_a_bare_array_of_pascal_case_objects(go: httpx.Client) -> None:
    rows = go.get("Customers").json()
    assert isinstance(rows, list)
    assert {"Id", "Name", "OrganizationNumber"} <= rows[0].keys()


def test_no_rows_are_204_with_an_empty_body(go: httpx.Client) -> None:
    answer = go.get("Customers", params={"lastChangedDateTimeOffsetGreaterThan": "2030-01-01T00:00:00Z"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_pages_count_from_one_and_say_whether_more_follow(go: httpx.Client) -> None:
    seen = []
    for number in range(1, 20):
        answer = go.get("Customers", params={"PageNumber": number, "PageSize": 30, "OrderBy": NATURAL})
        seen += [row["Id"] for row in answer.json()]
        if "nextPageLink" not in json.loads(answer.headers["x-pagination"]):
            break
    assert len(seen) == len(set(seen)) == len(go.get("Customers").json())
    assert go.get("Customers", params={"PageNumber": 99, "PageSize": 30}).status_code == 204


def test_the_link_to_the_next_page_leads_to_no_host_of_ours(go: httpx.Client) -> None:
    link = json.loads(go.get("Customers", params={"PageSize": 1}).headers["x-pagination"])["nextPageLink"]
    assert link.startswith("http://backend.invalid/v2/Customers?PageNumber=2&")


@pytest.mark.parametrize("name", ["$top", "name", "OrganizationNumber", "fromDate"])
def test_an_unknown_query_parameter_is_400(go: httpx.Client, name) -> None:
    answer = go.get("Customers", params={name: "1"})
    assert answer.status_code == 400
    assert name in answer.json()["detail"]


def test_sales_orders_take_no_dates(go: httpx.Client) -> None:
    assert go.get("SalesOrders", params={"createdDateTimeOffsetGreaterThan": "2025-01-01"}).status_code == 400


def test_parameter_names_are_the_same_in_any_case(go: httpx.Client) -> None:
    assert len(go.get("Customers", params={"pagesize": 2, "PAGENUMBER": 1}).json()) == 2


@pytest.mark.parametrize(
    "params", [{"PageSize": 20_001}, {"PageSize": 0}, {"PageNumber": 0}, {"PageNumber": "x"}, {"PageSize": -1}]
)
def test_pages_beyond_the_limits_are_400(go: httpx.Client, params) -> None:
    assert go.get("Customers", params=params).status_code == 400


def test_fields_chooses_properties_and_refuses_unknown_ones(go: httpx.Client) -> None:
    assert go.get("Customers", params={"Fields": "Id,Name", "PageSize": 1}).json()[0].keys() == {"Id", "Name"}
    assert go.get("Customers", params={"Fields": "Id,Nmae"}).status_code == 400


def test_order_by_sorts_both_ways(go: httpx.Client) -> None:
    names = [row["Name"] for row in go.get("Customers", params={"OrderBy": "Name desc, Id"}).json()]
    assert names == sorted(names, reverse=True)
    assert go.get("Customers", params={"OrderBy": "Nonsense"}).status_code == 400


def test_stamps_have_seven_digits_and_rise_in_the_natural_order(go: httpx.Client) -> None:
    stamps = [row["LastChangedDateTimeOffset"] for row in go.get("Customers", params={"OrderBy": NATURAL}).json()]
    assert all(len(stamp.partition(".")[2]) == len("1234567+00:00") for stamp in stamps)
    assert all(a <= b for a, b in pairwise(stamps))


def test_changed_since_is_exclusive_to_the_last_digit(go: httpx.Client) -> None:
    rows = go.get("Customers", params={"OrderBy": NATURAL}).json()
    stamp = rows[-2]["LastChangedDateTimeOffset"]
    after = go.get("Customers", params={"lastChangedDateTimeOffsetGreaterThan": stamp, "OrderBy": NATURAL}).json()
    assert [row["Id"] for row in after] == [rows[-1]["Id"]]


@pytest.mark.parametrize("text", ["2021-09-25 08:03:00.123456+00:00", "2021-09-25T08:03:00Z", "2021-09-25"])
def test_stamps_are_taken_in_several_spellings(go: httpx.Client, text) -> None:
    assert go.get("Customers", params={"lastChangedDateTimeOffsetGreaterThan": text}).status_code == 200


def test_a_plus_that_was_not_encoded_is_a_space_and_no_stamp(go: httpx.Client) -> None:
    query = "lastChangedDateTimeOffsetGreaterThan=2021-09-25T08:03:00+00:00"
    assert go.get(f"Customers?{query}").status_code == 400


def test_customer_numbers_can_be_ranges(go: httpx.Client) -> None:
    rows = go.get("Customers", params={"customerNos": "10001-10003, 10007, 10300-"}).json()
    assert [row["Number"] for row in rows if row["Number"] < 10_300] == [10_001, 10_002, 10_003, 10_007]


def test_a_contact_group_that_does_not_exist_is_404_even_in_a_list(go: httpx.Client) -> None:
    answer = go.get("Customers", params={"contactGroupIds": "41345,21445"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Could not find contact group(s) with id = 41345, 21445.")
    assert go.get("Customers", params={"contactGroupIds": "1-3"}).status_code == 400


def test_a_department_code_that_does_not_exist_is_404_even_in_a_list(go: httpx.Client) -> None:
    answer = go.get("Projects", params={"departmentCodes": "Avdeling10"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Department with code = 'Avdeling10' not found.")


def test_own_codes_that_do_not_exist_are_204(go: httpx.Client) -> None:
    assert go.get("Products", params={"codes": "nonsense"}).status_code == 204
    assert go.get("Customers", params={"externalImportReference": "nonsense"}).status_code == 204


def test_records_are_found_by_their_codes(go: httpx.Client) -> None:
    assert [row["Code"] for row in go.get("Products", params={"codes": "P-00001, P-00003"}).json()] == ["P-00001", "P-00003"]
    assert [row["Code"] for row in go.get("Departments", params={"codes": "20"}).json()] == ["20"]


def test_projects_of_a_customer_are_found_by_its_number(go: httpx.Client) -> None:
    project = go.get("Projects", params={"PageSize": 5}).json()[2]
    found = go.get("Projects", params={"customerNos": project["CustomerNo"]}).json()
    assert project["Id"] in [row["Id"] for row in found]
    assert {row["CustomerId"] for row in found} == {project["CustomerId"]}


def test_a_project_with_its_parts_is_found_by_one_code(go: httpx.Client) -> None:
    alone = go.get("Projects", params={"projectCodes": "2008"}).json()
    both = go.get("Projects", params={"projectCodes": "2008", "includeSubProjects": "true"}).json()
    assert [row["Code"] for row in alone] == ["2008"]
    assert [row["Code"] for row in both] == ["2008", "2008.01"]


def test_archived_projects_can_be_left_out(go: httpx.Client) -> None:
    project = go.get("Projects").json()[3]
    patch(go, f"Projects/{project['Id']}", replace("/ProjectStatus", "Archived"))
    rest = go.get("Projects", params={"excludeArchivedProject": "true"}).json()
    assert project["Id"] not in [row["Id"] for row in rest]
    assert project["Id"] in [row["Id"] for row in go.get("Projects").json()]


def test_a_filter_of_the_wrong_type_is_400(go: httpx.Client) -> None:
    for path, params in [
        ("Departments", {"isActive": "maybe"}),
        ("Products", {"type": "Thing"}),
        ("Customers", {"customerNos": "a"}),
    ]:
        assert go.get(path, params=params).status_code == 400


def test_a_record_that_is_not_there_is_404_with_its_id(go: httpx.Client) -> None:
    answer = go.get("Customers/12345")
    assert (answer.status_code, answer.json()["title"]) == (404, "Object(s) not found")
    assert answer.json()["detail"] == "Customer with id = 12345 not found."


def test_problem_details_are_camel_case(go: httpx.Client) -> None:
    assert go.get("Customers/12345").json().keys() == {"title", "status", "detail"}


def test_a_list_and_a_single_record_show_the_same(go: httpx.Client) -> None:
    for path in ("Customers", "Departments", "Employees", "Products", "Projects", "SalesOrders"):
        row = go.get(path, params={"PageSize": 7}).json()[-1]
        assert go.get(f"{path}/{row['Id']}").json() == row


def test_the_records_that_specs_name_are_there(clients: Clients, go: httpx.Client) -> None:
    customer, project = go.get("Customers/1").json(), go.get("Projects/1").json()
    assert (customer["Name"], bool(customer["IsPerson"])) == ("Diverse kontakter", False)
    assert project["IsInternal"] is True
    assert clients.poweroffice_v1.get("/Project/1/Activity").json()["success"] is True
