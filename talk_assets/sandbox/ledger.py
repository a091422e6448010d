"""The log of requests: what came, what was done with it. Secrets are not kept."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from talk_assets.sandbox.calls import Call, form_body
from talk_assets.sandbox.clock import stamp

_SECRET_HEADERS = frozenset({"authorization", "ocp-apim-subscription-key", "x-api-key", "cookie", "proxy-authorization"})
_LONGEST_BODY = 100_000


@dataclass(slots=True)
class Entry:
    number: int
    time: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: str
    entity: str
    operation: str
    status: int | None = None
    outcome: str = "answered"
    faults: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class Ledger:
    def __init__(self, keep: int = 20_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self.total = 0

    def open(self, call: Call, entity: str, operation: str, now: int) -> Entry:
        self.total += 1
        headers = {name: "***" if name in _SECRET_HEADERS else value for name, value in call.headers.items()}
        entry = Entry(
            self.total,
            stamp(now, 7, "Z"),
            call.method,
            call.path,
            call.query,
            headers,
            _body(call, operation),
            entity,
            operation,
        )
        self._entries.append(entry)
        return entry

    def entries(self, after: int = 0) -> Iterator[Entry]:
        return (entry for entry in self._entries if entry.number > after)

    def clear(self) -> None:
        self._entries.clear()
        self.total = 0


def _body(call: Call, operation: str) -> str:
    if operation == "token":
        return f"grant_type={form_body(call).get('grant_type', '')}&***"
    return call.body[:_LONGEST_BODY].decode("utf-8", "replace")
