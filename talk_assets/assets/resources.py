"""Systems as Dagster resources: one for each system spec, its secrets by the names of their variables."""

import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field, create_model

from talk_assets.specs.system import SystemSpec
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.connection import Connection
from talk_assets.systems.secrets import Environ, missing, names


class SystemResource(dg.ConfigurableResource):
    """One system's API. Its fields are its secrets: given as `EnvVar`, shown by name, resolved in runs only."""

    state: str = Field(default="", description="Folder for what clients share: rate limits and rotated logins.")

    spec: ClassVar[SystemSpec]

    def secrets(self) -> dict[str, str]:
        """By the names of their variables, as far as those are set."""
        values = {name: getattr(self, name.lower()) for name in names(self.spec)}
        return {name: value for name, value in values.items() if value is not None}

    def connect(self) -> Connection:
        """All clients of the system, ready to read and write. Close it, or use it as a context."""
        return Connection(
            self.spec,
            {**os.environ, **self.secrets()},
            clock=SystemClock(),
            chance=random.Random(),  # noqa: S311  (jitter guards nothing)
            state=Path(self.state) if self.state else None,
        )


def system_resource(spec: SystemSpec, state: Path | None = None) -> SystemResource:
    """The resource of a system, with each secret taken from the environment variable that its spec names."""
    fields: Any = {
        # Of a variable that is not there, Dagster would say so at length, for one system at a time, before any step has begun.
        name.lower(): (str | None, Field(default=None, repr=False, description=f"Taken from the variable {name}."))
        for name in names(spec)
    }
    title = "".join(word.title() for word in spec.system.split("_"))
    kind = create_model(f"{title}Resource", __base__=SystemResource, __doc__=f"{spec.title}, over its API.", **fields)
    kind.spec = spec
    there = {name.lower(): dg.EnvVar(name) for name in names(spec) if name in os.environ}
    return kind(state=str(state or ""), **there)


def what_is_missing(specs: Iterable[SystemSpec], environ: Environ) -> str:
    """The variables that are not set, of all systems; nothing where all are."""
    lacking = "; ".join(f"{system}: {', '.join(found)}" for system, found in missing(specs, environ).items())
    if not lacking:
        return ""
    return (
        f"environment variables that say how to log in are not set: {lacking}. Runs leave these systems alone: set them for "
        "Dagster's daemon and code server, and start both again"
    )
