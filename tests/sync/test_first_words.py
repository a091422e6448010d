"""When a record says something for the first time, and when what it says is an edit: it may name what is not known yet, hide a
property for a while, or have been read before anybody asked for it.
"""

import msgspec
import polars as pl
import pytest

from talk_assets.hub import Hub, open_hub
from talk_assets.hub.tables import conflicts, golden, holds
from talk_assets.hub.tables.records import upsert
from talk_assets.sync.burial import bury
from talk_assets.sync.linking import link_stage
from talk_assets.sync.meaning.values import ABSENT
from talk_assets.sync.merging import merge_stage
from talk_assets.sync.planning import plan_stage
from talk_assets.sync.world import World, make_world
from talk_assets.sync.writing.believe import believe
from talk_assets.sync.writing.prepare import Change
from talk_assets.sync.writing.write import Intent
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.reading.reader import Record
from talk_assets.systems.reading.rows import digest
from talk_assets.systems.writing.prepared import Prepared
from tests.sync.support import COMPANY, CUSTOMER, NOON, flow, keep, model

CONTACT, PERSON = "alpha.contact", "beta.person"
NAMING = """source: alpha
target: beta
mappings:
  - source: company
    target: customer
    create: never
    match: [[name, name]]
    properties:
      - [name, name]
      - [mainContact, contact]
  - source: contact
    target: person
    create: never
    match: [[email, mail]]
    properties:
      - [email, mail]
"""
BOTH_KEYS = "[[name, name], [email, mail]]"


def world(hub: Hub, text: str) -> World:
    return make_world(hub, model(text), {}, SystemClock(), "run")


def put(at: World, key: str, id_: str | int, minute: int = 0, **values: object) -> None:
    body = msgspec.json.encode({"id": id_, **values}).decode()
    batch = pl.DataFrame(
        [{"entity": key, "id": str(id_), "body": body, "digest": digest(body)}], schema_overrides={"digest": pl.UInt64}
    ).with_columns(edited_at=pl.lit(NOON.replace(minute=minute)))
    at.hub.run(lambda: upsert(at.hub, batch, lambda new: at.describe(key, new)))


def due(at: World) -> list[tuple]:
    """What is planned once all is linked and agreed on."""
    link_stage(at)
    plan_stage(at, seen=merge_stage(at).seen)
    return at.hub.read("SELECT entity, id, state, paths, before, after FROM changes ORDER BY ALL").rows()


def the_person_arrives(at: World, number: int, minute: int = 1) -> None:
    put(at, CONTACT, str(number), minute, email=f"{number}@x.no", name="Kari")
    put(at, PERSON, number + 3, minute, mail=f"{number}@x.no")


@pytest.mark.parametrize("theirs", [{"contact": None}, {}])
def test_what_names_a_record_that_is_read_later_is_heard_then_and_emptied_by_nobody(theirs):
    with open_hub(":memory:") as hub:
        at = world(hub, NAMING)
        put(at, COMPANY, "1", name="A", mainContact="5")
        put(at, CUSTOMER, 1, name="A", **theirs)
        assert due(at) == []
        the_person_arrives(at, 5)
        after = due(at)
        assert after == [(CUSTOMER, "1", "ready", ["contact"], [None], ["8"])]


def test_an_edit_that_names_a_record_that_is_read_later_is_told_then():
    with open_hub(":memory:") as hub:
        at = world(hub, NAMING)
        the_person_arrives(at, 5, 0)
        put(at, COMPANY, "1", name="A", mainContact="5")
        put(at, CUSTOMER, 1, name="A", contact=8)
        assert due(at) == []
        put(at, COMPANY, "1", 1, name="A", mainContact="6")
        assert due(at) == []
        the_person_arrives(at, 6, 2)
        assert due(at) == [(CUSTOMER, "1", "ready", ["contact"], ["8"], ["9"])]


