"""Whether the engine took for edits what nobody has edited, or told anything twice (I2, I5)."""

from collections import Counter

from talk_assets.simulate.estate import plain, token_of
from talk_assets.simulate.events import FIRST_EVENT
from talk_assets.simulate.evidence import Evidence
from talk_assets.simulate.seldom import RENAMED
from talk_assets.sync.recover import LOST


class Echoes(Evidence):
    def look(self) -> None:
        self._no_echo()
        self._none_retold()
        self._told_once()

    def _no_echo(self) -> None:
        """What nobody wrote into a record never counts as an edit of that record."""
        seen = self.hub.read("SELECT entity, id, path, before, after FROM history WHERE kind = 'edit' ORDER BY number")
        topology = self.witness.estate.topology
        for entity, id_, then_called, before, after in seen.iter_rows():
            token, name = token_of(after), topology.called(then_called)
            if token is None or name not in topology.editable or (entity, id_, name) in self.witness.taken_back:
                continue
            edit = self.witness.edits.get(token.edit)
            if edit is not None and (edit.field, edit.entity, edit.id) == (name, entity, id_):
                continue
            if self._is_shown(entity, topology.plain[name].get(entity)) or (edit is not None and edit.field != name):
                continue
            if token.edit >= FIRST_EVENT and edit is None:
                continue
            if self._is_habit(entity, id_, name) or self._is_mistaken(entity, id_) or self._is_written(token.thing, after):
                continue
            if plain(before) == plain(after) and self._is_found_out(entity, id_):
                # It may be how its system spells what it was sent.
                continue
            made = f"edit {edit.number} was made in {edit.entity}/{edit.id}" if edit else f"{after!r} was there from the start"
            self.witness.complain("I5", f"{made}, and is taken for an edit of {entity}/{id_}")

    def _none_retold(self) -> None:
        """What a system made of a value that it was told is told to nobody else."""
        for one in self.witness.retold:
            there = [place for place in self.places.values() if place.thing == one.token.thing]
            if any(self._is_habit(place.entity, place.id, one.field) for place in there):
                continue
            if one.field in self.reformed or self._is_spelt_anew(one.field):
                continue
            if self._is_written(one.token.thing, one.new):
                continue
            edit = self.witness.edits[one.token.edit]
            told = f"{one.field} of {one.entity}/{one.id} was {one.old!r}, as edit {edit.number} had it, and became {one.new!r}"
            self.witness.complain("I5", told)

    def _is_written(self, thing: int, value: object) -> bool:
        """Whether somebody has written it so, in a longer text of which it is a part."""
        texts = [turned.turn.value for turned in self.witness.turned if turned.turn.place.thing == thing]
        return any(isinstance(text, str) and str(value) in text for text in texts)

    def _is_spelt_anew(self, name: str) -> bool:
        """Whether a system stores a field its own way, and something got another name: what it holds is a first word."""
        schedule = self.witness.estate.schedule
        habits = [event.options["field"] for event in schedule.events if event.what == "normalise"]
        return RENAMED in schedule.upheavals and name in habits

    def _is_habit(self, entity: str, id_: str, name: str) -> bool:
        """Whether a system rewrites a field, in a record to which a write had no answer: nobody told the engine what came of
        it, so that it takes what it finds there for an edit.
        """
        habits = [event.options for event in self.witness.estate.schedule.events if event.what == "normalise"]
        rewritten = any(one["field"] == name and entity.startswith(f"{one['system']}.") for one in habits)
        return rewritten and self._is_found_out(entity, id_)

    def _is_found_out(self, entity: str, id_: str) -> bool:
        """Whether what came of a write to a record was found out, without an answer."""
        return (
            self.hub.value("SELECT count(*) FROM history WHERE reason = ? AND entity = ? AND id = ?", [LOST, entity, id_]) > 0
        )

    def _is_mistaken(self, entity: str, id_: str) -> bool:
        """Whether what was made by hand, and holds all that was sent, was taken for what a creation without an answer made."""
        found = "SELECT count(*) FROM history WHERE kind = 'adopted' AND reason = ? AND entity = ? AND id = ?"
        return (entity, id_) in self.witness.estate.born and self.hub.value(found, [LOST, entity, id_]) > 0

    def _is_shown(self, entity: str, path: str | None) -> bool:
        """Whether a record shows a property of another record of its system, or its own in another one: written to one, it
        changes in both.
        """
        entities = self.witness.estate.topology.model.entities
        joins = [(key, one.spec.joins) for key, one in entities.items() if one.spec.joins]
        return any(
            path in join.owns and entity in (key, f"{entities[key].system}.{join.entity}") for key, join in joins if join
        )

    def _told_once(self) -> None:
        """A record is told a value once, and again only where a person has written something else into it."""
        edited = Counter((edit.entity, edit.id, edit.field) for edit in self.witness.edits.values())
        for (entity, id_, name, token), count in self.witness.told.items():
            place = self.places.get((entity, id_))
            if token.thing in self.witness.decided:
                continue
            undone = self.witness.undone[place.thing, name] if place and place.thing else 0
            if count > 1 + edited[entity, id_, name] + ((entity, id_, name) in self.witness.taken_back) + undone:
                self.witness.complain("I2", f"{entity}/{id_} was told {name} of edit {token.edit} {count} times")
