"""`talk undo`: what a run wrote is put back."""

import dataclasses
import sys

import click

from talk_assets.cli.options import as_json, as_who, in_project, login, say, say_json
from talk_assets.cli.show import plural
from talk_assets.cli.tables import cell, console, table
from talk_assets.operator.names import cut, in_one, plain_values, shown
from talk_assets.operator.project import Project
from talk_assets.operator.undoing import Run, Undo, back, left, look, runs, undo
from talk_assets.operator.why import moment
from talk_assets.sync.world import World

_NEWEST = 20
_SHOWN = 40


@click.command(name="undo")
@click.argument("run", required=False)
@click.option("--offline", is_flag=True, help="Ask no system: an edit that was not read yet may lose to what is put back.")
@click.option(
    "--dry-run", "dry", is_flag=True, help="Only show what would be put back. What was read is agreed on all the same."
)
@click.option(
    "--yes", is_flag=True, help="Do not ask whether it is meant. With --json nobody is asked, so nothing is done without."
)
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, help="Show so many lines; JSON has all.")
@as_who
@as_json
@in_project
def command(
    project: Project, run: str | None, who: str | None, limit: int, *, offline: bool, dry: bool, yes: bool, as_json: bool
) -> None:
    """Put back what a run wrote: it is agreed again what was agreed before, wherever nobody has changed it since. RUN is an id,
    or how it begins, as Dagster shows it. Without RUN, list the newest runs that wrote something.

    All systems are read first. What is agreed counts for all of them, also for the one in which the edit was made. Nothing is
    sent yet: `talk plan` shows the writes, `talk sync` sends them, and guards hold them if they are many. What the run created
    stays. Exits 1 if a system could not be read.
    """
    if run is None:
        with project.offline() as world:
            known = runs(world, _NEWEST)
        _list(known, as_json=as_json)
        return
    with project.alone() if offline else project.online(read_only=True) as world:
        found = look(world, run, collect=not offline)
        data = _as_data(world, found) if as_json else {}
        if not as_json:
            _show(world, found, limit)
    is_meant = not dry and not found.words.is_empty() and (yes or not as_json)
    if is_meant and not yes:
        click.confirm(f"Put {plural(found.words.height, 'value')} back?", abort=True, err=True)
    if is_meant:
        with project.alone() as world:
            undo(world, found, login(who))
    if as_json:
        say_json({**data, "undone": is_meant})
    elif is_meant:
        say(f"{plural(found.words.height, 'value')} agreed on as before; `talk plan` shows the writes, `talk sync` sends them")
    sys.exit(1 if found.failed else 0)


def _list(found: list[Run], *, as_json: bool) -> None:
    if as_json:
        say_json([dataclasses.asdict(one) for one in found])
        return
    if not found:
        say("no run has written anything yet, as far as is known")
        return
    made = table("run", "began to write", "#changed", "#made")
    for one in found:
        made.add_row(cell(one.run), moment(one.began), f"{one.changed:,}", f"{one.made:,}")
    console().print(made)


def _as_data(world: World, found: Undo) -> dict[str, object]:
    return {
        "run": found.run,
        "back": [dataclasses.asdict(one) for one in back(world, found, telling=plain_values)],
        "left": [dataclasses.asdict(one) for one in left(world, found)],
        "made": list(found.made),
        "failed": dict(found.failed),
    }


def _show(world: World, found: Undo, limit: int) -> None:
    for key, reason in in_one(found.failed).items():
        say(f"could not be read: {key}: {reason}")
    for one in back(world, found, limit):
        say(f"{one.thing}: {one.field}: {cut(shown(one.now))} → {cut(shown(one.then))}")
    _rest(found.words.height, limit, "go back")
    for stays in left(world, found, limit):
        say(f"stays: {stays.thing}: {stays.field}: {stays.reason}")
    _rest(found.stays.height, limit, "stay")
    for name in found.made[:limit]:
        say(f"made by it, and stays: {name}; delete it in its system if it should not be there: it is not made again")
    _rest(len(found.made), limit, "were made by it")
    if found.words.is_empty():
        say("there is nothing to put back")


def _rest(count: int, limit: int, what: str) -> None:
    if count > limit:
        say(f"… and {count - limit:,} more that {what} (--limit, --json)")
