"""Cursors and history: what makes a step happen once, and what says that it did."""

import json
import stat

import polars as pl
import pytest

from talk_assets.hub import Fenced, HubError
from talk_assets.hub.tables import conflicts, cursors, history, holds, intents, meta, seal
from tests.hub.support import ENTITY, START, clusters, frame, ids


def step(hub, expected: object, to: object) -> None:
    with hub.transaction():
        meta.put(hub, f"output of {to}", "x")
        cursors.move(hub, "merge", expected=expected, to=to)


def test_a_cursor_moves_from_where_it_was_read(hub):
    assert cursors.position(hub, "merge") is None
    step(hub, None, {"since": "2026-01-01T00:00:00.1234567Z", "ø": [1, None]})
    step(hub, cursors.position(hub, "merge"), 7)
    assert cursors.position(hub, "merge") == 7
    assert cursors.position(hub, "other") is None


@pytest.mark.parametrize("stale", [None, 1, "2", {"2": 2}])
def test_a_step_from_a_stale_cursor_leaves_nothing(hub, stale):
    step(hub, None, 1)
    step(hub, 1, 2)
    with pytest.raises(Fenced, match="merge"):
        step(hub, stale, 3)
    assert cursors.position(hub, "merge") == 2
    assert meta.get(hub, "output of 3") is None


def test_a_cursor_that_was_reset_starts_again(hub):
    step(hub, None, 1)
    with hub.transaction():
        cursors.reset(hub, "merge")
    step(hub, None, 2)
    assert cursors.position(hub, "merge") == 2


@pytest.mark.parametrize("start", [None, 1])
def test_of_two_runs_that_take_the_same_step_one_is_fenced(tmp_path, hub_at, start):
    pytest.importorskip("duckdb_extension_ducklake")
    one, other = (hub_at(f"ducklake:sqlite:{tmp_path / 'hub.sqlite'}") for _ in range(2))
    if start:
        step(one, None, start)

    def work() -> None:
        cursors.move(one, "merge", expected=start, to=2)
        if not meta.get(one, "output of 2"):
            step(other, start, 2)

    with pytest.raises(Fenced):
        one.run(work)
    assert other.read("SELECT position FROM cursors").rows() == [("2",)]


def test_history_is_read_back_in_order(hub):
    with hub.transaction():
        history.append(hub, frame({"kind": "linked", "cluster": 1}, {"kind": "edit", "cluster": 2, "path": "name"}), "run 1")
    with hub.transaction():
        history.append(hub, frame({"kind": "written", "cluster": 1, "entity": ENTITY, "id": "7", "after": "x"}), "run 2")
        history.append(hub, frame({"kind": "nothing"}).clear(), "run 2")
    assert history.of(hub, clusters(1))["kind"].to_list() == ["linked", "written"]
    assert history.about(hub, ids("7")).select("number", "at", "run", "after").rows() == [(3, START, "run 2", "x")]
    assert history.after(hub, 1)["number"].to_list() == [2, 3]
    assert history.after(hub, run="run 1", limit=1)["kind"].to_list() == ["linked"]
    assert history.verify(hub) == []


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (
            "CREATE OR REPLACE TEMP TABLE h AS SELECT * REPLACE ('y' AS after) FROM history WHERE number = 2",
            "row 2 of the history was changed",
        ),
        ("CREATE OR REPLACE TEMP TABLE h AS FROM history WHERE number = 2 LIMIT 0", "batch 1 of the history was changed"),
        (
            "CREATE OR REPLACE TEMP TABLE h AS SELECT * REPLACE (NULL AS before, before AS path) FROM history WHERE number = 2",
            "row 2 of the history was changed",
        ),
    ],
    ids=["a value", "a row", "a value in its neighbour's place"],
)
def test_whoever_changes_the_past_is_found_out(hub, tamper, found):
    with hub.transaction():
        rows = [{"kind": "edit", "before": str(n), "after": "x"} for n in range(3)]
        history.append(hub, frame(*rows), "run")
    with hub.transaction():
        hub.write(tamper)
        hub.write("DELETE FROM history WHERE number = 2")
        hub.write("INSERT INTO history BY NAME SELECT * FROM h")
    assert found in history.verify(hub)


