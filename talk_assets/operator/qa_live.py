"""The checklists against a hub that is in use: what is linked, in step, of the right type and there once. Nothing is edited."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from talk_assets.hub import cells, changes, checks, shapes
from talk_assets.operator.qa_map import kinds_named
from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping, ResolvedRow
from talk_assets.sync.values import ABSENT, fitted, joined, misfit, opinion, replaced
from talk_assets.sync.world import World

_SHOWN = 3


@dataclass(frozen=True)
class LiveRow:
    source: str
    target: str
    documented: bool
    pairs: int
    """Linked pairs of which both sides say something."""
    differ: int
    misfits: int
    """Pairs with a value that is not of the property's type."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why pairs differ that cannot agree, and how many: what an API cannot take, or a record that a system does not have."""
    examples: tuple[str, ...] = ()
    """Of pairs that differ for no known reason."""
    records: tuple[str, ...] = ()
    """Source records of those pairs, and of pairs with a misfit."""

    @property
    def is_in_sync(self) -> bool:
        return self.differ == sum(self.reasons.values()) and not self.misfits


@dataclass(frozen=True)
class LiveMapping:
    title: str
    source: str
    target: str
    records: int
    linked: int
    reasons: dict[str, int] = field(default_factory=dict)
    """Why source records have no counterpart, and how many."""
    lost: tuple[str, ...] = ()
    """Some of those for which no reason is known."""
    duplicates: int = 0
    doubled: tuple[str, ...] = ()
    """Some target records that have the same counterpart."""
    rows: tuple[LiveRow, ...] = ()

    @property
    def is_linked(self) -> bool:
        return self.linked + sum(count for reason, count in self.reasons.items() if reason) == self.records

    @property
    def is_passed(self) -> bool:
        return self.is_linked and not self.duplicates and all(row.is_in_sync for row in self.rows)


@dataclass(frozen=True)
class LiveReport:
    mappings: tuple[LiveMapping, ...]
    problems: tuple[str, ...]

    @property
    def is_passed(self) -> bool:
        return not self.problems and all(mapping.is_passed for mapping in self.mappings)


def look(world: World, resolved: Resolved) -> LiveReport:
    lens = _Lens(world)
    return LiveReport(tuple(lens.mapping(mapping) for mapping in resolved.mappings), tuple(checks.check(world.hub)))


