"""A condition that no record can meet, by what the specs say that records hold."""

from collections.abc import Iterator, Sequence
from functools import reduce
from math import prod
from typing import Any

import polars as pl

from talk_assets.expressions import DTYPES, Compiled, Refused, evaluate, nested_frame
from talk_assets.expressions.tree import expression_of, written
from talk_assets.specs.dataflow import WhenCondition, WhenConnected
from talk_assets.specs.model import as_text
from talk_assets.specs.problems import Problem, Severity, few
from talk_assets.specs.resolve import EntityRef, Resolved, ResolvedMapping
from talk_assets.specs.verify.transforms import compiled_or_problem
from talk_assets.specs.verify.values import meant, words

_TRIED_AT_MOST = 10_000


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        yield from _never_holds(mapping)


def _never_holds(mapping: ResolvedMapping) -> Iterator[Problem]:
    create, source = mapping.spec.create, mapping.source
    text = create.when if isinstance(create, WhenCondition | WhenConnected) else None
    compiled = compiled_or_problem(text, source, None, "boolean") if text else None
    if not isinstance(compiled, Compiled):
        return
    held = [values for path in sorted(compiled.uses) if len(values := _held(source, path))]
    if prod(map(len, held)) > _TRIED_AT_MOST or _may_hold(compiled.expression, held):
        return
    known = [f"{values.name} is {few([*map(_told, values)], ' or ', most=5)}" for values in held]
    yield Problem(
        "never-holds",
        Severity.warning,
        mapping.place("create", "when"),
        f"no record of {source} can meet this condition, so {mapping} creates nothing"
        + (f": {few(known, '; ')}, as its system spec says" if known else ""),
        "correct it, or say `create: never` if that is meant",
    )


def _held(entity: EntityRef, path: str) -> pl.Series:
    """All that a property may hold, as expressions see it; nothing where that is not known."""
    prop = entity.prop(path)
    own = [None if value is None else meant(prop, value) for value in entity.spec.where.get(path, ())]
    allowed = ("true", "false") if prop.type == "boolean" else words(prop)
    texts = pl.Series(path, own or ([*allowed, None] if allowed else []), dtype=pl.String)
    match prop.type:
        case "boolean":
            return texts == "true"
        case "string" | "integer":
            return texts.cast(DTYPES[prop.type], strict=False)
        case _:
            return texts.clear()


def _may_hold(condition: pl.Expr, held: Sequence[pl.Series]) -> bool:
    """Whether all those parts of a condition that read nothing else can be true at once."""
    columns = [values.to_frame() for values in held] or [pl.DataFrame({"nothing": [None]})]
    every = reduce(lambda before, column: before.join(column, how="cross"), columns)
    frame = nested_frame(every.get_columns())
    provable = [part for part in _parts(written(condition)) if _can_be_tried(part, frame)]
    return not provable or bool(frame.select(pl.all_horizontal(provable).any()).item())


def _parts(tree: Any) -> Iterator[pl.Expr]:
    """What stands between the ANDs."""
    match tree:
        case {"BinaryExpr": {"op": "And", "left": left, "right": right}}:
            yield from _parts(left)
            yield from _parts(right)
        case _:
            yield expression_of(tree)


def _can_be_tried(part: pl.Expr, frame: pl.DataFrame) -> bool:
    try:
        evaluate(part, frame)
    except Refused:
        return False
    return True


def _told(value: Any) -> str:
    return "empty" if value is None else as_text(value)
