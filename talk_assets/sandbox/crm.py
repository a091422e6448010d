"""CRMOffice: OAuth with a refresh token that works once, a link to the next page in the body, PUT without conditions,
and times without an offset, as Norwegian clocks show them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from talk_assets.sandbox.calls import Answer, Call, NotJson, Refused, form_body, json_answer, json_body
from talk_assets.sandbox.clock import datetime_of, parse_stamp
from talk_assets.sandbox.listing import drifted, matches
from talk_assets.sandbox.plain import PlainSystem
from talk_assets.sandbox.rate import Allowance
from talk_assets.sandbox.rotation import Rotation
from talk_assets.sandbox.seed.crm import collections
from talk_assets.sandbox.shape import Complaint, Flat, shape
from talk_assets.sandbox.store import Collection, Stored
from talk_assets.sandbox.system import Entity, Operation

CLIENT_ID = "sandbox-crm-client"
CLIENT_SECRET = "sandbox-crm-secret"  # noqa: S105 - the sandbox's own, and printed by it
REFRESH_TOKEN = "sandbox-crm-refresh-token"  # noqa: S105 - likewise

_SIZE, _MAX_SIZE = 100, 200
_ALLOWANCE = Allowance(5)
_OSLO = ZoneInfo("Europe/Oslo")
_WRITTEN = ("activities", "contacts")

SHAPES = {
    "activities": shape("activities", """
id                    text  ro
subject               text  rw !
description           text  rw
ownerId               text  rw
startsAt              stamp rw
endsAt                stamp rw
completed             bool  rw =false
address.streetAddress text  rw
address.postCode      text  rw
address.postalArea    text  rw
address.country       text  rw
company.id            text  rw
contact.id            text  rw ->contacts
createdAt             stamp ro
modifiedAt            stamp ro
"""),
    "contacts": shape("contacts", """
id          text  ro
givenName   text  rw !
familyName  text  rw !
email       text  rw
directPhone text  rw
mobilePhone text  rw
jobTitle    text  rw
company.id  text  rw
createdAt   stamp ro
modifiedAt  stamp ro
"""),
    "companies": shape("companies", """
id   text ro
name text rw !
"""),
    "users": shape("users", """
