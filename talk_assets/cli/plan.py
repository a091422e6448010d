"""`talk plan`: what would be written, and why."""

import dataclasses
import sys
from itertools import groupby

import click

from talk_assets.cli.options import as_json, in_project, say, say_json
from talk_assets.cli.show import plural
from talk_assets.cli.tables import cell, console, folded, table
from talk_assets.operator.names import cut, in_one, shown
from talk_assets.operator.planning import Plan, Write, kept_plan, make_plan
from talk_assets.operator.project import Project
from talk_assets.sync.arriving.readings import not_read

_SHOWN = 40


@click.command(name="plan")
@click.option("--offline", is_flag=True, help="Ask no system: show what was planned last.")
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, help="Show so many writes; JSON has all.")
@as_json
@in_project
def command(project: Project, limit: int, *, offline: bool, as_json: bool) -> None:
    """Read all systems and show what would be written to which record, and why. Writes nothing to any system.

    What was read and planned is kept: a later `talk sync` sends it.

    The plan has a hash, and so has each entity's part of it: `talk apply HASH` makes just that plan, or part, and nothing else.

    Exits 1 if a system could not be read. With --offline those are named that could not be read the last time.
    """
    with project.offline() if offline else project.online(read_only=True) as world:
        plan = kept_plan(world, not_read(world)) if offline else make_plan(world)
    if as_json:
        say_json(as_data(plan))
    else:
        show(plan, limit)
    sys.exit(1 if plan.failed and not offline else 0)


def as_data(plan: Plan) -> dict[str, object]:
    """A plan as JSON has it."""
    return {
        "hash": plan.hash,
        "hashes": dict(plan.hashes),
        "guarded": [dataclasses.asdict(one) for one in plan.guarded],
        "failed": dict(plan.failed),
        "writes": [dataclasses.asdict(write) for write in plan.writes],
    }


def show(plan: Plan, limit: int = _SHOWN) -> None:
    """A plan as people read it."""
    for key, reason in in_one(plan.failed).items():
        say(folded(f"could not be read, so its news are missing here: {key}: {reason}"))
    ready = plan.ready
    for write in ready[:limit]:
        _show_write(write)
    if len(ready) > limit:
        say(f"… and {plural(len(ready) - limit, 'write')} more (--limit, --json)")
    _show_rest(plan, limit)
    say()
    if not ready:
        say("nothing is to be written now")
        return
    summary = table("entity", "#create", "#update", "hash")
    for key, hash_ in plan.hashes.items():
        kinds = [write.kind for write in ready if write.entity == key]
        summary.add_row(cell(key), str(kinds.count("create")), str(kinds.count("update")), hash_)
    console().print(summary)
    say(f"\n{plural(len(ready), 'write')}, hash {plan.hash}; just this plan: talk apply {plan.hash}")


def _show_write(write: Write) -> None:
    say(folded(f"{write.kind} {write.name}" + (f"  by {write.mapping}" if write.mapping else "")))
    for origin, cells in groupby(sorted(write.cells, key=lambda one: one.origin or ""), key=lambda one: one.origin):
        say(f"  from {origin}:" if origin else "  always:")
        for one in cells:
            now = "" if write.kind == "create" else f"{cut(shown(one.before))} → "
            say(folded(f"    {one.path}: {now}{cut(shown(one.after))}"))


def _show_rest(plan: Plan, limit: int) -> None:
    for one in plan.guarded:
        say(folded(f"guard: {one.entity}: {one.reason}; let it pass with `talk approve {one.hash}`"))
    rest = [write for write in plan.writes if write.state != "ready"]
    for write in rest[:limit]:
        say(folded(": ".join(filter(None, (write.state, write.name, write.reason)))))
    if len(rest) > limit:
        say(f"… and {len(rest) - limit:,} more that are not ready")
