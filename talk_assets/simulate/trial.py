"""One schedule, played: the engine goes round while people edit, requests get lost and processes die; then all becomes calm."""

import tempfile
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from talk_assets.simulate import oracle
from talk_assets.simulate.engine import Engine, Killed
from talk_assets.simulate.estate import Estate, tokens_in
from talk_assets.simulate.events import Event
from talk_assets.simulate.people import FIRST_OF_MANY, People
from talk_assets.simulate.ports import Time, changes, system_of
from talk_assets.simulate.renaming import Answer
from talk_assets.simulate.schedule import Schedule
from talk_assets.simulate.seldom import MANY
from talk_assets.simulate.upheavals import Upheavals
from talk_assets.simulate.witness import Witness
from talk_assets.sync.doubt.loaded import loaded
from talk_assets.sync.guards import Limits

CUT_OFF = 14
_HORIZON = 130.0
_PEOPLE = ("edit", "create", "delete", *MANY, "merge", "guest", "turn")
FEW = (2, 0.2)
"""What guards allow where many records are edited or made at once: so many, or such a share of all."""


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
    asked: int = 0
    """Holds that wait for a person."""
    answers: int = 0
    """Creations of which somebody said which record came of them."""
    happened: dict[int, str] = field(default_factory=dict)
    """By event: what it did, in words; events that never came to pass are missing."""
    values: oracle.Values = field(default_factory=dict)
    """What all records of each thing hold in the end."""


def play(schedule: Schedule, without: Collection[int] = ()) -> Outcome:
    """The same schedule, without some of its events."""
    with tempfile.TemporaryDirectory(prefix="talk-simulate-") as folder:
        return Trial(schedule, without, Path(folder)).run()