class _Lens:
    def __init__(self, world: World) -> None:
        self._world = world
        self._shapes = shapes.shapes(world.hub)
        self._members = world.hub.read("SELECT entity, id, cluster FROM members")
        self._changes = changes.of(world.hub).select("entity", "cluster", "kind", "state", "reason", "paths")
        self._records: dict[str, pl.DataFrame] = {}

    def records(self, key: str) -> pl.DataFrame:
        """All records of an entity: their properties as text, and their cluster as `#cluster`."""
        if key not in self._records:
            stored = self._world.hub.read("SELECT entity, id, shape, vals FROM records WHERE entity = ?", [key])
            texts = cells.wide(stored, "vals", self._shapes, self._world.entity(key).columns, ABSENT)
            here = self._members.filter(pl.col("entity") == key).select("cluster", **{"#id": "id"})
            self._records[key] = texts.join(here, on="#id", how="left").rename({"cluster": "#cluster"})
        return self._records[key]

    def mapping(self, mapping: ResolvedMapping) -> LiveMapping:
        sources, targets = self.records(str(mapping.source)), self.records(str(mapping.target))
        there = targets.select("#cluster").drop_nulls().unique()
        linked = sources.join(there, on="#cluster", how="semi")
        reasons = self._reasons(mapping, sources.join(there, on="#cluster", how="anti"))
        doubled = targets.filter(pl.col("#cluster").is_not_null() & pl.col("#cluster").is_duplicated())
        document = mapping.loaded.spec.document
        return LiveMapping(
            title=document.title if document else mapping.dataflow,
            source=str(mapping.source),
            target=str(mapping.target),
            records=sources.height,
            linked=linked.height,
            reasons=dict(reasons["reason"].value_counts(sort=True).iter_rows()),
            lost=_named(mapping.source, reasons.filter(pl.col("reason") == "")["#id"]),
            duplicates=targets.drop_nulls("#cluster").height - there.height,
            doubled=_named(mapping.target, doubled["#id"]),
            rows=tuple(self._row(row, mapping, linked, targets) for row in mapping.rows),
        )

    def _reasons(self, mapping: ResolvedMapping, lost: pl.DataFrame) -> pl.DataFrame:
        """`#id`, `reason`: empty where there should be a counterpart."""
        planned = self._changes.filter((pl.col("entity") == str(mapping.target)) & (pl.col("kind") == "create"))
        told = lost.select("#id", "#cluster").join(planned, left_on="#cluster", right_on="cluster", how="left")
        default = pl.lit("" if mapping.spec.create == "always" else "the document's rule asks for none")
        return told.select("#id", reason=pl.coalesce("reason", default))

    def _row(self, row: ResolvedRow, mapping: ResolvedMapping, sources: pl.DataFrame, targets: pl.DataFrame) -> LiveRow:
        source, target = (" + ".join(end.cell.text for end in ends) for ends in (row.sources, row.targets))
        if row.is_identity:
            return LiveRow(source, target, not row.spec.added, sources.height, 0, 0)
        here, there = self._said(row, row.sources, sources), self._said(row, row.targets, targets)
        unfit = (misfit(pl.col("value")) | misfit(pl.col("value_there"))).fill_null(value=False)
        both = here.join(there, on="#cluster", suffix="_there").with_columns(unfit=unfit)
        said = both.filter(~pl.col("unfit") & opinion(pl.col("value")) & opinion(pl.col("value_there")))
        if self._through(row):
            # One of several properties that say the same: it counts where it is given.
            said = said.drop_nulls("value")
        differ = said.filter(pl.col("value").ne_missing(pl.col("value_there")))
        known = differ.join(self._open(row, mapping), on="#cluster", how="left")
        reasons = known.drop_nulls("reason")["reason"].value_counts(sort=True)
        unknown = known.filter(pl.col("reason").is_null())
        unfits = both.filter("unfit")
        shown = unknown.select("#id", "#id_there", "value", "value_there").head(_SHOWN)
        return LiveRow(
            source,
            target,
            not row.spec.added,
            pairs=said.height,
            differ=differ.height,
            misfits=unfits.height,
            reasons=dict(reasons.iter_rows()),
            examples=tuple(f"{one}: {value!r}, {two}: {other!r}" for one, two, value, other in shown.iter_rows()),
            records=_named(mapping.source, pl.concat([unfits["#id"], unknown["#id"]])),
        )

    def _open(self, row: ResolvedRow, mapping: ResolvedMapping) -> pl.DataFrame:
        """`#cluster`, `reason`: writes to the row's properties, or to others that share its target, that the API refuses, that
        wait for another record, or that are held until a person has looked.
        """
        mine = {end.path for end in row.targets}
        siblings = (one for one in mapping.rows if mine & {end.path for end in one.targets})
        ends = {(str(end.entity), end.path) for one in siblings for end in (*one.sources, *one.targets)}
        parts = [
            self._changes.filter(
                (pl.col("entity") == entity)
                & pl.col("state").is_in(["refused", "waiting", "held"])
                & pl.col("paths").list.contains(path)
            ).select("reason", **{"#cluster": "cluster"})
            for entity, path in sorted(ends)
        ]
        return pl.concat(parts).unique("#cluster", keep="first", maintain_order=True)

    def _through(self, row: ResolvedRow) -> str | None:
        """The kind of record that only the source knows; the target knows who owns it."""
        source, target = (kinds_named(self._world, ends[0]) for ends in (row.sources, row.targets))
        return row.sources[0].spec.references[0] if source and not source & target else None

    def _said(self, row: ResolvedRow, ends: tuple[Endpoint, ...], records: pl.DataFrame) -> pl.DataFrame:
        """`#cluster`, `#id`, `value`: in the words of the target, references as the clusters they name."""
        end = ends[0]
        if len(ends) > 1:
            value = joined([pl.col(one.path) for one in ends], row.spec.join or " ")
        elif row.is_plain and end.spec.references:
            return self._named(row, end, records)
        else:
            value = pl.col(end.path)
        if row.spec.values and ends is row.sources:
            value = replaced(value, {_text(one): _text(other) for one, other in row.spec.values.items()}, end.path)
        if row.is_plain:
            value = fitted(value, row.targets[0].spec.type, end.path)
        elif not row.spec.join:
            value = pl.lit(ABSENT)
        return records.select("#cluster", "#id", value=value)

    def _named(self, row: ResolvedRow, end: Endpoint, records: pl.DataFrame) -> pl.DataFrame:
        entities = [f"{end.entity.system.system}.{to}" for to in end.spec.references]
        links = self._members.filter(pl.col("entity").is_in(entities)).select(value="id", found="cluster").unique("value")
        named = records.select("#cluster", "#id", value=pl.col(end.path)).join(links, on="value", how="left")
        if end is row.sources[0] and (through := self._through(row)):
            named = named.drop("found").join(self._owners(end, through), on="value", how="left")
        told = pl.col("found").cast(pl.String)
        unknown = pl.col("value").is_not_null() & opinion(pl.col("value")) & told.is_null()
        return named.select(
            "#cluster",
            "#id",
            value=pl.when(unknown).then(pl.lit(ABSENT)).when(told.is_not_null()).then(told).otherwise("value"),
        )

    def _owners(self, end: Endpoint, name: str) -> pl.DataFrame:
        """`value`, `found`: records that the other side does not know, and the clusters of their owners."""
        system = end.entity.system
        parent = system.entities[name].parent
        if parent is None or f"{system.system}.{name}" not in self._world.model.entities:
            return pl.DataFrame(schema={"value": pl.String, "found": pl.Int64})
        owned = self.records(f"{system.system}.{name}").select(value="#id", owner=parent.property)
        links = self._members.filter(pl.col("entity") == f"{system.system}.{parent.entity}")
        return owned.join(links.select(owner="id", found="cluster"), on="owner").select("value", "found")


