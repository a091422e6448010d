"""Processes that die, run out of room or meet each other, with a hub that is a file."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from talk_assets.hub import Busy, HubError, open_hub
from talk_assets.hub.opening import bring_up_to_date
from talk_assets.sync import collect
from tests.faults.bench import ERP, PO, Bench, product
from tests.faults.kills import TARGETS, Field, field, killed_at
from tests.hub.support import make_lists
from tests.hub.test_opening import HOLD, Holder

DIES = """
import os, signal, sys
from talk_assets.hub import Hub, open_hub
from talk_assets.hub.tables import meta
hub = open_hub(sys.argv[1])
for number in range(50):
    hub.run(lambda: meta.put(hub, f"fact {number}", "x" * 200))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Five systems over real sockets, and a hub after a first sync."""
    with field(tmp_path_factory.mktemp("ground")) as one:
        yield one


@pytest.mark.long
def test_p01_killed_before_an_answer_is_kept_nothing_is_lost_or_made_twice_by_any_kind_of_api(ground: Field):
    """`python -m tests.faults` kills at all other points too."""
    assert killed_at(ground, [f"answer {target}" for target in TARGETS]) == []
    assert ground.problems() == []


@pytest.mark.long
def test_p04_a_full_disk_is_said_and_what_was_under_way_is_found_out_later(ground: Field):
    for room, told in ((8_000, "Make room on the disk"), (60_000, "What was committed is safe")):
        ground.stir()
        assert ground.run(room=room) == 7
        assert told in ground.told.read_text()
    ground.settle()
    assert ground.problems() == []


def test_p05_a_log_that_cannot_be_replayed_is_said_and_no_file_is_touched(tmp_path: Path):
    path = tmp_path / "hub.duckdb"
    subprocess.run([sys.executable, "-c", DIES, str(path)], check=False)  # noqa: S603 - ourselves
    log = tmp_path / "hub.duckdb.wal"
    spoilt = bytearray(log.read_bytes())
    spoilt[spoilt.index(b"x" * 100, len(spoilt) // 2)] ^= 0xFF
    log.write_bytes(spoilt)
    before = path.read_bytes()
    with pytest.raises(HubError, match="cannot be opened"):
        open_hub(str(path))
    assert (path.read_bytes(), log.read_bytes()) == (before, bytes(spoilt))


def test_p08_a_process_that_was_paused_has_lost_nothing_to_another_one(tmp_path: Path):
    path = tmp_path / "hub.duckdb"
    with Holder(HOLD, f"duckdb:{path}") as holder:
        holder.process.send_signal(signal.SIGSTOP)
        with pytest.raises(Busy, match=f"PID {holder.process.pid}"):
            open_hub(str(path), wait_seconds=0)
        holder.process.send_signal(signal.SIGCONT)
        holder.let_go()
    open_hub(str(path), wait_seconds=0).close()


def test_p09_a_cycle_more_or_less_changes_nothing(bench: Bench):
    bench.add(ERP, **product(1))
    bench.loaded()
    for _ in range(3):
        bench.cycle(pause=0.1)
    bench.cycle(pause=100_000)
    assert bench.writes == []


def test_p10_a_large_collection_is_kept_piece_by_piece(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    for number in range(450):
        bench.add(ERP, **product(number))
    monkeypatch.setattr(collect, "BATCH", 200)
    bench.dies(f"collect {ERP}: after commit")
    assert bench.hub.value("SELECT count(*) FROM records") == 200
    assert bench.hub.value("SELECT count(*) FROM cursors") == 0
    bench.engine.run(dry=True)
    assert bench.hub.value("SELECT count(*) FROM records") == 450


def test_p11_a_write_under_way_is_found_out_by_a_newer_program(bench: Bench):
    one = bench.add(ERP, **product(1))
    bench.dies(f"answer {PO}")
    assert len(bench.all(PO)) == 1

    def as_it_was() -> None:
        bench.hub.write("DROP TABLE never")
        make_lists(bench.hub)
        bench.hub.write("UPDATE meta SET value = '1' WHERE key = 'schema'")

    bench.hub.run(as_it_was)
    bring_up_to_date(bench.hub)
    bench.settle()
    assert bench.all(PO) == [bench.partner(one, PO)]


def test_p12_a_clock_that_jumps_loses_and_repeats_nothing(bench: Bench):
    one = bench.add(ERP, **product(1))
    bench.loaded()
    partner = bench.partner(one, PO)
    for days in (-400, 400, -1, 0):
        bench.watch.is_off_by = timedelta(days=days)
        bench.edit(one, name=f"Here at {days}")
        bench.settle()
        assert bench.record(partner)["Name"] == f"Here at {days}"
        bench.edit(partner, Name=f"There at {days}")
        bench.settle()
        assert bench.record(one)["name"] == f"There at {days}"
    assert len(bench.told("edit")) == 8


def test_p13_a_run_whose_progress_nobody_can_hear_is_as_if_it_had_been_killed(bench: Bench):
    made = [bench.add(ERP, **product(number)) for number in range(3)]

    def full(line: str) -> None:
        if line.startswith("writing"):
            raise OSError(28, "No space left on device")

    bench.engine._world = replace(bench.engine.world, tell=full)
    with pytest.raises(OSError, match="No space"):
        bench.cycle()
    bench.engine.die()
    bench.settle()
    assert sorted(bench.partner(one, PO) for one in made) == sorted(bench.all(PO))


def test_who_waits_is_told_what_a_killed_run_left_to_find_out(bench: Bench):
    bench.add(ERP, **product(1))
    bench.dies(f"answer {PO}")
    told: list[str] = []
    bench.engine._world = replace(bench.engine.world, tell=told.append)
    bench.cycle()
    assert "finding out what became of 1 write without an answer" in told
