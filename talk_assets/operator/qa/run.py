"""Works through the checklists: people make and edit records, the engine runs, and QA looks at what arrived.

All new records are made at once, then one side of all rows is edited, then the other: rows of one record are of different
properties, and rows of different mappings are tried on different records.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from talk_assets.hub.tables import changes, checks
from talk_assets.operator.qa.checklist import Evidence, Item, MappingCheck, Report, State, Tick, Way, items, limit, row_check
from talk_assets.operator.qa.make import Maker
from talk_assets.operator.qa.map import Made, Map, owner_of
from talk_assets.operator.qa.trial import Trial
from talk_assets.operator.qa.users import Refused, Users
from talk_assets.operator.qa.values import Values, told
from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping
from talk_assets.sync.cycle import cycle
from talk_assets.sync.world import Tell, World
from talk_assets.systems.encode import encode

CYCLES = 8
"""How many cycles anything may take."""
_PAUSE = 5.0
"""Seconds between an edit and what came before it, lest stamps of whole seconds cannot tell them apart."""


class Run:
    """`resolved` is what the documents ask for; the world's model is what the engine makes of them."""

    def __init__(self, world: World, resolved: Resolved, users: Users, tell: Tell) -> None:
        self._world = world
        self._tell = tell
        self._resolved = resolved
        self._users = users
        self._map = Map(world, users)
        self._values = Values()
        self._items = items(resolved)
        self._maker = Maker(resolved, self._items, users, self._map, self._values)
        self._ticks: dict[tuple[str, int], dict[Way, Tick]] = {item.key: {} for item in self._items}
        self._failed: dict[str, str] = {}
        """By mapping: why no source record can be made."""
        self._linked: dict[str, int] = {}
        """By mapping: after how many cycles the counterparts of all new records were there."""
        self._problems: list[str] = []
        self._cycles = 0

    def report(self) -> Report:
        started = time.monotonic()
        self._settle("what is there already", [])
        self._map.numbers(self._values)
        self._make()
        self._settle("new source records", list(self._creations()))
        for way in (Way.there, Way.back):
            self._world.clock.sleep(_PAUSE)
            self._settle(f"edits of {'sources' if way is Way.there else 'targets'}", list(self._edits(way)))
        mappings = tuple(self._mapping(mapping) for mapping in self._resolved.mappings)
        self._problems += checks.check(self._world.hub)
        return Report(mappings, self._cycles, time.monotonic() - started, tuple(dict.fromkeys(self._problems)))

    # Cycles

    def _settle(self, what: str, trials: Sequence[Trial]) -> None:
        """Cycles until nothing is left to do, with a look at every trial after each of them."""
        for number in range(1, CYCLES + 1):
            done = cycle(self._world, full=True)
            self._cycles += 1
            self._problems += [f"{entity}: {why}" for entity, why in done.failed.items()]
            self._problems += [f"{system}: lets nobody in" for system in done.stopped]
            self._map.refresh()
            for trial in trials:
                trial.observe(self._map, number)
            for mapping in self._resolved.mappings:
                if all(self._pair(made) for made in self._of(mapping)):
                    self._linked.setdefault(mapping_key(mapping), number)
            self._tell(f"{what}: cycle {number}, {done.written} written, {done.created} of them created")
            # What was there before QA came is no trial: it is in order when nothing is left to write.
            if done.quiet or not (trials or done.planned.ready or done.rejected or done.unknown):
                break
        else:
            self._problems.append(f"{what}: still not quiet after {CYCLES} cycles")
        for trial in trials:
            self._ticks[trial.item.key][trial.way] = trial.tick(self._map, number)

    # New records

    def _make(self) -> None:
        for mapping in self._maker.mappings():
            for number in range(self._maker.how_many(mapping)):
                try:
                    self._maker.make(mapping, number)
                except Refused as refusal:
                    self._failed[mapping_key(mapping)] = f"no source record can be made: {refusal}"

    def _of(self, mapping: ResolvedMapping) -> list[Made]:
        return [made for made in self._maker.made if made.mapping is mapping]

    def _pair(self, made: Made) -> str | None:
        return self._map.counterpart(str(made.mapping.source), made.id, str(made.mapping.target))

    def _record(self, item: Item) -> Made | None:
        """The new record on which a row is tried."""
        number = 1 if self._map.is_dependent(item) else 0
        return next((made for made in self._of(item.mapping) if made.number == number), None)

    def _creations(self) -> Iterable[Trial]:
        for item in self._items:
            made = self._record(item)
            if made is None or item.row.is_identity or not all(end.path in made.values for end in item.row.sources):
                continue
            given = {end.path: made.values[end.path] for end in item.row.sources}
            yield Trial(
                item, Way.created, made.name, _wrote(given, {}),
                find=lambda made=made: self._pair(made),
                expect=lambda item=item, given=given: self._expected(item, Way.created, given),
            )  # fmt: skip

    # Edits

    def _edits(self, way: Way) -> Iterable[Trial]:
        for item in self._items:
            if item.row.is_identity:
                continue
            trial = self._edit(item, way)
            if isinstance(trial, Tick):
                self._ticks[item.key][way] = trial
            else:
                yield trial

    def _edit(self, item: Item, way: Way) -> Trial | Tick:
        here, there = item.ends(way)
        made = self._record(item)
        pair = self._pair(made) if made else None
        if item.row.spec.direction not in ("both", "to_source" if way is Way.back else "to_target"):
            return Tick(State.explained, "The row goes one way only.")
        if made is None or pair is None:
            return Tick(State.missed, "there is no linked record to try it on")
        id_, other = (pair, made.id) if way is Way.back else (made.id, pair)
        held = {end.path: self._map.seen(end, id_) for end in here}
        before = {end.path: self._map.seen(end, other) for end in there}
        fixed = next((why for end in here if (why := limit(end))), None)
        given = self._new(item, way, id_, held)
        if given is None:
            return self._nothing_to_write(item, way, fixed)
        try:
            name = self._write(item, way, id_, given)
        except Refused as refusal:
            evidence = Evidence(f"{here[0].entity}/{id_}", _wrote(given, held), f"{there[0].entity}/{other}")
            if fixed:
                return Tick(State.explained, f"{fixed} There is no edit to carry: “{refusal}”", evidence)
            return Tick(State.missed, f"the edit itself is refused: {refusal}", evidence)
        return Trial(
            item, way, name, _wrote(given, held),
            find=lambda: other,
            expect=lambda: self._expected(item, way, given),
            before=before,
            obstacle=next((why for end in there if (why := limit(end))), None),
        )  # fmt: skip

    def _nothing_to_write(self, item: Item, way: Way, fixed: str | None) -> Tick:
        if fixed:
            return Tick(State.explained, f"{fixed} There is no edit to carry.")
        if way is Way.back and item.is_reference and self._map.goes_through_owner(item):
            return Tick(State.explained, "The other side knows only the owner, who goes to the property for owners (R16).")
        return Tick(State.missed, "there is no other record to point it to")

    def _new(self, item: Item, way: Way, id_: str, held: Mapping[str, str | None]) -> dict[str, Any] | None:
        here, there = item.ends(way)
        if item.is_reference:
            chosen = self._choice(item, way, id_, held[here[0].path])
            return None if chosen is None else {here[0].path: chosen}
        if item.row.is_plain:
            now = held[here[0].path]
            return {here[0].path: self._values.new((*here, *there), now == "true" if now in ("true", "false") else now)}
        if len(here) == 1:
            return {here[0].path: (item.row.spec.join or " ").join(self._values.new((end,)) for end in there)}
        return {end.path: self._values.new((end,)) for end in here}

    def _choice(self, item: Item, way: Way, id_: str, now: str | None) -> str | None:
        """Another record to name: of the same owner where the reference needs it, of another where only the owner is seen."""
        end = item.ends(way)[0][0]
        sibling = self._map.sibling(end)
        found = self._map.choices(item, way, self._maker.made, {now or "", id_})
        if sibling is None:
            return next(found, None)
        path = Endpoint(end.entity, sibling.path, end.cell)
        owner = self._map.seen(path, id_)
        same = not self._map.goes_through_owner(item)
        return next((one for one in found if (self._map.owner(sibling, one) == owner) is same), None)

    def _write(self, item: Item, way: Way, id_: str, given: Mapping[str, Any]) -> str:
        """Edit as a person would, and say which record: a property that is only shown is edited where it belongs."""
        end = item.ends(way)[0][0]
        zone = end.entity.system.time_zone
        changed = {path: encode(end.entity.prop(path), value, path, zone) for path, value in given.items()}
        sibling = self._map.sibling(end) if item.is_reference else None
        if sibling and self._map.goes_through_owner(item):
            changed[sibling.path] = encode(
                end.entity.prop(sibling.path), self._map.owner(sibling, given[end.path]), sibling.path, zone
            )
        entity = owner_of(end.entity, end.path) or str(end.entity)
        record = id_ if entity == str(end.entity) else self._map.counterpart(str(end.entity), id_, entity)
        if record is None:
            raise Refused(f"its {entity} is not linked with it")
        self._users.edit(entity, record, changed)
        return f"{entity}/{record}"

    def _expected(self, item: Item, way: Way, given: Mapping[str, Any]) -> dict[str, str | None]:
        here, there = item.ends(way)
        if item.is_reference:
            return {there[0].path: self._map.expected(item, way, given[here[0].path])}
        texts = [told(given[end.path]) or "" for end in here]
        join = item.row.spec.join or " "
        if item.row.is_plain or len(there) == 1:
            said = join.join(texts)
            values = {told(one): told(other) for one, other in (item.row.spec.values or {}).items()}
            renamed = values if way is not Way.back else {other: one for one, other in values.items()}
            return {there[0].path: renamed.get(said, said)}
        return dict(zip((end.path for end in there), texts[0].rsplit(join, len(there) - 1), strict=True))

    # What it comes to

    def _mapping(self, mapping: ResolvedMapping) -> MappingCheck:
        all_made = self._of(mapping)
        lost = [made for made in all_made if not self._pair(made)]
        creation, link = self._creation(mapping, all_made, lost)
        rows = tuple(row_check(item, self._ticks[item.key], link) for item in self._items if item.mapping is mapping)
        document = mapping.loaded.spec.document
        title = document.title if document else mapping.dataflow
        return MappingCheck(mapping.dataflow, title, str(mapping.source), str(mapping.target), creation, link, rows)

    def _creation(self, mapping: ResolvedMapping, all_made: Sequence[Made], lost: Sequence[Made]) -> tuple[Tick, Tick]:
        if why := self._failed.get(mapping_key(mapping)):
            return Tick(State.missed, why), Tick(State.missed, why)
        if (why := _creates_nothing(mapping)) and len(lost) == len(all_made):
            return Tick(State.explained, why), Tick(State.missed, "there is no pair: QA makes none that match")
        if lost or not all_made:
            why = self._why(lost[0]) if lost else "no source record was made"
            return Tick(State.missed, why), Tick(State.missed, why)
        first = all_made[0]
        cluster = self._map.places[str(mapping.source), first.id]
        target = f"{mapping.target}/{self._pair(first)}"
        took = self._linked.get(mapping_key(mapping), 0)
        created = Evidence(first.name, f"a new record ({len(all_made)} made)", target, None, "created", took)
        linked = Evidence(first.name, "", target, None, f"cluster {cluster}", took)
        return Tick(State.ticked, evidence=created), Tick(State.ticked, evidence=linked)

    def _why(self, made: Made) -> str:
        """Why a record has no counterpart, as the engine says it."""
        cluster = self._map.places.get((str(made.mapping.source), made.id))
        for row in changes.of(self._world.hub, str(made.mapping.target)).iter_rows(named=True):
            if row["cluster"] == cluster:
                return f"{made.name} has no counterpart: {row['state']}, {row['reason']}"
        return f"{made.name} has no counterpart"


def mapping_key(mapping: ResolvedMapping) -> str:
    return f"{mapping.dataflow}/{mapping.key}"


def _creates_nothing(mapping: ResolvedMapping) -> str | None:
    if not mapping.creates:
        return "The document creates nothing here; its match rules only link."
    if mapping.target.spec.create is None:
        return f"{mapping.target.spec.title} cannot be created through this API."
    return None


def _wrote(given: Mapping[str, Any], held: Mapping[str, str | None]) -> str:
    return ", ".join(f"{path}: {held.get(path)!r} → {told(value)!r}" for path, value in given.items())
