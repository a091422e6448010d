"""What the documents themselves leave unclear or say twice."""

from collections import defaultdict
from collections.abc import Iterator

from talk_assets.specs.convert import document_from_spec
from talk_assets.specs.naming import entity_words, squash, title_names, title_splits
from talk_assets.specs.problems import Problem, Severity, shown
from talk_assets.specs.resolve import Resolved, ResolvedMapping

_STRICTNESS = ("always", "condition", "when_connected", "never")
"""From the freest rule to the strictest."""


def check(resolved: Resolved) -> Iterator[Problem]:
    for loaded in resolved.catalog.dataflows:
        document = loaded.spec.document
        if document and len(title_splits(document.title)) > 1:
            yield Problem(
                "ambiguous-title",
                Severity.info,
                loaded.place("document", "title"),
                f"the title {shown(document.title)} can be read in several ways; `source` and `target` say what is meant",
            )
        if document:
            yield from _labels(resolved, loaded.file)
    yield from _said_twice(resolved)


def _labels(resolved: Resolved, file: object) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        document = mapping.loaded.spec.document
        if mapping.loaded.file != file or document is None:
            continue
        section = document_from_spec(mapping.loaded.spec).sections[mapping.index]
        source_name, target_name = title_names(document.title)
        if not squash(section.source).startswith(squash(source_name)):
            yield _label(mapping, "source", section.source, source_name)
        if squash(section.system) != squash(target_name):
            yield _label(mapping, "target", section.target, target_name)


def _label(mapping: ResolvedMapping, side: str, label: str, name: str) -> Problem:
    system = mapping.source.system if side == "source" else mapping.target.system
    shortened = squash(name).startswith(squash(_system_words(label, name)))
    return Problem(
        "label-differs",
        Severity.info if shortened else Severity.warning,
        mapping.place("labels", side),
        f"the document's title says {shown(name)}, its section says {shown(label)}; taken for {system.system} by its position",
    )


def _system_words(label: str, name: str) -> str:
    return label.removesuffix(entity_words(label, name))


def _said_twice(resolved: Resolved) -> Iterator[Problem]:
    sections: defaultdict[tuple[str, str], list[ResolvedMapping]] = defaultdict(list)
    for mapping in resolved.mappings:
        sections[mapping.source.key, mapping.target.key].append(mapping)
    for same in sections.values():
        for again in same[1:]:
            rules = {rule_of(mapping) for mapping in same}
            differ = (
                f" with different rules; the strictest, {max(rules, key=_STRICTNESS.index)!r}, wins" if len(rules) > 1 else ""
            )
            yield Problem(
                "duplicate-section",
                Severity.warning,
                again.place("source"),
                f"{again} is described again{differ}; their rows are taken together",
                f"first described in {same[0].place('source')}",
            )


def rule_of(mapping: ResolvedMapping) -> str:
    create = mapping.spec.create
    if isinstance(create, str):
        return create
    return "when_connected" if hasattr(create, "when_connected") else "condition"
