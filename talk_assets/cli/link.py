"""`talk link`: two records are the same thing."""

import click

from talk_assets.cli.options import as_who, in_project, login, say
from talk_assets.operator.deciding import link
from talk_assets.operator.project import Project

LATER = (
    "see what that changes with `talk plan`; until that or a `talk sync` has planned anew, `talk why`, `talk holds` and "
    "`talk status` tell what was planned before"
)


@click.command(name="link")
@click.argument("left", metavar="SYSTEM.ENTITY/ID")
@click.argument("right", metavar="SYSTEM.ENTITY/ID")
@as_who
@in_project
def command(project: Project, left: str, right: str, who: str | None) -> None:
    """Say that two records are the same thing. Where they differ, the next `talk sync` lets the newer value win, and shows it
    among the conflicts.
    """
    with project.offline() as world:
        joined = link(world, left, right, login(who))
    say(f"linked: {', '.join(joined.members)}")
    say(LATER)
