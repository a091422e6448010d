"""The one place that speaks HTTP. A request leaves for its client's origin only, and its answer is bounded in time and size."""

import logging
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import cast
from urllib.parse import urlsplit

import httpcore
import httpx

from talk_assets.systems.calling.address import Base
from talk_assets.systems.calling.network import GuardedNetwork, Resolve, resolve, until
from talk_assets.systems.clock import Clock
from talk_assets.systems.errors import BadAnswer, BadSetup, NoAnswer, NotSent, Refused, SystemsError, TooLarge
from talk_assets.systems.redaction import Redactor, quieten

Transport = httpx.BaseTransport
"""The port that tests, the simulator and fault injectors replace."""

_log = logging.getLogger(__name__)
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_ENCODINGS = {"", "identity", "gzip", "x-gzip", "deflate"}
_PIECE = 1 << 20
_KEPT = 15.0
"""Seconds for which a connection is kept that nobody uses."""


@dataclass(frozen=True)
class Bounds:
    """What one request may cost."""

    seconds: float = 60
    connect_seconds: float = 10
    body_bytes: int = 64 << 20
    """Of the answer, once unpacked."""


@dataclass(frozen=True)
class Call:
    """One request, without its credentials: those are added when it leaves."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)

    @property
    def told(self) -> str:
        """For messages: method and path; queries may hold what logs should not."""
        return f"{self.method} {urlsplit(self.url).path}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    received: datetime
    told: str
    """What was asked, for messages."""
    url: str = field(default="", repr=False)

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


class Wire:
    """One base address, one transport."""

    def __init__(
        self, base: Base, transport: Transport, clock: Clock, redactor: Redactor, bounds: Bounds | None = None
    ) -> None:
        self.base = base
        self._transport = transport
        self._clock = clock
        self._redactor = redactor
        self._bounds = bounds or Bounds()
        quieten()

    def exchange(self, call: Call, credentials: Mapping[str, str]) -> Answer:
        """Send once and read the whole answer. Redirects are answers like any other here: they are never followed."""
        self.base.check(call.url)
        ends = self._clock.monotonic() + self._bounds.seconds
        try:
            with until(ends):
                answer = self._exchange(call, credentials, ends)
        except SystemsError as failure:
            problem = type(failure), failure
        except (httpx.InvalidURL, UnicodeEncodeError) as failure:
            problem = Refused, failure
        except _NEVER_LEFT as failure:
            problem = NotSent, failure
        except (httpx.HTTPError, httpx.StreamError, OSError, zlib.error) as failure:
            problem = NoAnswer, failure
        else:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s: HTTP %d, %d bytes", self.redact(call.told), answer.status, len(answer.body))
            return answer
        # Raised out here, so that no context leads to a request that carries credentials.
        raise self._told(call, *problem)

    def close(self) -> None:
        self._transport.close()

    def redact(self, text: str) -> str:
        return self._redactor.text(text)

    def _request(self, call: Call, credentials: Mapping[str, str]) -> httpx.Request:
        bounds = self._bounds
        times = {
            "connect": min(bounds.connect_seconds, bounds.seconds),
            **dict.fromkeys(("read", "write", "pool"), bounds.seconds),
        }
        return httpx.Request(
            call.method,
            call.url,
            headers={"User-Agent": "talk-assets", "Accept": "application/json", "Accept-Encoding": "gzip"}
            | dict(call.headers)
            | dict(credentials),
            content=call.body,
            extensions={"timeout": times},
        )

    def _exchange(self, call: Call, credentials: Mapping[str, str], ends: float) -> Answer:
        request = self._request(call, credentials)
        response = self._transport.handle_request(request)
        # Its date is of now; the body may take long.
        received = self._clock.now()
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            if not isinstance(response.stream, httpx.SyncByteStream):
                raise BadSetup("the transport is not synchronous")
            pieces = self._within(response.stream, ends)
            body = _whole(pieces, headers, self._bounds.body_bytes)
        finally:
            response.close()
        return Answer(response.status_code, headers, body, received, call.told, call.url)

    def _within(self, pieces: Iterable[bytes], ends: float) -> Iterator[bytes]:
        """Httpx's timeout starts anew with every byte; this one does not."""
        for piece in pieces:
            if self._clock.monotonic() > ends:
                raise NoAnswer(f"not whole after {self._bounds.seconds:g} seconds")
            yield piece

    def _told(self, call: Call, kind: type[SystemsError], failure: Exception) -> SystemsError:
        reason = self._redactor.text(str(failure)) or type(failure).__name__
        text = f"{self._redactor.text(call.told)} at {self.base.origin}: {reason}"
        if isinstance(failure, BadAnswer) and issubclass(kind, BadAnswer):
            return kind(text, failure.status)
        return kind(text)


