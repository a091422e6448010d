"""What the documents themselves leave unclear or say twice."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from talk_assets.specs.convert import document_from_spec, section_from_mapping
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.document import grammar, parse, render
from talk_assets.specs.naming import entity_words, find_named, squash, title_names, title_splits
from talk_assets.specs.problems import Problem, Severity, SpecError, error, shown
from talk_assets.specs.read import Loaded
from talk_assets.specs.resolve import Resolved, ResolvedMapping
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.yaml12 import Trail

_STRICTNESS = ("always", "condition", "when_connected", "never")
"""From the freest rule to the strictest."""
_MOST_READINGS = 20
"""Of a title that can be read in several ways."""


def check(resolved: Resolved) -> Iterator[Problem]:
    for loaded in resolved.catalog.dataflows:
        if loaded.spec.document:
            yield from _title(resolved, loaded, loaded.spec.document.title)
            yield from _cannot_be_read_back(loaded)
    for mapping in resolved.mappings:
        document = mapping.loaded.spec.document
        if document and grammar.is_title(document.title):
            yield from _labels(mapping, document.title)
    yield from _said_twice(resolved)


# The title


def _title(resolved: Resolved, loaded: Loaded[DataflowSpec], title: str) -> Iterator[Problem]:
    place = loaded.place("document", "title")
    splits = [*islice(title_splits(title), _MOST_READINGS)]
    if len(splits) > 1:
        yield Problem(
            "ambiguous-title",
            Severity.note,
            place,
            f"the title {shown(title)} can be read in several ways; `source` and `target` say what is meant",
        )
    systems = resolved.catalog.system_specs
    sides = ("source", loaded.spec.source), ("target", loaded.spec.target)
    for number, (side, key) in enumerate(sides):
        named = [_system_named(split[number], systems) for split in splits]
        if key in systems and key not in named and (other := next(filter(None, named), None)):
            yield Problem(
                "title-differs",
                Severity.warning,
                place,
                f"the title {shown(title)} names {other}, but the {side} of this spec is {key}",
                f"say `{side}: {other}`, or correct the title",
            )


def _system_named(name: str, systems: Mapping[str, SystemSpec]) -> str | None:
    return find_named(name, ((key, (spec.title, *spec.names)) for key, spec in systems.items()))


# What would be rendered


def _cannot_be_read_back(loaded: Loaded[DataflowSpec]) -> Iterator[Problem]:
    broken = [trail for trail in _texts(loaded.tree.data) if "\n" in _text_at(loaded.tree.data, trail)]
    for trail in broken:
        yield error("round-trip", loaded.tree.place(*trail), "a line break cannot stand in a document", "write it on one line")
    if broken:
        return
    try:
        parse(render(document_from_spec(loaded.spec)), loaded.file)
    except SpecError as failure:
        title = loaded.spec.document.title if loaded.spec.document else ""
        yield error(
            "round-trip",
            loaded.place("document", *(() if grammar.is_title(title) else ("title",))),
            f"the document this renders to could not be imported again: {failure.problems[0].message}",
        )


def _texts(data: Any, trail: Trail = ()) -> Iterator[Trail]:
    """Where the texts stand that are rendered; rows and rules of our own are not."""
    if isinstance(data, str):
        yield trail
    elif isinstance(data, dict) and not data.get("added"):
        for key, inner in data.items():
            if key not in ("file", "when", "on_create", "to_target", "to_source", "join", "values"):
                yield from _texts(inner, (*trail, key))
    elif isinstance(data, list):
        for number, inner in enumerate(data):
            yield from _texts(inner, (*trail, number))


def _text_at(data: Any, trail: Trail) -> str:
    for step in trail:
        data = data[step]
    return data


# Its sections


def _labels(mapping: ResolvedMapping, title: str) -> Iterator[Problem]:
    section = section_from_mapping(mapping.spec, title)
    source_name, target_name = title_names(title)
    if not _begins_with(section.source, source_name):
        yield _label(mapping, "source", section.source, source_name)
    if squash(section.system) != squash(target_name):
        yield _label(mapping, "target", section.target, target_name)


def _begins_with(label: str, name: str) -> bool:
    """Whether a label begins with a system's name; where the name is left out, with the space that follows it."""
    return squash(label).startswith(squash(name)) if squash(name) else label.startswith(" ")


def _label(mapping: ResolvedMapping, side: str, label: str, name: str) -> Problem:
    system = mapping.source.system if side == "source" else mapping.target.system
    words = squash(_system_words(label, name))
    shortened = bool(words) and squash(name).startswith(words)
    return Problem(
        "label-differs",
        Severity.note if shortened else Severity.warning,
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
        rules = {rule_of(mapping) for mapping in same}
        strictest = max(rules, key=_STRICTNESS.index)
        differ = f" with different rules; the strictest, {strictest!r}, wins" if len(rules) > 1 else ""
        for again in same[1:]:
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
