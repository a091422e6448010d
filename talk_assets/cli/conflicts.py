"""`talk conflicts`: contradictions and how they ended."""

from itertools import groupby
from operator import itemgetter
from typing import Any

import click

from talk_assets.cli.options import as_json, as_who, in_project, login, say, say_json
from talk_assets.cli.tables import cell, console, table
from talk_assets.operator.deciding import take
from talk_assets.operator.names import cut, plain_values, shown, told_values
from talk_assets.operator.project import Project
from talk_assets.operator.showing import conflict, recent_conflicts
from talk_assets.operator.why import moment

_NEWEST = 20


@click.command(name="conflicts")
@click.argument("number", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="All there ever were, not only the newest.")
@click.option(
    "--take",
    "record",
    metavar="SYSTEM.ENTITY/ID",
    help="Have the value that this record held in it agreed on, by what was read last.",
)
@as_who
@as_json
@in_project
def command(
    project: Project, number: int | None, record: str | None, who: str | None, *, everything: bool, as_json: bool
) -> None:
    """List the newest contradictions between systems and which value won; or all values of the one with this NUMBER.

    With --take, another value than the one that won becomes the agreed one, in all systems: `talk plan` shows the writes.
    """
    if record is not None:
        _take(project, number, record, login(who), as_json=as_json)
        return
    with project.offline() as world:
        newest, telling = None if everything else _NEWEST, plain_values if as_json else told_values
        rows = recent_conflicts(world, newest, telling) if number is None else conflict(world, number, telling)
    if as_json:
        say_json(rows.to_dicts())
    elif number is not None:
        _show_one(rows.to_dicts())
    else:
        _show_all(rows.to_dicts())


def _take(project: Project, number: int | None, record: str, who: str, *, as_json: bool) -> None:
    if number is None:
        raise click.UsageError("--take needs the NUMBER of a conflict")
    with project.alone() as world:
        taken = take(world, number, record, who)
        values = [(taken.field, taken.before), (taken.field, taken.value)]
        before, value = (plain_values if as_json else told_values)(world, values)
    if as_json:
        say_json({"field": taken.field, "before": before, "value": value})
        return
    steps = " → ".join(cut(shown(one)) for one in (before, value))
    say(f"{taken.field}: {steps}; see the writes with `talk plan`, send them with `talk sync`")


def _show_all(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("no conflicts")
        return
    for number, group in groupby(rows, key=itemgetter("number")):
        values = sorted(group, key=itemgetter("won"), reverse=True)
        say(f"{number}  {moment(values[0]['at'])}  {values[0]['field']}")
        for row in values:
            say(f"    {'won ' if row['won'] else 'lost'}  {cut(row['value'])}  {row['entity']}/{row['id']}")


def _show_one(rows: list[dict[str, Any]]) -> None:
    kind = {"edits": "edits that contradict each other", "first link": "records that differed when they were linked"}
    first = rows[0]
    say(f"conflict {first['number']} at {moment(first['at'])}: {first['field']}: {kind.get(first['kind'], first['kind'])}")
    made = table("", "record", "value", "before", "edited")
    for row in rows:
        name = f"{row['entity']}/{row['id']}"
        texts = ("won" if row["won"] else "lost", name, row["value"], row["base"], moment(row["edited_at"]))
        made.add_row(*(cell(text) for text in texts))
    console().print(made)
    say(
        f"to have another value: `talk conflicts {first['number']} --take SYSTEM.ENTITY/ID`, or edit it in any of these systems"
    )
