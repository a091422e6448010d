"""Rules S1-S8, S13 and S15: what a hostile or broken server, spec or record must not achieve."""

import ast
import base64
import json
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpcore
import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from talk_assets.specs.reach import reachable
from talk_assets.systems.calling.address import Base, fill
from talk_assets.systems.calling.http import Bounds, open_transport
from talk_assets.systems.calling.network import GuardedNetwork, until
from talk_assets.systems.calling.retry import Patience
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.errors import BadAnswer, BadSetup, CannotWrite, NoAnswer, NotSent, Refused, SystemsError
from talk_assets.systems.reading import rows
from talk_assets.systems.redaction import Redactor
from talk_assets.systems.secrets import Secrets, missing, names
from talk_assets.systems.writing.outcome import Verdict
from tests.systems.support import BASE, ENVIRON, Script, Server, VirtualClock, answer, connect, empty, spec

ELSEWHERE = [
    "https://evil.example.com/v1/things",
    "https://api.example.com.evil.com/v1/things",
    "https://api.example.com:8443/v1/things",
    "http://api.example.com/v1/things",
    "https://user@api.example.com/v1/things",
    "https://api.example.com@evil.example.com/things",
    "//evil.example.com/things",
    "\\\\evil.example.com\\things",
    "https:\\\\evil.example.com/things",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://api.example.com\n.evil.com/",
    "ftp://api.example.com/v1",
]
LOGIN = {
    "type": "oauth2_client_credentials",
    "token_url": "token",
    "client_id": {"env": "THING_USER"},
    "client_secret": {"env": "THING_PASSWORD"},
}


@pytest.mark.parametrize("link", ELSEWHERE)
def test_s01_no_link_leads_to_another_origin(link: str):
    with pytest.raises(Refused):
        Base.of(BASE).follow(link, f"{BASE}/things")


@pytest.mark.parametrize(
    "link",
    ["?page=2", "/v1/things?p=2", "https://API.example.com:443/v1/x", "things?cursor=a%2Fb", "https://api.example.com./v1"],
)
def test_s01_links_on_the_own_origin_are_followed(link: str):
    assert urlsplit(Base.of(BASE).follow(link, f"{BASE}/things")).scheme == "https"


def test_s01_a_token_address_is_read_like_a_link_and_keeps_to_the_origin():
    assert Base.of("https://goapi.example.net/v2").login("OAuth/Token").url == "https://goapi.example.net/OAuth/Token"
    assert (
        Base.of("https://goapi.example.net/Demo/v2/").login("OAuth/Token").url == "https://goapi.example.net/Demo/OAuth/Token"
    )


def test_s01_a_token_address_of_its_own_gets_no_header_of_the_api():
    def handler(request: httpx.Request) -> httpx.Response:
        return answer({"access_token": "t1"}) if request.url.host == "login.example.org" else answer([])

    server = Server(handler)
    auth = {**LOGIN, "token_url": "https://login.example.org/token"}
    headers = {"X-Subscription": {"env": "THING_TOKEN"}}
    list(connect(spec(auth=auth, headers=headers), server).reader("things").sweep())
    login, listing = server.requests
    assert (login.url.host, "x-subscription" in login.headers) == ("login.example.org", False)
    assert (listing.url.host, listing.headers["x-subscription"]) == ("api.example.com", ENVIRON["THING_TOKEN"])


def test_a_token_address_that_cannot_be_used_is_told_with_its_system_and_key():
    wrong = spec(auth={**LOGIN, "token_url": "http://login.example.org/token"})
    with pytest.raises(BadSetup, match=rf"{wrong.title}: its token_url cannot be used: .* is not https"):
        connect(wrong, Server(lambda _: answer([])))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_s02_redirects_reach_nobody(status: int, method: str):
    server = Server(lambda _: empty(status, location="https://evil.example.com/collect"))
    connection = connect(spec(), server)
    if method == "GET":
        with pytest.raises(BadAnswer, match="never followed"):
            connection.reader("things").one("1")
    else:
        connection.sender("things").send(connection.writer("things").create({"name": "x"}, "r"))
    assert [request.url.host for request in server.requests] == ["api.example.com"]


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"type": "bearer", "token": {"env": "THING_TOKEN"}}, ("authorization", "Bearer s3cret-token-value")),
        ({"type": "api_key", "header": "X-Api-Key", "key": {"env": "THING_TOKEN"}}, ("x-api-key", "s3cret-token-value")),
        (
            {"type": "basic", "username": {"env": "THING_TOKEN"}},
            ("authorization", "Basic " + base64.b64encode(b"s3cret-token-value:").decode()),
        ),
        (
            {"type": "basic", "username": {"env": "THING_USER"}, "password": {"env": "THING_PASSWORD"}},
            ("authorization", "Basic " + base64.b64encode("the-user:pa55/wörd+x".encode()).decode()),
        ),
    ],
)
def test_s03_credentials_are_put_on_each_request(auth: Any, expected: tuple[str, str]):
    server = Server(Script(answer([])))
    list(connect(spec(auth=auth), server).reader("things").sweep())
    assert server.requests[0].headers[expected[0]] == expected[1]


