"""Expressions in specs: SQL text that may look at one record's own properties and nothing else.

DuckDB only parses; what it parsed must consist of allowed kinds of nodes, functions, types and known properties. Only
then does Polars turn the text into an expression, and only an empty frame of the entity's shape is used to type it.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb
import polars as pl

LONGEST = 2_000
_SELECT = "SELECT "
_NODES = {
    "BETWEEN",
    "CASE",
    "CAST",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "OPERATOR",
    "TYPE",
}
_OPERATORS = {
    "COMPARE_IN",
    "COMPARE_NOT_IN",
    "OPERATOR_COALESCE",
    "OPERATOR_IS_NOT_NULL",
    "OPERATOR_IS_NULL",
    "OPERATOR_NOT",
    "OPERATOR_NULLIF",
}
_FUNCTIONS = {
    *("+", "-", "*", "/", "%", "||", "~~", "!~~", "~~*", "!~~*", "regexp_matches", "regexp_full_match"),
    *("abs", "ceil", "floor", "mod", "round", "greatest", "least"),
    *("concat", "upper", "lower", "initcap", "trim", "ltrim", "rtrim", "lpad", "rpad", "left", "right", "length"),
    *("replace", "reverse", "split_part", "starts_with", "ends_with", "strpos", "substr", "substring"),
    *("coalesce", "ifnull", "nullif", "if", "regexp_like", "date_part", "strftime", "strptime"),
}
_TYPES = {
    *("BOOLEAN", "BOOL", "INTEGER", "INT", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL", "NUMERIC"),
    *("VARCHAR", "TEXT", "STRING", "CHAR", "DATE", "TIMESTAMP"),
}
_NEVER = ("\\", "\x00")
"""Two parsers need not agree on what these mean, wherever they stand."""
_NOT_OUTSIDE_TEXT = ("--", "/*", "$", "`", '"')
_TEXT = re.compile(r"'(?:[^']|'')*'")

_RESULTS = (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.Null)

DTYPES: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "decimal": pl.Decimal(38, 9),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),  # in UTC, without saying so: SQL's TIMESTAMP literals have no zone
    "json": pl.String(),
}
Properties: TypeAlias = Mapping[str, str]
"""The properties of an entity by dotted path, each with its type as specs name it."""


@dataclass(frozen=True)
class Refused(Exception):
    """Why a text is not an expression of ours; `column` counts from 1."""

    message: str
    column: int = 1
    unknown_property: str | None = None

    def __str__(self) -> str:
        return f"{self.message} (column {self.column})"


@dataclass(frozen=True)
class Compiled:
    expression: pl.Expr
    type: pl.DataType
    uses: frozenset[str]
    """The properties it reads."""


def compile_expression(text: str, properties: Properties) -> Compiled:
    """Check `text` against an entity's properties and turn it into a Polars expression, or raise Refused."""
    uses = frozenset(_gate(text, properties))
    try:
        expression = pl.sql_expr(text)
        shape = pl.DataFrame(schema=frame_schema(properties)).select(expression.alias("value")).schema
    except pl.exceptions.PolarsError as failure:
        raise Refused(_first_line(failure)) from failure
    if not (shape["value"].is_numeric() or isinstance(shape["value"], _RESULTS)):
        raise Refused(f"an expression cannot give a {shape['value']}")
    return Compiled(expression, shape["value"], uses)


def frame_schema(properties: Properties) -> dict[str, pl.DataType]:
    """Dotted paths as the nested columns that an expression names with dots."""
    tree: dict[str, Any] = {}
    for path, kind in properties.items():
        *parents, leaf = path.split(".")
        branch = tree
        for parent in parents:
            inner = branch.setdefault(parent, {})
            branch = inner if isinstance(inner, dict) else branch.setdefault(f"{parent}.", {})
        branch.setdefault(leaf, DTYPES[kind])
    return {name: _dtype(node) for name, node in tree.items()}


def _dtype(node: Any) -> pl.DataType:
    return pl.Struct({name: _dtype(inner) for name, inner in node.items()}) if isinstance(node, dict) else node


@functools.cache
def _parser() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
    connection.execute("SET lock_configuration = true")
    return connection


