"""No secret leaves the process as text: values are blotted out wherever text does."""

import base64
import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = 4
_NAMED = re.compile(
    r"""(?ix)
    (?P<name>(?:proxy-)?authorization | (?:set-)?cookie | ocp-apim-subscription-key | x-api-key | api[-_]?key
        | (?:access|refresh|id)_token | client_secret | password | subscription-key)
    (?P<between>["']?\s*[:=]\s*["']?)
    (?P<value>(?:(?:basic|bearer)\s+)?[^\s"',;&)}\]]+)
    """
)


class Redactor:
    """Knows the secrets of a process so far, in every form they travel in."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Also blot these out: tokens come to be known while running."""
        fresh = {form for secret in secrets for form in _forms(secret)} - self._forms
        if fresh:
            self._forms |= fresh
            self._pattern = None

    def text(self, text: str) -> str:
        if self._forms:
            # To make it takes longer than most requests do, and most texts hold no token that has not expired.
            self._pattern = self._pattern or _any_of(self._forms)
            text = self._pattern.sub(MASK, text)
        return _NAMED.sub(rf"\g<name>\g<between>{MASK}", text)


def _any_of(forms: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, longest_first)))


def quieten() -> None:
    """Httpx logs whole addresses at INFO, httpcore whole headers at DEBUG: neither has anything to say to us."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _forms(secret: str) -> set[str]:
    if len(secret) < _SHORTEST:
        return set()
    plain = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}
    plain.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    return plain | _base64_forms(secret.encode())


def _base64_forms(secret: bytes) -> set[str]:
    """How the secret looks inside base64 of a longer text: depends on where in a group of three it starts."""
    found = set()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            padded = encode(bytes(shift) + secret).decode().rstrip("=")
            # Characters that also hold bits of what stands before or after cannot be known.
            start = (shift * 8 + 5) // 6
            end = (shift + len(secret)) * 8 // 6
            if end - start >= _SHORTEST:
                found.add(padded[start:end])
    return found
