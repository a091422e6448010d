"""What the tests of systems/ share: a clock nobody waits for, a scripted server, and small specs."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import httpx

from talk_assets.specs.system import SystemSpec
from talk_assets.systems.clock import Clock
from talk_assets.systems.connection import Connection

BASE = "https://api.example.com/v1"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Handler = Callable[[httpx.Request], httpx.Response]


class VirtualClock:
    """Time passes when somebody sleeps, and not otherwise."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.slept: list[float] = []
        self._lock = Lock()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            if seconds > 0:
                self.elapsed += seconds
                self.slept.append(seconds)


@dataclass
class Server:
    """Answers by a function and remembers what it was asked."""

    handler: Handler
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.handler(request)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def writes(self) -> list[httpx.Request]:
        return [request for request in self.requests if request.method != "GET" and "oken" not in request.url.path]


class Script:
    """One answer after another; the last one stays. An exception in it is raised."""

    def __init__(self, *answers: httpx.Response | Exception | Handler) -> None:
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return answer(request)


def answer(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"content-type": "application/json", **_names(headers)})


def empty(status: int = 204, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=_names(headers))


def drip(pieces: Iterator[bytes] | list[bytes], clock: VirtualClock, seconds: float) -> httpx.Response:
    class Slow(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for piece in pieces:
                clock.sleep(seconds)
                yield piece

    return httpx.Response(200, headers={"content-type": "application/json"}, stream=Slow())


def spec(*, entity: Mapping[str, Any] | None = None, system: Mapping[str, Any] | None = None, **client: Any) -> SystemSpec:
    """A system with one client and one entity, `things`, laid out as given."""
    things = {
        "title": "Things",
        "subject": "thing",
        "list": {"path": "things"},
        "get": {"path": "things/{id}"},
        "create": {"path": "things"},
        "update": {"path": "things/{id}", "style": "merge_patch"},
        "properties": {
            "id": {"type": "string", "access": "read_only"},
            "name": {"type": "string"},
            "amount": {"type": "decimal"},
            "updated": {"type": "datetime", "access": "read_only"},
        },
        **(entity or {}),
    }
    api = {
        "base_url": BASE,
        "auth": {"type": "bearer", "token": {"env": "THING_TOKEN"}},
        "paginator": {"type": "single_page"},
        "limits": {"requests": 1000, "per_seconds": 1},
        **client,
    }
    return SystemSpec.model_validate(
        {
            "system": "thing_shop",
            "title": "Thing shop",
            "schedule": "* * * * *",
            "full_sweep": "0 2 * * *",
            "clients": {"api": api},
            "entities": {"things": things},
            **(system or {}),
        }
    )


ENVIRON = {
    "THING_TOKEN": "s3cret-token-value",
    "THING_USER": "the-user",
    "THING_PASSWORD": "pa55/wörd+x",
    "THING_REFRESH": "first-refresh",
}


def connect(system: SystemSpec, handler: Handler, clock: Clock | None = None, **more: Any) -> Connection:
    transport = more.pop("transport", None) or (lambda _base, _certificates: httpx.MockTransport(handler))
    return Connection(
        system,
        more.pop("environ", ENVIRON),
        clock=clock or VirtualClock(),
        chance=random.Random(1),  # noqa: S311 - jitter, not cryptography
        transport=transport,
        **more,
    )


def _names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
