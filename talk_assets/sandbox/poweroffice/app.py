"""PowerOffice GO as a server: two APIs, each behind a gate, over one office."""

from collections.abc import Mapping, Sequence
from typing import Any

from talk_assets.sandbox.calls import Answer, Call, Refused
from talk_assets.sandbox.poweroffice.company import PRIVILEGES
from talk_assets.sandbox.poweroffice.gateway import (
    APPLICATION_KEY,
    CLIENT_KEY,
    SUBSCRIPTION_KEY,
    Tokens,
    subscription,
    too_many,
)
from talk_assets.sandbox.poweroffice.office import Office
from talk_assets.sandbox.poweroffice.problems import gateway, problem
from talk_assets.sandbox.poweroffice.v1 import V1
from talk_assets.sandbox.poweroffice.v2 import V2
from talk_assets.sandbox.poweroffice.v2_orders import V2Orders
from talk_assets.sandbox.rate import Allowance
from talk_assets.sandbox.system import Operation

_V2_ALLOWANCE, _V1_ALLOWANCE = 10, 50
_LONGEST_URL = 2000


class PowerOffice(Office):
    v1_port: int | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.tokens = Tokens()
        super().__init__(*args, **kwargs)

    def default_settings(self) -> Mapping[str, Any]:
        return {
            "standard_sales_account": True,
            "allow_send_invoice": True,
            "show_hidden_numbers": False,
            "privileges": list(PRIVILEGES),
            "token_seconds": 1200,
            "requests_per_second": _V2_ALLOWANCE,
            "requests_per_second_v1": _V1_ALLOWANCE,
        }

    def forget_logins(self) -> None:
        self.tokens.forget()

    def variables(self, url: str) -> Mapping[str, str]:
        return {
            "POWEROFFICE_GO_URL": f"{url}/v2",
            "POWEROFFICE_GO_V1_URL": url,
            "POWEROFFICE_GO_APPLICATION_KEY": APPLICATION_KEY,
            "POWEROFFICE_GO_CLIENT_KEY": CLIENT_KEY,
            "POWEROFFICE_GO_SUBSCRIPTION_KEY": SUBSCRIPTION_KEY,
        }

    def canonical(self, path: str) -> str:
        """Paths are the same in any case, and in the demo environment."""
        lower = path.lower()
        return lower.removeprefix("/demo") if lower.startswith("/demo/") else lower

    def operations(self) -> Sequence[Operation]:
        token = Operation("POST", "/oauth/token", "login", "token", self._token, answers_outsiders=True)
        return [token, *V2Orders(self).operations(), *V2(self, self.tokens).operations(), *V1(self).operations()]

    # At the gate

    def _on_v1_host(self, call: Call) -> bool:
        return call.port == self.v1_port or (call.header("host") or "").startswith("api")

    def _token(self, call: Call) -> Answer:
        if not self._on_v1_host(call):
            self._pass_gateway(call, is_token=True)
        return self.tokens.issue(call, self.now(call.effects), self.settings["token_seconds"], self.settings["privileges"])

    def _pass_gateway(self, call: Call, *, is_token: bool = False) -> None:
        if refusal := subscription(call):
            raise Refused(refusal)
        allowance = Allowance(self.settings["requests_per_second"]) if self.rate_limits else None
        if wait := self.meter.wait(SUBSCRIPTION_KEY, allowance, self.clock.ticks()):
            raise Refused(too_many(str(wait), is_token=is_token))

    def enter(self, call: Call, operation: Operation) -> None:
        if operation.answers_outsiders:
            return
        is_v1 = not operation.path.startswith("/v2")
        if is_v1:
            allowance = Allowance(self.settings["requests_per_second_v1"]) if self.rate_limits else None
            if wait := self.meter.wait(APPLICATION_KEY, allowance, self.clock.ticks()):
                raise Refused(too_many(str(wait), is_token=False))
        else:
            self._pass_gateway(call)
            if len(call.path) + len(call.query) > _LONGEST_URL:
                raise Refused(self.nowhere(call))
        login = self.tokens.login(call, self.now(call.effects))
        if login is None:
            raise Refused(Answer(401, headers={"www-authenticate": "Bearer"}))
        if not _allowed(operation, login.privileges):
            raise Refused(Answer(403))

    def nowhere(self, call: Call) -> Answer:
        del call
        return gateway(404, "Resource not found")

    def throttled(self, retry_after: str | None, call: Call) -> Answer:
        answer = too_many(retry_after or "1", is_token="token" in call.path.lower())
        return answer if retry_after else Answer(answer.status, answer.body, {"content-type": answer.headers["content-type"]})

    def failed(self, status: int) -> Answer:
        return problem(status, "An error occurred while processing your request.", "Internal error.")


_PRIVILEGE_OF = {
    "customers": "Customer",
    "contactperson": "ContactPerson",
    "departments": "Department",
    "employees": "Employee",
    "product": "Product",
    "projects": "Project",
    "salesorders": "SalesOrders",
    "outgoing_invoices": "OutgoingInvoice",
    "timetrackingactivity": "TimeTracking",
    "projectactivity": "TimeTracking",
}


def _allowed(operation: Operation, privileges: Sequence[str]) -> bool:
    needed = _PRIVILEGE_OF.get(operation.entity)
    if needed is None or f"{needed}_Full" in privileges:
        return True
    return operation.method == "GET" and needed in privileges
