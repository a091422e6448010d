"""Refresh tokens that work once: whoever shows a used one has stolen it, or lost an answer, and everybody is out."""

from typing import Any

from talk_assets.sandbox.calls import Answer, json_answer
from talk_assets.sandbox.clock import TICKS_PER_SECOND
from talk_assets.sandbox.seed.draw import mixed


class Rotation:
    def __init__(self, first: str) -> None:
        self._valid = first
        self._used: set[str] = set()
        self._until: dict[str, int] = {}
        self._turns = 0

    def memory(self) -> list[Any]:
        return [self._valid, sorted(self._used), self._until, self._turns]

    def recall(self, held: list[Any]) -> None:
        self._valid, used, self._until, self._turns = held
        self._used = set(used)

    def exchange(self, token: str, now: int, seconds: int) -> Answer:
        if token in self._used:
            self._valid = ""
            self._until.clear()
        if not token or token != self._valid:
            return json_answer(400, {"error": "invalid_grant", "error_description": "The refresh token is not valid any more."})
        self._turns += 1
        self._used.add(token)
        self._valid = f"crm-refresh-{self._turns}-{mixed(now):016x}"
        access = f"crm-access-{self._turns}-{mixed(now + 1):016x}"
        self._until[access] = now + seconds * TICKS_PER_SECOND
        return json_answer(
            200,
            {
                "access_token": access,
                "expires_in": seconds,
                "token_type": "Bearer",
                "refresh_token": self._valid,
                "scope": "crmoffice offline_access",
            },
            {"cache-control": "no-store"},
        )

    def lets_in(self, access: str, now: int) -> bool:
        return now < self._until.get(access, 0)
