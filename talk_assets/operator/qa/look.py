"""The checklists against a hub that is in use: what is linked, in step, of the right type and there once. Nothing is edited."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Literal

import polars as pl
import polars.selectors as cs

from talk_assets.hub.tables import ambiguous, cells, changes, checks, members, records, shapes
from talk_assets.operator.qa.live import SHOWN, LiveMapping, LiveReport, LiveRow, together
from talk_assets.operator.qa.map import kinds_named
from talk_assets.specs.model import as_text
from talk_assets.specs.resolve import Endpoint, EntityRef, Resolved, ResolvedMapping, ResolvedRow
from talk_assets.sync.arriving.readings import not_read
from talk_assets.sync.meaning.compile import computed_by
from talk_assets.sync.meaning.counting import counting
from talk_assets.sync.meaning.edges import zone_of_days
from talk_assets.sync.meaning.values import ABSENT, day_of, fitted, joined, misfit, opinion, replaced
from talk_assets.sync.planning import undecided
from talk_assets.sync.world import World

_RECORD = ("cluster", "entity", "id")
_AT_ONCE = 100_000
"""Clusters: all records of a million of them would be gigabytes."""


def look(world: World, resolved: Resolved) -> LiveReport:
    return LiveReport(look_at(world, resolved.mappings), tuple(checks.check(world.hub)), not_read(world))


def look_at(world: World, mappings: Sequence[ResolvedMapping]) -> tuple[LiveMapping, ...]:
    """These mappings, over all records."""
    lens = _Lens(world)
    clusters = members.clusters(world.hub)
    *most, last = clusters.iter_slices(_AT_ONCE) if clusters.height else [clusters]
    linked = (members.of(world.hub, part, _RECORD) for part in most)
    rest = [members.of(world.hub, last, _RECORD), records.unlinked(world.hub).with_columns(cluster=pl.lit(None, pl.Int64))]
    parts = [_Lot(lens, here).mappings(mappings) for here in (*linked, pl.concat(rest, how="diagonal"))]
    return tuple(reduce(together, found) for found in zip(*parts, strict=True))


class _Lens:
    """What is looked at for all records."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shapes = shapes.shapes(world.hub)
        self.changes = changes.of(world.hub).select("entity", "cluster", "kind", "state", "reason", "paths")
        self.ambiguous = ambiguous.every(world.hub).select("entity", "id").unique()
        self._links: dict[str, pl.DataFrame] = {}
        self._owners: dict[str, pl.DataFrame] = {}

    def links(self, key: str) -> pl.DataFrame:
        """`value`, `found`: the records of an entity and their clusters."""
        if key not in self._links:
            self._links[key] = members.placed(self.world.hub, key).select(value="id", found="cluster")
        return self._links[key]

    def owners(self, end: Endpoint, name: str) -> pl.DataFrame:
        """`value`, `found`: records that the other side does not know, and the clusters of their owners."""
        system = end.entity.system
        key, parent = f"{system.system}.{name}", system.entities[name].parent
        if parent is None or key not in self.world.model.entities:
            return pl.DataFrame(schema={"value": pl.String, "found": pl.Int64})
        if key not in self._owners:
            stored = records.since(self.world.hub, 0, ["entity", "id", "shape", "vals"], entity=key)
            owned = cells.wide(stored, "vals", self.shapes, [parent.property], ABSENT)
            of = self.links(f"{system.system}.{parent.entity}").rename({"value": parent.property})
            self._owners[key] = owned.join(of, on=parent.property).select("found", value="#id")
        return self._owners[key]


