"""Values that specs only name: read from the environment, all missing ones reported at once."""

from collections.abc import Iterable, Iterator, Mapping

from talk_assets.specs.client import Client, Secret
from talk_assets.specs.system import SystemSpec
from talk_assets.systems.errors import BadSetup

Environ = Mapping[str, str]


def names(spec: SystemSpec) -> list[str]:
    """Every variable this system needs, in the order of its spec."""
    return list(dict.fromkeys(name for client in spec.clients.values() for name in _client_names(client)))


def missing(specs: Iterable[SystemSpec], environ: Environ) -> dict[str, list[str]]:
    """By system, the variables that are not set or empty."""
    found = {spec.system: [name for name in names(spec) if not environ.get(name, "").strip()] for spec in specs}
    return {system: lacking for system, lacking in found.items() if lacking}


class Secrets:
    """The values of one system's variables; prints as their names."""

    def __init__(self, spec: SystemSpec, environ: Environ) -> None:
        if lacking := missing([spec], environ).get(spec.system):
            raise BadSetup(f"{spec.title} needs environment variables that are not set: {', '.join(lacking)}")
        self._values = {name: environ[name].strip() for name in names(spec)}
        if garbled := [name for name, value in self._values.items() if not value.isprintable()]:
            raise BadSetup(f"control characters in the value of {', '.join(garbled)}: set it anew, on one line")

    def __getitem__(self, secret: Secret) -> str:
        return self._values[secret.env]

    def in_header(self, secret: Secret) -> str:
        value = self[secret]
        if not value.isascii():
            raise BadSetup(f"the value of {secret.env} holds characters that no HTTP header carries")
        return value

    def named(self, variable: str) -> str:
        return self._values[variable]

    def values(self) -> list[str]:
        return list(self._values.values())

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._values)})"


def _client_names(client: Client) -> Iterator[str]:
    for _, value in client.auth:
        if isinstance(value, Secret):
            yield value.env
    for value in client.headers.values():
        if isinstance(value, Secret):
            yield value.env
    if client.limits.shared_by:
        yield client.limits.shared_by
