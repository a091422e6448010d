"""A company that trusts one system more, or wants to be asked, says so in its spec."""

import json
import shutil
from pathlib import Path

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import SPECS, Desk

ACME = "poweroffice_go.customers/1001"
RULES = {
    "- {source: PhoneNumber, target: phone, added: true": "hold",
    "- {source: InvoiceEmailAddress, target: invoice_email, added: true": "{prefer: [poweroffice_go]}",
}
"""By row: what settles its contradictions."""


def with_rules(folder: Path) -> Path:
    shutil.copytree(SPECS, folder)
    file = folder / "dataflows" / "powerofficego_custompms.yaml"
    text = file.read_text(encoding="utf-8")
    for row, rule in RULES.items():
        assert f"{row}}}" in text
        text = text.replace(f"{row}}}", f"{row}, conflicts: {rule}}}")
    file.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.long
def test_edits_that_contradict_each_other(tmp_path: Path) -> None:
    with start(size=3, rate_limits=False) as sandbox:
        desk = Desk(sandbox, tmp_path, with_rules(tmp_path / "specs"))
        desk.talk("sync")
        other = "custom_pms.customer/1"
        desk.edit(ACME, {"PhoneNumber": "22 11 11 11", "InvoiceEmailAddress": "ours@acme.example"})
        sandbox.clock.advance(5)
        desk.edit(other, {"phone": "22 99 99 99", "invoice_email": "theirs@acme.example"})
        desk.talk("sync", code=3)
        held, preferred = desk.record(ACME), desk.record(other)
        assert (held["PhoneNumber"], preferred["phone"]) == ("22 11 11 11", "22 99 99 99")
        assert (held["InvoiceEmailAddress"], preferred["invoice_email"]) == ("ours@acme.example", "ours@acme.example")
        assert "22 99 99 99" in desk.talk("why", ACME, "PhoneNumber")
        assert "edit the property in one of its systems" in desk.talk("holds")
        desk.edit(other, {"phone": "22 88 88 88"})
        desk.talk("sync")
        assert desk.record(ACME)["PhoneNumber"] == "22 88 88 88"
        assert desk.talk("holds") == "nothing waits for you\n"
        # Or one of the values is taken by a person.
        run = json.loads(desk.talk("undo", "--json"))[0]["run"]
        desk.edit(ACME, {"PhoneNumber": "22 11 11 11"})
        desk.edit(other, {"phone": "22 77 77 77"})
        desk.talk("sync", code=3)
        assert "phone: edits since contradict each other" in desk.talk("undo", run, "--offline", "--yes")
        number = desk.talk("conflicts").split()[0]
        assert f"talk conflicts {number} --take" in desk.talk("holds")
        desk.talk("conflicts", number, "--take", other)
        assert desk.talk("holds") == "nothing waits for you\n"
        desk.talk("sync")
        assert desk.record(ACME)["PhoneNumber"] == desk.record(other)["phone"] == "22 77 77 77"
