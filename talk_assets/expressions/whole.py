"""Whole numbers are computed in 128 bits, where no step can have more than fits, and must have 64 in the end.

Polars would cut off what has more. A sum is kept as its terms until it is known how large it can become, and is then made of
halves, so that a long one is no deep one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl

from talk_assets.expressions.tree import expression_of, rewritten

Narrow: TypeAlias = Callable[[Any], Any]
"""What makes 64 bits of a tree that gives 128."""

_LEAST, _MOST = -(2**63), 2**63 - 1
_ROOM = 2**127 - 1
_STANDS_IN = "#whole"


@dataclass(frozen=True)
class _Term:
    """What gives a whole number of 128 bits, and how small and large that can be; nothing is always among it."""

    tree: Any
    low: int
    high: int


@dataclass(frozen=True)
class _Sum:
    plus: tuple[_Term, ...]
    minus: tuple[_Term, ...] = ()

    @property
    def low(self) -> int:
        return sum(term.low for term in self.plus) - sum(term.high for term in self.minus)

    @property
    def high(self) -> int:
        return sum(term.high for term in self.plus) - sum(term.low for term in self.minus)


def in_whole_numbers(tree: Any, frame: pl.DataFrame, *, strict: bool) -> Any:
    """An expression's tree with its whole numbers computed so that none is cut off.

    What has more than 64 bits fails, or is nothing where this is not `strict`. `frame` has the columns that it reads.
    """
    typed = frame.with_columns(pl.lit(None, pl.Int64).alias(_STANDS_IN))

    def narrow(tree: Any) -> Any:
        return _cast(tree, "Int64", "Strict" if strict else "NonStrict")

    def change(node: dict[str, Any]) -> Any:
        match node:
            case {"BinaryExpr": _Sum() as found} | {"Function": _Sum() as found}:
                return found
            case {"op": "Plus", "left": left, "right": right} if _is_whole({"BinaryExpr": node}, typed):
                return _added(_summed(left), _summed(right))
            case {"op": "Minus", "left": left, "right": right} if _is_whole({"BinaryExpr": node}, typed):
                return _added(_summed(left), _turned(_summed(right)))
            case {"input": [left, right], "function": {"Sql": {"Binary": "Mul"}}} if _is_whole({"Function": node}, typed):
                one, two = (_number(_summed(factor), narrow) for factor in (left, right))
                return _Sum((_product(one, two, narrow),))
            case {"input": [inner], "function": "Abs"} if _is_whole({"Function": node}, typed):
                number = _number(_summed(inner), narrow)
                size = {"Function": {"input": [number.tree], "function": "Abs"}}
                return _Sum((_Term(size, 0, max(-number.low, number.high)),))
            case _:
                return {name: settled(inner) for name, inner in node.items()}

    def settled(inner: Any) -> Any:
        if isinstance(inner, list):
            return [settled(one) for one in inner]
        return narrow(_number(inner, narrow).tree) if isinstance(inner, _Sum) else inner

    return settled(rewritten(tree, change))


def overflow(tree: Any, frame: pl.DataFrame) -> pl.Expr | None:
    """Of a tree that is not strict: what the strict one fails with at a record, or null; None if it never fails."""
    found = [_too_large(number, taken) for number, taken in _narrowed(tree, frame, ())]
    return pl.coalesce(found) if found else None


def _narrowed(node: Any, frame: pl.DataFrame, taken: tuple[pl.Expr, ...]) -> Iterator[tuple[pl.Expr, tuple[pl.Expr, ...]]]:
    """What has 128 bits and must have 64, in the order in which it is computed, and which ways lead to it."""
    match node:
        case list():
            for inner in node:
                yield from _narrowed(inner, frame, taken)
        case {"Ternary": {"predicate": predicate, "truthy": truthy, "falsy": falsy}}:
            # Only the records that take a branch can fail in it.
            is_true = expression_of(predicate).fill_null(value=False)
            yield from _narrowed(predicate, frame, taken)
            yield from _narrowed(truthy, frame, (*taken, is_true))
            yield from _narrowed(falsy, frame, (*taken, ~is_true))
        case dict():
            for inner in node.values():
                yield from _narrowed(inner, frame, taken)
            match node:
                case {"Cast": {"expr": inner, "dtype": {"Literal": "Int64"}, "options": "NonStrict"}}:
                    number = expression_of(inner)
                    if _type(number, frame) == pl.Int128():
                        yield number, taken


def _too_large(number: pl.Expr, taken: tuple[pl.Expr, ...]) -> pl.Expr:
    failed = f"conversion from `i128` to `i64` failed in column '{number.meta.output_name()}' for 1 out of 1 values: ["
    is_too_large = pl.all_horizontal(*taken, number.is_not_null(), number.cast(pl.Int64, strict=False).is_null())
    return pl.when(is_too_large).then(pl.concat_str(pl.lit(failed), number.cast(pl.String), pl.lit("]")))


def _is_whole(node: dict[str, Any], frame: pl.DataFrame) -> bool:
    ((kind, inner),) = node.items()
    expression = expression_of({kind: {name: _stood_in(value) for name, value in inner.items()}})
    return _type(expression, frame).is_integer()


def _type(expression: pl.Expr, frame: pl.DataFrame) -> pl.DataType:
    return frame.select(expression.alias("value")).schema["value"]


def _stood_in(value: Any) -> Any:
    """A sum's type is known, however long it is."""
    if isinstance(value, list):
        return [_stood_in(one) for one in value]
    return {"Column": _STANDS_IN} if isinstance(value, _Sum) else value


