"""Where a demo lives: its folder, its addresses, and the environment of whoever works with it."""

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from talk_assets.operator.project import Unusable, make_folder
from talk_assets.sandbox import PORTS, Forgotten, PortTaken, Sandbox, recall, start

_HOST = "127.0.0.1"
_USUAL = 3000
_SETTINGS = Path("dagster.yaml")
_FIRST_PORTS = (min(PORTS.values()), 9701, 10_701, 11_701, 12_701)


@dataclass(frozen=True)
class Place:
    folder: Path

    @property
    def home(self) -> Path:
        """Dagster's own folder."""
        return self.folder / "home"

    @property
    def log(self) -> Path:
        return self.folder / "dagster.log"

    @property
    def hub(self) -> Path:
        return self.folder / "hub.duckdb"

    @property
    def hub_url(self) -> str:
        return f"duckdb:{self.hub}"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def held(self) -> Path:
        """What the sandbox's systems hold."""
        return self.folder / "sandbox.json"

    def environment(self, sandbox: Sandbox, poll_seconds: float) -> dict[str, str]:
        return {
            **os.environ,
            **sandbox.variables,
            "DAGSTER_HOME": str(self.home),
            "TALK_HUB": self.hub_url,
            "TALK_STATE": str(self.state),
            "TALK_AUTOMATION": "on",
            "TALK_POLL_SECONDS": f"{poll_seconds:g}",
        }

    def forget(self) -> None:
        """Start over: takes away what a demo has left here, and nothing else."""
        for folder in (self.home, self.state):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (*self.folder.glob("hub.duckdb*"), self.held, self.log):
            file.unlink(missing_ok=True)


@contextmanager
def taken(folder: Path) -> Iterator[Place]:
    """The folder, made if need be, for one demo at a time."""
    if not folder.parent.exists():
        make_folder(folder.parent)
    make_folder(folder)
    lock = FileLock(folder / "demo.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Unusable(
            f"a demo is running in {folder} already: use its browser page, or another folder with --folder"
        ) from None
    try:
        yield Place(folder.absolute())
    finally:
        lock.release()


def ready(place: Place) -> None:
    """Dagster's folder with the settings that are shipped."""
    if not _SETTINGS.exists():
        raise Unusable("there is no dagster.yaml here: run `uv run talk demo` in a checkout of talk_assets")
    make_folder(place.home)
    shutil.copy(_SETTINGS, place.home / _SETTINGS.name)


def sandbox_in(place: Place, size: int) -> Sandbox:
    """The five systems as they were left, or with so many companies; on their usual ports or on others."""
    if place.hub.exists() and not place.held.exists():
        raise Unusable(f"{place.folder} has a hub and no {place.held.name} to go with it: start over with --fresh")
    sandbox = _started(place, size)
    if place.held.exists():
        try:
            recall(sandbox.systems, place.held)
        except Forgotten as failure:
            sandbox.stop()
            raise Unusable(f"{failure}; start over with --fresh") from None
    return sandbox


def first_port(ports: Mapping[str, int]) -> int:
    """What `talk sandbox --first-port` takes."""
    return min(ports.values())


def free_port() -> int:
    """Where Dagster usually is, or somewhere else."""
    for port in (_USUAL, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((_HOST, port))
            except OSError:
                continue
            return int(one.getsockname()[1])
    raise Unusable("this machine has no free port for Dagster")


def _started(place: Place, size: int) -> Sandbox:
    for number, first in enumerate(_FIRST_PORTS):
        try:
            return start({name: port - min(PORTS.values()) + first for name, port in PORTS.items()}, size=size)
        except PortTaken:
            if number + 1 == len(_FIRST_PORTS):
                raise Unusable(f"no ports are free for the sandbox in {place.folder}: stop other sandboxes first") from None
    raise AssertionError
