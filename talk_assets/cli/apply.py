"""`talk apply`: a plan that a person has seen, and nothing else."""

import dataclasses
import sys

import click

from talk_assets.cli.options import as_json, in_project, say
from talk_assets.cli.show import json_text
from talk_assets.operator.planning import apply
from talk_assets.operator.project import Project


@click.command(name="apply")
@click.argument("plan_hash", metavar="HASH")
@as_json
@in_project
def command(project: Project, plan_hash: str, *, as_json: bool) -> None:
    """Make the plan that `talk plan` showed with this HASH: all of it, or one entity's part.

    Everything is read and planned again first. If the plan is another one by now, nothing is sent. Exits 3 when a system
    refused some of it, and 1 when some of it could not be sent.
    """
    with project.online() as world:
        _, done = apply(world, plan_hash)
    if as_json:
        click.echo(json_text(dataclasses.asdict(done)))
    else:
        say(
            f"{done.done:,} written, {done.created:,} of them new; {done.rejected:,} refused, "
            f"{done.unknown:,} without a certain outcome, {done.later:,} not sent"
        )
        if done.rejected:
            say("what was refused, and why: `talk holds`")
    sys.exit(1 if done.later or done.stopped or done.unknown else 3 if done.rejected else 0)
