"""What must hold once all is calm, checked against what really happened and what the systems really hold."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from talk_assets.hub import Hub
from talk_assets.hub.checks import check
from talk_assets.simulate.estate import Place, Token, tokens_in
from talk_assets.simulate.schedule import ALONE, FIRST_EVENT
from talk_assets.simulate.witness import Lost, Witness

_SECOND = 10_000_000
_RESOLUTION = 2 * _SECOND
"""Stamps of some systems tell whole seconds."""


def judge(witness: Witness, hub: Hub) -> int:
    """Complaints go to the witness. Gives how many differences were excused, because the hub says why they are there."""
    places = {(place.entity, place.id): place for place in witness.estate.live()}
    clusters = {
        (entity, id_): cluster for entity, id_, cluster in hub.read("SELECT entity, id, cluster FROM members").iter_rows()
    }
    for problem in check(hub):
        witness.complain("I12", problem)
    excused = _converged(witness, hub, places, clusters)
    _counterparts(witness, hub, places, clusters)
    _no_doubles(witness, hub, places.values(), clusters)
    _none_lost(witness, hub)
    _no_echo(witness, hub)
    return excused


def _excuses(hub: Hub) -> tuple[set[tuple[str, int]], set[tuple[int, str | None]]]:
    """Records whose change is on hold with a reason, and fields that are."""
    held = hub.read("SELECT entity, cluster FROM changes WHERE state IN ('refused', 'waiting', 'held')").rows()
    holds = hub.read("SELECT cluster, field FROM holds WHERE state = 'held' AND field IS NOT NULL").rows()
    refused = hub.read("SELECT entity, cluster FROM holds WHERE state = 'held' AND kind = 'rejected'").rows()
    return {*held, *refused}, set(holds)


def _converged(witness: Witness, hub: Hub, places: dict[tuple[str, str], Place], clusters: dict[tuple[str, str], int]) -> int:
    records, fields = _excuses(hub)
    together: dict[int, list[Place]] = defaultdict(list)
    for key, cluster in clusters.items():
        if key in places:
            together[cluster].append(places[key])
    excused = 0
    for cluster, members in sorted(together.items()):
        for name, paths in witness.estate.topology.plain.items():
            if witness.estate.topology.model.fields[name].references:
                continue
            values = {place.entity: place.value(paths[place.entity]) for place in members if place.entity in paths}
            if len({_plain(value) for value in values.values()}) < 2:
                continue
            if any((entity, cluster) in records for entity in values) or (cluster, name) in fields:
                excused += 1
            else:
                witness.complain("I1", f"{name} of one thing differs: {values}")
    return excused


def _plain(value: Any) -> Any:
    """Equal where a system's habits make no difference."""
    if isinstance(value, str):
        return value.strip().casefold() or None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _counterparts(
    witness: Witness, hub: Hub, places: dict[tuple[str, str], Place], clusters: dict[tuple[str, str], int]
) -> None:
    records, _ = _excuses(hub)
    dead = set(hub.read("SELECT entity, cluster FROM tombstones").rows())
    there = {(entity, cluster) for (entity, _), cluster in clusters.items()}
    unsettled = set(hub.read("SELECT entity, cluster FROM intents WHERE state IN ('rejected', 'unknown')").rows())
    for mapping in witness.estate.topology.model.mappings:
        if not (mapping.creates and mapping.bound) or mapping.when is not None or mapping.connected:
            continue
        for key, cluster in clusters.items():
            target = (mapping.target, cluster)
            if key[0] == mapping.source and key in places and target not in there | records | dead | unsettled:
                witness.complain("I1", f"{key[0]}/{key[1]} has no counterpart in {mapping.target}, and nothing says why")
    for key, place in places.items():
        if key not in clusters and place.thing is not None:
            witness.complain("I1", f"{key[0]}/{key[1]} is in no cluster")


