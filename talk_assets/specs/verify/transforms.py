"""What a row does to a value must be undone on the way back: joins and expressions."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from talk_assets.expressions import DTYPES, Compiled, Refused, compile_expression, evaluate, nested_frame
from talk_assets.specs.problems import Place, Problem, Severity, did_you_mean, error
from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping, ResolvedRow
from talk_assets.specs.verify.values import words

_SAMPLES: Mapping[str, list[Any]] = {
    "email": ["ola@example.no", "kari.nordmann@example.com"],
    "phone": ["22864400", "+4722864400"],
    "url": ["https://example.no/", "http://example.com/x?y=1"],
    "organisation_number": ["889640782", "974760673"],
    "postal_code": ["0150", "9990"],
    "country_code": ["NO", "SE"],
    "currency_code": ["NOK", "EUR"],
    "digits": ["0", "7", "1042"],
    "uuid": ["0b6e3ee5-4f1e-4bb7-8b34-2d4c2f1f6a10"],
    "string": ["", "a", "Abc", "ÆØÅ", "two words", " edge ", "0150", "O'Hara"],
    "integer": [0, 1, -7, 1042, 9007199254740993],
    "decimal": [Decimal(0), Decimal("0.1"), Decimal("-12.345"), Decimal("1234567890.12")],
    "boolean": [True, False],
    "date": [dt.date(2024, 2, 29), dt.date(1999, 12, 31)],
    "datetime": [dt.datetime(2024, 2, 29, 23, 59, 59, 123456), dt.datetime(1999, 12, 31)],  # noqa: DTZ001  (UTC, unsaid)
    "json": ["[]", '{"a": 1}'],
}


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        for row in mapping.rows:
            yield from _shape(mapping, row)
            yield from _one_transform(mapping, row)
            yield from _ways(mapping, row)
            yield from _expressions(mapping, row)


# What a row may hold at once


def _shape(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    parts = max(row.sources, row.targets, key=len)
    place = mapping.row_place(row, "source")
    if len(row.sources) > 1 and len(row.targets) > 1:
        yield error("bad-row", place, "a row joins several properties into one; here both sides name several")
    elif len(parts) > 1 and row.spec.join is None:
        yield error("bad-row", place, "several properties need `join`, the text between them", 'for example join: " "')
    elif row.spec.join is not None and len(parts) == 1:
        yield error("bad-row", place, "`join` needs several properties on one side")
    elif computes := next((name for name in ("to_target", "to_source") if row.spec.join and getattr(row.spec, name)), None):
        yield error(
            "bad-row",
            mapping.place("properties", row.index, computes),
            f"a row either joins properties or computes its value; `{computes}` would never be used",
            f"leave out `join`, and write a row with an expression for each property, or leave out `{computes}`",
        )
    elif twice := next((part for number, part in enumerate(parts) if part in parts[:number]), None):
        yield error("bad-row", place, f"the row names {twice} twice", "name each property once")
    elif len(parts) > 1:
        for endpoint in (*row.sources, *row.targets):
            if endpoint.spec.type != "string":
                yield error("type-mismatch", place, f"{endpoint} is {endpoint.spec.type}; only text can be joined")


def _one_transform(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    if row.spec.values is None:
        return
    where = mapping.place("properties", row.index, "values")
    if len(row.sources) > 1 or len(row.targets) > 1:
        yield error("bad-row", where, "`values` needs one property on each side", "take the map to a row of its own")
    elif row.spec.to_target or row.spec.to_source:
        yield error("bad-row", where, "a row either has `values` or computes its value", "put the values into the expression")
    elif not row.spec.values:
        yield error("bad-row", where, "the value map is empty: no value would ever cross", "name values, or leave `values` out")


def _ways(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    """An expression for the way that a row with a direction never goes."""
    spec = row.spec
    for name, other, unused in (
        ("to_target", "to_source", spec.to_target if not spec.to_source and spec.direction == "to_source" else None),
        ("to_source", "to_target", spec.to_source if not spec.to_target and spec.direction == "to_target" else None),
    ):
        if unused:
            yield error(
                "bad-row",
                mapping.place("properties", row.index, name),
                f"the row's direction is {other}, so `{name}` is never used and the value crosses as it is",
                f"say `direction: {name}`, or give `{other}` instead",
            )


# Expressions


def _expressions(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    there, back = row.spec.to_target, row.spec.to_source
    if not (there or back):
        return
    compiled: dict[str, Compiled] = {}
    for name, text, reads, own, writes in (
        ("to_target", there, mapping.source, row.sources, row.targets),
        ("to_source", back, mapping.target, row.targets, row.sources),
    ):
        if not text:
            continue
        place = mapping.place("properties", row.index, name)
        found = compiled_or_problem(text, reads, writes[0] if len(writes) == 1 else None)
        if isinstance(found, Compiled):
            compiled[name] = found
            yield from _reads(row, name, found, own, place)
        else:
            yield error(found[0], place, found[1], found[2])
    if row.spec.direction == "both" and not (there and back):
        missing = "to_source" if there else "to_target"
        yield error(
            "no-inverse",
            mapping.place("properties", row.index, "to_target" if there else "to_source"),
            f"the row computes one way only; an edit on the other side could not come back without `{missing}`",
            f"add `{missing}`, or say `direction: {'to_target' if there else 'to_source'}`",
        )
    elif len(compiled) == 2 and len(row.sources) == len(row.targets) == 1 and row.spec.direction == "both":
        yield from _round_trip(mapping, row, compiled["to_target"], compiled["to_source"])


def _reads(row: ResolvedRow, name: str, compiled: Compiled, own: Sequence[Endpoint], place: Place) -> Iterator[Problem]:
    """An expression must read the property its row is about; where the row goes both ways, that one alone."""
    paths = {endpoint.path for endpoint in own}
    named = ", ".join(map(str, own))
    if not paths & compiled.uses:
        yield Problem(
            "not-read",
            Severity.error if row.spec.direction == "both" else Severity.warning,
            place,
            f"`{name}` does not read {named}: an edit of it would never arrive",
            f"use {' or '.join(sorted(paths))} in the expression; a value that is always the same belongs into `on_create`",
        )
    elif row.spec.direction == "both" and (others := sorted(compiled.uses - paths)):
        yield Problem(
            "inverse-unproven",
            Severity.warning,
            place,
            f"`{name}` reads {', '.join(others)} as well, so nobody can tell whether the other way undoes it",
            f"read {named} alone, or give the row a `direction`",
        )


def compiled_or_problem(
    text: str, entity: EntityRef, writes: Endpoint | None, kind: str | None = None
) -> Compiled | tuple[str, str, str]:
    """The expression, or (code, message, suggestion) saying why it is none."""
    try:
        compiled = compile_expression(text, entity.types)
    except Refused as failure:
        hint = did_you_mean(failure.unknown, failure.known) if failure.unknown else ""
        return "bad-expression", f"column {failure.column} of the expression: {failure.message}", hint
    if unseen := sorted(path for path in compiled.uses if entity.prop(path).access == "write_only"):
        return "bad-expression", f"{entity}.{unseen[0]} never comes back from its API, so nothing can be computed of it", ""
    wanted = writes.spec.type if writes else kind
    given = _kind(compiled.type)
    if wanted and given not in (wanted, "null") and not (given == "integer" and wanted == "decimal"):
        return "bad-expression", f"the expression gives {given}, {wanted} was expected{f' for {writes}' if writes else ''}", ""
    return compiled


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "decimal"
    kinds: dict[type[pl.DataType], str] = {pl.String: "string", pl.Boolean: "boolean", pl.Date: "date", pl.Null: "null"}
    return kinds.get(type(dtype), "datetime")


def _round_trip(mapping: ResolvedMapping, row: ResolvedRow, there: Compiled, back: Compiled) -> Iterator[Problem]:
    source, target = row.pair
    if there.uses != {source.path} or back.uses != {target.path}:
        return
    samples = _column(source)
    try:
        moved = _evaluate(there.expression, source, samples, target.spec.type)
        returned = _evaluate(back.expression, target, moved, source.spec.type)
    except Refused as failure:
        message = f"it cannot be told whether `to_source` undoes `to_target`: {failure.message}"
        yield error("bad-expression", mapping.place("properties", row.index, "to_source"), message)
        return
    differing = pl.DataFrame({"given": samples, "moved": moved, "returned": returned}).filter(
        pl.col("given").ne_missing(pl.col("returned"))
    )
    if len(differing):
        given, moved_to, came_back = differing.row(0)
        yield error(
            "inverse-differs",
            mapping.place("properties", row.index, "to_source"),
            f"`to_source` does not undo `to_target`: {given!r} becomes {moved_to!r} and comes back as {came_back!r}",
        )


def turned_round(row: ResolvedRow) -> bool | None:
    """Whether a row between two flags makes true of false; None where that cannot be told."""
    source, target = row.pair
    if not (text := row.spec.to_target) or source.spec.type != "boolean" or target.spec.type != "boolean":
        return None
    compiled = compiled_or_problem(text, source.entity, target)
    if not isinstance(compiled, Compiled) or compiled.uses != {source.path}:
        return None
    moved = _evaluate(compiled.expression, source, pl.Series("value", [True, False]), "boolean").to_list()
    return {(True, False): False, (False, True): True}.get((moved[0], moved[1]))


def _column(endpoint: Endpoint) -> pl.Series:
    """Sample values of a property, of its allowed ones where they are known."""
    spec = endpoint.spec
    dtype = DTYPES[spec.type]
    if spec.values:
        allowed = pl.Series("value", words(spec), dtype=pl.String)
        return allowed if dtype == pl.String else allowed.cast(dtype, strict=False).drop_nulls()
    return pl.Series("value", _SAMPLES[spec.format if spec.format and spec.type == "string" else spec.type], dtype=dtype)


def _evaluate(expression: pl.Expr, endpoint: Endpoint, values: pl.Series, kind: str) -> pl.Series:
    """What an expression makes of these values of a property, as values of this kind."""
    return evaluate(expression.cast(DTYPES[kind], strict=False), nested_frame([values.alias(endpoint.path)]))
