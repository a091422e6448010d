"""`talk demo`: what there is so far, on the specs of this folder."""

import sys

import click
from rich.console import Console
from rich.table import Table

from talk_assets.cli.show import counted, printable, show_problems
from talk_assets.cli.specs import SPECS
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.problems import Severity, SpecError
from talk_assets.specs.resolve import Resolved, resolve
from talk_assets.specs.summary import summarise
from talk_assets.specs.topology import Subject, subjects
from talk_assets.specs.verify import verify

_LOUDEST = ("subjects-joined", "same-target", "unbound-condition", "duplicate-section")


@click.command(name="demo")
def command() -> None:
    """Show what the mapping specs of this folder describe, and what is dangerous about them."""
    try:
        resolved = resolve(load_catalog(SPECS))
    except SpecError as failure:
        show_problems(failure.problems, err=True)
        click.echo("run `uv run talk demo` where mapping_specs/ lies", err=True)
        sys.exit(1)
    console = Console()
    console.print(_mappings(resolved))
    console.print(_subjects(subjects(resolved)))
    problems = verify(resolved)
    click.echo(f"{summarise(resolved)}\nproved without any data: {counted(problems)}; the ones to know about:\n")
    show_problems(problem for problem in problems if problem.severity is Severity.error or problem.code in _LOUDEST)
    click.echo(
        "\nTry: uv run talk specs check                                    everything that was found\n"
        "     uv run talk specs graph                                    the picture, in Mermaid\n"
        "     uv run talk specs render mapping_specs --out documents     the documents, byte for byte\n"
        "     uv run dagster dev -w workspace.yaml                       the graph, in a browser\n"
        "     uv run talk qa                                             all of it at work, in a sandbox"
    )
    sys.exit(int(any(problem.severity is Severity.error for problem in problems)))


def _mappings(resolved: Resolved) -> Table:
    table = Table(title="Mappings: every record on the left gets a counterpart on the right", title_justify="left")
    table.add_column("from", overflow="fold")
    table.add_column("to", overflow="fold")
    for head in ("doc. rows", "added", "match"):
        table.add_column(head, justify="right")
    for mapping in resolved.mappings:
        documented = sum(not row.spec.added for row in mapping.rows)
        counts = (documented, len(mapping.rows) - documented, len(mapping.matches))
        table.add_row(printable(str(mapping.source)), printable(str(mapping.target)), *map(str, counts))
    return table


def _subjects(found: tuple[Subject, ...]) -> Table:
    table = Table(title="Subjects: linked records of these entities are the same thing", title_justify="left")
    table.add_column("subject")
    table.add_column("entities")
    for subject in found:
        table.add_row(printable(subject.name), printable(", ".join(map(str, subject.entities))))
    return table