class Trial:
    def __init__(self, schedule: Schedule, without: Collection[int], folder: Path) -> None:
        self.schedule = schedule
        self.time = Time()
        self.events = [event for event in schedule.events if event.number not in without]
        self.counted: Counter[str] = Counter()
        self.round = -1
        self.calm = True
        self.dry = False
        self.is_approved = False
        self.guarded: dict[tuple[str, str], set[int]] = {}
        """By place: the things of which was told, since the last plan, what was done to many."""
        self.loading: frozenset[str] = frozenset()
        """Systems that are loaded for the first time, of which guards let as much through as there is."""
        self.sent = 0
        self.cycles = 0
        self.answers = 0
        quirks = [event for event in self.events if event.kind == "quirk"]
        self.queued: list[tuple[httpx.Request, Answer]] = []
        """What systems have accepted and not done yet."""
        self.estate = Estate(schedule, quirks, self.time, self.meddle)
        self.happened: dict[int, str] = {**self.estate.habits}
        self.witness = Witness(self.estate, mappings=schedule.topology.model.mappings)
        self.people = People(schedule, self.estate, self.witness, self.time)
        self.engine = self._engine(folder)
        self.at_work = self.engine
        self.upheavals = Upheavals(self.estate, self.witness, self.engine, lambda: self._engine(folder))

    def _engine(self, folder: Path) -> Engine:
        limits = Limits(creates=FEW, updates=FEW) if self.schedule.is_guarded else Limits()
        topology, estate = self.schedule.topology, self.estate
        return Engine(topology, self.time, estate.wire, estate.variables, self.point, folder, limits)

    def run(self) -> Outcome:
        try:
            self.calm, rounds = False, len(self.schedule.pauses)
            for self.round in range(rounds):
                self._round()
            self._settle()
            if undos := self._due("undo", "end"):
                self._undo(undos[0])
                self._settle()
            if decisions := self._due("decide", "end"):
                self._decide(decisions)
                self._settle()
            self._answer()
            if self.answers:
                self._settle()
            if self._due("edit", "end"):
                self._people("end", None, late=None)
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
            edits=sum(kinds[kind] for kind in _PEOPLE),
            faults=kinds["fault"] + kinds["quirk"],
            crashes=kinds["crash"],
            writes=self.witness.writes,
            requests=self.witness.requests,
            cycles=self.cycles,
            excused=excused,
            answers=self.answers,
            asked=self.engine.hub.value("SELECT count(*) FROM holds WHERE state = 'held' AND kind = 'rejected'"),
            happened=self.happened,
            values=oracle.values(self.estate),
        )

    # Rounds

    def _round(self) -> None:
        self.time.sleep(self.schedule.pauses[self.round])
        self.counted.clear()
        self._do_queued()
        self._upheavals()
        self._people("pause", None, late=None)
        for event in self._due("dry run"):
            self._dry_run(event)
        for event in self._due("undo", "pause"):
            self._undo(event)
        self._decide(self._due("decide", "pause"))
        self._begin()
        try:
            report = self.engine.run(full=self.schedule.full[self.round])
        except Killed:
            self.engine.die()
            self.witness.dies(self.engine.hub)
        else:
            if not report.failed:
                self.witness.has_linked = True
                self.estate.note_listed()
        # People whose moment did not come during the round.
        for event in self.events:
            if event.kind in _PEOPLE and event.of != "end" and event.round == self.round and event.number not in self.happened:
                self._person(event, None)

    def _begin(self) -> None:
        self.cycles += 1
        entities = self.schedule.topology.model.entities
        self.loading = frozenset(entities[key].system for key in entities.keys() - loaded(self.engine.hub))

    def _upheavals(self) -> None:
        """What is about whole systems and hubs, between two rounds; a second engine goes round too."""
        with self._peace():
            for event in self.events:
                if event.kind == "upheaval" and event.number not in self.happened:
                    if event.round == self.round:
                        self.happened[event.number] = self.upheavals.end(event)
                        self.witness.hear(self.happened[event.number])
                    elif event.at == self.round:
                        self.upheavals.begin(event)
            if self.upheavals.other:
                # It knows nothing of what has become of our specs.
                ours, self.witness.mappings = self.witness.mappings, self.schedule.topology.model.mappings
                self.at_work = self.upheavals.other
                self.at_work.run()
                self.at_work, self.witness.mappings = self.engine, ours

    def _dry_run(self, event: Event) -> None:
        self.happened[event.number] = "a dry run"
        with self._peace():
            self.dry = True
            self.engine.run(dry=True)
            self.dry = False

    def _undo(self, event: Event) -> None:
        with self._peace():
            self.dry = True
            found = self.engine.undo(event.pick)
            self.dry = False
        if found and not found.words.is_empty():
            self.witness.put_back(self.engine.hub, found.words)
            self.happened[event.number] = f"somebody puts back {found.words.height} values of {found.run}"
            self.witness.hear(self.happened[event.number])

    def _decide(self, events: Iterable[Event]) -> None:
        for event in events:
            with self._peace():
                said = self.engine.decide(event.what, event.pick)
            if said:
                self.witness.decides(self.engine.hub, said)
                self.happened[event.number] = said.words
                self.witness.hear(said.words)

    def _answer(self) -> None:
        """Somebody links what came of creations, where that is asked and one of those that are named is it; each answer may be
        that to another question as well.
        """
        things = {f"{place.entity}/{place.id}": place.thing for place in self.estate.live()}
        born = {f"{entity}/{id_}" for entity, id_ in self.estate.born}

        def asked() -> list[tuple[str, str]]:
            found = [
                (question.source, record)
                for question in self.engine.questions()
                for record in question.candidates
                if question.source and things.get(record) == things.get(question.source) not in {None, *self.witness.decided}
            ]
            # Of two, the one that the engine has made.
            return sorted(found, key=lambda one: one[1] in born)

        with self._peace():
            while found := asked():
                source, record = found[0]
                self.engine.link(source, record)
                self.witness.hear(f"somebody links {source} with {record}")
                self.answers += 1

    @contextmanager
    def _peace(self) -> Iterator[None]:
        calm, self.calm = self.calm, True
        yield
        self.calm = calm

    def _settle(self) -> None:
        """Nobody edits, nothing fails: two cycles that send nothing must come, and soon."""
        self.round = len(self.schedule.pauses)
        self.estate.calm()
        self._do_queued()
        self._upheavals()
        with self._peace():
            silent = 0
            approved: frozenset[str] = frozenset()
            for number in range(CUT_OFF):
                self.time.sleep(_HORIZON)
                before = self.sent
                self._begin()
                self.is_approved = bool(approved)
                # What lists of changes do not show is found by reading everything, twice, as is done once a day.
                report = self.engine.run(full=number < 2 and self.witness.is_hidden, approved=approved)
                approved = frozenset(trip.hash for trip in report.planned.trips)
                silent = silent + 1 if self.sent == before and not approved else 0
                if silent == 2:
                    self._locked_out(report.failed)
                    return
        self.witness.complain("I2", f"still writing after {CUT_OFF} cycles without edits or faults")

    def _locked_out(self, failed: Mapping[str, str]) -> None:
        if any("/token" in words.lower() for words in self.happened.values()):
            out = (entity.partition(".")[0] for entity, said in failed.items() if "no login" in said)
            self.witness.locked_out = frozenset(out)

    # What stands between the engine and the systems

    def point(self, name: str) -> None:
        """The crash point of the engine."""
        if name == "plan: before commit":
            self.guarded.clear()
        if self.calm:
            return
        self.counted["point any"] += 1
        stage = name.split(maxsplit=1)[0].rstrip(":")
        self.counted[f"point {stage}"] += 1
        for event in self._due("crash"):
            # Many stages have but few points.
            after = event.at * 3 if event.what == "any" else event.at if event.what == "collect" else event.at % 4
            if event.what in ("any", stage) and self.counted[f"point {event.what}"] > after:
                self.happened[event.number] = f"the process is killed at “{name}”"
                self.witness.hear("killed", name)
                raise Killed(name)

    def meddle(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        self.time.sleep(0.05)
        ofs = ("write", "create" if request.method == "POST" else "update") if changes(request) else ("read",)
        self.witness.requests += 1
        self.counted.update(ofs)
        if "write" in ofs:
            self._arrived(request)
        faults = [event for of in ofs for event in self._due("fault", of)]
        self._people(ofs, request, late=False)
        response = self._answered(request, partial(self.upheavals.passed, answer=answer), faults)
        self._people(ofs, request, late=True)
        self.witness.hear(self.time.ticks(), request.method, str(request.url), request.content, response.status_code)
        return self._spoilt(request, response, faults)

    def _answered(self, request: httpx.Request, answer: Answer, faults: list[Event]) -> httpx.Response:
        told, sent = f"{request.method} {request.url.path}", request.content.decode("utf-8", "replace")
        if changes(request):
            self.witness.sends(sent)
        if faults and request.method == "POST":
            self.witness.unanswered += [token.thing for token in tokens_in(sent)][:1]
        for event in faults:
            match event.what:
                case "lost before":
                    self.happened[event.number] = f"{told} is lost on its way"
                    raise httpx.ReadTimeout("no answer", request=request)
                case "refused connection":
                    self.happened[event.number] = f"{told} finds no connection"
                    raise httpx.ConnectError("no connection", request=request)
                case "error before":
                    self.happened[event.number] = f"{told} is answered with 503, and nothing was done"
                    return httpx.Response(503, stream=httpx.ByteStream(b"{}"), request=request)
                case "accepted":
                    self.happened[event.number] = f"{told} is accepted, and done later"
                    self.queued.append((request, answer))
                    return httpx.Response(202, stream=httpx.ByteStream(b""), request=request)
                case "throttled":
                    self.happened[event.number] = f"{told} is answered with 429"
                    return httpx.Response(429, headers={"retry-after": "2"}, stream=httpx.ByteStream(b"{}"), request=request)
        return self._done(request, answer) if changes(request) else answer(request)

    def _done(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        system, sent = system_of(request), request.content.decode("utf-8", "replace")
        before = self.estate.live(system)
        response = answer(request)
        self.witness.wrote(sent, before, self.estate.live(system), self.time.of_systems.ticks())
        return response

    def _do_queued(self) -> None:
        while self.queued:
            self._done(*self.queued.pop(0))

    def _spoilt(self, request: httpx.Request, response: httpx.Response, faults: list[Event]) -> httpx.Response:
        told = f"{request.method} {request.url.path}"
        for event in faults:
            match event.what:
                case "lost after":
                    self.happened[event.number] = f"{told} is carried out, and its answer is lost"
                    raise httpx.ReadTimeout("no answer", request=request)
                case "error after":
                    self.happened[event.number] = f"{told} is carried out, and answered with 500"
                    return httpx.Response(500, stream=httpx.ByteStream(b"{}"), request=request)
                case "cut off":
                    self.happened[event.number] = f"the answer to {told} ends early"
                    body = response.read()
                    headers = {"content-length": str(len(body) + 9), "content-type": "application/json"}
                    stream = httpx.ByteStream(body[: len(body) // 2])
                    return httpx.Response(response.status_code, headers=headers, stream=stream, request=request)
        return response

    def _arrived(self, request: httpx.Request) -> None:
        self.sent += 1
        self.witness.writes += 1
        told = f"{request.method} {request.url.path}"
        if request.method == "DELETE":
            self.witness.complain("I8", f"the engine asked for a deletion: {told}")
        if self.dry:
            self.witness.complain("I24", f"a dry run sent {told}")
        self.witness.check_intent(self.at_work.hub, request.content, told)
        if not self.is_approved:
            self._check_guard(request)

    def _check_guard(self, request: httpx.Request) -> None:
        """What was done to many records at once goes on to few of any one entity, until a person approves it."""
        system, path = system_of(request), request.url.path
        if system in self.loading:
            return
        place = f"new in {path}" if request.method == "POST" else path.rpartition("/")[0]
        told = self.guarded.setdefault((system, place), set())
        for token in tokens_in(request.content.decode("utf-8", "replace")):
            if max(token.edit, token.thing) >= FIRST_OF_MANY:
                told.add(token.thing)
        if len(told) > FEW[0]:
            self.witness.complain("I23", f"{len(told)} records were told of what was done to many, and nobody approved it")

    # Events

    def _due(self, kind: str, of: str | None = None) -> list[Event]:
        if self.calm and of != "end":
            return []
        return [
            event
            for event in self.events
            if event.kind == kind
            and event.number not in self.happened
            and (event.round == self.round or of == "end")
            and (of is None or (event.of == of and (of in ("pause", "end") or self.counted[of] > event.at)))
        ]

    def _people(self, ofs: str | tuple[str, ...], request: httpx.Request | None, *, late: bool | None) -> None:
        wanted = (ofs,) if isinstance(ofs, str) else ofs
        due = [event for kind in _PEOPLE for of in wanted for event in self._due(kind, of)]
        for event in sorted(due, key=lambda event: event.number):
            if late is None or event.late == late:
                self._person(event, request)

    def _person(self, event: Event, request: httpx.Request | None) -> None:
        words = self.people.act(event, self.round, request)
        if words:
            self.happened[event.number] = words
        else:
            self.events = [one for one in self.events if one is not event]


def _where(failure: BaseException) -> str:
    frames = traceback.extract_tb(failure.__traceback__)
    last = next((frame for frame in reversed(frames) if "/talk_assets/" in frame.filename), frames[-1])
    return f"{type(failure).__name__}: {failure} ({Path(last.filename).name}:{last.lineno})"[:600]
