"""Expressions in specs: SQL text that may look at one record's own properties and nothing else.

DuckDB only parses; what it parsed must consist of allowed kinds of nodes, functions, types and known properties. Only
then does Polars turn the text into an expression, and only an empty frame of the entity's shape is used to type it.
"""

import datetime as dt
import functools
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
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
_PADDING = {"lpad", "rpad"}
_DECIMALS = {"DECIMAL", "NUMERIC"}
_MOST_DIGITS = 38
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
}
"""What Polars takes for something else, or for nothing, and how to say it instead."""
_NOT_PLAIN = re.compile(r"(?<![.\w])(ISNULL|NOTNULL|IS\s+(NOT\s+)?(TRUE|FALSE|UNKNOWN))\b", re.IGNORECASE)

_SMALL_PARTS = {
    *("Millennium", "Century", "Year", "IsoYear", "Quarter", "Month", "Week", "WeekDay", "Day", "OrdinalDay"),
    *("Hour", "Minute", "Second", "Millisecond", "Microsecond", "Nanosecond"),
}
"""Parts of a date that Polars gives in 8, 16 or 32 bits, so that what is computed with them could wrap round."""

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

_TRIED: Mapping[str, tuple[Any, ...]] = {
    "string": ("", "a", "two words", "ÆØÅ", "0150", "-1", "2024-02-29", "(", "[", "\\", "99999999999999999999", None),
    "integer": (0, 1, -7, 1042, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63), None),
    "decimal": (
        *(Decimal(0), Decimal("0.1"), Decimal("-12.345"), Decimal("1234567890.12"), Decimal(10**20), Decimal(-(10**20))),
        None,
    ),
    "boolean": (True, False, None),
    "date": (dt.date(2024, 2, 29), dt.date(1999, 12, 31), None),
    "datetime": (dt.datetime(2024, 2, 29, 23, 59, 59, 123456), dt.datetime(1999, 12, 31), None),  # noqa: DTZ001  (see DTYPES)
    "json": ("[]", '{"a": 1}', None),
}
"""Values that any record may hold, so that an expression that fails on one of them fails here and not in a run."""
_ROWS_TRIED = 256
_FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)


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
        tree = _rewritten(_written(pl.sql_expr(text)), _as_sql_says)
        expression = _expression(tree)
        given = pl.DataFrame(schema=frame_schema(properties)).select(expression.alias("value")).schema["value"]
        unfailing = _expression(_rewritten(tree, _unfailing))
    except RecursionError as failure:
        raise Refused("the expression is nested too deeply") from failure
    except _FAILURES as failure:
        raise Refused(_first_line(failure)) from failure
    if not (given.is_numeric() or isinstance(given, _RESULTS)):
        raise Refused(f"an expression cannot give a {given}")
    _try_out(expression, {path: properties[path] for path in sorted(uses)})
    return Compiled(unfailing, given, uses)


def _written(expression: pl.Expr) -> Any:
    return json.loads(expression.meta.serialize(format="json"))


def _expression(tree: Any) -> pl.Expr:
    return pl.Expr.deserialize(io.StringIO(json.dumps(tree)), format="json")