def open_transport(base: Base, clock: Clock, *, certificates: str | None = None, look_up: Resolve = resolve) -> Transport:
    """Real sockets. Certificates are always checked; a system may bring a certificate authority of its own."""
    try:
        context = _own_trust(certificates) if certificates else _usual_trust()
    except (OSError, ssl.SSLError) as failure:
        raise BadSetup(f"the certificates in {certificates} cannot be used: {failure}") from None
    network = GuardedNetwork(base.reach, clock, look_up)
    return _Sockets(lambda: _Socket(context, network), clock)


@cache
def _usual_trust() -> ssl.SSLContext:
    """Read once for all systems: it takes as long as twenty requests on the same machine."""
    return httpx.create_ssl_context(verify=True, trust_env=False)


def _own_trust(certificates: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context(verify=True, trust_env=False)
    context.load_verify_locations(cafile=certificates)
    return context


class _Sockets(httpx.BaseTransport):
    """As many connections as requests are under way, each kept for the next one. One pool for all of them has every thread wait
    for its lock, under which it looks at every connection, twice for each request.
    """

    def __init__(self, open_one: Callable[[], Transport], clock: Clock) -> None:
        self._open_one = open_one
        self._clock = clock
        self._resting: deque[tuple[float, Transport]] = deque()
        """Since when; those that have rested longest come first."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            _, one = self._resting.pop()
        except IndexError:
            one = self._open_one()
        try:
            response = one.handle_request(request)
        except BaseException:
            one.close()
            raise
        response.stream = _Lent(cast("httpx.SyncByteStream", response.stream), lambda: self._rest(one))
        return response

    def _rest(self, one: Transport) -> None:
        now = self._clock.monotonic()
        self._resting.append((now, one))
        # Another thread may have taken the last one meanwhile.
        with suppress(IndexError):
            while self._resting[0][0] < now - _KEPT:
                self._resting.popleft()[1].close()

    def close(self) -> None:
        while self._resting:
            self._resting.pop()[1].close()


class _Lent(httpx.SyncByteStream):
    """A body whose connection is given back once it was read or given up."""

    def __init__(self, stream: httpx.SyncByteStream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back = give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        self._stream.close()
        self._give_back()


class _Socket(httpx.HTTPTransport):
    """httpx's transport on a network that checks where it connects; httpx offers no argument for one."""

    def __init__(self, context: ssl.SSLContext, network: GuardedNetwork) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=_KEPT,
            network_backend=network,
        )


def _whole(pieces: Iterable[bytes], headers: Mapping[str, str], limit: int) -> bytes:
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise BadAnswer(f"packed as {encoding!r}, which was not asked for")
    received = 0

    def counted() -> Iterator[bytes]:
        nonlocal received
        for piece in pieces:
            received += len(piece)
            if received > limit:
                raise TooLarge(f"larger than {limit:,} bytes")
            yield piece

    unpacked = counted() if encoding in {"", "identity"} else _unpacked(counted())
    body = bytearray()
    for piece in unpacked:
        body += piece
        if len(body) > limit:
            raise TooLarge(f"larger than {limit:,} bytes")
    promised = headers.get("content-length", "")
    if promised.isdecimal() and int(promised) != received:
        raise NoAnswer(f"{received:,} bytes came where {promised} were promised")
    return bytes(body)


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack by the mebibyte, so that a bomb is noticed before it is in memory."""
    engine = zlib.decompressobj(wbits=47)
    started = False
    for piece in pieces:
        waiting = piece
        while waiting:
            if engine.eof:
                engine = zlib.decompressobj(wbits=47)
            yield engine.decompress(waiting, _PIECE)
            started = True
            waiting = engine.unused_data if engine.eof else engine.unconsumed_tail
    if started and not engine.eof:
        raise NoAnswer("the packed body ends too early")
