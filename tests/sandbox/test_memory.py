"""A sandbox that is stopped and started again goes on as it was."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from talk_assets.sandbox import Forgotten, Sandbox, VirtualClock, keep, recall
from talk_assets.sandbox.serve import systems
from talk_assets.sandbox.system import System
from tests.sandbox.clients import Clients


def dumped(held: Mapping[str, System]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    return {
        (name, one): [system.shown(one, stored) for stored in collection.view().scan()]
        for name, system in held.items()
        for one, collection in system.collections.items()
    }


def test_what_was_made_edited_and_deleted_is_taken_up_again(sandbox: Sandbox, clients: Clients, tmp_path: Path) -> None:
    made = clients.control["custom_erp"].post("records/customer", json={"name": "Kept AS"}).json()
    assert clients.control["poweroffice_go"].patch("records/customers/1001", json={"Name": "Renamed AS"}).status_code == 200
    assert clients.control["invoiced"].delete("records/invoices/900001").status_code == 204
    keep(sandbox.systems, tmp_path / "held.json")
    again = systems(VirtualClock(), 1, 0)
    recall(again, tmp_path / "held.json")
    assert dumped(again) == dumped(sandbox.systems)
    assert again["custom_erp"].add("customer", {"name": "Next AS"})["id"] != made["id"]


def test_a_login_that_rotates_is_taken_up_again(sandbox: Sandbox, clients: Clients, tmp_path: Path) -> None:
    headers = {"Authorization": clients.crm.headers["Authorization"]}
    keep(sandbox.systems, tmp_path / "held.json")
    for system in sandbox.systems.values():
        system.reset()
    assert clients.crm.get("contacts", headers=headers).status_code == 401
    recall(sandbox.systems, tmp_path / "held.json")
    assert clients.crm.get("contacts", headers=headers).status_code != 401


def test_a_creation_that_is_repeated_after_a_restart_is_known(sandbox: Sandbox, clients: Clients, tmp_path: Path) -> None:
    def create() -> str:
        answer = clients.invoiced.post("/customers", json={"name": "Once AS"}, headers={"Idempotency-Key": "one"})
        return answer.json()["id"]

    first = create()
    keep(sandbox.systems, tmp_path / "held.json")
    recall(sandbox.systems, tmp_path / "held.json")
    assert create() == first


def test_a_file_that_says_something_else_is_named(tmp_path: Path) -> None:
    file = tmp_path / "held.json"
    file.write_text("{}")
    with pytest.raises(Forgotten, match=r"held\.json"):
        recall(systems(VirtualClock(), 1, 0), file)
