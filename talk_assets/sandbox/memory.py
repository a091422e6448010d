"""What the five systems hold, kept in a file and taken up again: a sandbox that outlives its process."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from talk_assets.sandbox.system import System


class Forgotten(Exception):
    """The file is not what was kept; the text says why."""


def keep(systems: Mapping[str, System], file: Path) -> None:
    """All of it or nothing: a process that ends halfway leaves the older file."""
    held = {name: system.memory() for name, system in systems.items()}
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(held, out, ensure_ascii=False)
    fresh.replace(file)


def recall(systems: Mapping[str, System], file: Path) -> None:
    """Have systems hold what a file says. Raises Forgotten."""
    try:
        held: dict[str, Any] = json.loads(file.read_text("utf-8"))
        for name, system in systems.items():
            system.recall(held[name])
    except (OSError, ValueError, LookupError, TypeError) as failure:
        raise Forgotten(f"{file} does not say what the sandbox held: {failure}") from None
