"""Sockets that go only where they may, and stop when the request's time is up."""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any

import httpcore

from talk_assets.specs.reach import Reach, reachable
from talk_assets.systems.clock import Clock
from talk_assets.systems.errors import Refused

Resolve = Callable[[str, int], list[str]]
SocketOptions = Iterable[httpcore.SOCKET_OPTION]

_AT_ONCE = 1 << 20
"""Bytes of an answer that are asked for, where httpcore asks for a sixteenth: each time a thread waits for its turn again."""
_ends: ContextVar[float | None] = ContextVar("_ends", default=None)


@contextmanager
def until(ends: float) -> Iterator[None]:
    """Every read and write inside stops at this monotonic moment, whatever drips in."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


def resolve(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


class GuardedNetwork(httpcore.NetworkBackend):
    """Looks a name up once, checks what it found, and connects to exactly that: a second look-up cannot differ."""

    def __init__(self, reach: Reach, clock: Clock, look_up: Resolve = resolve) -> None:
        self._reach: Reach = reach
        self._clock = clock
        self._look_up = look_up
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = self._look_up(host, port)
        except OSError as failure:
            raise httpcore.ConnectError(f"{host} is not found: {failure.strerror or failure}") from None
        allowed = [ip for ip in found if reachable(ip_address(ip.partition("%")[0]), self._reach)]
        if not allowed:
            raise Refused(f"{host} leads to {', '.join(found) or 'no address'}, which is out of its reach ({self._reach})")
        failure: Exception = httpcore.ConnectError(host)
        for ip in allowed:
            try:
                stream = self._plain.connect_tcp(ip, port, _left(self._clock, timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refusal:
                failure = refusal
            else:
                return _TimedStream(stream, self._clock)
        raise failure

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002 - refused in any case
        socket_options: SocketOptions | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.NetworkStream:
        raise Refused(f"{path}: systems are not called through sockets of this machine")

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max(max_bytes, _AT_ONCE), _left(self._clock, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._clock, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self._clock, timeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(clock: Clock, timeout: float | None, late: type[Exception] = httpcore.ConnectTimeout) -> float | None:
    ends = _ends.get()
    if ends is None:
        return timeout
    left = ends - clock.monotonic()
    if left <= 0:
        raise late("the time of the whole request is up")
    return left if timeout is None else min(left, timeout)
