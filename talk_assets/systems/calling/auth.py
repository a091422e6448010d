"""Logging in. Credentials are given per request, to the client's own origin; one thread renews a login before it ends."""

import base64
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol
from urllib.parse import quote_plus, urlencode

from talk_assets.specs.client import ApiKey, Auth, Basic, Bearer, OAuth2ClientCredentials, OAuth2RefreshToken
from talk_assets.systems import strict_json
from talk_assets.systems.calling.http import Answer
from talk_assets.systems.calling.tokens import StoredToken, TokenStore
from talk_assets.systems.clock import Clock
from talk_assets.systems.errors import AuthFailed, BadRecord
from talk_assets.systems.redaction import Redactor
from talk_assets.systems.secrets import Secrets

_DEFAULT_LIFE = 300
_OK = 200
_LOOK_AT_KEYS = "check the keys in the environment"

AskForToken = Callable[[Mapping[str, str], bytes], Answer]
"""Sends a form with these headers to the token address."""


@dataclass(frozen=True)
class Grant:
    headers: Mapping[str, str] = field(repr=False)
    number: int = 0
    """Which login this is; tells a refused old one from a refused new one."""


class Credentials(Protocol):
    def grant(self) -> Grant: ...

    def renew(self, refused: Grant) -> bool:
        """After a 401: whether another login may help."""
        ...