def _named(entity: EntityRef, ids: pl.Series) -> tuple[str, ...]:
    return tuple(f"{entity}/{id_}" for id_ in ids.head(_SHOWN))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def lines(report: LiveReport) -> Iterator[str]:
    title = None
    for mapping in report.mappings:
        if mapping.title != title:
            title = mapping.title
            yield from ("", title)
        yield f" {_mark(mapping.is_passed)} {mapping.source} → {mapping.target}"
        yield f"     linked   {_mark(mapping.is_linked)}  {mapping.linked} of {mapping.records}"
        for reason, count in mapping.reasons.items():
            yield f"                 {count}: {reason or 'no reason is known'}"
        yield f"     unique   {_mark(not mapping.duplicates)}  {mapping.duplicates} duplicates"
        for row in mapping.rows:
            kind = "document" if row.documented else "added"
            yield f"     {kind:8} {_mark(row.is_in_sync)}  {row.source} ↔ {row.target}: {_counted(row)}"
            yield from (f"                 {count}: {reason}" for reason, count in row.reasons.items())
            yield from (f"                 {example}" for example in row.examples)
    yield ""
    yield from report.problems
    yield f"{sum(one.is_passed for one in report.mappings)} of {len(report.mappings)} mappings in order"


def _counted(row: LiveRow) -> str:
    differ = f", {row.differ} differ" if row.differ else ""
    misfits = f", {row.misfits} of another type" if row.misfits else ""
    return f"{row.pairs} pairs{differ}{misfits}"


def _mark(fine: bool) -> str:  # noqa: FBT001  (what it marks is its only argument)
    return "✓" if fine else "✗"


def as_data(report: LiveReport) -> dict[str, Any]:
    return {
        "passed": report.is_passed,
        "problems": list(report.problems),
        "mappings": [
            {**dataclasses.asdict(mapping), "passed": mapping.is_passed, "rows": [_row_data(row) for row in mapping.rows]}
            for mapping in report.mappings
        ],
    }


def _row_data(row: LiveRow) -> dict[str, Any]:
    return {**dataclasses.asdict(row), "in_sync": row.is_in_sync}
