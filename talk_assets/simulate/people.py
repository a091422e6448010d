"""What people do in the systems while the engine runs: they edit, make and delete records, each by an event's own chance."""

from collections.abc import Mapping
from dataclasses import replace

import httpx

from talk_assets.simulate.deeds import SECOND, Change, Edit, Erased, TakenBack, Turned
from talk_assets.simulate.documents import reformed
from talk_assets.simulate.estate import Estate, Place, counts, made, token_of
from talk_assets.simulate.events import FIRST_EVENT, Event
from talk_assets.simulate.opened import BY_HAND, Opened
from talk_assets.simulate.ports import Time, changes, system_of
from talk_assets.simulate.schedule import ALONE, Schedule, Thing, startable
from talk_assets.simulate.seldom import OF_SPECS, ROW_AWAY
from talk_assets.simulate.turns import Turning
from talk_assets.simulate.witness import Witness
from talk_assets.simulate.wording import depending

_KEY_TOO = 0.5
"""How often what is edited in a new record is something it could be known again by."""
_NUMBERS = 100
"""Edits and things of an event that is about many have numbers from its own times this on."""
FIRST_OF_MANY = FIRST_EVENT * _NUMBERS
_MADE_AT_ONCE = 5
_GUARDED = {"etag", "version", "json_patch_test"}


