"""What can be proved about specs before any data moves.

Each module of this package looks at one kind of mistake and yields problems; `verify` gathers them, by place.
"""

from collections.abc import Callable, Iterable

from talk_assets.specs.problems import Problem
from talk_assets.specs.resolve import Resolved
from talk_assets.specs.verify import (
    conditions,
    creation,
    documents,
    graph,
    matching,
    names,
    pairs,
    personal,
    references,
    rows,
    settings,
    systems,
    transforms,
    types,
    values,
)

CHECKS: tuple[Callable[[Resolved], Iterable[Problem]], ...] = (
    systems.check,
    names.check,
    settings.check,
    documents.check,
    types.check,
    transforms.check,
    values.check,
    rows.check,
    pairs.check,
    personal.check,
    references.check,
    matching.check,
    creation.check,
    conditions.check,
    graph.check,
)


def verify(resolved: Resolved) -> tuple[Problem, ...]:
    """Everything wrong or dangerous: unreadable files, unknown names, and what each check finds."""
    found = [*resolved.catalog.problems, *resolved.problems]
    for check in CHECKS:
        found += check(resolved)
    return tuple(sorted(set(found), key=lambda problem: (problem.place, problem.code, problem.message)))
