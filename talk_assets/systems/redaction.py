"""No secret leaves the process as text: values are blotted out wherever text does."""

import base64
import json
import logging
import re
from collections.abc import Iterable
from threading import Lock
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
        self._adding = Lock()
        self._forms: frozenset[str] = frozenset()
        self._made: tuple[frozenset[str], re.Pattern[str] | None] = self._forms, None
        """What was looked for last, and by what: another thread may come to know a secret meanwhile."""
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Also blot these out: tokens come to be known while running."""
        with self._adding:
            self._forms |= {form for secret in secrets for form in _forms(secret)}

    def text(self, text: str) -> str:
        forms = self._forms
        made, pattern = self._made
        if made != forms:
            # It takes longer than most requests do, and most texts hold no token that was new once.
            longest_first = sorted(forms, key=lambda form: (-len(form), form))
            pattern = re.compile("|".join(map(re.escape, longest_first)))
            self._made = forms, pattern
        if pattern:
            text = pattern.sub(MASK, text)
        return _NAMED.sub(rf"\g<name>\g<between>{MASK}", text)


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
