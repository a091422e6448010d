"""Between the wire and a system: every request is logged, meets its faults, and gets its answer, or not."""

import json
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from email.utils import formatdate
from functools import cache
from typing import Any

from starlette.requests import ClientDisconnect, Request

from talk_assets.sandbox.calls import Answer, Call, Refused
from talk_assets.sandbox.clock import seconds_of
from talk_assets.sandbox.disguise import disguised
from talk_assets.sandbox.faults import Effects, Fault
from talk_assets.sandbox.ledger import Entry
from talk_assets.sandbox.system import Mistake, Operation, System

HANG_UP = "talk_assets.sandbox.hang_up"
"""Under this name the server puts into the scope what closes the connection: at once, or after what was written."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PAGE = b"<!DOCTYPE html><html><head><title>Vedlikehold</title></head><body><h1>Vi er straks tilbake</h1></body></html>"


class ConnectionDropped(Exception):
    """What a caller without a wire sees instead of a closed connection."""


class Desk:
    """The ASGI application of one operation of one system."""

    def __init__(self, system: System, operation: Operation) -> None:
        self._system = system
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = await self._call(scope, receive)
        except ClientDisconnect:
            return
        with self._system.lock:
            effects = self._system.faults.strike(self._operation.entity, self._operation.name)
            call = replace(call, effects=effects)
            entry = self._system.ledger.open(call, self._operation.entity, self._operation.name, self._system.now(effects))
        entry.faults = [fault.kind for fault in effects.faults]
        answer = await self._answer(call, entry)
        if answer is None:
            await _hang_up(scope, receive)
            return
        entry.status = answer.status
        await self._send(call, answer, entry, scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive) -> Call:
        request = Request(scope, receive)
        server = scope.get("server") or ("", 0)
        return Call(
            method=request.method,
            path=scope.get("sandbox.path", scope["path"]),
            query=scope["query_string"].decode("latin-1"),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            body=await request.body(),
            params={name: str(value) for name, value in scope.get("path_params", {}).items()},
            origin=f"{request.url.scheme}://{request.url.netloc}",
            port=server[1] or 0,
        )

    async def _answer(self, call: Call, entry: Entry) -> Answer | None:
        """The answer; None where there is to be none."""
        if late := call.effects.first("latency"):
            await self._system.clock.sleep(late.option("seconds"))
        if call.effects.first("drop_before"):
            entry.outcome = "dropped before"
            return None
        if instead := self._instead(call):
            entry.outcome = "not executed"
            return instead
        with self._system.lock:
            self._edit_meanwhile(call.effects, entry, late=False)
            answer = self._handled(call)
            self._edit_meanwhile(call.effects, entry, late=True)
        if call.effects.first("drop_after"):
            entry.status, entry.outcome = answer.status, "dropped after"
            return None
        return self._spoilt(call.effects, answer)

    def _edit_meanwhile(self, effects: Effects, entry: Entry, *, late: bool) -> None:
        for fault in effects.every("edit"):
            if fault.option("late") is late:
                entity, _, record_id = fault.option("record").partition("/")
                try:
                    self._system.edit(entity, record_id, fault.option("changes"))
                except Mistake as mistake:
                    entry.outcome = f"answered; the edit meanwhile failed: {mistake}"

    def _handled(self, call: Call) -> Answer:
        try:
            self._system.enter(call, self._operation)
            return self._operation.handle(call)
        except Refused as refused:
            return refused.answer

    def _instead(self, call: Call) -> Answer | None:
        """What comes from before the server, which then never hears of the request."""
        effects = call.effects
        if fault := effects.first("throttle"):
            after = fault.option("retry_after")
            return self._system.throttled(None if after is None else str(after), call)
        if (fault := effects.first("error")) and not fault.option("after_commit"):
            return self._system.failed(fault.option("status"))
        if fault := effects.first("answer"):
            text = fault.option("text")
            body = json.dumps(fault.option("body")) if text is None else text
            return Answer(fault.option("status"), body.encode(), {"content-type": fault.option("media")})
        if (fault := effects.first("html")) and not fault.option("after_commit"):
            return Answer(200, _PAGE, {"content-type": "text/html; charset=utf-8"})
        if fault := effects.first("redirect"):
            return Answer(fault.option("status"), b"", {"location": fault.option("location")})
        return None

    def _spoilt(self, effects: Effects, answer: Answer) -> Answer:
        answer = disguised(effects, answer)
        if fault := effects.first("error"):
            return self._system.failed(fault.option("status"))
        if effects.first("html"):
            return Answer(200, _PAGE, {"content-type": "text/html; charset=utf-8"})
        if fault := effects.first("truncate"):
            return replace(answer, body=answer.body[: int(len(answer.body) * fault.option("keep"))])
        if fault := effects.first("bomb"):
            return replace(
                answer, body=_bomb(fault.option("megabytes")), headers={**answer.headers, "content-encoding": "gzip"}
            )
        return answer

    async def _send(self, call: Call, answer: Answer, entry: Entry, scope: Scope, receive: Receive, send: Send) -> None:
        date = formatdate(seconds_of(self._system.now(call.effects)), usegmt=True)
        headers = {"date": date, **answer.headers}
        if answer.status not in (204, 304):
            headers["content-length"] = str(len(answer.body))
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        if fault := call.effects.first("cut_off"):
            entry.outcome = "cut off"
            await send(
                {
                    "type": "http.response.body",
                    "body": answer.body[: int(len(answer.body) * fault.option("keep"))],
                    "more_body": True,
                }
            )
            await _hang_up(scope, receive, flush=True)
            return
        if fault := call.effects.first("drip"):
            await self._drip(answer.body, fault, send)
            return
        await send({"type": "http.response.body", "body": answer.body})

    async def _drip(self, body: bytes, fault: Fault, send: Send) -> None:
        step = max(1, fault.option("bytes"))
        for start in range(0, len(body), step):
            await send({"type": "http.response.body", "body": body[start : start + step], "more_body": True})
            await self._system.clock.sleep(fault.option("seconds"))
        await send({"type": "http.response.body", "body": b""})


async def _hang_up(scope: Scope, receive: Receive, *, flush: bool = False) -> None:
    close = scope.get(HANG_UP)
    if close is None:
        raise ConnectionDropped
    close(flush=flush)
    while (await receive())["type"] != "http.disconnect":
        pass


@cache
def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blank = b" " * 1_000_000
    return b"".join(
        [packer.compress(b"["), *(packer.compress(blank) for _ in range(megabytes)), packer.compress(b"]"), packer.flush()]
    )
