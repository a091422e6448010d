"""`talk demo`: through a real `dagster dev`, as a person starts it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from talk_assets.demo.place import taken
from talk_assets.operator.project import Unusable

SECONDS = 240


def headless(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from talk_assets.cli import main; main()"]
    options = ["demo", "--headless", "--folder", str(folder), "--size", "2"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "TALK_"))}
    return subprocess.run(  # noqa: S603 - our own command
        [*command, *options], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def processes_of(folder: Path) -> list[str]:
    """What still runs with this folder in its environment."""
    marks = f"DAGSTER_HOME={folder}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marks in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.long
@pytest.mark.usefixtures("all_cores")
@pytest.mark.timeout(2 * SECONDS + 20)
def test_a_demo_works_until_all_is_in_sync_and_the_next_one_sends_nothing(tmp_path: Path):
    folder = tmp_path / "demo"
    first = headless(folder)
    assert first.returncode == 0, first.stdout + first.stderr
    sent = re.search(r"18 of 18 mappings in sync; (\d+) writes were sent", first.stdout)
    assert sent, first.stdout
    assert int(sent[1]) > 0
    assert processes_of(folder) == []
    second = headless(folder)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "18 of 18 mappings in sync; 0 writes were sent" in second.stdout
    assert processes_of(folder) == []


def test_one_folder_is_for_one_demo(tmp_path: Path):
    with taken(tmp_path / "demo"), pytest.raises(Unusable, match="a demo is running"), taken(tmp_path / "demo"):
        pytest.fail("two demos in one folder")
