"""HTTP clients of the five systems, made from what a sandbox tells about itself."""

import ssl
from contextlib import ExitStack
from functools import cached_property
from typing import Any, Self

import httpx

from talk_assets.sandbox import Sandbox

# Nothing here is encrypted, but every client would read all certificates of this machine anew.
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SUBSCRIPTION = "Ocp-Apim-Subscription-Key"


class Clients:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.variables = sandbox.variables
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _client(self, url: str, **options: Any) -> httpx.Client:
        return self._stack.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=10, verify=_TLS, **options))

    @cached_property
    def control(self) -> dict[str, httpx.Client]:
        return {name: self._client(f"{self.sandbox.urls[name]}/_sandbox") for name in self.sandbox.systems}

    def fault(self, system: str, kind: str, **options: Any) -> int:
        answer = self.control[system].post("faults", json={"kind": kind, **options})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def setting(self, system: str, **values: Any) -> None:
        answer = self.control[system].post("settings", json=values)
        assert answer.status_code == 200, answer.text

    def requests(self, system: str) -> list[dict[str, Any]]:
        return self.control[system].get("requests").json()

    # PowerOffice

    @cached_property
    def plain_poweroffice(self) -> httpx.Client:
        """Without any login."""
        return self._client(self.sandbox.urls["poweroffice_go"])

    def token_call(self, **changes: Any) -> httpx.Response:
        keys = self.variables
        call: dict[str, Any] = {
            "headers": {SUBSCRIPTION: keys["POWEROFFICE_GO_SUBSCRIPTION_KEY"]},
            "auth": (keys["POWEROFFICE_GO_APPLICATION_KEY"], keys["POWEROFFICE_GO_CLIENT_KEY"]),
            "data": {"grant_type": "client_credentials"},
        }
        path = changes.pop("path", "/OAuth/Token")
        return self.plain_poweroffice.post(path, **{**call, **changes})

    def headers(self) -> dict[str, str]:
        token = self.token_call().json()["access_token"]
        return {"Authorization": f"Bearer {token}", SUBSCRIPTION: self.variables["POWEROFFICE_GO_SUBSCRIPTION_KEY"]}

    @cached_property
    def poweroffice(self) -> httpx.Client:
        return self._client(self.variables["POWEROFFICE_GO_URL"], headers=self.headers())

    @cached_property
    def poweroffice_v1(self) -> httpx.Client:
        url, keys = self.variables["POWEROFFICE_GO_V1_URL"], self.variables
        auth = (keys["POWEROFFICE_GO_APPLICATION_KEY"], keys["POWEROFFICE_GO_CLIENT_KEY"])
        token = (
            self._client(url).post("/OAuth/Token", auth=auth, data={"grant_type": "client_credentials"}).json()["access_token"]
        )
        return self._client(url, headers={"Authorization": f"Bearer {token}"})

    # The others

    @cached_property
    def erp(self) -> httpx.Client:
        return self._client(self.variables["CUSTOM_ERP_URL"], headers={"X-Api-Key": self.variables["CUSTOM_ERP_API_KEY"]})

    @cached_property
    def pms(self) -> httpx.Client:
        return self._client(
            self.variables["CUSTOM_PMS_URL"], headers={"Authorization": f"Bearer {self.variables['CUSTOM_PMS_TOKEN']}"}
        )

    @cached_property
    def plain_crm(self) -> httpx.Client:
        return self._client(self.variables["CRM_OFFICE_URL"])

    def refresh(self, token: str | None = None) -> httpx.Response:
        form = {
            "grant_type": "refresh_token",
            "client_id": self.variables["CRM_OFFICE_CLIENT_ID"],
            "client_secret": self.variables["CRM_OFFICE_CLIENT_SECRET"],
            "refresh_token": token or self.variables["CRM_OFFICE_REFRESH_TOKEN"],
        }
        return self.plain_crm.post("/connect/token", data=form)

    @cached_property
    def crm(self) -> httpx.Client:
        token = self.refresh().json()["access_token"]
        return self._client(self.variables["CRM_OFFICE_URL"], headers={"Authorization": f"Bearer {token}"})

    @cached_property
    def invoiced(self) -> httpx.Client:
        return self._client(self.variables["INVOICED_URL"], auth=(self.variables["INVOICED_API_KEY"], ""))


def patch(client: httpx.Client, path: str, *operations: dict[str, Any]) -> httpx.Response:
    return client.patch(path, json=list(operations), headers={"content-type": "application/json-patch+json"})


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}