def _summed(operand: Any) -> _Sum:
    match operand:
        case _Sum():
            return operand
        case {"Literal": {"Dyn": {"Int": int(number)}}}:
            return _Sum((_Term(_wide(operand), min(number, 0), max(number, 0)),))
        case _:
            return _Sum((_Term(_wide(operand), _LEAST, _MOST),))


def _added(one: _Sum, two: _Sum) -> _Sum:
    return _Sum(one.plus + two.plus, one.minus + two.minus)


def _turned(one: _Sum) -> _Sum:
    return _Sum(one.minus, one.plus)


def _number(found: _Sum, narrow: Narrow) -> _Term:
    """A sum as one term. Where it could have more than 128 bits, each of its terms must have 64."""
    if found.low < -_ROOM or found.high > _ROOM:
        found = _Sum(*(tuple(_small(term, narrow) for term in terms) for terms in (found.plus, found.minus)))
    tree = _halved([term.tree for term in found.plus])
    if found.minus:
        tree = _binary("Minus", tree, _halved([term.tree for term in found.minus]))
    return _Term(tree, found.low, found.high)


def _product(one: _Term, two: _Term, narrow: Narrow) -> _Term:
    ends = [here * there for here in (one.low, one.high) for there in (two.low, two.high)]
    if min(ends) < -_ROOM or max(ends) > _ROOM:
        return _product(_small(one, narrow), _small(two, narrow), narrow)
    return _Term(_binary("Multiply", one.tree, two.tree), min(ends), max(ends))


def _small(term: _Term, narrow: Narrow) -> _Term:
    if term.low >= _LEAST and term.high <= _MOST:
        return term
    return _Term(_wide(narrow(term.tree)), _LEAST, _MOST)


def _halved(trees: Sequence[Any]) -> Any:
    if len(trees) == 1:
        return trees[0]
    half = (len(trees) + 1) // 2
    return _binary("Plus", _halved(trees[:half]), _halved(trees[half:]))


def _binary(op: str, left: Any, right: Any) -> Any:
    return {"BinaryExpr": {"left": left, "op": op, "right": right}}


def _wide(tree: Any) -> Any:
    return _cast(tree, "Int128", "Strict")


def _cast(tree: Any, dtype: str, options: str) -> Any:
    return {"Cast": {"expr": tree, "dtype": {"Literal": dtype}, "options": options}}
