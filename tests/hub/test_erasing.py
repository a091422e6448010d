"""What is taken out of a hub is out of its files too, and the history can still be trusted afterwards."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from talk_assets.hub import Hub
from talk_assets.hub.tables import ambiguous, conflicts, history, holds, intents, members, suppressed, tombstones
from talk_assets.hub.upkeep import about
from talk_assets.hub.upkeep.compact import compact_if_due
from talk_assets.hub.upkeep.prune import prune
from tests.hub.conftest import SOON_TRIED
from tests.hub.support import ENTITY, OTHER, START, clusters, frame, ids, keep, make_lists, place, record, told

CANARY = "Kvitreheim"
DAY = 86_400.0


def edit(hub: Hub, *rows: dict) -> None:
    with hub.transaction():
        history.append(hub, frame(*({"kind": "edit", "entity": ENTITY, "path": "name", **row} for row in rows)), "run")


def erased(hub: Hub, record_id: str, *numbers: int) -> dict[str, int]:
    with hub.transaction():
        return about.erase(hub, ids(record_id), clusters(*numbers), "kari", "run")


def canaries(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


@pytest.mark.parametrize("lasting_url", SOON_TRIED[1:], indirect=True)
def test_what_was_deleted_is_in_no_file_once_the_hub_is_compact(lasting_url, hub_at, tmp_path):
    hub = hub_at(lasting_url)
    keep(hub, record("1", CANARY, None), record("2", "Olsen", None))
    place(hub, (ENTITY, "1", 1), (ENTITY, "2", 2))
    edit(hub, {"id": "1", "cluster": 1, "after": CANARY}, {"id": "2", "cluster": 2, "after": "Olsen"})
    hub.settle()
    assert erased(hub, "1", 1)["records"] == 1
    hub.close()
    assert canaries(tmp_path)
    # Whoever opens it next, if nobody came to it before.
    with hub_at(lasting_url) as other:
        compact_if_due(other)
    hub.close()
    assert canaries(tmp_path) == []
    assert hub.read("SELECT id, vals FROM records").rows() == [("2", told("Olsen", None))]
    assert history.verify(hub) == []
    edit(hub, {"id": "2", "cluster": 2, "after": "Hansen"})
    assert history.after(hub)["after"].to_list() == [None, "Olsen", None, "Hansen"]
    assert not list(tmp_path.glob("*.partial*"))


def test_a_hub_is_written_anew_only_when_something_went(path_of_hub, hub_at):
    hub = hub_at(f"duckdb:{path_of_hub}")
    keep(hub, record("1", CANARY, None))
    compact_if_due(hub)
    hub.close()
    assert CANARY.encode() in path_of_hub.read_bytes()
    before = path_of_hub.stat().st_ino
    erased(hub, "1", 1)
    compact_if_due(hub)
    hub.close()
    after = path_of_hub.stat()
    assert (after.st_ino != before, after.st_mode & 0o777) == (True, 0o600)
    compact_if_due(hub)
    hub.close()
    assert path_of_hub.stat().st_ino == after.st_ino


@pytest.fixture
def path_of_hub(tmp_path):
    return tmp_path / "hub.duckdb"


def test_erased_rows_say_when_and_no_longer_whom_or_what_and_every_head_stays_good(hub):
    edit(hub, {"id": "1", "cluster": 1, "before": CANARY, "after": "x", "reason": f"{CANARY} said so"})
    edit(hub, {"id": "2", "cluster": 2, "after": "y"})
    head = history.head(hub)
    assert erased(hub, "1", 1)["history"] == 1
    assert erased(hub, "1", 1)["history"] == 0
    rows = history.after(hub).select("kind", "cluster", "path", "id", "before", "after", "reason").rows()
    assert rows[0] == ("edit", 1, "name", None, None, None, None)
    assert rows[1] == ("edit", 2, "name", "2", None, "y", None)
    assert rows[2] == ("erased", 1, None, None, None, None, "the values of 1 rows, by kari")
    assert hub.read("SELECT salt FROM history ORDER BY number")["salt"].is_null().to_list() == [True, False, False]
    assert history.verify(hub, head) == []


@pytest.mark.parametrize(
    "emptied",
    ["id = NULL, before = NULL, after = NULL, reason = NULL, salt = NULL", "after = 'z', salt = NULL"],
    ids=["emptied", "another value"],
)
def test_what_somebody_only_calls_erased_is_found_out(hub, emptied):
    edit(hub, {"id": "1", "cluster": 1, "after": "x"})
    with hub.transaction():
        hub.write(f"UPDATE history SET {emptied}")  # noqa: S608
    assert history.verify(hub) == ["row 1 of the history was emptied, and no erasure says so"]


def test_a_history_that_was_cut_off_or_written_anew_does_not_have_the_head_from_before(hub):
    for n in range(3):
        edit(hub, {"id": "1", "cluster": 1, "after": str(n)})
    head = history.head(hub)
    with hub.transaction():
        hub.write("DELETE FROM history WHERE batch = 3")
        hub.write("DELETE FROM chain WHERE batch = 3")
    assert history.verify(hub) == ["the history was cut off after row 2: rows up to 3 were written"]
    with hub.transaction():
        hub.write("UPDATE meta SET value = '2' WHERE key = 'last history'")
    assert history.verify(hub) == []
    assert [problem.partition(":")[0] for problem in history.verify(hub, head)] == [f"no batch ends with the head {head!r}"]
    edit(hub, {"id": "1", "cluster": 1, "after": "2"})
    assert len(history.verify(hub, head)) == 1


def test_what_is_known_of_a_person_follows_its_clusters_but_not_into_somebody_elses(hub):
    keep(hub, record("1", CANARY, None), record("2", "Olsen", None))
    keep(hub, record("9", "Olsen", None, entity=OTHER))
    # 1 was linked with 9 by mistake, and before that on its own in a cluster that was joined to another.
    place(hub, (ENTITY, "1", 3), (ENTITY, "2", 2), (OTHER, "9", 2))
    edit(hub, {"id": "1", "cluster": 1, "after": CANARY}, {"id": "1", "cluster": 2, "after": CANARY})
    edit(hub, {"entity": OTHER, "id": "9", "cluster": 2, "after": "Olsen"}, {"cluster": 1, "after": "without a number"})
    found = about.clusters_of(hub, ids("1"))
    assert found["cluster"].to_list() == [1, 3]
    told = about.gather(hub, ids("1"), found)
    assert told["members"]["id"].to_list() == ["1"]
    assert told["history"]["after"].to_list() == [CANARY, CANARY, "without a number"]
    erased(hub, "1", 1, 3)
    assert history.after(hub)["after"].drop_nulls().to_list() == ["Olsen"]
    assert members.ids_in(hub, clusters(2)).height == 2
    assert history.verify(hub) == []


def test_s22_a_record_is_known_by_its_whole_name(hub):
    others = ["11", "01", "1 ", "/1", "1/1", "A", "a"]
    keep(hub, *(record(id_, "Olsen", None) for id_ in ("1", *others)))
    keep(hub, record("1", "Olsen", None, entity=f"{ENTITY}/1"), record("1", "Olsen", None, entity=f"{ENTITY}_1"))
    place(hub, *((ENTITY, id_, number) for number, id_ in enumerate(["1", *others], 1)))
    erased(hub, "1", 1)
    left = hub.read("SELECT entity, id FROM records")
    assert set(left.filter(pl.col("entity") == ENTITY)["id"]) == set(others)
    assert left.height == len(others) + 2
    assert members.ids_in(hub, clusters(*range(10)))["id"].sort().to_list() == sorted(others)


def test_all_tables_are_emptied_of_it(hub):
    keep(hub, record("1", CANARY, None))
    place(hub, (ENTITY, "1", 1))
    said = {
        "cluster": 1,
        "field": "f",
        "kind": "edits",
        "entity": ENTITY,
        "id": "1",
        "value": CANARY,
        "base": None,
        "won": True,
    }
    with hub.transaction():
        conflicts.append(hub, frame(said), "run")
        tombstones.bury(hub, frame({"entity": OTHER, "id": "5", "cluster": 1}))
        doubt = {"rule": 1, "entity": OTHER, "id": "7", "candidates": [f"{ENTITY}/1", f"{ENTITY}/2"]}
        ambiguous.replace(hub, frame(doubt), frame(doubt).select("entity", "id"))
        asked = {"kind": "rejected", "entity": ENTITY, "cluster": 2, "reason": "lost"}
        holds.put(hub, frame(asked | {"candidates": [f"{ENTITY}/1", f"{ENTITY}/2"]}))
    assert erased(hub, "1", 1) == dict.fromkeys(about.gather(hub, ids("1"), clusters(1)), 0) | dict.fromkeys(
        ("records", "members", "conflicts", "tombstones"), 1
    )
    assert not any(len(rows) for rows in about.gather(hub, ids("1"), clusters(1)).values())
    assert ambiguous.every(hub)["candidates"].to_list() == holds.still(hub)["candidates"].to_list() == [[f"{ENTITY}/2"]]


def test_the_suppression_list_names_nobody_and_lifts_what_was_erased_together(hub):
    with hub.transaction():
        suppressed.add(hub, ["a.b/1", "c.d/2"])
        suppressed.add(hub, ["a.b/3", "a.b/1"])
    assert suppressed.every(hub).height == 3
    assert not {"a.b", "c.d"} & set(suppressed.every(hub)["key"].str.slice(0, 3))
    with hub.transaction():
        assert suppressed.lift(hub, "c.d/2") == 2
        assert suppressed.lift(hub, "c.d/2") == 0
    salt = suppressed.salt(hub)
    assert salt
    assert set(suppressed.holds(hub)) == {suppressed.key_of(salt, "a.b/3")}


def test_a_long_history_is_verified_a_piece_at_a_time(hub, monkeypatch):
    for n in range(7):
        edit(hub, *({"id": "1", "cluster": n, "after": f"{n} {m} æ\U0001f426"} for m in range(1 + n % 4)))
    monkeypatch.setattr("talk_assets.hub.tables.seal.PAGE", 3)
    assert history.verify(hub) == []
    with hub.transaction():
        hub.write("UPDATE history SET after = 'z' WHERE number IN (2, 9)")
        hub.write("UPDATE history SET run = 'z' WHERE batch = 6")
    assert [problem.partition(" of ")[0] for problem in history.verify(hub)] == ["row 2", "row 9", "batch 6"]


def test_the_history_of_an_older_hub_is_sealed(tmp_path, hub_at):
    url = f"duckdb:{tmp_path / 'old.duckdb'}"
    with hub_at(url) as hub:
        edit(hub, {"id": "1", "cluster": 1, "after": "x"}, {"id": "2", "cluster": 2, "after": "y"})
        edit(hub, {"id": "1", "cluster": 1, "after": "z"})
        with hub.transaction():
            for statement in (
                "ALTER TABLE history DROP COLUMN salt",
                "ALTER TABLE chain DROP COLUMN content",
                "ALTER TABLE tombstones ADD COLUMN shape INTEGER",
                "ALTER TABLE tombstones ADD COLUMN vals VARCHAR[]",
                "DROP TABLE suppressed",
                "ALTER TABLE members DROP COLUMN known_by",
                "UPDATE meta SET value = '2' WHERE key = 'schema'",
            ):
                hub.write(statement)
            make_lists(hub)
    hub = hub_at(url)
    assert history.verify(hub) == []
    assert history.after(hub)["after"].to_list() == ["x", "y", "z"]
    edit(hub, {"id": "1", "cluster": 1, "after": "w"})
    assert erased(hub, "1", 1)["history"] == 3
    assert history.verify(hub) == []
    with hub.transaction():
        tombstones.bury(hub, pl.DataFrame({"entity": [ENTITY], "id": ["1"], "cluster": [1]}))
    assert members.known(hub, ids("1")).is_empty()


def test_s27_what_is_over_goes_and_the_rest_can_still_be_verified(hub):
    heads = []
    for n in range(4):
        hub.clock.seconds = n * DAY
        edit(hub, {"id": str(n), "cluster": n, "after": "x"}, {"id": str(n), "cluster": n, "after": "y"})
        heads.append(history.head(hub))
    with hub.transaction():
        assert prune(hub, START + timedelta(days=1, hours=1), "by kari", "run")["history"] == 4
    assert history.after(hub)["number"].to_list() == [5, 6, 7, 8, 9]
    assert history.after(hub, 8).select("kind", "after", "reason").rows() == [
        ("pruned", "2", "4 rows from before 2026-01-03, by kari")
    ]
    assert [history.verify(hub, head) for head in heads] == [[]] * 4
    with hub.transaction():
        assert not any(prune(hub, START + timedelta(days=1, hours=1), "by kari", "run").values())
        hub.write("DELETE FROM history WHERE batch = 3")
    assert history.verify(hub) == ["batch 3 of the history was changed"]


def test_s27_what_something_is_still_expected_of_stays(hub):
    old, intent = START - timedelta(days=1), {"kind": "update", "cluster": 1, "entity": ENTITY, "prepared": "{}"}
    said = {"kind": "edits", "entity": ENTITY, "id": "1", "value": CANARY, "won": True}
    keep(hub, record("1", CANARY, None))
    with hub.transaction():
        states = ["done", "rejected", "unknown", "quarantined"]
        intents.begin(hub, frame(*(intent | {"id": state, "state": state, "last_sent_at": old} for state in states)))
        conflicts.append(hub, frame(said | {"cluster": 1, "field": "a"}, said | {"cluster": 1, "field": "b"}), "run")
        holds.put(hub, frame(*({"kind": "flips", "cluster": 1, "field": f, "reason": "x"} for f in ("b", "c"))))
        holds.release(hub, frame({"field": "c"}))
        holds.approve(hub, "used", "kari")
        holds.use_approval(hub, "used")
        holds.approve(hub, "open", "kari")
    with hub.transaction():
        gone = prune(hub, START + timedelta(hours=1), "by kari", "run")
    assert gone == {"history": 0, "intents": 2, "conflicts": 1, "holds": 1, "approvals": 1}
    assert set(intents.unfinished(hub)["id"]) == {"unknown", "quarantined"}
    assert conflicts.recent(hub)["field"].to_list() == ["b"]
    assert holds.approved(hub) == {"open"}
    assert about.gather(hub, ids("1"), clusters(1))["records"].height == 1
