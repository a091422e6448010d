"""What an answer to a write means. Decided here and nowhere else."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal
from urllib.parse import unquote, urlsplit

from talk_assets.specs.client import Client
from talk_assets.systems import strict_json
from talk_assets.systems.calling.http import Answer
from talk_assets.systems.calling.retry import TOO_MANY, retry_after
from talk_assets.systems.calling.words import says_no
from talk_assets.systems.errors import (
    AuthFailed,
    BadAnswer,
    BadRecord,
    CannotWrite,
    NotSent,
    Refused,
    SystemsError,
    Throttled,
)
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.reading.rows import record_id

WriteKind = Literal["create", "update", "delete"]
ACCEPTED = 202
_TOO_EARLY = 425
_STALE = frozenset({409, 412})
_GONE = frozenset({404, 410})
_AUTH = frozenset({401, 403, 407})
_MAYBE_DONE = frozenset({408})
_IN_BRACKETS = re.compile(r"\w+\(('?)(.+)\1\)")
"""`accounts(7)`, or `accounts('A7')`: how OData names a record."""
_FAILED_TEST = re.compile(r"not equal to the test value|test operation|\btest\b.{0,40}\bfail", re.IGNORECASE)
# RFC 9110: these two say that the request was not looked at, and where to go instead; the others may follow a finished one.
_TURNED_AWAY = frozenset({307, 308})


class Verdict(StrEnum):
    done = "done"
    not_sent = "not_sent"
    """Not a byte left: send again."""
    not_executed = "not_executed"
    """The server put it off: send again, after `retry_after` seconds."""
    rejected = "rejected"
    """The server understood and will not; again only when the data changed."""
    stale = "stale"
    """The record is not what we believed: look again, plan again."""
    gone = "gone"
    """There is no such record."""
    auth = "auth"
    """We are not let in: stop writing to this system."""
    unknown = "unknown"
    """It may have happened: find out before anything else."""


@dataclass(frozen=True)
class Outcome:
    verdict: Verdict
    words: str = ""
    """The server's own, or ours where it said nothing."""
    status: int | None = None
    id: str | None = None
    record: Record | None = None
    """As the server answered it; absent where it answered nothing."""
    adopted: bool = False
    """A create that turned out to have happened before."""
    conflict: bool = False
    """A create refused because something like it exists."""
    retry_after: float | None = None


def classify(
    answer: Answer,
    kind: WriteKind,
    client: Client,
    words: Callable[[], str],
    read_record: Callable[[Answer], Record],
    target: str | None = None,
    named: str | None = None,
) -> Outcome:
    """From the answer alone; `words` are the server's own, looked for where they matter, `target` is the id that was written
    to, and `named` where a creation is answered with an id alone.
    """
    status = answer.status
    if 200 <= status < 300:
        return _success(answer, kind, client, words, read_record, target, named if kind == "create" else None)
    said = words()
    verdict = _refusal(status, kind, said)
    outcome = Outcome(verdict, said or f"HTTP {status}", status)
    if verdict is Verdict.not_executed:
        return replace(outcome, retry_after=retry_after(answer) or client.retry_after_seconds)
    return replace(outcome, conflict=kind == "create" and status in _STALE)


def from_failure(failure: SystemsError) -> Outcome:
    """The same for a request that got no answer, or one we could not read."""
    said = str(failure)
    match failure:
        case NotSent() | Refused() | CannotWrite():
            return Outcome(Verdict.not_sent, said)
        case Throttled():
            return Outcome(Verdict.not_executed, said, TOO_MANY, retry_after=failure.retry_after)
        case AuthFailed():
            return Outcome(Verdict.auth, said)
        case BadAnswer():
            return Outcome(Verdict.unknown, said, failure.status)
        case _:
            return Outcome(Verdict.unknown, said)


def _refusal(status: int, kind: WriteKind, said: str) -> Verdict:
    if status in {TOO_MANY, _TOO_EARLY}:
        return Verdict.not_executed
    if status in _AUTH:
        return Verdict.auth
    if status in _TURNED_AWAY:
        return Verdict.rejected
    if status in _MAYBE_DONE or not 400 <= status < 500:
        return Verdict.unknown
    if kind != "create" and status in _GONE:
        return Verdict.gone
    if kind == "update" and (status in _STALE or _FAILED_TEST.search(said)):
        return Verdict.stale
    return Verdict.rejected


def _success(
    answer: Answer,
    kind: WriteKind,
    client: Client,
    words: Callable[[], str],
    read_record: Callable[[Answer], Record],
    target: str | None,
    named: str | None,
) -> Outcome:
    status = answer.status
    if status == ACCEPTED:
        return Outcome(Verdict.unknown, "accepted, to be done later", status)
    if client.success and says_no(answer, client.success):
        return Outcome(Verdict.rejected, words() or "refused", status)
    is_empty = not answer.body.strip()
    if is_empty or named is not None:
        id_ = target or (_id_in_location(answer) if is_empty else _id_in_body(answer, named or ""))
        if id_ is None:
            return Outcome(Verdict.unknown, f"the answer does not name the record {words()}"[:500].rstrip(), status)
        return Outcome(Verdict.done, status=status, id=id_)
    try:
        if kind == "delete":
            strict_json.require_json(answer.body, answer.content_type, answer.told)
            return Outcome(Verdict.done, status=status, id=target)
        record = read_record(answer)
    except BadAnswer as failure:
        return Outcome(Verdict.unknown, f"{failure} ({words()})"[:500], status)
    if target is not None and record.id != target:
        return Outcome(Verdict.unknown, f"the answer shows record {record.id!r} instead of {target!r}", status)
    return Outcome(Verdict.done, status=status, id=record.id, record=record)


def _id_in_body(answer: Answer, path: str) -> str | None:
    try:
        strict_json.require_json(answer.body, answer.content_type, answer.told)
        return record_id(strict_json.loads(answer.body), path)
    except (BadAnswer, BadRecord):
        return None


def _id_in_location(answer: Answer) -> str | None:
    """The last step of the address of a new record. It is only read: nothing is ever fetched from a Location."""
    try:
        path = urlsplit(answer.headers.get("location", "")).path
    except ValueError:
        return None
    last = unquote(path.rstrip("/").rpartition("/")[2])
    in_brackets = _IN_BRACKETS.fullmatch(last)
    return (in_brackets[2] if in_brackets else last) or None
