"""A first and a last name here are one name there."""

from talk_assets.hub import open_hub
from tests.operator.desk import Desk

PERSON, THERE = "poweroffice_go.customers_person", "invoiced.customers_person"


def a_person(desk: Desk, first: str, last: str) -> tuple[str, str]:
    """Both records of a new person."""
    person = {"FirstName": first, "LastName": last, "IsPerson": True, "EmailAddress": "ola@moe.no"}
    id_ = desk.sandbox.systems["poweroffice_go"].add("customers_person", person)["Id"]
    desk.talk("sync")
    with open_hub(desk.hub) as hub:
        there = hub.value(
            "SELECT m.id FROM members m JOIN members p USING (cluster) WHERE p.entity = ? AND p.id = ? AND m.entity = ?",
            [PERSON, str(id_), THERE],
        )
    return f"{PERSON}/{id_}", f"{THERE}/{there}"


def test_an_edit_of_one_part_after_the_other_arrives(desk: Desk):
    person, there = a_person(desk, "Ola", "Moe")
    desk.edit(person, {"LastName": "Nyemann"})
    desk.talk("sync")
    assert desk.record(there)["name"] == "Ola Nyemann"
    desk.edit(person, {"FirstName": "Petra"})
    desk.talk("sync")
    assert desk.record(there)["name"] == "Petra Nyemann"


def test_a_name_that_is_parted_elsewhere_than_its_parts_were_is_taken_whole(desk: Desk):
    person, there = a_person(desk, "Ola", "Moe Berg")
    # Of an edit in the second of our own write, whose stamp is whole seconds, nobody knows yet whether it is one.
    desk.sandbox.clock.advance(2)
    desk.edit(there, {"name": "Ola Moe Hansen"})
    desk.talk("sync")
    assert desk.record(there)["name"] == "Ola Moe Hansen"
    assert [desk.record(person)[part] for part in ("FirstName", "LastName")] == ["Ola Moe", "Hansen"]
