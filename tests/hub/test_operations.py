"""Plans, writes under way, and what waits for a person."""

import polars as pl

from talk_assets.hub.tables import ambiguous, changes, checks, conflicts, holds, intents, keys, never, tombstones
from tests.hub.support import ENTITY, OTHER, START, clusters, frame, ids, place


def change(cluster: int, *after: str, entity: str = ENTITY, **more) -> dict:
    return {
        "entity": entity,
        "cluster": cluster,
        "kind": "update",
        "paths": ["name"],
        "after": list(after),
        "state": "ready",
        **more,
    }


def planned(hub) -> list[tuple]:
    return changes.of(hub).select("entity", "cluster", "after", "state", "seq").rows()


def test_a_plan_replaces_the_one_before(hub):
    first = frame(change(1, "Acme"), change(2, "Bcme"), change(1, "x", entity=OTHER))
    with hub.transaction():
        changes.replace(hub, first, first)
    with hub.transaction():
        news = changes.replace(hub, frame(change(1, "Acme"), change(3, "Ccme")), pl.concat([first.head(2), first.tail(0)]))
    assert news["cluster"].to_list() == [3]
    assert planned(hub) == [(ENTITY, 1, ["Acme"], "ready", 1), (ENTITY, 3, ["Ccme"], "ready", 2), (OTHER, 1, ["x"], "ready", 1)]
    assert changes.in_clusters(hub, clusters(1)).height == 2
    assert changes.counts(hub).rows() == [(ENTITY, "update", "ready", 2), (OTHER, "update", "ready", 1)]


def test_an_empty_plan_is_a_plan(hub):
    first = frame(change(1, "Acme"))
    with hub.transaction():
        changes.replace(hub, first, first)
        changes.replace(hub, first.clear(), first)
    assert planned(hub) == []


def test_changes_are_held_and_dropped(hub):
    first = frame(change(1, "Acme"), change(2, "Bcme"))
    with hub.transaction():
        changes.replace(hub, first, first)
        changes.mark(hub, first.head(1).select("entity", "cluster", state=pl.lit("held"), reason=pl.lit("too many")))
    assert changes.of(hub, ENTITY, "held")["reason"].to_list() == ["too many"]
    assert changes.of(hub, OTHER).is_empty()
    with hub.transaction():
        changes.drop(hub, first.tail(1))
    assert [row[1] for row in planned(hub)] == [1]


def test_an_intent_from_its_start_to_its_end(hub):
    intent = {"id": "i1", "kind": "create", "cluster": 1, "entity": ENTITY, "prepared": "{}", "state": "sending", "attempts": 1}
    with hub.transaction():
        intents.begin(hub, frame(intent, intent | {"id": "i2", "cluster": 2, "first_sent_at": START}))
    assert intents.unfinished(hub)["id"].to_list() == ["i1", "i2"]
    with hub.transaction():
        intents.mark(
            hub, frame({"id": "i1", "state": "done", "record_id": "77"}, {"id": "none", "state": "done", "record_id": "x"})
        )
    assert intents.unfinished(hub, ENTITY)["id"].to_list() == ["i2"]
    assert intents.unfinished(hub, OTHER).is_empty()
    assert intents.in_states(hub, ["done", "unknown"]).select("id", "record_id", "prepared").rows() == [("i1", "77", "{}")]
    assert intents.of(hub, pl.DataFrame({"id": ["i2"]}))["first_sent_at"].to_list() == [START]
    assert intents.in_clusters(hub, clusters(1, 2)).height == 2
    assert intents.counts(hub).rows() == [(ENTITY, "create", "done", 1), (ENTITY, "create", "sending", 1)]
    assert checks.check(hub) == []


def test_two_creations_of_one_record_are_found(hub):
    intent = {"id": "i1", "kind": "create", "cluster": 1, "entity": ENTITY, "state": "unknown"}
    with hub.transaction():
        intents.begin(hub, frame(intent, intent | {"id": "i2", "state": "quarantined"}))
    assert checks.check(hub) == ["intents: 1 records are being created more than once"]


def test_conflicts_have_a_number_per_field_of_a_cluster(hub):
    said = {
        "cluster": 1,
        "field": "f.name",
        "kind": "edits",
        "entity": ENTITY,
        "id": "1",
        "value": "a",
        "base": None,
        "won": True,
    }
    found = frame(said, said | {"entity": OTHER, "value": "b", "won": False}, said | {"field": "f.city"})
    with hub.transaction():
        assert conflicts.append(hub, found, "run 1")["number"].to_list() == [1, 2]
        assert conflicts.append(hub, found.clear(), "run 1").is_empty()
    assert conflicts.number(hub, 1).select("entity", "value", "won", "at", "run").rows() == [
        (ENTITY, "a", True, START, "run 1"),
        (OTHER, "b", False, START, "run 1"),
    ]
    assert conflicts.recent(hub, limit=2)["number"].to_list() == [2, 1]
    assert conflicts.recent(hub, since=hub.position()).is_empty()
    assert conflicts.of(hub, clusters(1)).height == 3


def test_what_is_held_is_held_once(hub):
    hold = {"kind": "flips", "cluster": 1, "field": "f.name", "reason": "two writers"}
    for reason in ("two writers", "still two writers"):
        with hub.transaction():
            holds.put(hub, frame(hold | {"reason": reason}))
    with hub.transaction():
        holds.put(hub, frame({"kind": "guard", "entity": ENTITY, "reason": "mass update", "plan_hash": "abc"}))
    assert holds.still(hub).select("number", "reason").rows() == [(1, "two writers"), (2, "mass update")]
    with hub.transaction():
        assert holds.release(hub, frame(hold).select("kind", "cluster", "field")).height == 1
        assert holds.release(hub, frame(hold).select("kind", "cluster", "field")).is_empty()
    assert holds.still(hub)["number"].to_list() == [2]
    assert holds.still(hub, "flips").is_empty()
    with hub.transaction():
        assert holds.put(hub, frame(hold)).height == 1
        assert holds.release(hub, pl.DataFrame({"number": [2]})).height == 1
    assert holds.still(hub)["number"].to_list() == [3]