class _Lot:
    """Some of the records (`cluster`, `entity`, `id`), with all that are linked with them."""

    def __init__(self, lens: _Lens, here: pl.DataFrame) -> None:
        self._lens = lens
        self._here = here
        self._changes = lens.changes.join(here, on="cluster", how="semi")
        self._undecided = undecided(lens.world, here.join(lens.ambiguous, on=["entity", "id"], how="semi"))
        self._records: dict[str, pl.DataFrame] = {}

    def mappings(self, mappings: Sequence[ResolvedMapping]) -> list[LiveMapping]:
        return [self._mapping(mapping) for mapping in mappings]

    def _of(self, key: str) -> pl.DataFrame:
        """The records of an entity: their properties as text, and their cluster as `#cluster`."""
        if key not in self._records:
            world, here = self._lens.world, self._here.filter(pl.col("entity") == key).sort("cluster", "id", nulls_last=True)
            held = records.of(world.hub, here, ["entity", "id", "shape", "vals"])
            stored = here.join(held, on=["entity", "id"], maintain_order="left")
            entity = world.entity(key)
            self._records[key] = counting(cells.wide(stored, "vals", self._lens.shapes, entity.columns, ABSENT), entity)
        return self._records[key]

    def _mapping(self, mapping: ResolvedMapping) -> LiveMapping:
        sources, targets = self._of(str(mapping.source)), self._of(str(mapping.target))
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
            rows=tuple(self._rows(mapping, linked, targets)),
        )

    def _reasons(self, mapping: ResolvedMapping, lost: pl.DataFrame) -> pl.DataFrame:
        """`#id`, `reason`: empty where there should be a counterpart."""
        planned = self._changes.filter((pl.col("entity") == str(mapping.target)) & (pl.col("kind") == "create"))
        told = lost.select("#id", "#cluster").join(planned, left_on="#cluster", right_on="cluster", how="left")
        open_ = self._undecided.filter(pl.col("entity") == str(mapping.target))["cluster"]
        default = (
            pl.when(pl.col("#cluster").is_in(open_.implode()))
            .then(pl.lit("it may be there already, only it is not certain which it is"))
            .otherwise(pl.lit("" if mapping.spec.create == "always" else "the document's rule asks for none"))
        )
        return told.select("#id", reason=pl.coalesce("reason", default))

    def _rows(self, mapping: ResolvedMapping, sources: pl.DataFrame, targets: pl.DataFrame) -> Iterator[LiveRow]:
        """All in a few queries; only those in which something differs are looked at one by one."""
        compared = {str(row.index): row for row in mapping.rows if not row.is_identity}
        here, there = (
            records.select("#cluster", "#id", *(self._said(row, side, records).alias(name) for name, row in compared.items()))
            for side, records in (("sources", sources), ("targets", targets))
        )
        both = here.join(there, on="#cluster", suffix="_there", maintain_order="left")
        judged = both.with_columns(verdict for name, row in compared.items() for verdict in self._verdicts(name, row))
        counts = judged.select(pl.len(), cs.boolean().sum()).row(0, named=True)
        for row in mapping.rows:
            name = str(row.index)
            source, target = (" + ".join(end.cell.text for end in ends) for ends in (row.sources, row.targets))
            if name not in compared:
                yield LiveRow(source, target, not row.spec.added, sources.height, 0, 0)
                continue
            pairs, differ, misfits = (counts[f"{name} {what}"] for what in ("pairs", "differ", "misfits"))
            told = LiveRow(source, target, not row.spec.added, pairs, differ, misfits)
            yield self._examined(told, row, mapping, judged) if differ or misfits else told

    def _verdicts(self, name: str, row: ResolvedRow) -> Iterator[pl.Expr]:
        """Whether a pair counts, differs, and has a misfit."""
        here, there = pl.col(name), pl.col(f"{name}_there")
        unfit = misfit(here) | misfit(there)
        said = ~unfit & opinion(here) & opinion(there)
        if self._through(row):
            # One of several properties that say the same: it counts where it is given.
            said &= here.is_not_null()
        yield said.alias(f"{name} pairs")
        yield (said & here.ne_missing(there)).alias(f"{name} differ")
        yield unfit.alias(f"{name} misfits")

    def _examined(self, told: LiveRow, row: ResolvedRow, mapping: ResolvedMapping, judged: pl.DataFrame) -> LiveRow:
        """With why pairs differ, and which they are where nothing explains it."""
        name = str(row.index)
        known = judged.filter(pl.col(f"{name} differ")).join(self._open(row, mapping), on="#cluster", how="left")
        unknown = known.filter(pl.col("reason").is_null())
        shown = unknown.select("#id", "#id_there", name, f"{name}_there").head(SHOWN)
        unfit = judged.filter(pl.col(f"{name} misfits"))
        return replace(
            told,
            reasons=dict(known.drop_nulls("reason")["reason"].value_counts(sort=True).iter_rows()),
            examples=tuple(f"{one}: {value!r}, {two}: {other!r}" for one, two, value, other in shown.iter_rows()),
            records=_named(mapping.source, pl.concat([unfit["#id"], unknown["#id"]])),
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
        source, target = (kinds_named(self._lens.world, ends[0]) for ends in (row.sources, row.targets))
        return row.sources[0].spec.references[0] if source and not source & target else None

    def _said(self, row: ResolvedRow, side: Literal["sources", "targets"], records: pl.DataFrame) -> pl.Expr | pl.Series:
        """In the words of the target, references as the clusters they name; on one side what an expression gives, if there is
        one.
        """
        ends = row.sources if side == "sources" else row.targets
        end = ends[0]
        if made := computed_by(row):
            formula, holds = made
            if holds in ends:
                return pl.col(holds.path)
            given = formula.over(records).to_frame("value")
            return given.select(fitted(pl.col("value"), holds.spec.type, holds.path)).to_series()
        if len(ends) > 1:
            value = joined([pl.col(one.path) for one in ends], row.spec.join or " ")
        elif row.is_plain and end.spec.references:
            return self._named(row, end, records)
        else:
            value = pl.col(end.path)
        if row.spec.values and side == "sources":
            value = replaced(value, {one: as_text(other) for one, other in row.spec.values.items()}, end.path)
        if zone := zone_of_days(row):
            return day_of(value, zone)
        if row.is_plain:
            value = fitted(value, row.targets[0].spec.type, end.path)
        return value

    def _named(self, row: ResolvedRow, end: Endpoint, records: pl.DataFrame) -> pl.Series:
        if end is row.sources[0] and (through := self._through(row)):
            links = self._lens.owners(end, through)
        else:
            entities = [f"{end.entity.system.system}.{to}" for to in end.spec.references]
            links = pl.concat([self._lens.links(key) for key in entities]).unique("value", keep="first", maintain_order=True)
        named = records.select(value=end.path).join(links, on="value", how="left", maintain_order="left")
        told = pl.col("found").cast(pl.String)
        unknown = pl.col("value").is_not_null() & opinion(pl.col("value")) & told.is_null()
        return named.select(
            pl.when(unknown).then(pl.lit(ABSENT)).when(told.is_not_null()).then(told).otherwise("value")
        ).to_series()


def _named(entity: EntityRef, ids: pl.Series) -> tuple[str, ...]:
    return tuple(f"{entity}/{id_}" for id_ in ids.head(SHOWN))
