"""What a simulated engine is handed: time that only the simulation moves, identifiers in order, and a wire without sockets."""

from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from talk_assets.sandbox.clock import TICKS_PER_SECOND, VirtualClock, datetime_of
from talk_assets.sandbox.delivery import HANG_UP
from talk_assets.sandbox.serve import PORTS


class Time:
    """One time for the engine and its systems, the same for both but for the skew that faults give a system."""

    def __init__(self) -> None:
        self.of_systems = VirtualClock()
        self._now = self.of_systems.ticks()

    def ticks(self) -> int:
        self._now = max(self._now, self.of_systems.ticks())
        return self._now

    def now(self) -> datetime:
        return datetime_of(self.ticks()).replace(tzinfo=UTC)

    def monotonic(self) -> float:
        return self.ticks() / TICKS_PER_SECOND

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.of_systems.advance(seconds)


def changes(request: httpx.Request) -> bool:
    """Whether a request is meant to change records."""
    return request.method not in ("GET", "HEAD") and "token" not in request.url.path.lower()


def system_of(request: httpx.Request) -> str:
    name = next(name for name, port in PORTS.items() if port == request.url.port)
    return name.removesuffix("_v1")


class CountedIds:
    """Identifiers that a seed always gives in the same order, also over a restart."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        self._last += 1
        return f"{self._last:032x}"


class Wire(httpx.BaseTransport):
    """Hands requests to the application of a system, which answers at once: no sockets, no threads, no event loop."""

    def __init__(self, app: Callable[..., Coroutine[Any, Any, None]], port: int, pass_on: "Meddle") -> None:
        self._app = app
        self._port = port
        self._pass_on = pass_on

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._pass_on(request, self._answered)

    def _answered(self, request: httpx.Request) -> httpx.Response:
        body = [{"type": "http.request", "body": request.content, "more_body": False}]
        said: list[dict[str, Any]] = []
        cut = False

        def hang_up(*, flush: bool) -> None:
            del flush
            nonlocal cut
            cut = True

        async def receive() -> dict[str, Any]:
            return body.pop() if body else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "path": httpx.URL(request.url).path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": "http",
            "server": ("127.0.0.1", self._port),
            "client": ("127.0.0.1", 1),
            "root_path": "",
            HANG_UP: hang_up,
        }
        _run(self._app(scope, receive, send))
        if not said or cut:
            raise httpx.ReadError("the connection was closed", request=request)
        content = b"".join(message.get("body", b"") for message in said[1:])
        return httpx.Response(said[0]["status"], headers=said[0]["headers"], stream=_Whole(content), request=request)


Meddle = Callable[[httpx.Request, Callable[[httpx.Request], httpx.Response]], httpx.Response]
"""Stands between the engine and a system."""


class _Whole(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content


def _run(answering: Coroutine[Any, Any, None]) -> None:
    """Through to its end: nothing in it waits for anything."""
    try:
        while True:
            answering.send(None)
    except StopIteration:
        return
