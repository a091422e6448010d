"""Properties that name other records: their values are translated through links, never copied."""

import re
from collections.abc import Iterable, Iterator

from talk_assets.specs.problems import Problem, Severity, error
from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping, ResolvedRow
from talk_assets.specs.topology import subjects

_ID_LIKE = re.compile(r"(?i:.*[a-z0-9_.]id|.*_ids)$|.*(Id|ID|Ids|Uuid|Guid)$")


def check(resolved: Resolved) -> Iterator[Problem]:
    subject_of = {entity.key: subject.name for subject in subjects(resolved) for entity in subject.entities}
    for mapping in resolved.mappings:
        for row in mapping.rows:
            if row.is_plain and not row.is_identity:
                yield from _row(resolved, subject_of, mapping, row)


def _row(resolved: Resolved, subject_of: dict[str, str], mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    source, target = row.pair
    referring = [endpoint for endpoint in row.pair if endpoint.spec.references]
    if len(referring) == 2:
        yield from _linked(resolved, subject_of, mapping, row)
    elif len(referring) == 1:
        other = target if referring[0] is source else source
        yield error(
            "untranslated-id",
            mapping.row_place(row),
            f"{referring[0]} names a record of {', '.join(_keys(referring[0]))}, but {other} is not said to name any: "
            "the id of one system would be copied into the other",
            f"give {other.path} its `references` in the system spec, or leave the row out",
        )
    else:
        for endpoint in (target, source):
            if _ID_LIKE.match(endpoint.path) and not endpoint.is_key and endpoint.spec.format != "organisation_number":
                yield Problem(
                    "id-like",
                    Severity.warning,
                    mapping.row_place(row, "target" if endpoint is target else "source"),
                    f"{endpoint} looks like the id of another record; it would be copied, not translated",
                    "give it `references` in the system spec",
                )
                return


def _linked(resolved: Resolved, subject_of: dict[str, str], mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    """The record that one side names must have a counterpart that the other side can name."""
    source, target = row.pair
    if _meet(subject_of, _direct(resolved, source), _direct(resolved, target)):
        return
    if _meet(subject_of, _referred(resolved, source), _referred(resolved, target)):
        yield Problem(
            "through-parent",
            Severity.info,
            mapping.row_place(row, "source"),
            f"records that {source} names have no counterpart of their own in {target.entity.system.system}; "
            "the record that owns them is named instead",
        )
        return
    yield Problem(
        "reference-not-linked",
        Severity.warning,
        mapping.row_place(row, "source"),
        f"no mapping links {', '.join(_keys(source))} with {', '.join(_keys(target))}: this row can never carry a value",
        "add a mapping between them, or leave the row out",
    )


def _direct(resolved: Resolved, endpoint: Endpoint) -> list[EntityRef]:
    return [resolved.entities[key] for key in _keys(endpoint) if key in resolved.entities]


def _referred(resolved: Resolved, endpoint: Endpoint) -> Iterator[EntityRef]:
    """The entities a property names, and the ones that own them."""
    seen: set[str] = set()
    waiting = _direct(resolved, endpoint)
    while waiting:
        entity = waiting.pop(0)
        if entity.key in seen:
            continue
        seen.add(entity.key)
        yield entity
        if entity.spec.parent:
            owner = resolved.entities.get(f"{entity.system.system}.{entity.spec.parent.entity}")
            waiting += [owner] if owner else []


def _meet(subject_of: dict[str, str], ours: Iterable[EntityRef], theirs: Iterable[EntityRef]) -> bool:
    here = {subject_of[entity.key] for entity in ours if entity.key in subject_of}
    there = {subject_of[entity.key] for entity in theirs if entity.key in subject_of}
    return bool(here & there)


def _keys(endpoint: Endpoint) -> list[str]:
    return [f"{endpoint.entity.system.system}.{name}" for name in endpoint.spec.references]
