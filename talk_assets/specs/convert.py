"""A document ↔ its mapping spec. The spec holds all that the document says, so the way back loses nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from talk_assets.specs.dataflow import (
    DataflowSpec,
    DocumentSpec,
    Labels,
    MappingSpec,
    MatchRule,
    PropertyRow,
    VerbatimType,
    WhenCondition,
    WhenConnected,
)
from talk_assets.specs.document import Before, Condition, Connected, Document, Every, Row, Section, TypeCell
from talk_assets.specs.naming import (
    default_label,
    entity_words,
    find_named,
    slug,
    squash,
    title_names,
    title_names_with,
)
from talk_assets.specs.system import OURS, SystemSpec

_WORD = re.compile(r"[a-z]+")
_NEWLINES = {"lf": "\n", "crlf": "\r\n"}


@dataclass(frozen=True)
class NotADocument(Exception):
    """A spec that was written by hand and has nothing to render."""

    reason: str


def spec_from_document(document: Document, file_name: str, systems: Mapping[str, SystemSpec]) -> DataflowSpec:
    source_name, target_name = _names(document)
    source = _system_key(source_name, [entity_words(s.source, source_name) for s in document.sections], systems)
    target = _system_key(target_name, [_target_words(s) for s in document.sections], systems)
    return DataflowSpec(
        document=DocumentSpec(
            file=file_name,
            title=document.title,
            generated=document.generated,
            newline="crlf" if document.newline == "\r\n" else "lf",
            heading="Introduction." if document.heading == "Introduction." else "Introduction",
            introduction=document.introduction,
        ),
        source=source,
        target=target,
        mappings=tuple(
            _mapping(section, document.title, source_name, systems.get(source), systems.get(target))
            for section in document.sections
        ),
    )


def names_and_keys(spec: DataflowSpec) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a document calls its systems and their entities, and their keys: of a system, or of a system and its entity."""
    document = document_from_spec(spec)
    source_name, target_name = _names(document)
    yield source_name, (spec.source,)
    yield target_name, (spec.target,)
    for section, mapping in zip(document.sections, spec.mappings, strict=True):
        yield entity_words(section.source, source_name), (spec.source, mapping.source)
        yield _target_words(section), (spec.target, mapping.target)


def document_from_spec(spec: DataflowSpec) -> Document:
    """The document a spec came from; rows, matches and bindings of our own are left out."""
    if spec.document is None:
        raise NotADocument("the spec has no `document:`; only a spec that came from a document can be rendered")
    return Document(
        title=spec.document.title,
        generated=spec.document.generated,
        sections=tuple(section_from_mapping(mapping, spec.document.title) for mapping in spec.mappings),
        newline=_NEWLINES[spec.document.newline],
        heading=spec.document.heading,
        introduction=spec.document.introduction,
    )


# Document → spec


def _names(document: Document) -> tuple[str, str]:
    """The title's two names. Where a name holds ` to `, the tables say which reading fits."""
    return title_names_with(document.title, {section.system for section in document.sections})


def _target_words(section: Section) -> str:
    return section.target.removeprefix(section.system + " ")


def _system_key(name: str, entities: Sequence[str], systems: Mapping[str, SystemSpec]) -> str:
    found = find_named(name, ((key, (spec.title, *spec.names)) for key, spec in systems.items()))
    if found or squash(name):
        return found or _free(slug(name))
    nameless = (
        key
        for key, spec in systems.items()
        if "" in spec.names and all(_entity_key(entity, spec, default=None) for entity in entities)
    )
    return next(nameless, slug(name))


def _free(key: str) -> str:
    return f"{key}_system" if key in OURS else key


def _entity_key(words: str, system: SystemSpec | None, default: str | None) -> str | None:
    if system is None:
        return default
    return find_named(words, ((key, (entity.title, *entity.names)) for key, entity in system.entities.items())) or default


def _mapping(
    section: Section, title: str, source_name: str, source: SystemSpec | None, target: SystemSpec | None
) -> MappingSpec:
    source_words, target_words = entity_words(section.source, source_name), _target_words(section)
    source_key = _entity_key(source_words, source, None) or slug(source_words)
    target_key = _entity_key(target_words, target, None) or slug(target_words)
    return MappingSpec(
        source=source_key,
        target=target_key,
        labels=_labels(section, title, source_key, target_key),
        create=_create(section),
        match_or_create=section.match_or_create,
        match=None if section.merge is None else tuple(MatchRule(source=a, target=b) for a, b in section.merge),
        properties=tuple(PropertyRow(source=row.source, target=row.target, type=_type(row.type)) for row in section.rows),
    )


def _labels(section: Section, title: str, source_key: str, target_key: str) -> Labels:
    source_name, target_name = title_names(title)
    return Labels(
        source=None if section.source == default_label(source_name, source_key) else section.source,
        target=None if section.target == default_label(target_name, target_key) else section.target,
        system=None if section.system == target_name else section.system,
    )


def _create(section: Section) -> Literal["always", "never"] | WhenConnected | WhenCondition:
    condition = section.rule.text if isinstance(section.rule, Condition) else None
    if section.connected:
        items, into = section.connected.items, section.connected.into
        return WhenConnected(
            when_connected=items,
            into=None if into == section.system else into,
            rule="every" if isinstance(section.rule, Every) else "before",
            condition=condition,
        )
    if condition is not None:
        return WhenCondition(condition=condition)
    return "never" if isinstance(section.rule, Before) else "always"


def _type(cell: TypeCell) -> str | VerbatimType:
    if cell.at_column_0:
        return VerbatimType(verbatim=cell.text, at_column_0=True)
    inner = cell.text.removeprefix('"').removesuffix('"')
    if _WORD.fullmatch(inner) and cell.text == f'"{inner}"':
        return inner
    return VerbatimType(verbatim=cell.text) if _WORD.fullmatch(cell.text) else cell.text


# Spec → document


def section_from_mapping(mapping: MappingSpec, title: str) -> Section:
    source_name, target_name = title_names(title)
    labels = mapping.labels
    system = target_name if labels.system is None else labels.system
    rule, connected = _rule(mapping, system)
    return Section(
        source=default_label(source_name, mapping.source) if labels.source is None else labels.source,
        target=default_label(target_name, mapping.target) if labels.target is None else labels.target,
        system=system,
        rule=rule,
        connected=connected,
        match_or_create=mapping.match_or_create,
        merge=_merge(mapping.match),
        rows=tuple(Row(str(row.source), str(row.target), _type_cell(row.type)) for row in mapping.properties if not row.added),
    )


def _merge(rules: tuple[MatchRule, ...] | None) -> tuple[tuple[str, str], ...] | None:
    """The document's merge table; none where all rules are ours."""
    documented = tuple((rule.source or "", rule.target or "") for rule in rules or () if not rule.added)
    return documented if documented or rules == () else None


def _rule(mapping: MappingSpec, system: str) -> tuple[Every | Before | Condition, Connected | None]:
    create = mapping.create
    connected = None
    if isinstance(create, WhenConnected):
        connected = Connected(create.when_connected, system if create.into is None else create.into)
    if isinstance(create, WhenConnected | WhenCondition) and create.condition is not None:
        return Condition(create.condition), connected
    before = create == "never" or (isinstance(create, WhenConnected) and create.rule == "before")
    return Before() if before else Every(), connected


def _type_cell(written: str | VerbatimType | None) -> TypeCell:
    if isinstance(written, VerbatimType):
        return TypeCell(written.verbatim, written.at_column_0)
    if written is None:
        return TypeCell("N/A")
    return TypeCell(f'"{written}"' if _WORD.fullmatch(written) else written)
