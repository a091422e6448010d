"""JSON Schemas of an API's description, OpenAPI 3 or Swagger 2: what they say of records, property by property."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

Node = Mapping[str, Any]
_DEPTH = 4
"""How deep objects lie in each other before their members are left out."""
_REFERENCES = 20
_TYPES = {"integer": "integer", "number": "decimal", "boolean": "boolean", "string": "string"}
_TIMES = {"date": "date", "date-time": "datetime"}
_FORMATS = {"email": "email", "uri": "url", "url": "url", "uuid": "uuid"}
_SUCCESS = tuple(map(str, range(200, 300)))
_MANY_VALUES = 40
_LONGEST = 1_000_000


@dataclass(frozen=True)
class Described:
    """One property of a record, as a schema tells of it."""

    keys: Mapping[str, Any]
    """What a system spec says of it."""
    required: bool
    nullable: bool
    read_only: bool


@dataclass(frozen=True)
class Description:
    data: Node

    def node(self, value: Any) -> Node:
        """What stands there, or where it refers to within the description."""
        for _ in range(_REFERENCES):
            if not isinstance(value, Mapping):
                return {}
            if not isinstance(reference := value.get("$ref"), str):
                return value
            value = self._at(reference)
        return {}

    def schema(self, value: Any, depth: int = 0) -> Node:
        """The same of a schema, with all that it is put together of; of several choices the first."""
        node = self.node(value)
        choices = [self.node(one) for key in ("anyOf", "oneOf") for one in _list(node.get(key))]
        given = [one for one in choices if one.get("type") != "null"]
        parts = [self.schema(part, depth + 1) for part in (*_list(node.get("allOf")), *given[:1]) if depth < _DEPTH]
        whole: dict[str, Any] = {}
        for part in (*parts, node):
            members = {**whole.get("properties", {}), **_mapping(part.get("properties"))}
            required = [*whole.get("required", ()), *_list(part.get("required"))]
            whole |= {**part, "properties": members, "required": required}
        return {**whole, "nullable": whole.get("nullable") is True or len(given) < len(choices)}

    def properties(self, value: Any) -> dict[str, Described]:
        """By dotted path, but for lists and what has no fixed members."""
        return dict(self._below(self.schema(value), "", 1, required=True, read_only=False))

    def response(self, operation: Any) -> Node:
        """The schema of what a success brings."""
        responses = _mapping(self.node(operation).get("responses"))
        found = next((responses[code] for code in ("200", 200, "201", 201, "default") if code in responses), None)
        return self._content(self.node(found))

    def answers(self, operation: Any) -> list[int]:
        """The codes of success that it names."""
        codes = map(str, _mapping(self.node(operation).get("responses")))
        return [int(code) for code in codes if code in _SUCCESS]

    def body(self, operation: Any) -> Node:
        """The schema of what is sent."""
        node = self.node(operation)
        if "requestBody" in node:
            return self._content(self.node(node["requestBody"]))
        sent = (one for one in map(self.node, _list(node.get("parameters"))) if one.get("in") == "body")
        return self.schema(next(sent, {}).get("schema"))

    def media(self, operation: Any) -> set[str]:
        """The kinds of content that it takes."""
        node = self.node(operation)
        return {*_mapping(self.node(node.get("requestBody")).get("content")), *map(str, _list(node.get("consumes")))}

    def parameters(self, *holders: Any) -> dict[tuple[str, str], Node]:
        """By where they stand and their name. Members of an object in the query are parameters themselves."""
        found: dict[tuple[str, str], Node] = {}
        for one in (self.node(each) for holder in holders for each in _list(self.node(holder).get("parameters"))):
            schema = self.schema(one.get("schema") or {key: one[key] for key in one.keys() - {"$ref", "required"}})
            place, name = str(one.get("in")), str(one.get("name"))
            members = _mapping(schema.get("properties")) if place == "query" else {}
            found |= {(place, str(member)): self.schema(told) for member, told in members.items()} or {(place, name): schema}
        return found

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return None
        found: Any = self.data
        for step in reference[2:].split("/"):
            found = _mapping(found).get(step.replace("~1", "/").replace("~0", "~"))
        return found

    def _content(self, node: Node) -> Node:
        content = _mapping(node.get("content"))
        chosen = next((told for kind, told in content.items() if "json" in kind), None) if content else node
        return self.schema(_mapping(chosen).get("schema"))

    def _below(
        self, schema: Node, prefix: str, depth: int, *, required: bool, read_only: bool
    ) -> Iterator[tuple[str, Described]]:
        for name, value in schema["properties"].items():
            if not isinstance(name, str) or not name or "." in name:
                continue
            told = self.schema(value)
            is_needed = required and name in schema["required"]
            is_fixed = read_only or told.get("readOnly") is True
            if told["properties"] and depth < _DEPTH:
                yield from self._below(told, f"{prefix}{name}.", depth + 1, required=is_needed, read_only=is_fixed)
            elif keys := _keys(told):
                yield f"{prefix}{name}", Described(keys, is_needed, _is_nullable(told), is_fixed)


def _keys(schema: Node) -> dict[str, Any]:
    kinds = [str(kind) for kind in _listed(schema.get("type")) if kind != "null"] or (["string"] if schema.get("enum") else [])
    if len(kinds) != 1 or kinds[0] not in _TYPES:
        return {}
    kind, form, longest = _TYPES[kinds[0]], str(schema.get("format")), schema.get("maxLength")
    if kind != "string":
        return {"type": kind}
    values = [one for one in _list(schema.get("enum")) if one is not None]
    found: dict[str, Any] = {"type": _TIMES.get(form, kind)}
    found |= {"format": _FORMATS[form]} if form in _FORMATS else {}
    found |= {"max_length": longest} if is_count(longest, _LONGEST) and found["type"] == "string" else {}
    return found | ({"values": values} if _are_texts(values) else {})


def is_count(value: Any, most: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most


def _are_texts(values: list[Any]) -> bool:
    return 0 < len(values) <= _MANY_VALUES and all(isinstance(one, str) for one in values)


def _is_nullable(schema: Node) -> bool:
    return schema["nullable"] or "null" in _listed(schema.get("type"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
