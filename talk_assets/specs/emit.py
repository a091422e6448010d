"""A dataflow spec as YAML that a person likes to read and edit. Reading it again gives an equal spec."""

import json
import re
from collections.abc import Iterator, Sequence

from talk_assets.specs.dataflow import (
    CreateRule,
    DataflowSpec,
    DocumentSpec,
    Expression,
    MappingSpec,
    MatchRule,
    PropertyRow,
    VerbatimType,
    WhenConnected,
)
from talk_assets.specs.model import Constant

_PLAIN = re.compile(r"[A-Za-z_]([A-Za-z0-9_./ ()-]*[A-Za-z0-9_)])?")
_NOT_TEXT = {"null", "true", "false"}


def scalar(text: str) -> str:
    """`text` as a YAML scalar that reads back as the same text."""
    if _PLAIN.fullmatch(text) and text not in _NOT_TEXT:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def dataflow_yaml(spec: DataflowSpec, schema: str | None = None) -> str:
    return "".join(f"{line}\n" for line in _dataflow(spec, schema))


def _dataflow(spec: DataflowSpec, schema: str | None) -> Iterator[str]:
    if schema:
        yield f"# yaml-language-server: $schema={schema}"
    if spec.document:
        yield from _document(spec.document)
    yield f"source: {scalar(spec.source)}"
    yield f"target: {scalar(spec.target)}"
    yield "mappings:" if spec.mappings else "mappings: []"
    for mapping in spec.mappings:
        yield from _mapping(mapping)


def _document(document: DocumentSpec) -> Iterator[str]:
    yield "document:"
    yield f"  file: {scalar(document.file)}"
    yield f"  title: {scalar(document.title)}"
    yield f"  generated: {document.generated}"
    if document.newline != "lf":
        yield f"  newline: {document.newline}"
    if document.heading != "Introduction":
        yield f"  heading: {scalar(document.heading)}"
    if document.introduction is not None:
        yield f"  introduction: {scalar(document.introduction)}"


def _mapping(mapping: MappingSpec) -> Iterator[str]:
    yield f"  - source: {scalar(mapping.source)}"
    yield f"    target: {scalar(mapping.target)}"
    labels = {name: _text(text) for name, text in mapping.labels}
    if any(labels.values()):
        yield f"    labels: {_flow(labels)}"
    yield f"    create: {_create(mapping.create)}"
    if mapping.match_or_create:
        yield "    match_or_create: true"
    if mapping.match is not None:
        yield from _listed("match", [_match(rule) for rule in mapping.match])
    if mapping.on_create:
        yield "    on_create:"
        for name, value in mapping.on_create.items():
            yield f"      {scalar(name)}: {_given(value)}"
    yield from _listed("properties", [_row(row) for row in mapping.properties])


def _listed(name: str, items: Sequence[str]) -> Iterator[str]:
    yield f"    {name}:" if items else f"    {name}: []"
    yield from (f"      - {item}" for item in items)


def _create(create: CreateRule) -> str:
    if isinstance(create, str):
        return create
    listed = _list(create.when_connected) if isinstance(create, WhenConnected) else None
    into = create.into if isinstance(create, WhenConnected) else None
    rule = create.rule if isinstance(create, WhenConnected) and create.rule != "before" else None
    members = {"when_connected": listed, "into": _text(into), "rule": rule}
    return _flow({**members, "condition": _text(create.condition), "when": _text(create.when)})


def _match(rule: MatchRule) -> str:
    if not rule.added and rule.source is not None and rule.target is not None and not rule.all:
        return _list((rule.source, rule.target))
    pairs = f"[{', '.join(_list(pair) for pair in rule.all)}]" if rule.all else None
    return _flow({"source": _text(rule.source), "target": _text(rule.target), "all": pairs, "added": _true(flag=rule.added)})


def _row(row: PropertyRow) -> str:
    if isinstance(row.source, str) and isinstance(row.target, str) and isinstance(row.type, str):
        short = PropertyRow(source=row.source, target=row.target, type=row.type)
        if row == short:
            return _list((row.source, row.target, row.type))
    return _flow(
        {
            "source": _text(row.source) if isinstance(row.source, str) else _list(row.source),
            "target": _text(row.target) if isinstance(row.target, str) else _list(row.target),
            "type": _type(row.type),
            "join": _text(row.join),
            "values": _values(row),
            "to_target": _text(row.to_target),
            "to_source": _text(row.to_source),
            "direction": None if row.direction == "both" else row.direction,
            "added": _true(flag=row.added),
        }
    )


def _type(written: str | VerbatimType | None) -> str | None:
    if isinstance(written, VerbatimType):
        return _flow({"verbatim": scalar(written.verbatim), "at_column_0": _true(flag=written.at_column_0)})
    return _text(written)


def _values(row: PropertyRow) -> str | None:
    if row.values is None:
        return None
    return f"{{{', '.join(f'{scalar(key)}: {_given(value)}' for key, value in row.values.items())}}}"


def _given(value: Constant | Expression) -> str:
    if isinstance(value, Expression):
        return _flow({"expression": scalar(value.expression)})
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str | None) -> str | None:
    return None if text is None else scalar(text)


def _true(*, flag: bool) -> str | None:
    return "true" if flag else None


def _list(items: Sequence[str]) -> str:
    return f"[{', '.join(map(scalar, items))}]"


def _flow(members: dict[str, str | None]) -> str:
    return f"{{{', '.join(f'{name}: {value}' for name, value in members.items() if value is not None)}}}"
