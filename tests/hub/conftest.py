"""One hub of each kind: in memory, in a file, and in a DuckLake whose catalog is SQLite."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from talk_assets.hub import Hub, open_hub
from talk_assets.hub.schema import TABLES, VERSION
from talk_assets.hub.text import quoted
from tests.hub.support import Counting, Ticking

KINDS = ["memory", "file", "lake"]
SOON_TRIED = ["memory", "file", pytest.param("lake", marks=pytest.mark.long)]
"""A lake takes five times as long for the same questions: `.ci/run` asks it. What lasts in one, each run of the suite tries."""


@pytest.fixture(scope="session")
def empty_hubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hubs without a row, made once: making the tables of a DuckLake takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty")
    for kind in ["file", "lake"]:
        open_hub(url_of(kind, folder), clock=Ticking(), ids=Counting()).close()
    return folder


def copied(kind: str, empty_hubs: Path, folder: Path) -> str:
    if kind == "file":
        shutil.copy(empty_hubs / "hub.duckdb", folder)
    if kind == "lake":
        shutil.copy(empty_hubs / "hub.sqlite", folder)
        shutil.copytree(empty_hubs / "hub.sqlite.files", folder / "hub.sqlite.files")
        with closing(sqlite3.connect(folder / "hub.sqlite")) as catalog, catalog:
            where = (f"{folder / 'hub.sqlite'}.files/",)
            catalog.execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", where)
    return url_of(kind, folder)


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, empty_hubs: Path, tmp_path: Path) -> str:
    return copied(request.param, empty_hubs, tmp_path)


@pytest.fixture(params=["file", "lake"])
def lasting_url(request: pytest.FixtureRequest, empty_hubs: Path, tmp_path: Path) -> str:
    return copied(request.param, empty_hubs, tmp_path)


def url_of(kind: str, folder: Path) -> str:
    places = {
        "memory": ":memory:",
        "file": f"duckdb:{folder / 'hub.duckdb'}",
        "lake": f"ducklake:sqlite:{folder / 'hub.sqlite'}",
    }
    return places[kind]


@pytest.fixture
def hub_at() -> Iterator[Callable[..., Hub]]:
    opened: list[Hub] = []

    def opening(url: str, clock: Ticking | None = None, **ports: Any) -> Hub:
        hub = open_hub(url, clock=clock or Ticking(), ids=Counting(), random=Random(1), **ports)  # noqa: S311
        opened.append(hub)
        return hub

    yield opening
    for hub in opened:
        hub.close()


@pytest.fixture(scope="session")
def lake(empty_hubs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One for all tests that need not open their own: most of the time goes into loading its extensions."""
    with open_hub(copied("lake", empty_hubs, tmp_path_factory.mktemp("lake")), clock=Ticking()) as hub:
        yield hub


@pytest.fixture(params=SOON_TRIED)
def hub(request: pytest.FixtureRequest, empty_hubs: Path, tmp_path: Path, hub_at: Callable[..., Hub]) -> Hub:
    if request.param == "lake":
        return emptied(request.getfixturevalue("lake"))
    return hub_at(copied(request.param, empty_hubs, tmp_path))


def emptied(hub: Hub) -> Hub:
    hub.clock, hub.ids = Ticking(), Counting()
    views = hub.read("SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'hub' AND NOT internal")
    counted = [f"SELECT '{table}' WHERE EXISTS (FROM {table})" for table in TABLES]
    filled = hub.read(" UNION ALL ".join(counted)).to_series()
    with hub.transaction():
        for schema, view in views.iter_rows():
            hub.write(f"DROP VIEW {quoted(schema)}.{quoted(view)}")
        for table in filled:
            hub.write(f"DELETE FROM {table}")  # noqa: S608
        hub.write("INSERT INTO meta VALUES ('schema', ?), ('installation', 'id-1')", [str(VERSION)])
    hub.forget()
    return hub