def test_what_asks_for_a_person_keeps_what_it_may_be(hub):
    hold = {"kind": "rejected", "entity": ENTITY, "cluster": 1, "reason": "two turned up"}
    with hub.transaction():
        holds.put(hub, frame(hold | {"candidates": [f"{ENTITY}/1", f"{ENTITY}/2"]}))
        holds.follow(hub, frame({"old_cluster": 1, "new_cluster": 7}))
    assert holds.still(hub).select("cluster", "candidates").rows() == [(7, [f"{ENTITY}/1", f"{ENTITY}/2"])]


def test_what_turns_up_later_is_named_beside_what_was_named_and_once(hub):
    hold = {"kind": "rejected", "entity": ENTITY, "reason": "nothing is to be seen"}
    with hub.transaction():
        holds.put(hub, pl.concat([frame(hold | {"cluster": number}) for number in (1, 2)]))
        holds.name(hub, pl.DataFrame({"number": [1], "record": [f"{ENTITY}/1"]}))
        holds.name(hub, pl.DataFrame({"number": [1, 1], "record": [f"{ENTITY}/2", f"{ENTITY}/1"]}))
    assert holds.still(hub)["candidates"].to_list() == [[f"{ENTITY}/1", f"{ENTITY}/2"], None]


def test_a_hub_of_an_older_program_gets_a_place_for_what_it_may_be(lasting_url, hub_at):
    """As hubs were until their version 9."""
    with hub_at(lasting_url) as hub, hub.transaction():
        holds.put(hub, frame({"kind": "rejected", "entity": ENTITY, "cluster": 1, "reason": "no"}))
        hub.write("ALTER TABLE holds DROP COLUMN candidates")
        hub.write("UPDATE meta SET value = '8' WHERE key = 'schema'")
    assert holds.still(hub_at(lasting_url)).select("reason", "candidates").rows() == [("no", None)]


def test_an_approval_is_for_one_plan_and_one_use(hub):
    with hub.transaction():
        holds.approve(hub, "abc", "ada")
    assert holds.is_approved(hub, "abc")
    assert not holds.is_approved(hub, "abd")
    with hub.transaction():
        assert holds.use_approval(hub, "abc")
    with hub.transaction():
        assert not holds.use_approval(hub, "abc")
    assert hub.read("SELECT who, used_at FROM approvals").rows() == [("ada", START)]


def test_the_dead_stay_buried_until_they_are_back(hub):
    gone = frame({"entity": ENTITY, "id": "1", "cluster": 4})
    with hub.transaction():
        tombstones.bury(hub, gone)
        tombstones.bury(hub, gone)
    assert tombstones.of(hub, ids("1", "2")).select("id", "cluster", "at").rows() == [("1", 4, START)]
    assert tombstones.in_clusters(hub, clusters(4))["id"].to_list() == ["1"]
    with hub.transaction():
        assert tombstones.lift(hub, ids("1")) == 1
    assert tombstones.of(hub, ids("1")).is_empty()


def test_what_is_ambiguous_keeps_the_time_since_when(hub):
    found = frame({"rule": 1, "entity": ENTITY, "id": "1", "candidates": ["7", "8"]})
    with hub.transaction():
        ambiguous.replace(hub, found, ids("1"))
    hub.clock.sleep(60)
    with hub.transaction():
        ambiguous.replace(hub, pl.concat([found, found.with_columns(id=pl.lit("2"))]), ids("1", "2"))
    assert ambiguous.of(hub, ids("1"))["since"].to_list() == [START]
    assert ambiguous.counts(hub) == {ENTITY: 2}
    with hub.transaction():
        ambiguous.replace(hub, found.clear(), ids("1", "2"))
    assert ambiguous.counts(hub) == {}


def test_pairs_that_a_person_told_apart(hub):
    pair = frame({"entity": ENTITY, "id": "1", "other_entity": OTHER, "other_id": "9"})
    for who in ("ada", "bob"):
        with hub.transaction():
            never.add(hub, pair, who)
    assert never.pairs(hub).rows() == [(ENTITY, "1", OTHER, "9")]
    turned = frame({"entity": OTHER, "id": "9", "other_entity": ENTITY, "other_id": "1"})
    with hub.transaction():
        assert never.lift(hub, turned) == 1
    assert never.pairs(hub).is_empty()


def test_who_has_a_match_key(hub):
    given = frame(
        {"rule": 1, "side": "source", "key": 2**64 - 1, "entity": ENTITY, "id": "1"},
        {"rule": 1, "side": "target", "key": 2**64 - 1, "entity": OTHER, "id": "9"},
        {"rule": 2, "side": "source", "key": 2**64 - 1, "entity": ENTITY, "id": "1"},
        key=pl.UInt64,
    )
    with hub.transaction():
        keys.put(hub, given)
    place(hub, (OTHER, "9", 3))
    wanted = pl.DataFrame({"rule": [1], "key": [2**64 - 1]}, schema_overrides={"key": pl.UInt64})
    assert keys.holders(hub, wanted).sort("entity").select("entity", "id", "cluster").rows() == [
        (ENTITY, "1", None),
        (OTHER, "9", 3),
    ]
    assert keys.hit(hub, wanted)["cluster"].to_list() == [3]
    with hub.transaction():
        keys.forget(hub, ids("1"))
    assert keys.holders(hub, wanted)["id"].to_list() == ["9"]
