"""What must hold once all is calm, checked against what really happened and what the systems really hold."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from talk_assets.hub import Hub
from talk_assets.hub.tables.checks import check
from talk_assets.simulate.deeds import RESOLUTION, Edit, Lost, Turned
from talk_assets.simulate.echoes import Echoes
from talk_assets.simulate.estate import Estate, Place, counts, in_words, is_on, key_of, plain, tokens_in
from talk_assets.simulate.evidence import Evidence
from talk_assets.simulate.refusing import SAID
from talk_assets.simulate.schedule import ALONE
from talk_assets.simulate.seldom import REFUSED, RENAMED
from talk_assets.simulate.topology import Words
from talk_assets.simulate.turns import Turn
from talk_assets.simulate.witness import Witness, tokens_told

Values = Mapping[tuple[int, str, str], tuple[Any, ...]]
"""By thing, entity and field: the values of its records."""


def judge(witness: Witness, hub: Hub) -> int:
    """Complaints go to the witness. Gives how many differences were excused, because the hub says why they are there."""
    return _Judgement(witness, hub).run()


def values(estate: Estate) -> Values:
    """What the records of each thing say, without what the systems' own numbering decides."""
    found: dict[tuple[int, str, str], list[Any]] = defaultdict(list)
    for place in estate.live():
        if place.thing is None:
            continue
        for name in estate.topology.editable:
            if path := estate.topology.plain[name].get(place.entity):
                found[place.thing, place.entity, name].append(place.value(path))
    return {key: tuple(sorted(told, key=repr)) for key, told in sorted(found.items())}


