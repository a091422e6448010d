"""What happens to whole systems, hubs and specs in some schedules: restored from old copies, taken away, worked on by two."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce

import httpx

from talk_assets.sandbox.faults import Fault
from talk_assets.simulate.deeds import Erased
from talk_assets.simulate.documents import FEWER, MORE, REORDERED, filed
from talk_assets.simulate.engine import Engine
from talk_assets.simulate.estate import Estate
from talk_assets.simulate.events import Event
from talk_assets.simulate.hubs import give_back
from talk_assets.simulate.refusing import SAID, Refusal
from talk_assets.simulate.renaming import Answer, Renaming
from talk_assets.simulate.seldom import LATE, REFUSED, RENAMED, ROW_AWAY
from talk_assets.simulate.topology import Topology, narrowed, with_less, without
from talk_assets.simulate.witness import Witness, seen_records, tokens_told
from talk_assets.simulate.wording import REWORDED, worded

_End = Callable[[], str]
"""Ends what has begun, and says in words what it was."""


@dataclass
class Upheavals:
    """Each begins before one round and ends before a later one."""

    estate: Estate
    witness: Witness
    engine: Engine
    another: Callable[[], Engine]
    """A second engine on the same systems, with a hub of its own."""
    other: Engine | None = None
    renaming: Renaming | None = None
    """What a system calls otherwise now."""
    refusals: list[Refusal] = field(default_factory=list)
    """What systems take nothing of now."""
    _changed: dict[int, Callable[[Topology], Topology]] = field(default_factory=dict)
    """By event: what it made of the specs."""
    _ends: dict[int, _End] = field(default_factory=dict)

    def begin(self, event: Event) -> None:
        self._ends[event.number] = _KINDS[event.what](self, event)

    def end(self, event: Event) -> str:
        """What it was, in words."""
        return self._ends.pop(event.number)()

    def _hub_restored(self, _: Event) -> _End:
        kept = self.engine.copied()

        def end() -> str:
            self.witness.told_elsewhere |= tokens_told(self.engine.hub)
            self.engine.restore(kept)
            give_back(kept)
            self.witness.is_shaken = self.witness.is_forgetful = True
            return "the hub is restored from a copy of then"

        return end

    def _system_restored(self, event: Event) -> _End:
        name = event.options["system"]
        system = self.estate.systems[name]
        # Its records; who may log in is kept elsewhere.
        kept = {name: held for name, held in copy.deepcopy(system.memory()).items() if name != "logins"}

        def end() -> str:
            before = {(one.entity, one.id): one for one in self.estate.live(name)}
            system.recall({**system.memory(), **kept})
            after = {(one.entity, one.id) for one in self.estate.live(name)}
            lost = before.keys() - after
            seen = set(seen_records(self.engine.hub).rows())
            linked = set(self.engine.hub.read("SELECT entity, id FROM members").rows())
            now, witness = self.estate.ticks(), self.witness
            witness.erased = [one for one in witness.erased if (one.entity, one.id) not in after]
            witness.erased += [Erased(before[key].thing or 0, *key, now, is_known=key in linked) for key in sorted(lost & seen)]
            # Their ids may be given again, and what the engine never heard of was never there.
            witness.changes = [one for one in witness.changes if (one.entity, one.id) not in lost]
            self.estate.born = {key: thing for key, thing in self.estate.born.items() if key not in lost}
            witness.is_shaken = True
            self._look_edited(name)
            return f"{name} is restored from a copy of then"

        return end

    def _look_edited(self, name: str) -> None:
        """What a restored system holds in properties whose edits move no stamp looks like an edit of now, which may well be
        told where somebody had put something back.
        """
        things = {(place.entity, place.id): place.thing for place in self.estate.live()}
        plain, estate = self.estate.topology.plain, self.estate
        newer = {
            (place.thing, field)
            for place in estate.live(name)
            for field, paths in plain.items()
            if place.entity in paths and estate.is_unstamped(place.entity, paths[place.entity])
        }
        taken_back = self.witness.taken_back
        self.witness.taken_back = {key: one for key, one in taken_back.items() if (things.get(key[:2]), key[2]) not in newer}

    def _mapping_away(self, event: Event) -> _End:
        names = [mapping.name for mapping in self.estate.topology.model.mappings]
        name = names[int(event.options["which"] * len(names))]
        change = partial(without, name=name) if len(names) > 1 else None
        return self._specs_changed(event, change, f"the mapping {name} is put back")

    def _condition_added(self, event: Event) -> _End:
        creating = [one.name for one in self.estate.topology.model.mappings if one.creates and one.when is None]
        name = creating[int(event.options["which"] * len(creating))] if creating else ""
        return self._specs_changed(event, partial(narrowed, name=name), f"the mapping {name} has lost its condition")

    def _row_away(self, event: Event) -> _End:
        less = partial(with_less, which=event.options["which"])
        return self._specs_changed(event, less, "a property that was not mapped is mapped again")

    def _renamed(self, event: Event) -> _End:
        self.renaming = renaming = Renaming(**event.options)
        change = self._specs_changed(event, renaming.of, f"{renaming.name} of {renaming.entity} is {renaming.path} again")

        def end() -> str:
            self.renaming = None
            return change()

        return end

    def _refiled(self, event: Event) -> _End:
        filing = event.options["filing"]
        told = "; ".join(f"{file}: {', '.join(names)}" for file, names in sorted(filing))
        return self._specs_changed(event, lambda topology: filed(topology.specs, filing), f"the documents were {told}")

    def _reworded(self, event: Event) -> _End:
        other = worded(self.estate.topology, event.options["wording"])
        self.witness.reword(self.estate.topology)
        change = self._specs_changed(event, lambda _: other, f"the documents said {event.options['wording']}")

        def end() -> str:
            self.witness.reword(other)
            return change()

        return end

    def _refused(self, event: Event) -> _End:
        things = sorted({place.thing for place in self.estate.live() if place.thing is not None})
        if not things:
            return lambda: "nothing was there to be refused"
        thing = things[int(event.options["which"] * len(things))]
        refusal = Refusal(self.estate, event.options["system"], thing, event.options["status"])
        self.refusals.append(refusal)
        self.witness.refused.add(thing)

        def end() -> str:
            self.refusals.remove(refusal)
            kinds = [one.kind for one in self.estate.schedule.events]
            if told := refusal.insisted(kinds.count("crash") + kinds.count("fault")):
                self.witness.complain("I2", f"{told} was refused again and again, with {refusal.status}")
            self.witness.refused_with += [sent for _, _, sent in refusal.told]
            retried = event.options["retried"] and self.engine.retry(SAID)
            words = f"{refusal.system} took nothing of thing {thing} ({refusal.status}), and does now"
            return f"{words}; somebody has it tried again" if retried else words

        return end

    def passed(self, request: httpx.Request, answer: Answer) -> httpx.Response:
        """What a system makes of a request, by the names that it has for things now."""
        renaming = self.renaming
        if refusal := next((one for one in self.refusals if one.is_about(request)), None):
            return refusal.answer(request)
        if renaming is None or not renaming.is_about(request, self.estate.topology):
            return answer(request)
        return renaming.passed(request, answer)

    def _specs_changed(self, event: Event, change: Callable[[Topology], Topology] | None, told: str) -> _End:
        if change:
            self._changed[event.number] = change
            self._work_by_the_specs()

        def end() -> str:
            self._changed.pop(event.number, None)
            self._work_by_the_specs()
            return told

        return end

    def _work_by_the_specs(self) -> None:
        specs = reduce(lambda topology, change: change(topology), self._changed.values(), self.estate.topology)
        self.engine.work_by(specs)
        self.witness.mappings = specs.model.mappings

    def _list_emptied(self, event: Event) -> _End:
        name = event.options["system"]
        undo = self.estate.hide(name, Fault("empty", operation="list"))

        def end() -> str:
            undo()
            return f"the lists of {name} are no longer empty"

        return end

    def _read_late(self, event: Event) -> _End:
        name = event.options["system"]
        faults = self.estate.systems[name].faults
        number = faults.add(Fault("error", operation="list"))

        def end() -> str:
            faults.remove(number)
            return f"{name} can be read"

        return end

    def _two_engines(self, _: Event) -> _End:
        self.other = self.another()
        # What one of them is told, the other has not written.
        self.witness.is_forgetful = True

        def end() -> str:
            assert self.other  # noqa: S101 - begun above
            self.witness.told_elsewhere |= tokens_told(self.other.hub)
            self.other.close()
            self.other = None
            self.witness.is_shaken = True
            return "a second engine on the same systems is stopped"

        return end


_KINDS: Mapping[str, Callable[[Upheavals, Event], _End]] = {
    "hub restored": Upheavals._hub_restored,  # noqa: SLF001 - our own
    "system restored": Upheavals._system_restored,  # noqa: SLF001
    "mapping away": Upheavals._mapping_away,  # noqa: SLF001
    "condition added": Upheavals._condition_added,  # noqa: SLF001
    ROW_AWAY: Upheavals._row_away,  # noqa: SLF001
    LATE: Upheavals._read_late,  # noqa: SLF001
    RENAMED: Upheavals._renamed,  # noqa: SLF001
    **dict.fromkeys((REORDERED, FEWER, MORE), Upheavals._refiled),  # noqa: SLF001
    REFUSED: Upheavals._refused,  # noqa: SLF001
    REWORDED: Upheavals._reworded,  # noqa: SLF001
    "list emptied": Upheavals._list_emptied,  # noqa: SLF001
    "two engines": Upheavals._two_engines,  # noqa: SLF001
}
