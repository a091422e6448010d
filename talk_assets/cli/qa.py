"""`talk qa`: the dataflow documents as checklists that are worked through."""

import sys
from datetime import datetime
from pathlib import Path

import click

from talk_assets.cli.options import as_json as json_option
from talk_assets.cli.options import in_project, say, tell
from talk_assets.cli.show import json_text
from talk_assets.operator.project import Project, Unusable
from talk_assets.operator.qa import live, text
from talk_assets.operator.qa.html import page
from talk_assets.operator.qa.look import look
from talk_assets.operator.qa.sandbox import run_in_sandbox
from talk_assets.sync.world import silent


@click.command(name="qa")
@click.option("--live", is_flag=True, help="Look at the hub that is in use instead, of whatever systems; nothing is edited.")
@click.option("--evidence", is_flag=True, help="Show for every tick what was edited and what arrived.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page for screen and paper too.")
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the sandbox: another seed, other records."
)
@json_option
@in_project
def command(*, project: Project, live: bool, evidence: bool, html: Path | None, seed: int, as_json: bool) -> None:
    """Work through the dataflow documents as the checklists they are: for every mapping a new record, for every row an edit
    on each side that must arrive on the other. All of it in a sandbox of its own, in less than a minute, so it is for specs of
    the five systems that the sandbox plays. For systems of your own there is --live, which looks at what the hub holds and
    ticks what is linked and in step.

    Exits 1 unless everything is ticked, or explained by what a real API cannot take.
    """
    if live:
        if html:
            raise click.UsageError("--html shows edits and what became of them, and --live makes none")
        _live(project, as_json=as_json)
        return
    report = run_in_sandbox(project.resolved, silent if as_json else tell, seed=seed)
    if as_json:
        click.echo(json_text(text.as_data(report)))
    else:
        for line in text.lines(report, evidence=evidence):
            say(line)
    if html:
        made = f"In a sandbox with seed {seed}, on {datetime.now().astimezone():%Y-%m-%d at %H:%M %Z}."
        _write(html, page(report, made))
    sys.exit(not report.is_passed)


def _live(project: Project, *, as_json: bool) -> None:
    with project.offline() as world:
        report = look(world, project.resolved)
    if as_json:
        click.echo(json_text(live.as_data(report)))
    else:
        for line in live.lines(report):
            say(line)
    sys.exit(not report.is_passed)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as failure:
        raise Unusable(f"{file} cannot be written: {failure.strerror}") from None
