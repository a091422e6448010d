"""`talk retry`: another try for what was refused."""

import click

from talk_assets.cli.options import as_who, in_project, login, say
from talk_assets.operator.deciding import retry
from talk_assets.operator.project import Project


@click.command(name="retry")
@click.argument("what", metavar="[HOLD|SYSTEM.ENTITY/ID]", required=False)
@as_who
@in_project
def command(project: Project, what: str | None, who: str | None) -> None:
    """Try again what was refused: the hold with this number, all of a record and of what it is linked with,
    or without either every refused write.
    """
    with project.offline() as world:
        found = retry(world, what, login(who))
    for row in found.iter_rows(named=True):
        say(f"released: {row['number']}  {row['kind']}  {row['entity']}{'/' + row['id'] if row['id'] else ''}: {row['reason']}")
    say("the next `talk sync` tries it again")
