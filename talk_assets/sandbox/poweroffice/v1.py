"""Version 1 of the API, for activities: everything in an envelope, a refusal a 200 that says so, a POST that also updates."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from talk_assets.sandbox.calls import Answer, Call, NotJson, json_answer, json_body
from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.listing import drifted, matches
from talk_assets.sandbox.poweroffice.odata import BadFilter, condition
from talk_assets.sandbox.poweroffice.office import Office
from talk_assets.sandbox.poweroffice.problems import WORDS
from talk_assets.sandbox.poweroffice.tables import SHAPES
from talk_assets.sandbox.shape import Complaint, Flat, converted
from talk_assets.sandbox.store import Stored
from talk_assets.sandbox.system import Operation

_ACTIVITY, _JOINED = "timetrackingactivity", "projectactivity"
_TOP = 1000


class V1:
    def __init__(self, office: Office) -> None:
        self._office = office

    def operations(self) -> Sequence[Operation]:
        activities, joined, of_project = "/timetracking/activity", "/projectactivity", "/project/{parentid}/activity"
        return [
            Operation("GET", activities, _ACTIVITY, "list", _guarded(_ACTIVITY, self._list)),
            Operation("POST", activities, _ACTIVITY, "create", _guarded(_ACTIVITY, self._put)),
            Operation("GET", f"{activities}/{{id}}", _ACTIVITY, "get", _guarded(_ACTIVITY, self._get)),
            Operation("DELETE", f"{activities}/{{id}}", _ACTIVITY, "delete", _guarded(_ACTIVITY, self._delete)),
            Operation("GET", joined, _JOINED, "list", _guarded(_JOINED, self._list)),
            Operation("GET", f"{joined}/{{id}}", _JOINED, "get", _guarded(_JOINED, self._get)),
            Operation("GET", of_project, _JOINED, "list", _guarded(_JOINED, self._list)),
            Operation("POST", of_project, _JOINED, "create", _guarded(_JOINED, self._put)),
            Operation("GET", f"{of_project}/{{id}}", _JOINED, "get", _guarded(_JOINED, self._get)),
            Operation("DELETE", f"{of_project}/{{id}}", _JOINED, "delete", _guarded(_JOINED, self._delete)),
        ]

    def _list(self, entity: str, call: Call) -> Answer:
        skip, top, order, test = 0, _TOP, "id", None
        for name, value in call.arguments():
            match name.lower():
                case "$skip":
                    skip = _whole(name, value)
                case "$top":
                    top = min(_whole(name, value), _TOP)
                case "$orderby":
                    order = value
                case "$filter":
                    test = _condition(value)
                case _:
                    raise Complaint(name, "unknown", f"The query parameter '{name}' is not supported.")
        found = matches(
            self._office.collections[entity],
            self._office.view(entity, call.effects),
            call.effects,
            wanted=self._of_parent(call),
        )
        rows = [self._office.showing.shown(entity, stored) for stored in found.all()]
        rows = [row for row in rows if test is None or test(row)]
        _sort(rows, order)
        start = drifted(call.effects, skip)
        return _done(rows[start : start + top], len(rows))

    def _of_parent(self, call: Call) -> Callable[[Stored], bool] | None:
        parent = call.params.get("parentid")
        if parent is None:
            return None
        self._check_project(parent)
        return lambda stored: str(stored.body["projectId"]) == parent

    def _check_project(self, project_id: str) -> None:
        if self._office.collections["projects"].get(project_id) is None:
            raise Complaint("projectId", "missing", f"There is no project with id {project_id}.")

    def _stored(self, entity: str, record_id: str, call: Call, *, to_read: bool = False) -> Stored:
        records = self._office.view(entity, call.effects, by_id=True) if to_read else self._office.collections[entity]
        stored = records.get(record_id)
        parent = call.params.get("parentid")
        if stored is None or (parent is not None and str(stored.body["projectId"]) != parent):
            raise Complaint("id", "missing", f"{WORDS[entity]} with id {record_id} was not found.")
        return stored

    def _get(self, entity: str, call: Call) -> Answer:
        return _done(self._office.showing.shown(entity, self._stored(entity, call.params["id"], call, to_read=True)))

    def _put(self, entity: str, call: Call) -> Answer:
        """Creates, or, with an id, replaces: what is not sent goes back to its default."""
        body = json_body(call)
        if not isinstance(body, Mapping):
            raise Complaint("", "type", "The body is no object.")
        sent = {str(name).lower(): value for name, value in body.items()}
        record_id = sent.get("id")
        stored = self._stored(entity, str(record_id), call) if record_id else None
        properties = [p for p in SHAPES[entity].properties.values() if p.on_update]
        flat: Flat = {p.path: converted(p, sent.get(p.path.lower()), lenient=True) for p in properties}
        if entity == _JOINED:
            self._check_project(call.params["parentid"])
            flat["projectId"] = int(call.params["parentid"])
        return _done(self._office.showing.shown(entity, self._revised(entity, stored, flat, call.effects)))

    def _revised(self, entity: str, stored: Stored | None, flat: Flat, effects: Effects) -> Stored:
        return self._office.revise(entity, stored, flat, effects)

    def _delete(self, entity: str, call: Call) -> Answer:
        self._office.retire(entity, self._stored(entity, call.params["id"], call))
        return json_answer(200, {"success": True})


def _guarded(entity: str, handle: Callable[[str, Call], Answer]) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        try:
            return handle(entity, call)
        except NotJson:
            return _refused("The body is no JSON.")
        except Complaint as complaint:
            return _refused(complaint.message)

    return answer


def _done(data: Any, count: int | None = None) -> Answer:
    return json_answer(200, {"data": data, "success": True} | ({} if count is None else {"count": count}))


def _refused(summary: str) -> Answer:
    return json_answer(200, {"success": False, "validation": {"summary": summary}})


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise Complaint(name, "value", f"{name} is a whole number.")
    return int(text)


def _condition(text: str) -> Callable[[Mapping[str, Any]], bool]:
    try:
        return condition(text)
    except BadFilter as bad:
        raise Complaint("$filter", "value", str(bad)) from None


def _sort(rows: list[dict[str, Any]], order: str) -> None:
    for part in reversed([part.strip() for part in order.split(",") if part.strip()]):
        if not (match := re.fullmatch(r"(\w+)(?:\s+(asc|desc))?", part, re.IGNORECASE)):
            raise Complaint("$orderby", "value", f"Cannot order by '{part}'.")
        name = next((key for key in (rows[0] if rows else ()) if key.lower() == match[1].lower()), match[1])

        def key(row: Mapping[str, Any], name: str = name) -> tuple[bool, Any]:
            value = row.get(name)
            return value is not None, value if value is not None else 0

        rows.sort(key=key, reverse=(match[2] or "").lower() == "desc")
