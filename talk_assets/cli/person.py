"""`talk person`: what the hub holds about a person."""

import click

from talk_assets.cli.options import as_who, in_project, login, say
from talk_assets.cli.show import json_text
from talk_assets.operator.person import Erased, Person, erase, export, find, lift
from talk_assets.operator.project import Project

_WHO = "RECORD_OR_EMAIL"


@click.group(name="person")
def command() -> None:
    """What the hub holds about a person: shown, erased, and kept from coming in again.

    A person is named by one of its records, as in custom_erp.contact/17, or by an e-mail address. All records that are linked
    with it belong to it.
    """


@command.command(name="export")
@click.argument("asked", metavar=_WHO)
@in_project
def export_command(project: Project, asked: str) -> None:
    """Print all that the hub holds about a person, as JSON: what systems said, what was agreed, what lost, what was written,
    and what happened.
    """
    with project.offline() as world:
        told = export(world, find(world, asked))
    click.echo(json_text(told))


@command.command(name="erase")
@click.argument("asked", metavar=_WHO)
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@as_who
@in_project
def erase_command(project: Project, asked: str, who: str | None, *, yes: bool) -> None:
    """Take all that the hub holds about a person out of it, for good, and keep it from being read or written again.

    Nothing is deleted in any system: what remains there is named. The history keeps when something happened, and forgets to
    whom and what. A backup from before still holds everything.
    """
    with project.alone() as world:
        person = find(world, asked)
        _show(person)
        if not yes:
            click.confirm("Erase all that the hub holds about these, for good?", abort=True, err=True)
        erased = erase(project, world, person, login(who))
    _tell(erased)


@command.command(name="lift")
@click.argument("asked", metavar=_WHO)
@as_who
@in_project
def lift_command(project: Project, asked: str, who: str | None) -> None:
    """Let a person's records in again that were erased, with all that were erased together with them."""
    with project.alone() as world:
        count = lift(project, world, asked, login(who))
    say(f"{count} keys are off the list; `talk sync --full` reads what its systems hold")


def _show(person: Person) -> None:
    say(f"{person.asked} is, in {len(person.clusters)} cluster{'s' if len(person.clusters) != 1 else ''}:")
    for name in person.names:
        say(f"  {name}")


def _tell(erased: Erased) -> None:
    counts = ", ".join(f"{count:,} {table}" for table, count in erased.gone.items())
    say(f"erased: {counts}")
    if erased.remain:
        say("their systems still hold them, and nothing here reads them any more; delete them there:")
        for name in erased.remain:
            say(f"  {name}")
    if erased.mentioned:
        say("an e-mail address of theirs also stands in records of others, which stay:")
        for name in erased.mentioned:
            say(f"  {name}")
    say("backups of the hub and exports that were made before still hold everything: delete them, or wait until they expire")
