"""Engines in processes of their own, killed by `kill -9` at a point or at any moment; real sockets, and a hub in a file."""

import os
import random
import resource
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from talk_assets.hub import HubError, open_hub
from talk_assets.hub.tables.checks import check
from talk_assets.sandbox.serve import Sandbox, start
from talk_assets.simulate.topology import topology
from talk_assets.sync.cycle import cycle
from talk_assets.sync.world import make_world
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.connection import Connection

SPECS = Path("mapping_specs").resolve()
TARGETS: Mapping[str, str] = {
    "poweroffice_go.customers": "a unique reference, and a patch that tests what it replaces",
    "custom_erp.customer": "a reference that can be searched for, and an ETag",
    "custom_pms.customer": "a list of what is recent, and a version",
    "invoiced.customers_company": "an idempotency key, and no guard",
}
"""How each of these finds out what became of a write, and keeps one from overwriting what it has not seen."""
TOLD = "crm_office.contacts"
"""Knows no way to find out, and has no guard. No mapping makes records there, so that it is only told of edits."""
OF_A_WRITE = ("send {}", "answer {}")
OF_A_CYCLE = tuple(
    f"{stage}: {side} commit"
    for stage in ("collect custom_pms.customer", "link", "merge", "plan", "arm", "settle")
    for side in ("before", "after")
)
POINTS = (*OF_A_CYCLE, *(point.format(target) for point in OF_A_WRITE for target in (*TARGETS, TOLD)))
_TOLD = 7
"""The exit code of a process that says in words what it could not do."""
_NO_END = 8
"""That of a process that is not done, since nobody knows yet what became of some writes."""
_LATER = 200.0
"""Seconds after which what became of a write can be seen."""


class Ahead(SystemClock):
    """The time of the machine and then some; waiting only adds to it."""

    def __init__(self, seconds: float) -> None:
        self._ahead = seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        self._ahead += max(seconds, 0)


@dataclass(frozen=True)
class Job:
    """One process: to run until all is quiet, or to die at a point."""

    hub: str
    state: str
    variables: Mapping[str, str]
    ahead: float
    dies_at: str | None = None
    room: int | None = None
    """Bytes that a file may have; as a disk that is full."""


def work(job: Job) -> None:
    def crash(name: str) -> None:
        if name == job.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    if job.room is not None:
        # Too large is an error and not a signal then, as on a disk that is full.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.room, resource.RLIM_INFINITY))
    part, clock = topology(SPECS, frozenset({"customer", "contact"})), Ahead(job.ahead)
    connections = {
        name: Connection(spec, job.variables, clock=clock, chance=random.SystemRandom(), state=Path(job.state))
        for name, spec in part.systems.items()
    }
    with open_hub(job.hub, clock=clock, crashpoint=crash) as hub:
        world = make_world(hub, part.model, connections, clock, "run")
        approved: frozenset[str] = frozenset()
        for _ in range(8):
            report = cycle(world, approved=approved)
            # What many dead processes have left to be made at once is what a guard stops, and a person lets through.
            approved = frozenset(trip.hash for trip in report.planned.trips)
            if report.failed:
                raise HubError("; ".join(report.failed.values()))
            if report.quiet and not approved:
                return
    sys.exit(_NO_END)


def _said(job: Job, told: Path) -> None:
    """The same, with what it could not do in a file."""
    try:
        work(job)
    except HubError as failure:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        told.write_text(str(failure), encoding="utf-8")
        sys.exit(_TOLD)


