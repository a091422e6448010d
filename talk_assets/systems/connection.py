"""A system, ready to be talked to: its spec, its secrets and the ports, put together once."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from talk_assets.specs.client import Client, Secret
from talk_assets.specs.system import SystemSpec
from talk_assets.systems.calling.address import Base
from talk_assets.systems.calling.auth import AskForToken, credentials
from talk_assets.systems.calling.client import ApiClient
from talk_assets.systems.calling.http import Answer, Bounds, Call, Transport, Wire, open_transport
from talk_assets.systems.calling.limits import Budgets, Rate
from talk_assets.systems.calling.retry import Kind, Patience, Retrying
from talk_assets.systems.calling.silence import Silence
from talk_assets.systems.calling.tokens import FileTokens, MemoryTokens, TokenStore
from talk_assets.systems.clock import Clock
from talk_assets.systems.errors import BadSetup
from talk_assets.systems.reading.reader import Reader
from talk_assets.systems.redaction import Redactor
from talk_assets.systems.secrets import Environ, Secrets
from talk_assets.systems.writing.delivery import Sender
from talk_assets.systems.writing.joined import Joined
from talk_assets.systems.writing.resolve import Resolver
from talk_assets.systems.writing.writer import Writer

OpenTransport = Callable[[Base, str | None], Transport]
"""Makes the transport of a base address, with a file of certificate authorities or none."""


class Connection:
    """All clients of one system. Close it, or use it as a context.

    `state` is a folder for what processes share: budgets of requests, and logins that rotate. Without it both live in memory.
    `read_only` sends nothing but reads and logins, whatever is asked: a dry run.
    """

    def __init__(
        self,
        spec: SystemSpec,
        environ: Environ,
        *,
        clock: Clock,
        chance: random.Random,
        state: Path | None = None,
        budgets: Budgets | None = None,
        transport: OpenTransport | None = None,
        redactor: Redactor | None = None,
        bounds: Bounds | None = None,
        patience: Patience | None = None,
        read_only: bool = False,
    ) -> None:
        self.spec = spec
        self.clock = clock
        self.redactor = redactor or Redactor()
        self._environ = environ
        if unfit := complaints(spec, environ):
            raise BadSetup("; ".join(unfit))
        self._secrets = Secrets(spec, environ)
        self.redactor.add(*self._secrets.values())
        self._chance = chance
        self._state = state
        self._budgets = budgets or Budgets(clock, state)
        self._open = transport or (lambda base, certificates: open_transport(base, clock, certificates=certificates))
        self._bounds = bounds
        self._patience = patience
        self._read_only = read_only
        self._wires: list[Wire] = []
        self._clients = {name: self._client(name, client) for name, client in spec.clients.items()}

    def reader(self, entity: str) -> Reader:
        name = self._client_name(entity)
        return Reader(self.spec, self.spec.entities[entity], self.spec.clients[name], self._clients[name])

    def client(self, entity: str) -> ApiClient:
        return self._clients[self._client_name(entity)]

    def client_spec(self, entity: str) -> Client:
        return self.spec.clients[self._client_name(entity)]

    def writer(self, entity: str) -> Writer:
        joins = self.spec.entities[entity].joins
        joined = Joined(joins, self.reader(joins.entity), self.writer(joins.entity).update) if joins else None
        return Writer(self.spec, entity, self.reader(entity), joined)

    def sender(self, entity: str) -> Sender:
        name = self._client_name(entity)
        return Sender(self.spec.entities[entity], self.spec.clients[name], self._clients[name], self.reader(entity))

    def resolver(self, entity: str) -> Resolver:
        horizon = self.spec.clients[self._client_name(entity)].visibility_seconds
        return Resolver(self.spec.entities[entity], self.reader(entity), self.sender(entity), self.clock, horizon)

    def close(self) -> None:
        for wire in self._wires:
            wire.close()
        self._budgets.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _client_name(self, entity: str) -> str:
        if entity not in self.spec.entities:
            raise BadSetup(f"{self.spec.system} has no entity {entity!r}; known are {', '.join(self.spec.entities)}")
        return self.spec.entities[entity].client or next(iter(self.spec.clients))

    def _client(self, name: str, client: Client) -> ApiClient:
        base = _base(self.spec, client, self._environ)
        wire = self._wire(base, client)
        headers = {
            header: self._secrets.in_header(value) if isinstance(value, Secret) else value
            for header, value in client.headers.items()
        }
        limits = client.limits
        shared = self._secrets.named(limits.shared_by) if limits.shared_by else f"{self.spec.system}/{name}/{base.url}"
        budget = self._budgets.of(shared, Rate(max(1, limits.requests), limits.per_seconds))
        silences: dict[Kind, Silence] = {"read": Silence(self.clock), "write": Silence(self.clock)}
        retrying = Retrying(
            *(self.clock, self._chance, budget.pause, lambda kind: silences[kind].is_doubted),
            rest=client.retry_after_seconds,
            patience=self._patience,
        )
        login = credentials(
            client.auth,
            self._secrets,
            ask=self._token_call(base, client, headers, lambda: api),
            clock=self.clock,
            redactor=self.redactor,
            store=self._tokens(name),
        )
        api = ApiClient(wire, login, headers, budget, retrying, silences, limits.concurrency, read_only=self._read_only)
        return api

    def _wire(self, base: Base, client: Client) -> Wire:
        certificates = self._environ.get(client.certificates_env) if client.certificates_env else None
        wire = Wire(base, self._open(base, certificates), self.clock, self.redactor, self._bounds)
        self._wires.append(wire)
        return wire

    def _token_call(self, base: Base, client: Client, headers: Mapping[str, str], api: Callable[[], ApiClient]) -> AskForToken:
        at = _login(self.spec, client, base)
        if at is None:
            return lambda _headers, _form: _no_token()
        # Headers of the client are for its own origin; a login elsewhere does not get them.
        own = headers if at.origin == base.origin else {}
        elsewhere = None if at.origin == base.origin else self._wire(at, client)
        kind = "write" if client.auth.type == "oauth2_refresh_token" else "read"

        def ask(extra: Mapping[str, str], form: bytes) -> Answer:
            call = Call("POST", at.url, {"Content-Type": "application/x-www-form-urlencoded"}, form)
            return api().login(call, {**own, **extra}, kind=kind, wire=elsewhere)

        return ask

    def _tokens(self, client: str) -> TokenStore:
        return FileTokens(self._state / f"login-{self.spec.system}-{client}.json") if self._state else MemoryTokens()


def complaints(spec: SystemSpec, environ: Environ) -> list[str]:
    """All that keeps a system from being talked to, as far as spec and environment say it."""
    found: list[str] = []
    try:
        Secrets(spec, environ)
    except BadSetup as failure:
        found.append(str(failure))
    for client in spec.clients.values():
        try:
            _login(spec, client, _base(spec, client, environ))
        except BadSetup as failure:
            found.append(str(failure))
    return list(dict.fromkeys(found))


def _base(spec: SystemSpec, client: Client, environ: Environ) -> Base:
    variable = client.base_url_env
    given = environ.get(variable, "").strip() if variable else ""
    try:
        return Base.of(given or client.base_url, private=client.allow_private_network)
    except BadSetup as failure:
        what = f"the address in {variable}" if given else "its base_url"
        todo = f"set it anew, or unset it for {client.base_url}" if given else "correct it in the spec"
        raise BadSetup(f"{spec.title}: {what} cannot be used: {failure}; {todo}") from None


def _login(spec: SystemSpec, client: Client, base: Base) -> Base | None:
    """Where tokens come from; None where nothing logs in for one."""
    token_url = getattr(client.auth, "token_url", None)
    try:
        return None if token_url is None else base.login(token_url)
    except BadSetup as failure:
        raise BadSetup(f"{spec.title}: its token_url cannot be used: {failure}; correct it in the spec") from None


def _no_token() -> Answer:
    raise BadSetup("this client logs in without tokens")
