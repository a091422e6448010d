"""What every command that works in a project shares: where it is, and how mistakes are told."""

import getpass
import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from talk_assets.cli.show import json_text, printable, show_problems
from talk_assets.hub import BadUrl, HubError
from talk_assets.operator.names import plain_data
from talk_assets.operator.project import HUB, Ports, Unusable, open_project
from talk_assets.specs.problems import SpecError
from talk_assets.systems.errors import SystemsError

P = ParamSpec("P")
T = TypeVar("T")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
at_hub = click.option("--hub", envvar="TALK_HUB", default=HUB, show_default=True, help="Where the hub is; or TALK_HUB.")
as_who = click.option("--as", "who", help="Who decides; without it, your login name.")


def in_project(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command its project, opened, as `project`; tells a user's mistakes in plain words."""

    @click.option("--specs", type=click.Path(path_type=Path), default=Path("mapping_specs"), help="Folder of the specs.")
    @at_hub
    @click.option("--state", type=click.Path(path_type=Path), envvar="TALK_STATE", help="Folder of shared limits and logins.")
    @click.pass_context
    @wraps(command)
    def opened(ctx: click.Context, specs: Path, hub: str, state: Path | None, **options: Any) -> Any:
        return told(lambda: command(project=open_project(specs, hub, state=state, ports=ports_of(ctx)), **options))()

    return opened


def ports_of(ctx: click.Context) -> Ports:
    """What a test handed in, or the real ones; progress goes to whoever waits."""
    return replace(ctx.obj if isinstance(ctx.obj, Ports) else Ports(), tell=tell)


def told(work: Callable[P, T]) -> Callable[P, T]:
    """Says in words, and without a traceback, what a user can do something about."""

    @wraps(work)
    def telling(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except SpecError as failure:
            show_problems(failure.problems, err=True)
            raise click.ClickException("the specs have errors, so nothing was done; see `talk specs check`") from None
        except BadUrl as failure:
            raise click.ClickException(printable(f"{failure}. Where the hub is, --hub says, or TALK_HUB")) from None
        except (Unusable, HubError, SystemsError) as failure:
            raise click.ClickException(printable(str(failure))) from None
        except BrokenPipeError:
            # Whoever reads has enough: click ends without a word.
            raise
        except OSError as failure:
            # Of a copy, both: the disk that is full is that of the second.
            files = " → ".join(str(file) for file in (failure.filename, failure.filename2) if file is not None)
            where = f"{files}: " if files else ""
            raise click.ClickException(printable(f"{where}{failure.strerror or failure}")) from None
        except KeyboardInterrupt:
            raise click.ClickException("stopped; whatever was under way is found out by the next `talk sync`") from None

    return telling


def tell(line: str) -> None:
    """Progress, for whoever waits."""
    click.echo(click.style(printable(line), dim=True), err=True)


def login(who: str | None) -> str:
    """The name that a decision is kept under."""
    try:
        return who or getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def say_json(data: object) -> None:
    """Data for programs: what is empty, or was never said, is null."""
    click.echo(json_text(plain_data(data)))


def say(text: str = "") -> None:
    click.echo(printable(text))
