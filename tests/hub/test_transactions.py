"""All or nothing, also when the process dies."""

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from talk_assets.hub import Busy, Hub, HubError, open_hub
from talk_assets.hub.tables import meta
from tests.hub.support import Ticking, keep, record

DIES = """
import os, signal, sys
import polars as pl
from talk_assets.hub import Hub, open_hub
from talk_assets.hub.tables import cursors, history, records, shapes

def crash(name):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

hub = open_hub(sys.argv[1], crashpoint=crash)
for number in range(3):
    def step():
        shape = shapes.shape_of(hub, "erp.customer", ["name"], [])
        rows = pl.DataFrame({"entity": "erp.customer", "id": [f"{number}-{n}" for n in range(500)], "body": "{}"})
        records.upsert(hub, rows.with_columns(digest=pl.lit(1), shape=pl.lit(shape.number), vals=pl.lit("x")))
        cursors.move(hub, "collect", expected=number or None, to=number + 1)
        history.append(hub, pl.DataFrame({"kind": ["step"], "reason": [str(number)]}), "run")
    hub.run(step, f"step {number}")
    print(number, flush=True)
"""


def test_an_error_undoes_everything(hub):
    with pytest.raises(ZeroDivisionError), hub.transaction():  # noqa: PT012
        keep_inside(hub)
        raise ZeroDivisionError
    assert hub.read("SELECT count(*) FROM meta WHERE key = 'x'").item() == 0
    assert hub.position() == 0


def keep_inside(hub: Hub) -> None:
    meta.put(hub, "x", str(hub.seq))


def test_a_transaction_has_one_number_and_the_next_a_higher_one(hub):
    with hub.transaction():
        first = (hub.seq, hub.seq)
    with hub.transaction():
        second = hub.seq
    assert first == (1, 1)
    assert second == hub.position() == 2


def test_writing_needs_a_transaction(hub):
    with pytest.raises(HubError, match="inside a transaction only"):
        meta.put(hub, "x", "1")


def test_a_transaction_has_none_inside(hub):
    with pytest.raises(HubError, match="inside a transaction"), hub.transaction(), hub.transaction():
        pass
    with hub.transaction():
        keep_inside(hub)


def test_a_swallowed_error_is_not_committed(hub):
    """DuckDB would say that it had committed, and have kept nothing."""
    with pytest.raises(HubError, match="had failed"), hub.transaction():  # noqa: PT012
        keep_inside(hub)
        with pytest.raises(duckdb.Error):
            hub.write("INSERT INTO meta VALUES (1 / 'a', NULL)")
    assert meta.get(hub, "x") is None


def test_crash_points_stand_on_both_sides_of_a_commit(url, hub_at):
    seen: list[tuple[str, str | None]] = []
    hub = hub_at(url, crashpoint=lambda name: seen.append((name, name)))
    seen.clear()
    with hub.transaction("collect"):
        keep_inside(hub)
    assert [name for name, _ in seen] == ["collect: before commit", "collect: after commit"]


def test_a_crash_before_the_commit_undoes_and_one_after_it_does_not(url, hub_at):
    def crash(name: str) -> None:
        if name.startswith(("early: before", "late: after")):
            raise KeyboardInterrupt

    hub = hub_at(url, crashpoint=crash)
    for name in ("early", "late"):
        with pytest.raises(KeyboardInterrupt), hub.transaction(name):
            meta.put(hub, name, "kept")
    assert (meta.get(hub, "early"), meta.get(hub, "late")) == (None, "kept")


def test_work_that_met_another_writer_is_done_again(tmp_path, hub_at):
    pytest.importorskip("duckdb_extension_ducklake")
    url = f"ducklake:sqlite:{tmp_path / 'hub.sqlite'}"
    one, other = hub_at(url), hub_at(url)
    tries: list[int] = []

    def work() -> None:
        tries.append(one.seq)
        if len(tries) == 1:
            other.run(lambda: meta.put(other, "other", str(other.seq)))
        meta.put(one, "one", str(one.seq))

    one.run(work)
    assert tries == [1, 2]
    assert (meta.get(other, "one"), meta.get(one, "other")) == ("2", "1")


def test_work_that_always_meets_another_writer_ends_in_words(tmp_path):
    pytest.importorskip("duckdb_extension_ducklake")
    url = f"ducklake:sqlite:{tmp_path / 'hub.sqlite'}"
    with open_hub(url, clock=Ticking()) as one, open_hub(url) as other:

        def work() -> None:
            meta.put(one, "one", str(one.seq))
            other.run(lambda: meta.put(other, "other", str(other.seq)))

        with pytest.raises(Busy, match=r"hub\.sqlite was written by others"):
            one.run(work)
        assert meta.get(other, "one") is None


def test_work_that_fails_otherwise_is_not_done_again(hub):
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        hub.write("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(duckdb.CatalogException):
        hub.run(work)
    assert len(tries) == 1


@pytest.mark.parametrize(("at", "acknowledged", "kept"), [("step 1: before commit", 1, 1), ("step 1: after commit", 1, 2)])
def test_a_killed_process_loses_nothing_that_it_had_acknowledged(lasting_url, hub_at, at, acknowledged, kept):
    command = [sys.executable, "-c", DIES, lasting_url, at]
    died = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert died.stdout.split() == [str(number) for number in range(acknowledged)]
    hub = hub_at(lasting_url)
    assert hub.read("SELECT count(*) FROM records").item() == 500 * kept
    assert hub.read("SELECT position FROM cursors").item() == str(kept)
    assert hub.read("SELECT count(*) FROM history").item() == kept
    keep(hub, record("again", "Acme", None))


def test_close_is_for_good_only_in_memory(tmp_path: Path, hub_at):
    hub = hub_at(str(tmp_path / "hub.duckdb"))
    keep(hub, record("1", "Acme", None))
    hub.close()
    hub.close()
    assert hub.read("SELECT count(*) FROM records").item() == 1
