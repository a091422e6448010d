"""Which records are the same thing."""

from collections.abc import Collection, Mapping

import dagster as dg

from talk_assets.assets.graph import LINKS, Graph, entity_key
from talk_assets.assets.showing import IN_STEP, next_step, report_check, seconds
from talk_assets.operator.figures import Kept
from talk_assets.sync.linking import LinkReport

ALL_READ = dg.AssetCheckSpec(
    "all_read",
    asset=LINKS,
    description="Every system was read, also when it was to be the last time. What could not is read again by the next run.",
)
_NOT_READ = "not read"
_NEVER = "never read"
_LATEST = 20
"""Among so many is one that was answered: others are planned only, by runs that are under way or were killed."""


def links_spec(graph: Graph) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=LINKS,
        deps=[entity_key(entity) for entity in graph.entities],
        group_name="hub",
        description="Which records are the same thing, by the match rules of the documents and by what was created for what. "
        "What could be several things is not guessed: it waits for a person.",
        kinds={"duckdb", "polars"},
        tags={"talk/stage": "link"},
        skippable=True,
    )


def links_result(report: LinkReport, kept: dict[str, Kept], took: float) -> dg.MaterializeResult:
    ambiguous = sum(one.ambiguous for one in kept.values())
    todo = (
        "Not certain what is meant: `talk holds`, then `talk link`"
        if ambiguous
        else "What is linked with what: `talk why SYSTEM.ENTITY/ID`"
    )
    return dg.MaterializeResult(
        asset_key=LINKS,
        data_version=IN_STEP,
        metadata={
            "newly linked": report.linked,
            "linked": sum(one.linked for one in kept.values()),
            "ambiguous": ambiguous,
            **seconds(took),
            **next_step(todo),
        },
    )


def not_read(
    instance: dg.DagsterInstance, asked: Collection[str], failed: Mapping[str, str], never: Collection[str]
) -> dict[str, str]:
    """Why entities were not read when they were to be the last time: those `asked` for now, others before, and those that were
    `never` to be.
    """
    before = {key: reason for key, reason in (_told(instance) or {}).items() if key not in asked and reason != _NEVER}
    return before | dict(failed) | dict.fromkeys(never, _NEVER)


def _told(instance: dg.DagsterInstance) -> Mapping[str, str] | None:
    """The last answer: reasons by entity; none was given yet."""
    for one in instance.event_log_storage.get_asset_check_execution_history(ALL_READ.key, limit=_LATEST):
        told = one.event and one.event.dagster_event and one.event.dagster_event.event_specific_data
        if isinstance(told, dg.AssetCheckEvaluation):
            found = told.metadata.get(_NOT_READ)
            return found.value if isinstance(found, dg.JsonMetadataValue) and isinstance(found.value, dict) else {}
    return None


def tell_all_read(instance: dg.DagsterInstance, failed: dict[str, str], *, again: bool = False) -> None:
    """For runs that come again and again: said only when it is another answer than the last one, or `again` since Dagster takes
    no answer from before a materialisation for one.
    """
    if again or is_otherwise(instance, failed):
        report_check(instance, all_read(failed))


def is_otherwise(instance: dg.DagsterInstance, failed: Mapping[str, str]) -> bool:
    """Whether this is another answer than the last one."""
    last = _told(instance)
    return last is None or failed.keys() != last.keys()


def all_read(failed: dict[str, str]) -> dg.AssetCheckResult:
    """`failed`: reasons by entity."""
    todo = (
        "Launch the job `sync`, which reads all systems."
        if _NEVER in failed.values()
        else "Check the address and the login of these systems; `talk specs conform SYSTEM` tries them."
    )
    return dg.AssetCheckResult(
        asset_key=LINKS,
        check_name=ALL_READ.name,
        passed=not failed,
        description=todo if failed else None,
        metadata={_NOT_READ: dg.MetadataValue.json(failed)} if failed else {},
    )
