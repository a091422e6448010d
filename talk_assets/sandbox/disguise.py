"""Answers that show records otherwise than they are: with another value, or without a property."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from talk_assets.sandbox.calls import Answer
from talk_assets.sandbox.faults import Effects

_CONTAINERS = ("items", "data")


def disguised(effects: Effects, answer: Answer) -> Answer:
    changes = [*effects.every("show"), *effects.every("omit")]
    if not changes or not answer.body or answer.status >= 300:
        return answer
    body = json.loads(answer.body)
    for record in _records(body):
        for change in changes:
            *groups, last = change.option("property").split(".")
            part = record
            for group in groups:
                part = part.get(group) if isinstance(part, dict) else None
            if isinstance(part, dict) and last in part:
                if change.kind == "omit":
                    del part[last]
                else:
                    part[last] = change.option("value")
    return replace(answer, body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _records(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict):
        inside = next((body[name] for name in _CONTAINERS if name in body), None)
        yield from [body] if inside is None else _records(inside)
    elif isinstance(body, list):
        yield from (row for row in body if isinstance(row, dict))
