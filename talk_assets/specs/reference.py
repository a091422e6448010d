"""Every key of the spec files, for people: the JSON Schemas as Markdown."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.system import SystemSpec

Schema = Mapping[str, Any]

_HEAD = """\
# Spec reference

Every key of every spec file. [specs.md](specs.md) is the guide; this page is written by
`talk specs schema --reference docs/spec-reference.md`, from the same descriptions that editors show. `–`: nothing, unless it
is given.
"""
_SPECS = {
    "System specs": ("A file of `mapping_specs/systems/`.", SystemSpec),
    "Mapping specs": ("A file of `mapping_specs/dataflows/`.", DataflowSpec),
}
_PLAIN = {"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number"}
_PATTERNS = {r"^[a-z][a-z0-9_]{0,62}$": "name", r"^[A-Z][A-Z0-9_]*$": "name of a variable"}


def reference_text() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, (where, model) in _SPECS.items():
        schema = model.model_json_schema()
        parts.append(f"## {title}\n\n{where}\n\n{_table(schema)}")
        parts += [f"### {_words(name)}\n\n{_about(schema['$defs'][name])}" for name in _reached(schema)]
    return "\n".join(parts)


def _reached(schema: Schema) -> list[str]:
    """The objects of a schema in the order in which a reader meets them."""
    found: dict[str, None] = {}

    def walk(part: object) -> None:
        if isinstance(part, dict):
            name = part.get("$ref", "").removeprefix("#/$defs/")
            if name and name not in found:
                found[name] = None
                walk(schema["$defs"][name]["properties"])
            # A discriminator only repeats which forms there are.
            for key, inner in part.items():
                if key != "discriminator":
                    walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(schema["properties"])
    return list(found)


def _about(schema: Schema) -> str:
    fixed = [f"`{key}: {one['const']}`. " for key, one in schema["properties"].items() if "const" in one]
    table = _table(schema)
    return f"{''.join(fixed)}{_line(schema['description'])}\n" + (f"\n{table}" if table else "")


def _table(schema: Schema) -> str:
    rows = "".join(_rows(schema))
    return f"| key | value | default | meaning |\n|---|---|---|---|\n{rows}" if rows else ""


def _rows(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    for key, one in schema["properties"].items():
        if "const" not in one:
            default = "**required**" if key in required else _default(one.get("default"))
            yield f"| `{key}` | {_kind(one)} | {default} | {_line(one['description'])} |\n"


def _kind(schema: Schema) -> str:
    match schema:
        case {"$ref": ref}:
            name = _words(ref.removeprefix("#/$defs/"))
            return f"[{name}](#{name.lower().replace(' ', '-')})"
        case {"oneOf": forms} | {"anyOf": forms}:
            return " or ".join(dict.fromkeys(_kind(form) for form in forms if form.get("type") != "null"))
        case {"enum": values}:
            return " · ".join(f"`{value}`" for value in values)
        case {"prefixItems": cells}:
            return f"`[{', '.join('…' for _ in cells)}]`"
        case {"type": "array", "items": item}:
            return f"list of {_kind(item)}"
        case {"type": "object", "additionalProperties": value}:
            return f"names, each with {_kind(value)}"
        case {"type": "string", "pattern": pattern}:
            return _PATTERNS.get(pattern, "text")
        case {"type": kind}:
            return _PLAIN[kind]
    raise ValueError(f"the reference has no words for {json.dumps(dict(schema))}")


def _default(value: object) -> str:
    says_nothing = value in (None, "", [], {}) or (isinstance(value, dict) and not any(value.values()))
    return "–" if says_nothing else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _words(name: str) -> str:
    first, *rest = re.split(r"(?<=[a-z0-9])(?=[A-Z])", name)
    return " ".join((first, *(word.lower() for word in rest)))


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
