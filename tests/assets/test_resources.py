"""Systems as Dagster resources: secrets by the names of their variables, and nowhere else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value

from talk_assets.assets.engine import Engine, engine_over
from talk_assets.assets.resources import SystemResource, system_resource
from talk_assets.definitions import definitions
from talk_assets.sandbox.serve import Sandbox, start
from talk_assets.specs.read import load_system
from talk_assets.systems.errors import BadSetup
from talk_assets.systems.secrets import names
from tests.assets.studio import words

SPECS = {path.stem: load_system(path).spec for path in Path("mapping_specs/systems").glob("*.yaml")}
CANARY = "canary-4711"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start(size=5, rate_limits=False) as running:
        yield running


def run(asset: dg.AssetsDefinition, resource: SystemResource, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return dg.materialize([asset], resources={"system": resource}, instance=instance, raise_on_error=False)


@dg.asset
def departments(system: SystemResource) -> dg.MaterializeResult:
    """Reads one entity through the resource."""
    with system.connect() as connection:
        count = sum(len(page) for page in connection.reader("departments").sweep())
    return dg.MaterializeResult(metadata={"read": count})


def test_an_asset_reads_a_system_through_its_resource(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    for name, value in sandbox.variables.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(departments, system_resource(SPECS["poweroffice_go"]), instance)
    (materialisation,) = result.asset_materializations_for_node("departments")
    assert materialisation.metadata["read"].value == 8


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_system_has_a_resource(name: str):
    resource = system_resource(SPECS[name])
    assert type(resource).__name__.endswith("Resource")
    assert resource.spec.system == name


def test_all_missing_variables_of_a_system_are_named_at_once(monkeypatch: pytest.MonkeyPatch):
    needed = names(SPECS["poweroffice_go"])
    for name in needed:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadSetup) as failure:
        dg.materialize([departments], resources={"system": system_resource(SPECS["poweroffice_go"])})
    assert all(name in str(failure.value) for name in needed)


def test_all_missing_variables_of_all_systems_are_named_where_definitions_load_and_by_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    for spec in SPECS.values():
        for name in names(spec):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TALK_HUB", f"duckdb:{tmp_path / 'hub.duckdb'}")
    loaded = definitions(Path("mapping_specs"))
    job = loaded.resolve_job_def("sync")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    lacking = {name for spec in SPECS.values() for name in names(spec)}
    (said,) = words(result)
    for text in (said, caplog.text):
        assert all(name in text for name in lacking)
    assert len(said.splitlines()) == 1


def test_no_secret_reaches_config_logs_or_the_event_log(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    """A login that fails, at DEBUG, with the resource printed on the way: every place a secret has leaked elsewhere."""
    for name, value in sandbox.variables.items():
        monkeypatch.setenv(name, value if name.endswith("_URL") else f"{CANARY}-{name}")
    resource = system_resource(SPECS["poweroffice_go"])

    @dg.asset
    def telling(context: dg.AssetExecutionContext, system: SystemResource) -> None:
        context.log.info("%r %s", system, system)
        with system.connect() as connection:
            context.log.info("%r", connection)
            list(connection.reader("departments").sweep())

    with dg.DagsterInstance.ephemeral() as instance, caplog.at_level("DEBUG"):
        result = run(telling, resource, instance)
        events = [str(event) + event.to_json() for event in instance.all_logs(result.run_id)]
    assert not result.success
    assert any("departments" in event or "OAuth" in event or "token" in event.lower() for event in events)
    config = repr(resource) + str(resource)
    printed = "".join(capfd.readouterr()) + caplog.text
    for text in (*events, config, printed):
        assert CANARY not in text


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars` is deprecated")
def test_no_secret_is_in_what_dagster_shows_of_the_definitions(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    """Nor the password in the address of a DuckLake."""
    for name, value in sandbox.variables.items():
        monkeypatch.setenv(name, value if name.endswith("_URL") else f"{CANARY}-{name}")
    monkeypatch.setenv("TALK_HUB", f"ducklake:postgres:dbname=hub password={CANARY}?data=/nowhere")
    repository = definitions(Path("mapping_specs")).get_repository_def()
    shown = serialize_value(RepositorySnap.from_def(repository))
    assert "TALK_HUB" in shown
    assert CANARY not in shown


def test_a_launchpad_that_sets_some_of_the_engine_leaves_the_rest_as_it_is(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Else a run on another hub would go by whatever specs lie in the folder that Dagster was started in."""
    for name, value in sandbox.variables.items():
        monkeypatch.setenv(name, value)
    shutil.copytree("mapping_specs", tmp_path / "specs")
    (tmp_path / "specs" / "dataflows" / "crmoffice_powerofficego.yaml").unlink()
    job = definitions(tmp_path / "specs").resolve_job_def("push")
    config = {"resources": {"engine": {"config": {"hub": f"duckdb:{tmp_path / 'other.duckdb'}"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(config, instance=instance, raise_on_error=False)
    (said,) = words(result)
    assert "never read" in said
    assert "invoiced.invoices" in said
    assert "crm_office" not in said


def test_a_step_talks_to_systems_by_their_resources(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The secrets come from the resources, not from whatever else the environment holds."""
    for name, value in sandbox.variables.items():
        monkeypatch.setenv(name, value)
    systems = {name: system_resource(spec) for name, spec in SPECS.items()}
    engine = engine_over(systems, specs="mapping_specs", hub=f"duckdb:{tmp_path / 'hub.duckdb'}", state=str(tmp_path / "state"))

    @dg.asset
    def looking(context: dg.AssetExecutionContext, engine: dg.ResourceParam[Engine]) -> dg.MaterializeResult:
        monkeypatch.delenv("POWEROFFICE_GO_CLIENT_KEY")
        with engine.online(context) as world:
            pages = world.connection("poweroffice_go.departments").reader("departments").sweep()
            return dg.MaterializeResult(metadata={"read": sum(len(page) for page in pages)})

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([looking], resources={"engine": engine}, instance=instance)
    (materialisation,) = result.asset_materializations_for_node("looking")
    assert materialisation.metadata["read"].value == 8
