"""`talk approve`: a person's word for one plan."""

import click

from talk_assets.cli.options import as_who, in_project, login, say
from talk_assets.operator.deciding import approve
from talk_assets.operator.project import Project


@click.command(name="approve")
@click.argument("plan_hash", metavar="HASH")
@as_who
@in_project
def command(project: Project, plan_hash: str, who: str | None) -> None:
    """Let the mass change with this HASH pass once, with the next `talk sync`. Kept in the history with your name."""
    with project.offline() as world:
        for line in approve(world, plan_hash, login(who)):
            say(f"approved by {login(who)}: {line}")
    say("it passes with the next `talk sync`, unless it is another plan by then")
