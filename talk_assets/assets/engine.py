"""The engine as a Dagster resource: opened late, closed early, once for each step."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
from pydantic import Field, create_model

from talk_assets.assets.resources import SystemResource, what_is_missing
from talk_assets.hub import BadUrl, HubError
from talk_assets.operator.project import HUB, Ports, Unusable, open_project
from talk_assets.specs.problems import SpecError
from talk_assets.sync.doubt.unread import untried
from talk_assets.sync.world import World
from talk_assets.systems.errors import SystemsError
from talk_assets.systems.secrets import missing


class Engine(dg.ConfigurableResource):
    """The specs, the hub, and the systems that the documents connect, each a resource of its own."""

    specs: str = Field(default="mapping_specs", description="Folder of the specs.")
    hub: str = Field(default=HUB, description="Address of the hub; TALK_HUB sets it.")
    state: str = Field(
        default="", description="Folder of shared limits and rotated logins; TALK_STATE sets it. Empty: beside the hub."
    )

    systems: ClassVar[tuple[str, ...]] = ()

    @contextmanager
    def online(self, context: dg.AssetExecutionContext, *, read_only: bool = False) -> Iterator[World]:
        """A world whose systems can be talked to, for one step. Waits while another run is at the hub, and says so. What it
        does is told under the run's id in Dagster. Systems whose logins are not set are closed in it; where all are, it fails.
        """
        environ = dict(os.environ)
        for system in self.systems:
            environ |= getattr(self, system).secrets()
        specs = [getattr(self, system).spec for system in self.systems]
        if specs and len(missing(specs, environ)) == len(specs):
            raise Unusable(what_is_missing(specs, environ))
        state = Path(self.state) if self.state else None
        ports = Ports(environ=environ, tell=context.log.info, run=context.run.run_id)
        project = open_project(Path(self.specs), self.hub, state=state, ports=ports)
        with project.online(read_only=read_only) as world:
            yield world


def engine_over(systems: Mapping[str, SystemResource], *, specs: str, hub: str, state: str) -> Engine:
    """The engine over the resources of its systems."""
    fields: Any = {key: (type(resource), Field(description=resource.spec.title)) for key, resource in systems.items()}
    # As defaults too: Dagster takes those for what is left out where a launchpad gives only some of them.
    for name, value in {"specs": specs, "hub": hub, "state": state}.items():
        fields[name] = (str, Field(default=value, description=Engine.model_fields[name].description))
    kind = create_model("Engine", __base__=Engine, __doc__=Engine.__doc__, **fields)
    kind.systems = tuple(systems)
    return kind(specs=specs, hub=hub, state=state, **systems)


@contextmanager
def plainly() -> Iterator[None]:
    """What a person can do something about fails a step with words instead of a traceback."""
    try:
        yield
    except SpecError as failure:
        found = "\n".join(str(problem) for problem in failure.problems)
        raise _failure(f"the specs have errors, so nothing was done; see `talk specs check`\n{found}") from None
    except BadUrl as failure:
        raise _failure(f"{failure}. Where the hub is, TALK_HUB says") from None
    except (Unusable, HubError, SystemsError) as failure:
        raise _failure(str(failure)) from None


def require_all_tried(world: World) -> None:
    """What could not be read is minded by plans and checks; of what nobody has asked for yet, that is too early."""
    if missing := untried(world):
        raise Unusable(
            f"{', '.join(missing)}: never read. Nothing is planned or checked before all systems were asked once: "
            "launch the job `sync`"
        )


def _failure(words: str) -> dg.Failure:
    return dg.Failure(description=words, allow_retries=False)
