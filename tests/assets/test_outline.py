"""The graph in Dagster's UI before any data has moved."""

from pathlib import Path

import dagster as dg

from talk_assets.assets.outline import outline
from talk_assets.definitions import defs
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.resolve import resolve
from talk_assets.specs.verify import verify
from tests.specs.samples import ALPHA, BETA, SOUND_FLOW


def test_every_entity_and_mapping_of_the_project_is_in_the_graph():
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    groups: dict[str, int] = {}
    for spec in loaded.resolve_all_asset_specs():
        group = str(spec.group_name).split("/")[0]
        groups[group] = groups.get(group, 0) + 1
    assert groups == {"sources": 24, "dataflows": 18}


def test_a_mapping_depends_on_both_of_its_entities():
    specs = {spec.key.to_user_string(): spec for spec in defs().resolve_all_asset_specs()}
    invoices = specs["powerofficego_invoiced/salesorders_invoices"]
    assert {dep.asset_key.to_user_string() for dep in invoices.deps} == {"poweroffice_go/salesorders", "invoiced/invoices"}
    assert invoices.description == "Keeps every PowerOffice GO Salesorders in step with a Invoiced Invoices."


def test_a_broken_spec_shows_as_an_asset_and_leaves_the_rest_alone(tmp_path: Path):
    for name, text in {"alpha": ALPHA, "beta": BETA, "flow": SOUND_FLOW, "my broken-flow": "source: ["}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    resolved = resolve(load_catalog(tmp_path))
    specs = {spec.key.to_user_string(): spec for spec in outline(resolved, verify(resolved))}
    assert len(specs) == 6 + 2 + 1
    assert "not valid YAML" in (specs["invalid_specs/my_broken_flow"].description or "")