def test_s03_no_cookie_is_kept():
    server = Server(lambda _: answer([], set_cookie="session=1"))
    reader = connect(spec(), server).reader("things")
    list(reader.sweep())
    list(reader.sweep())
    assert all("cookie" not in request.headers for request in server.requests)


FORBIDDEN = [
    "https://127.0.0.2.nip.invalid@x/", "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/",
    "https://169.254.169.254/latest", "https://[fe80::1]/", "https://[fd00::1]/", "https://[fc00::]/",
    "https://[::ffff:169.254.169.254]/", "https://[::ffff:10.0.0.1]/", "https://0.0.0.0/", "https://[::]/",
    "https://100.64.0.1/", "https://224.0.0.1/", "https://255.255.255.255/", "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:a9fe:a9fe::]/", "https://[::169.254.169.254]/", "https://2852039166/", "https://0xa9fea9fe/",
    "https://0xa9.0xfe.0xa9.0xfe/", "https://0251.0376.0251.0376/", "https://10.1/", "https://192.168.257/",
    "https://[::ffff:a9fe:a9fe]/", "https://[2001:db8::1]/", "https://198.18.0.1/", "https://240.0.0.1/",
    "https://169.254.169.254./", "https://192.0.2.1/",
    "http://api.example.com/", "http://8.8.8.8/", "ftp://api.example.com/", "api.example.com", "https://", "https:///v1",
    "https://user:pass@api.example.com/", "https://api.example.com/?a=b", "https://api.example.com/#x",
    "https://api.example.com:99999/", "https://api example.com/", "https://api.example.com\\@evil/", "file:///etc/passwd", "",
]  # fmt: skip


@pytest.mark.parametrize("url", FORBIDDEN)
def test_s04_base_addresses_that_are_refused(url: str):
    with pytest.raises(BadSetup):
        Base.of(url)


@pytest.mark.parametrize("url", ["https://api.example.com/v1/", "https://8.8.8.8", "https://[2606:4700::1111]/"])
def test_s04_public_addresses_are_called(url: str):
    assert Base.of(url).reach == "public"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8701/v2", "http://localhost:1", "http://[::1]:8080", "https://127.0.0.9"])
def test_s04_loopback_is_called_where_it_is_spelled_out(url: str):
    assert Base.of(url).reach == "loopback"


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("::ffff:127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("fd00::1", "private"),
        ("::ffff:8.8.8.8", "public"),
    ],
)
def test_s04_what_an_address_wraps_is_what_counts(address: str, reach: Any):
    assert reachable(ip_address(address), reach)
    assert not reachable(ip_address("::ffff:169.254.169.254"), reach)


def test_s04_ones_own_network_is_called_where_the_spec_says_so():
    assert Base.of("https://10.0.0.1/", private=True).reach == "private"
    for url in ("https://169.254.169.254/", "http://10.0.0.1/", "https://[::ffff:169.254.169.254]/"):
        with pytest.raises(BadSetup):
            Base.of(url, private=True)
    assert connect(spec(base_url="https://10.0.0.1", allow_private_network=True), Script(answer([])))


@pytest.mark.parametrize("found", [["10.0.0.1"], ["::ffff:169.254.169.254"], ["127.0.0.1"], ["fe80::1%eth0"], []])
def test_s04_a_name_that_leads_inside_is_not_connected_to(found: list[str]):
    network = GuardedNetwork("public", SystemClock(), lambda _host, _port: found)
    with pytest.raises(Refused, match=r"rebound\.example leads to"):
        network.connect_tcp("rebound.example", 443)


