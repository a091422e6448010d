"""APIs unlike those of the sandbox, from the specs that docs/connectors.md shows: a connector is a file, not code."""

import json
import random
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.problems import Severity
from talk_assets.specs.resolve import resolve
from talk_assets.specs.verify import verify
from talk_assets.systems.conform.finding import Result
from talk_assets.systems.conform.suite import conform
from tests.systems.support import VirtualClock, answer, empty

SHOWN = dict(
    re.findall(
        r"^```yaml\n#[^\n]*\n(?=system: (?P<name>\w+))(.*?)^```$",
        Path("docs/connectors.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)
ENVIRON = {"ODATA_CLIENT_ID": "the-client", "ODATA_CLIENT_SECRET": "client-secret", "JSON_API_TOKEN": "json-api-token"}
Record = dict[str, Any]


class OData:
    """Small pages that name the next one by `@odata.nextLink`; no write without the ETag in the record; null is refused."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.rows: dict[str, Record] = {}
        for number in range(7):
            self._put(f"00000000-0000-4000-8000-{number:012}", {"number": f"C{number}", "displayName": f"Company {number}"})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "login.example.com":
            form = parse_qs(request.content.decode())
            assert form["client_secret"] == [ENVIRON["ODATA_CLIENT_SECRET"]]
            return answer({"access_token": "odata-token", "expires_in": 3599})
        if request.headers["authorization"] != "Bearer odata-token":
            return answer({}, 401)
        one = re.search(r"/customers(?:\((.*)\))?$", request.url.path)
        assert one
        if one[1] is None:
            return self._list(request) if request.method == "GET" else self._create(json.loads(request.content))
        if one[1] not in self.rows:
            return _refused(404, "The resource could not be found.")
        return answer(self.rows[one[1]]) if request.method == "GET" else self._write(one[1], request)

    def _list(self, request: httpx.Request) -> httpx.Response:
        rows = [row for row in self.rows.values() if _passes(row, request.url.params.get("$filter"))]
        start = int(request.url.params.get("$skiptoken", 0))
        on = request.url.copy_set_param("$skiptoken", start + 2)
        more = {"@odata.nextLink": str(on)} if start + 2 < len(rows) else {}
        return answer({"value": rows[start : start + 2], **more})

    def _create(self, values: Record) -> httpx.Response:
        return self._put(f"00000000-0000-4000-8000-{len(self.rows):012}", values, 201)

    def _write(self, id_: str, request: httpx.Request) -> httpx.Response:
        match request.headers.get("if-match"):
            case None:
                return _refused(400, "If-Match is required")
            case tag if tag != self.rows[id_]["@odata.etag"]:
                return _refused(409, "Another user has already changed the record.")
        if request.method == "DELETE":
            del self.rows[id_]
            return empty()
        return self._put(id_, json.loads(request.content))

    def _put(self, id_: str, values: Record, status: int = 200) -> httpx.Response:
        if nulls := [name for name, value in values.items() if value is None]:
            return _refused(400, f"A null value was found for the property named {nulls[0]!r}")
        self.clock.sleep(1)
        nothing = {"city": "", "phoneNumber": "", "lastVisit": "0001-01-01"}
        stamp = {"lastModifiedDateTime": self.clock.now().isoformat(), "@odata.etag": f'W/"{self.clock.now()}"'}
        self.rows[id_] = {"id": id_, **nothing, **self.rows.get(id_, {}), **values, **stamp}
        return answer(self.rows[id_], status)


class JsonApi:
    """Records inside of `data` with their type; attributes below them; a content type of its own; ranges as filters."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.rows: dict[str, Record] = {}
        for number in range(7):
            self._put(str(number), {"name": f"Person {number}", "notes": None, "customId": None})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != "Bearer json-api-token":
            return answer({}, 401)
        id_ = request.url.path.rpartition("/people")[2].strip("/")
        if id_ and id_ not in self.rows:
            return answer({"errors": [{"title": "Not found"}]}, 404)
        match request.method:
            case "GET" if id_:
                return answer({"data": self.rows[id_]})
            case "GET":
                return self._list(request)
            case "DELETE":
                del self.rows[id_]
                return empty()
        given = json.loads(request.content)["data"]
        named = {"type": "people", **({"id": id_} if id_ else {})}
        if request.headers["content-type"] != "application/vnd.api+json" or given != {**given, **named}:
            return answer({"errors": [{"title": "Conflict"}]}, 409)
        id_ = id_ or str(len(self.rows))
        return answer({"data": self._put(id_, given["attributes"])}, 200 if named.get("id") else 201)

    def _list(self, request: httpx.Request) -> httpx.Response:
        since = request.url.params.get("filter[updatedAt]", "0001-01-01T00:00:00Z..inf").removesuffix("..inf")
        rows = [row for row in self.rows.values() if row["attributes"]["updatedAt"] >= since]
        number, size = int(request.url.params.get("page[number]", 1)), int(request.url.params["page[size]"])
        on = str(request.url.copy_set_param("page[number]", number + 1))
        links = {"next": on} if number * size < len(rows) else {}
        return answer({"data": rows[(number - 1) * size : number * size], "links": links})

    def _put(self, id_: str, attributes: Record) -> Record:
        self.clock.sleep(1)
        now = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        before = self.rows.get(id_, {}).get("attributes", {"createdAt": now, "notes": None, "customId": None})
        self.rows[id_] = {"type": "people", "id": id_, "attributes": {**before, **attributes, "updatedAt": now}}
        return self.rows[id_]


SERVERS = {"odata_erp": OData, "json_api": JsonApi}


def test_each_spec_that_is_shown_has_a_server_here():
    assert SHOWN.keys() == SERVERS.keys()


@pytest.mark.parametrize("name", SERVERS)
def test_a_spec_that_is_shown_is_sound_and_does_what_it_declares(name: str, tmp_path: Path):
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / f"{name}.yaml").write_text(SHOWN[name], encoding="utf-8")
    catalog = load_catalog(tmp_path)
    assert [one for one in (*catalog.problems, *verify(resolve(catalog))) if one.severity is not Severity.note] == []
    clock = VirtualClock()
    server = SERVERS[name](clock)
    findings = conform(
        catalog.system_specs[name],
        ENVIRON,
        clock=clock,
        chance=random.Random(1),  # noqa: S311 - test data
        writes=True,
        transport=lambda _base, _certificates: httpx.MockTransport(server),
    )
    told = [(one.result, one.declaration, one.reason) for one in findings]
    untried = {"paginator"} if name == "odata_erp" else set()
    assert [one for one in told if one[0] is Result.failed or (one[0] is Result.skipped and one[1] not in untried)] == []
    assert "7 records" in told[0][2]


def _passes(row: Mapping[str, Any], asked: str | None) -> bool:
    match (asked or "").split(" "):
        case [""]:
            return True
        case [path, "ge", stamp]:
            return datetime.fromisoformat(row[path]) >= datetime.fromisoformat(stamp)
        case [path, "eq", *text]:
            return f"'{row[path]}'" == " ".join(text)
        case other:
            raise AssertionError(other)


def _refused(status: int, message: str) -> httpx.Response:
    return answer({"error": {"code": "BadRequest", "message": message}}, status)
