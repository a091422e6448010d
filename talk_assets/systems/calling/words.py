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
        if told := _text(at(body, path)):
            return told[:_LONGEST]
    return answer.body[:_LONGEST].decode(errors="replace") if body else ""


def at(body: Any, path: str) -> Any:
    """What stands at a dotted path; None where nothing does."""
    for step in path.split("."):
        if not isinstance(body, dict):
            return None
        body = body.get(step)
    return body


def says_no(answer: Answer, path: str) -> bool:
    """Whether a body that tells success or failure at `path` tells failure."""
    try:
        return at(strict_json.loads(answer.body), path) is False
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
