"""One client of a system: polite, logged in, patient where that is safe."""

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

from talk_assets.systems.calling.auth import Credentials, Grant
from talk_assets.systems.calling.http import Answer, Call, Wire
from talk_assets.systems.calling.limits import Budget
from talk_assets.systems.calling.retry import TOO_MANY, Kind, Retrying, http_date
from talk_assets.systems.calling.silence import Silence
from talk_assets.systems.errors import AuthFailed, BadAnswer, NoAnswer, NotSent, Refused

_UNAUTHORISED = 401
_FORBIDDEN = 403
_NO_CLOCK = timedelta(days=36500)
"""What is further off tells nothing about a clock."""
_REDIRECTS = range(300, 400)


class ApiClient:
    def __init__(
        self,
        wire: Wire,
        credentials: Credentials,
        headers: Mapping[str, str],
        budget: Budget,
        retrying: Retrying,
        silences: Mapping[Kind, Silence],
        concurrency: int,
        *,
        read_only: bool = False,
    ) -> None:
        self.base = wire.base
        self._wire = wire
        self._credentials = credentials
        self._headers = headers
        self._budget = budget
        self._retrying = retrying
        self._silences = silences
        """Of reads and of writes: there are systems in which only one of them still works."""
        self._read_only = read_only
        self._in_flight = threading.BoundedSemaphore(max(1, concurrency))
        self.skew = timedelta()
        """How far the server's clock is ahead of ours, as its last dated answer showed."""

    def read(self, call: Call) -> Answer:
        """A GET, repeated while that may help. Redirects, refusals to let us in and lasting failures are errors."""
        answer = self._patiently(lambda: self._send(call, "read"), "read")
        if answer.status in _REDIRECTS:
            raise BadAnswer(f"{call.told} redirects (HTTP {answer.status}); redirects are never followed", answer.status)
        if answer.status in {_UNAUTHORISED, _FORBIDDEN}:
            raise AuthFailed(f"{call.told}: HTTP {answer.status}; the credentials do not allow it")
        if answer.status == TOO_MANY or answer.status >= 500:
            raise BadAnswer(f"{call.told}: still HTTP {answer.status} after several attempts", answer.status)
        return answer

    def write(self, call: Call, ready: Callable[[Call], Call] = lambda call: call) -> Answer:
        """Anything else, sent again only where it provably was not carried out. `ready` gives what is sent each time."""
        if self._read_only:
            raise Refused(f"{call.told} is not sent: this connection only reads")
        return self._patiently(lambda: self._send(ready(call), "write"), "write")

    def login(self, call: Call, credentials: Mapping[str, str], *, kind: Kind, wire: Wire | None = None) -> Answer:
        """The call for a token itself: as polite and patient as any, with credentials of its own."""
        return self._retrying.run(lambda: self._turn(call, credentials, kind, wire), kind)

    def redact(self, text: str) -> str:
        """For every text that quotes the server: it may quote what it was sent."""
        return self._wire.redact(text)

    def close(self) -> None:
        self._wire.close()

    def _patiently(self, send: Callable[[], Answer], kind: Kind) -> Answer:
        silence = self._silences[kind]
        silence.require_hope()
        try:
            return self._retrying.run(send, kind)
        except NotSent as failure:
            silence.unreachable(failure)
            raise

    def _send(self, call: Call, kind: Kind) -> Answer:
        grant = self._grant()
        answer = self._turn(call, {**self._headers, **grant.headers}, kind)
        if answer.status == _UNAUTHORISED and self._renew(grant):
            # A 401 was not carried out, so this is safe for writes too.
            answer = self._turn(call, {**self._headers, **self._grant().headers}, kind)
        return answer

    def _grant(self) -> Grant:
        try:
            return self._credentials.grant()
        except NoAnswer as failure:
            raise NotSent(f"no login: {failure}") from None

    def _renew(self, refused: Grant) -> bool:
        try:
            return self._credentials.renew(refused)
        except NoAnswer as failure:
            raise NotSent(f"no new login: {failure}") from None

    def _turn(self, call: Call, credentials: Mapping[str, str], kind: Kind, wire: Wire | None = None) -> Answer:
        self._budget.acquire()
        with self._in_flight:
            answer = self._silences[kind].measured(lambda: (wire or self._wire).exchange(call, credentials))
        dated = http_date(answer.headers.get("date", ""))
        if dated and abs(dated - answer.received) < _NO_CLOCK:
            self.skew = dated - answer.received
        return answer
