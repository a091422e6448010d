"""What a YAML parser stumbles over, in words for who wrote it: mostly a quote, a blank or a bracket too few."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

_Said = Mapping[str, tuple[str, str]]
"""By what the parser says: what is wrong and what to do; `{}` are what stands there, and where what it is in begins."""

_VALUE_BEFORE = re.compile(r"[:-] +\S")
_OPEN = "before this, a comma is missing, or what closes the bracket of line {line}, column {column}"
_PART = "part what stands in brackets by commas, close them, and put text with commas, colons or quotes in quotes"
_INDENTED = "this line is indented otherwise than what it belongs to"
_ESCAPE = ("in double quotes a \\ begins a sign that YAML must know, and this is none", "write \\\\, or take single quotes")

_SAID: _Said = {
    "did not find expected ',' or '}'": (_OPEN, _PART),
    "did not find expected ',' or ']'": (_OPEN, _PART),
    "did not find expected key": (
        _INDENTED,
        "keys that belong together begin in the same column; those around it begin in column {column}",
    ),
    "did not find expected '-' indicator": (
        _INDENTED,
        "items of this list begin with `- ` in column {column}, and all keys of an item in one column right of that",
    ),
    "mapping values are not allowed in this context": (
        f"{_INDENTED}, or the key above it lacks its colon",
        "keys that belong together begin in the same column, each with a colon and a blank after it",
    ),
    "found character that cannot start any token": ("no value begins with {found}", "put the value in quotes"),
    "did not find expected node content": (
        "a value was expected here",
        "leave out the bracket or comma, or put text in quotes",
    ),
    "found unexpected ':'": ("a colon stands in a value", "put the value in quotes"),
    "found unknown escape character": _ESCAPE,
    "did not find expected hexdecimal number": _ESCAPE,
    "block sequence entries are not allowed in this context": (
        "a list cannot begin behind its key",
        "begin it on the next line, or write [a, b]",
    ),
    "did not find expected comment or line break": (
        "text after | or > begins on the next line",
        "write it there, or in quotes",
    ),
}
_SAID_BEHIND_A_VALUE: _Said = {
    "did not find expected key": (
        "nothing can follow here, after a closing quote or bracket",
        "leave it out, or put the whole text in quotes; a ' within single quotes is written twice",
    ),
    "mapping values are not allowed in this context": (
        "a colon with a blank after it stands in a value",
        "put the value in quotes",
    ),
}
_SAID_OF_WHAT_BEGAN: _Said = {
    "while scanning a quoted scalar": ("the quote that opens here is never closed", "close it where the text ends"),
    "while scanning a simple key": ("a key has no colon after it", "write `key: value`, with a blank after the colon"),
    "while scanning an alias": ("no value begins with *", "put the value in quotes"),
    "while scanning an anchor": ("no value begins with &", "put the value in quotes"),
}


def explained(failure: yaml.MarkedYAMLError, text: str) -> tuple[Any, str, str]:
    """Where a mistake is (a mark, or None), what it is and what to do."""
    at, began = failure.problem_mark or failure.context_mark, failure.context_mark
    problem = failure.problem or failure.context or "it cannot be read"
    if at is None:
        return at, problem, ""
    found = text[at.index : at.index + 1]
    if found == "\t":
        return at, "a tab stands here", "indent with spaces"
    if began and failure.context in _SAID_OF_WHAT_BEGAN:
        return began, *_SAID_OF_WHAT_BEGAN[failure.context]
    before = text[text.rfind("\n", 0, at.index) + 1 : at.index]
    said = {**_SAID, **_SAID_BEHIND_A_VALUE} if _VALUE_BEFORE.search(before) else _SAID
    if problem not in said:
        return at, problem, ""
    place = {"found": found, "line": (began or at).line + 1, "column": (began or at).column + 1}
    reason, hint = (part.format(**place) for part in said[problem])
    return at, reason, hint
