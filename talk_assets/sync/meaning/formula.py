"""What is computed of columns of text, whole frames at a time: made of the expressions of specs, and of text itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from talk_assets.expressions import compile_expression, frame_schema
from talk_assets.specs.resolve import EntityRef
from talk_assets.sync.meaning.values import ABSENT, as_text, beyond, cannot_be_computed, computed, typed


@dataclass(frozen=True)
class Formula:
    """An expression over columns of text that gives a column of text."""

    expression: pl.Expr = field(repr=False)
    inputs: tuple[pl.Expr, ...] = field(default=(), repr=False)
    """Typed columns that the expression reads, made of the text; none: it reads the text itself."""
    unfit: pl.Expr | None = field(default=None, repr=False)
    """Over the text: a misfit where the typed columns cannot hold what it says."""
    silent: pl.Expr | None = field(default=None, repr=False)
    """Over the text: whether something that the expression reads says nothing, so that nothing computed is nothing said."""
    text: str = ""
    """The expression as the spec has it."""
    telling: pl.Expr | None = field(default=None, repr=False)
    """The same expression, which gives misfits where it knows why it would fail; slower."""

    @cached_property
    def reads(self) -> frozenset[str]:
        """The columns of text that it is made of."""
        return frozenset(name for one in self.inputs or (self.expression,) for name in one.meta.root_names())

    def same(self, other: "Formula") -> bool:
        """Whether both are written in the same way."""
        parts = ((self.expression, *self.inputs), (other.expression, *other.inputs))
        return len(self.inputs) == len(other.inputs) and all(one.meta.eq(two) for one, two in zip(*parts, strict=True))

    def over(self, frame: pl.DataFrame) -> pl.Series:
        values = computed(self.expression, frame.select(*self.inputs) if self.inputs else frame, self.text, self.telling)
        if self.unfit is not None:
            values = frame.select(pl.coalesce(self.unfit, values)).to_series()
        if self.silent is not None:
            values = frame.select(pl.coalesce(values, pl.when(self.silent).then(pl.lit(ABSENT)))).to_series()
        return values


@dataclass(frozen=True)
class Formulas:
    """Several over one frame, in columns named by their numbers: one query instead of one for each."""

    each: tuple[Formula, ...]

    def over(self, frame: pl.DataFrame, numbers: Sequence[int] | None = None) -> pl.DataFrame:
        wanted = range(len(self.each)) if numbers is None else numbers
        direct = [self._direct[number] for number in wanted if number in self._direct]
        rest = [
            self.each[number].over(frame).cast(pl.String).alias(str(number)) for number in wanted if number not in self._direct
        ]
        return frame.with_columns(*direct, *rest).select(map(str, wanted))

    @cached_property
    def _direct(self) -> Mapping[int, pl.Expr]:
        """Those that read the text itself."""
        return {
            number: one.expression.cast(pl.String).alias(str(number)) for number, one in enumerate(self.each) if not one.inputs
        }


def over_record(text: str, entity: EntityRef) -> Formula:
    """An expression of a spec, over an entity's columns of text."""
    compiled = compile_expression(text, entity.types)
    inputs = [
        _nested(name, dtype, "", entity.types)
        for name, dtype in frame_schema({p: entity.types[p] for p in sorted(compiled.uses)}).items()
    ]
    given, telling = as_text(compiled.expression, compiled.type), None
    if compiled.told:
        value, why_not = compiled.told
        telling = pl.coalesce(pl.concat_str(pl.lit(cannot_be_computed(text)), why_not), as_text(value, compiled.type))
    if not inputs:
        return Formula(given, (pl.repeat(None, pl.len()).alias("nothing"),), text=text)
    unfit = pl.coalesce(beyond(pl.col(path), entity.types[path], path) for path in sorted(compiled.uses))
    return Formula(given, tuple(inputs), unfit, text=text, telling=telling)


def _nested(name: str, dtype: pl.DataType, above: str, types: Mapping[str, str]) -> pl.Expr:
    path = f"{above}{name}"
    if isinstance(dtype, pl.Struct):
        members = pl.Schema({member.name: member.dtype for member in dtype.fields})
        return pl.struct(_nested(inner, kind, f"{path}.", types) for inner, kind in members.items()).alias(name)
    return typed(pl.col(path), types[path]).alias(name)
