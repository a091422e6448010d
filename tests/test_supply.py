"""Rule S23: what is installed is what was checked. Needs no network: it reads what is pinned, and what is installed here."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
HASHED = Path("deploy/requirements.txt")
_ENTRY = re.compile(r"^([a-z0-9.-]+)==(\S+?)(?: ;[^\\]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def pinned() -> dict[str, str]:
    return dict(line.split("==") for line in PROJECT["tool"]["uv"]["constraint-dependencies"])


def needed(names: list[str]) -> dict[str, str]:
    """Everything that these requirements bring with them here, with the version that is installed."""
    waiting, seen, found = [Requirement(name) for name in names], set[str](), dict[str, str]()
    while waiting:
        one = waiting.pop()
        if str(one) not in seen:
            seen.add(str(one))
            there = distribution(one.name)
            found[canonicalize_name(one.name)] = there.version
            brought = [Requirement(text) for text in there.requires or ()]
            asked = [{"extra": extra} for extra in ("", *one.extras)]
            waiting += [each for each in brought if each.marker is None or any(map(each.marker.evaluate, asked))]
    return found


def test_s23_all_that_is_installed_is_pinned_to_one_version():
    installed = needed(PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"])
    assert {"dagster", "grpcio", "pytest", "jinja2"} <= installed.keys()
    of_duckdb = {name for name in installed if name.startswith("duckdb-extension")}
    assert {name: version for name, version in installed.items() if name not in of_duckdb} == {
        name: pinned().get(name) for name in installed if name not in of_duckdb
    }


def test_s23_what_a_server_installs_is_pinned_by_hash():
    text = HASHED.read_text(encoding="utf-8")
    entries = {name: version for name, version, _ in _ENTRY.findall(text)}
    assert len(entries) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    assert "://" not in text
    assert needed(PROJECT["project"]["dependencies"]).items() <= entries.items()
    assert not {name: version for name, version in entries.items() if pinned().get(name, version) != version}


def test_s23_a_server_installs_nothing_but_that():
    for page in (Path("deploy/Dockerfile"), Path("docs/operating.md")):
        told = page.read_text(encoding="utf-8")
        assert "--require-hashes --requirements deploy/requirements.txt" in told, page
        assert "uv sync" not in told, page
