"""`talk status`: how everything stands."""

import dataclasses
import sys
from datetime import datetime
from itertools import groupby

import click

from talk_assets.cli.options import as_json, in_project, say, say_json
from talk_assets.cli.show import in_one, plural
from talk_assets.cli.sync import number, show_attention
from talk_assets.cli.tables import cell, console, table
from talk_assets.operator.project import Project
from talk_assets.operator.showing import APPROVED, RELEASED
from talk_assets.operator.status import Entity, Run, Status, status
from talk_assets.operator.why import moment

_RUNS = 5
_KEPT = ("records", "linked", "ambiguous")
_DUE = ("ready", "waiting", "held", "refused", "unsettled")
_ALWAYS = ("records", "linked")


@click.command(name="status")
@click.option("--runs", type=click.IntRange(1, 1000), default=_RUNS, show_default=True, help="So many of the newest runs.")
@as_json
@in_project
def command(project: Project, runs: int, *, as_json: bool) -> None:
    """Say how everything stands: when each entity was read last and when all of it was, what could not be read, how many
    records and things there are, what is planned, what waits for a person, and what the last runs did. Asks the hub only.

    Exits 0 when all could be read and nothing waits for a person, 1 when something could not be read or never was, 3 when
    something needs a person.
    """
    with project.offline() as world:
        found = status(world, runs)
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
    shown = table("entity", "read", "all of it read", *(f"#{name}" for name in columns))
    by_system = sorted(found.entities, key=lambda one: one.entity.partition(".")[0])
    for system, entities in groupby(by_system, key=lambda one: one.entity.partition(".")[0]):
        shown.add_row(cell(system))
        for one in entities:
            numbers = (number(counts[one.entity][name]) for name in columns)
            shown.add_row(cell(f"  {one.entity.partition('.')[2]}"), _at(one.reading.read_at), _at(one.whole_at), *numbers)
    console().print(shown)
    told = ", ".join(f"{name} {count:,}" for name, count in found.things.items())
    say(f"\n{plural(sum(found.things.values()), 'cluster')}{f': {told}' if told else ''}")
    for key, failure in in_one(found.failed).items():
        say(f"{key} {failure}")
    for key, count in found.unmapped.items():
        say(f"in the hub there is still {plural(count, 'record')} of {key}, which no mapping names any more")
    if found.conflicts:
        say(f"{plural(found.conflicts, 'contradiction')} so far, decided or held: `talk conflicts`")
    for one in found.guarded:
        say(f"guard: {one.entity}: {one.reason}; let it pass with `talk approve {one.hash}`")
    for hash_ in found.approved:
        say(f"{APPROVED}: {hash_}")
    if found.released:
        say(f"{RELEASED}: {plural(found.released, 'refused write')}")
    show_attention(found.attention)
    if not found.attention:
        say("nothing waits for you")
    _show_runs(found.runs)


def _show_runs(runs: tuple[Run, ...]) -> None:
    if not runs:
        return
    say()
    made = table("run", "began", "ended", "#edits", "#created", "#updated")
    for one in runs:
        made.add_row(cell(one.run), moment(one.began), moment(one.ended), *map(number, (one.edits, one.created, one.updated)))
    console().print(made)


def _count(one: Entity, name: str) -> int:
    count: int = getattr(one.kept if name in _KEPT else one.due, name)
    return count


def _at(time: datetime | None) -> str:
    return moment(time) if time else "·"
