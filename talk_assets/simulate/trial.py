"""One schedule, played: the engine goes round while people edit, requests get lost and processes die; then all becomes calm."""

import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from talk_assets.sandbox.faults import Fault
from talk_assets.sandbox.serve import PORTS
from talk_assets.simulate import oracle
from talk_assets.simulate.engine import Engine, Killed
from talk_assets.simulate.estate import Estate, Place, made
from talk_assets.simulate.ports import Time
from talk_assets.simulate.schedule import ROUNDS, Event, Schedule, Thing, startable
from talk_assets.simulate.witness import Edit, Witness
from talk_assets.systems.prepared import Prepared

CUT_OFF = 14
_HORIZON = 130.0
_GUARDED = {"etag", "version", "json_patch_test"}
Answer = Callable[[httpx.Request], httpx.Response]


@dataclass
class Outcome:
    """What one seed came to."""

    seed: int
    violations: list[tuple[str, str]]
    trace: str
    things: int = 0
    edits: int = 0
    faults: int = 0
    crashes: int = 0
    writes: int = 0
    requests: int = 0
    cycles: int = 0
    excused: int = 0
    happened: dict[int, str] = field(default_factory=dict)
    """By event: what it did, in words; events that never came to pass are missing."""


def play(schedule: Schedule, without: Collection[int] = ()) -> Outcome:
    """The same schedule, without some of its events."""
    with tempfile.TemporaryDirectory(prefix="talk-simulate-") as folder:
        return Trial(schedule, without, Path(folder)).run()