def _no_doubles(witness: Witness, hub: Hub, places: Iterable[Place], clusters: dict[tuple[str, str], int]) -> None:
    made: Counter[tuple[int, str]] = Counter()
    for change in witness.changes:
        if change.before is None and change.after is not None and (thing := change.after.thing) is not None:
            made[thing, change.entity] += 1
            if (gone := witness.deleted.get((thing, change.entity))) and gone < change.ticks:
                witness.complain("I9", f"{change.entity}/{change.id} was made again after its record had been deleted")
    born = Counter((thing, entity) for (entity, _), thing in witness.estate.born.items())
    for (thing, entity), count in made.items():
        if count > 1:
            witness.complain("I4", f"the engine made {count} records of thing {thing} in {entity}")
        elif born[thing, entity] and thing < FIRST_EVENT:
            witness.complain("I4", f"thing {thing} was in {entity} already, and the engine made another")
    _together(witness, hub, places, clusters)


def _together(witness: Witness, hub: Hub, places: Iterable[Place], clusters: dict[tuple[str, str], int]) -> None:
    """All records of a thing are one cluster, unless their keys were changed or leave a choice."""
    ambiguous = set(hub.read("SELECT entity, id FROM ambiguous").rows())
    renamed = {edit.thing for edit in witness.edits.values() if edit.field in witness.estate.topology.keys}
    seen: dict[int, set[int]] = defaultdict(set)
    for place in places:
        key = (place.entity, place.id)
        if place.entity in ALONE or key not in clusters or key in ambiguous or place.thing in renamed:
            continue
        if place.thing is not None:
            seen[place.thing].add(clusters[key])
    for thing, found in seen.items():
        if len(found) > 1:
            witness.complain("I12", f"the records of thing {thing} are in {len(found)} clusters")


def _none_lost(witness: Witness, hub: Hub) -> None:
    told: set[Token] = set()
    for statement in (
        "SELECT value AS text FROM conflicts UNION ALL SELECT base FROM conflicts",
        "SELECT before AS text FROM history UNION ALL SELECT after FROM history",
    ):
        for text in hub.read(statement)["text"].drop_nulls():
            told.update(tokens_in(text))
    for lost in witness.lost:
        edit = witness.edits.get(lost.token.edit)
        if edit is None or edit.field != lost.field or edit.unguarded:
            continue
        by = f"by {lost.by.edit}" if lost.by else "by nothing"
        what = f"edit {edit.number} ({lost.field} of {lost.entity}/{lost.id})"
        if lost.token not in told:
            witness.complain("I3", f"{what} was overwritten {by}, and nothing tells of it")
        elif _older_won(witness, lost):
            witness.complain("I3", f"{what} lost to an older one, {by}")


def _older_won(witness: Witness, lost: Lost) -> bool:
    """Whether a later edit lost to an earlier one although every stamp told which came last."""
    later = witness.edits[lost.token.edit]
    earlier = witness.edits.get(lost.by.edit) if lost.by else None
    if any(row["kind"] in ("skew", "coarse") for system in witness.estate.systems.values() for row in system.faults.rows()):
        return False
    if earlier is None:
        if lost.by is not None and lost.by.edit >= FIRST_EVENT:
            return False
        return lost.by is None
    if earlier.ticks + _RESOLUTION > later.ticks:
        return False
    touched = witness.touches.get((earlier.entity, earlier.id), ())
    return not any(later.ticks - _RESOLUTION <= ticks <= lost.ticks for ticks in touched)


def _shared(witness: Witness, one: str, other: str) -> bool:
    """Whether a record of one of two entities shows properties of a record of the other."""
    entities = witness.estate.topology.model.entities
    return one.partition(".")[0] == other.partition(".")[0] and any(entities[key].spec.joins for key in (one, other))


def _no_echo(witness: Witness, hub: Hub) -> None:
    """What the engine itself wrote into a record never comes back as somebody's edit of that record."""
    seen = hub.read("SELECT entity, id, path, after FROM history WHERE kind = 'edit' ORDER BY number")
    for entity, id_, name, after in seen.iter_rows():
        token = next(tokens_in(after or ""), None)
        edit = witness.edits.get(token.edit) if token else None
        if edit is None or edit.field != name or (edit.entity, edit.id) == (entity, id_):
            continue
        if not _shared(witness, edit.entity, entity):
            made = f"edit {edit.number} was made in {edit.entity}/{edit.id}"
            witness.complain("I5", f"{made}, and is taken for an edit of {entity}/{id_} as well")
