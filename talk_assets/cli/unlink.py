"""`talk unlink`: a record is another thing than what it is linked with."""

import click

from talk_assets.cli.options import as_who, in_project, login, say
from talk_assets.operator.deciding import unlink
from talk_assets.operator.project import Project


@click.command(name="unlink")
@click.argument("record", metavar="SYSTEM.ENTITY/ID")
@as_who
@in_project
def command(project: Project, record: str, who: str | None) -> None:
    """Say that a record is another thing than those it is linked with. No rule ever links it with them again; `talk link` does.

    Both are things of their own from then on, so what the documents create for each may be created: see `talk plan` first.
    """
    with project.offline() as world:
        others = unlink(world, record, login(who))
    say(f"{record} is not {', '.join(others)}, and no rule links them again")
    say("see what that changes with `talk plan`")
