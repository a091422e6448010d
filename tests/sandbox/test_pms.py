import httpx
import pytest


def listed(pms: httpx.Client, path: str, **params) -> list[dict]:
    rows, cursor = [], None
    while True:
        page = pms.get(path, params=params | ({"cursor": cursor} if cursor else {})).json()
        rows += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows


def test_a_token_is_needed(pms: httpx.Client) -> None:
    pms.headers["Authorization"] = "Bearer wrong"
    answer = pms.get("customers")
    assert (answer.status_code, answer.json()["title"], answer.headers["www-authenticate"]) == (401, "Unauthorized", "Bearer")


def test_pages_go_by_a_cursor_that_ends_with_null(pms: httpx.Client) -> None:
    rows = listed(pms, "customers", page_size=7)
    assert len({row["id"] for row in rows}) == len(rows) == 57


def test_a_page_has_at_most_200_records(pms: httpx.Client) -> None:
    assert len(pms.get("customers", params={"page_size": 1000}).json()["data"]) == 57


def test_a_record_changed_between_pages_is_not_lost(pms: httpx.Client) -> None:
    first = pms.get("customers", params={"page_size": 10}).json()
    row = first["data"][0]
    pms.patch(f"customers/{row['id']}", json={"name": "Ny", "version": row["version"]})
    rest = listed(pms, "customers", page_size=10, cursor=first["next_cursor"])
    assert {r["id"] for r in first["data"]} | {r["id"] for r in rest} == {r["id"] for r in listed(pms, "customers")}
    assert rest[-1]["name"] == "Ny"


@pytest.mark.parametrize(
    "params", [{"cursor": "nonsense"}, {"cursor": "!"}, {"page_size": 0}, {"updated_after": "soon"}, {"name": "A"}]
)
def test_bad_parameters_are_400(pms: httpx.Client, params) -> None:
    assert pms.get("customers", params=params).status_code == 400


def test_updated_after_leaves_the_moment_itself_out(pms: httpx.Client) -> None:
    rows = listed(pms, "customers")
    new = pms.post("customers", json={"name": "Ny"}).json()
    assert [row["id"] for row in listed(pms, "customers", updated_after=rows[-1]["updated_at"])][-1] == new["id"]


def test_customers_are_found_by_their_number_and_tasks_by_theirs(pms: httpx.Client) -> None:
    customer = next(row for row in listed(pms, "customers") if row["number"])
    assert [row["id"] for row in listed(pms, "customers", number=customer["number"])] == [customer["id"]]
    assert [row["number"] for row in listed(pms, "tasks", number="T-104")] == ["T-104"]
    assert listed(pms, "customers", number=5) == []


def test_numbers_and_codes_are_unique(pms: httpx.Client) -> None:
    number = next(row["number"] for row in listed(pms, "customers") if row["number"])
    assert pms.post("customers", json={"name": "A", "number": number}).status_code == 409
    assert pms.post("customers", json={"name": "A", "code": "10"}).status_code == 409
    assert pms.post("customers", json={"name": "A"}).status_code == 201


def test_a_merge_patch_changes_what_it_names_and_empties_what_is_null(pms: httpx.Client) -> None:
    row = pms.get("customers/1").json()
    changed = pms.patch("customers/1", json={"name": "Ny", "email": None, "version": row["version"]})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["email"], changed.json()["phone"]) == ("Ny", None, row["phone"])
    assert changed.json()["version"] == row["version"] + 1


def test_a_patch_made_from_an_old_version_is_409(pms: httpx.Client) -> None:
    row = pms.get("customers/1").json()
    pms.patch("customers/1", json={"name": "Ny", "version": row["version"]})
    stale = pms.patch("customers/1", json={"name": "Gammel", "version": row["version"]})
    assert (stale.status_code, "version" in stale.json()["detail"]) == (409, True)
    assert pms.get("customers/1").json()["name"] == "Ny"


def test_a_patch_that_names_no_version_is_refused(pms: httpx.Client) -> None:
    assert pms.patch("customers/1", json={"name": "Ny"}).status_code == 422


def test_what_is_wrong_is_said_in_problem_details(pms: httpx.Client) -> None:
    answer = pms.post("tasks", json={"name": "A"})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (422, "application/problem+json")
    assert "number is required" in answer.json()["detail"]
    assert pms.post("tasks", json={"name": "A", "number": "X", "project_id": 999}).status_code == 422
    assert pms.get("tasks/999").status_code == 404


def test_a_record_in_use_cannot_be_deleted(pms: httpx.Client) -> None:
    project = next(row for row in listed(pms, "projects") if row["customer_id"])
    assert pms.delete(f"customers/{project['customer_id']}").status_code == 409
    new = pms.post("customers", json={"name": "A"}).json()
    assert pms.delete(f"customers/{new['id']}").status_code == 204
