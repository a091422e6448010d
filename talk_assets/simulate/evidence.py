"""What the oracle goes by: what is there once all is calm, and of which things nobody could know what they are."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from talk_assets.hub import Hub
from talk_assets.simulate.documents import reformed
from talk_assets.simulate.estate import Place, Token, tokens_in
from talk_assets.simulate.witness import Witness, seen_records
from talk_assets.simulate.wording import depending


@dataclass(frozen=True)
class Evidence:
    witness: Witness
    hub: Hub

    @cached_property
    def places(self) -> dict[tuple[str, str], Place]:
        return {(place.entity, place.id): place for place in self.witness.estate.live() if not self.is_locked_out(place.entity)}

    def is_locked_out(self, entity: str) -> bool:
        return entity.partition(".")[0] in self.witness.locked_out

    @cached_property
    def clusters(self) -> dict[tuple[str, str], int]:
        return {
            (entity, id_): number
            for entity, id_, number in self.hub.read("SELECT entity, id, cluster FROM members").iter_rows()
        }

    @cached_property
    def ambiguous(self) -> set[tuple[str, str]]:
        """Records that wait for a choice; that there is one is looked at by itself."""
        return set(self.hub.read("SELECT entity, id FROM ambiguous").rows())

    @cached_property
    def excuses(self) -> tuple[set[tuple[str, int]], set[tuple[int, str]]]:
        """Records whose change is on hold with a reason, and fields that are."""
        held = self.hub.read("SELECT entity, cluster FROM changes WHERE state IN ('refused', 'waiting', 'held')").rows()
        holds = self.hub.read("SELECT cluster, field FROM holds WHERE state = 'held' AND field IS NOT NULL").rows()
        refused = self.hub.read("SELECT entity, cluster FROM holds WHERE state = 'held' AND kind = 'rejected'").rows()
        called = self.witness.estate.topology.called
        return {*held, *refused}, {(cluster, called(name)) for cluster, name in holds}

    @cached_property
    def unseen(self) -> set[tuple[str, str]]:
        """Records that were deleted before the engine had seen them, or knew what they were a record of."""
        seen = set(seen_records(self.hub).rows())
        strangers = set(self.hub.read("SELECT entity, id FROM tombstones WHERE cluster IS NULL").rows())
        return {(erased.entity, erased.id) for erased in self.witness.erased} - (seen - strangers)

    @cached_property
    def asked_of(self) -> set[int]:
        """Things of which a person has been asked what came of a creation: until they say it, its record is a stranger."""
        held = self.hub.read("SELECT entity, cluster FROM holds WHERE state = 'held' AND kind = 'rejected'").rows()
        there = {(entity, cluster) for (entity, _), cluster in self.clusters.items()}
        asked = {cluster for _, cluster in {*held} - there}
        return {place.thing or 0 for key, place in self.places.items() if self.clusters.get(key) in asked}

    @cached_property
    def unknown(self) -> set[int]:
        """Things made anew by an engine that forgot them or never knew: told by no mark and no rule, they are others to it."""
        if not self.witness.is_forgetful:
            return self.torn | self.indistinct
        made = Counter((one.after.thing, one.entity) for one in self.witness.changes if one.before is None and one.after)
        again = {thing for (thing, entity), count in made.items() if thing and count > 1 and not self._is_marked(entity)}
        # By what it could be known again by, somebody has told two records apart meanwhile.
        return again | self.renamed | self.indistinct

    @cached_property
    def indistinct(self) -> set[int]:
        """Things of which a restored system gave one the id of another, where stamps are too coarse to tell them apart."""
        coarse = {event.options["system"] for event in self.witness.estate.schedule.events if event.what == "coarse"}
        lost = {(one.entity, one.id): one.thing for one in self.witness.erased if one.entity.partition(".")[0] in coarse}
        again = [(lost.get(key), place.thing) for key, place in self.places.items()]
        return {thing for was, now in again if was and now and was != now for thing in (was, now)}

    @cached_property
    def several(self) -> set[int]:
        """Things of which somebody has made another record, that nothing tells apart by now: what it had in common with the
        first one has another key, or is gone.
        """
        return self.witness.doubled & (self.renamed | {one.thing for one in self.witness.erased})

    @cached_property
    def reformed(self) -> frozenset[str]:
        """Fields that were others by the documents of some rounds."""
        return reformed(self.witness.estate.topology, self.witness.estate.schedule.events)

    @cached_property
    def depending(self) -> frozenset[str]:
        """Fields of which a record may have a first word at any time."""
        return depending(self.witness.estate.topology, self.witness.estate.schedule.events)

    @cached_property
    def renamed(self) -> set[int]:
        """Things of which somebody has changed what they are known again by."""
        return {edit.thing for edit in self.witness.edits.values() if edit.field in self.witness.estate.topology.keys}

    @cached_property
    def torn(self) -> set[int]:
        """Things that one record alone showed to be one, which was deleted, or in which that was edited."""
        edited = {edit.thing for edit in self.witness.edits.values() if edit.field in self.witness.estate.topology.keys}
        erased = {(one.thing, one.entity) for one in self.witness.erased}
        through = [thing for thing in self.witness.estate.schedule.things if thing.through]
        return {one.number for one in through if one.number in edited or (one.number, one.through) in erased}

    def _is_marked(self, entity: str) -> bool:
        """Whether what was made there shows what it was made from, and shows it at once."""
        lagging = {event.options["system"] for event in self.witness.estate.schedule.events if event.what == "lag"}
        matches = self.witness.estate.topology.model.matches
        return any(match.made and match.target == entity for match in matches) and entity.partition(".")[0] not in lagging

    @cached_property
    def heard_as_edits(self) -> set[Token]:
        values = self.hub.read("SELECT after FROM history WHERE kind = 'edit'")["after"].drop_nulls()
        return {token for value in values for token in tokens_in(value)}

    @cached_property
    def first_links(self) -> set[Token]:
        values = self.hub.read("SELECT value FROM conflicts WHERE kind = 'first link'")["value"].drop_nulls()
        return {token for value in values for token in tokens_in(value)}
