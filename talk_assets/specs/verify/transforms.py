"""What a row does to a value must be undone on the way back: value maps, joins and expressions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from talk_assets.expressions import Compiled, Refused, compile_expression, frame_schema
from talk_assets.specs.problems import Problem, Severity, did_you_mean, error, shown
from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping, ResolvedRow
from talk_assets.specs.system import Property

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
    "decimal": ["0", "0.1", "-12.345", "1234567890.12"],
    "boolean": [True, False],
    "date": ["2024-02-29", "1999-12-31"],
    "datetime": ["2024-02-29 23:59:59.123456", "1999-12-31 00:00:00"],
    "json": ["[]", '{"a": 1}'],
}
_TEXT_FORMS: Mapping[str, re.Pattern[str]] = {
    "integer": re.compile(r"-?\d+"),
    "decimal": re.compile(r"-?\d+(\.\d+)?"),
    "boolean": re.compile(r"true|false"),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
}


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        for row in mapping.rows:
            yield from _shape(mapping, row)
            yield from _value_map(mapping, row)
            yield from _expressions(mapping, row)


# Joins


def _shape(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    parts = max(row.sources, row.targets, key=len)
    place = mapping.row_place(row, "source")
    if len(row.sources) > 1 and len(row.targets) > 1:
        yield error("bad-row", place, "a row joins several properties into one; here both sides name several")
    elif len(parts) > 1 and row.spec.join is None:
        yield error("bad-row", place, "several properties need `join`, the text between them", 'for example join: " "')
    elif row.spec.join is not None and len(parts) == 1:
        yield error("bad-row", place, "`join` needs several properties on one side")
    elif len(parts) > 1:
        for endpoint in (*row.sources, *row.targets):
            if endpoint.spec.type != "string":
                yield error("type-mismatch", place, f"{endpoint} is {endpoint.spec.type}; only text can be joined")


# Value maps


def _value_map(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    values = row.spec.values
    if len(row.sources) > 1 or len(row.targets) > 1:
        return
    source, target = row.pair
    if values is None:
        yield from _differing_values(mapping, row, source, target)
        return
    owner: dict[str, str] = {}
    for key, value in values.items():
        place = mapping.place("properties", row.index, "values", key)
        text = _as_text(value)
        if text in owner:
            yield error(
                "not-bijective",
                place,
                f"both {shown(owner[text])} and {shown(key)} become {shown(text)}; the way back is unknown",
                "give each value a counterpart of its own, or the row a `direction`",
            )
        owner.setdefault(text, key)
        key_place = mapping.loaded.key_place("mappings", mapping.index, "properties", row.index, "values", key)
        for endpoint, one, where in ((source, key, key_place), (target, text, place)):
            if reason := _not_a_value(endpoint.spec, one):
                yield error("bad-value", where, f"{shown(one)} is no value of {endpoint}: {reason}")


def _as_text(value: object) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _not_a_value(prop: Property, text: str) -> str:
    form = _TEXT_FORMS.get(prop.type)
    if form and not form.fullmatch(text):
        return f"it is not {'an' if prop.type[0] in 'aeiou' else 'a'} {prop.type}"
    if prop.values and text not in prop.values:
        return did_you_mean(text, prop.values) or f"allowed are {', '.join(prop.values)}"
    return ""


def _differing_values(mapping: ResolvedMapping, row: ResolvedRow, source: Endpoint, target: Endpoint) -> Iterator[Problem]:
    one, other = set(source.spec.values), set(target.spec.values)
    if row.is_plain and one and other and one != other:
        only = ", ".join(sorted(one ^ other)[:5])
        yield Problem(
            "values-differ",
            Severity.warning,
            mapping.row_place(row),
            f"{source} and {target} do not allow the same values (only one side knows {only})",
            "give the row `values`",
        )


# Expressions


def _expressions(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    there, back = row.spec.to_target, row.spec.to_source
    if not (there or back):
        return
    compiled: dict[str, Compiled] = {}
    for name, text, reads, writes in (
        ("to_target", there, mapping.source, row.targets),
        ("to_source", back, mapping.target, row.sources),
    ):
        if text:
            found = compiled_or_problem(text, reads, writes[0] if len(writes) == 1 else None)
            if isinstance(found, Compiled):
                compiled[name] = found
            else:
                yield error(found[0], mapping.place("properties", row.index, name), found[1], found[2])
    if row.spec.direction == "both" and not (there and back):
        missing = "to_source" if there else "to_target"
        yield error(
            "no-inverse",
            mapping.place("properties", row.index, "to_target" if there else "to_source"),
            f"the row computes one way only; an edit on the other side could not come back without `{missing}`",
            f"add `{missing}`, or say `direction: {'to_target' if there else 'to_source'}`",
        )
    elif len(compiled) == 2 and len(row.sources) == len(row.targets) == 1:
        yield from _round_trip(mapping, row, compiled["to_target"], compiled["to_source"])


def compiled_or_problem(
    text: str, entity: EntityRef, writes: Endpoint | None, kind: str | None = None
) -> Compiled | tuple[str, str, str]:
    """The expression, or (code, message, suggestion) saying why it is none."""
    try:
        compiled = compile_expression(text, entity.types)
    except Refused as failure:
        hint = did_you_mean(failure.unknown_property, entity.names) if failure.unknown_property else ""
        return "bad-expression", f"column {failure.column} of the expression: {failure.message}", hint
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
    moved = _evaluate(there.expression, source, samples).cast(_dtype(target), strict=False)
    returned = _evaluate(back.expression, target, moved).cast(samples.dtype, strict=False)
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


def _dtype(endpoint: Endpoint) -> pl.DataType:
    return frame_schema({"value": endpoint.spec.type})["value"]


def _column(endpoint: Endpoint) -> pl.Series:
    """Sample values of a property, of its allowed ones where they are known."""
    spec = endpoint.spec
    raw = list(spec.values) or _SAMPLES[spec.format or spec.type]
    return pl.Series("value", raw).cast(_dtype(endpoint))


def _evaluate(expression: pl.Expr, endpoint: Endpoint, values: pl.Series) -> pl.Series:
    *parents, leaf = endpoint.path.split(".")
    frame = values.alias(leaf).to_frame()
    for parent in reversed(parents):
        frame = frame.select(pl.struct(pl.all()).alias(parent))
    return frame.select(expression.alias("value")).to_series()
