"""What each system should be told: planned writes, one asset for each entity that takes them."""

import dagster as dg

from talk_assets.assets.graph import Graph, changes_key, mapping_key
from talk_assets.assets.showing import IN_STEP, counts, next_step, table
from talk_assets.operator.figures import Due
from talk_assets.specs.resolve import EntityRef

READY, UNSETTLED, DRY_RUN = "ready", "unsettled", "dry run"
"""Metadata that the sensors go by."""


def changes_spec(graph: Graph, entity: EntityRef) -> dg.AssetSpec:
    system = entity.system
    return dg.AssetSpec(
        key=changes_key(entity),
        deps=[mapping_key(mapping) for mapping in graph.mappings_of(entity)],
        group_name=f"writes/{system.system}",
        description=f"The smallest writes that would bring {system.title} {entity.spec.title} in step, each with its reason: "
        "ready, waiting for another record, held for a person, or refused by what the API can take. Planning sends nothing.",
        kinds={system.system, "duckdb"},
        owners=[f"team:{system.system}"],
        tags={"talk/stage": "plan", "talk/system": system.system, "talk/subject": graph.subject_of[entity.key]},
        skippable=True,
    )


def changes_result(entity: EntityRef, due: Due, sample: list[dict[str, str]], *, dry_run: bool) -> dg.MaterializeResult:
    if due.held:
        todo = "`talk holds` shows what waits for a person"
    elif due.ready:
        then = "a dry run has none of them sent" if dry_run else "the sensor `push` sends them"
        todo = f"`talk plan` shows each write with its values; {then}"
    else:
        todo = "Nothing is due."
    return dg.MaterializeResult(
        asset_key=changes_key(entity),
        data_version=IN_STEP,
        metadata={
            "dagster/row_count": due.creates + due.updates,
            **counts(due),
            DRY_RUN: dry_run,
            **table(sample),
            **next_step(todo),
        },
    )