class Fixed:
    """Credentials that do not change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._grant = Grant(headers)

    def grant(self) -> Grant:
        return self._grant

    def renew(self, refused: Grant) -> bool:  # noqa: ARG002 - there is nothing to renew
        return False


@dataclass(frozen=True)
class _Token:
    access: str = field(repr=False)
    renew_at: float
    """Monotonic."""
    number: int


class ClientCredentials:
    def __init__(
        self, spec: OAuth2ClientCredentials, secrets: Secrets, ask: AskForToken, clock: Clock, redactor: Redactor
    ) -> None:
        self._spec = spec
        self._secrets = secrets
        self._ask = ask
        self._clock = clock
        self._redactor = redactor
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def grant(self) -> Grant:
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._token.renew_at:
                self._token = self._login(self._token)
            return _bearer(self._token.access, self._token.number)

    def renew(self, refused: Grant) -> bool:
        with self._lock:
            if self._token is not None and self._token.number == refused.number:
                self._token = self._login(self._token)
        return True

    def _login(self, before: _Token | None) -> _Token:
        headers, form = _client(self._spec, self._secrets, self._redactor)
        form = {"grant_type": "client_credentials"} | form | ({"scope": self._spec.scope} if self._spec.scope else {})
        asked = self._clock.monotonic()
        answer = _token_answer(self._ask(headers, urlencode(form).encode()), self._redactor)
        return _Token(
            answer["access_token"],
            asked + _useful_life(answer, self._spec.renew_before_seconds),
            before.number + 1 if before else 1,
        )


class RefreshToken:
    """Refresh tokens that rotate: each is good once, so the next one is on disk before the new login is used."""

    def __init__(
        self,
        spec: OAuth2RefreshToken,
        secrets: Secrets,
        ask: AskForToken,
        clock: Clock,
        redactor: Redactor,
        store: TokenStore,
    ) -> None:
        self._spec = spec
        self._secrets = secrets
        self._ask = ask
        self._clock = clock
        self._redactor = redactor
        self._store = store
        self._lock = threading.Lock()
        self._known: StoredToken | None = None
        self._number = 0

    def grant(self) -> Grant:
        with self._lock:
            if self._known is None or self._ending(self._known):
                self._renewed(refused=None)
            return self._current()

    def renew(self, refused: Grant) -> bool:
        with self._lock:
            if self._number == refused.number:
                self._renewed(refused=self._known)
        return True

    def _current(self) -> Grant:
        if self._known is None:
            raise AuthFailed("there is no login")
        return _bearer(self._known.access_token, self._number)

    def _renewed(self, refused: StoredToken | None) -> None:
        with self._store.lock():
            stored = self._usable()
            another = stored is not None and (refused is None or stored.access_token != refused.access_token)
            if stored is None or not another or self._ending(stored):
                stored = self._refresh(stored)
        self._redactor.add(stored.refresh_token, stored.access_token)
        self._known = stored
        self._number += 1

    def _refresh(self, stored: StoredToken | None) -> StoredToken:
        first = self._secrets[self._spec.refresh_token]
        refresh = stored.refresh_token if stored else first
        headers, form = _client(self._spec, self._secrets, self._redactor)
        form = {"grant_type": "refresh_token", "refresh_token": refresh} | form
        if self._spec.scope:
            form["scope"] = self._spec.scope
        asked = self._clock.now().timestamp()
        variable = self._spec.refresh_token.env
        advice = (
            f"the login kept in {self._store.place} is good no longer: put a fresh refresh token into {variable}, or remove "
            "that file if the one there is good"
        )
        answer = _token_answer(
            self._ask(headers, urlencode(form).encode()), self._redactor, advice if stored else _LOOK_AT_KEYS
        )
        rotated = answer.get("refresh_token")
        fresh = StoredToken(
            refresh_token=rotated if isinstance(rotated, str) and rotated else refresh,
            access_token=answer["access_token"],
            expires_at=asked + _useful_life(answer, self._spec.renew_before_seconds),
            seed=_digest(first),
        )
        self._store.save(fresh)
        return fresh

    def _usable(self) -> StoredToken | None:
        stored = self._store.load()
        return stored if stored and stored.seed == _digest(self._secrets[self._spec.refresh_token]) else None

    def _ending(self, token: StoredToken) -> bool:
        return self._clock.now().timestamp() >= token.expires_at


def credentials(
    spec: Auth, secrets: Secrets, *, ask: AskForToken, clock: Clock, redactor: Redactor, store: TokenStore
) -> Credentials:
    match spec:
        case OAuth2ClientCredentials():
            return ClientCredentials(spec, secrets, ask, clock, redactor)
        case OAuth2RefreshToken():
            return RefreshToken(spec, secrets, ask, clock, redactor, store)
        case ApiKey():
            return Fixed({spec.header: secrets.in_header(spec.key)})
        case Basic():
            return Fixed(_basic(secrets[spec.username], secrets[spec.password] if spec.password else "", redactor))
        case Bearer():
            return Fixed({"Authorization": f"Bearer {secrets.in_header(spec.token)}"})


def _client(
    spec: OAuth2ClientCredentials | OAuth2RefreshToken, secrets: Secrets, redactor: Redactor
) -> tuple[dict[str, str], dict[str, str]]:
    client_id, secret = secrets[spec.client_id], secrets[spec.client_secret]
    if spec.send == "body":
        return {}, {"client_id": client_id, "client_secret": secret}
    # RFC 6749 §2.3.1 has both form-encoded first; keys without special characters look the same either way.
    return _basic(quote_plus(client_id), quote_plus(secret), redactor), {}


def _basic(user: str, password: str, redactor: Redactor) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    redactor.add(encoded)
    return {"Authorization": f"Basic {encoded}"}


def _bearer(token: str, number: int) -> Grant:
    return Grant({"Authorization": f"Bearer {token}"}, number)


def _token_answer(answer: Answer, redactor: Redactor, advice: str = _LOOK_AT_KEYS) -> dict[str, Any]:
    try:
        body = strict_json.loads(answer.body)
    except BadRecord:
        body = None
    body = body if isinstance(body, dict) else {}
    token = body.get("access_token")
    if answer.status != _OK or not isinstance(token, str) or not token.isprintable() or not token:
        told = [str(body[name]) for name in ("error", "error_description", "message") if body.get(name)]
        words = redactor.text(": ".join(told))[:300].rstrip(".")
        raise AuthFailed(f"{answer.told}: no login (HTTP {answer.status}){f': {words}' if words else ''}; {advice}")
    redactor.add(token)
    if isinstance(body.get("refresh_token"), str):
        redactor.add(body["refresh_token"])
    return body


def _useful_life(answer: Mapping[str, Any], renew_before: float) -> float:
    try:
        life = float(answer.get("expires_in", _DEFAULT_LIFE))
    except (TypeError, ValueError, OverflowError):
        life = _DEFAULT_LIFE
    if not 0 < life < inf:
        life = _DEFAULT_LIFE
    # Short-lived tokens would otherwise be renewed for every request.
    return life - min(renew_before, life / 2)


def _digest(secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=16, person=b"talk token").hexdigest()