class _Judgement(Evidence):
    def run(self) -> int:
        for problem in check(self.hub):
            self.witness.complain("I12", problem)
        for name in self.witness.estate.trespassed():
            self.witness.complain("I7", f"{name} is not synchronised here, and has changed")
        excused = self._converged()
        self._counterparts()
        self._no_doubles()
        self._none_buried()
        self._together()
        self._still_ambiguous()
        self._held_for_what_was_refused()
        self._none_lost()
        self._turns_stand()
        # Who has forgotten what was agreed takes for an edit what they wrote themselves, and tells it again.
        if not self.witness.is_shaken:
            Echoes(self.witness, self.hub).look()
        return excused

    # I1

    def _converged(self) -> int:
        records, fields = self.excuses
        topology = self.witness.estate.topology
        together: dict[int, list[Place]] = defaultdict(list)
        for key, cluster in self.clusters.items():
            if key in self.places:
                together[cluster].append(self.places[key])
        excused = 0
        for cluster, members in sorted(together.items()):
            for name, paths in topology.plain.items():
                held = {
                    place.entity: self._meant(place, path)
                    for place in members
                    if (path := paths.get(place.entity)) and counts(topology, place, path)
                }
                if len(set(held.values()) - {_UNKNOWN}) < 2 or self._as_it_was(members, paths):
                    continue
                if any((entity, cluster) in records for entity in held) or (cluster, name) in fields:
                    excused += 1
                else:
                    self.witness.complain("I1", f"{name} of one thing differs: {held}")
        return excused

    def _as_it_was(self, members: Iterable[Place], paths: Mapping[str, str]) -> bool:
        """Whether records agree by what it was called before documents changed that, where nobody has said anything since, or
        nothing but what had been there before.
        """
        witness = self.witness
        there = [(place, paths[place.entity]) for place in members if place.entity in paths]
        if witness.worded is None or len({self._meant(place, path, witness.worded.words) for place, path in there}) > 1:
            return False
        is_said = any(witness.turns_of(place, path, since=True) for place, path in there)
        return not is_said or all(
            place.value(path) in witness.held_before(place, path) or (place.entity, place.id) in witness.ended
            for place, path in there
        )

    def _meant(self, place: Place, path: str, words: Words | None = None) -> Any:
        """A value as others can be compared with it: of a reference, the cluster of the record that it names; of one that is
        called otherwise there, what the others call it.
        """
        value = place.value(path)
        value = in_words(self.witness.estate.topology.words if words is None else words, place, path, value)
        referred = self.witness.estate.topology.model.entities[place.entity].references(path)
        if not referred or value is None:
            return plain(value)
        return next((self.clusters[to, str(value)] for to in referred if (to, str(value)) in self.clusters), _UNKNOWN)

    def _counterparts(self) -> None:
        records, _ = self.excuses
        dead = set(self.hub.read("SELECT entity, cluster FROM tombstones").rows())
        there = {(entity, cluster) for (entity, _), cluster in self.clusters.items()}
        unsettled = set(self.hub.read("SELECT entity, cluster FROM intents WHERE state IN ('rejected', 'unknown')").rows())
        conditions = self.witness.estate.topology.conditions
        for mapping in self.witness.estate.topology.model.mappings:
            known = [one for one in conditions if (one.source, one.target) == (mapping.source, mapping.target)]
            if not (mapping.creates and mapping.bound) or (mapping.when is not None and not known) or mapping.connected:
                continue
            if self.is_locked_out(mapping.target):
                continue
            for key, cluster in self.clusters.items():
                target = (mapping.target, cluster)
                if key[0] != mapping.source or key not in self.places or self._is_double(key):
                    continue
                if known and not is_on(known[0], self.places[key]):
                    continue
                if target not in there | records | dead | unsettled:
                    told = f"{key[0]}/{key[1]} has no counterpart in {mapping.target}, and nothing says why"
                    self.witness.complain("I1", told)
        for key, place in self.places.items():
            if key not in self.clusters and place.thing is not None:
                self.witness.complain("I1", f"{key[0]}/{key[1]} is in no cluster")

    def _is_double(self, key: tuple[str, str]) -> bool:
        """Whether a record waits for a choice because somebody has made another one with its key, or told two apart and that is
        not known any more.
        """
        forgotten = self.witness.decided if self.witness.is_forgetful else set()
        return key in self.ambiguous and self.places[key].thing in self.witness.doubled | forgotten

    # I22

    def _held_for_what_was_refused(self) -> None:
        """What waits since its system refused it is what that was told, and nothing of it waits once that was tried again."""
        refusals = [event for event in self.witness.estate.schedule.events if event.what == REFUSED]
        held = "SELECT entity, id, after FROM changes WHERE state = 'held' AND reason LIKE '%' || ? || '%' ORDER BY ALL"
        for entity, id_, after in self.hub.read(held, [SAID]).iter_rows():
            tokens = {token for text in after if text for token in tokens_in(text)}
            if all(event.options["retried"] for event in refusals):
                self.witness.complain(
                    "I22", f"what {entity}/{id_} is to hold is refused no more, and waits although it was tried again"
                )
            elif not any(tokens <= {*tokens_in(sent)} for sent in self.witness.refused_with):
                self.witness.complain("I22", f"what {entity}/{id_} is to hold was never refused, and waits for that")

    # I4, I9, I12

    def _no_doubles(self) -> None:
        gone = {
            (one.thing, one.entity): one.ticks
            for one in self.witness.erased
            if one.is_known and (one.entity, one.id) not in self.unseen
        }
        made: Counter[tuple[int, str]] = Counter()
        for change in self.witness.changes:
            if change.before is not None or change.after is None or (thing := change.after.thing) is None:
                continue
            is_one = thing not in self.witness.decided | self.several and not self.witness.is_forgetful
            if is_one and gone.get((thing, change.entity), change.ticks) < change.ticks:
                told = f"{change.entity}/{change.id} was made again after its record had been deleted"
                self.witness.complain("I9", told)
            made[thing, change.entity] += (change.entity, change.id) not in self.unseen
        born = Counter(
            (thing, entity) for (entity, id_), thing in self.witness.estate.born.items() if (entity, id_) not in self.unseen
        )
        for (thing, entity), count in made.items():
            if thing in self.witness.decided | self.several:
                continue
            if thing in self.unknown or (self.witness.is_forgetful and thing in {one.thing for one in self.witness.erased}):
                # Nor does such an engine know what was deleted before it looked.
                continue
            if count > 1:
                self.witness.complain("I4", f"the engine made {count} records of thing {thing} in {entity}")
            elif count and born[thing, entity] and thing not in self.witness.doubled:
                self.witness.complain("I4", f"thing {thing} was in {entity} already, and the engine made another")

    def _none_buried(self) -> None:
        """Nothing counts as deleted that nobody has deleted."""
        erased = {(one.entity, one.id) for one in self.witness.erased}
        for entity, id_ in self.hub.read(
            "SELECT DISTINCT entity, id FROM history WHERE kind = 'gone' ORDER BY ALL"
        ).iter_rows():
            if (entity, id_) not in erased:
                self.witness.complain("I8", f"{entity}/{id_} was taken for deleted, and nobody has deleted it")

    def _together(self) -> None:
        """Records of a thing that match rules can join are one cluster, unless their keys were changed or leave a choice."""
        seen: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        for key, place in self.places.items():
            if place.entity in ALONE or key not in self.clusters or key in self.ambiguous:
                continue
            if place.thing in self.renamed | self.unknown | self.witness.doubled:
                continue
            if place.thing is not None and place.thing not in self.asked_of | self.witness.decided:
                seen[place.thing][place.entity].add(self.clusters[key])
        for thing, found in seen.items():
            for joined in self._joined(found):
                if (count := len(set().union(*(found[entity] for entity in joined)))) > 1:
                    self.witness.complain("I12", f"the records of thing {thing} are in {count} clusters")

    def _still_ambiguous(self) -> None:
        """Who waits for a choice has one."""
        matches = {match.number: match for match in self.witness.estate.topology.model.matches}
        for rule, entity, id_ in self.hub.read("SELECT rule, entity, id FROM ambiguous").iter_rows():
            match = matches[rule]
            sharing = Counter(
                (place.entity, key)
                for place in self.places.values()
                if place.entity in (match.source, match.target) and (key := key_of(place, match))
            )
            place = self.places.get((entity, id_))
            key = (key_of(place, match) if place else None) or ()
            if match.pairs and max(sharing[match.source, key], sharing[match.target, key]) < 2:
                self.witness.complain("I12", f"{entity}/{id_} waits for a choice by {match.told}, and there is none")

    def _joined(self, entities: Collection[str]) -> list[set[str]]:
        """Entities in groups, within which match rules lead from each to every other."""
        groups = [{entity} for entity in entities]
        for match in self.witness.estate.topology.model.matches:
            touched = [group for group in groups if {match.source, match.target} & group]
            if len(touched) == 2 and (match.pairs or match.made):
                groups = [group for group in groups if group not in touched] + [touched[0] | touched[1]]
        return groups

    # I3

    def _none_lost(self) -> None:
        told = tokens_told(self.hub) | self.witness.told_elsewhere
        for lost in self.witness.lost:
            edit = self.witness.edits.get(lost.token.edit)
            if edit is None or edit.field != lost.field or edit.unguarded:
                continue
            by = f"by {lost.by.edit}" if lost.by else "by nothing"
            what = f"edit {edit.number} ({lost.field} of {lost.entity}/{lost.id})"
            if lost.token not in told:
                self.witness.complain("I3", f"{what} was overwritten {by}, and nothing tells of it")
            elif self._older_won(lost):
                self.witness.complain("I3", f"{what} lost to an older one, {by}")

    def _turns_stand(self) -> None:
        """What one person alone has said of a value holds everywhere in the end, whatever kind of value it is."""
        witness = self.witness
        if witness.is_shaken or witness.undone:
            return
        records, held = self.excuses
        called = witness.estate.topology.called
        conflicts = self.hub.read("SELECT DISTINCT cluster, entity, id, field FROM conflicts").rows()
        contested = {(cluster, called(name)) for cluster, _, _, name in conflicts}
        # Who was told apart since has another cluster.
        lost = {(entity, id_, called(name)) for _, entity, id_, name in conflicts}
        for one in witness.turned:
            turn = one.turn
            cluster = self.clusters.get((turn.place.entity, turn.place.id))
            if (
                one.unguarded
                or one.unheard
                or one.ticks < witness.reworded_at
                or cluster is None
                or self._others_said(one)
                or self._is_gone(turn)
            ):
                continue
            if any((cluster, name) in held | contested for name in turn.fields):
                continue
            if any((turn.place.entity, turn.place.id, name) in lost for name in turn.fields):
                continue
            for place in self.places.values():
                if self.clusters.get((place.entity, place.id)) != cluster or (place.entity, cluster) in records:
                    continue
                if (told := self._differs(place, turn)) is not None:
                    what = f"{turn.path} of {turn.place.entity}/{turn.place.id} was set to {turn.value!r} by one alone"
                    witness.complain("I3", f"{what}, and {place.entity}/{place.id} has {told!r}")

    def _others_said(self, one: Turned) -> bool:
        """Whether anybody else has said anything of what somebody has turned."""
        thing, fields = one.turn.place.thing, {*one.turn.fields}
        edited = any(edit.thing == thing and edit.field in fields for edit in self.witness.edits.values())
        others = [other for other in self.witness.turned if other is not one and other.turn.place.thing == thing]
        back = any((thing, name) in self.witness.restored for name in fields)
        return edited or back or any(fields & {*other.turn.fields} for other in others) or bool(self.witness.pointed)

    def _is_gone(self, turn: Turn) -> bool:
        """Whether a record, or the one that it names, is there no more or known to nobody."""
        said = {(turn.place.entity, turn.place.id)} | ({turn.named} if turn.named else set())
        return not (said <= self.places.keys() and said <= self.clusters.keys())

    def _differs(self, place: Place, turn: Turn) -> Any:
        """What a record holds instead of what somebody said; nothing where it holds that, or has no say in it."""
        made = self.witness.estate.topology.model.projections(place.entity)
        paths = {projection.fields: path for path, projection in made.items()}
        words = self.witness.estate.topology.words
        if path := paths.get(turn.fields):
            value = place.value(path)
            said = self.clusters[turn.named] if turn.named else plain(in_words(words, turn.place, turn.path, turn.value))
            is_same = self._meant(place, path) in ((said, _UNKNOWN) if turn.named else (said,))
        else:
            parts = [place.value(paths[name,]) for name in turn.fields if (name,) in paths]
            value = " ".join(map(str, parts))
            is_same = not parts or plain(value) == plain(turn.value)
        return None if is_same else value or "nothing"

    def _older_won(self, lost: Lost) -> bool:
        """Whether a later edit lost to an earlier one although every stamp told which came last."""
        witness = self.witness
        if witness.is_shaken:
            return False
        if lost.token.thing in witness.decided:
            # Of records that become one thing, each has had its own words.
            return False
        later = witness.edits[lost.token.edit]
        earlier = witness.edits.get(lost.by.edit) if lost.by else None
        if later.unstamped or any(
            row["kind"] in ("skew", "coarse") for system in witness.estate.systems.values() for row in system.faults.rows()
        ):
            # Where clocks are wrong or tell whole minutes, nobody can know which came last.
            return False
        if (later.thing, later.field) in witness.restored:
            return False
        if earlier and (earlier.ticks + RESOLUTION > later.ticks or self._is_called_otherwise(lost)):
            return False
        if later.field in self.reformed | self.depending and lost.token not in self.heard_as_edits:
            return False
        if earlier is None and lost.token in self.first_links and not later.was_agreed:
            return False
        # The value of one who has edited nothing was agreed at a first link, where its record's stamp decides: that may be of
        # an edit of something else.
        won = {(earlier.entity, earlier.id)} if earlier else self._others(later)
        touched = [ticks for place in won for ticks in witness.touches.get(place, ())]
        return not any(later.ticks - RESOLUTION <= ticks <= lost.ticks for ticks in touched)

    def _is_called_otherwise(self, lost: Lost) -> bool:
        """Whether specs call a property otherwise for some rounds: what it holds by its new name is no edit of what it held."""
        path = self.witness.estate.topology.plain[lost.field].get(lost.entity)
        events = self.witness.estate.schedule.events
        return any(event.what == RENAMED and event.options == {"entity": lost.entity, "path": path} for event in events)

    def _others(self, edit: Edit) -> set[tuple[str, str]]:
        """The other records of what was edited."""
        return {key for key, place in self.places.items() if place.thing == edit.thing} - {(edit.entity, edit.id)}


_UNKNOWN = "a record that nobody knows"
