"""The rooms stand on each other as docs/architecture.md draws them: nothing imports upward."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path("talk_assets")
FLOORS = [
    {"expressions"},
    {"specs"},
    {"systems"},
    {"hub"},
    {"sync"},
    {"operator"},
    {"assets", "simulate"},
    {"automation", "demo"},
    {"definitions", "cli"},
]
"""From the ground up. A room may import its own floor and those below it."""
ONLY_IN = {
    "dagster": {"assets", "automation", "definitions"},
    "duckdb": {"expressions", "hub"},
    "polars": {"expressions", "hub", "sync", "operator", "specs", "simulate"},
    "httpx": {"systems", "simulate"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
    "click": {"cli"},
    "rich": {"cli"},
}
"""Libraries that change a room's nature, and the rooms that may know them."""


def modules() -> list[tuple[str, Path]]:
    return [(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path) for path in sorted(PACKAGE.rglob("*.py"))]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def rooms_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("talk_assets.")}


@pytest.mark.parametrize(("room", "path"), modules(), ids=str)
def test_no_room_imports_upward(room: str, path: Path):
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    if room in floor:
        above = {name for name in rooms_imported(path) if floor.get(name, 0) > floor[room]}
        assert not above, f"{path} stands below {above}"


def test_no_module_imports_itself_by_way_of_others():
    named = {path: ".".join(path.with_suffix("").parts).removesuffix(".__init__") for _, path in modules()}
    used = {name: imports(path) & set(named.values()) for path, name in named.items()}
    # Who imports a module of a package need not have anything of what that hands on.
    sifted = {
        name: {one for one in ones if not any(other.startswith(f"{one}.") for other in ones)} for name, ones in used.items()
    }
    TopologicalSorter(sifted).prepare()


@pytest.mark.parametrize(("room", "path"), modules(), ids=str)
def test_libraries_stay_in_their_rooms(room: str, path: Path):
    known = {name.split(".")[0] for name in imports(path)} & ONLY_IN.keys()
    strangers = {library for library in known if room not in ONLY_IN[library]}
    assert not strangers, f"{path} imports {strangers}"


def test_the_sandbox_knows_nothing_of_the_engine():
    for room, path in modules():
        if room == "sandbox":
            assert rooms_imported(path) <= {"sandbox"}, path


def test_httpx_is_imported_in_one_module():
    production = [path for room, path in modules() if room != "simulate"]
    assert len([path for path in production if "httpx" in {name.split(".")[0] for name in imports(path)}]) <= 1
