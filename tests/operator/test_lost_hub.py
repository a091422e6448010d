"""Without its hub, or with other rules, the engine knows again what it made, deletes nothing and overwrites nothing unseen."""

import json
import shutil
from pathlib import Path

import pytest

from talk_assets.sandbox.serve import start
from tests.operator.desk import SPECS, Desk


def members(desk: Desk, record: str) -> set[str]:
    return {one["record"] for one in json.loads(desk.talk("why", record, "--json"))["members"]}


def test_a_deleted_hub_finds_everything_again(desk: Desk) -> None:
    desk.sandbox.systems["crm_office"].add("activities", {"subject": "Visit"})
    nameless = desk.sandbox.systems["poweroffice_go"].add(
        "customers", {"Name": "Only A Name AS", "InvoiceDeliveryType": "Print"}
    )
    desk.talk("sync")
    together = members(desk, f"poweroffice_go.customers/{nameless['Id']}")
    assert len(together) >= 3
    (desk.folder / "hub.duckdb").unlink()
    desk.forget_requests()
    desk.talk("sync")
    assert desk.writes() == []
    assert members(desk, f"poweroffice_go.customers/{nameless['Id']}") == together


def test_what_was_edited_while_there_was_no_hub_is_a_conflict_and_no_silent_loss(desk: Desk) -> None:
    acme = "poweroffice_go.customers/1001"
    theirs = next(one for one in members(desk, acme) if one.startswith("custom_pms.customer/"))
    before = desk.record(theirs)["phone"]
    (desk.folder / "hub.duckdb").unlink()
    desk.sandbox.clock.advance(60)
    desk.edit(acme, {"PhoneNumber": "22 77 77 77"})
    desk.talk("sync")
    assert desk.record(theirs)["phone"] == "22 77 77 77"
    assert before in desk.talk("why", acme, "PhoneNumber")


def test_what_a_person_told_apart_is_made_anew_with_another_mark(desk: Desk) -> None:
    acme = "poweroffice_go.customers/1001"
    theirs = next(one for one in members(desk, acme) if one.startswith("invoiced.customers_company/"))
    desk.talk("unlink", theirs)
    desk.talk("sync")
    anew = next(one for one in members(desk, acme) if one.startswith("invoiced.customers_company/"))
    assert anew != theirs
    assert desk.record(anew)["metadata"]["talk"] != desk.record(theirs).get("metadata", {}).get("talk")


@pytest.mark.long
def test_a_new_match_rule_recognises_what_was_there_before_it(tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    shutil.copytree(SPECS, specs)
    file = specs / "dataflows" / "powerofficego_invoiced.yaml"
    with_rule = file.read_text(encoding="utf-8")
    file.write_text(with_rule.replace("- {source: OrganizationNumber, target: tax_id, added: true}\n", "", 1), encoding="utf-8")
    with start(size=3, rate_limits=False) as sandbox:
        desk = Desk(sandbox, tmp_path, specs)
        one = {"Name": "Fjord AS", "OrganizationNumber": "923609016", "InvoiceDeliveryType": "Print"}
        here = sandbox.systems["poweroffice_go"].add("customers", one)["Id"]
        there = sandbox.systems["invoiced"].add("customers_company", {"name": "Fjord", "tax_id": "923 609 016"})["id"]
        desk.talk("sync", "--dry-run")
        apart = members(desk, f"poweroffice_go.customers/{here}")
        file.write_text(with_rule, encoding="utf-8")
        desk.talk("sync", "--dry-run")
        assert f"invoiced.customers_company/{there}" not in apart
        assert f"invoiced.customers_company/{there}" in members(desk, f"poweroffice_go.customers/{here}")
