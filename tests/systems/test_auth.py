"""Logging in: by one thread, before the token ends, and again when it was refused (S17, W20)."""

import base64
import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from talk_assets.specs.system import SystemSpec
from talk_assets.systems.calling.tokens import FileTokens, StoredToken
from talk_assets.systems.connection import Connection
from talk_assets.systems.errors import AuthFailed, BadSetup, NotSent
from tests.systems.support import ENVIRON, Script, Server, VirtualClock, answer, connect, spec

CLIENT = {
    "type": "oauth2_client_credentials",
    "token_url": "/token",
    "client_id": {"env": "THING_USER"},
    "client_secret": {"env": "THING_PASSWORD"},
}
REFRESH = {**CLIENT, "type": "oauth2_refresh_token", "refresh_token": {"env": "THING_REFRESH"}}


class Login:
    """A server that gives out tokens and takes only the newest."""

    def __init__(self, *, life: Any = 1200, rotates: bool = True) -> None:
        self.life = life
        self.rotates = rotates
        self.given = 0
        self.refresh = "first-refresh"
        self.forms: list[dict[str, list[str]]] = []
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if request.url.path != "/token":
                allowed = request.headers["authorization"] == f"Bearer token-{self.given}"
                return answer([]) if allowed else answer({}, 401)
            form = parse_qs(request.content.decode())
            self.forms.append(form)
            body: dict[str, Any] = {"expires_in": self.life}
            if form["grant_type"] == ["refresh_token"]:
                if form["refresh_token"] != [self.refresh]:
                    return answer(
                        {"error": "invalid_grant", "error_description": f"{form['refresh_token'][0]} is used up"}, 400
                    )
                if self.rotates:
                    self.refresh = f"refresh-{self.given + 1}"
                    body["refresh_token"] = self.refresh
            self.given += 1
            return answer({**body, "access_token": f"token-{self.given}"})


def shop(server: Any, clock: VirtualClock | None = None, auth: Any = None, **more: Any) -> Connection:
    return connect(spec(auth=auth or CLIENT), server, clock, **more)


def read(connection: Connection) -> None:
    list(connection.reader("things").sweep())


def test_one_login_serves_many_requests():
    login = Login()
    connection = shop(login)
    for _ in range(5):
        read(connection)
    assert login.given == 1


def test_the_token_call_carries_basic_and_the_clients_headers():
    server = Server(Login())
    system = spec(auth=CLIENT, headers={"Subscription": {"env": "THING_TOKEN"}, "Plain": "text"})
    read(connect(system, server))
    token, listing = server.requests
    assert token.headers["authorization"].startswith("Basic ")
    assert token.headers["subscription"] == listing.headers["subscription"] == ENVIRON["THING_TOKEN"]
    assert listing.headers["plain"] == "text"
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert b"secret" not in token.content


def test_id_and_secret_may_go_into_the_form():
    login = Login()
    read(shop(login, auth={**CLIENT, "send": "body", "scope": "a b"}))
    assert login.forms == [
        {
            "grant_type": ["client_credentials"],
            "client_id": [ENVIRON["THING_USER"]],
            "client_secret": [ENVIRON["THING_PASSWORD"]],
            "scope": ["a b"],
        }
    ]


def test_a_token_is_renewed_before_it_ends():
    login, clock = Login(), VirtualClock()
    connection = shop(login, clock)
    read(connection)
    clock.elapsed += 1200 - 61
    read(connection)
    assert login.given == 1
    clock.elapsed += 2
    read(connection)
    assert login.given == 2


def test_a_short_lived_token_is_not_renewed_for_every_request():
    login, clock = Login(life=30), VirtualClock()
    connection = shop(login, clock)
    for _ in range(3):
        read(connection)
    assert login.given == 1
    clock.elapsed += 16
    read(connection)
    assert login.given == 2


