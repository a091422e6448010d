"""The way into a sandbox for tests and people: HTTP under /_sandbox, which no real API has."""

import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from talk_assets.sandbox.clock import stamp
from talk_assets.sandbox.faults import KINDS, BadFault
from talk_assets.sandbox.store import Stored, value_at
from talk_assets.sandbox.system import Mistake, System

Handler = Callable[[System, Request], Awaitable[Response]]
_MANY = 50


def control_routes(system: System) -> list[Route]:
    handlers: list[tuple[str, str, Handler]] = [
        ("GET", "/state", _state),
        ("POST", "/reset", _reset),
        ("POST", "/seed", _seed),
        ("GET", "/dump", _dump),
        ("GET", "/settings", _settings),
        ("POST", "/settings", _set),
        ("GET", "/clock", _clock),
        ("POST", "/clock", _advance),
        ("GET", "/faults", _faults),
        ("POST", "/faults", _add_fault),
        ("DELETE", "/faults", _clear_faults),
        ("DELETE", "/faults/{key:int}", _remove_fault),
        ("GET", "/requests", _requests),
        ("DELETE", "/requests", _forget_requests),
        ("GET", "/records/{entity}", _records),
        ("POST", "/records/{entity}", _add_record),
        ("GET", "/records/{entity}/{record}", _record),
        ("PATCH", "/records/{entity}/{record}", _edit_record),
        ("DELETE", "/records/{entity}/{record}", _erase_record),
    ]
    return [Route(path, _endpoint(system, handler), methods=[method]) for method, path, handler in handlers]


def _endpoint(system: System, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(system, request)
        except (Mistake, BadFault) as mistake:
            return JSONResponse({"message": str(mistake)}, 400)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Mistake("The body is no JSON object.")
    return body


async def _state(system: System, _: Request) -> Response:
    with system.lock:
        return JSONResponse(
            {
                "system": system.name,
                "title": system.title,
                "seed": system.seed_number,
                "size": system.size,
                "time": stamp(system.clock.ticks(), 7, "Z"),
                "rate_limits": system.rate_limits,
                "entities": {name: _count(system, name) for name in system.entities},
                "faults": len(system.faults.rows()),
                "requests": system.ledger.total,
            }
        )


def _count(system: System, name: str) -> int:
    entity = system.entity(name)
    collection = system.collections[entity.collection]
    return sum(1 for _ in _kept(system, name)) if entity.holds else len(collection)


def _kept(system: System, name: str) -> Iterator[Stored]:
    entity = system.entity(name)
    holds = entity.holds
    records = system.collections[entity.collection].view().scan()
    return (stored for stored in records if holds is None or holds(stored.body))


async def _reset(system: System, _: Request) -> Response:
    system.reset()
    return JSONResponse({"message": f"{system.title} is as it was at the start."})


async def _seed(system: System, request: Request) -> Response:
    body = await _body(request)
    seed, size = body.get("seed", system.seed_number), body.get("size", system.size)
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in (seed, size)):
        raise Mistake("`seed` and `size` are whole numbers.")
    system.seed(seed, size)
    for entity, records in body.get("records", {}).items():
        for record in records:
            system.add(entity, record)
    return await _state(system, request)


async def _dump(system: System, _: Request) -> Response:
    return StreamingResponse(_dumped(system), media_type="application/json")


def _dumped(system: System) -> Iterator[str]:
    for number, (name, collection) in enumerate(system.collections.items()):
        yield f"{',' if number else '{'}\n{json.dumps(name)}: ["
        for row, stored in enumerate(collection.view().scan()):
            yield f"{',' if row else ''}\n{json.dumps(system.shown(name, stored), ensure_ascii=False)}"
        yield "\n]"
    yield "\n}\n"


async def _settings(system: System, _: Request) -> Response:
    return JSONResponse({**system.settings, "rate_limits": system.rate_limits})


async def _set(system: System, request: Request) -> Response:
    known = {**system.settings, "rate_limits": system.rate_limits}
    body = await _body(request)
    for name, value in body.items():
        if name not in known:
            raise Mistake(f"{system.title} has no setting {name!r}. There are {', '.join(known)}.")
        if type(value) is not type(known[name]):
            raise Mistake(f"{name} is {known[name]!r}; it does not take {value!r}.")
    system.rate_limits = body.pop("rate_limits", system.rate_limits)
    system.settings.update(body)
    return await _settings(system, request)


