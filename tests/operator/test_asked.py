"""A creation had no answer, and several records may be what came of it: what waits, and how a person says which one it is."""

import json
from pathlib import Path

import pytest

from talk_assets.hub import open_hub
from talk_assets.sandbox.faults import Fault
from tests.operator.desk import Desk, Kept, keep
from tests.operator.test_day import linked

SOURCE, OURS, STRANGER = "poweroffice_go.projects/2001", "custom_pms.project/2", "custom_pms.project/3"


@pytest.fixture(scope="module")
def with_question(synced: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Of a project that was made in CustomPMS without an answer, somebody has changed all that it was known by, and somebody
    has made another one there.
    """
    one = synced(tmp_path_factory.mktemp("asked") / "desk")
    pms = one.sandbox.systems["custom_pms"]
    pms.faults.add(Fault("drop_after", "project", "create", 1))
    one.sandbox.systems["poweroffice_go"].add("projects", {"Name": "Fjordkryss", "CustomerId": 1001, "StartDate": "2026-01-01"})
    one.talk("sync", "--cycles", "1", code=1)
    one.edit(OURS, {"name": "Kryss ved fjorden", "code": "OWN-1"})
    pms.add("project", {"name": "Noe annet", "customer_id": 1, "starts_on": "2026-01-01"})
    one.talk("sync", code=3)
    return keep(one)


@pytest.fixture
def desk(with_question: Kept, tmp_path: Path) -> Desk:
    one = with_question(tmp_path / "desk")
    one.forget_requests()
    return one


def in_erp(desk: Desk) -> list[str]:
    """What the projects of CustomERP are called, but for the one of the first sync."""
    there = desk.sandbox.systems["custom_erp"].collections["project"].view().scan()
    return sorted(name for stored in there if (name := stored.body["name"]) != "Internt")


def asked(desk: Desk) -> dict[str, str]:
    (hold,) = json.loads(desk.talk("holds", "--json"))
    return hold


def test_nothing_is_made_of_candidates_and_it_is_said_why_and_what_to_do(desk: Desk) -> None:
    hold = asked(desk)
    assert hold["about"] == f"new custom_pms.project for {SOURCE}"
    assert f"it may be {OURS}, {STRANGER}, and until somebody says so, nothing is made of any of them" in hold["reason"]
    assert f"`talk link {SOURCE} {OURS}`" in hold["action"]
    assert f"`talk retry {hold['number']}` makes it anew" in hold["action"]
    story = json.loads(desk.talk("why", STRANGER, "--json"))
    (missing,) = [one["reason"] for one in story["missing"] if one["entity"] == "custom_erp.project"]
    assert f"waits: {STRANGER} may be what was made for {SOURCE}" in missing
    assert f"`talk unlink {SOURCE} {STRANGER}`" in missing
    assert f"it may be {OURS}, {STRANGER}" in desk.talk("why", SOURCE)
    desk.edit(STRANGER, {"name": "Noe helt annet"})
    desk.talk("sync", code=3)
    assert (in_erp(desk), desk.writes()) == ([], [])


def test_the_one_that_is_linked_by_a_person_is_it_and_all_go_on(desk: Desk) -> None:
    desk.talk("link", SOURCE, OURS)
    desk.talk("sync")
    assert desk.talk("holds") == "nothing waits for you\n"
    assert in_erp(desk) == ["Kryss ved fjorden", "Noe annet"]
    assert len(linked(desk, SOURCE)) == len(linked(desk, STRANGER)) == 3
    assert desk.record(SOURCE)["Name"] == "Kryss ved fjorden"
    assert not [write for write in desk.writes() if write.startswith("POST custom_pms")]


def test_one_that_a_person_tells_apart_goes_on_and_the_others_wait(desk: Desk) -> None:
    desk.talk("unlink", SOURCE, STRANGER)
    assert f"it may be {OURS}, and until somebody says so, nothing is made of that" in asked(desk)["reason"]
    desk.talk("sync", code=3)
    assert in_erp(desk) == ["Noe annet"]


def test_where_none_of_them_is_it_a_person_is_still_asked(desk: Desk) -> None:
    for other in (OURS, STRANGER):
        desk.talk("unlink", SOURCE, other)
    assert asked(desk)["action"].startswith(f"it is there: `talk link {SOURCE} custom_pms.project/ID`")


def test_it_is_made_anew_when_a_person_asks_for_it_by_number_and_only_then(desk: Desk) -> None:
    desk.talk("retry", code=1)
    assert "it may have been made already" in desk.said
    desk.talk("retry", str(asked(desk)["number"]))
    desk.talk("sync")
    assert in_erp(desk) == ["Fjordkryss", "Kryss ved fjorden", "Noe annet"]
    assert sum(write.startswith("POST custom_pms") for write in desk.writes()) == 1


def test_what_a_record_was_made_for_is_not_erased_while_it_is_among_strangers(desk: Desk) -> None:
    desk.talk("person", "erase", SOURCE, "--yes", code=1)
    assert f"Say that first: it is there: `talk link {SOURCE} {OURS}`" in desk.said
    desk.talk("person", "erase", OURS, "--yes")
    assert f"it may be {STRANGER}, and" in asked(desk)["reason"]


def test_a_hub_of_an_older_program_knows_no_candidates_and_still_asks(desk: Desk) -> None:
    with open_hub(desk.hub) as hub, hub.transaction():
        hub.write("ALTER TABLE holds DROP COLUMN candidates")
        hub.write("UPDATE meta SET value = '8' WHERE key = 'schema'")
    assert asked(desk)["about"] == f"new custom_pms.project for {SOURCE}"
    desk.talk("link", SOURCE, OURS)
    desk.talk("sync")
    assert in_erp(desk) == ["Kryss ved fjorden", "Noe annet"]
