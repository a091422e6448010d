"""`talk unlink`: a record is another thing than what it is linked with."""

import click

from talk_assets.cli.link import LATER
from talk_assets.cli.options import as_who, in_project, login, say
from talk_assets.operator.deciding import keep_apart, unlink
from talk_assets.operator.project import Project


@click.command(name="unlink")
@click.argument("record", metavar="SYSTEM.ENTITY/ID")
@click.argument("other", metavar="[OTHER]", required=False)
@as_who
@in_project
def command(project: Project, record: str, other: str | None, who: str | None) -> None:
    """Say that a record is another thing than those it is linked with. No rule ever links it with them again; `talk link` does.
    With OTHER, say it of two records that are not linked, only taken for one by a rule.

    Both are things of their own from then on, so what the documents create for each may be created: see `talk plan` first.
    """
    with project.offline() as world:
        if other is not None:
            keep_apart(world, record, other, login(who))
        others = [other] if other is not None else unlink(world, record, login(who))
    say(f"{record} is not {', '.join(others)}, and no rule links them again")
    say(LATER)