class Trial:
    def __init__(self, schedule: Schedule, without: Collection[int], folder: Path) -> None:
        self.schedule = schedule
        self.time = Time()
        self.events = [event for event in schedule.events if event.number not in without]
        self.happened: dict[int, str] = {}
        self.counted: Counter[str] = Counter()
        self.round = -1
        self.calm = True
        self.last_edit: Edit | None = None
        self.dry = False
        self.sent = 0
        self.cycles = 0
        self.estate = Estate(schedule, self.time, self.meddle)
        self.witness = Witness(self.estate)
        self.engine = Engine(schedule.topology, self.time, self.estate.wire, self.estate.variables, self.point, folder)

    def run(self) -> Outcome:
        try:
            self._quirks()
            self.calm = False
            for self.round in range(ROUNDS):
                self._round()
            self._settle()
        except Exception as failure:  # noqa: BLE001 - an engine that falls over is what is looked for
            self.witness.complain("I0", f"the engine fell over: {_where(failure)}")
        excused = 0
        if not self.witness.complaints:
            excused = oracle.judge(self.witness, self.engine.hub)
        outcome = self._outcome(excused)
        self.engine.close()
        return outcome

    def _outcome(self, excused: int) -> Outcome:
        kinds = Counter(event.kind for event in self.events if event.number in self.happened)
        return Outcome(
            self.schedule.seed,
            self.witness.complaints,
            self.witness.trace,
            things=len(self.schedule.things) + kinds["create"],
            edits=kinds["edit"] + kinds["create"] + kinds["delete"],
            faults=kinds["fault"] + kinds["quirk"],
            crashes=kinds["crash"],
            writes=self.witness.writes,
            requests=self.witness.requests,
            cycles=self.cycles,
            excused=excused,
            happened=self.happened,
        )

    # Rounds

    def _round(self) -> None:
        self.time.sleep(self.schedule.pauses[self.round])
        self.counted.clear()
        for event in self._due("dry run"):
            self._dry_run(event)
        with self._mortal():
            self.engine.run(full=self.schedule.full[self.round])
        self._left_over()

    def _dry_run(self, event: Event) -> None:
        self.happened[event.number] = "a dry run"
        self.dry, calm = True, self.calm
        self.calm = True
        self.engine.run(dry=True)
        self.dry, self.calm = False, calm

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        self.cycles += 1
        try:
            yield
        except Killed:
            self.engine.die()

    def _left_over(self) -> None:
        """People whose moment did not come during the round."""
        for event in self.events:
            if event.round == self.round and event.number not in self.happened and event.kind in ("edit", "create", "delete"):
                self._person(event, None)

    def _settle(self) -> None:
        """Nobody edits, nothing fails: two cycles that send nothing must come, and soon."""
        self.calm = True
        self.round = ROUNDS
        self.estate.calm()
        silent = 0
        for number in range(CUT_OFF):
            self.time.sleep(_HORIZON)
            before = self.sent
            # What is gone is found by reading everything, twice, as is done once a day.
            self.engine.run(full=number < 2 and self._somebody_deleted())
            self.cycles += 1
            silent = silent + 1 if self.sent == before else 0
            if silent == 2:
                return
        self.witness.complain("I2", f"still writing after {CUT_OFF} cycles without edits or faults")

    def _somebody_deleted(self) -> bool:
        return any(event.kind == "delete" and event.number in self.happened for event in self.events)

    # What stands between the engine and the systems

    def point(self, name: str) -> None:
        """The crash point of the engine."""
        if self.calm:
            return
        self.counted["point"] += 1
        for event in self._due("crash", of="point"):
            self.happened[event.number] = f"the process is killed at “{name}”"
            self.witness.hear("killed", name)
            raise Killed(name)

    def meddle(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        self.time.sleep(0.05)
        of = "write" if _changes(request) else "read"
        self.witness.requests += 1
        system = self._system(request)
        self.counted[of] += 1
        if of == "write":
            self._arrived(request)
        faults = self._due("fault", of=of)
        self._people(of, request, late=False)
        response = self._answered(request, answer, system, of, faults)
        self._people(of, request, late=True)
        self.counted[f"late {of}"] = self.counted[of]
        self.witness.hear(self.time.ticks(), request.method, str(request.url), request.content, response.status_code)
        return self._spoilt(request, response, faults)

    def _answered(self, request: httpx.Request, answer: Answer, system: str, of: str, faults: list[Event]) -> httpx.Response:
        for event in faults:
            told = f"{request.method} {request.url.path}"
            match event.what:
                case "lost before":
                    self._note(event, f"{told} is lost on its way")
                    raise httpx.ReadTimeout("no answer", request=request)
                case "refused connection":
                    self._note(event, f"{told} finds no connection")
                    raise httpx.ConnectError("no connection", request=request)
                case "error before":
                    self._note(event, f"{told} is answered with 503, and nothing was done")
                    return httpx.Response(503, stream=httpx.ByteStream(b"{}"), request=request)
                case "throttled":
                    self._note(event, f"{told} is answered with 429")
                    return httpx.Response(429, headers={"retry-after": "2"}, stream=httpx.ByteStream(b"{}"), request=request)
        if of == "read":
            return answer(request)
        before = self.estate.live(system)
        response = answer(request)
        sent = request.content.decode("utf-8", "replace")
        self.witness.wrote(sent, before, self.estate.live(system), self.time.of_systems.ticks(), self.round)
        return response

    def _spoilt(self, request: httpx.Request, response: httpx.Response, faults: list[Event]) -> httpx.Response:
        for event in faults:
            told = f"{request.method} {request.url.path}"
            match event.what:
                case "lost after":
                    self._note(event, f"{told} is carried out, and its answer is lost")
                    raise httpx.ReadTimeout("no answer", request=request)
                case "error after":
                    self._note(event, f"{told} is carried out, and answered with 500")
                    return httpx.Response(500, stream=httpx.ByteStream(b"{}"), request=request)
                case "cut off":
                    self._note(event, f"the answer to {told} ends early")
                    body = response.read()
                    headers = {"content-length": str(len(body) + 9), "content-type": "application/json"}
                    return httpx.Response(
                        response.status_code, headers=headers, stream=httpx.ByteStream(body[: len(body) // 2]), request=request
                    )
        return response

    def _arrived(self, request: httpx.Request) -> None:
        self.sent += 1
        self.witness.writes += 1
        told = f"{request.method} {request.url.path}"
        if request.method == "DELETE":
            self.witness.complain("I8", f"the engine asked for a deletion: {told}")
        if self.dry:
            self.witness.complain("I24", f"a dry run sent {told}")
        hub = self.engine.hub
        if hub._writing:  # noqa: SLF001 - nothing in production asks
            self.witness.complain("I14", f"{told} was sent in the middle of a transaction")
            return
        open_ = hub.read("SELECT prepared FROM intents WHERE state IN ('sending', 'unknown')")["prepared"]
        bodies = {(Prepared.from_json(text).body or "").encode() for text in open_}
        if request.content not in bodies:
            self.witness.complain("I14", f"{told} left before its intent was safe")

    def _system(self, request: httpx.Request) -> str:
        name = next(name for name, port in PORTS.items() if port == request.url.port)
        return name.removesuffix("_v1")

    # Events

    def _due(self, kind: str, of: str | None = None) -> list[Event]:
        if self.calm:
            return []
        return [
            event
            for event in self.events
            if event.kind == kind
            and event.round == self.round
            and event.number not in self.happened
            and (of is None or (event.of == of and self.counted[of] > event.at))
        ]

    def _note(self, event: Event, words: str) -> None:
        self.happened[event.number] = words

    def _quirks(self) -> None:
        for event in self.events:
            if event.kind != "quirk":
                continue
            options = dict(event.options)
            system = options.pop("system")
            words = f"{system}: {event.what} {options}"
            if event.what == "shrink":
                # At the very first listing nobody could know that something is hidden.
                options["skip"] = len(self.schedule.topology.model.entities)
            if event.what != "normalise":
                skip = options.pop("skip", 0)
                self.estate.add_fault(system, Fault(event.what, operation="list" if skip else None, skip=skip, options=options))
                self._note(event, words)
                continue
            for key, path in self.schedule.topology.plain[options["field"]].items():
                name, _, entity = key.partition(".")
                if name == system:
                    collection = self.estate.systems[name].entity(entity).collection
                    rule = {"property": path, "rule": options["rule"]}
                    self.estate.add_fault(system, Fault("normalise", collection, options=rule))
                    self._note(event, words)

    def _people(self, of: str, request: httpx.Request, *, late: bool) -> None:
        for kind in ("edit", "create", "delete"):
            for event in self._due(kind, of=of):
                if event.late == late:
                    self._person(event, request)

    def _person(self, event: Event, request: httpx.Request | None) -> None:
        self.happened[event.number] = ""
        words = {"edit": self._edit, "create": self._create, "delete": self._delete}[event.kind](event, request)
        when = "" if request is None else f" {'after' if event.late else 'before'} {request.method} {request.url.path}"
        if words:
            self.happened[event.number] = words + when
            self.witness.hear(words)
        else:
            del self.happened[event.number]
            self.events = [one for one in self.events if one is not event]

    def _edit(self, event: Event, request: httpx.Request | None) -> str:
        place, name = self._chosen(event, request)
        if place is None or name is None or (thing := place.thing) is None:
            return ""
        path = self.schedule.topology.plain[name][place.entity]
        cursor = self.schedule.topology.model.entities[place.entity].spec.list.cursor
        if cursor is not None and path in cursor.misses:
            # Declared: only reading everything shows such an edit.
            return ""
        prop = self.schedule.topology.model.entities[place.entity].prop(path)
        value = made(prop, path, thing, event.number)
        self.time.sleep(0.01)
        if not self.estate.edit(place, path, value):
            return ""
        edit = Edit(event.number, thing, name, place.entity, place.id, value, self.time.ticks(), self.round)
        if request is not None and self._looked(request, place, late=event.late):
            concurrency = self.schedule.topology.model.entities[place.entity].spec.concurrency
            edit = replace(edit, unguarded=concurrency is None or concurrency.type not in _GUARDED)
        self.witness.edits[edit.number] = self.last_edit = edit
        self.witness.touches.setdefault((place.entity, place.id), []).append(edit.ticks)
        return f"somebody sets {path} of {place.entity}/{place.id} to {value!r}"

    @staticmethod
    def _looked(request: httpx.Request, place: Place, *, late: bool) -> bool:
        """Whether the engine has looked at this record a moment ago and is about to write to it, as far as one can tell."""
        return (_changes(request) and not late) or (late and place.id in request.url.path.split("/"))

    def _chosen(self, event: Event, request: httpx.Request | None) -> tuple[Place | None, str | None]:
        plain, editable = self.schedule.topology.plain, self.schedule.topology.editable
        places = [place for place in self.estate.live() if place.thing is not None]
        # Before the first link a changed key is another thing.
        fields = [name for name in editable if event.round or name not in self.schedule.topology.keys]
        last = self.last_edit
        if event.what == "again" and last is not None:
            others = [one for one in places if one.thing == last.thing and one.entity in plain[last.field]]
            places = [one for one in others if (one.entity, one.id) != (last.entity, last.id)] or others or places
            fields = [last.field]
        elif event.what == "twice" and last is not None:
            places = [one for one in places if (one.entity, one.id) == (last.entity, last.id)] or places
            fields = [last.field]
        elif event.what == "written" and request is not None:
            system, steps = self._system(request), request.url.path.split("/")
            places = [one for one in places if one.id in steps and one.entity.startswith(f"{system}.")] or places
            sent = request.content.decode("utf-8", "replace")
            touched = [name for name in fields if places and _mentions(sent, plain[name].get(places[0].entity))]
            fields = touched or fields
        if not places:
            return None, None
        place = places[int(event.pick * len(places))]
        fields = [name for name in fields if place.entity in plain[name]]
        return place, fields[int(event.which * len(fields))] if fields else None

    def _create(self, event: Event, _request: httpx.Request | None) -> str:
        entities = [key for key in self.schedule.topology.model.entities if startable(key)]
        key = entities[int(event.pick * len(entities))]
        thing = Thing(event.number, self.schedule.topology.model.entities[key].subject, (key,))
        place = self.estate.create(thing, key, event.number, event.chance(self.schedule.seed))
        return f"somebody creates {key}/{place.id}" if place else ""

    def _delete(self, event: Event, _request: httpx.Request | None) -> str:
        places = [place for place in self.estate.live() if place.thing is not None]
        if not places:
            return ""
        place = places[int(event.pick * len(places))]
        if not self.estate.erase(place):
            return ""
        known = any(change.round < self.round for change in self.witness.changes if change.id == place.id) or (
            (place.entity, place.id) in self.estate.born and self.round > 0
        )
        if known:
            self.witness.deleted[place.thing or 0, place.entity] = self.time.ticks()
        return f"somebody deletes {place.entity}/{place.id}"


def _changes(request: httpx.Request) -> bool:
    return request.method not in ("GET", "HEAD") and "token" not in request.url.path.lower()


def _mentions(sent: str, path: str | None) -> bool:
    return path is not None and path.rpartition(".")[2] in sent


def _where(failure: BaseException) -> str:
    frames = traceback.extract_tb(failure.__traceback__)
    last = next((frame for frame in reversed(frames) if "/talk_assets/" in frame.filename), frames[-1])
    return f"{type(failure).__name__}: {failure} ({Path(last.filename).name}:{last.lineno})"[:600]
