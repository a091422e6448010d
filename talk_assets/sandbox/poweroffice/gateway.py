"""Who may come in: subscription keys, the token call, and tokens that last twenty minutes."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from talk_assets.sandbox.calls import Answer, Call, form_body, json_answer
from talk_assets.sandbox.clock import TICKS_PER_SECOND, seconds_of
from talk_assets.sandbox.poweroffice.company import CLIENT_ID, CLIENT_NAME, SUBSCRIPTIONS
from talk_assets.sandbox.poweroffice.problems import gateway
from talk_assets.sandbox.seed.draw import mixed

APPLICATION_KEY = "sandbox-application-key"
CLIENT_KEY = "sandbox-client-key"
SUBSCRIPTION_KEY = "sandbox-subscription-key"
SUBSCRIPTION_HEADER = "ocp-apim-subscription-key"

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Login:
    until: int
    privileges: tuple[str, ...]


class Tokens:
    """The tokens given out. Each keeps the privileges of the moment it was issued."""

    def __init__(self) -> None:
        self._logins: dict[str, Login] = {}

    def issue(self, call: Call, now: int, seconds: int, privileges: Sequence[str]) -> Answer:
        if call.content_type not in _FORMS:
            return _token_error("invalid_request", "Send the grant as a form.")
        if _credentials(call) != (APPLICATION_KEY, CLIENT_KEY):
            return _token_error("invalid_client", "The application key or the client key is not known in this environment.")
        grant = "client_credentials" if _has_multipart_grant(call) else form_body(call).get("grant_type")
        if grant != "client_credentials":
            return _token_error(
                "unsupported_grant_type" if grant else "invalid_request", "grant_type must be client_credentials."
            )
        token = self._jwt(now, seconds, privileges)
        self._logins[token] = Login(now + seconds * TICKS_PER_SECOND, tuple(privileges))
        return json_answer(
            200, {"access_token": token, "token_type": "bearer", "expires_in": seconds}, {"cache-control": "no-store"}
        )

    def login(self, call: Call, now: int) -> Login | None:
        scheme, _, token = (call.header("authorization") or "").partition(" ")
        login = self._logins.get(token.strip())
        return login if scheme.lower() == "bearer" and login and now < login.until else None

    def forget(self) -> None:
        self._logins.clear()

    def _jwt(self, now: int, seconds: int, privileges: Sequence[str]) -> str:
        header = {"alg": "RS256", "typ": "JWT"}
        claims = {
            "goClientId": CLIENT_ID,
            "goClientName": CLIENT_NAME,
            "goActiveClientSubscriptions": list(SUBSCRIPTIONS),
            "role": list(privileges),
            "nbf": seconds_of(now),
            "exp": seconds_of(now) + seconds,
        }
        signature = "".join(f"{mixed(now + part):016x}" for part in range(4))
        return ".".join([_base64(json.dumps(header)), _base64(json.dumps(claims)), _base64(signature)])


def subscription(call: Call) -> Answer | None:
    """None where the call carries a subscription key the gateway knows."""
    key = call.header(SUBSCRIPTION_HEADER)
    if not key:
        return gateway(
            401,
            "Access denied due to missing subscription key. "
            "Make sure to include subscription key when making requests to an API.",
            {"www-authenticate": 'AzureApiManagementKey name="Ocp-Apim-Subscription-Key",type="header"'},
        )
    if key != SUBSCRIPTION_KEY:
        return gateway(
            401, "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
        )
    return None


def too_many(seconds: str, *, is_token: bool) -> Answer:
    status = "429" if is_token else 429
    body = {"statusCode": status, "message": f"Rate limit is exceeded. Try again in {seconds} seconds."}
    return json_answer(429, body, {"retry-after": seconds})


def _token_error(error: str, description: str) -> Answer:
    return json_answer(400, {"error": error, "error_description": description}, {"cache-control": "no-store"})


def _credentials(call: Call) -> tuple[str, str] | None:
    scheme, _, coded = (call.header("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def _has_multipart_grant(call: Call) -> bool:
    return (
        call.content_type == "multipart/form-data" and b'name="grant_type"' in call.body and b"client_credentials" in call.body
    )


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
