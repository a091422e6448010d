"""The graph that Dagster loads: what there is, what it is called, and what it says of itself."""

import re
import shutil
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from talk_assets.definitions import definitions
from tests.specs.samples import ALPHA, BETA, SOUND_FLOW

SPECS = Path("mapping_specs").absolute()


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return definitions(SPECS)


@pytest.fixture(scope="module")
def specs(loaded: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in loaded.resolve_all_asset_specs()}


def broken(folder: Path) -> Path:
    """Two sound systems, a sound dataflow, and one that is no YAML."""
    for name, text in {"alpha": ALPHA, "beta": BETA, "flow": SOUND_FLOW, "my broken-flow": "source: ["}.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_everything_of_the_project_is_in_the_graph_and_loads(loaded: dg.Definitions, specs: dict[str, dg.AssetSpec]):
    dg.Definitions.validate_loadable(loaded)
    groups: dict[str, int] = {}
    for spec in specs.values():
        group = str(spec.group_name).split("/")[0]
        groups[group] = groups.get(group, 0) + 1
    assert groups == {"sources": 24, "hub": 1, "golden": 8, "dataflows": 18, "writes": 48}


def test_the_graph_reads_from_what_is_read_to_what_is_written(specs: dict[str, dg.AssetSpec]):
    way = [
        "poweroffice_go/salesorders",
        "hub/links",
        "golden/order",
        "powerofficego_invoiced/salesorders_invoices",
        "invoiced/invoices_changes",
        "invoiced/invoices_delivered",
    ]
    for before, after in pairwise(way):
        assert before in {dep.asset_key.to_user_string() for dep in specs[after].deps}


def test_a_mapping_says_what_its_document_says(specs: dict[str, dg.AssetSpec]):
    said = specs["powerofficego_invoiced/customers_customers_company"].description or ""
    assert said.startswith("Every Powerofficego Customers will be synchronized with a ")
    assert "it will keep in sync between the two systems, regardless of where it is edited." in said


def test_a_mapping_shows_its_rows_their_lineage_and_the_place_of_its_spec(specs: dict[str, dg.AssetSpec]):
    metadata = specs["powerofficego_invoiced/salesorders_invoices"].metadata
    rows = metadata["rows"].records
    assert {row.data["target"] for row in rows if row.data["in the document"]} >= {"customer"}
    lineage = metadata["dagster/column_lineage"].deps_by_column["customer"]
    assert {dep.column_name for dep in lineage} == {"CustomerId", "CustomerReferenceContactPersonId"}
    columns = {column.name: column for column in metadata["dagster/column_schema"].columns}
    assert columns.keys() == metadata["dagster/column_lineage"].deps_by_column.keys()
    assert columns["date"].type == "date"
    assert columns["customer"].description.startswith("From CustomerId, CustomerReferenceContactPersonId.")
    (reference,) = metadata["dagster/code_references"].code_references
    lines = Path(reference.file_path).read_text().splitlines()
    assert "source: salesorders" in lines[reference.line_number - 1]


def test_each_source_goes_out_of_date_after_some_of_its_readings_were_missed(specs: dict[str, dg.AssetSpec]):
    windows = {
        name: specs[name].freshness_policy.fail_window.to_timedelta().total_seconds() / 60  # type: ignore[union-attr]
        for name in ("poweroffice_go/customers", "crm_office/contacts")
    }
    assert windows == {"poweroffice_go/customers": 3 * 5 + 20, "crm_office/contacts": 3 * 30 + 20}


def test_every_mapping_has_its_four_checks(loaded: dg.Definitions):
    keys = loaded.resolve_asset_graph().asset_check_keys
    named: dict[str, int] = {}
    for key in keys:
        named[key.name] = named.get(key.name, 0) + 1
    assert named == {"linked": 18, "in_sync": 18, "typed": 18, "unique": 18, "all_read": 1}


def test_nothing_runs_by_itself_until_it_is_switched_on(loaded: dg.Definitions):
    repository = loaded.get_repository_def()
    assert {one.default_status for one in repository.sensor_defs} == {dg.DefaultSensorStatus.STOPPED}
    assert {one.default_status for one in repository.schedule_defs} == {dg.DefaultScheduleStatus.STOPPED}


def test_everything_runs_where_it_is_switched_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TALK_AUTOMATION", "on")
    monkeypatch.setenv("TALK_POLL_SECONDS", "10")
    repository = definitions(SPECS).get_repository_def()
    assert {one.default_status for one in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}
    assert {one.default_status for one in repository.schedule_defs} == {dg.DefaultScheduleStatus.RUNNING}


