"""Idempotency keys: the same request again gets the first one's answer and does nothing."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from talk_assets.sandbox.calls import Answer, Call, json_answer
from talk_assets.sandbox.clock import TICKS_PER_SECOND

_WINDOW = 24 * 3600 * TICKS_PER_SECOND


class Replay:
    def __init__(self) -> None:
        self._answers: dict[str, tuple[int, bytes, Answer]] = {}

    def memory(self) -> dict[str, list[Any]]:
        return {
            key: [until, sent.hex(), answer.status, answer.body.hex(), dict(answer.headers)]
            for key, (until, sent, answer) in self._answers.items()
        }

    def recall(self, held: Mapping[str, list[Any]]) -> None:
        self._answers = {
            key: (until, bytes.fromhex(sent), Answer(status, bytes.fromhex(body), headers))
            for key, (until, sent, status, body, headers) in held.items()
        }

    def once(self, call: Call, now: int, answer: Callable[[], Answer]) -> Answer:
        key = call.header("idempotency-key")
        if not key:
            return answer()
        sent = sha256(call.path.encode() + b"\0" + call.body).digest()
        until, first, known = self._answers.get(key, (0, b"", None))
        if known and now < until:
            return known if first == sent else _reused(key)
        given = answer()
        if given.status < 300:
            self._answers[key] = (now + _WINDOW, sent, given)
        return given


def _reused(key: str) -> Answer:
    return json_answer(
        400,
        {
            "type": "invalid_request",
            "message": f"Idempotency key {key} was used for another request.",
            "param": "idempotency_key",
        },
    )
