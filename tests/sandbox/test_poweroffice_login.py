import base64
import json

import httpx
import pytest

from tests.sandbox.clients import SUBSCRIPTION, Clients


def test_a_token_call_needs_the_subscription_key(clients: Clients) -> None:
    answer = clients.token_call(headers={})
    assert answer.status_code == 401
    assert answer.json()["statusCode"] == 401
    assert "missing subscription key" in answer.json()["message"]


def test_a_wrong_subscription_key_is_401_from_the_gateway(clients: Clients) -> None:
    answer = clients.token_call(headers={SUBSCRIPTION: "wrong"})
    assert (answer.status_code, "invalid subscription key" in answer.json()["message"]) == (401, True)


def test_a_token_lives_twenty_minutes_and_looks_like_a_jwt(clients: Clients) -> None:
    answer = clients.token_call().json()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 1200
    claims = answer["access_token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["goClientName"]


def test_the_token_call_works_in_the_demo_environment(clients: Clients) -> None:
    assert clients.token_call(path="/Demo/OAuth/Token").status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"auth": ("wrong", "wrong")}, "invalid_client"),
        ({"auth": None}, "invalid_client"),
        ({"data": {"grant_type": "password"}}, "unsupported_grant_type"),
        ({"data": None, "json": {"grant_type": "client_credentials"}}, "invalid_request"),
    ],
)
def test_a_refused_token_call_is_400_with_an_oauth_error(clients: Clients, changes, error) -> None:
    answer = clients.token_call(**changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == error


def test_a_token_ends_after_twenty_minutes(clients: Clients, go: httpx.Client) -> None:
    assert go.get("Departments").status_code == 200
    clients.sandbox.clock.advance(1199)
    assert go.get("Departments").status_code == 200
    clients.sandbox.clock.advance(2)
    answer = go.get("Departments")
    assert (answer.status_code, answer.content, answer.headers["www-authenticate"]) == (401, b"", "Bearer")


def test_every_call_needs_the_subscription_key_too(go: httpx.Client) -> None:
    del go.headers[SUBSCRIPTION]
    assert go.get("Departments").status_code == 401


def test_client_integration_information_names_the_company(go: httpx.Client) -> None:
    found = go.get("ClientIntegrationInformation").json()
    assert found["ClientName"] == "Talk Demobedrift AS"
    assert "Customer_Full" in found["ValidPrivileges"]


def test_a_missing_privilege_is_403_with_an_empty_body(clients: Clients) -> None:
    clients.setting("poweroffice_go", privileges=["Customer"])
    go = clients.poweroffice
    assert go.get("Customers").status_code == 200
    refused = go.post("Customers", json={"Name": "A", "InvoiceDeliveryType": "Print"})
    assert (refused.status_code, refused.content) == (403, b"")
    assert go.get("Employees").status_code == 403


def test_a_token_keeps_the_privileges_it_was_issued_with(clients: Clients, go: httpx.Client) -> None:
    clients.setting("poweroffice_go", privileges=[])
    assert go.get("Customers").status_code == 200


def test_ten_requests_a_second_for_each_subscription_key(clients: Clients, go: httpx.Client) -> None:
    clients.sandbox.clock.advance(5)
    clients.setting("poweroffice_go", rate_limits=True)
    assert [go.get("Departments").status_code for _ in range(11)] == [200] * 10 + [429]
    refused = go.get("Departments")
    assert refused.json() == {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}
    assert refused.headers["retry-after"] == "1"
    clients.sandbox.clock.advance(1)
    assert go.get("Departments").status_code == 200


def test_the_token_call_is_counted_and_says_429_as_text(clients: Clients, go: httpx.Client) -> None:
    clients.sandbox.clock.advance(5)
    clients.setting("poweroffice_go", rate_limits=True, requests_per_second=1)
    assert go.get("Departments").status_code == 200
    assert clients.token_call().json()["statusCode"] == "429"


def test_a_wrong_address_is_answered_by_the_gateway(go: httpx.Client) -> None:
    answer = go.get("Nonsense")
    assert (answer.status_code, answer.json()) == (404, {"statusCode": 404, "message": "Resource not found"})


def test_a_very_long_address_gets_a_misleading_404(go: httpx.Client) -> None:
    codes = ",".join(str(n) for n in range(1000))
    assert go.get("Departments", params={"codes": codes}).json()["message"] == "Resource not found"


@pytest.mark.parametrize("path", ["/v2/customers", "/v2/CUSTOMERS", "/Demo/v2/Customers", "/demo/v2/Customers"])
def test_paths_are_the_same_in_any_case_and_in_the_demo(clients: Clients, path) -> None:
    assert clients.plain_poweroffice.get(path, headers=clients.headers()).status_code == 200


def test_secrets_are_not_in_the_log(clients: Clients, go: httpx.Client) -> None:
    go.get("Departments")
    log = json.dumps(clients.requests("poweroffice_go"))
    for name in ("APPLICATION_KEY", "CLIENT_KEY", "SUBSCRIPTION_KEY"):
        assert clients.variables[f"POWEROFFICE_GO_{name}"] not in log
    assert go.headers["Authorization"] not in log
