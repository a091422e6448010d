"""Changes that no value tells of: a record names another one, a value is emptied, names are written as one, a date moves."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from talk_assets.simulate.estate import Estate, Place, made
from talk_assets.simulate.schedule import Thing, startable
from talk_assets.simulate.wording import VALUES
from talk_assets.specs.property import Property

_COUNTRIES = {"NO": ("SE", "SE", "DK"), "SE": ("NO", "NO", "DK")}
"""By what a property may depend on: what its record may hold instead."""


@dataclass(frozen=True)
class Turn:
    """What somebody makes of one property of a record."""

    place: Place
    path: str
    fields: tuple[str, ...]
    """More than one where the property holds several in one."""
    value: Any
    named: tuple[str, str] | None = None
    """The record that the value names, where it names one."""

    def empties(self, thing: int | None, field: str) -> bool:
        return self.value is None and self.place.thing == thing and field in self.fields


@dataclass(frozen=True)
class Turning:
    """What can be turned now."""

    estate: Estate
    number: int
    chance: random.Random
    field: str = ""
    """What it is about, where that is known."""

    def drawn(self, kind: str) -> Turn | None:
        """Of another kind where there is none of this one."""
        kinds = {
            "joined": self._joined,
            "renamed": self._renamed,
            "elsewhere": self._elsewhere,
            "newcomer": self._newcomer,
            "counted": self._counted,
            "emptied": self._emptied,
            "toggled": self._toggled,
            "spoken": self._spoken,
            "conditioned": self._conditioned,
        }
        return next((turn for name in (kind, *kinds) for turn in kinds[name]()), None)

    def _ways(self) -> Iterator[tuple[Place, str, tuple[str, ...], Property]]:
        """Properties of which people may say something, in any order; not those by which things are known again."""
        topology = self.estate.topology
        found = [
            (place, path, projection.fields, topology.model.entities[place.entity].prop(path))
            for place in self.estate.live()
            if place.thing is not None
            for path, projection in topology.model.projections(place.entity).items()
            if not topology.keys & {*projection.fields}
        ]
        free = [way for way in found if way[3].access == "read_write"]
        return iter(self.chance.sample(free, len(free)))

    def _elsewhere(self) -> Iterator[Turn]:
        """A record names another one that is there already."""
        for place, path, fields, prop in self._ways():
            entities = self._named_by(place, path)
            others = [one for one in self.estate.live() if one.entity in entities and one.thing is not None]
            others = [one for one in others if one.id not in (str(place.value(path)), place.id)]
            if others:
                yield _naming(place, path, fields, prop, self.chance.choice(others))

    def _newcomer(self) -> Iterator[Turn]:
        """A record names one that is made on the way, so that it may be read before that is."""
        for place, path, fields, prop in self._ways():
            entities = [key for key in self._named_by(place, path) if startable(key)]
            if not entities:
                continue
            key = self.chance.choice(entities)
            thing = Thing(self.number, self.estate.topology.model.entities[key].subject, (key,))
            if new := self.estate.create(thing, key, self.number, self.chance):
                yield _naming(place, path, fields, prop, new)

    def _emptied(self) -> Iterator[Turn]:
        """Not a country: to some systems, none is Norway."""
        for place, path, fields, prop in self._ways():
            if place.value(path) not in (None, "") and not prop.required and prop.format != "country_code":
                yield Turn(place, path, fields, None)

    def _joined(self) -> Iterator[Turn]:
        """Several fields are written as one text."""
        for place, path, fields, _ in self._ways():
            if len(fields) > 1:
                yield Turn(place, path, fields, " ".join(f"T{place.thing}.{self.number}" for _ in fields))

    def _renamed(self) -> Iterator[Turn]:
        """The last word of such a text is another one."""
        for place, path, fields, _ in self._ways():
            if len(fields) > 1 and isinstance(text := place.value(path), str) and " " in text:
                yield Turn(place, path, fields, f"{text.rpartition(' ')[0]} T{place.thing}.{self.number}")

    def _counted(self) -> Iterator[Turn]:
        """A number, a date, or yes instead of no."""
        for place, path, fields, prop in self._ways():
            old = place.value(path)
            if len(fields) > 1 or old is None or fields[0] in self.estate.topology.editable or prop.references or prop.values:
                continue
            value = not old if isinstance(old, bool) else made(prop, path, place.thing or 0, self.number)
            if value not in (None, old):
                yield Turn(place, path, fields, value)

    def _toggled(self) -> Iterator[Turn]:
        """Other properties of a record count, or no longer do."""
        entities = self.estate.topology.model.entities
        yield from self._turned_over(
            [
                (place, one.path, one.value)
                for place in self.estate.live()
                for depends in entities[place.entity].depends.values()
                for one in depends
            ]
        )

    def _conditioned(self) -> Iterator[Turn]:
        """A mapping makes something of a record, or no longer would."""
        conditions = self.estate.topology.conditions
        there = self.estate.live()
        yield from self._turned_over(
            [(place, one.path, one.value) for one in conditions for place in there if place.entity == one.source]
        )

    def _turned_over(self, ways: list[tuple[Place, str, str]]) -> Iterator[Turn]:
        """What something depends on is so, where it was not, or is no longer."""
        model = self.estate.topology.model
        for place, path, wanted in self.chance.sample(ways, len(ways)):
            made = model.projections(place.entity).get(path)
            old = place.value(path)
            value: Any = self.chance.choice(_COUNTRIES.get(wanted, ("",))) if old == wanted else wanted
            if model.entities[place.entity].prop(path).type == "boolean":
                value = not old
            if place.thing is not None:
                yield Turn(place, path, made.fields if made else (), value)

    def _spoken(self) -> Iterator[Turn]:
        """One of a few values is another one."""
        for place, path, fields, prop in self._ways():
            old = place.value(path)
            if fields == (self.field,) and prop.type == "boolean":
                yield Turn(place, path, fields, not old)
            elif fields == (self.field,):
                yield Turn(place, path, fields, self.chance.choice([one for one in VALUES["country"] if one != old]))

    def _named_by(self, place: Place, path: str) -> tuple[str, ...]:
        entities = self.estate.topology.model.entities
        return tuple(key for key in entities[place.entity].references(path) if key in entities)


def _naming(place: Place, path: str, fields: tuple[str, ...], prop: Property, named: Place) -> Turn:
    value = int(named.id) if prop.type == "integer" else named.id
    return Turn(place, path, fields, value, (named.entity, named.id))
