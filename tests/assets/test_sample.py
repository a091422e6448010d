from pathlib import Path

import dagster as dg
import pytest

from talk_assets.definitions import definitions
from talk_assets.sandbox.serve import start


def test_a_product_of_customerp_is_planned_for_poweroffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with start(size=0, rate_limits=False) as sandbox, dg.DagsterInstance.ephemeral() as instance:
        for name, value in {**sandbox.variables, "TALK_HUB": f"duckdb:{tmp_path}/hub.duckdb"}.items():
            monkeypatch.setenv(name, value)
        sandbox.systems["custom_erp"].add("product", {"code": "H-1", "name": "Hammer"})
        plan = definitions(Path("mapping_specs")).resolve_job_def("plan")
        result = plan.execute_in_process(instance=instance)
    told = {one.asset_key.to_user_string(): one.metadata for one in result.asset_materializations_for_node("agree")}
    assert told["poweroffice_go/product_changes"]["ready"].value == 1
    assert all(check.passed for check in result.get_asset_check_evaluations() if check.check_name == "typed")
