import httpx
import pytest

from tests.sandbox.clients import Clients

CUSTOMER = {"name": "Blåbær AS"}


def created(erp: httpx.Client, path: str = "customers", **values) -> httpx.Response:
    answer = erp.post(path, json=CUSTOMER | values)
    assert answer.status_code == 201, answer.text
    return answer


def put(erp: httpx.Client, item: str, body: dict, etag: str | None) -> httpx.Response:
    return erp.put(item, json=body, headers={"If-Match": etag} if etag else {})


def test_a_key_is_needed(erp: httpx.Client) -> None:
    erp.headers["X-Api-Key"] = "wrong"
    answer = erp.get("customers")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_pages_go_by_offset_and_tell_the_total(erp: httpx.Client) -> None:
    first = erp.get("customers", params={"offset": 0, "limit": 30}).json()
    assert first["total"] == 80
    ids = [
        row["id"]
        for offset in range(0, 90, 30)
        for row in erp.get("customers", params={"offset": offset, "limit": 30}).json()["items"]
    ]
    assert len(ids) == len(set(ids)) == 80
    assert erp.get("customers", params={"offset": 80}).json()["items"] == []


def test_a_limit_above_500_and_unknown_parameters_are_400(erp: httpx.Client) -> None:
    assert erp.get("customers", params={"limit": 501}).status_code == 400
    assert erp.get("customers", params={"name": "A"}).json()["error"]["code"] == "unknown_parameter"


def test_modified_since_includes_the_moment_itself(erp: httpx.Client) -> None:
    last = erp.get("customers", params={"limit": 500}).json()["items"][-1]
    assert erp.get("customers", params={"modifiedSince": last["modifiedAt"]}).json()["items"] == [last]


def test_a_record_has_an_etag_that_moves_with_every_change(erp: httpx.Client) -> None:
    new = created(erp)
    item = f"customers/{new.json()['id']}"
    assert erp.get(item).headers["etag"] == new.headers["etag"]
    changed = put(erp, item, new.json() | {"name": "Ny"}, new.headers["etag"])
    assert changed.status_code == 200
    assert changed.headers["etag"] != new.headers["etag"]
    assert erp.get(item, headers={"If-None-Match": changed.headers["etag"]}).status_code == 304


def test_a_put_without_a_condition_is_428(erp: httpx.Client) -> None:
    new = created(erp).json()
    assert put(erp, f"customers/{new['id']}", new, None).status_code == 428


def test_a_put_with_an_old_etag_is_412_and_changes_nothing(erp: httpx.Client) -> None:
    new = created(erp)
    item = f"customers/{new.json()['id']}"
    put(erp, item, new.json() | {"name": "Ny"}, new.headers["etag"])
    stale = put(erp, item, new.json() | {"name": "Gammel"}, new.headers["etag"])
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "stale")
    assert erp.get(item).json()["name"] == "Ny"


def test_a_put_replaces_the_whole_record(erp: httpx.Client) -> None:
    new = created(erp, phone="1", address={"city": "Oslo"})
    changed = put(erp, f"customers/{new.json()['id']}", {"name": "Ny"}, new.headers["etag"]).json()
    assert (changed["name"], changed["phone"], changed["address"]["city"]) == ("Ny", None, None)


def test_read_only_values_in_a_put_are_left_aside(erp: httpx.Client) -> None:
    new = created(erp)
    body = new.json() | {"id": "other", "createdAt": "2000-01-01T00:00:00Z"}
    assert put(erp, f"customers/{new.json()['id']}", body, new.headers["etag"]).json()["createdAt"] == new.json()["createdAt"]


def test_records_are_found_by_a_reference_that_need_not_be_unique(erp: httpx.Client) -> None:
    first, second = (created(erp, externalRef="R").json()["id"] for _ in range(2))
    assert {row["id"] for row in erp.get("customers", params={"externalRef": "R"}).json()["items"]} == {first, second}
    assert erp.get("customers", params={"externalRef": "S"}).json() == {"items": [], "total": 0, "offset": 0, "limit": 100}


def test_numbers_are_unique_and_never_given_by_the_system(erp: httpx.Client) -> None:
    assert created(erp).json()["number"] is None
    created(erp, number=77)
    answer = erp.post("customers", json=CUSTOMER | {"number": 77})
    assert (answer.status_code, answer.json()["error"]["field"]) == (409, "number")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        (CUSTOMER | {"nmae": 1}, 400),
        (CUSTOMER | {"number": "x"}, 400),
        ([], 400),
        (CUSTOMER | {"externalRef": "x" * 65}, 400),
    ],
)
def test_bad_bodies_are_refused(erp: httpx.Client, body, status) -> None:
    assert erp.post("customers", json=body).status_code == status


def test_references_must_lead_somewhere(erp: httpx.Client) -> None:
    person = {"firstName": "Åse", "lastName": "Lie", "customerId": "00000000-0000-4000-8000-000000000000"}
    assert erp.post("contacts", json=person).status_code == 422
    customer = created(erp).json()["id"]
    assert erp.post("contacts", json=person | {"customerId": customer}).status_code == 201


def test_a_record_in_use_cannot_be_deleted(erp: httpx.Client) -> None:
    contact = erp.get("contacts", params={"limit": 1}).json()["items"][0]
    item = f"customers/{contact['customerId']}"
    assert erp.delete(item, headers={"If-Match": "*"}).status_code == 409
    new = created(erp)
    assert erp.delete(f"customers/{new.json()['id']}").status_code == 428
    assert erp.delete(f"customers/{new.json()['id']}", headers={"If-Match": new.headers["etag"]}).status_code == 204
    assert erp.get(f"customers/{new.json()['id']}").status_code == 404


def test_twenty_requests_a_second(clients: Clients, erp: httpx.Client) -> None:
    clients.setting("custom_erp", rate_limits=True)
    assert [erp.get("orders").status_code for _ in range(21)][-1] == 429
