"""An operator's desk: the sandbox, a hub in a folder of its own, and the command line."""

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from talk_assets.cli import main
from talk_assets.operator.project import Ports
from talk_assets.sandbox.faults import Fault
from talk_assets.sandbox.serve import Sandbox
from tests.sandbox.putting_back import putting_back
from tests.systems.sandbox_clock import SharedClock

SPECS = Path("mapping_specs").absolute()
NEED_NO_SPECS = {"backup", "history", "prune"}


@dataclass
class Desk:
    sandbox: Sandbox
    folder: Path
    specs: Path = SPECS
    said: str = ""
    """What the last command told on the way, beside its answer."""
    unset: frozenset[str] = frozenset()
    """Variables that nobody has set at this desk."""

    def talk(self, *arguments: str, code: int = 0, wait: float = 60) -> str:
        """Run a command as a person would; gives what it printed."""
        ports = Ports(
            environ={name: value for name, value in self.sandbox.variables.items() if name not in self.unset},
            clock=SharedClock(self.sandbox),
            chance=random.Random(1),  # noqa: S311 - jitter
            wait_seconds=wait,
        )
        specs = ["--specs", str(self.specs), "--state", str(self.folder / "state")]
        place = ["--hub", self.hub, *(specs if arguments[0] not in NEED_NO_SPECS else ())]
        result = CliRunner().invoke(main, [*arguments, *place], obj=ports)
        self.said = result.stderr
        unforeseen = result.exception if not isinstance(result.exception, SystemExit) else None
        assert unforeseen is None, repr(unforeseen)
        assert result.exit_code == code, f"{result.exit_code}: {result.stdout}\n{result.stderr}"
        return result.stdout

    @property
    def hub(self) -> str:
        return f"duckdb:{self.folder / 'hub.duckdb'}"

    def edit(self, record: str, changes: Mapping[str, Any]) -> None:
        """What a person changes in a system."""
        system, _, rest = record.partition(".")
        entity, _, id_ = rest.partition("/")
        self.sandbox.systems[system].edit(entity, id_, changes)

    def record(self, record: str) -> Mapping[str, Any]:
        system, _, rest = record.partition(".")
        entity, _, id_ = rest.partition("/")
        at = self.sandbox.systems[system]
        return at.shown(at.entity(entity).collection, at.look(entity, id_))

    def refuse(self, system: str, entity: str, operation: str, words: str, times: int = 1) -> None:
        answer = {"status": 422, "body": {"message": words}}
        self.sandbox.systems[system].faults.add(Fault("answer", entity, operation, times, options=answer))

    def heal(self) -> None:
        for system in self.sandbox.systems.values():
            system.faults.clear()

    def forget_requests(self) -> None:
        for system in self.sandbox.systems.values():
            system.ledger.clear()

    def writes(self) -> list[str]:
        """The requests since then that could have changed anything."""
        return [
            f"{entry.method} {name} {entry.path}"
            for name, system in self.sandbox.systems.items()
            for entry in system.ledger.entries()
            if entry.method != "GET" and entry.operation != "token"
        ]


Kept = Callable[[Path], Desk]
"""Gives a desk in this folder, with all as it was when it was kept."""


def keep(desk: Desk) -> Kept:
    """Nothing is done at this desk from now on, only at those that go on from where it stands."""
    put_back = putting_back(desk.sandbox.systems)

    def again(folder: Path) -> Desk:
        put_back()
        shutil.copytree(desk.folder, folder)
        return Desk(desk.sandbox, folder, desk.specs)

    return again
