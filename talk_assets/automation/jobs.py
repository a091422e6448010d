"""What can be launched, by a person with a button or by schedules and sensors."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from talk_assets.assets.agree import STEP as AGREE
from talk_assets.assets.agree import Agreeing
from talk_assets.assets.deliveries import STEP as DELIVER
from talk_assets.assets.deliveries import Delivering
from talk_assets.assets.graph import LINKS, Graph, changes_key, delivered_key, entity_key, golden_key, mapping_key
from talk_assets.assets.read import STEP as READ
from talk_assets.assets.read import Reading

SYNC, PLAN, DRY_RUN, REPLAN, PUSH, CHECKS = "sync", "plan", "dry_run", "replan", "push", "checks"
JOB, READS, READS_ALL, POLL = "talk/job", "talk/reads", "talk/reads_all", "talk/poll"
"""Tags of a run, for sensors to look for: its job, the one system that it reads, or all of, and whether it was to be read just
then.
"""


def jobs(graph: Graph) -> list[Any]:
    sources = dg.AssetSelection.assets(*(entity_key(entity) for entity in graph.entities))
    agreed = dg.AssetSelection.assets(*agreed_keys(graph))
    delivered = dg.AssetSelection.assets(*(delivered_key(entity) for entity in graph.written))
    links = dg.AssetSelection.assets(LINKS)
    return [
        _job(SYNC, "The whole way once: read all systems, agree, and write what is due.", sources | links | agreed | delivered),
        _job(
            PLAN,
            "Read systems, agree and plan. Nothing is written here; the sensor `push` writes what is ready.",
            sources | links | agreed,
        ),
        _job(
            DRY_RUN,
            "Read all systems and plan, and have nothing written: the sensor `push` leaves this plan alone, until a schedule "
            "or `poll` plans the same. See it in the `…_changes` assets, or with `talk plan`.",
            sources | links | agreed,
            dg.RunConfig(ops={AGREE: Agreeing(dry_run=True)}),
        ),
        _job(REPLAN, "Agree and plan again from what is known, without reading any system.", links | agreed),
        _job(
            PUSH,
            "Write what is planned. To see what would be sent, set `dry_run: true` in the launchpad.",
            delivered,
            dg.RunConfig(ops={DELIVER: Delivering()}),
        ),
        _job(
            CHECKS,
            "Look at all records and say whether every mapping is linked, in sync, typed and unique.",
            dg.AssetSelection.checks_for_assets(*(mapping_key(one) for one in graph.resolved.mappings)),
        ),
    ]


def kind_of(run: dg.DagsterRun) -> dict[str, str]:
    """The tags of runs that do the same, one after the other."""
    return {tag: run.tags[tag] for tag in (JOB, READS, POLL) if tag in run.tags}


def agreed_keys(graph: Graph) -> list[dg.AssetKey]:
    """What the step `agree` makes."""
    return [
        *(golden_key(subject.name) for subject in graph.subjects),
        *(mapping_key(mapping) for mapping in graph.resolved.mappings),
        *(changes_key(entity) for entity in graph.written),
    ]


def reading_config(*, full: bool = False) -> dg.RunConfig:
    """Of a run that nobody waits for: what has no news is not reported."""
    return dg.RunConfig(ops={READ: Reading(full=full, only_news=True), AGREE: Agreeing(only_news=True)})


def replanning_config(subjects: Iterable[str]) -> dg.RunConfig:
    return dg.RunConfig(ops={READ: Reading(), AGREE: Agreeing(only_news=True, subjects=sorted(subjects))})


def pushing_config() -> dg.RunConfig:
    return dg.RunConfig(ops={DELIVER: Delivering(only_news=True)})


def _job(name: str, description: str, selection: dg.AssetSelection, config: dg.RunConfig | None = None) -> Any:
    return dg.define_asset_job(name, selection, description=description, config=config, tags={JOB: name})