def test_s04_the_address_that_was_checked_is_the_one_connected_to():
    """A resolver that answers differently the second time is never asked a second time."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with listening(lambda peer: peer.sendall(b"x")) as port:
        stream = GuardedNetwork("loopback", SystemClock(), rebinding).connect_tcp("localhost", port, timeout=5)
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        stream.close()
    assert asked == ["localhost"]
    with pytest.raises(Refused):
        GuardedNetwork("loopback", SystemClock(), lambda _host, _port: ["8.8.8.8"]).connect_tcp("localhost", 1)


def test_s04_a_transport_uses_the_guarded_network():
    transport = open_transport(Base.of("https://api.example.com"), SystemClock(), look_up=lambda _host, _port: ["10.0.0.1"])
    connection = connect(spec(), Script(answer([])), transport=lambda _base, _certificates: transport)
    with connection, pytest.raises(Refused, match="out of its reach"):
        connection.reader("things").one("1")


def test_s04_a_name_nobody_knows_is_not_sent():
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    transport = open_transport(Base.of("https://api.example.com"), SystemClock(), look_up=unknown)
    with (
        connect(spec(), Script(answer([])), transport=lambda _base, _certificates: transport) as connection,
        pytest.raises(NotSent, match="not found"),
    ):
        connection.reader("things").one("1")


CERTIFICATES = Path(__file__).parent / "certificates"


def test_s05_a_certificate_nobody_vouches_for_is_refused_and_nothing_is_sent():
    heard: list[bytes] = []
    with tls_server(heard) as port, pytest.raises(NotSent, match=r"(?i)certificate"):
        real_reader(f"https://127.0.0.1:{port}").one("1")
    assert heard == []


def test_s05_a_system_may_bring_its_own_certificate_authority():
    heard: list[bytes] = []
    environ = {**ENVIRON, "THING_CA": str(CERTIFICATES / "loopback.pem")}
    with tls_server(heard) as port:
        found = real_reader(f"https://127.0.0.1:{port}", environ=environ, certificates_env="THING_CA").one("1")
    assert found
    assert b"s3cret-token-value" in heard[0]


def test_s05_certificates_that_cannot_be_read_are_said():
    with pytest.raises(BadSetup, match=r"nowhere\.pem cannot be used"):
        real_reader("https://127.0.0.1:1", environ={**ENVIRON, "THING_CA": "nowhere.pem"}, certificates_env="THING_CA")


def test_s05_nothing_turns_verification_off():
    for path in Path("talk_assets/systems").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in {"verify", "check_hostname", "verify_mode"}:
                assert not (isinstance(node.value, ast.Constant) and node.value.value is False), path
            assert not (isinstance(node, ast.Attribute) and node.attr in {"CERT_NONE", "_create_unverified_context"}), path


def test_s06_headers_that_drip_end_at_the_deadline():
    def drip(peer: socket.socket) -> None:
        for _ in range(100):
            peer.sendall(b"H")
            if stop.wait(0.02):
                return

    stop = threading.Event()
    with listening(drip) as port, pytest.raises(NoAnswer):
        real_reader(f"http://127.0.0.1:{port}", bounds=Bounds(seconds=0.2)).one("1")
    stop.set()


def test_s06_a_socket_gives_only_the_time_that_is_left():
    clock = VirtualClock()
    with listening(lambda peer: peer.sendall(b"x")) as port:
        stream = GuardedNetwork("loopback", clock).connect_tcp("127.0.0.1", port)
        with until(10):
            assert stream.read(1, timeout=5) == b"x"
            clock.elapsed = 11
            with pytest.raises(httpcore.ReadTimeout):
                stream.read(1, timeout=5)
            with pytest.raises(httpcore.WriteTimeout):
                stream.write(b"x", timeout=5)
        stream.close()


def test_s07_all_missing_variables_are_named_at_once():
    system = spec(
        auth=LOGIN,
        headers={"X-Subscription": {"env": "THING_SUBSCRIPTION"}},
        limits={"requests": 1, "shared_by": "THING_SHARE"},
    )
    assert names(system) == ["THING_USER", "THING_PASSWORD", "THING_SUBSCRIPTION", "THING_SHARE"]
    with pytest.raises(BadSetup, match="THING_PASSWORD, THING_SUBSCRIPTION, THING_SHARE"):
        Secrets(system, {"THING_USER": "u", "THING_SUBSCRIPTION": " "})
    assert missing([system], ENVIRON) == {"thing_shop": ["THING_SUBSCRIPTION", "THING_SHARE"]}


def test_s07_a_garbled_secret_is_named_and_not_shown():
    with pytest.raises(BadSetup, match="THING_TOKEN") as caught:
        Secrets(spec(), {"THING_TOKEN": "abc\x07def"})
    assert "abc" not in str(caught.value)
    assert Secrets(spec(), {"THING_TOKEN": "abc\n"}).values() == ["abc"]


def test_s07_secrets_print_as_their_names():
    assert repr(Secrets(spec(), ENVIRON)) == "Secrets(THING_TOKEN)"


CANARY = "c4nary/Kéy+value=="
ASCII_CANARY = "c4nary/Key+value=="
FORMS = [
    CANARY,
    quote(CANARY, safe=""),
    quote(CANARY),
    CANARY.replace("+", "%2B"),
    base64.b64encode(CANARY.encode()).decode(),
    base64.b64encode(f"user:{CANARY}".encode()).decode(),
    base64.b64encode(f"ab{CANARY}:pass".encode()).decode(),
    base64.urlsafe_b64encode(CANARY.encode()).decode(),
    json.dumps(CANARY),
]


@pytest.mark.parametrize("form", FORMS[:3] + FORMS[4:])
def test_s08_every_form_of_a_secret_is_blotted_out(form: str):
    told = Redactor([CANARY]).text(f"before {form} after")
    assert "***" in told
    for piece in (CANARY, "c4nary", base64.b64encode(CANARY.encode()).decode()[2:20]):
        assert piece not in told


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefgh",
        "{'Ocp-Apim-Subscription-Key': 'abcdefgh'}",
        "GET /x?access_token=abcdefgh&a=1",
        '{"client_secret": "abcdefgh"}',
        "x-api-key=abcdefgh",
        "Set-Cookie: abcdefgh; path=/",
    ],
)
def test_s08_values_under_telling_names_are_blotted_out_even_if_unknown(text: str):
    assert "abcdefgh" not in Redactor().text(text)


def test_s08_ordinary_text_is_left_alone():
    text = "GET /v1/customers?updated_after=2026-01-01 took 12 ms; 3 tokens of text, password rules apply"
    assert Redactor([CANARY, "ab"]).text(text) == text


@pytest.mark.parametrize(
    "response",
    [
        answer({"detail": f"key {ASCII_CANARY} is wrong"}, 400),
        answer({"detail": f"key {quote(ASCII_CANARY, safe='')}"}, 404),
        answer(f"<html>{ASCII_CANARY}</html>".encode(), 500),
        answer(f'{{"broken": "{ASCII_CANARY}'.encode()),
        answer({}, 401),
        answer({}, 429, retry_after="100000"),
        httpx.ReadTimeout(f"while sending {ASCII_CANARY}"),
        httpx.ConnectError(f"cannot reach https://x/?key={quote(ASCII_CANARY)}"),
        httpx.RemoteProtocolError(ASCII_CANARY),
        httpx.InvalidURL(f"bad {ASCII_CANARY}"),
    ],
)
def test_s08_no_failure_tells_a_secret(response: Any, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    system = spec(auth={"type": "api_key", "header": "X-Thing", "key": {"env": "THING_TOKEN"}}, error_message=["detail"])
    connection = connect(system, Script(response), environ={"THING_TOKEN": ASCII_CANARY})
    told: list[str] = []
    chain: list[BaseException | None] = []
    for attempt in (lambda: list(connection.reader("things").sweep()), lambda: connection.reader("things").one("1")):
        try:
            attempt()
        except SystemsError as failure:
            told += [str(failure), repr(failure), "".join(traceback.format_exception(failure, chain=True))]
            chain += [failure.__cause__, failure.__context__]
    outcome = connection.sender("things").send(connection.writer("things").create({"name": "x"}, "r"))
    told += [repr(outcome), repr(connection.reader("things")), caplog.text]
    assert len(told) > 3
    assert not any(hasattr(link, "_request") for link in chain)
    assert all(ASCII_CANARY not in text and quote(ASCII_CANARY, safe="") not in text for text in told)


def test_s08_httpx_has_nothing_to_say():
    connect(spec(), Script(answer([])))
    assert logging.getLogger("httpx").level == logging.WARNING
    assert logging.getLogger("httpcore").level == logging.WARNING


INJECTIONS = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "../admin",
            "1?x=",
            "1#f",
            "..",
            ".",
            "a/../b",
            "%2e%2e",
            "'; drop table x;--",
            "{id}",
            "\r\nX: y",
            "a\\b",
            "//evil",
            "@evil",
            "é/ø",
            "%00",
            "${x}",
            "{{7*7}}",
        ]
    ),
)


@given(INJECTIONS)
def test_s13_a_record_may_hold_any_text_and_stays_what_it_is(text: str):
    body = json.dumps({"items": [{"id": "1", "name": text, text + "k": text}]}).encode()
    layout = rows.Layout(("items",), None, "id", None, {})
    found = rows.read_rows(rows.take_apart(body, layout), layout)
    if found.ids:
        assert json.loads(found.texts[0])["name"] == text
    else:
        assert any(unfit in text for unfit in ["\0", *map(chr, range(0xD800, 0xE000))])


@given(INJECTIONS, INJECTIONS)
@example("../admin", "1?x=")
def test_s15_no_id_changes_the_route(first: str, second: str):
    try:
        path = fill("things/{parent}/parts/{id}", {"parent": first, "id": second})
    except CannotWrite:
        return
    steps = path.split("/")
    assert [steps[0], steps[2]] == ["things", "parts"]
    assert len(steps) == 4
    assert [unquote(steps[1]), unquote(steps[3])] == [first, second]
    url = httpx.Request("GET", Base.of(BASE).to(path)).url
    assert url.raw_path.decode() == f"/v1/{path}"
    assert (url.host, url.query, url.fragment) == ("api.example.com", b"", "")
    assert ".." not in unquote(path).split("/")


@pytest.mark.parametrize("id_", ["../admin", "..", ".", "a/../../b", "a\\..\\b", "", "a\r\nb", "a\0b"])
def test_s15_an_id_that_climbs_is_refused_and_nothing_sent(id_: str):
    server = Server(Script(answer({})))
    with pytest.raises(CannotWrite):
        connect(spec(), server).reader("things").one(id_)
    assert server.requests == []


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_s15_query_values_stay_values(params: dict[str, str]):
    try:
        url = httpx.Request("GET", Base.of(BASE).to("things", params.items())).url
    except UnicodeEncodeError:
        return
    assert dict(httpx.QueryParams(url.query)) == params
    assert url.path == "/v1/things"


@given(st.ip_addresses())
def test_s04_what_is_in_reach_of_the_public_is_public(ip: Any):
    if reachable(ip, "public"):
        kinds = {
            "private": ip.is_private,
            "loopback": ip.is_loopback,
            "link-local": ip.is_link_local,
            "multicast": ip.is_multicast,
        }
        assert not any(kinds.values())


def real_reader(url: str, *, environ: Any = None, bounds: Bounds | None = None, **client: Any) -> Any:
    system = spec(base_url=url, **client)
    return connect(
        system,
        Script(answer({})),
        SystemClock(),
        transport=lambda base, certificates: open_transport(base, SystemClock(), certificates=certificates),
        environ=environ or ENVIRON,
        bounds=bounds,
        patience=Patience(attempts=1),
    ).reader("things")


@contextmanager
def listening(serve: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def run() -> None:
            try:
                peer, _ = server.accept()
                with peer:
                    serve(peer)
            except OSError:
                pass

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


@contextmanager
def tls_server(heard: list[bytes]) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "loopback.pem", CERTIFICATES / "loopback.key")

    def serve(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as secure:
            heard.append(secure.recv(65536))
            body = b'{"id": "1"}'
            secure.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body
            )

    with listening(serve) as port:
        yield port


def test_s07_a_secret_that_no_header_carries_is_said_by_name():
    with pytest.raises(BadSetup, match="THING_TOKEN") as caught:
        connect(spec(), Script(answer([])), environ={"THING_TOKEN": CANARY})
    assert CANARY not in str(caught.value)


def test_s16_a_connection_for_reading_sends_no_write():
    server = Server(Script(answer({"id": "1"})))
    connection = connect(spec(), server, read_only=True)
    outcome = connection.sender("things").send(connection.writer("things").create({"name": "x"}, "r"))
    assert outcome.verdict is Verdict.not_sent
    assert "only reads" in outcome.words
    assert connection.reader("things").one("1")
    assert [request.method for request in server.requests] == ["GET"]
