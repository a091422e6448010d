"""Loopback APIs that are not the bottleneck: answers made before they are asked for, and no framework before the socket."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from benchmarks.customers import customer

Serve = Callable[[str, str, bytes], bytes]
_encode = msgspec.json.Encoder().encode
_NEWEST = "2026-12-01T00:00:00Z"


def answer(body: bytes, *, status: str = "200 OK", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


class Prepared:
    """A list whose pages are bytes before anybody asks."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        count, size = settings["records"], settings.get("page", 1000)
        self._pages = [
            answer(
                _encode([customer(number, number) for number in range(start, min(start + size, count + 1))]),
                extra=f"X-Total: {count}\r\n",
            )
            for start in range(1, count + 1, size)
        ]
        self._past = answer(b"[]", extra=f"X-Total: {count}\r\n")

    def __call__(self, method: str, target: str, body: bytes) -> bytes:
        del method, body
        number = int(dict(parse_qsl(urlsplit(target).query)).get("page", "1"))
        return self._pages[number - 1] if number <= len(self._pages) else self._past


class Book:
    """Records that can be read, changed and made, in memory; several systems, named by the first step of the path."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._reset()

    def _reset(self) -> bytes:
        self._books: dict[str, dict[int, dict[str, Any]]] = {}
        self.requests: dict[str, int] = {"most in flight": 0}
        for name, ranges in self._settings["systems"].items():
            drawn = [(number, edited) for first, last, edited in ranges for number in range(first, last)]
            self._books[name] = {
                id_: customer(number, id_, phone=f"+47 {50_000_000 + number}" if edited else "")
                for id_, (number, edited) in enumerate(drawn, 1)
            }
        return answer(b"{}")

    def __call__(self, method: str, target: str, body: bytes) -> bytes:
        address = urlsplit(target)
        system, _, id_ = address.path.strip("/").replace("/customers", "", 1).partition("/")
        if system == "requests":
            return answer(_encode(self.requests))
        if system == "reset":
            return self._reset()
        self.requests[f"{system} {method}"] = self.requests.get(f"{system} {method}", 0) + 1
        book = self._books[system]
        if method == "POST":
            return self._made(book, msgspec.json.decode(body))
        if not id_:
            return self._listed(book, dict(parse_qsl(address.query)))
        if int(id_) not in book:
            return answer(b'{"message": "no such customer"}', status="404 Not Found")
        if method == "PATCH":
            return self._changed(book, int(id_), msgspec.json.decode(body))
        return answer(_encode(book[int(id_)]))

    def _listed(self, book: dict[int, dict[str, Any]], asked: Mapping[str, str]) -> bytes:
        since, page, size = asked.get("since", ""), int(asked.get("page", "1")), int(asked.get("size", "1000"))
        found = [one for one in book.values() if one["modifiedAt"] >= since] if since else list(book.values())
        if "reference" in asked:
            found = [one for one in found if one["reference"] == asked["reference"]]
        return answer(_encode(found[(page - 1) * size : page * size]), extra=f"X-Total: {len(found)}\r\n")

    def _made(self, book: dict[int, dict[str, Any]], given: Mapping[str, Any]) -> bytes:
        id_ = len(book) + 1
        book[id_] = {**_BLANK, **given, "address": {**_BLANK["address"], **given.get("address", {})}, "id": id_}
        return answer(_encode(book[id_]), status="201 Created")

    def _changed(self, book: dict[int, dict[str, Any]], id_: int, changes: Mapping[str, Any]) -> bytes:
        record = book[id_]
        if changes.get("version") != record["version"]:
            return answer(b'{"message": "the record has another version"}', status="409 Conflict")
        address = {**record["address"], **changes.get("address", {})}
        book[id_] = {**record, **changes, "address": address, "version": record["version"] + 1, "modifiedAt": _NEWEST}
        return answer(_encode(book[id_]))


_BLANK: dict[str, Any] = {**dict.fromkeys(customer(0, 0)), "address": dict.fromkeys(customer(0, 0)["address"])} | {
    "active": True,
    "version": 1,
    "modifiedAt": _NEWEST,
}


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as clients need it here: one request after another, kept alive."""

    busy: ClassVar[int] = 0

    def __init__(self, serve: Serve, latency: float) -> None:
        self._serve = serve
        self._latency = latency
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end].decode("latin-1")
            length = 0
            for line in head.split("\r\n")[1:]:
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            if len(self._waiting) < end + 4 + length:
                return
            body, self._waiting = self._waiting[end + 4 : end + 4 + length], self._waiting[end + 4 + length :]
            method, target, _ = head.split("\r\n", 1)[0].split(" ")
            said = self._serve(method, target, body)
            Connection.busy += 1
            if isinstance(self._serve, Book):
                self._serve.requests["most in flight"] = max(self._serve.requests["most in flight"], Connection.busy)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._write, said)
            else:
                self._write(said)

    def _write(self, said: bytes) -> None:
        Connection.busy -= 1
        if self._transport and not self._transport.is_closing():
            self._transport.write(said)


async def serve(kind: str, settings: Mapping[str, Any]) -> None:
    app: Serve = Prepared(settings) if kind == "prepared" else Book(settings)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(app, settings.get("latency", 0.0)), "127.0.0.1", 0)
    sys.stdout.write(f"{listening.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], json.loads(sys.argv[2])))
