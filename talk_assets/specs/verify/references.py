"""Properties that name other records: their values are translated through links, never copied."""

import re
from collections.abc import Iterable, Iterator

from talk_assets.specs.naming import find_named
from talk_assets.specs.problems import Problem, Severity, error
from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping, ResolvedRow
from talk_assets.specs.topology import subjects

_ID_LIKE = re.compile(r"(.*[._])?(?i:u?u?ids?|guids?)|.*[a-z0-9](Id|ID|Ids|IDs|Uuid|UUID|Guid|GUID)")
_ID_AT_END = re.compile(r"(?P<named>[a-zæøå]+)ids?")
_OWNERS = {"account", "company", "contact", "customer", "external", "order", "owner", "parent", "party", "project", "user"}


def check(resolved: Resolved) -> Iterator[Problem]:
    subject_of = {entity.key: subject.name for subject in subjects(resolved) for entity in subject.entities}
    for mapping in resolved.mappings:
        for row in mapping.rows:
            yield from _computed(mapping, row)
            if row.is_plain and not row.is_identity:
                yield from _row(resolved, subject_of, mapping, row)


def _computed(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    spec = row.spec
    way = next((name for name in ("values", "to_target", "to_source", "join") if getattr(spec, name) is not None), None)
    naming = [endpoint for endpoint in (*row.sources, *row.targets) if endpoint.spec.references]
    if way and naming:
        yield error(
            "reference-computed",
            mapping.place("properties", row.index, way),
            f"{naming[0]} names a record of {', '.join(_keys(naming[0]))}: its value is translated through links, and `{way}` "
            "would carry the id of one system into the other",
            f"leave `{way}` out; where both sides have `references`, the row needs nothing else",
        )


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
            if _is_id_like(endpoint) and not endpoint.is_key and endpoint.spec.format != "organisation_number":
                yield Problem(
                    "id-like",
                    Severity.warning,
                    mapping.row_place(row, "target" if endpoint is target else "source"),
                    f"{endpoint} looks like the id of another record; it would be copied, not translated",
                    "give it `references` in the system spec",
                )
                return


def _is_id_like(endpoint: Endpoint) -> bool:
    """customerId, customer_id, customer.id, and customerid where something is called customer; not paid, valid or grid."""
    if _ID_LIKE.fullmatch(endpoint.path):
        return True
    found = _ID_AT_END.fullmatch(endpoint.path.rsplit(".", maxsplit=1)[-1])
    named = endpoint.entity.system.entities
    return bool(found) and (found["named"] in _OWNERS or find_named(found["named"], ((name, ()) for name in named)) is not None)


def _linked(resolved: Resolved, subject_of: dict[str, str], mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    """The record that one side names must have a counterpart that the other side can name."""
    source, target = row.pair
    if _meet(subject_of, _direct(resolved, source), _direct(resolved, target)):
        return
    if _meet(subject_of, _referred(resolved, source), _referred(resolved, target)):
        yield Problem(
            "through-parent",
            Severity.note,
            mapping.row_place(row, "source"),
            f"records that {source} names have no counterpart of their own in {target.entity.system.system}; "
            "the record that owns them is named instead",
        )
        return
    if resolved.incomplete & {source.entity.system.system, target.entity.system.system}:
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