def _gate(text: str, properties: Properties) -> Iterator[str]:
    if len(text) > LONGEST:
        raise Refused(f"an expression may have {LONGEST} characters, this one has {len(text)}")
    outside = _TEXT.sub(lambda literal: " " * len(literal[0]), text)
    for found, tricks in ((text, _NEVER), (outside, _NOT_OUTSIDE_TEXT)):
        for trick in tricks:
            if trick in found:
                raise Refused(f"{trick!r} is not allowed in an expression", found.index(trick) + 1)
    for node in _parsed(text):
        column = _column(text, node)
        if node.get("alias"):
            raise Refused("an expression cannot be given a name", column)
        if node["class"] == "COLUMN_REF":
            yield _property(node, properties, column)
        else:
            _check(node, column)


def _check(node: dict[str, Any], column: int) -> None:
    match node["class"]:
        case "FUNCTION":
            _check_function(node, column)
        case "OPERATOR" if node["type"] not in _OPERATORS:
            raise Refused("this operator is not allowed in an expression", column)
        case "CAST" if (name := _cast_type(node)) not in _TYPES:
            raise Refused(f"the type {name} is not allowed in an expression", column)
        case kind if kind not in _NODES:
            raise Refused(f"{kind.lower().replace('_', ' ')} is not allowed in an expression", column)


def _parsed(text: str) -> list[dict[str, Any]]:
    """The nodes of the one expression that `text` consists of, as DuckDB parsed it."""
    try:
        answer = _parser().cursor().execute("SELECT json_serialize_sql(?)", [_SELECT + text]).fetchall()[0][0]
        parsed = json.loads(answer)
        return list(_nodes(_only_expression(text, parsed)))
    except RecursionError as failure:
        raise Refused("the expression is nested too deeply") from failure
    except duckdb.Error as failure:
        raise Refused(_first_line(failure)) from failure


def _only_expression(text: str, parsed: dict[str, Any]) -> dict[str, Any]:
    if parsed["error"]:
        position = int(parsed.get("position") or len(_SELECT))
        raise Refused(parsed["error_message"], _characters(text, position - len(_SELECT)) + 1)
    statements = parsed["statements"]
    node = statements[0]["node"]
    extras = ("where_clause", "having", "sample", "qualify", "group_expressions", "group_sets", "modifiers")
    if len(statements) != 1 or node["type"] != "SELECT_NODE" or any(node.get(extra) for extra in extras):
        raise Refused("one expression was expected, not a query")
    if node["from_table"]["type"] != "EMPTY" or node["cte_map"]["map"] or len(node["select_list"]) != 1:
        raise Refused("one expression was expected, not a query or a list")
    return node["select_list"][0]


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for inner in node.values():
            yield from _nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _nodes(inner)


def _property(node: dict[str, Any], properties: Properties, column: int) -> str:
    path = ".".join(node["column_names"])
    if path not in properties:
        raise Refused(f"{path!r} is not a property of this entity", column, unknown_property=path)
    return path


def _cast_type(node: dict[str, Any]) -> str:
    """The type's name, where DuckDB 1.5 (`cast_type`) or 2.0 (`type_expr`) puts it."""
    name = node["cast_type"]["id"] if "cast_type" in node else node["type_expr"]["type_name"]
    return str(name).upper()


def _check_function(node: dict[str, Any], column: int) -> None:
    name = node["function_name"].lower()
    if name not in _FUNCTIONS or node.get("schema") not in ("", "main") or node.get("catalog"):
        raise Refused(f"the function {name} is not allowed in an expression", column)
    orders = (node.get("order_bys") or {}).get("orders")
    if node.get("filter") or node.get("distinct") or orders:
        raise Refused("an expression looks at one record; nothing can be collected over several", column)


def _column(text: str, node: dict[str, Any]) -> int:
    location = node.get("query_location", 0)
    size = len(text.encode()) + len(_SELECT)
    return _characters(text, location - len(_SELECT)) + 1 if len(_SELECT) <= location <= size else 1


def _first_line(failure: Exception) -> str:
    lines = str(failure).splitlines() or [type(failure).__name__]
    return lines[0][:160]


def _characters(text: str, size: int) -> int:
    """How many characters the first `size` bytes of a text are."""
    return len(text.encode()[: max(size, 0)].decode(errors="ignore"))
