"""`talk specs conform`: does a system do what its spec says?"""

import dataclasses
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

import click

from talk_assets.cli.show import printable, show_problems
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.problems import SpecError, did_you_mean
from talk_assets.specs.system import SystemSpec
from talk_assets.systems.clock import SystemClock
from talk_assets.systems.conform.finding import Finding, Result
from talk_assets.systems.conform.suite import conform
from talk_assets.systems.errors import SystemsError

_COLOURS = {Result.passed: "green", Result.failed: "red", Result.skipped: "yellow"}


@click.command(name="conform")
@click.argument("system")
@click.option("--specs", type=click.Path(path_type=Path), default=Path("mapping_specs"), help="Folder of the specs.")
@click.option("--entity", "entities", multiple=True, help="Only this entity; may be given several times.")
@click.option("--write", "writes", is_flag=True, help="Also create, change and archive records: ONLY for a test account.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=Path(".talk"),
    envvar="TALK_STATE",
    show_default=True,
    help="Folder of logins that rotate and of shared rate limits.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
def command(system: str, specs: Path, entities: tuple[str, ...], state: Path, *, writes: bool, as_json: bool) -> None:
    """Try on the live SYSTEM everything that its spec declares. Exits 1 when a declaration is wrong.

    Where to find the system and how to log in is read from the environment, by the names in the spec. With --write, answers
    are dropped on purpose and records edited in between, and waiting for the visibility that the spec declares takes minutes.
    """
    spec = _system(system, specs)
    if unknown := [name for name in entities if name not in spec.entities]:
        raise click.BadParameter(f"{system} has no entity {unknown[0]!r}; known are {', '.join(spec.entities)}")
    chance = random.SystemRandom()
    counts: Counter[Result] = Counter()
    try:
        findings = conform(spec, os.environ, clock=SystemClock(), chance=chance, entities=entities, writes=writes, state=state)
        for finding in findings:
            counts[finding.result] += 1
            _show(finding, as_json=as_json)
    except SystemsError as failure:
        raise click.ClickException(str(failure)) from None
    if not as_json:
        click.echo(f"{spec.title}: {', '.join(f'{counts[result]} {result}' for result in Result)}")
    sys.exit(bool(counts[Result.failed]))


def _system(name: str, folder: Path) -> SystemSpec:
    try:
        catalog = load_catalog(folder)
    except SpecError as failure:
        show_problems(failure.problems, err=True)
        sys.exit(1)
    if name in catalog.systems:
        return catalog.systems[name].spec
    show_problems(catalog.problems, err=True)
    known = did_you_mean(name, catalog.systems) or f"known are {', '.join(catalog.systems)}"
    raise click.BadParameter(f"there is no system {name!r} in {folder}; {known}")


def _show(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(finding)))
        return
    result = click.style(f"{finding.result:8}", fg=_COLOURS[finding.result], bold=finding.result is Result.failed)
    click.echo(f"{result} {finding.entity}  {finding.declaration}: {printable(finding.reason)}")
