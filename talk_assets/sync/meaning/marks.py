"""What a record shows of the one it was made from, so that a hub that knows nothing finds the two again.

A creation gives the new record a mark where its system keeps one: always the same for the same origin. And where a mapping
works out a value that must be unique, who holds that value is the record that the mapping made.
"""

from collections.abc import Iterable, Iterator, Mapping

import polars as pl
from xxhash import xxh3_128_hexdigest

from talk_assets.hub import Hub
from talk_assets.hub.tables import meta
from talk_assets.specs.dataflow import Expression
from talk_assets.specs.resolve import ResolvedMapping
from talk_assets.specs.system import Entity
from talk_assets.specs.writing import SearchableReference, UniqueReference
from talk_assets.sync.meaning.formula import Formula, over_record
from talk_assets.sync.meaning.model import Made

GENERATION = "generation "
"""Of a mark, in the hub: under this name, followed by `origin>target`."""


def mark(origin: str, target: str, generation: int = 0) -> str:
    """`origin` is a record, `system.entity/id`; the generation rises when a person says that what was made is another thing."""
    return xxh3_128_hexdigest(f"{origin}>{target}#{generation}".encode())


def marks_of(hub: Hub, origin: str, target: str) -> list[str]:
    """Of all generations that there were."""
    newest = int(meta.get(hub, f"{GENERATION}{origin}>{target}") or 0)
    return [mark(origin, target, generation) for generation in range(newest + 1)]


def raise_marks(hub: Hub, apart: pl.DataFrame) -> None:
    """Records that a person told apart (`entity`, `id`, `other_entity`, `other_id`): what is made from one from now on has
    another mark than the other.
    """
    raise_marks_of(hub, apart)
    raise_marks_of(hub, apart.select(entity="other_entity", id="other_id", other_entity="entity"))


def raise_marks_of(hub: Hub, records: pl.DataFrame) -> None:
    """What is made from records (`entity`, `id`) in another entity (`other_entity`) from now on has another mark than what was
    made there of what they were.
    """
    known = raised(hub)
    for way in records.select(way=pl.format("{}/{}>{}", "entity", "id", "other_entity"))["way"].unique():
        meta.put(hub, GENERATION + way, str(known.get(way, 0) + 1))


def _mark_path(entity: Entity) -> str | None:
    """The property in which a record keeps its mark."""
    if entity.mark:
        return entity.mark
    kept = entity.idempotency
    return kept.property if isinstance(kept, UniqueReference | SearchableReference) else None


def made_in(mapping: ResolvedMapping, mappings: Iterable[ResolvedMapping]) -> dict[str, Expression | None]:
    """The properties of its target by which a mapping's creations are known again, with what makes those that are no mark."""
    entity = mapping.target.spec
    if not mapping.creates or entity.create is None:
        return {}
    path = _mark_path(entity)
    marked = {path: None} if path and entity.properties[path].access != "write_only" else {}
    joins = entity.joins
    if joins is None:
        return {**_unique(mapping), **marked}
    # What joins a record that was made from the same source names it by what that one was given.
    joined = f"{mapping.target.system.system}.{joins.entity}"
    others = [other for other in mappings if (other.source.key, other.target.key) == (mapping.source.key, joined)]
    named = {joins.property: given for other in others if (given := _unique(other).get(joins.by))}  # noqa: B035
    return {**_unique(mapping), **named, **marked}


def _unique(mapping: ResolvedMapping) -> dict[str, Expression]:
    """What a mapping works out for new records, of properties that no two records share."""
    given = {mapping.target.find(name) or name: value for name, value in mapping.spec.on_create.items()}
    return {path: value for path, value in given.items() if isinstance(value, Expression) and mapping.target.prop(path).unique}


def made_by(mapping: ResolvedMapping, mappings: Iterable[ResolvedMapping]) -> Iterator[Made]:
    """What records that the mapping made hold of their source."""
    for path, value in made_in(mapping, mappings).items():
        if value is None:
            yield Made(path, "the mark of what was", Formula(_marks(mapping.source.key, mapping.target.key)), is_mark=True)
        else:
            yield Made(path, f"{value.expression} of what was", over_record(value.expression, mapping.source))


def _marks(source: str, target: str) -> pl.Expr:
    def marks(ids: pl.Series) -> pl.Series:
        return pl.Series([mark(f"{source}/{id_}", target) for id_ in ids], dtype=pl.String)

    return pl.col("#id").map_batches(marks, return_dtype=pl.String)


def raised(hub: Hub) -> Mapping[str, int]:
    """The generations of marks that are not the first, by `origin>target`."""
    return {name.removeprefix(GENERATION): int(told) for name, told in meta.starting(hub, GENERATION).items()}


def later_marks(source: str, target: str, generations: Mapping[str, int]) -> Mapping[str, str]:
    """By id: the marks of a source's records that are not of the first generation."""
    begin, end = f"{source}/", f">{target}"
    here = [way.removeprefix(begin).removesuffix(end) for way in generations if way.startswith(begin) and way.endswith(end)]
    return {id_: mark(f"{begin}{id_}", target, generations[f"{begin}{id_}{end}"]) for id_ in here}