class People:
    def __init__(self, schedule: Schedule, estate: Estate, witness: Witness, time: Time) -> None:
        self._schedule = schedule
        self._topology = schedule.topology
        self._estate = estate
        self._witness = witness
        self._time = time
        self._last: Edit | None = None
        self._opened = Opened(schedule, estate, witness)
        self._reformed = reformed(schedule.topology, schedule.events)
        self._depending = depending(schedule.topology, schedule.events)
        self._coarse = {event.options["system"] for event in schedule.events if event.what == "coarse"}
        self._lagging = {event.options["system"] for event in schedule.events if event.what == "lag"}

    def act(self, event: Event, round_: int, request: httpx.Request | None) -> str:
        """What happened, in words; nothing where there was nothing to do it with."""
        self._time.sleep(event.gap)
        match event.kind:
            case "edit" if event.what == "taken back":
                words = self._take_back(event) if request is not None else ""
            case "edit":
                words = self._edit(event, round_, request)
            case "create":
                words = self._create(event, request)
            case "create many":
                words = self._create_many(event)
            case "edit many":
                words = self._edit_many(event, round_)
            case "guest":
                words = self._guest(event, round_)
            case "turn":
                words = self._turn(event, request)
            case "merge":
                words = self._merge(event, round_, request)
            case _:
                words = self._delete(event, request)
        if not words:
            return ""
        self._witness.hear(words)
        when = "" if request is None else f" {'after' if event.late else 'before'} {request.method} {request.url.path}"
        return words + when

    def _edit(self, event: Event, round_: int, request: httpx.Request | None) -> str:
        if event.what.endswith(" key"):
            place, name = self._opened.key(event.what.removesuffix(" key"), event.pick, request)
        elif event.what == "field":
            place, name = self._of_field(event)
        else:
            place, name = self._chosen(event, request)
        return self._edit_of(event, place, name, round_, request) if place and name else ""

    def _edit_of(self, event: Event, place: Place, name: str, round_: int, request: httpx.Request | None = None) -> str:
        if (thing := place.thing) is None:
            return ""
        entity = self._topology.model.entities[place.entity]
        path = self._topology.plain[name][place.entity]
        value = made(entity.prop(path), path, thing, event.number)
        was_agreed = self._is_agreed(thing, name)
        if not self._estate.edit(place, path, value):
            return ""
        edit = Edit(
            event.number,
            thing,
            name,
            place.entity,
            place.id,
            value,
            self._time.ticks(),
            round_,
            unguarded=self._is_unguarded(event, place, request),
            unstamped=self._estate.is_unstamped(place.entity, path),
            was_agreed=was_agreed,
            is_idle=not counts(self._topology, place, path),
        )
        self._witness.edits[edit.number] = self._last = edit
        self._witness.touch(place.entity, place.id, edit.ticks)
        return f"somebody sets {path} of {place.entity}/{place.id} to {value!r}"

    def _is_agreed(self, thing: int, name: str) -> bool:
        """Whether the records of a thing are in step, as far as one can see."""
        paths = self._topology.plain[name]
        held = [one.value(paths[one.entity]) for one in self._estate.live() if one.thing == thing and one.entity in paths]
        return self._witness.has_linked and len(held) > 1 and len({*held}) == 1

    def _of_field(self, event: Event) -> tuple[Place | None, str | None]:
        name = event.options["field"]
        there = [one for one in self._estate.live() if one.thing is not None and one.entity in self._topology.plain[name]]
        is_free = self._witness.has_linked or name not in self._topology.keys
        return (there[int(event.pick * len(there))], name) if there and is_free else (None, None)

    def _turn(self, event: Event, request: httpx.Request | None) -> str:
        turn = Turning(self._estate, event.number, event.chance(self._schedule.seed), event.options.get("field", "")).drawn(
            event.what
        )
        if turn is None or not self._estate.edit(turn.place, turn.path, turn.value):
            return ""
        place, now = turn.place, self._time.ticks()
        unguarded = self._is_unguarded(event, place, request)
        unstamped = self._estate.is_unstamped(place.entity, turn.path)
        unheard = turn.value is None and (
            not self._witness.has_linked
            or [one.thing for one in self._estate.live()].count(place.thing) == 1
            or not self._schedule.upheavals.isdisjoint((*OF_SPECS, ROW_AWAY))
            or not self._reformed.isdisjoint(turn.fields)
        )
        # What begins to count elsewhere is a first word, whatever was said before.
        unheard = unheard or not self._depending.isdisjoint(turn.fields)
        self._witness.turned.append(Turned(turn, now, unguarded=unguarded, unstamped=unstamped, unheard=unheard))
        self._witness.touch(place.entity, place.id, now)
        return f"somebody sets {turn.path} of {place.entity}/{place.id} to {turn.value!r}"

    def _is_unguarded(self, event: Event, place: Place, request: httpx.Request | None) -> bool:
        """Whether the engine is about to write to a record and cannot make that depend on what somebody does to it now."""
        concurrency = self._topology.model.entities[place.entity].spec.concurrency
        is_between = request is not None and _is_between(request, place, late=event.late)
        return is_between and (concurrency is None or concurrency.type not in _GUARDED)

    def _edit_many(self, event: Event, round_: int) -> str:
        """One field of all records of an entity, as an import does it."""
        by_entity: dict[str, list[Place]] = {}
        for place in self._estate.live():
            if place.thing is not None:
                by_entity.setdefault(place.entity, []).append(place)
        fields = [name for name in self._topology.editable if name not in self._topology.keys]
        most = max(map(len, by_entity.values()), default=0)
        ways = [
            (key, name)
            for key, there in by_entity.items()
            for name in fields
            if len(there) == most and key in self._topology.plain[name]
        ]
        if not ways:
            return ""
        key, name = ways[int(event.pick * len(ways))]
        path = self._topology.plain[name][key]
        prop = self._topology.model.entities[key].prop(path)
        done = 0
        for number, place in enumerate(by_entity[key], event.number * _NUMBERS):
            value = made(prop, path, place.thing or 0, number)
            if self._estate.edit(place, path, value):
                done += 1
                edit = Edit(number, place.thing or 0, name, key, place.id, value, self._time.ticks(), round_)
                self._witness.edits[number] = replace(edit, unstamped=self._estate.is_unstamped(key, path))
                self._witness.touch(key, place.id, edit.ticks)
        return f"somebody sets {path} of {done} records of {key}, numbered from {event.number * _NUMBERS} on" if done else ""

    def _chosen(self, event: Event, request: httpx.Request | None) -> tuple[Place | None, str | None]:
        plain, editable = self._topology.plain, self._topology.editable
        places = [place for place in self._estate.live() if place.thing is not None]
        fields = [name for name in editable if self._witness.has_linked or name not in self._topology.keys]
        last = self._last
        match event.what:
            case "again" | "twice" | "neighbour" | "beside" if last is not None:
                places, fields = self._near(last, event.what, places, fields)
            case "hasty":
                places = [one for one in places if one.entity.partition(".")[0] in self._coarse] or places
            case "rewritten":
                places, fields = self._rewritten(places, fields)
            case "fresh":
                born = next((one for one in reversed(self._witness.changes) if one.before is None), None)
                places = [one for one in places if born and (one.entity, one.id) == (born.entity, born.id)] or places
                fields = [name for name in fields if name in self._topology.keys and event.pick < _KEY_TOO] or fields
            case "refused":
                places = [one for one in places if one.thing in self._witness.refused] or places
            case "survivor":
                mourned = {erased.thing for erased in self._witness.erased}
                places = [one for one in places if one.thing in mourned]
            case "written" if request is not None:
                places, fields = _written(request, places, fields, plain)
        if not places:
            return None, None
        place = places[int(event.pick * len(places))]
        fields = [name for name in fields if place.entity in plain[name]]
        return place, fields[int(event.which * len(fields))] if fields else None

    def _near(self, last: Edit, what: str, places: list[Place], fields: list[str]) -> tuple[list[Place], list[str]]:
        """About what was edited last: the same again, or something beside it."""
        edited = [one for one in places if (one.entity, one.id) == (last.entity, last.id)]
        others = [one for one in places if one.thing == last.thing and one not in edited]
        match what:
            case "again":
                paths = self._topology.plain[last.field]
                there = [one for one in (others, edited) if any(place.entity in paths for place in one)]
                return ([one for one in there[0] if one.entity in paths] if there else places), [last.field]
            case "twice":
                return edited or places, [last.field]
            case "beside":
                return others or places, [name for name in fields if name != last.field]
        return [one for one in places if one.entity == last.entity and one.id != last.id] or places, fields

    def _rewritten(self, places: list[Place], fields: list[str]) -> tuple[list[Place], list[str]]:
        """A field that some system stores otherwise than sent, edited in another one."""
        habits = [event.options for event in self._schedule.events if event.what == "normalise"]
        for options in habits:
            if options["field"] in fields:
                elsewhere = [
                    one
                    for one in places
                    if one.entity in self._topology.plain[options["field"]]
                    and not one.entity.startswith(f"{options['system']}.")
                ]
                return elsewhere or places, [options["field"]]
        return places, fields

    def _take_back(self, event: Event) -> str:
        """The value that the engine has just replaced is put back."""
        last = self._witness.changes[-1] if self._witness.changes else None
        if last is None or last.before is None or last.after is None:
            return ""
        undone = [name for name in self._topology.editable if _has_replaced(last, self._topology.plain[name].get(last.entity))]
        if not undone:
            return ""
        name = undone[int(event.which * len(undone))]
        path = self._topology.plain[name][last.entity]
        value = last.before.value(path)
        if value is None or not self._estate.edit(last.after, path, value):
            return ""
        # A stamp of whole minutes may be what it was, and one of whole seconds if it was edited in this second.
        now = self._time.ticks()
        touched = [ticks for ticks in self._witness.touches.get((last.entity, last.id), ()) if ticks < last.ticks]
        is_same = last.entity.partition(".")[0] in self._coarse or any(ticks // SECOND == now // SECOND for ticks in touched)
        unstamped = is_same or self._estate.is_unstamped(last.entity, path)
        self._witness.taken_back[last.entity, last.id, name] = TakenBack(
            value, token_of(last.after.value(path)), self._time.ticks(), unstamped
        )
        self._witness.restored.add((last.after.thing or 0, name))
        self._witness.touch(last.entity, last.id, self._time.ticks())
        return f"somebody sets {path} of {last.entity}/{last.id} back to {value!r}"

    def _create(self, event: Event, request: httpx.Request | None) -> str:
        entities = [key for key in self._topology.model.entities if startable(key)]
        if event.what == "double":
            return self._opened.double(event, request)
        if event.what in ("stranger", "copied"):
            # A stranger without anything by which it could be known again where it is made too.
            entities = self._copied(entities)
        if not entities:
            return ""
        key = entities[int(event.pick * len(entities))]
        is_known = event.what == "copied" or (event.what != "stranger" and event.which < 0.5)
        thing = Thing(event.number, self._topology.model.entities[key].subject, (key,), is_known)
        place = self._estate.create(thing, key, event.number, event.chance(self._schedule.seed))
        return f"somebody creates {key}/{place.id}" if place else ""

    def _create_many(self, event: Event) -> str:
        entities = self._copied([key for key in self._topology.model.entities if startable(key)])
        if not entities:
            return ""
        key = entities[int(event.pick * len(entities))]
        chance, first = event.chance(self._schedule.seed), event.number * _NUMBERS
        things = [Thing(first + place, self._topology.model.entities[key].subject, (key,)) for place in range(_MADE_AT_ONCE)]
        done = [thing for thing in things if self._estate.create(thing, key, event.number, chance)]
        return f"somebody creates {len(done)} records of {key}, of the things from {first} on" if done else ""

    def _guest(self, event: Event, round_: int) -> str:
        """A record is made by hand of a thing that is known elsewhere, and another one beside it is edited."""
        there = self._estate.live()
        alive = {(place.thing, place.entity) for place in there}
        kept = alive | {(one.thing, one.entity) for one in self._witness.erased}
        edited = {edit.thing for edit in self._witness.edits.values() if edit.field in self._topology.keys}
        known = {thing.number: thing for thing in self._schedule.things if thing.is_known_again and thing.number not in edited}
        made = {mapping.target for mapping in self._topology.model.mappings if mapping.creates}
        ways = sorted(
            {
                (key, number)
                for match in self._topology.model.matches
                for here, key in ((match.source, match.target), (match.target, match.source))
                for number, thing in known.items()
                if match.pairs and key not in made | ALONE and startable(key) and here in set(thing.entities) - ALONE
                # What shows only once the other one is buried is not known to have been the same.
                if (number, here) in (alive if key.partition(".")[0] in self._lagging else kept) and (number, key) not in kept
            }
        )
        if not ways:
            return ""
        entities = sorted({key for key, _ in ways})
        key = entities[int(event.pick * len(entities))]
        numbers = [number for one, number in ways if one == key]
        number = numbers[int(event.which * len(numbers))]
        guest = self._estate.create(known[number], key, BY_HAND, event.chance(self._schedule.seed))
        if guest is None:
            return ""
        # By its stamp, what it holds is as new as it.
        self._witness.touch(key, guest.id, self._time.ticks())
        # Whoever changes a key before it is linked makes another thing.
        self._witness.has_linked = False
        beside = [place for place in there if place.entity == key and place.thing not in (None, number)]
        fields = [name for name in self._topology.editable if name not in self._topology.keys]
        fields = [name for name in fields if key in self._topology.plain[name]]
        words = f"somebody creates {key}/{guest.id} by hand, of thing {number}"
        if not beside or not fields:
            return words
        # So many sevenths that which field it is does not follow from which record it is.
        place, name = beside[int(event.which * len(beside))], fields[int(event.which * 7 * len(fields)) % len(fields)]
        edit = self._edit_of(event, place, name, round_)
        return f"{words}, and {edit}" if edit else words

    def _copied(self, entities: list[str]) -> list[str]:
        """Those whose records are made elsewhere too."""
        copied = {mapping.source for mapping in self._topology.model.mappings if mapping.creates}
        return [key for key in entities if key in copied]

    def _delete(self, event: Event, request: httpx.Request | None) -> str:
        there = [place for place in self._estate.live() if place.thing is not None]
        places = self._opened.records(event.what, request) if event.what else there
        if not places:
            return ""
        place = places[int(event.pick * len(places))]
        if not self._estate.erase(place):
            return ""
        self._witness.erased.append(Erased(place.thing or 0, place.entity, place.id, self._time.ticks()))
        return f"somebody deletes {place.entity}/{place.id}"

    def _merge(self, event: Event, round_: int, request: httpx.Request | None) -> str:
        """Two records are made one: what named the one that is gone names the other one now, which is edited on the way."""
        place, name = self._chosen(event, None)
        others = [one for one in self._estate.live() if place and one.entity == place.entity and one.id != place.id]
        if place is None or name is None or not others:
            return ""
        gone = others[int(event.which * len(others))]
        if not self._estate.erase(gone):
            return ""
        # Of a record that tells of no thing, nobody needs to know of which it was.
        self._witness.erased.append(Erased(gone.thing or 0, gone.entity, gone.id, self._time.ticks()))
        for at, path in self._naming(gone):
            value = int(place.id) if isinstance(at.value(path), int) else place.id
            if self._estate.edit(at, path, value):
                self._witness.pointed.add((at.entity, at.id, path))
                self._witness.touch(at.entity, at.id, self._time.ticks())
        edited = self._edit_of(event, place, name, round_, request)
        return f"somebody makes {gone.entity}/{gone.id} one with {place.id}" + (f", and {edited}" if edited else "")

    def _naming(self, named: Place) -> list[tuple[Place, str]]:
        """The records of its system that name a record, and in which property."""
        entities = self._topology.model.entities
        system = entities[named.entity].system
        return [
            (place, path)
            for place in self._estate.live(system)
            for path, to in entities[place.entity].naming.items()
            if named.entity in to and str(place.value(path)) == named.id
        ]


def _has_replaced(change: Change, path: str | None) -> bool:
    if path is None or change.before is None or change.after is None:
        return False
    return bool(change.before.value(path) != change.after.value(path))


def _is_between(request: httpx.Request, place: Place, *, late: bool) -> bool:
    """Whether the engine has looked at this record a moment ago and is about to write to it, as far as one can tell."""
    return (changes(request) and not late) or (late and place.id in request.url.path.split("/"))


def _written(
    request: httpx.Request, places: list[Place], fields: list[str], plain: Mapping[str, Mapping[str, str]]
) -> tuple[list[Place], list[str]]:
    system, steps = system_of(request), request.url.path.split("/")
    found = [one for one in places if one.id in steps and one.entity.startswith(f"{system}.")]
    sent = request.content.decode("utf-8", "replace")
    touched = [name for name in fields if found and _mentions(sent, plain[name].get(found[0].entity))]
    return found or places, touched or fields


def _mentions(sent: str, path: str | None) -> bool:
    return path is not None and path.rpartition(".")[2] in sent
