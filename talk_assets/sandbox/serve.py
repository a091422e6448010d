"""The five systems on loopback ports, in one thread of this process."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from talk_assets.sandbox.calls import Answer, Call
from talk_assets.sandbox.clock import Clock, SystemClock
from talk_assets.sandbox.control import control_routes
from talk_assets.sandbox.crm import CrmOffice
from talk_assets.sandbox.delivery import HANG_UP, Desk, Receive, Scope, Send
from talk_assets.sandbox.erp import CustomErp
from talk_assets.sandbox.invoiced.app import Invoiced
from talk_assets.sandbox.pms import CustomPms
from talk_assets.sandbox.poweroffice.app import PowerOffice
from talk_assets.sandbox.system import Operation, System

SYSTEMS: tuple[type[System], ...] = (PowerOffice, CustomErp, CustomPms, CrmOffice, Invoiced)
PORTS = {
    "poweroffice_go": 8701,
    "custom_erp": 8702,
    "custom_pms": 8703,
    "crm_office": 8704,
    "invoiced": 8705,
    "poweroffice_go_v1": 8706,
}
"""Where `talk sandbox` looks. PowerOffice has two hosts, one per version of its API."""

_HOST = "127.0.0.1"
_V1 = "poweroffice_go_v1"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


_GIVEN_UP = "timeout graceful shutdown exceeded"


class PortTaken(Exception):
    pass


def application(system: System) -> Starlette:
    """The ASGI application of one system, with its control API."""

    def nowhere(call: Call) -> Answer:
        return system.nowhere(call)

    elsewhere = Operation("*", "/{rest:path}", "", "", nowhere, answers_outsiders=True)
    desks = [Route(op.path, Desk(system, op), methods=[op.method]) for op in system.operations()]
    last = Route(elsewhere.path, Desk(system, elsewhere), methods=_METHODS)
    return Starlette(routes=[Mount("/_sandbox", routes=control_routes(system)), *desks, last])


class Front:
    """Writes a path as the routes have it, and keeps it as it came."""

    def __init__(self, system: System) -> None:
        self._canonical = system.canonical
        self._app = application(system)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_sandbox"):
            scope["sandbox.path"] = scope["path"]
            scope["path"] = self._canonical(scope["path"])
        await self._app(scope, receive, send)


class _Protocol(HttpToolsProtocol):
    """Lets an application close its connection, as a failing server or proxy does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = self.app

        async def with_connection(scope: Any, receive: Any, send: Any) -> None:
            scope[HANG_UP] = self._hang_up
            await app(scope, receive, send)

        self.app = with_connection

    def _hang_up(self, *, flush: bool) -> None:
        if flush:
            self.transport.close()
        else:
            self.transport.abort()


def systems(clock: Clock, seed: int, size: int, *, rate_limits: bool = True) -> dict[str, System]:
    return {kind.name: kind(clock, seed, size, rate_limits=rate_limits) for kind in SYSTEMS}


class Sandbox:
    """Five servers that run until `stop`, or until the end of a `with`."""

    def __init__(self, served: Mapping[str, System], clock: Clock, ports: Mapping[str, int]) -> None:
        self.systems = served
        self.clock = clock
        self._sockets = _all_listening((*served, _V1), ports)
        self.ports = {name: listening.getsockname()[1] for name, listening in self._sockets.items()}
        self.urls = {name: f"http://{_HOST}:{port}" for name, port in self.ports.items()}
        for system in served.values():
            if isinstance(system, PowerOffice):
                system.v1_port = self.ports[_V1]
        self.apps = {name: Front(system) for name, system in served.items()}
        self._servers: list[uvicorn.Server] = []
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    @property
    def variables(self) -> dict[str, str]:
        """What a client's environment needs to talk to these servers."""
        found: dict[str, str] = {}
        for name, system in self.systems.items():
            found |= system.variables(self.urls[name])
        found["POWEROFFICE_GO_V1_URL"] = self.urls[_V1]
        return found

    def start(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.should_exit = True
        self._thread.join()

    def wait(self) -> None:
        """Returns when the servers have stopped."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - it belongs to whoever called `start`
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        logging.getLogger("uvicorn.error").addFilter(_is_no_goodbye)
        running = []
        for name, app in self.apps.items():
            config = uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
            server = uvicorn.Server(config)
            self._servers.append(server)
            listening = [self._sockets[name], *([self._sockets[_V1]] if name == PowerOffice.name else [])]
            running.append(asyncio.create_task(server.serve(sockets=listening)))
        while not all(server.started for server in self._servers):
            if failed := next((task for task in running if task.done()), None):
                failed.result()
            await asyncio.sleep(0.005)
        self._ready.set()
        await asyncio.gather(*running)


def _is_no_goodbye(record: logging.LogRecord) -> bool:
    """Requests that still wait for an answer when the servers stop are given up, which uvicorn tells at length."""
    failure = record.exc_info[1] if record.exc_info else None
    return not (isinstance(failure, asyncio.CancelledError) or record.getMessage().endswith(_GIVEN_UP))


def _all_listening(names: Iterable[str], ports: Mapping[str, int]) -> dict[str, socket.socket]:
    opened: dict[str, socket.socket] = {}
    try:
        for name in names:
            opened[name] = _listening(name, ports.get(name, 0))
    except PortTaken:
        for listening in opened.values():
            listening.close()
        raise
    return opened


def _listening(name: str, port: int) -> socket.socket:
    # With its protocol named, asyncio turns off the wait for more bytes that costs 40 ms per answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((_HOST, port))
    except OSError:
        listening.close()
        raise PortTaken(f"Port {port}, meant for {name}, is in use.") from None
    return listening


def start(
    ports: Mapping[str, int] | None = None,
    seed: int = 1,
    size: int = 100,
    *,
    clock: Clock | None = None,
    rate_limits: bool = True,
) -> Sandbox:
    """Starts the five servers on the given ports, and on free ones where none is given."""
    time = clock or SystemClock()
    return Sandbox(systems(time, seed, size, rate_limits=rate_limits), time, ports or {}).start()
