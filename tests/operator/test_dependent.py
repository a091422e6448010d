"""A property that counts only while another one holds something: it is carried while that does, and left alone while not."""

import shutil
from pathlib import Path

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import SPECS, Desk
from tests.operator.test_day import linked

THEIRS = "custom_pms.customer/1"


CITY = '"city (Dependant on having NO in country_code)",'


def with_dependent_cells(folder: Path) -> Path:
    shutil.copytree(SPECS, folder)
    for name, side in (("powerofficego_custompms", "target: "), ("custompms_customerp", "source: ")):
        file = folder / "dataflows" / f"{name}.yaml"
        text = file.read_text(encoding="utf-8")
        assert f"{side}city," in text
        file.write_text(text.replace(f"{side}city,", f"{side}{CITY}"), encoding="utf-8")
    return folder


@pytest.mark.long
def test_a_city_that_counts_only_in_one_country(tmp_path: Path) -> None:
    with start(size=3, rate_limits=False) as sandbox:
        desk = Desk(sandbox, tmp_path, with_dependent_cells(tmp_path / "specs"))
        desk.talk("sync")
        erp = linked(desk, THEIRS)["custom_erp.customer"]
        desk.edit(erp, {"address.city": "Bergen", "address.countryCode": "NO"})
        desk.talk("sync")
        assert [desk.record(THEIRS)[path] for path in ("city", "country_code")] == ["Bergen", "NO"]
        # There it counts no longer, while the other systems go on.
        desk.edit(erp, {"address.city": "Malmø", "address.countryCode": "SE"})
        desk.talk("sync")
        assert [desk.record(THEIRS)[path] for path in ("city", "country_code")] == ["Bergen", "SE"]
        assert "does not count here, so it says nothing and is told nothing: only while country_code is 'NO'" in desk.talk(
            "why", THEIRS, "city"
        )
        desk.edit(THEIRS, {"city": "Lund"})
        desk.talk("sync")
        assert desk.record(erp)["address"]["city"] == "Malmø"
        desk.forget_requests()
        desk.talk("sync")
        assert desk.writes() == []
        assert not [line for line in desk.talk("qa", "--live").splitlines() if "city" in line and "differ" in line]
        # And counts again: what the same write makes of the country decides.
        desk.edit(erp, {"address.city": "Oslo", "address.countryCode": "NO"})
        desk.talk("sync")
        assert [desk.record(THEIRS)[path] for path in ("city", "country_code")] == ["Oslo", "NO"]
        assert desk.talk("conflicts").startswith("no ")
        assert "in step" in desk.talk("why", THEIRS, "city")
