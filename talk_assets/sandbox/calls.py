"""One request and its answer, free of HTTP machinery."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from talk_assets.sandbox.faults import CALM, Effects


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)
    effects: Effects = CALM
    origin: str = "http://sandbox"
    port: int = 0

    def arguments(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def content_type(self) -> str:
        return (self.header("content-type") or "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class NotJson(Exception):
    pass


def json_answer(status: int, body: Any, headers: Mapping[str, str] | None = None, media: str = "application/json") -> Answer:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Answer(status, text.encode("utf-8", "replace"), {"content-type": f"{media}; charset=utf-8", **(headers or {})})


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def json_body(call: Call) -> Any:
    try:
        return json.loads(call.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotJson from None


def form_body(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
