"""Each commit to a DuckLake leaves files, and every query looks at all of them: they are put together now and then."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from talk_assets.hub import Hub, open_hub
from talk_assets.hub.upkeep.compact import tidy_if_due
from tests.hub.conftest import copied
from tests.hub.support import Counting, Ticking, keep, record

FACTS = 110


@pytest.fixture(scope="module")
def full(empty_hubs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake into which something was put again and again."""
    folder = tmp_path_factory.mktemp("full")
    with open_hub(copied("lake", empty_hubs, folder), clock=Ticking(), ids=Counting()) as hub:
        fill(hub, "first")
    return folder


@pytest.fixture
def lake(full: Path, tmp_path: Path, hub_at: Callable[..., Hub]) -> Hub:
    return hub_at(copied("lake", full, tmp_path))


def fill(hub: Hub, name: str) -> None:
    with hub.transaction():
        for number in range(FACTS):
            hub.write("INSERT INTO meta VALUES (?, ?)", [f"{name} {number}", "x"])


def facts(hub: Hub) -> int:
    return int(hub.value("SELECT count(*) FROM meta WHERE value = 'x'"))


def files(hub: Hub) -> int:
    return int(hub.value("SELECT sum(file_count + delete_file_count) FROM ducklake_table_info('hub')"))


def snapshots(hub: Hub) -> set[int]:
    return {*hub.read("SELECT snapshot_id FROM ducklake_snapshots('hub')")["snapshot_id"]}


def test_what_many_commits_left_is_put_together(lake):
    assert files(lake) > FACTS
    tidy_if_due(lake)
    assert files(lake) < 10
    assert facts(lake) == FACTS


def test_a_lake_that_is_tidy_is_left_alone(lake):
    tidy_if_due(lake)
    left = snapshots(lake)
    tidy_if_due(lake)
    assert snapshots(lake) == left


def test_what_others_may_still_read_is_kept(lake, tmp_path):
    there = sum(1 for _ in tmp_path.rglob("*.parquet"))
    left = snapshots(lake)
    tidy_if_due(lake)
    assert snapshots(lake) > left
    assert sum(1 for _ in tmp_path.rglob("*.parquet")) >= there


def test_what_nobody_reads_any_more_leaves_the_disk(lake, tmp_path):
    tidy_if_due(lake)
    lake.close()
    with closing(sqlite3.connect(tmp_path / "hub.sqlite")) as catalog, catalog:
        long_ago = ("2026-01-01 00:00:00+00",)
        catalog.execute("UPDATE ducklake_snapshot SET snapshot_time = ?", long_ago)
        catalog.execute("UPDATE ducklake_files_scheduled_for_deletion SET schedule_start = ?", long_ago)
    before = snapshots(lake)
    fill(lake, "second")
    tidy_if_due(lake)
    assert not snapshots(lake) & before
    assert sum(1 for _ in tmp_path.rglob("*.parquet")) < FACTS + 20
    assert facts(lake) == 2 * FACTS


def test_a_hub_that_is_a_file_needs_none_of_it(empty_hubs, tmp_path, hub_at):
    hub = hub_at(copied("file", empty_hubs, tmp_path))
    keep(hub, record("1", "Acme", None))
    before = hub.position()
    tidy_if_due(hub)
    assert hub.position() == before
