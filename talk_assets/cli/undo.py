"""`talk undo`: what a run wrote is put back."""

import dataclasses
import json

import click

from talk_assets.cli.options import as_json, as_who, cell, console, in_project, login, say, table
from talk_assets.cli.show import plural
from talk_assets.operator.names import cut
from talk_assets.operator.project import Project
from talk_assets.operator.undoing import Left, Run, Undo, look, runs, told, undo
from talk_assets.operator.why import moment
from talk_assets.sync.world import World

_NEWEST = 20
_SHOWN = 40


@click.command(name="undo")
@click.argument("run", required=False)
@click.option("--offline", is_flag=True, help="Ask no system: go by what was read last.")
@click.option("--dry-run", "dry", is_flag=True, help="Only show what would be put back.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, help="Show so many lines; JSON has all.")
@as_who
@as_json
@in_project
def command(
    project: Project, run: str | None, who: str | None, limit: int, *, offline: bool, dry: bool, yes: bool, as_json: bool
) -> None:
    """Put back what a run wrote: each property becomes what it was, wherever nobody has changed it since. Without RUN, list
    the newest runs that wrote something.

    All systems are read first. Then it is agreed again what was agreed before, also for the system in which the edit was
    made. Nothing is sent yet: `talk plan` shows the writes, `talk sync` sends them, and guards hold them if they are many.
    What the run created stays.
    """
    if run is None:
        with project.offline() as world:
            found = runs(world, _NEWEST)
        _list(found, as_json=as_json)
        return
    with project.alone() if offline else project.online(read_only=True) as world:
        found = look(world, run, collect=not offline)
        if as_json:
            click.echo(json.dumps(_as_data(world, found), ensure_ascii=False, indent=2))
        else:
            _show(world, found, limit)
        if dry or found.words.is_empty():
            return
        if not yes:
            click.confirm(f"Put {plural(found.words.height, 'value')} back?", abort=True, err=True)
        undo(world, found, login(who))
    if not as_json:
        say(f"{plural(found.words.height, 'value')} agreed on as before; `talk plan` shows the writes, `talk sync` sends them")


def _list(found: list[Run], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=2, default=str))
        return
    if not found:
        say("no run has written anything yet")
        return
    made = table("run", "began", "#written", "#made")
    for one in found:
        made.add_row(cell(one.run), moment(one.began), f"{one.written:,}", f"{one.made:,}")
    console().print(made)


def _as_data(world: World, found: Undo) -> dict[str, object]:
    return {
        "run": found.run,
        "back": [dataclasses.asdict(one) for one in told(world, found)],
        "left": [dataclasses.asdict(one) for one in found.left],
        "made": list(found.made),
    }


def _show(world: World, found: Undo, limit: int) -> None:
    for one in told(world, found, limit):
        say(f"{one.record}: {one.field}: {cut(one.now)} → {cut(one.then)}")
    _rest(found.words.height, limit, "go back")
    for one in found.left[:limit]:
        say(_left(one))
    _rest(len(found.left), limit, "stay")
    for name in found.made[:limit]:
        say(f"made by it, and stays: {name}; delete it in its system if it should not be there: it is not made again")
    _rest(len(found.made), limit, "were made by it")
    if found.words.is_empty():
        say("there is nothing to put back")


def _left(one: Left) -> str:
    return f"stays: {one.record}: {one.what}: {one.reason}"


def _rest(count: int, limit: int, what: str) -> None:
    if count > limit:
        say(f"… and {count - limit:,} more that {what} (--limit, --json)")