def _rewritten(node: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """An expression's tree with each node changed, those below it first."""
    if isinstance(node, list):
        return [_rewritten(inner, change) for inner in node]
    if not isinstance(node, dict):
        return node
    return change({name: _rewritten(inner, change) for name, inner in node.items()})


def _as_sql_says(tree: dict[str, Any]) -> dict[str, Any]:
    """A node of what Polars made of an expression, which would compute something else than SQL says."""
    match tree:
        case {"Alias": _}:
            raise Refused("an expression cannot be given a name")
        case {"Cast": {"dtype": {"Literal": "Int32"}} as cast}:
            return {"Cast": {**cast, "dtype": {"Literal": "Int64"}}}
        case {"Function": {"input": [text, {"BinaryExpr": _} as start, *rest], "function": {"StringExpr": "Slice"}} as slice_}:
            # A start before the first character is none that counts from the end.
            return {"Function": {**slice_, "input": [text, _written(_expression(start).clip(lower_bound=0)), *rest]}}
        case {"Function": {"input": [text, sought], "function": {"StringExpr": {"Find": _}}}}:
            return _written(_before(_expression(text), _expression(sought)))
        case {"Function": {"function": {"StringExpr": "LenChars"}}}:
            # Not below zero, LENGTH(x) - 5 would be a very large number.
            return _written(_expression(tree).cast(pl.Int64))
        case {"Function": {"function": {"TemporalExpr": str(part)}}} if part in _SMALL_PARTS:
            return _written(_expression(tree).cast(pl.Int64))
        case {"format": _, "strict": _}:
            # STRPTIME gives null where a text does not follow the format; SQL has no TRY_ for it.
            return {**tree, "strict": False}
        case _:
            return tree


def _before(text: pl.Expr, sought: pl.Expr) -> pl.Expr:
    """How many characters stand before a text that is looked for, which is no pattern; Polars would count bytes."""
    all_but_last = text.str.split(sought).list.reverse().list.slice(1)
    return all_but_last.list.last().str.len_chars().cast(pl.Int64)


def _unfailing(tree: dict[str, Any]) -> dict[str, Any]:
    """The same node with null where a cast or pattern fails in a run, on a value that was not among those tried."""
    match tree:
        case {"options": "Strict"}:
            return {**tree, "options": "NonStrict"}
        case {"literal": _, "strict": _}:
            return {**tree, "strict": False}
        case _:
            return tree


def _try_out(expression: pl.Expr, properties: Properties) -> None:
    """One record that an expression cannot compute would stop all others, so it must compute whatever records may hold."""
    columns = [_tried(path, kind, shift) for shift, (path, kind) in enumerate(properties.items())]
    # As text, which each value becomes: not every moment that can be computed can be written.
    evaluate(expression.cast(pl.String), nested_frame(columns) if columns else pl.DataFrame({"nothing": [None]}))


def evaluate(expression: pl.Expr, frame: pl.DataFrame) -> pl.Series:
    """What the expression gives over a frame, or Refused where it cannot be computed."""
    try:
        return frame.select(expression.alias("value")).to_series()
    except _FAILURES as failure:
        raise Refused(f"there are values on which it fails: {_first_line(failure)}{_way_out(str(failure))}") from failure


def _tried(path: str, kind: str, shift: int) -> pl.Series:
    """Each value in turn, shifted so that it meets each value of the other columns."""
    values = _TRIED[kind]
    rows = range(_ROWS_TRIED)
    return pl.Series(path, [values[(row + shift * (row // len(values))) % len(values)] for row in rows], dtype=DTYPES[kind])


def _way_out(failure: str) -> str:
    if "division by zero" in failure:
        return "; divide by NULLIF(…, 0)"
    if "overflow in decimal" in failure:
        return "; TRY_CAST(… AS DECIMAL(18, 4)) leaves room to compute with"
    if "to `u64` failed" in failure:
        return "; GREATEST(…, 0) keeps a length from being negative"
    if "regex" in failure:
        return "; a pattern stands in the expression"
    return "; TRY_CAST gives null instead" if "conversion" in failure else ""


def nested_frame(columns: Sequence[pl.Series]) -> pl.DataFrame:
    """Columns that are named by dotted paths as the nested frame that an expression looks at."""
    leaves = pl.DataFrame([column.alias(f"#{number}") for number, column in enumerate(columns)])
    tree = _tree({column.name: pl.col(f"#{number}") for number, column in enumerate(columns)})
    return leaves.select(_column_of(node).alias(name) for name, node in tree.items())


def _column_of(node: Any) -> pl.Expr:
    return pl.struct(_column_of(inner).alias(name) for name, inner in node.items()) if isinstance(node, dict) else node


def frame_schema(properties: Properties) -> dict[str, pl.DataType]:
    """Dotted paths as the nested columns that an expression names with dots."""
    tree = _tree({path: DTYPES[kind] for path, kind in properties.items()})
    return {name: _dtype(node) for name, node in tree.items()}


def _tree(leaves: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, name = path.split(".")
        branch = tree
        for parent in parents:
            inner = branch.setdefault(parent, {})
            branch = inner if isinstance(inner, dict) else branch.setdefault(f"{parent}.", {})
        branch.setdefault(name, leaf)
    return tree


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
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Refused("the expression holds half a character, which is no text")
    outside = _TEXT.sub(lambda literal: " " * len(literal[0]), text)
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
        case kind if kind not in _NODES:
            raise Refused(f"{kind.lower().replace('_', ' ')} is not allowed in an expression", column)


def _parsed(text: str) -> list[dict[str, Any]]:
    """The nodes of the one expression that `text` consists of, as DuckDB parsed it."""
    try:
        answer = _parser().cursor().execute("SELECT json_serialize_sql(?)", [_SELECT + text]).fetchall()[0][0]
        parsed = json.loads(answer)
        root = _only_expression(text, parsed)
        if _growth(root) > LONGEST:
            raise Refused("the replacements of this expression could make a text grow without measure")
        return list(_nodes(root))
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


def _digits_fit(node: dict[str, Any]) -> bool:
    """Whether the digits a decimal is asked to have are ones it can have, where DuckDB 1.5 or 2.0 puts them."""
    if _cast_type(node) not in _DECIMALS:
        return True
    told = (node.get("cast_type") or {}).get("type_info") or {}
    asked = [told[name] for name in ("width", "scale") if name in told]
    asked = asked or [_number(inner) for inner in (node.get("type_expr") or {}).get("children", [])]
    width, scale = [*asked, _MOST_DIGITS, 0][:2] if len(asked) != 1 else (asked[0], 0)
    return width is not None and scale is not None and 1 <= width <= _MOST_DIGITS and scale <= width


def _check_function(node: dict[str, Any], column: int) -> None:
    name = node["function_name"].lower()
    if name not in _FUNCTIONS or node.get("schema") not in ("", "main") or node.get("catalog"):
        raise Refused(f"the function {name} is not allowed in an expression", column)
    if name in _PADDING:
        _check_padding(node, column)
    if name == "replace" and not all(_literal(inner) is not None for inner in _arguments(node)[1:3]):
        raise Refused("what replace looks for and what it puts there must be texts that stand in the expression", column)
    if name == "strptime" and "%" not in "".join(_literal(inner) or "" for inner in _arguments(node)[1:]):
        raise Refused("strptime needs a format that stands in the expression, such as '%Y-%m-%d'", column)
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
