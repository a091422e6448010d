"""`talk holds`: what waits for a person."""

import dataclasses

import click

from talk_assets.cli.options import as_json, in_project, say, say_json
from talk_assets.cli.tables import folded
from talk_assets.operator.project import Project
from talk_assets.operator.showing import waiting
from talk_assets.operator.why import moment


@click.command(name="holds")
@as_json
@in_project
def command(project: Project, *, as_json: bool) -> None:
    """List what waits for a person: guards, refused writes, values that do not fit, records that may be several others, and
    those that cannot be read. Each with what can be done about it.
    """
    with project.offline() as world:
        found = waiting(world)
    if as_json:
        say_json([dataclasses.asdict(one) for one in found])
        return
    if not found:
        say("nothing waits for you")
    for one in found:
        number = f"{one.number}  " if one.number is not None else ""
        since = f"  since {moment(one.since)}" if one.since else ""
        say(folded(f"{number}{one.kind}  {one.about}{since}"))
        say(folded(f"    {one.reason}"))
        if one.action:
            say(folded(f"    → {one.action}"))
