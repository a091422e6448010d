"""What only shows when all mappings are seen together."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from talk_assets.specs.problems import Problem, Severity, error, few, plural_of
from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping
from talk_assets.specs.topology import Circle, Meetings, Subject, circles, fields, subjects
from talk_assets.specs.verify.types import row_obstacle


def check(resolved: Resolved) -> Iterator[Problem]:
    for subject in subjects(resolved):
        yield from _joined_subjects(subject)
        whole = fields(subject.mappings)
        joined = list(_joined_properties(subject, whole))
        for mapping, one, other in joined:
            yield error(
                "fields-joined",
                mapping.place("source"),
                f"following the rows of {subject.name} from property to property, {one} and {other.path} become one field: "
                "each would overwrite the other",
                "take one row out of the chain",
            )
        for mapping in subject.mappings:
            yield from _duplicates(mapping)
        for circle in circles(subject.mappings):
            if not _merges_duplicates(circle.way[0]):
                yield _cycle(circle, whole, [one for _, one, _ in joined])


def _merges_duplicates(mapping: ResolvedMapping) -> bool:
    return mapping.source.key == mapping.target.key and bool(mapping.spec.match)


def _duplicates(mapping: ResolvedMapping) -> Iterator[Problem]:
    if _merges_duplicates(mapping):
        yield Problem(
            "merges-duplicates",
            Severity.warning,
            mapping.place("target"),
            f"{mapping} matches {mapping.source} with itself: records that agree are duplicates of each other, none is created",
            "leave the mapping out unless duplicates within this system are to be found",
        )


def _joined_subjects(subject: Subject) -> Iterator[Problem]:
    for mapping in subject.mappings:
        one, other = mapping.source.spec.subject, mapping.target.spec.subject
        if one != other:
            yield Problem(
                "subjects-joined",
                Severity.warning,
                mapping.place("source"),
                f"{mapping} joins the subjects {one} and {other}: each {one} becomes a {other} in every system that keeps "
                f"{plural_of(other)} ({', '.join(sorted({entity.system.system for entity in subject.entities}))})",
            )


def _joined_properties(
    subject: Subject, whole: Sequence[Sequence[Endpoint]]
) -> Iterator[tuple[ResolvedMapping, Endpoint, Endpoint]]:
    """Two properties of one entity that end in one field although no single mapping says so."""
    meetings = Meetings[Hashable]()
    explained = Meetings[Hashable]()
    for number, mapping in enumerate(subject.mappings):
        for field in fields([mapping]):
            for other in field[1:]:
                meetings.join(field[0].identity, other.identity, number)
            for first, *twins in _by_entity(field):
                for twin in twins:
                    explained.join(first.identity, twin.identity, number)
    for field in whole:
        for first, *others in _by_entity(field):
            told = [first]
            for other in others:
                if all(explained.met(one.identity, other.identity) is None for one in told):
                    told.append(other)
                    closing = meetings.met(first.identity, other.identity)
                    yield subject.mappings[closing or 0], first, other


def _by_entity(field: Sequence[Endpoint]) -> list[list[Endpoint]]:
    found: defaultdict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in field:
        found[endpoint.entity.key].append(endpoint)
    return list(found.values())


def _cycle(circle: Circle, whole: Sequence[Sequence[Endpoint]], joined: Sequence[Endpoint]) -> Problem:
    entities = [mapping.source.key for mapping in circle.way]
    members = {mapping.source.key for mapping in circle.mappings}
    more = len(members) - len(entities)
    way = " → ".join([*entities, entities[0]]) + (f" ({more} more entities lead round as well)" if more else "")
    closing = circle.way[-1]
    reasons = [
        f"{row.pair[0]} → {row.pair[1]} is not exact: {found.reason}"
        for mapping in circle.mappings
        for row in mapping.rows
        if (found := row_obstacle(row))
    ]
    reasons += [f"{one} does not come back as itself" for one in joined if one.entity.key in members]
    if closing.source.key == closing.target.key:
        reasons.append("each record would need another one of its own kind, without end")
    if reasons:
        return error(
            "cycle-unsafe",
            closing.place("target"),
            f"the mappings lead in a circle, {way}, and it is not safe: {few(reasons, '; ')}",
            "let one mapping of the circle say `create: never`, or make its rows exact",
        )
    carried = sum(1 for field in whole if {e.entity.key for e in field} >= set(entities))
    unmatched = [str(mapping) for mapping in circle.mappings if not mapping.spec.match]
    doubt = f"; but nothing recognises records that exist already along {few(unmatched)}" if unmatched else ""
    return Problem(
        "cycle",
        Severity.note,
        closing.place("target"),
        f"the mappings lead in a circle, {way}; it is safe: a created record is linked to the one it came from, "
        f"each entity has one place in a cluster, and the {carried} fields that go all the way round come back to the property "
        f"they left{doubt}",
    )
