"""The mapping graph as a Mermaid flowchart."""

from collections.abc import Iterator

from talk_assets.specs.resolve import EntityRef, Resolved, ResolvedMapping
from talk_assets.specs.topology import subjects

_COLOURS = ("#8dd3c7", "#ffffb3", "#bebada", "#fb8072", "#80b1d3", "#fdb462", "#b3de69", "#fccde5", "#d9d9d9", "#bc80bd")
_WORDS = {
    "call",
    "class",
    "click",
    "default",
    "direction",
    "end",
    "flowchart",
    "graph",
    "href",
    "interpolate",
    "style",
    "subgraph",
}
"""What Mermaid takes for something else than a name; `end` breaks the whole drawing."""
_ARROWS = {True: "-->", False: "-.->"}


def mermaid(resolved: Resolved) -> str:
    """Systems as boxes, entities as nodes coloured by subject, mappings as arrows in the direction of creation."""
    return "".join(f"{line}\n" for line in _lines(resolved))


def _lines(resolved: Resolved) -> Iterator[str]:
    yield "flowchart LR"
    for loaded in resolved.catalog.systems.values():
        spec = loaded.spec
        yield f"  subgraph {_name(spec.system)}[{_text(spec.title)}]"
        for name, entity in spec.entities.items():
            yield f"    {_node(resolved.entities[f'{spec.system}.{name}'])}[{_text(entity.title)}]"
        yield "  end"
    for mapping in resolved.mappings:
        yield f"  {_node(mapping.source)} {_ARROWS[mapping.creates]}|{_text(_rows(mapping))}| {_node(mapping.target)}"
    for number, subject in enumerate(subjects(resolved)):
        name = _name(subject.name)
        yield f"  classDef {name} fill:{_COLOURS[number % len(_COLOURS)]},color:#000"
        yield f"  class {','.join(map(_node, subject.entities))} {name}"


def _name(key: str) -> str:
    return f"{key}_" if key in _WORDS else key


def _node(entity: EntityRef) -> str:
    return entity.key.replace(".", "__")


def _text(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return f'"{escaped}"'


def _rows(mapping: ResolvedMapping) -> str:
    documented = sum(not row.spec.added for row in mapping.rows)
    return f"{documented} + {len(mapping.rows) - documented} rows"
