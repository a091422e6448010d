"""Dagster shows entities, plans and mappings by their names, and nothing at all where two have the same one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from talk_assets.specs.problems import Place, Problem, error
from talk_assets.specs.resolve import EntityRef, Resolved
from talk_assets.specs.topology import subjects

CHANGES, DELIVERED = "changes", "delivered"
"""What the plan of an entity, and what was written to it, are called after it."""


@dataclass(frozen=True)
class _Shown:
    name: tuple[str, str]
    what: str
    place: Place


def check(resolved: Resolved) -> Iterator[Problem]:
    for one, other in _clashes(resolved):
        yield error(
            "name-taken",
            one.place,
            f"{one.what} would be shown as {'/'.join(one.name)}, as {other.what} is",
            "call it otherwise",
        )


def apart(resolved: Resolved) -> Resolved:
    """Without what would be shown under the name of something else."""
    late = {one.place for one, _ in _clashes(resolved)}
    entities = {key: one for key, one in resolved.entities.items() if _place(resolved, one) not in late}
    mappings = (one for one in resolved.mappings if one.place("source") not in late)
    return replace(
        resolved,
        entities=entities,
        mappings=tuple(one for one in mappings if {one.source.key, one.target.key} <= entities.keys()),
    )


def _clashes(resolved: Resolved) -> Iterator[tuple[_Shown, _Shown]]:
    """What is shown under a name that is taken, and what has it."""
    taken: dict[tuple[str, str], _Shown] = {}
    for one in _shown(resolved):
        if (first := taken.setdefault(one.name, one)) is not one:
            yield one, first


def _shown(resolved: Resolved) -> Iterator[_Shown]:
    """First what nobody can call otherwise."""
    used = [(subject, entity) for subject in subjects(resolved) for entity in subject.entities]
    for name, entity in {subject.name: entity for subject, entity in used}.items():
        yield _Shown(("golden", name), f"what all agree on of each {name}", _place(resolved, entity))
    for entity in (entity for _, entity in used if entity.spec.create or entity.spec.update):
        for ending, what in {CHANGES: "is due to", DELIVERED: "was written to"}.items():
            name = (entity.system.system, f"{entity.name}_{ending}")
            yield _Shown(name, f"what {what} {entity}", _place(resolved, entity))
    for entity in resolved.entities.values():
        yield _Shown((entity.system.system, entity.name), f"the entity {entity}", _place(resolved, entity))
    for mapping in resolved.mappings:
        yield _Shown((mapping.dataflow, mapping.key), f"the mapping {mapping}", mapping.place("source"))


def _place(resolved: Resolved, entity: EntityRef) -> Place:
    return resolved.catalog.systems[entity.system.system].key_place("entities", entity.name)
