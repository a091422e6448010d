"""What people do to a thing of which a counterpart is being made, while nobody knows whether it was made."""

from dataclasses import dataclass
from typing import Any

import httpx

from talk_assets.simulate.estate import Estate, Place, key_of, made, tokens_in
from talk_assets.simulate.events import FIRST_EVENT, Event
from talk_assets.simulate.ports import system_of
from talk_assets.simulate.schedule import ALONE, Schedule, Thing, startable
from talk_assets.simulate.witness import Witness

BY_HAND = 50
"""What the values of a record tell as their edit that is made later, of a thing that was there from the start."""


@dataclass(frozen=True)
class Opened:
    schedule: Schedule
    estate: Estate
    witness: Witness

    def records(self, which: str, request: httpx.Request | None) -> list[Place]:
        """Of a creation of which nobody knows what came of it: what it is made from (`source`), or what it `made`; or the
        record that is being `written`.
        """
        there = self.estate.live()
        if which == "written":
            steps = request.url.path.split("/") if request else []
            found = [one for one in there if request and one.id in steps and one.entity.startswith(f"{system_of(request)}.")]
            return [one for one in found if self._may_be_known_otherwise(one.thing)]
        thing = self._being_made(request)
        if not self._may_be_known_otherwise(thing):
            return []
        is_made = which == "made"
        return [one for one in there if one.thing == thing and ((one.entity, one.id) not in self.estate.born) == is_made]

    def key(self, which: str, pick: float, request: httpx.Request | None) -> tuple[Place | None, str | None]:
        """One of these records, and something that it is recognised by."""
        topology = self.estate.topology
        ways = [
            (place, name)
            for place in self.records(which, request)
            for name, paths in topology.plain.items()
            if name in topology.keys and (path := paths.get(place.entity)) and self._is_writable(place.entity, path)
        ]
        return ways[int(pick * len(ways))] if ways else (None, None)

    def double(self, event: Event, request: httpx.Request | None) -> str:
        """A second record with the key of one of which a counterpart is being made, there or where that is made."""
        sources = self.records("source", request)
        if not sources or (number := sources[0].thing) is None or not (keys := self._keys(sources[0])):
            return ""
        here, model = sources[0].entity, self.estate.topology.model
        # What has no key in common with all of its subject is known there by what it was made from alone.
        targets = [] if here in ALONE else [one.target for one in model.mappings if one.source == here and one.creates]
        entities = [here, *targets]
        recognised = {key for match in model.matches if match.pairs for key in (match.source, match.target)}
        entities = [key for key in entities if startable(key) and key in recognised]
        if not entities:
            return ""
        key = entities[int(event.pick * len(entities))]
        # Who has its key has what it was made with.
        edit = BY_HAND if number < FIRST_EVENT else number
        thing = Thing(number, model.entities[key].subject, (key,))
        place = self.estate.create(thing, key, edit, event.chance(self.schedule.seed))
        if place is None:
            return ""
        if not keys & self._keys(place):
            # Its system has given it another one.
            self.estate.erase(place)
            del self.estate.born[place.entity, place.id]
            return ""
        self.witness.doubled.add(number)
        return f"somebody creates {key}/{place.id}, with the key of thing {number}"

    def _keys(self, place: Place) -> set[tuple[int, tuple[Any, ...]]]:
        """What rules could know a record by."""
        rules = [match for match in self.estate.topology.model.matches if place.entity in (match.source, match.target)]
        return {(match.number, key) for match in rules if (key := key_of(place, match))}

    def _being_made(self, request: httpx.Request | None) -> int | None:
        if request is not None:
            return next((token.thing for token in tokens_in(request.content.decode("utf-8", "replace"))), None)
        return self.witness.unanswered[-1] if self.witness.unanswered else None

    def _may_be_known_otherwise(self, thing: int | None) -> bool:
        """Whether who changes the key of a thing's record makes no other thing of it: what stands alone is linked with nothing
        by its key.
        """
        return thing is not None and (self.witness.has_linked or thing >= FIRST_EVENT)

    def _is_writable(self, entity: str, path: str) -> bool:
        prop = self.estate.topology.model.entities[entity].prop(path)
        return prop.access == "read_write" and made(prop, path, 0, 0) is not None
