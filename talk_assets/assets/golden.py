"""What all systems agree on: one asset for each kind of thing."""

import dagster as dg

from talk_assets.assets.graph import LINKS, golden_key
from talk_assets.assets.showing import IN_STEP, counts, next_step, seconds, table
from talk_assets.operator.figures import Agreed
from talk_assets.specs.topology import Subject


def golden_spec(subject: Subject) -> dg.AssetSpec:
    entities = ", ".join(f"{entity.system.title} {entity.spec.title}" for entity in subject.entities)
    return dg.AssetSpec(
        key=golden_key(subject.name),
        deps=[LINKS],
        group_name="golden",
        description=f"The agreed value of every field of each {subject.name}, with where it came from. An edit in one system "
        "wins over what the others still hold; of contradicting edits the newest, and the others are kept to look at.\n\n"
        f"Known as: {entities}.",
        kinds={"duckdb", "polars"},
        tags={"talk/stage": "merge", "talk/subject": subject.name},
        skippable=True,
    )


def golden_result(subject: str, agreed: Agreed, sample: list[dict[str, str]], took: float) -> dg.MaterializeResult:
    todo = (
        "`talk conflicts` shows what won over what"
        if agreed.conflicting
        else "Where a value comes from: `talk why SYSTEM.ENTITY/ID PROPERTY`"
    )
    return dg.MaterializeResult(
        asset_key=golden_key(subject),
        data_version=IN_STEP,
        metadata={
            "dagster/row_count": agreed.things,
            **counts(agreed),
            **seconds(took),
            **table(sample),
            **next_step("`talk holds` shows what goes back and forth or does not fit" if agreed.held else todo),
        },
    )
