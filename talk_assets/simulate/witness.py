"""What really happened, as only the simulation can know it: every edit, every write, and what replaced what."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from talk_assets.hub import Hub
from talk_assets.hub.tables import intents, members
from talk_assets.simulate.decisions import Decided
from talk_assets.simulate.deeds import RESOLUTION, SECOND, Change, Edit, Erased, Lost, Retold, TakenBack, Turned
from talk_assets.simulate.documents import FEWER, MORE
from talk_assets.simulate.estate import Estate, Place, Token, counts, is_on, plain, token_of, tokens_in
from talk_assets.simulate.topology import Topology, is_lucky, is_narrowed
from talk_assets.simulate.turns import Turn
from talk_assets.simulate.wording import REWORDED
from talk_assets.sync.meaning.model import MappingModel
from talk_assets.systems.writing.prepared import Prepared

_RESPOKEN = {REWORDED, FEWER, MORE}
"""Ways in which conditions come and go."""


@dataclass
class Witness:
    estate: Estate
    edits: dict[int, Edit] = field(default_factory=dict)
    turned: list[Turned] = field(default_factory=list)
    pointed: set[tuple[str, str, str]] = field(default_factory=set)
    """Records and properties that were made to name another record when one was made of two."""
    lost: list[Lost] = field(default_factory=list)
    retold: list[Retold] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    touches: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    erased: list[Erased] = field(default_factory=list)
    taken_back: dict[tuple[str, str, str], TakenBack] = field(default_factory=dict)
    """By entity, id and field."""
    restored: set[tuple[int, str]] = field(default_factory=set)
    """Things and fields in which anybody has put an older value back."""
    undone: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How often what a run had written was put back, by thing and field."""
    refused: set[int] = field(default_factory=set)
    """Things of which a system takes nothing for some rounds."""
    refused_with: list[str] = field(default_factory=list)
    """What it was sent of them."""
    decided: set[int] = field(default_factory=set)
    """Things of which a person has said what is one with what: by that, records of a thing may be several."""
    has_linked: bool = False
    """Whether the engine has gone round once without trouble: before that, who changes a key makes another thing."""
    unanswered: list[int] = field(default_factory=list)
    """Things of which records were to be made, and no answer came."""
    doubled: set[int] = field(default_factory=set)
    """Things of which somebody has made another record with the same key."""
    told: Counter[tuple[str, str, str, Token]] = field(default_factory=Counter)
    """How often the engine wrote a value into a field of a record."""
    told_elsewhere: set[Token] = field(default_factory=set)
    """What hubs told that are no longer there."""
    locked_out: frozenset[str] = frozenset()
    """Systems of which the answer with the next login was lost: the old one works no more, and a person has to log in anew."""
    is_shaken: bool = False
    """Whether an engine or a system has forgotten what it knew."""
    is_forgetful: bool = False
    """Whether an engine does not know what was made: by another one, or by itself."""
    mappings: tuple[MappingModel, ...] = ()
    """What the engine that is at work works by."""
    begun_by: dict[str, tuple[MappingModel, ...]] = field(default_factory=dict)
    """By what was sent, or was about to be when the process died: what the engine worked by then. A write without an answer is
    brought to its end by the specs under which it was begun.
    """
    begun_at: dict[str, int] = field(default_factory=dict)
    reworded_at: int = 0
    """When documents have changed last what values are called."""
    worded: Topology | None = None
    """By what they were called before."""
    held_then: dict[tuple[str, str], Place] = field(default_factory=dict)
    """What there was at that time."""
    ended: set[tuple[str, str]] = field(default_factory=set)
    """Records that were told since what had been begun by other documents."""
    complaints: list[tuple[str, str]] = field(default_factory=list)
    writes: int = 0
    requests: int = 0
    _trace: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=12))

    @property
    def is_hidden(self) -> bool:
        """Whether there is something that lists of changes never show."""
        return self.is_shaken or bool(self.erased) or any(one.unstamped for one in (*self.edits.values(), *self.turned))

    def complain(self, invariant: str, words: str) -> None:
        self.complaints.append((invariant, words))

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    def hear(self, *told: object) -> None:
        self._trace.update(repr(told).encode())

    def touch(self, entity: str, id_: str, ticks: int) -> None:
        self.touches.setdefault((entity, id_), []).append(ticks)

    def put_back(self, hub: Hub, words: pl.DataFrame) -> None:
        """Other values of fields (`cluster`, `field`) are agreed on again."""
        things = {(place.entity, place.id): place.thing for place in self.estate.live()}
        told = words.select("cluster", "field")
        here = members.ids_in(hub, told.select("cluster").unique()).join(told, on="cluster")
        for name, entity, id_ in here.select("field", "entity", "id").iter_rows():
            if thing := things.get((entity, id_)):
                self.restored.add((thing, name))
                self.undone[thing, name] += 1

    def decides(self, hub: Hub, said: Decided) -> None:
        self.put_back(hub, said.agreed)
        if said.agreed.is_empty():
            things = {(place.entity, place.id): place.thing for place in self.estate.live()}
            self.decided |= {thing for record in said.about.iter_rows() if (thing := things.get(record))}

    def reword(self, before: Topology) -> None:
        """Documents say something else from now on."""
        self.reworded_at, self.worded = self.estate.ticks(), before
        self.held_then = {(place.entity, place.id): place for place in self.estate.live()}

    def turns_of(self, place: Place, path: str, *, since: bool) -> list[Turn]:
        """What people made of a record's property before documents said something else, or since."""
        record = place.entity, place.id, path
        turns = [one for one in self.turned if (one.turn.place.entity, one.turn.place.id, one.turn.path) == record]
        return [one.turn for one in turns if (one.ticks >= self.reworded_at) == since]

    def held_before(self, place: Place, path: str) -> list[Any]:
        """What a record held when documents began to say something else, and before somebody had edited it."""
        then = self.held_then.get((place.entity, place.id))
        earlier = [turn.place.value(path) for turn in self.turns_of(place, path, since=False)]
        return [*earlier, then.value(path)] if then else []

    def check_intent(self, hub: Hub, content: bytes, told: str) -> None:
        """A write that arrives stands in the hub already, for a record that is linked."""
        if hub._writing:  # noqa: SLF001 - nothing in production asks
            self.complain("I14", f"{told} was sent in the middle of a transaction")
            return
        open_ = hub.read(
            """
            SELECT prepared, i.kind = 'create' OR m.id IS NOT NULL AS in_scope FROM intents i
            LEFT JOIN members m ON m.entity = i.entity AND m.id = i.record_id AND m.cluster = i.cluster
            WHERE i.state IN ('sending', 'unknown')
            """
        )
        safe = {(Prepared.from_json(text).body or "").encode(): in_scope for text, in_scope in open_.iter_rows()}
        if content not in safe:
            self.complain("I14", f"{told} left before its intent was safe")
        elif not safe[content]:
            self.complain("I7", f"{told} writes to a record that is linked to nothing")

    def sends(self, sent: str) -> None:
        """The engine writes, whatever becomes of it."""
        self.begun_by.setdefault(sent, self.mappings)
        self.begun_at.setdefault(sent, self.estate.ticks())

    def dies(self, hub: Hub) -> None:
        """The engine is killed: what it was about to write may have left, for all that its hub knows."""
        for prepared in intents.in_states(hub, intents.OPEN)["prepared"]:
            self.sends(Prepared.from_json(prepared).body or "")

    def wrote(self, sent: str, before: Iterable[Place], after: Iterable[Place], ticks: int) -> None:
        """The records of a system before and after a request of the engine."""
        old = {(place.entity, place.id): place for place in before}
        new = {(place.entity, place.id): place for place in after}
        for key in sorted(old.keys() | new.keys()):
            was, now = old.get(key), new.get(key)
            if was and now and was.body == now.body:
                continue
            self.touch(*key, ticks)
            if self.begun_by[sent] is not self.mappings:
                self.ended.add(key)
            self.changes.append(Change(*key, was, now, ticks))
            if was and now:
                self._replaced(was, now, ticks)
                self._in_scope(was, now, sent)
            elif was:
                self.complain("I8", f"the engine deleted {key[0]}/{key[1]}")
            elif now:
                self._may_be_made(now, self.begun_by[sent])
                self._is_wanted(now, self.begun_at[sent])
                for path in self.estate.topology.model.entities[now.entity].depends:
                    if now.value(path) not in (None, ""):
                        self._is_due(now, path, None, ticks)

    def _may_be_made(self, now: Place, mappings: Iterable[MappingModel]) -> None:
        if self._shows(now.entity):
            return
        making = [one for one in mappings if one.target == now.entity and one.creates and one.bound]
        if not making:
            self.complain("I7", f"the engine made {now.entity}/{now.id}, and no mapping creates those")
        elif all(is_narrowed(one) for one in making) and now.thing not in {erased.thing for erased in self.erased}:
            sources = {one.source for one in making}
            known = [place for place in self.estate.live() if place.thing == now.thing and place.entity in sources]
            if not any(is_lucky(place.id) for place in known):
                self.complain("I7", f"the engine made {now.entity}/{now.id}, for which no mapping's condition holds")

    def _is_wanted(self, now: Place, begun_at: int) -> None:
        """Where all that make such records have a condition, one must hold; or have held a moment before."""
        topology, schedule = self.estate.topology, self.estate.schedule
        making = {(one.source, one.target) for one in topology.model.mappings if one.target == now.entity and one.creates}
        conditions = [one for one in topology.conditions if (one.source, one.target) in making]
        erased = {one.thing for one in self.erased}
        if len(conditions) < len(making) or schedule.upheavals & _RESPOKEN or schedule.quirks & {"lag", "shrink"}:
            return
        known = [(one, place) for one in conditions for place in self.estate.live(one.source.partition(".")[0])]
        known = [(one, place) for one, place in known if (place.entity, place.thing) == (one.source, now.thing)]
        turned = {
            (one.turn.place.entity, one.turn.place.id, one.turn.path)
            for one in self.turned
            if one.ticks + RESOLUTION > begun_at
        }
        if now.thing not in erased and not any(
            is_on(one, place) or (place.entity, place.id, one.path) in turned for one, place in known
        ):
            self.complain("I7", f"the engine made {now.entity}/{now.id}, for which no mapping's condition holds")

    def _shows(self, entity: str) -> bool:
        """Whether records of an entity come with those of another one."""
        entities = self.estate.topology.model.entities
        return any(one.spec.joins for one in entities.values() if one.system == entities[entity].system)

    def _replaced(self, was: Place, now: Place, ticks: int) -> None:
        for name, places in self.estate.topology.plain.items():
            if (path := places.get(was.entity)) is None:
                continue
            old, new = was.value(path), now.value(path)
            if old not in (None, "") and new in (None, ""):
                self._emptied(was, path, name)
            token, by = token_of(old), token_of(new)
            if old != new:
                self._is_due(now, path, by, ticks)
            if by and by != token:
                self.told[was.entity, was.id, name, by] += 1
            if token and token == by and old != new and token.edit in self.edits:
                self.retold.append(Retold(token, was.entity, was.id, name, old, new))
            if token and token != by:
                self.lost.append(Lost(token, by, was.entity, was.id, name, ticks))
            # Who puts back what a run wrote has what was there before told again.
            is_undone = was.thing is not None and self.undone[was.thing, name] > 0
            back = None if self.is_forgetful or is_undone else self.taken_back.get((was.entity, was.id, name))
            if (
                back
                and not back.unstamped
                and back.value == old
                and old != new
                and by
                and self._is_repeated(by, new, name, back)
                and not self._is_respelt(old, new, name)
            ):
                self.complain("I3", f"{name} of {was.entity}/{was.id} was put back to {old!r}, and {new!r} written again")

    def _is_due(self, now: Place, path: str, by: Token | None, ticks: int) -> None:
        """Nothing is written where it does not count, and nothing that was edited where it did not count."""
        if REWORDED in self.estate.schedule.upheavals:
            return
        if not (counts(self.estate.topology, now, path) or self._has_just_turned(now, ticks)):
            self.complain("I18", f"{path} was written to {now.entity}/{now.id}, in which it does not count")
        edit = self.edits.get(by.edit) if by else None
        if edit and edit.is_idle and not any(at > edit.ticks for at in self.touches.get((edit.entity, edit.id), ())):
            self.complain("I18", f"edit {edit.number} was made where it does not count, and is told to {now.entity}/{now.id}")

    def _has_just_turned(self, now: Place, ticks: int) -> bool:
        """Whether somebody has turned something in a record after the engine looked at it, as far as one can tell."""
        last = [one.turn.place for one in self.turned if one.unguarded and one.ticks + SECOND > ticks]
        return (now.entity, now.id) in {(place.entity, place.id) for place in last}

    def _emptied(self, was: Place, path: str, name: str) -> None:
        """Only what somebody has emptied is emptied, what was empty before it was put back, and what names a record that is
        gone.
        """
        if self.is_shaken or any(one.turn.empties(was.thing, name) for one in self.turned):
            return
        if was.thing is not None and self.undone[was.thing, name]:
            return
        if self.erased and self.estate.topology.model.fields[name].references:
            return
        self.complain("I3", f"{path} of {was.entity}/{was.id} was emptied, which nobody has done anywhere")

    def _is_repeated(self, by: Token, new: Any, name: str, back: TakenBack) -> bool:
        """Whether what is written is what somebody had taken back, rather than something newer."""
        said = [edit.ticks for edit in self.edits.values() if (edit.thing, edit.field) == (by.thing, name)]
        elsewhere = [other.ticks for place, other in self.taken_back.items() if (place[2], other.value) == (name, new)]
        # Of another edit at about that time, nobody can tell whether it came before.
        since = back.ticks if by == back.over else back.ticks - RESOLUTION
        return not any(ticks > since for ticks in (*said, *elsewhere))

    def _is_respelt(self, old: Any, new: Any, name: str) -> bool:
        """Whether it is what was put back, as another system spells it, and counts as its edit where its answer was lost."""
        habits = [
            event for event in self.estate.schedule.events if event.what == "normalise" and event.options["field"] == name
        ]
        return bool(habits) and plain(old) == plain(new)

    def _in_scope(self, was: Place, now: Place, sent: str) -> None:
        entity = self.estate.topology.model.entities[was.entity]
        begun = {one.path for mapping in self.begun_by[sent] for one in mapping.projections.get(was.entity, ())}
        mapped = begun | self.estate.topology.model.projections(was.entity).keys()
        is_whole = entity.spec.update is not None and entity.spec.update.style in ("put", "post")
        for path, prop in entity.spec.properties.items():
            # What was not sent may follow from what was: a person's name from its parts.
            is_ours = is_whole or re.search(rf'["/]{path.rpartition(".")[2]}"', sent)
            if path in mapped or prop.access == "read_only" or not is_ours:
                continue
            if was.value(path) != now.value(path):
                self.complain(
                    "I18",
                    f"{was.entity}/{was.id}: {path} is not mapped and went from {was.value(path)!r} to {now.value(path)!r}",
                )


def tokens_told(hub: Hub) -> set[Token]:
    """Whose values the conflicts and the history of a hub name."""
    statement = """
        SELECT value AS text FROM conflicts UNION ALL SELECT base FROM conflicts
        UNION ALL SELECT before FROM history UNION ALL SELECT after FROM history
    """
    return {token for text in hub.read(statement)["text"].drop_nulls() for token in tokens_in(text)}


def seen_records(hub: Hub) -> pl.DataFrame:
    """All records that the engine has ever kept and that are not forgotten without a trace."""
    return hub.read("SELECT entity, id FROM records UNION SELECT entity, id FROM tombstones")
