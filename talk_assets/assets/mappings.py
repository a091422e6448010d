"""What each section of a dataflow document asks for: one asset for each mapping, in the document's own words."""

from collections.abc import Iterator

import dagster as dg

from talk_assets.assets.graph import Graph, entity_key, golden_key, mapping_key, spec_link
from talk_assets.assets.showing import IN_STEP, column, next_step
from talk_assets.operator.figures import Due
from talk_assets.operator.qa.live import LiveMapping
from talk_assets.specs.convert import section_from_mapping
from talk_assets.specs.document import grammar
from talk_assets.specs.resolve import ResolvedMapping, ResolvedRow

_DIRECTIONS = {"both": "both ways", "to_target": "→", "to_source": "←"}


def mapping_spec(graph: Graph, mapping: ResolvedMapping) -> dg.AssetSpec:
    source, target = mapping.source, mapping.target
    subject = graph.subject_of[source.key]
    return dg.AssetSpec(
        key=mapping_key(mapping),
        deps=[golden_key(subject)],
        group_name=f"dataflows/{mapping.dataflow}",
        description="\n\n".join(_words(mapping)),
        kinds={"polars", "yaml"},
        owners=sorted({f"team:{source.system.system}", f"team:{target.system.system}"}),
        tags={"talk/stage": "translate", "talk/dataflow": mapping.dataflow, "talk/subject": subject},
        skippable=True,
        metadata={
            "source": str(source),
            "target": str(target),
            "documented rows": sum(not row.spec.added for row in mapping.rows),
            "added rows": sum(row.spec.added for row in mapping.rows),
            **({"rows": dg.MetadataValue.table([_row(row) for row in mapping.rows])} if mapping.rows else {}),
            **({"match rules": dg.MetadataValue.md("\n".join(_rules(mapping)))} if mapping.matches else {}),
            **_columns(mapping),
            **spec_link(mapping.loaded, "mapping spec", "mappings", mapping.index),
        },
    )


def mapping_result(mapping: ResolvedMapping, target: Due, live: LiveMapping | None) -> dg.MaterializeResult:
    found = (
        {
            "dagster/row_count": live.records,
            "records": live.records,
            "linked": live.linked,
            "without counterpart": live.records - live.linked,
            "differing": sum(row.differ for row in live.rows),
            "explained": sum(sum(row.reasons.values()) for row in live.rows),
        }
        if live
        else {}
    )
    return dg.MaterializeResult(
        asset_key=mapping_key(mapping),
        data_version=IN_STEP,
        metadata={
            **found,
            "on their way": target.ready + target.unsettled,
            "waiting": target.waiting,
            "held": target.held,
            **next_step(f"Each row, with evidence: `talk qa --live`; one record: `talk why {mapping.source.key}/ID`"),
        },
    )


def _words(mapping: ResolvedMapping) -> Iterator[str]:
    """The sentences of the document's section, where it came from one."""
    document = mapping.loaded.spec.document
    if document is None:
        yield (
            f"Keeps every {mapping.source.system.title} {mapping.source.spec.title} in step with a "
            f"{mapping.target.system.title} {mapping.target.spec.title}."
        )
        return
    section = section_from_mapping(mapping.spec, document.title)
    a, b = section.source, section.target
    yield grammar.rule(section.rule, a, b)
    if section.connected:
        yield grammar.connected(section.connected, a, b)
    if section.match_or_create:
        yield " ".join(grammar.match_or_create(a, b))
    yield grammar.once(a, b)


def _row(row: ResolvedRow) -> dg.TableRecord:
    source, target = (" + ".join(end.cell.text for end in ends) for ends in (row.sources, row.targets))
    return dg.TableRecord(
        {
            "source": source,
            "target": target,
            "direction": "identity" if row.is_identity else _DIRECTIONS[row.spec.direction],
            "in the document": not row.spec.added,
        }
    )


def _rules(mapping: ResolvedMapping) -> Iterator[str]:
    for match in mapping.matches:
        pairs = " and ".join(f"`{a.path}` = `{b.path}`" for a, b in match.pairs)
        yield f"- {pairs}{'' if not match.spec.added else ' (added)'}"


def _columns(mapping: ResolvedMapping) -> dict[str, dg.TableSchema | dg.TableColumnLineage]:
    """What rows write; several may make one column. Dagster draws whence it comes in its paid edition only, so it is said."""
    source = entity_key(mapping.source)
    columns: dict[str, dict[str, None]] = {}
    for row in mapping.rows:
        for target in row.targets:
            columns.setdefault(target.path, {}).update(dict.fromkeys(end.path for end in row.sources))
    schema = [column(target, mapping.target.prop(target), f"From {', '.join(paths)}.") for target, paths in columns.items()]
    lineage = {target: [dg.TableColumnDep(source, path) for path in paths] for target, paths in columns.items()}
    return {"dagster/column_schema": dg.TableSchema(schema), "dagster/column_lineage": dg.TableColumnLineage(lineage)}