@pytest.mark.parametrize("between", [[], [ABSENT], [["does not fit"]]])
def test_a_value_that_is_emptied_after_it_was_hidden_or_did_not_fit_is_an_edit(between):
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", "[email, mail]", create="never", match="[[name, name]]"))
        keep(at, {(COMPANY, 1): ["A", "a@x.no"], (CUSTOMER, 1): ["A", "a@x.no"]})
        due(at)
        for minute, told in enumerate(between, 1):
            keep(at, {(COMPANY, 1): ["A", told]}, minute)
            due(at)
        keep(at, {(COMPANY, 1): ["A", None]}, 9)
        assert due(at) == [(CUSTOMER, "1", "ready", ["mail"], ["a@x.no"], [None])]


@pytest.mark.parametrize("between", [[], [ABSENT]])
def test_an_edit_after_a_while_of_hiding_does_not_lose_for_its_stamp(between):
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", "[email, mail]", create="never", match="[[name, name]]"))
        keep(at, {(COMPANY, 1): ["A", "a@x.no"], (CUSTOMER, 1): ["A", "a@x.no"]}, 10)
        due(at)
        for told in between:
            keep(at, {(COMPANY, 1): ["A", told]}, 11)
            due(at)
        keep(at, {(COMPANY, 1): ["A", "b@x.no"]}, 5)
        assert due(at) == [(CUSTOMER, "1", "ready", ["mail"], ["a@x.no"], ["b@x.no"])]
        assert conflicts.recent(hub).is_empty()


def test_what_does_not_fit_is_not_written_over_at_first_sight():
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", "[email, mail]", create="never", match="[[name, name]]"))
        keep(at, {(COMPANY, 1): ["A", ["no address"]], (CUSTOMER, 1): ["A", "a@x.no"]})
        assert due(at) == []
        keep(at, {(COMPANY, 1): ["A", "b@x.no"]}, 1)
        assert due(at) == [(CUSTOMER, "1", "ready", ["mail"], ["a@x.no"], ["b@x.no"])]


def test_a_row_between_properties_that_only_rules_looked_at_before_is_agreed_on_as_new():
    with open_hub(":memory:") as hub:
        less = world(hub, flow("[name, name]", create="never", match=BOTH_KEYS))
        keep(less, {(COMPANY, 1): ["A", "a@x.no"], (CUSTOMER, 1): ["A", None]})
        assert due(less) == []
        more = world(hub, flow("[name, name]", "[email, mail]", create="never", match=BOTH_KEYS))
        assert due(more) == [(CUSTOMER, "1", "ready", ["mail"], [None], ["a@x.no"])]


def test_what_was_edited_while_its_row_was_taken_away_is_not_reverted_once_the_row_is_back():
    whole, less = (
        flow(*rows, create="never", match=BOTH_KEYS) for rows in (("[name, name]", "[email, mail]"), ("[name, name]",))
    )
    with open_hub(":memory:") as hub:
        keep(world(hub, whole), {(COMPANY, 1): ["A", "a@x.no"], (CUSTOMER, 1): ["A", "a@x.no"]})
        assert due(world(hub, whole)) == []
        keep(world(hub, less), {(COMPANY, 1): ["A", "b@x.no"]}, 1)
        assert due(world(hub, less)) == []
        assert due(world(hub, whole)) == [(CUSTOMER, "1", "ready", ["mail"], ["a@x.no"], ["b@x.no"])]


def test_what_was_edited_while_its_row_was_taken_away_is_not_reverted_if_a_write_is_answered_once_the_row_is_back():
    whole, less = (
        flow(*rows, create="never", match=BOTH_KEYS) for rows in (("[name, name]", "[email, mail]"), ("[name, name]",))
    )
    with open_hub(":memory:") as hub:
        keep(world(hub, whole), {(COMPANY, 1): ["A", "a@x.no"], (CUSTOMER, 1): ["A", "a@x.no"]})
        due(world(hub, whole))
        keep(world(hub, less), {(COMPANY, 1): ["A", "b@x.no"]}, 1)
        due(world(hub, less))
        written = Change(COMPANY, hub.value("SELECT min(cluster) FROM members"), "update", "1", "m", {"name": "A"})
        sent = Prepared("update", "alpha", "company", "PUT", "x/1", {}, "{}")
        answer = Record("1", '{"id":1,"name":"A","email":"b@x.no"}')
        at = world(hub, whole)
        hub.run(lambda: believe(at, [(Intent("i", written, sent), answer)]))
        assert due(at) == [(CUSTOMER, "1", "ready", ["mail"], ["a@x.no"], ["b@x.no"])]


