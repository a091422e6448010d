"""A system that takes nothing about some thing for some rounds, whatever it is told: refused, forbidden, or failing."""

from collections import Counter
from dataclasses import dataclass, field

import httpx

from talk_assets.simulate.estate import Estate, tokens_in
from talk_assets.simulate.ports import changes, system_of

SAID = "this is not taken here"
_FAILS = 500
_AGAIN = 2
"""So often a refused write may be sent, where nothing else happens: when it is planned, and when it is looked at closer."""


@dataclass(frozen=True)
class Refusal:
    """What a system refuses."""

    estate: Estate
    system: str
    thing: int
    status: int
    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often it was told what."""

    def is_about(self, request: httpx.Request) -> bool:
        if not changes(request) or system_of(request) != self.system:
            return False
        steps = request.url.path.split("/")
        there = [place.thing for place in self.estate.live(self.system) if place.id in steps]
        told = {token.thing for token in tokens_in(request.content.decode("utf-8", "replace"))}
        # Of a record that is gone, its system says just that.
        return self.thing in there or (self.thing in told and request.method == "POST")

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.told[request.method, request.url.path, request.content.decode("utf-8", "replace")] += 1
        body = f'{{"message": "{SAID}"}}'.encode()
        headers = {"content-type": "application/json"}
        return httpx.Response(self.status, headers=headers, stream=httpx.ByteStream(body), request=request)

    def insisted(self, disturbances: int) -> str | None:
        """What it was told more often than anybody needs to see that it is refused."""
        often = [told for told, count in self.told.items() if count > _AGAIN + disturbances]
        return " ".join(often[0]) if often and self.status != _FAILS else None
