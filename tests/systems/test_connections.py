"""Connections to a system: opened when they are needed, kept for the next request, and let go when nobody uses them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from talk_assets.sandbox import VirtualClock
from talk_assets.sandbox.clock import TICKS_PER_SECOND
from talk_assets.systems.calling.address import Base
from talk_assets.systems.calling.http import Call, Wire, open_transport
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.errors import NoAnswer
from talk_assets.systems.redaction import Redactor


class Later(SystemClock):
    """The machine's clock, put forward by hand."""

    def __init__(self) -> None:
        self.by_hand = VirtualClock()

    def monotonic(self) -> float:
        return self.by_hand.ticks() / TICKS_PER_SECOND


class Server(ThreadingHTTPServer):
    """Counts the connections it was asked for, and those that are open."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.accepted = 0
        self.closed = threading.Semaphore(0)
        self.together: threading.Barrier | None = None
        """Answers wait here for each other."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def counting(self) -> Server:
        assert isinstance(self.server, Server)
        return self.server

    def setup(self) -> None:
        super().setup()
        self.counting.accepted += 1

    def finish(self) -> None:
        super().finish()
        self.counting.closed.release()

    def do_GET(self) -> None:
        if self.counting.together:
            self.counting.together.wait(10)
        whole = self.path != "/half"
        self.send_response(200)
        self.send_header("Content-Length", "2" if whole else "9")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = not whole

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as one:
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield one
        one.shutdown()


@pytest.fixture
def clock() -> Later:
    return Later()


@pytest.fixture
def wire(server: Server, clock: Later) -> Iterator[Wire]:
    base = Base.of(f"http://127.0.0.1:{server.server_address[1]}")
    one = Wire(base, open_transport(base, clock), clock, Redactor())
    yield one
    one.close()


def get(wire: Wire, path: str = "/") -> int:
    return wire.exchange(Call("GET", f"{wire.base.url}{path}"), {}).status


def at_once(wire: Wire, server: Server, count: int) -> None:
    server.together = threading.Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        assert list(pool.map(lambda _: get(wire), range(count))) == [200] * count
    server.together = None


def test_one_after_another_share_a_connection(wire: Wire, server: Server):
    assert [get(wire) for _ in range(5)] == [200] * 5
    assert server.accepted == 1


def test_as_many_as_are_under_way_are_opened_and_used_again(wire: Wire, server: Server):
    at_once(wire, server, 8)
    at_once(wire, server, 8)
    assert server.accepted == 8


def test_a_connection_that_broke_is_not_used_again(wire: Wire, server: Server):
    get(wire)
    with pytest.raises(NoAnswer):
        get(wire, "/half")
    assert get(wire) == 200
    assert server.accepted == 2


def test_those_that_nobody_used_for_a_while_are_closed(wire: Wire, server: Server, clock: Later):
    at_once(wire, server, 4)
    clock.by_hand.advance(16)
    get(wire)
    assert all(server.closed.acquire(timeout=10) for _ in range(3))


def test_all_are_closed_in_the_end(wire: Wire, server: Server):
    at_once(wire, server, 4)
    wire.close()
    assert all(server.closed.acquire(timeout=10) for _ in range(4))
