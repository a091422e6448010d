"""All checks of one system, in order."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from talk_assets.specs.system import SystemSpec
from talk_assets.systems.calling.address import Base
from talk_assets.systems.calling.http import Transport, open_transport
from talk_assets.systems.clock import Clock
from talk_assets.systems.conform.dropping import Dropping
from talk_assets.systems.conform.finding import Broken, Finding, Result, Untried
from talk_assets.systems.conform.reads import Check, ReadChecks
from talk_assets.systems.conform.samples import Samples
from talk_assets.systems.conform.writes import WriteChecks
from talk_assets.systems.connection import Connection, OpenTransport
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.secrets import Environ


def conform(
    spec: SystemSpec,
    environ: Environ,
    *,
    clock: Clock,
    chance: random.Random,
    entities: Sequence[str] = (),
    writes: bool = False,
    state: Path | None = None,
    transport: OpenTransport | None = None,
) -> Iterator[Finding]:
    """Try every capability that `spec` declares. `writes` makes, changes and archives records: for test accounts only."""
    opened: list[Dropping] = []

    def open_dropping(base: Base, certificates: str | None) -> Transport:
        inner = transport(base, certificates) if transport else open_transport(base, clock, certificates=certificates)
        opened.append(Dropping(inner))
        return opened[-1]

    with Connection(spec, environ, clock=clock, chance=chance, state=state, transport=open_dropping) as connection:
        for name in entities or spec.entities:
            samples = Samples(connection, name, chance)
            for check in ReadChecks(connection, name, samples).all():
                yield _tried(name, check)
            if not writes:
                yield Finding(name, "writes", Result.skipped, "not asked for")
                continue
            own = WriteChecks(connection, name, samples, opened)
            for check in own.all():
                yield _tried(name, check)
            if left := own.left_behind():
                yield Finding(name, "left behind", Result.skipped, f"made here and not removable: {', '.join(left)}")


def _tried(entity: str, check: Check) -> Finding:
    declaration, run = check
    try:
        return Finding(entity, declaration, Result.passed, run())
    except Untried as why:
        return Finding(entity, declaration, Result.skipped, str(why))
    except Broken as why:
        return Finding(entity, declaration, Result.failed, str(why))
    except SystemsError as failure:
        return Finding(entity, declaration, Result.failed, str(failure))