class Field:
    """A sandbox, a hub, and the things that people made in it."""

    def __init__(self, sandbox: Sandbox, folder: Path, *, lake: bool) -> None:
        self.sandbox = sandbox
        self.hub = f"ducklake:sqlite:{folder / 'hub.sqlite'}" if lake else f"duckdb:{folder / 'hub.duckdb'}"
        self.state = folder
        self.ahead = 0.0
        self.names: dict[str, str] = {}
        """By customer of PowerOffice or CustomERP that a person made: its name."""
        self.first_name = "Kari"
        """Of the one person that CustomERP and CRMOffice both know."""
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(["tests.faults.kills"])

    def stir(self) -> None:
        """Two new customers, and an edit of those before: there is something to make and to change in every system."""
        number = len(self.names)
        self.sandbox.clock.advance(_LATER)
        self.ahead += _LATER
        for record in list(self.names)[-2:]:
            self.names[record] = f"{self.names[record]} again"
            system, _, rest = record.partition(".")
            entity, _, id_ = rest.partition("/")
            self.sandbox.systems[system].edit(
                entity, id_, {"Name" if system == "poweroffice_go" else "name": self.names[record]}
            )
        made = self.sandbox.systems["poweroffice_go"].add(
            "customers", {"Name": f"Thing {number}", "InvoiceDeliveryType": "Print"}
        )
        self.names[f"poweroffice_go.customers/{made['Id']}"] = f"Thing {number}"
        made = self.sandbox.systems["custom_erp"].add(
            "customer", {"number": f"{10_100 + number}", "name": f"Thing {number + 1}"}
        )
        self.names[f"custom_erp.customer/{made['id']}"] = f"Thing {number + 1}"
        self._stir_the_person(number)

    def _stir_the_person(self, number: int) -> None:
        erp = self.sandbox.systems["custom_erp"]
        known = next((stored.id for stored in erp.collections["contact"].view().scan()), None)
        if known is None:
            customer = next(name for name in self.names if name.startswith("custom_erp.")).rpartition("/")[2]
            email = "kari@nordmann.example"
            kari = {"firstName": self.first_name, "lastName": "Nordmann", "email": email}
            erp.add("contact", {**kari, "customerId": customer})
            crm = {"givenName": self.first_name, "familyName": "Nordmann", "email": email}
            self.sandbox.systems["crm_office"].add("contacts", crm)
        else:
            self.first_name = f"Kari {number}"
            erp.edit("contact", known, {"firstName": self.first_name})

    @property
    def told(self) -> Path:
        return self.state / "told"

    def run(self, dies_at: str | None = None, *, seconds: float | None = None, room: int | None = None) -> int:
        """The exit code of one process; with `seconds` it is killed by then."""
        job = Job(self.hub, str(self.state), self.sandbox.variables, self.ahead, dies_at, room)
        process = self._context.Process(target=_said, args=(job, self.told))
        process.start()
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
        code = process.exitcode
        assert code is not None
        return code

    def settle(self) -> None:
        """That a write did not happen is sure only once time has passed."""
        for code in (self._later(), self._later()):
            assert code in (0, _NO_END)
        assert self._later() == 0

    def _later(self) -> int:
        self.sandbox.clock.advance(_LATER)
        self.ahead += _LATER
        return self.run()

    def problems(self) -> list[str]:
        """Everything that is not as if nothing had ever died."""
        found = [*self._of_things()]
        with open_hub(self.hub) as hub:
            found += check(hub)
            if waiting := hub.value("SELECT count(*) FROM intents WHERE state IN ('sending', 'unknown')"):
                found.append(f"{waiting} writes are still without an outcome")
        return found

    def _of_things(self) -> Iterator[str]:
        wanted = sorted(self.names.values())
        for target in TARGETS:
            system, _, entity = target.partition(".")
            at = self.sandbox.systems[system]
            known = at.entity(entity)
            shown: list[Mapping[str, Any]] = [
                at.shown(known.collection, stored)
                for stored in at.collections[known.collection].view().scan()
                if known.holds is None or known.holds(stored.body)
            ]
            names = sorted(str(one.get("name", one.get("Name"))) for one in shown)
            if ours := [name for name in names if name.startswith("Thing")]:
                names = ours
            if names != wanted:
                yield f"{target} holds {names}, and there are {wanted}"
        people = [
            str(one.body["givenName"]) for one in self.sandbox.systems["crm_office"].collections["contacts"].view().scan()
        ]
        if people != [self.first_name]:
            yield f"{TOLD} holds {people}, and there is {self.first_name}"


@contextmanager
def field(folder: Path, *, lake: bool = False) -> Iterator[Field]:
    with start(size=0, rate_limits=False) as sandbox:
        one = Field(sandbox, folder, lake=lake)
        one.stir()
        assert one.run() == 0
        yield one


def killed_at(one: Field, points: Sequence[str]) -> list[str]:
    """Processes that die at these points, one after the other; the points that none of them came to."""
    passed = []
    for point in points:
        one.stir()
        if one.run(point) != -signal.SIGKILL:
            passed.append(point)
    one.settle()
    return passed
