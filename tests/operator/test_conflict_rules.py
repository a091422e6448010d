"""A company that trusts one system more, or wants to be asked, says so in its spec."""

import shutil
from pathlib import Path

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import SPECS, Desk

ACME = "poweroffice_go.customers/1001"
PHONE = "- {source: PhoneNumber, target: phone, added: true"


def with_rule(folder: Path, rule: str) -> Path:
    shutil.copytree(SPECS, folder)
    file = folder / "dataflows" / "powerofficego_custompms.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count(PHONE) == 1
    file.write_text(text.replace(PHONE, f"{PHONE}, conflicts: {rule}"), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("rule", "ours", "theirs"),
    [("hold", "22 11 11 11", "22 99 99 99"), ("{prefer: [poweroffice_go]}", "22 11 11 11", "22 11 11 11")],
)
def test_edits_that_contradict_each_other(tmp_path: Path, rule: str, ours: str, theirs: str) -> None:
    with start(size=3, rate_limits=False) as sandbox:
        desk = Desk(sandbox, tmp_path, with_rule(tmp_path / "specs", rule))
        desk.talk("sync")
        other = "custom_pms.customer/1"
        desk.edit(ACME, {"PhoneNumber": "22 11 11 11"})
        sandbox.clock.advance(5)
        desk.edit(other, {"phone": "22 99 99 99"})
        desk.talk("sync", code=3 if rule == "hold" else 0)
        assert (desk.record(ACME)["PhoneNumber"], desk.record(other)["phone"]) == (ours, theirs)
        assert "22 99 99 99" in desk.talk("why", ACME, "PhoneNumber")
        if rule == "hold":
            assert "edit the property in one of its systems" in desk.talk("holds")
            desk.edit(other, {"phone": "22 88 88 88"})
            desk.talk("sync")
            assert desk.record(ACME)["PhoneNumber"] == "22 88 88 88"
            assert desk.talk("holds") == "nothing waits for you\n"
