"""`talk history`: what happened, and whether it still says what it said."""

import sys
from pathlib import Path
from typing import Any

import click

from talk_assets.cli.options import as_json, at_hub, ports_of, say, say_json, told
from talk_assets.cli.tables import cell, console, table
from talk_assets.hub.tables import history
from talk_assets.operator.happened import happened
from talk_assets.operator.names import cut, shown
from talk_assets.operator.project import existing_hub
from talk_assets.operator.why import moment

_NEWEST = 50
_MOST = 1_000_000


@click.group(name="history")
def command() -> None:
    """What happened: every edit, write, conflict and decision, each in a row that cannot be changed unseen."""


@command.command()
@click.argument("record", metavar="[SYSTEM.ENTITY/ID]", required=False)
@click.option("--limit", type=click.IntRange(1, _MOST), default=_NEWEST, show_default=True, help="So many of the newest rows.")
@click.option("--run", help="Of this run only, by its id or how that begins.")
@as_json
@at_hub
@click.pass_context
@told
def show(ctx: click.Context, record: str | None, limit: int, run: str | None, hub: str, *, as_json: bool) -> None:
    """List the newest rows, of all that happened or of one record; the oldest of them first."""
    with existing_hub(hub, ports_of(ctx)) as opened:
        rows = happened(opened, limit, record=record, run=run)
    if as_json:
        say_json(rows)
    elif not rows:
        say(f"nothing happened{f' to {record}' if record else ''}{f' in run {run}' if run else ''}")
    else:
        _show(rows)


def _show(rows: list[dict[str, Any]]) -> None:
    made = table("#row", "at", "what", "record", "property", "before", "after", "because")
    for row in rows:
        name = "/".join(part for part in (row["entity"], row["id"]) if part)
        values = [_value(row, side) for side in ("before", "after")]
        texts = (row["number"], moment(row["at"]), row["kind"], name, row["path"] or "", *values, row["reason"] or "")
        made.add_row(*(cell(text) for text in texts))
    console().print(made)


def _value(row: dict[str, Any], side: str) -> str:
    if row["erased"]:
        return "(erased)"
    return cut(shown(row[side])) if row["path"] else ""


@command.command()
@click.option("--head", metavar="HASH", help="A head that was noted earlier: it must still be part of the history.")
@at_hub
@click.pass_context
@told
def verify(ctx: click.Context, head: str | None, hub: str) -> None:
    """Look whether every row is as it was written, and none is missing. Exits 1 and says where, if not.

    Who can write the hub could write all of its history anew. So note the head that this prints somewhere else, and give it
    back with --head: then that shows, too.
    """
    with existing_hub(hub, ports_of(ctx)) as opened:
        problems = history.verify(opened, head)
        rows, now = history.count(opened), history.head(opened)
    for problem in problems:
        say(problem)
    if not problems:
        say(f"{rows:,} rows, each as it was written; head {now}")
    sys.exit(1 if problems else 0)


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@at_hub
@click.pass_context
@told
def export(ctx: click.Context, path: Path, hub: str) -> None:
    """Write all of it to the new file PATH, a JSON object for each row, and say the head that it ends with."""
    with existing_hub(hub, ports_of(ctx)) as opened:
        rows, now = history.export(opened, path), history.head(opened)
    say(f"{path}: {rows:,} rows, for your eyes only; head {now}")
