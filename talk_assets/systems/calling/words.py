"""What a server says about its refusal, in its own words."""

from collections.abc import Iterable
from typing import Any

from talk_assets.systems import strict_json
from talk_assets.systems.calling.http import Answer
from talk_assets.systems.errors import BadRecord, TooLarge

_LONGEST = 500


def words(answer: Answer, paths: Iterable[str]) -> str:
    """The first of `paths` that says something; else the body itself if it is short text."""
    try:
        body = strict_json.loads(answer.body)
    except (BadRecord, TooLarge):
        if "html" in answer.content_type:
            return "an HTML page"
        return answer.body[:_LONGEST].decode(errors="replace").strip()
    for path in paths:
        if told := _text(member(body, path)):
            return told[:_LONGEST]
    return answer.body[:_LONGEST].decode(errors="replace") if body else ""


def at(body: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for step in path.split("."):
        if not isinstance(body, dict):
            return None
        body = body.get(step)
    return body


def member(body: Any, path: str) -> Any:
    """What a body says beside its records. A name with dots of its own, as `@odata.nextLink`, is found whole first."""
    if not isinstance(body, dict):
        return None
    first, _, rest = path.partition(".")
    if path in body or not rest:
        return body.get(path)
    return member(body.get(first), rest)


def says_no(answer: Answer, path: str) -> bool:
    """Whether a body that tells success or failure at `path` tells failure."""
    try:
        return member(strict_json.loads(answer.body), path) is False
    except (BadRecord, TooLarge):
        return False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    if isinstance(value, dict):
        return "; ".join(filter(None, map(_text, value.values())))
    return "" if value is None or isinstance(value, bool) else str(value)
