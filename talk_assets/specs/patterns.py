"""Patterns of specs, looked for in what servers say: in time that grows with the text, whatever pattern and text are."""

import re

import polars as pl

_SAID = re.compile(r"^error: (.*)$|(Compiled regex exceeds size limit)", re.MULTILINE)


def mistake(pattern: str) -> str:
    """Why this is no pattern; empty where it is one."""
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as failure:
        found = _SAID.search(str(failure))
        return (found[1] or "it is too large") if found else "it cannot be read"
    return ""


def has_group(pattern: str) -> bool:
    return bool(pl.Series([""]).str.extract_groups(pattern).struct.fields)


def occurs(pattern: str, text: str) -> bool:
    return bool(pl.Series([text]).str.contains(pattern)[0])


def first_group(pattern: str, text: str) -> str | None:
    """What the first group holds where the pattern is first found."""
    return pl.Series([text]).str.extract(pattern, 1)[0]
