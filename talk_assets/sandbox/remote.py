"""A running sandbox, as the command line sees it: its control API over HTTP."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

_SECONDS = 120
_OPENER = build_opener(ProxyHandler({}))  # loopback is never behind a proxy


class NotRunning(Exception):
    pass


class Refused(Exception):
    """The sandbox does not do this; the text says why."""


class Remote:
    """The control API of one system."""

    def __init__(self, system: str, port: int) -> None:
        self.system = system
        self._url = f"http://127.0.0.1:{port}/_sandbox"
        self._port = port

    def state(self) -> dict[str, Any]:
        return self._call("GET", "state")

    def record(self, entity: str, record_id: str) -> dict[str, Any]:
        return self._call("GET", f"records/{_part(entity)}/{_part(record_id)}")

    def records(self, entity: str, limit: int, offset: int, wanted: Mapping[str, str]) -> dict[str, Any]:
        return self._call("GET", f"records/{_part(entity)}?{urlencode({'limit': limit, 'offset': offset, **wanted})}")

    def edit(self, entity: str, record_id: str, changes: Mapping[str, str]) -> dict[str, Any]:
        return self._call("PATCH", f"records/{_part(entity)}/{_part(record_id)}?typed=true", changes)

    def seed(self, seed: int | None, size: int | None) -> dict[str, Any]:
        return self._call("POST", "seed", {name: n for name, n in (("seed", seed), ("size", size)) if n is not None})

    def reset(self) -> None:
        self._call("POST", "reset")

    def faults(self) -> dict[str, Any]:
        return self._call("GET", "faults")

    def add_fault(self, fault: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("POST", "faults", fault)

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        return self._call("GET", "requests")

    def dump(self) -> Any:
        return self._call("GET", "dump")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._url}/{path}", data, {"content-type": "application/json"}, method=method)  # noqa: S310 - http, loopback
        try:
            with _OPENER.open(request, timeout=_SECONDS) as answer:
                text = answer.read()
        except HTTPError as refusal:
            raise Refused(_message(refusal.read())) from None
        except (OSError, HTTPException):
            raise NotRunning(
                f"No sandbox answers for {self.system} on port {self._port}. Start one with: talk sandbox"
            ) from None
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise NotRunning(f"What answers on port {self._port} is no sandbox.") from None


def _part(text: str) -> str:
    return quote(text, safe="")


def _message(text: bytes) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return "What answers there is no sandbox."
