"""`talk status`: how everything stands."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import click
from rich.table import Table

from talk_assets.cli.options import as_json, in_project, say, say_json
from talk_assets.cli.show import plural
from talk_assets.cli.sync import number, show_attention, show_awaited
from talk_assets.cli.tables import cell, folded, print_fitting, table
from talk_assets.operator.names import in_one
from talk_assets.operator.project import Project
from talk_assets.operator.showing import APPROVED, RELEASED
from talk_assets.operator.status import Entity, Run, Status, status
from talk_assets.operator.why import moment

_RUNS = 5
_KEPT = ("records", "linked", "ambiguous")
_DUE = ("ready", "waiting", "held", "refused", "unsettled")
_ALWAYS = ("records", "linked")
_A_DAY, _A_YEAR = timedelta(days=1), timedelta(days=360)
Told = Callable[[datetime], str]
"""How a time is written."""


@click.command(name="status")
@click.option("--runs", type=click.IntRange(1, 1000), default=_RUNS, show_default=True, help="So many of the newest runs.")
@click.option(
    "--within", "minutes", type=click.IntRange(1), help="Exit 1 also where something was not read within so many minutes."
)
@as_json
@in_project
def command(project: Project, runs: int, minutes: int | None, *, as_json: bool) -> None:
    """Say how everything stands: when each entity was read last and when all of it was, what could not be read, how many
    records and things there are, what is planned, what waits for a person, and what the last runs did. Asks the hub only.

    Exits 0 when all could be read and nothing waits for a person, 1 when something could not be read or never was, 3 when
    something needs a person. A synchronisation that never ran, or that could not write to the hub, leaves nothing there that
    could tell of it; --within does.
    """
    with project.offline() as world:
        found = status(world, runs, timedelta(minutes=minutes) if minutes else None)
    if as_json:
        say_json(_as_data(found))
    else:
        _show(found)
    sys.exit(found.exit_code)


def _as_data(found: Status) -> dict[str, object]:
    entities = [{**_flat(one), "failure": one.failure} for one in found.entities]
    return {**dataclasses.asdict(found), "entities": entities, "exit_code": found.exit_code}


def _flat(one: Entity) -> dict[str, object]:
    parts = (one.reading, one.kept, one.due)
    counts = {name: value for part in parts for name, value in dataclasses.asdict(part).items()}
    return {"entity": one.entity, "whole_at": one.whole_at, **counts}


def _show(found: Status) -> None:
    counts = {one.entity: {name: _count(one, name) for name in (*_KEPT, *_DUE)} for one in found.entities}
    columns = [name for name in (*_KEPT, *_DUE) if name in _ALWAYS or any(one[name] for one in counts.values())]
    numbers = {key: [number(one[name]) for name in columns] for key, one in counts.items()}
    heads = [f"#{name}" for name in columns]
    short = partial(_shortly, found.at)
    print_fitting(
        _entities(found, table("entity", "read", "all of it read", *heads), numbers, moment),
        _entities(found, table("entity", "read", "all read", *heads), numbers, short),
    )
    told = ", ".join(f"{name} {count:,}" for name, count in found.things.items())
    say(folded(f"\n{plural(sum(found.things.values()), 'cluster')}{f': {told}' if told else ''}"))
    for key, failure in in_one(found.failed).items():
        say(folded(f"{key} {failure}"))
    show_awaited(found.awaited)
    for key, count in found.unmapped.items():
        say(folded(f"in the hub there is still {plural(count, 'record')} of {key}, which no mapping names any more"))
    if found.conflicts:
        say(f"{plural(found.conflicts, 'contradiction')} so far, decided or held: `talk conflicts`")
    for one in found.guarded:
        say(folded(f"guard: {one.entity}: {one.reason}; let it pass with `talk approve {one.hash}`"))
    for hash_ in found.approved:
        say(f"{APPROVED}: {hash_}")
    if found.released:
        say(f"{RELEASED}: {plural(found.released, 'refused write')}")
    show_attention(found.attention)
    if not found.attention:
        say("nothing waits for you")
    if found.runs:
        say()
        print_fitting(_runs(found.runs, moment), _runs(found.runs, short))


def _entities(found: Status, made: Table, numbers: Mapping[str, list[str]], told: Told) -> Table:
    by_system = sorted(found.entities, key=lambda one: one.entity.partition(".")[0])
    for system, entities in groupby(by_system, key=lambda one: one.entity.partition(".")[0]):
        made.add_row(cell(system))
        for one in entities:
            times = (told(at) if at else "·" for at in (one.reading.read_at, one.whole_at))
            made.add_row(cell(f"  {one.entity.partition('.')[2]}"), *times, *numbers[one.entity])
    return made


def _runs(runs: tuple[Run, ...], told: Told) -> Table:
    made = table("run", "began", "ended", "#edits", "#created", "#updated")
    for one in runs:
        made.add_row(cell(one.run), told(one.began), told(one.ended), *map(number, (one.edits, one.created, one.updated)))
    return made


def _count(one: Entity, name: str) -> int:
    count: int = getattr(one.kept if name in _KEPT else one.due, name)
    return count


def _shortly(now: datetime, at: datetime) -> str:
    """When on this day and night, or on which day."""
    return f"{at:%H:%M}" if now - at < _A_DAY else f"{at:%d %b}" if now - at < _A_YEAR else f"{at:%b %Y}"
