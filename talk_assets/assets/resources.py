"""Systems as Dagster resources: one for each system spec, its secrets by the names of their variables."""

import os
import random
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field, create_model

from talk_assets.specs.system import SystemSpec
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.connection import Connection
from talk_assets.systems.secrets import names


class SystemResource(dg.ConfigurableResource):
    """One system's API. Its fields are its secrets: given as `EnvVar`, shown by name, resolved in runs only."""

    state: str = Field(default="", description="Folder for what clients share: rate limits and rotated logins.")

    spec: ClassVar[SystemSpec]

    def secrets(self) -> dict[str, str]:
        """By the names of their variables."""
        return {name: getattr(self, name.lower()) for name in names(self.spec)}

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
    secret: Any = (str, Field(repr=False))
    fields = {name.lower(): secret for name in names(spec)}
    title = "".join(word.title() for word in spec.system.split("_"))
    kind = create_model(f"{title}Resource", __base__=SystemResource, __doc__=f"{spec.title}, over its API.", **fields)
    kind.spec = spec
    return kind(state=str(state or ""), **{name.lower(): dg.EnvVar(name) for name in names(spec)})
