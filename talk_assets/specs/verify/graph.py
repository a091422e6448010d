"""What only shows when all mappings are seen together."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from talk_assets.specs.problems import Problem, Severity, error
from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping
from talk_assets.specs.topology import Subject, creation_cycles, fields, subjects
from talk_assets.specs.verify.types import row_obstacle


def check(resolved: Resolved) -> Iterator[Problem]:
    for subject in subjects(resolved):
        yield from _joined_subjects(subject)
        joined = list(_joined_properties(subject))
        for mapping, one, other in joined:
            yield error(
                "fields-joined",
                mapping.place("source"),
                f"following the rows of {subject.name} from property to property, {one} and {other.path} become one field: "
                "each would overwrite the other",
                "take one row out of the chain",
            )
        for cycle in creation_cycles(subject.mappings):
            yield _cycle(subject, cycle, [one for _, one, _ in joined])


def _joined_subjects(subject: Subject) -> Iterator[Problem]:
    for mapping in subject.mappings:
        one, other = mapping.source.spec.subject, mapping.target.spec.subject
        if one != other:
            named = subject.name
            yield Problem(
                "subjects-joined",
                Severity.warning,
                mapping.place("source"),
                f"{mapping} joins the subjects {one} and {other}: each {one} becomes a {other} in every system that keeps "
                f"{named}s ({', '.join(sorted({entity.system.system for entity in subject.entities}))})",
            )


def _joined_properties(subject: Subject) -> Iterator[tuple[ResolvedMapping, Endpoint, Endpoint]]:
    """Two properties of one entity that end in one field although no single mapping says so."""
    explained = {
        frozenset((one.identity, other.identity))
        for mapping in subject.mappings
        for field in fields([mapping])
        for one, other in _twins(field)
    }
    for field in fields(subject.mappings):
        for one, other in _twins(field):
            if frozenset((one.identity, other.identity)) not in explained:
                yield _closing(subject, one, other), one, other


def _twins(field: Sequence[Endpoint]) -> Iterator[tuple[Endpoint, Endpoint]]:
    by_entity: defaultdict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in field:
        for before in by_entity[endpoint.entity.key]:
            yield before, endpoint
        by_entity[endpoint.entity.key].append(endpoint)


def _closing(subject: Subject, one: Endpoint, other: Endpoint) -> ResolvedMapping:
    """The mapping that brings two properties together: the first without which they stay apart."""
    so_far: list[ResolvedMapping] = []
    for mapping in subject.mappings:
        so_far.append(mapping)
        if any({one.identity, other.identity} <= {e.identity for e in field} for field in fields(so_far)):
            break
    return so_far[-1]


def _cycle(subject: Subject, cycle: Sequence[ResolvedMapping], joined: Sequence[Endpoint]) -> Problem:
    entities = [mapping.source.key for mapping in cycle]
    way = " → ".join([*entities, entities[0]])
    closing = cycle[-1]
    reasons = [
        f"{row.pair[0]} → {row.pair[1]} is not exact: {found.reason}"
        for mapping in cycle
        for row in mapping.rows
        if (found := row_obstacle(row))
    ]
    reasons += [f"{one} does not come back as itself" for one in joined if one.entity.key in entities]
    if len(cycle) == 1:
        reasons.append("each record would need another one of its own kind, without end")
    if reasons:
        return error(
            "cycle-unsafe",
            closing.place("target"),
            f"the mappings lead in a circle, {way}, and it is not safe: {'; '.join(reasons)}",
        )
    carried = sum(1 for field in fields(subject.mappings) if {e.entity.key for e in field} >= set(entities))
    unmatched = [str(mapping) for mapping in cycle if not mapping.spec.match]
    doubt = f"; but nothing recognises records that exist already along {', '.join(unmatched)}" if unmatched else ""
    return Problem(
        "cycle",
        Severity.info,
        closing.place("target"),
        f"the mappings lead in a circle, {way}; it is safe: a created record is linked to the one it came from, "
        f"each entity has one place in a cluster, and the {carried} fields that go all the way round come back to the property "
        f"they left{doubt}",
    )
