import httpx

from tests.sandbox.clients import Clients


def listed(crm: httpx.Client, path: str) -> list[dict]:
    rows, url = [], path
    while url:
        page = crm.get(url).json()
        rows += page["items"]
        url = page["next"]
    return rows


def test_a_refresh_token_gives_an_access_token_and_its_own_successor(clients: Clients) -> None:
    first = clients.refresh().json()
    assert {"access_token", "refresh_token", "expires_in", "token_type"} <= first.keys()
    assert clients.refresh(first["refresh_token"]).status_code == 200


def test_a_refresh_token_works_once_and_its_reuse_ends_the_whole_family(clients: Clients, crm: httpx.Client) -> None:
    assert crm.get("contacts").status_code == 200
    reused = clients.refresh()
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert crm.get("contacts").status_code == 401


def test_a_wrong_client_is_refused(clients: Clients) -> None:
    answer = clients.plain_crm.post(
        "/connect/token", data={"grant_type": "refresh_token", "client_id": "a", "client_secret": "b"}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_an_access_token_ends(clients: Clients, crm: httpx.Client) -> None:
    clients.sandbox.clock.advance(3600)
    assert crm.get("contacts").status_code == 401


def test_the_next_page_is_a_link_in_the_body_on_the_same_origin(clients: Clients, crm: httpx.Client) -> None:
    first = crm.get("contacts", params={"pageSize": 10}).json()
    assert first["next"].startswith(clients.variables["CRM_OFFICE_URL"])
    rows = listed(crm, "contacts?pageSize=10")
    assert len({row["id"] for row in rows}) == len(rows) == 35


def test_a_put_replaces_the_record_and_asks_for_no_condition(crm: httpx.Client) -> None:
    row = listed(crm, "contacts")[0]
    answer = crm.put(f"contacts/{row['id']}", json={"givenName": "Åse", "familyName": "Lie", "nonsense": 1})
    assert answer.status_code == 200
    assert (answer.json()["givenName"], answer.json()["email"], "nonsense" in answer.json()) == ("Åse", None, False)


def test_a_required_name_is_missed(crm: httpx.Client) -> None:
    answer = crm.post("contacts", json={"givenName": "Åse"})
    assert (answer.status_code, answer.json()["message"]) == (400, "familyName is required.")


def test_times_are_norwegian_without_an_offset(crm: httpx.Client) -> None:
    new = crm.post(
        "activities", json={"subject": "Møte", "startsAt": "2026-07-01T08:00:00Z", "endsAt": "2026-12-01T08:00:00.123456+00:00"}
    ).json()
    assert (new["startsAt"], new["endsAt"]) == ("2026-07-01T10:00:00", "2026-12-01T09:00:00")
    same = crm.put(f"activities/{new['id']}", json={"subject": "Møte", "startsAt": "2026-07-01T10:00:00.5"}).json()
    assert same["startsAt"] == "2026-07-01T10:00:00"
    assert len(new["modifiedAt"]) == len("2026-07-01T10:00:00")


def test_nothing_can_be_asked_for_since_a_moment(crm: httpx.Client) -> None:
    assert len(crm.get("contacts", params={"modifiedSince": "2030-01-01"}).json()["items"]) == 35


def test_companies_and_users_can_be_read_only(crm: httpx.Client) -> None:
    assert crm.get("users").json()["items"][0].keys() == {"id", "userName", "name"}
    assert crm.post("companies", json={"name": "A"}).status_code == 404


def test_two_equal_creates_make_two_records(crm: httpx.Client) -> None:
    body = {"subject": "Møte"}
    assert crm.post("activities", json=body).json()["id"] != crm.post("activities", json=body).json()["id"]