async def _clock(system: System, _: Request) -> Response:
    return JSONResponse({"time": stamp(system.clock.ticks(), 7, "Z")})


async def _advance(system: System, request: Request) -> Response:
    seconds = (await _body(request)).get("advance")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise Mistake("`advance` is a number of seconds.")
    system.clock.advance(seconds)
    return await _clock(system, request)


async def _faults(system: System, _: Request) -> Response:
    kinds = {name: {"meaning": kind.meaning, "options": dict(kind.options)} for name, kind in KINDS.items()}
    return JSONResponse({"faults": system.faults.rows(), "kinds": kinds})


async def _add_fault(system: System, request: Request) -> Response:
    with system.lock:
        fault = system.faults.parse(await _body(request))
        if fault.kind == "edit":
            entity, _, record_id = fault.option("record").partition("/")
            system.check_edit(entity, record_id, fault.option("changes"))
        key = system.faults.add(fault)
        return JSONResponse(next(row for row in system.faults.rows() if row["id"] == key), 201)


async def _clear_faults(system: System, _: Request) -> Response:
    system.faults.clear()
    return Response(status_code=204)


async def _remove_fault(system: System, request: Request) -> Response:
    if not system.faults.remove(request.path_params["key"]):
        raise Mistake(f"{system.title} has no fault {request.path_params['key']}.")
    return Response(status_code=204)


async def _requests(system: System, request: Request) -> Response:
    with system.lock:
        entries = [entry.row() for entry in system.ledger.entries(_whole(request, "after", 0))]
    wanted = {name: value for name, value in request.query_params.items() if name in ("method", "entity", "operation")}
    return JSONResponse([entry for entry in entries if all(entry[name] == value for name, value in wanted.items())])


async def _forget_requests(system: System, _: Request) -> Response:
    system.ledger.clear()
    return Response(status_code=204)


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal():
        raise Mistake(f"`{name}` is a whole number, not {text!r}.")
    return int(text)


async def _records(system: System, request: Request) -> Response:
    name = request.path_params["entity"]
    limit, offset = _whole(request, "limit", _MANY), _whole(request, "offset", 0)
    wanted = {path: value for path, value in request.query_params.items() if path not in ("limit", "offset")}
    with system.lock:
        collection = system.entity(name).collection
        properties = system.shapes[collection].by_lower
        for path in wanted:
            if path.lower() not in properties:
                raise Mistake(f"{name} has no property {path!r}.")
        conditions = [(properties[path.lower()].path, value) for path, value in wanted.items()]
        rows, total = [], 0
        for stored in _kept(system, name):
            shown = system.shown(collection, stored) if conditions else None
            if shown and not all(_same(value_at(shown, path), value) for path, value in conditions):
                continue
            if offset <= total < offset + limit:
                rows.append({"id": stored.id, "record": system.shown(collection, stored)})
            total += 1
    return JSONResponse({"records": rows, "total": total})


def _same(value: Any, text: str) -> bool:
    shown = {True: "true", False: "false", None: ""}.get(value) if value is None or isinstance(value, bool) else str(value)
    return shown is not None and shown.casefold() == text.casefold()


async def _record(system: System, request: Request) -> Response:
    with system.lock:
        stored = system.look(request.path_params["entity"], request.path_params["record"])
        return JSONResponse(system.shown(system.entity(request.path_params["entity"]).collection, stored))


async def _add_record(system: System, request: Request) -> Response:
    return JSONResponse(system.add(request.path_params["entity"], _flat(await _body(request))), 201)


async def _edit_record(system: System, request: Request) -> Response:
    changes = _flat(await _body(request))
    typed = request.query_params.get("typed") == "true"
    return JSONResponse(system.edit(request.path_params["entity"], request.path_params["record"], changes, typed=typed))


async def _erase_record(system: System, request: Request) -> Response:
    system.erase(request.path_params["entity"], request.path_params["record"])
    return Response(status_code=204)


def _flat(body: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as dotted paths, so that both spellings may be sent."""
    parts = (
        _flat(v, f"{prefix}{k}.") if isinstance(v, dict) and k != "metadata" else {f"{prefix}{k}": v} for k, v in body.items()
    )
    return dict(chain.from_iterable(part.items() for part in parts))
