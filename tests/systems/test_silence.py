"""A system that does not answer is waited for, but not all day."""

import httpx
import pytest

from talk_assets.systems.calling.http import Call
from talk_assets.systems.calling.silence import REST
from talk_assets.systems.connection import Connection
from talk_assets.systems.errors import BadAnswer, NoAnswer, NotSent
from talk_assets.systems.reading.reader import Found
from tests.systems.support import BASE, Handler, Server, VirtualClock, answer, connect, spec

PATIENCE = 60.0
"""Seconds that one request has."""


class Outage:
    """Some requests (by method and how their path ends) are taken and never answered, or do not even get through."""

    def __init__(self, clock: VirtualClock, *, hangs: str | None = None, is_cut_off: bool = False) -> None:
        self._clock = clock
        self.hangs, self.is_cut_off = hangs, is_cut_off
        self.server = Server(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.is_cut_off:
            raise httpx.ConnectError("nobody there", request=request)
        if self.hangs is not None and f"{request.method} {request.url.path}".endswith(self.hangs):
            self._clock.sleep(PATIENCE)
            raise httpx.ReadTimeout("no answer", request=request)
        return answer({"id": request.url.path.rpartition("/")[2]})


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def shop(handler: Handler, clock: VirtualClock) -> Connection:
    return connect(spec(), handler, clock)


def asked(connection: Connection, *ids: str) -> list[type[Exception] | None]:
    """What keeps each of some records from being read."""
    found: list[type[Exception] | None] = []
    for id_ in ids:
        try:
            assert isinstance(connection.reader("things").one(id_), Found)
        except (NoAnswer, NotSent, BadAnswer) as failure:
            found.append(type(failure))
        else:
            found.append(None)
    return found


def test_who_never_answers_is_waited_for_twice_and_not_once_for_each_question(clock: VirtualClock):
    outage = Outage(clock, hangs="")
    connection = shop(outage.server, clock)
    assert asked(connection, *"123456") == [NoAnswer, NoAnswer, *[NotSent] * 4]
    assert len(outage.server.requests) == 2
    assert clock.elapsed == 2 * PATIENCE


def test_one_question_without_an_answer_keeps_no_other_from_being_answered(clock: VirtualClock):
    outage = Outage(clock, hangs="/2")
    assert asked(shop(outage.server, clock), *"12345") == [None, NoAnswer, None, None, None]


def test_who_cannot_be_reached_is_tried_patiently_and_then_not_again_for_a_while(clock: VirtualClock):
    outage = Outage(clock, is_cut_off=True)
    connection = shop(outage.server, clock)
    assert asked(connection, *"1234") == [NotSent] * 4
    assert len(outage.server.requests) == 5
    with pytest.raises(NotSent, match=r"not asked again so soon after: GET /v1/things/1 at .*: nobody there"):
        connection.reader("things").one("5")


def test_after_a_rest_one_question_finds_out_for_all_others(clock: VirtualClock):
    outage = Outage(clock, is_cut_off=True)
    connection = shop(outage.server, clock)
    asked(connection, "1")
    outage.server.requests.clear()
    clock.sleep(REST)
    assert asked(connection, "2", "3") == [NotSent, NotSent]
    assert len(outage.server.requests) == 1
    outage.is_cut_off = False
    assert asked(connection, "4") == [NotSent]
    clock.sleep(REST)
    assert asked(connection, "5", "6") == [None, None]


def test_an_answer_ends_the_silence_whatever_it_says(clock: VirtualClock):
    outage = Outage(clock, is_cut_off=True)
    broken = False

    def handler(request: httpx.Request) -> httpx.Response:
        return answer({}, 503) if broken else outage.server(request)

    connection = shop(handler, clock)
    asked(connection, "1")
    clock.sleep(REST)
    broken = True
    assert asked(connection, "2", "3") == [BadAnswer, BadAnswer]


def test_where_only_writes_hang_they_are_left_for_later_and_reading_goes_on(clock: VirtualClock):
    outage = Outage(clock, hangs="POST /v1/things")
    connection = shop(outage.server, clock)
    came: list[type[Exception]] = []
    for number in range(4):
        with pytest.raises((NoAnswer, NotSent)) as failure:
            connection.client("things").write(Call("POST", f"{BASE}/things"))
        came.append(failure.type)
        assert asked(connection, str(number)) == [None]
    assert came == [NoAnswer, NoAnswer, NotSent, NotSent]
    assert clock.elapsed == 2 * PATIENCE
