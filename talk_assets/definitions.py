"""What Dagster loads."""

import logging
import os
from pathlib import Path

import dagster as dg

from talk_assets.assets.agree import agree_assets
from talk_assets.assets.deliveries import delivery_assets
from talk_assets.assets.engine import engine_over
from talk_assets.assets.entities import entity_spec
from talk_assets.assets.graph import Graph
from talk_assets.assets.invalid import invalid_specs
from talk_assets.assets.read import read_assets
from talk_assets.assets.resources import system_resource, what_is_missing
from talk_assets.automation.alert import alert_sensor
from talk_assets.automation.forget import forget_sensor
from talk_assets.automation.jobs import jobs
from talk_assets.automation.poll import poll_sensor
from talk_assets.automation.schedules import schedules
from talk_assets.automation.sensors import push_sensor, replan_sensor
from talk_assets.automation.standing import Standing
from talk_assets.operator.project import HUB
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.specs.verify import verify
from talk_assets.specs.verify.names import apart

SPECS = Path(__file__).parent.parent / "mapping_specs"
_LOG = logging.getLogger(__name__)


@dg.definitions
def defs() -> dg.Definitions:
    return definitions(Path(os.environ.get("TALK_SPECS", SPECS)))


def definitions(specs: Path) -> dg.Definitions:
    """All that a folder of specs asks for."""
    standing = Standing(specs)
    resolved = resolve(load_catalog(specs))
    problems = verify(resolved)
    wrong = {problem.place.file for problem in problems if problem.code == "bad-setting"}
    graph = Graph(apart(resolved), frozenset(key for key, loaded in resolved.catalog.systems.items() if loaded.file in wrong))
    why_not = standing.why_not(graph, problems)
    unused = [entity_spec(graph, entity) for entity in graph.resolved.entities.values() if entity.key not in graph.subject_of]
    systems = {key: system_resource(loaded.spec) for key, loaded in resolved.catalog.systems.items()}
    if lacking := what_is_missing((resolved.catalog.systems[key].spec for key in graph.systems), os.environ):
        _LOG.warning(lacking)
    working = [read_assets(graph), agree_assets(graph), delivery_assets(graph)]
    return dg.Definitions(
        assets=[
            *(working if graph.entities else ()),
            *unused,
            *invalid_specs(problems),
        ],
        jobs=jobs(graph) if graph.entities else [],
        schedules=list(schedules(graph, why_not)),
        sensors=[
            push_sensor(graph, why_not),
            replan_sensor(graph, why_not),
            poll_sensor(graph, why_not),
            forget_sensor(),
            alert_sensor(),
        ]
        if graph.entities
        else [],
        resources={
            "engine": engine_over(
                {key: systems[key] for key in graph.systems},
                specs=str(specs),
                # By its name: an address may hold a password, and the browser shows what is set here.
                hub=dg.EnvVar("TALK_HUB") if os.environ.get("TALK_HUB") else HUB,
                state=os.environ.get("TALK_STATE", ""),
            ),
            **systems,
        },
        executor=dg.in_process_executor,
    )
