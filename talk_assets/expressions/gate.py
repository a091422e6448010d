"""What an expression may say: DuckDB parses it, and every node of what it parsed must be of an allowed kind."""

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb

Properties: TypeAlias = Mapping[str, str]
"""The properties of an entity by dotted path, each with its type as specs name it."""

LONGEST = 2_000
TOO_DEEP = (
    "the expression is nested too deeply: each part of a long row is one step more; part the row with brackets, as in "
    "(a || b || c) || (d || e || f), or compute less in one expression"
)
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
_CALLED = tuple(sorted(name.upper() for name in _FUNCTIONS if name.isidentifier()))
_TYPES = {
    *("BOOLEAN", "BOOL", "INTEGER", "INT", "BIGINT", "DOUBLE", "FLOAT", "DECIMAL", "NUMERIC"),
    *("VARCHAR", "TEXT", "STRING", "CHAR", "DATE", "TIMESTAMP"),
}
_PADDING = {"lpad", "rpad"}
_DECIMALS = {"DECIMAL", "NUMERIC"}
_MOST_DIGITS = 38
_NO_NUMBERS = {math.inf, -math.inf}
_COPIES = {
    "split_part": 3,
    "left": 3,
    "right": 3,
    "substr": 2,
    "substring": 2,
    "strpos": 2,
    "nullif": 2,
    "OPERATOR_NULLIF": 2,
    "COMPARE_BETWEEN": 2,
}
"""How often what stands in them is worked out: one in another, that multiplies."""
_TOO_OFTEN = "SPLIT_PART, LEFT, RIGHT, SUBSTR, STRPOS, NULLIF, BETWEEN and CASE … WHEN cannot stand in each other this deep"
_OF_CASE = re.compile(r"(?<![.\w])(?:(CASE)(\s+WHEN)?|WHEN|(END))\b", re.IGNORECASE)
_NEVER = ("\\", "\x00")
"""Two parsers need not agree on what these mean, wherever they stand."""
_NOT_OUTSIDE_TEXT = ("--", "/*", "$", "`", '"')
_TEXT = re.compile(r"'(?:[^']|'')*'")
_SAID_PLAINLY = {
    "ISNULL": "… IS NULL",
    "NOTNULL": "… IS NOT NULL",
    "IS UNKNOWN": "… IS NULL",
    "IS NOT UNKNOWN": "… IS NOT NULL",
    "IS TRUE": "COALESCE(…, FALSE)",
    "IS NOT TRUE": "NOT COALESCE(…, FALSE)",
    "IS FALSE": "NOT COALESCE(…, TRUE)",
    "IS NOT FALSE": "COALESCE(…, TRUE)",
    "SIMILAR TO": "… ~ '^(…)$'",
    "NOT SIMILAR TO": "NOT … ~ '^(…)$'",
}
"""What Polars takes for something else, or for nothing, and how to say it instead."""
_NOT_PLAIN = re.compile(r"(?<![.\w])(ISNULL|NOTNULL|IS\s+(NOT\s+)?(TRUE|FALSE|UNKNOWN)|(NOT\s+)?SIMILAR\s+TO)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Refused(Exception):
    """Why a text is not an expression of ours; `column` counts from 1."""

    message: str
    column: int = 1
    unknown: str | None = None
    """The name that means nothing …"""
    known: tuple[str, ...] = ()
    """… and those that would."""

    def __str__(self) -> str:
        return f"{self.message} (column {self.column})"


@functools.cache
def _parser() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
    connection.execute("SET lock_configuration = true")
    return connection


def gate(text: str, properties: Properties) -> Iterator[str]:
    if len(text) > LONGEST:
        raise Refused(f"an expression may have {LONGEST} characters, this one has {len(text)}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Refused("the expression holds half a character, which is no text")
    outside = _outside(text)
    for found, tricks in ((text, _NEVER), (outside, _NOT_OUTSIDE_TEXT)):
        for trick in tricks:
            if trick in found:
                raise Refused(f"{trick!r} is not allowed in an expression", found.index(trick) + 1)
    if found := _NOT_PLAIN.search(outside):
        said = " ".join(found[0].upper().split())
        raise Refused(f"{said} cannot be used in an expression; write {_SAID_PLAINLY[said]}", found.start() + 1)
    for node in _parsed(text):
        column = _column(text, node)
        if node.get("alias"):
            raise Refused("an expression cannot be given a name", column)
        if node["class"] == "COLUMN_REF":
            yield _property(node, properties, column)
        else:
            _check(node, column)


def _outside(text: str) -> str:
    """An expression with blanks in place of the texts that stand in it."""
    return _TEXT.sub(lambda literal: " " * len(literal[0]), text)


def _check(node: dict[str, Any], column: int) -> None:
    match node["class"]:
        case "FUNCTION":
            _check_function(node, column)
        case "OPERATOR" if node["type"] not in _OPERATORS:
            raise Refused("this operator is not allowed in an expression", column)
        case "CAST" if (name := _cast_type(node)) not in _TYPES:
            raise Refused(f"the type {name} is not allowed in an expression", column)
        case "CAST" if not _digits_fit(node):
            raise Refused(f"a decimal has at most {_MOST_DIGITS} digits, and no more of them behind the point", column)
        case "CONSTANT" if (node.get("value") or {}).get("value") in _NO_NUMBERS:
            raise Refused("a number in this expression is larger than any that can be computed with", column)
        case kind if kind not in _NODES:
            raise Refused(f"{kind.lower().replace('_', ' ')} is not allowed in an expression", column)


def _parsed(text: str) -> list[dict[str, Any]]:
    """The nodes of the one expression that `text` consists of, as DuckDB parsed it."""
    if _repeated(text) > LONGEST:
        raise Refused(_TOO_OFTEN)
    try:
        answer = _parser().cursor().execute("SELECT json_serialize_sql(?)", [_SELECT + text]).fetchall()[0][0]
        parsed = json.loads(answer)
        root = _only_expression(text, parsed)
        if _growth(root) > LONGEST:
            raise Refused("the replacements of this expression could make a text grow without measure")
        if _copies(root) > LONGEST:
            raise Refused(_TOO_OFTEN)
        return list(_nodes(root))
    except RecursionError as failure:
        raise Refused(TOO_DEEP) from failure
    except duckdb.Error as failure:
        raise Refused(first_line(failure)) from failure


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
        raise Refused(f"{path!r} is not a property of this entity", column, path, tuple(properties))
    return path


def _cast_type(node: dict[str, Any]) -> str:
    """The type's name, where DuckDB 1.5 (`cast_type`) or 2.0 (`type_expr`) puts it."""
    if "cast_type" not in node:
        return str(node["type_expr"]["type_name"]).upper()
    told = node["cast_type"]["type_info"] or {}
    # One that DuckDB does not know, or not with these digits.
    name = told.get("name") if node["cast_type"]["id"] == "UNBOUND" else None
    return str(name or node["cast_type"]["id"]).upper()


def _digits_fit(node: dict[str, Any]) -> bool:
    """Whether the digits a decimal is asked to have are ones it can have, where DuckDB 1.5 or 2.0 puts them."""
    if _cast_type(node) not in _DECIMALS:
        return True
    told = (node.get("cast_type") or {}).get("type_info") or {}
    asked = [told[name] for name in ("width", "scale") if name in told]
    asked += [one.get("value") for one in told.get("user_type_modifiers", ())]
    asked = asked or [_number(inner) for inner in (node.get("type_expr") or {}).get("children", [])]
    width, scale = [*asked, _MOST_DIGITS, 0][:2] if len(asked) != 1 else (asked[0], 0)
    return width is not None and scale is not None and 1 <= width <= _MOST_DIGITS and scale <= width


def _check_function(node: dict[str, Any], column: int) -> None:
    name = node["function_name"].lower()
    if name not in _FUNCTIONS or node.get("schema") not in ("", "main") or node.get("catalog"):
        raise Refused(f"the function {name} is not allowed in an expression", column, name, _CALLED)
    if name in _PADDING:
        _check_padding(node, column)
    if name == "replace" and not all(_literal(inner) is not None for inner in _arguments(node)[1:3]):
        raise Refused("what replace looks for and what it puts there must be texts that stand in the expression", column)
    if name == "strptime" and "%" not in "".join(_literal(inner) or "" for inner in _arguments(node)[1:]):
        raise Refused("strptime needs a format that stands in the expression, such as '%Y-%m-%d'", column)
    if not _arguments(node):
        raise Refused(f"the function {name} needs something to work on, between its brackets", column)
    orders = (node.get("order_bys") or {}).get("orders")
    if node.get("filter") or node.get("distinct") or orders:
        raise Refused("an expression looks at one record; nothing can be collected over several", column)


def _check_padding(node: dict[str, Any], column: int) -> None:
    """A pad's length is a small number that stands in the expression, so that no record can ask for gigabytes."""
    arguments = _arguments(node)
    length = _number(arguments[1]) if len(arguments) > 1 else None
    if length is None or not 0 <= length <= LONGEST:
        raise Refused(f"the length given to {node['function_name']} must be a number up to {LONGEST}", column)


def _arguments(node: dict[str, Any]) -> list[dict[str, Any]]:
    """A function's arguments, where DuckDB 1.5 (`children`) or 2.0 (`arguments`) puts them."""
    return node.get("children") or [argument["expression"] for argument in node.get("arguments", [])]


def _number(node: dict[str, Any]) -> int | None:
    text = _literal(node) or ""
    return int(text) if text.isascii() and text.isdigit() else None


def _literal(node: dict[str, Any]) -> str | None:
    """A constant as text, where DuckDB 1.5 (`value`) or 2.0 (`literal`) puts it."""
    constant = node.get("value") or node.get("literal") or {}
    found = constant.get("value", constant.get("text"))
    return None if node["class"] != "CONSTANT" or found is None else str(found)


def _growth(node: Any) -> int:
    """How many times longer than what a record holds a text can become; only replacing multiplies."""
    if isinstance(node, list):
        return sum(map(_growth, node))
    if not isinstance(node, dict):
        return 0
    inner = max(1, sum(map(_growth, node.values())))
    return inner * _longer(node) if node.get("class") == "FUNCTION" else inner


def _longer(node: dict[str, Any]) -> int:
    arguments = _arguments(node)
    if node["function_name"].lower() != "replace" or len(arguments) != 3:
        return 1
    sought, put = (_literal(argument) or "" for argument in arguments[1:])
    return -(-len(put) // len(sought)) or 1 if sought else len(put) + 1


def _repeated(text: str) -> int:
    """How often the parser itself repeats the innermost of what stands between CASE and WHEN: once for each WHEN."""
    whens: list[int | None] = []
    before: list[int] = []
    times = 1
    for found in _OF_CASE.finditer(_outside(text)):
        is_case, has_when, is_end = found.groups()
        if is_case:
            whens.append(None if has_when else 0)
            before.append(times)
            times = 1
        elif whens and is_end:
            times = max(before.pop(), times * (whens.pop() or 1))
        elif whens and whens[-1] is not None:
            whens[-1] += 1
    return times


def _copies(node: Any) -> int:
    """How many nodes an expression has where all that is worked out several times is written out."""
    if isinstance(node, list):
        return sum(map(_copies, node))
    if not isinstance(node, dict):
        return 0
    inner = sum(map(_copies, node.values()))
    if "class" not in node:
        return inner
    return (inner + 1) * _COPIES.get(node.get("function_name", "").lower() or node["type"], 1)


def _column(text: str, node: dict[str, Any]) -> int:
    location = node.get("query_location", 0)
    size = len(text.encode()) + len(_SELECT)
    return _characters(text, location - len(_SELECT)) + 1 if len(_SELECT) <= location <= size else 1


def first_line(failure: Exception) -> str:
    lines = str(failure).splitlines() or [type(failure).__name__]
    return lines[0][:160]


def _characters(text: str, size: int) -> int:
    """How many characters the first `size` bytes of a text are."""
    return len(text.encode()[: max(size, 0)].decode(errors="ignore"))
