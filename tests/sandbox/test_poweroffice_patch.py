import httpx
import pytest

from tests.sandbox.clients import patch, replace

ITEM = "Customers/1001"


def detail(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    return answer.json()["detail"]


def test_a_patch_answers_200_with_the_whole_record(go: httpx.Client) -> None:
    answer = patch(go, ITEM, replace("/Name", "Ny"), replace("/PhoneNumber", "22 22 55 55"))
    assert answer.status_code == 200
    assert answer.json() == go.get(ITEM).json()
    assert (answer.json()["Name"], answer.json()["PhoneNumber"]) == ("Ny", "22 22 55 55")


def test_plain_json_is_taken_as_media_type_too(go: httpx.Client) -> None:
    assert go.patch(ITEM, json=[replace("/Name", "Ny")]).status_code == 200


def test_paths_are_the_same_in_any_case(go: httpx.Client) -> None:
    assert (
        patch(go, ITEM, replace("/phonenumber", "1"), replace("/mailAddress/addressLine1", "X 1")).json()["PhoneNumber"] == "1"
    )


def test_a_test_that_holds_lets_the_patch_through(go: httpx.Client) -> None:
    name = go.get(ITEM).json()["Name"]
    assert patch(go, ITEM, {"op": "test", "path": "/Name", "value": name}, replace("/Name", "Ny")).json()["Name"] == "Ny"


def test_a_test_that_fails_is_400_and_nothing_changes(go: httpx.Client) -> None:
    before = go.get(ITEM).json()
    answer = patch(
        go, ITEM, replace("/PhoneNumber", "1"), {"op": "test", "path": "/Name", "value": "Other"}, replace("/Name", "Ny")
    )
    assert "is not equal to the test value 'Other'" in detail(answer)
    assert go.get(ITEM).json() == before


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/Number", 10_001),
        ("/Number", "10001"),
        ("/IsArchived", False),
        ("/MailAddress/CountryCode", "NO"),
        ("/DateOfBirth", None),
    ],
)
def test_a_test_compares_typed_values(go: httpx.Client, path, value) -> None:
    assert patch(go, ITEM, {"op": "test", "path": path, "value": value}).status_code == 200


def test_a_test_of_a_whole_address_compares_what_is_given(go: httpx.Client) -> None:
    city = go.get(ITEM).json()["MailAddress"]["City"]
    assert patch(go, ITEM, {"op": "test", "path": "/MailAddress", "value": {"City": city}}).status_code == 200
    assert detail(patch(go, ITEM, {"op": "test", "path": "/MailAddress", "value": {"City": "Other"}}))


@pytest.mark.parametrize(
    "path", ["/Nmae", "/ManagerEmployeeNo", "/DepartmentCode", "/Id", "/LastChangedDateTimeOffset", "/Name/First", "/"]
)
def test_a_path_that_is_not_in_the_patch_dto_is_400(go: httpx.Client, path) -> None:
    assert "CustomerPatchDto: The target location specified by path segment" in detail(patch(go, ITEM, replace(path, "1")))


def test_the_message_names_the_segment_in_lower_case(go: httpx.Client) -> None:
    answer = patch(go, "Departments/11", replace("/ManagerEmployeeNo", 1))
    assert answer.json()["title"] == "Department validation error(s)"
    expected = "DepartmentPatchDto: The target location specified by path segment 'manageremployeeno' was not found."
    assert detail(answer) == expected


def test_add_and_remove(go: httpx.Client) -> None:
    assert (
        patch(go, ITEM, {"op": "add", "path": "/WebsiteUrl", "value": "https://a.example"}).json()["WebsiteUrl"]
        == "https://a.example"
    )
    assert patch(go, ITEM, {"op": "remove", "path": "/WebsiteUrl"}).json()["WebsiteUrl"] is None


def test_copy_and_move(go: httpx.Client) -> None:
    name = go.get(ITEM).json()["Name"]
    copied = patch(go, ITEM, {"op": "copy", "from": "/name", "path": "/legalName"}).json()
    assert (copied["Name"], copied["LegalName"]) == (name, name)
    moved = patch(go, ITEM, {"op": "move", "from": "/PhoneNumber", "path": "/WebsiteUrl"}).json()
    assert (moved["PhoneNumber"], moved["WebsiteUrl"]) == (None, copied["PhoneNumber"])


def test_lists_take_positions_and_the_end(go: httpx.Client) -> None:
    def groups(*operations) -> list[int]:
        answer = patch(go, ITEM, *operations)
        assert answer.status_code == 200, answer.text
        return answer.json()["ContactGroupIds"]

    assert groups({"op": "add", "path": "/ContactGroupIds/-", "value": "1"}) == [1]
    assert groups({"op": "add", "path": "/ContactGroupIds", "value": [3, 1001]}) == [3, 1001]
    assert groups({"op": "remove", "path": "/ContactGroupIds/0"}) == [1001]
    assert groups(replace("/ContactGroupIds/0", 1002)) == [1002]
    assert detail(patch(go, ITEM, {"op": "remove", "path": "/ContactGroupIds/7"}))


def test_removing_the_address_takes_all_of_it(go: httpx.Client) -> None:
    assert "MailAddress" not in patch(go, ITEM, {"op": "remove", "path": "/MailAddress"}).json()


@pytest.mark.parametrize("body", [{"Name": "A"}, [1], "x", [{"op": "increment", "path": "/Name"}], [{"op": "replace"}]])
def test_a_body_that_is_no_patch_is_400(go: httpx.Client, body) -> None:
    assert detail(go.patch(ITEM, json=body))


def test_a_required_value_cannot_be_taken_away(go: httpx.Client) -> None:
    assert "Name is required" in detail(patch(go, ITEM, {"op": "remove", "path": "/Name"}))


def test_a_reference_that_leads_nowhere_is_404(go: httpx.Client) -> None:
    assert patch(go, ITEM, replace("/DepartmentId", 999)).status_code == 404


def test_a_patch_that_changes_nothing_leaves_the_stamp(go: httpx.Client) -> None:
    before = go.get(ITEM).json()
    assert patch(go, ITEM, replace("/Name", before["Name"])).json() == before