def test_systems_are_polled_only_where_somebody_says_how_often(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TALK_AUTOMATION", "on")
    repository = definitions(SPECS).get_repository_def()
    stopped = {one.name for one in repository.sensor_defs if one.default_status is dg.DefaultSensorStatus.STOPPED}
    assert stopped == {"poll"}


def test_a_broken_spec_shows_as_an_asset_and_leaves_the_rest_on_the_graph(tmp_path: Path):
    loaded = definitions(broken(tmp_path))
    dg.Definitions.validate_loadable(loaded)
    specs = {spec.key.to_user_string(): spec for spec in loaded.resolve_all_asset_specs()}
    assert "not valid YAML" in (specs["invalid_specs/my_broken_flow"].description or "")
    assert {"alpha/company", "hub/links", "flow/company_customer"} <= specs.keys()


@pytest.mark.parametrize(
    "setting", ['schedule: "99 * * * *"', "time_zone: Europe/Osslo", 'full_sweep: "0 0 31 2 *"'], ids=["cron", "zone", "day"]
)
def test_a_time_that_dagster_would_refuse_takes_its_schedules_off_the_graph_and_nothing_else(tmp_path: Path, setting: str):
    shutil.copytree(SPECS, tmp_path / "specs")
    file = tmp_path / "specs" / "systems" / "custom_erp.yaml"
    name = setting.partition(":")[0]
    kept = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith(f"{name}:")]
    file.write_text("\n".join([*kept, setting, ""]), encoding="utf-8")
    loaded = definitions(tmp_path / "specs")
    dg.Definitions.validate_loadable(loaded)
    specs = {spec.key.to_user_string(): spec for spec in loaded.resolve_all_asset_specs()}
    assert {"invalid_specs/custom_erp", "custom_erp/customer", "poweroffice_go/customers"} <= specs.keys()
    schedules = {one.name for one in loaded.get_repository_def().schedule_defs}
    assert "read_custom_erp" not in schedules
    assert "read_poweroffice_go" in schedules


def renamed(folder: Path, names: Mapping[str, str], flow: str = "flow") -> dict[str, dg.AssetSpec]:
    """What is on the graph of two sound systems and a sound dataflow, in which some things are called otherwise."""
    (folder / "dataflows").mkdir()
    for name, text in {"alpha": ALPHA, "beta": BETA, f"dataflows/{flow}": SOUND_FLOW}.items():
        for old, new in names.items():
            text = re.sub(rf"\b{old}\b", new, text)  # noqa: PLW2901
        (folder / f"{name}.yaml").write_text(text)
    loaded = definitions(folder)
    dg.Definitions.validate_loadable(loaded)
    return {spec.key.to_user_string(): spec for spec in loaded.resolve_all_asset_specs()}


@pytest.mark.parametrize("name", ["customer_changes", "customer_delivered"])
def test_an_entity_called_like_the_writes_to_another_shows_as_an_error_and_leaves_the_rest(tmp_path: Path, name: str):
    specs = renamed(tmp_path, {"person": name})
    said = specs["invalid_specs/beta"].description or ""
    line = next(number for number, text in enumerate(BETA.splitlines(), 1) if text == "  person:")
    assert f"beta.yaml:{line}:3: error [name-taken] the entity beta.{name} would be shown as beta/{name}" in said
    assert {"beta/customer", "flow/company_customer"} <= specs.keys()
    assert specs[f"beta/{name}"].group_name == "writes/beta"


@pytest.mark.parametrize("name", ["hub", "golden", "invalid_specs", "engine", "state"])
def test_a_system_called_like_something_of_ours_shows_as_an_error_and_leaves_the_rest(tmp_path: Path, name: str):
    specs = renamed(tmp_path, {"beta": name})
    assert "call the system otherwise" in (specs["invalid_specs/beta"].description or "")
    assert "alpha/company" in specs


def test_a_mapping_called_like_an_entity_shows_as_an_error_and_leaves_the_rest(tmp_path: Path):
    specs = renamed(tmp_path, {"order": "company_customer"}, flow="beta")
    assert "the mapping alpha.company → beta.customer would be" in (specs["invalid_specs/beta"].description or "")
    assert "beta/contact_person" in specs


def test_a_subject_called_like_the_second_of_another_is_told_apart(tmp_path: Path):
    more = "source: alpha\ntarget: beta\nmappings:\n  - {source: deal, target: order, create: never}\n"
    (tmp_path / "more.yaml").write_text(more)
    specs = renamed(tmp_path, {"subject: contact": "subject: customer", "subject: order": "subject: customer_2"})
    assert {"golden/customer", "golden/customer_2", "golden/customer_2_2"} <= specs.keys()


def test_two_rows_between_the_same_properties_make_one_column(tmp_path: Path):
    shutil.copytree(SPECS, tmp_path / "specs")
    file = tmp_path / "specs" / "dataflows" / "customerp_powerofficego.yaml"
    row = "      - {source: code, target: Code, added: true}\n"
    text = file.read_text(encoding="utf-8")
    place = text.index("    properties:\n", text.index("  - source: product\n")) + len("    properties:\n")
    file.write_text(f"{text[:place]}{row}{row}{text[place:]}", encoding="utf-8")
    dg.Definitions.validate_loadable(definitions(tmp_path / "specs"))


def test_an_empty_folder_loads_and_says_what_is_missing(tmp_path: Path):
    loaded = definitions(tmp_path)
    dg.Definitions.validate_loadable(loaded)
    (spec,) = loaded.resolve_all_asset_specs()
    assert "there is no spec here" in (spec.description or "")
