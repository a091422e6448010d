"""`talk sync`: until everything agrees."""

import dataclasses
import sys
from collections.abc import Mapping
from itertools import groupby

import click

from talk_assets.cli.options import as_json, in_project, say
from talk_assets.cli.show import json_text, plural
from talk_assets.cli.tables import cell, console, folded, table
from talk_assets.operator.names import in_one
from talk_assets.operator.project import Project, Unusable
from talk_assets.operator.syncing import Report, require_systems, sync

_COUNTS = ("read", "new", "changed", "gone", "created", "updated", "waiting", "held", "refused", "unknown")
_ALWAYS = ("read", "new", "changed", "created", "updated")
_ENDINGS = {
    "quiet": "quiet: nothing is left to do",
    "planned": "planned only: the systems were read, and nothing was written to them",
    "failed": "not finished: some systems could not be worked with",
    "stuck": "not finished: nothing moves on; what is ready could not be sent, or what is there could not be read whole",
    "unfinished": "not finished: there is still something to do; run `talk sync` again",
}
_ATTENTION = {
    "guard": ("guard holds a mass change until it is approved", "guards hold mass changes until they are approved"),
    "rejected": ("write was refused by its system", "writes were refused by their system"),
    "misfit": ("value does not fit and is not passed on", "values do not fit and are not passed on"),
    "unfit": ("agreed value does not fit where it should go", "agreed values do not fit where they should go"),
    "contradiction": (
        "edit contradicts others, and is held as the specs say",
        "edits contradict others, and are held as the specs say",
    ),
    "flips": ("property goes back and forth between two writers", "properties go back and forth between two writers"),
    "unreadable": ("record cannot be read and is left out", "records cannot be read and are left out"),
    "ambiguous": (
        "record is not linked, because it is not certain with what",
        "records are not linked, because it is not certain with what",
    ),
}


@click.command(name="sync")
@click.option("--cycles", type=click.IntRange(1, 1000), default=10, show_default=True, help="Give up after so many.")
@click.option("--system", "systems", multiple=True, help="Write to this system only; may be given several times. All are read.")
@click.option("--full", is_flag=True, help="Read everything, not only what changed.")
@click.option("--dry-run", "dry", is_flag=True, help="Read and plan, and write nothing to any system.")
@as_json
@in_project
def command(project: Project, cycles: int, systems: tuple[str, ...], *, full: bool, dry: bool, as_json: bool) -> None:
    """Read all systems, agree, and write what is due, until nothing is left to do.

    A dry run reads the systems and keeps what it read and planned in the hub, and sends nothing that changes anything.

    Exits 0 when all is quiet, 1 when something failed or is not finished, 3 when something needs a person: see `talk holds`.
    """
    try:
        require_systems(project.model, systems)
    except Unusable as failure:
        raise click.BadParameter(str(failure), param_hint="--system") from None
    with project.online(read_only=dry) as world:
        report = sync(world, cycles=cycles, systems=systems, full=full, dry=dry)
    if as_json:
        click.echo(json_text({**dataclasses.asdict(report), "exit_code": report.exit_code}))
    else:
        _show(report)
    sys.exit(report.exit_code)


def _show(report: Report) -> None:
    columns = [name for name in _COUNTS if name in _ALWAYS or any(getattr(line, name) for line in report.lines)]
    shown = table("entity", *(f"#{name}" for name in columns))
    by_system = sorted(report.lines, key=lambda line: line.entity.partition(".")[0])
    for system, lines in groupby(by_system, key=lambda line: line.entity.partition(".")[0]):
        shown.add_row(cell(system))
        for line in lines:
            shown.add_row(cell(f"  {line.entity.partition('.')[2]}"), *(number(getattr(line, name)) for name in columns))
    console().print(shown)
    is_quiet_there = report.systems and report.ending == "quiet"
    ending = f"quiet: nothing is left to write to {', '.join(report.systems)}" if is_quiet_there else _ENDINGS[report.ending]
    say(f"\nafter {plural(report.cycles, 'cycle')} {ending}")
    for system, count in report.left_out.items():
        say(f"left out: {system}, where {plural(count, 'record')} would be written; `talk sync` without --system does it")
    if ready := report.ready - sum(report.left_out.values()):
        say(f"{plural(ready, 'record')} ready to be written")
    for key, reason in in_one(report.failed).items():
        say(f"could not be read: {key}: {reason}")
    show_awaited(report.awaited)
    for system in report.stopped:
        say(f"does not let us in: {system}; check its login")
    for problem in report.problems:
        say(problem)
    for trip in report.trips:
        say(f"guard: {trip.entity}: {trip.reason}; let it pass with `talk approve {trip.hash}`")
    show_attention(report.attention)


def show_awaited(awaited: Mapping[str, int]) -> None:
    for key, count in awaited.items():
        are = plural(count, "creation")
        say(
            folded(
                f"{are} wait{'' if count > 1 else 's'} until {key} was read once, which may know them: `talk plan --offline`"
            )
        )


def show_attention(attention: Mapping[str, int]) -> None:
    for kind, count in attention.items():
        say(told_attention(kind, count))
    if attention:
        say("what needs you: `talk holds`; why: `talk why SYSTEM.ENTITY/ID`")


def told_attention(kind: str, count: int) -> str:
    """What waits for a person, in words."""
    one, several = _ATTENTION.get(kind, (kind, kind))
    return f"{count:,} {one if count == 1 else several}"


def number(count: int) -> str:
    return f"{count:,}" if count else "·"