id       text ro
userName text rw !
name     text rw
"""),
}  # fmt: skip


class CrmOffice(PlainSystem):
    name = "crm_office"
    title = "CRMOffice"
    shapes = SHAPES
    entities: ClassVar = {name: Entity(name) for name in SHAPES}
    first_new_id: ClassVar = {"activities": 700_001, "contacts": 300_001, "companies": 1, "users": 1}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._rotation = Rotation(REFRESH_TOKEN)
        super().__init__(*args, **kwargs)

    def seeded(self, seed: int, size: int) -> Mapping[str, Collection]:
        return collections(seed, size)

    def default_settings(self) -> Mapping[str, Any]:
        return {"token_seconds": 3600}

    def forget_logins(self) -> None:
        self._rotation = Rotation(REFRESH_TOKEN)

    def memory(self) -> dict[str, Any]:
        return {**super().memory(), "logins": self._rotation.memory()}

    def recall(self, held: Mapping[str, Any]) -> None:
        super().recall(held)
        self._rotation.recall(held["logins"])

    def variables(self, url: str) -> Mapping[str, str]:
        return {
            "CRM_OFFICE_URL": url,
            "CRM_OFFICE_CLIENT_ID": CLIENT_ID,
            "CRM_OFFICE_CLIENT_SECRET": CLIENT_SECRET,
            "CRM_OFFICE_REFRESH_TOKEN": REFRESH_TOKEN,
        }

    def operations(self) -> Sequence[Operation]:
        found = [Operation("POST", "/connect/token", "login", "token", self._token, answers_outsiders=True)]
        for entity in SHAPES:
            found += [
                Operation("GET", f"/{entity}", entity, "list", self._for(entity, self._list)),
                Operation("GET", f"/{entity}/{{id}}", entity, "get", self._for(entity, self._get)),
            ]
        for entity in _WRITTEN:
            found += [
                Operation("POST", f"/{entity}", entity, "create", self._for(entity, self._create)),
                Operation("PUT", f"/{entity}/{{id}}", entity, "update", self._for(entity, self._update)),
                Operation("DELETE", f"/{entity}/{{id}}", entity, "delete", self._for(entity, self._delete)),
            ]
        return found

    def _for(self, entity: str, handle: Callable[[str, Call], Answer]) -> Callable[[Call], Answer]:
        def answer(call: Call) -> Answer:
            try:
                return handle(entity, call)
            except NotJson:
                return _error(400, "The body is no JSON.")
            except Complaint as complaint:
                return _error(400, complaint.message)

        return answer

    def _token(self, call: Call) -> Answer:
        form = form_body(call)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return json_answer(400, {"error": "invalid_client"})
        if form.get("grant_type") != "refresh_token":
            return json_answer(400, {"error": "unsupported_grant_type"})
        return self._rotation.exchange(form.get("refresh_token", ""), self.now(call.effects), self.settings["token_seconds"])

    def enter(self, call: Call, operation: Operation) -> None:
        if operation.answers_outsiders:
            return
        token = (call.header("authorization") or "").removeprefix("Bearer ")
        if not self._rotation.lets_in(token, self.now(call.effects)):
            raise Refused(json_answer(401, {"message": "Unauthorized"}, {"www-authenticate": 'Bearer error="invalid_token"'}))
        wait = self.meter.wait("all", _ALLOWANCE if self.rate_limits else None, self.clock.ticks())
        if wait:
            raise Refused(self.throttled(None, call))

    def nowhere(self, call: Call) -> Answer:
        return _error(404, f"There is no {call.path}.")

    def throttled(self, retry_after: str | None, call: Call) -> Answer:
        del call
        return json_answer(429, {"message": "Too many requests."}, {"retry-after": retry_after} if retry_after else {})

    def failed(self, status: int) -> Answer:
        return _error(status, "Something went wrong here.")

    def shown(self, collection: str, stored: Stored) -> dict[str, Any]:
        if collection in ("companies", "users"):
            return {"id": stored.id, **stored.body}
        return {"id": stored.id, **stored.body, "createdAt": _local(stored.created), "modifiedAt": _local(stored.changed)}

    def completed(self, collection: str, stored: Stored | None, flat: Flat) -> Flat:
        del collection, stored
        return flat | {name: _without_offset(flat[name]) for name in ("startsAt", "endsAt") if flat.get(name)}

    def _list(self, entity: str, call: Call) -> Answer:
        arguments = dict(call.arguments())
        page, size = _whole(arguments.get("page"), 1), min(_whole(arguments.get("pageSize"), _SIZE), _MAX_SIZE)
        found = matches(self.collections[entity], self.view(entity, call.effects), call.effects)
        offset = drifted(call.effects, (page - 1) * size)
        rows = [self.shown(entity, stored) for stored in found.page(offset, size)]
        following = None
        if offset + size < found.total:
            following = f"{call.origin}/{entity}?{urlencode({'page': page + 1, 'pageSize': size})}"
        if call.effects.first("loop"):
            following = f"{call.origin}/{entity}?{urlencode({'page': 1, 'pageSize': size})}"
        return json_answer(200, {"items": rows, "next": following})

    def _found(self, entity: str, call: Call, *, to_read: bool = False) -> Stored:
        records = self.view(entity, call.effects, by_id=True) if to_read else self.collections[entity]
        stored = records.get(call.params["id"])
        if stored is None:
            raise Refused(_error(404, f"There is no {call.path}."))
        return stored

    def _get(self, entity: str, call: Call) -> Answer:
        return json_answer(200, self.shown(entity, self._found(entity, call, to_read=True)))

    def _create(self, entity: str, call: Call) -> Answer:
        values = self.sent(entity, json_body(call), lenient=True, creates=True)
        return json_answer(201, self.shown(entity, self.revise(entity, None, values, call.effects)))

    def _update(self, entity: str, call: Call) -> Answer:
        stored = self._found(entity, call)
        values = self.sent(entity, json_body(call), replaces=True, lenient=True)
        return json_answer(200, self.shown(entity, self.revise(entity, stored, values, call.effects)))

    def _delete(self, entity: str, call: Call) -> Answer:
        self.retire(entity, self._found(entity, call))
        return Answer(204)


def _error(status: int, message: str) -> Answer:
    return json_answer(status, {"message": message})


def _whole(text: str | None, default: int) -> int:
    return max(1, int(text)) if text and text.isdecimal() and len(text) < 10 else default


def _local(ticks: int) -> str:
    return datetime_of(ticks).astimezone(_OSLO).strftime("%Y-%m-%dT%H:%M:%S")


def _without_offset(text: str) -> str:
    """A time as this system keeps it: Norwegian, to the second. One sent without an offset is Norwegian already."""
    plain = text.strip().replace(" ", "T", 1)
    if datetime.fromisoformat(plain[:19] if "." in plain else plain).tzinfo is None and not _has_offset(plain):
        return datetime.fromisoformat(plain[:19]).strftime("%Y-%m-%dT%H:%M:%S")
    return _local(parse_stamp(text))


def _has_offset(text: str) -> bool:
    return text.endswith(("Z", "z")) or "+" in text[19:] or "-" in text[19:]
