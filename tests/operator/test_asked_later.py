"""A system took a creation to do it later, and nothing of it was to be seen: what turns up after a person was asked."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from talk_assets.hub import open_hub
from talk_assets.hub.upkeep.prune import prune
from talk_assets.sandbox.faults import Fault
from tests.operator.desk import Desk, Kept, keep
from tests.operator.test_asked import SOURCE, asked, in_erp
from tests.operator.test_day import linked

MADE, OTHER = "custom_pms.project/2", "custom_pms.project/3"
SENT = {"code": "10002", "name": "Fjordkryss", "customer_id": 1, "starts_on": "2026-01-01", "active": True}


@pytest.fixture(scope="module")
def with_nothing_to_see(synced: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """And by now, the project that it was made for has another code, so that no rule recognises what was made by it."""
    one = synced(tmp_path_factory.mktemp("asked later") / "desk")
    queued = {"status": 202, "body": {"status": "queued"}}
    one.sandbox.systems["custom_pms"].faults.add(Fault("answer", "project", "create", 1, options=queued))
    one.sandbox.systems["poweroffice_go"].add("projects", {"Name": "Fjordkryss", "CustomerId": 1001, "StartDate": "2026-01-01"})
    one.talk("sync", "--cycles", "1", code=1)
    one.talk("sync", code=3)
    assert "done later, and nothing of it is to be seen" in asked(one)["reason"]
    one.edit(SOURCE, {"Code": "FK-2"})
    one.talk("sync", code=3)
    return keep(one)


@pytest.fixture
def desk(with_nothing_to_see: Kept, tmp_path: Path) -> Desk:
    one = with_nothing_to_see(tmp_path / "desk")
    one.forget_requests()
    return one


def turns_up(desk: Desk, values: Mapping[str, Any], code: int = 3) -> None:
    desk.sandbox.systems["custom_pms"].add("project", values)
    desk.talk("sync", code=code)


def test_what_turns_up_and_holds_all_that_was_sent_is_asked_about_before_anything_is_made_of_it(desk: Desk) -> None:
    turns_up(desk, {**SENT, "name": "FJORDKRYSS ", "description": "of its own"})
    hold = asked(desk)
    assert f"it may be {MADE}, and until somebody says so, nothing is made of that" in hold["reason"]
    assert f"`talk link {SOURCE} {MADE}`" in hold["action"]
    story = json.loads(desk.talk("why", MADE, "--json"))
    assert any(f"waits: {MADE} may be what was made for {SOURCE}" in one["reason"] for one in story["missing"])
    assert any(f"may be what was made for {SOURCE}" in one for one in story["history"])
    assert f"it may be {MADE}" in desk.talk("why", SOURCE)
    desk.edit(MADE, {"name": "Kryss ved fjorden"})
    desk.talk("sync", code=3)
    assert (in_erp(desk), desk.writes()) == ([], [])


@pytest.mark.long
def test_the_one_that_turned_up_is_linked_by_a_person_and_all_go_on(desk: Desk) -> None:
    turns_up(desk, SENT)
    desk.talk("link", SOURCE, MADE)
    desk.talk("sync")
    assert desk.talk("holds") == "nothing waits for you\n"
    assert in_erp(desk) == ["Fjordkryss"]
    assert len(linked(desk, SOURCE)) == 3
    assert not [write for write in desk.writes() if write.startswith("POST custom_pms")]


@pytest.mark.long
def test_the_one_that_turned_up_goes_on_when_it_is_told_apart(desk: Desk) -> None:
    turns_up(desk, SENT)
    desk.talk("unlink", SOURCE, MADE)
    desk.talk("sync", code=3)
    assert in_erp(desk) == ["Fjordkryss"]
    assert asked(desk)["action"].startswith(f"it is there: `talk link {SOURCE} custom_pms.project/ID`")


@pytest.mark.long
def test_each_that_turns_up_and_holds_all_that_was_sent_is_named(desk: Desk) -> None:
    turns_up(desk, SENT)
    turns_up(desk, {**SENT, "code": " 10002"})
    assert f"it may be {MADE}, {OTHER}, and until somebody says so" in asked(desk)["reason"]
    assert in_erp(desk) == []


@pytest.mark.long
def test_what_turns_up_and_holds_something_else_goes_on(desk: Desk) -> None:
    turns_up(desk, {**SENT, "code": "10009", "name": "Noe annet"})
    turns_up(desk, {**SENT, "starts_on": None})
    assert in_erp(desk) == ["Fjordkryss", "Noe annet"]
    assert "it may be" not in asked(desk)["reason"]


@pytest.mark.long
def test_what_a_rule_recognises_as_something_else_goes_on(desk: Desk) -> None:
    other = desk.sandbox.systems["poweroffice_go"].add(
        "projects", {"Name": "Fjordkryss", "Code": "10002", "CustomerId": 1001, "StartDate": "2026-01-01"}
    )
    turns_up(desk, SENT)
    assert linked(desk, f"poweroffice_go.projects/{other['Id']}")["custom_pms.project"] == MADE
    assert in_erp(desk) == ["Fjordkryss"]
    assert "it may be" not in asked(desk)["reason"]


@pytest.mark.long
def test_what_turned_up_goes_on_once_it_is_made_anew(desk: Desk) -> None:
    turns_up(desk, SENT)
    desk.talk("retry", str(asked(desk)["number"]))
    desk.talk("sync")
    assert in_erp(desk) == ["Fjordkryss", "Fjordkryss"]
    assert sum(write.startswith("POST custom_pms") for write in desk.writes()) == 1


@pytest.mark.long
def test_what_was_sent_is_not_pruned_while_a_person_is_asked_what_came_of_it(desk: Desk) -> None:
    with open_hub(desk.hub) as hub:
        hub.run(lambda: prune(hub, hub.now() + timedelta(days=1), "all of it", "prune"), "prune")
    turns_up(desk, SENT)
    assert f"it may be {MADE}" in asked(desk)["reason"]


@pytest.mark.long
def test_a_question_goes_with_the_record_that_was_to_be_copied_when_that_is_told_apart(desk: Desk) -> None:
    erp = desk.sandbox.systems["custom_erp"].add("project", {"name": "Fjordkryss", "code": "FK-2", "startDate": "2026-01-01"})
    theirs = f"custom_erp.project/{erp['id']}"
    desk.talk("sync", code=3)
    assert linked(desk, theirs)["poweroffice_go.projects"] == SOURCE
    desk.talk("unlink", SOURCE)
    desk.edit(theirs, {"code": "FK-3", "name": "Et annet"})
    desk.talk("sync", code=3)
    assert asked(desk)["about"] == f"new custom_pms.project for {SOURCE}"
    assert {"poweroffice_go.projects", "custom_pms.project"} <= linked(desk, theirs).keys()
    turns_up(desk, SENT)
    assert f"it may be {OTHER}, and until somebody says so" in asked(desk)["reason"]
    desk.talk("link", SOURCE, OTHER)
    desk.talk("sync")
    assert linked(desk, SOURCE)["custom_pms.project"] == OTHER
    assert in_erp(desk) == ["Et annet", "Fjordkryss"]
    assert sum(write.startswith("POST custom_pms") for write in desk.writes()) == 1


@pytest.mark.long
def test_a_question_stays_with_the_record_that_was_to_be_copied_when_another_one_is_told_apart(desk: Desk) -> None:
    erp = desk.sandbox.systems["custom_erp"].add("project", {"name": "Fjordkryss", "code": "FK-2", "startDate": "2026-01-01"})
    desk.talk("sync", code=3)
    desk.talk("unlink", f"custom_erp.project/{erp['id']}")
    assert asked(desk)["about"] == f"new custom_pms.project for {SOURCE}"