def test_a_contradiction_that_waits_is_not_settled_by_a_newcomer_that_says_nothing():
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", "[email, mail]", create="never", match="[[name, name]]", conflicts="hold"))
        keep(at, {(COMPANY, 1): ["A", "a@x.no"], (CUSTOMER, 1): ["A", "b@x.no"]})
        assert due(at) == []
        hub.run(lambda: bury(at, pl.DataFrame({"entity": [CUSTOMER], "id": ["1"]}), "gone"))
        keep(at, {(CUSTOMER, 2): ["A", None]}, 1)
        assert (COMPANY, "1", "ready", ["email"], ["a@x.no"], [None]) not in due(at)


def test_of_what_nobody_says_anything_nothing_is_agreed_on():
    with open_hub(":memory:") as hub:
        at = world(hub, NAMING)
        put(at, COMPANY, "1", name="A", mainContact="5")
        put(at, CUSTOMER, 1, name="A")
        due(at)
        agreed = golden.of(hub, hub.read("SELECT cluster FROM golden"))
        assert agreed["field"].to_list() == ["alpha.company.name"]


def test_holds_of_a_record_that_is_gone_or_whose_cluster_was_merged_end():
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", "[email, mail]", create="never", match="[[email, mail]]"))
        keep(at, {(COMPANY, 1): ["A", "a@x.no"], (CUSTOMER, 1): [["misfit"], "c@x.no"], (COMPANY, 2): [["misfit"], "b@x.no"]})
        due(at)
        assert holds.still(hub).height == 2
        hub.run(lambda: bury(at, pl.DataFrame({"entity": [COMPANY], "id": ["2"]}), "gone"))
        keep(at, {(CUSTOMER, 1): [["misfit"], "a@x.no"]}, 1)
        due(at)
        assert holds.still(hub).select("entity", "id").rows() == [(CUSTOMER, "1")]
        keep(at, {(CUSTOMER, 1): ["A", "a@x.no"]}, 2)
        due(at)
        assert holds.still(hub).is_empty()


@pytest.mark.parametrize("key", ["b@x.no", None])
def test_who_was_not_linked_for_want_of_a_choice_is_once_the_other_has_another_key(key):
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", "[email, mail]", create="never", match="[[email, mail]]"))
        keep(at, {(COMPANY, 1): ["A", "a@x.no"], (COMPANY, 2): ["B", "a@x.no"], (CUSTOMER, 1): ["A", "a@x.no"]})
        due(at)
        assert hub.read("SELECT DISTINCT entity, id FROM ambiguous").height == 3
        keep(at, {(COMPANY, 2): ["B", key]}, 1)
        due(at)
        assert hub.read("SELECT * FROM ambiguous").is_empty()
        linked = {entity + id_: cluster for entity, id_, cluster in hub.read("SELECT entity, id, cluster FROM members").rows()}
        assert linked[f"{COMPANY}1"] == linked[f"{CUSTOMER}1"] != linked[f"{COMPANY}2"]


def test_nobody_is_taken_for_one_of_several_whose_key_is_another_by_now():
    with open_hub(":memory:") as hub:
        at = world(hub, flow("[name, name]", "[email, mail]", create="never", match="[[email, mail]]"))
        keep(at, {(COMPANY, 1): ["A", "a@x.no"], (COMPANY, 2): ["B", "a@x.no"], (CUSTOMER, 1): ["A", "a@x.no"]})
        due(at)
        keep(at, {(CUSTOMER, 1): ["A", "c@x.no"]}, 1)
        due(at)
        assert hub.read("SELECT * FROM ambiguous").is_empty()