def test_a_batch_that_is_taken_out_whole_is_missed(hub):
    for n in range(3):
        with hub.transaction():
            history.append(hub, frame({"kind": f"step {n}"}), "run")
    with hub.transaction():
        hub.write("DELETE FROM history WHERE batch = 2")
        hub.write("DELETE FROM chain WHERE batch = 2")
    assert history.verify(hub) == ["1 batches of the history are gone", "batch 3 of the history was changed"]


def test_history_is_exported_for_its_owner(hub, tmp_path):
    with hub.transaction():
        history.append(hub, frame({"kind": "edit", "after": 'a "b"\næ'}, {"kind": "edit", "after": None}), "run")
    path = tmp_path / "history.ndjson"
    assert history.export(hub, path) == 2
    assert [json.loads(line)["after"] for line in path.read_text(encoding="utf-8").splitlines()] == ['a "b"\næ', None]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(HubError, match="never overwrites"):
        history.export(hub, path)


def test_an_export_has_its_name_only_when_it_is_whole(hub, monkeypatch, tmp_path):
    hub.run(lambda: history.append(hub, frame({"kind": "edit"}), "run"))

    def full(_):
        yield pl.DataFrame({"kind": ["edit"]})
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(seal, "pages", full)
        with pytest.raises(OSError, match="No space"):
            history.export(hub, tmp_path / "history.ndjson")
    assert list(tmp_path.glob("history*")) == []
    assert history.export(hub, tmp_path / "history.ndjson") == 1


def test_much_that_happened_at_once_is_hashed_and_read_some_at_a_time(hub, monkeypatch, tmp_path):
    monkeypatch.setattr(seal, "PAGE", 2)
    hub.run(lambda: history.append(hub, frame(*({"id": id_, "kind": "linked"} for id_ in "abcde")), "run 1"))
    assert hub.read("SELECT rows FROM chain ORDER BY batch")["rows"].to_list() == [2, 2, 1]
    assert history.verify(hub, history.head(hub)) == []
    assert history.export(hub, tmp_path / "history.json") == 5
    told = [json.loads(line)["id"] for line in (tmp_path / "history.json").read_text().splitlines()]
    assert told == list("abcde")


def test_numbers_survive_being_asked_for_in_bulk(hub):
    with hub.transaction():
        history.append(hub, pl.DataFrame({"kind": ["edit"] * 5}), "run")
        history.append(hub, pl.DataFrame({"kind": ["edit"] * 5}), "run")
    assert history.after(hub)["number"].to_list() == list(range(1, 11))


def test_what_is_noted_about_fields_follows_their_names(hub):
    named = {"field": ["f.name", "f.city"]}
    with hub.transaction():
        rows = pl.DataFrame({**named, "cluster": [1, 1], "entity": ["e.a", "e.a"], "id": ["1", "1"]})
        holds.put(hub, rows.with_columns(kind=pl.lit("contradiction"), reason=pl.lit("because")))
        found = rows.with_columns(kind=pl.lit("edits"), value=pl.lit("x"), base=pl.lit("y"), won=pl.lit(value=True))
        conflicts.append(hub, found, "run")
        sent = {"id": ["i"], "kind": ["update"], "entity": ["e.a"], "cluster": [1], "state": ["done"]}
        intents.begin(hub, pl.DataFrame({**sent, "fields": [named["field"]], "versions": [[1, 2]]}))
    position = hub.position()
    with hub.transaction():
        for part in (holds, conflicts, intents):
            part.rename_fields(hub, {"f.name": "g.name"})
    assert holds.still(hub)["field"].to_list() == ["g.name", "f.city"]
    assert conflicts.recent(hub)["field"].sort().to_list() == ["f.city", "g.name"]
    (told,) = intents.of(hub, pl.DataFrame({"id": ["i"]})).select("fields", "versions", "seq").rows()
    assert (told[:2], told[2] <= position) == ((["g.name", "f.city"], [1, 2]), True)