@pytest.mark.parametrize("life", [None, "soon", "1200", "NaN", 10**400])
def test_a_life_that_makes_no_sense_is_taken_for_a_short_one(life: Any):
    login = Login(life=life)
    read(shop(login))
    assert login.given == 1


def test_a_refused_token_is_renewed_once_and_then_given_up():
    server = Server(lambda request: answer({"access_token": "t"}) if request.url.path == "/token" else answer({}, 401))
    with pytest.raises(AuthFailed, match="401"):
        read(shop(server))
    assert server.asked == ["POST /token", "GET /v1/things", "POST /token", "GET /v1/things"]


def test_many_threads_log_in_once():
    login = Login()
    connection = shop(login)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read(connection), range(32)))
    assert login.given == 1


def test_many_threads_renew_a_refused_token_once():
    login = Login()
    all_refused = threading.Barrier(8)

    def handler(request: httpx.Request) -> httpx.Response:
        given = login(request)
        if given.status_code == 401:
            all_refused.wait(10)
        return given

    connection = shop(handler)
    read(connection)
    login.given = 7
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: read(connection), range(8)))
    assert login.given == 8


def test_a_refused_login_says_why_and_tells_no_secret():
    said = {"error": "invalid_client", "error_description": f"no key {ENVIRON['THING_PASSWORD']} here"}
    with pytest.raises(AuthFailed, match=r"invalid_client: no key \*\*\* here; check the keys") as caught:
        read(shop(Script(answer(said, 400))))
    assert ENVIRON["THING_PASSWORD"] not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"access_token": 5}', b'{"access_token": "a\\nb"}', b'{"access_token": ""}', b"{}"]
)
def test_an_answer_without_a_token_is_no_login(body: bytes):
    with pytest.raises(AuthFailed):
        read(shop(Script(answer(body))))


def test_a_login_that_cannot_be_reached_leaves_the_request_unsent():
    server = Server(Script(httpx.ConnectError("down")))
    with pytest.raises(NotSent):
        read(shop(server))
    assert {request.url.path for request in server.requests} == {"/token"}


def test_a_throttled_login_waits():
    clock = VirtualClock()
    server = Server(Script(answer({}, 429, retry_after="1"), answer({"access_token": "t"}), answer([])))
    read(shop(server, clock))
    assert clock.elapsed >= 1


@pytest.mark.parametrize(("send", "by_header"), [({}, False), ({"send": "body"}, False), ({"send": "basic"}, True)])
def test_a_refresh_names_its_client_where_the_system_looks_for_it(send: dict[str, str], by_header: bool):
    server = Server(Login())
    read(connect(spec(auth=REFRESH | send), server))
    asked = server.requests[0]
    assert ("client_secret" in parse_qs(asked.content.decode())) is not by_header
    assert asked.headers.get("authorization", "").startswith("Basic ") is by_header


@pytest.mark.parametrize("auth", [CLIENT, REFRESH | {"send": "basic"}])
def test_what_names_a_client_by_header_is_blotted_out_of_refusals(auth: dict[str, Any]):
    def echo(request: httpx.Request) -> httpx.Response:
        return answer({"error": "unknown client", "message": request.headers["authorization"]}, 401)

    with pytest.raises(AuthFailed, match="unknown client") as caught:
        read(connect(spec(auth=auth), Server(echo)))
    assert base64.b64encode(b"the-user:").decode()[:10] not in str(caught.value)


def test_a_refresh_token_rotates_and_each_is_used_once(tmp_path: Path):
    login, clock = Login(), VirtualClock()
    connection = shop(login, clock, REFRESH, state=tmp_path)
    for _ in range(3):
        read(connection)
        clock.elapsed += 1200
    assert [form["refresh_token"][0] for form in login.forms] == ["first-refresh", "refresh-1", "refresh-2"]


def test_s17_the_next_refresh_token_is_on_disk_before_its_login_is_used(tmp_path: Path):
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/token":
            stored = json.loads((tmp_path / "login-thing_shop-api.json").read_text())
            assert stored["refresh_token"] == "refresh-1"
        return login(request)

    login = Login()
    read(shop(handler, auth=REFRESH, state=tmp_path))


