"""What each system keeps: one asset for each entity."""

import dagster as dg

from talk_assets.assets.freshness import freshness
from talk_assets.assets.graph import Graph, entity_key, spec_link
from talk_assets.assets.showing import IN_STEP, column, counts, next_step, seconds, table
from talk_assets.operator.figures import Kept
from talk_assets.specs.resolve import EntityRef
from talk_assets.sync.collect import Collected


def entity_spec(graph: Graph, entity: EntityRef) -> dg.AssetSpec:
    system = entity.system
    is_used = entity.key in graph.subject_of
    unused = "" if is_used else " No mapping uses it, so it is not read."
    return dg.AssetSpec(
        key=entity_key(entity),
        group_name=f"sources/{system.system}",
        description=f"{system.title} {entity.spec.title}, as last read. {entity.spec.description}{unused}".strip(),
        kinds={system.system, "duckdb"},
        owners=[f"team:{system.system}"],
        tags={"talk/stage": "collect", "talk/system": system.system, "talk/subject": graph.subject_of.get(entity.key, "none")},
        skippable=is_used,
        freshness_policy=freshness(system.schedule) if is_used and system.system not in graph.untimed else None,
        metadata={
            "dagster/column_schema": dg.TableSchema([column(path, prop) for path, prop in entity.spec.properties.items()]),
            "read at": f"{system.schedule} ({system.time_zone}); all of it at {system.full_sweep}",
            **spec_link(graph.resolved.catalog.systems[system.system], "system spec", "entities", entity.name),
        },
    )


def entity_result(
    entity: EntityRef, reading: tuple[Collected, float], kept: Kept, sample: list[dict[str, str]]
) -> dg.MaterializeResult:
    """`reading`: what was read, and the seconds that it took."""
    read, took = reading
    return dg.MaterializeResult(
        asset_key=entity_key(entity),
        data_version=IN_STEP,
        metadata={
            "dagster/row_count": kept.records,
            "read": read.seen,
            "new": read.new,
            "changed": read.changed,
            "gone": read.gone,
            "pages": read.pages,
            "complete": read.complete,
            **counts(kept),
            **seconds(took),
            **(
                {"problems": dg.MetadataValue.md("\n".join(f"- {problem}" for problem in read.problems))}
                if read.problems
                else {}
            ),
            **table(sample),
            **next_step(f"Why a record is as it is: `talk why {entity.key}/ID`"),
        },
    )