def test_s17_a_restart_goes_on_from_the_stored_token(tmp_path: Path):
    login, clock = Login(), VirtualClock()
    for _ in range(3):
        read(shop(login, clock, REFRESH, state=tmp_path))
    assert login.given == 1
    clock.elapsed += 1200
    read(shop(login, clock, REFRESH, state=tmp_path))
    assert login.forms[1]["refresh_token"] == ["refresh-1"]


def test_s17_two_processes_refresh_once(tmp_path: Path):
    login, clock = Login(), VirtualClock()
    first, second = (shop(login, clock, REFRESH, state=tmp_path) for _ in range(2))
    read(first)
    read(second)
    clock.elapsed += 1200
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, [first, second]))
    assert login.given == 2


def test_s17_tokens_are_readable_by_their_owner_only(tmp_path: Path):
    read(shop(Login(), auth=REFRESH, state=tmp_path))
    stored = tmp_path / "login-thing_shop-api.json"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / f"{stored.name}.lock").stat().st_mode) == 0o600
    stored.chmod(0o644)
    with pytest.raises(BadSetup, match="chmod 600"):
        FileTokens(stored).load()


def test_s17_a_damaged_token_file_is_said(tmp_path: Path):
    handle = os.open(tmp_path / "t.json", os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(handle, b"{")
    os.close(handle)
    with pytest.raises(BadSetup, match="damaged"):
        FileTokens(tmp_path / "t.json").load()


def test_s17_a_new_first_token_in_the_environment_voids_the_stored_one(tmp_path: Path):
    login, clock = Login(), VirtualClock()
    read(shop(login, clock, REFRESH, state=tmp_path))
    login.refresh = "anew"
    read(shop(login, clock, REFRESH, state=tmp_path, environ={**ENVIRON, "THING_REFRESH": "anew"}))
    assert login.forms[-1]["refresh_token"] == ["anew"]


def test_s17_a_stored_token_that_is_good_no_longer_is_told_with_its_place(tmp_path: Path):
    """What the variable holds may be good again, as after a reset: nobody could find out what stood in its way."""
    login, clock = Login(), VirtualClock()
    read(shop(login, clock, REFRESH, state=tmp_path))
    login.refresh = "first-refresh"
    clock.elapsed += 1200
    with pytest.raises(AuthFailed, match=r"login kept in .*login-thing_shop-api\.json is good no longer.* into THING_REFRESH"):
        read(shop(login, clock, REFRESH, state=tmp_path))
    (tmp_path / "login-thing_shop-api.json").unlink()
    read(shop(login, clock, REFRESH, state=tmp_path))


def test_s17_a_server_that_does_not_rotate_keeps_its_token(tmp_path: Path):
    login, clock = Login(rotates=False), VirtualClock()
    connection = shop(login, clock, REFRESH, state=tmp_path)
    read(connection)
    clock.elapsed += 1200
    read(connection)
    assert [form["refresh_token"][0] for form in login.forms] == ["first-refresh", "first-refresh"]


def test_s17_a_lost_refresh_is_not_repeated_blindly(tmp_path: Path):
    server = Server(Script(httpx.ReadTimeout("lost")))
    with pytest.raises(NotSent):
        read(shop(server, auth=REFRESH, state=tmp_path, patience=None))
    assert all(request.url.path == "/token" for request in server.requests)


def test_stored_tokens_do_not_print():
    assert "abc" not in repr(StoredToken("abc-refresh", "abc-access", 0.0, "seed"))


def test_a_system_is_a_context():
    with connect(spec(), Script(answer([]))) as connection:
        assert isinstance(connection.spec, SystemSpec)
    with pytest.raises(BadSetup, match="no entity 'thingz'; known are things"):
        connection.reader("thingz")
