"""`talk specs`: documents in and out, and what is wrong with specs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

from talk_assets.cli.lazy import LazyGroup
from talk_assets.cli.show import LEAST, counted, plural, printable, problem_json, show_problems
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.exchange import Done, Job, import_jobs, render_jobs, unrecognised
from talk_assets.specs.files import write_whole
from talk_assets.specs.mermaid import mermaid
from talk_assets.specs.problems import Place, Problem, Severity, SpecError, error
from talk_assets.specs.reference import reference_text
from talk_assets.specs.resolve import resolve
from talk_assets.specs.schema import schema_texts
from talk_assets.specs.summary import Summary, summarise
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.verify import verify

SPECS = Path("mapping_specs")
SYSTEMS = SPECS / "systems"
_MANY = 30
_Folder = click.Path(path_type=Path)


_LAZY = {
    "conform": ("talk_assets.cli.conform", "Try on a live system everything that its spec declares."),
    "draft": ("talk_assets.cli.draft", "Write a first spec of a system, from dataflows and its API's description."),
}


@click.group(name="specs", cls=LazyGroup, lazy=_LAZY)
def command() -> None:
    """Dataflow documents and the specs made of them."""


@command.command()
@click.argument("folder", type=_Folder, default=SPECS)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("--least", type=click.Choice(list(LEAST)), default="note", help="Leave out what weighs less.")
def check(folder: Path, *, as_json: bool, least: str) -> None:
    """Say everything that is wrong or dangerous in the specs below FOLDER. Exits 1 when there are errors."""
    try:
        resolved = resolve(load_catalog(folder, SYSTEMS))
        problems = verify(resolved)
        summary = summarise(resolved)
    except SpecError as failure:
        problems, summary = failure.problems, Summary()
    shown = [problem for problem in problems if problem.severity in LEAST[least]]
    if as_json:
        click.echo(json.dumps({**summary.counts(), "problems": [problem_json(problem) for problem in shown]}, indent=2))
    else:
        show_problems(shown)
        click.echo(f"{summary}: {counted(problems)}")
    sys.exit(int(any(problem.severity is Severity.error for problem in problems)))


@command.command(name="import")
@click.argument("source", type=_Folder)
@click.option("--out", type=_Folder, required=True, help="Folder for the specs.")
@click.option(
    "--systems",
    type=_Folder,
    show_default=f"`systems` in or beside --out, else {SYSTEMS}",
    help="System specs whose names are recognised.",
)
@click.option("--replace", is_flag=True, help="Write over specs that say something else.")
def import_(source: Path, out: Path, systems: Path | None, *, replace: bool) -> None:
    """Turn the dataflow document SOURCE, or all documents below a folder, into mapping specs."""
    home = next(filter(_holds_systems, (out, out.parent)), None)
    usual = home / SYSTEMS.name if home else SYSTEMS
    known, problems = _systems(systems or usual, asked_for=systems is not None)
    done, failed = _run_all(lambda: import_jobs(source, out, known, replace=replace))
    failed = _errors([*problems, *failed])
    if not _errors(problems):
        show_problems(unrecognised(done, known), err=True)
    mappings = sum(len(one.spec.mappings) for one in done)
    kept = sum(one.unchanged for one in done)
    click.echo(
        f"{plural(len(done), 'document')} imported with {plural(mappings, 'mapping')}"
        f"{f', {kept} of them unchanged' if kept else ''}; {plural(len({p.place.file for p in failed}), 'file')} refused"
    )
    if done:
        click.echo(f"next: uv run talk specs check {printable(str(home if home and systems in (None, usual) else out))}")
    sys.exit(1 if failed else 0)


@command.command()
@click.argument("source", type=_Folder)
@click.option("--out", type=_Folder, required=True, help="Folder for the documents.")
def render(source: Path, out: Path) -> None:
    """Turn the mapping spec SOURCE, or all below a folder, back into dataflow documents, byte for byte."""
    done, failed = _run_all(lambda: render_jobs(source, out))
    failed = _errors(failed)
    click.echo(f"{plural(len(done), 'document')} rendered; {plural(len({p.place.file for p in failed}), 'file')} refused")
    sys.exit(1 if failed else 0)


@command.command()
@click.option("--out", type=_Folder, default=SPECS / "schema", help="Folder for the schemas.")
@click.option("--reference", type=_Folder, help="Also write every key with its meaning to this file, in Markdown.")
def schema(out: Path, reference: Path | None) -> None:
    """Write the JSON Schemas of system and mapping specs, for editors."""
    texts = {out / name: text for name, text in schema_texts().items()}
    if reference:
        texts[reference] = reference_text()
    for path, text in texts.items():
        _written(path, text)
        click.echo(printable(str(path)))
    click.echo("a spec names its schema in its first line: # yaml-language-server: $schema=<path>/dataflow.json")


@command.command()
@click.argument("folder", type=_Folder, default=SPECS)
@click.option("--out", type=_Folder, help="File to write instead of printing.")
def graph(folder: Path, out: Path | None) -> None:
    """Draw systems, entities, subjects and mappings below FOLDER as a Mermaid flowchart."""
    try:
        resolved = resolve(load_catalog(folder, SYSTEMS))
    except SpecError as failure:
        show_problems(failure.problems, err=True)
        sys.exit(1)
    text = mermaid(resolved)
    problems = (*resolved.catalog.problems, *resolved.problems)
    show_problems(problems, err=True)
    if out:
        _written(out, text)
    else:
        click.echo(text, nl=False)
    sys.exit(int(any(problem.severity is Severity.error for problem in problems)))


def _holds_systems(folder: Path) -> bool:
    return os.path.isdir(folder / SYSTEMS.name)  # noqa: PTH112  (is_dir raises where a folder cannot be entered)


def _systems(folder: Path, *, asked_for: bool) -> tuple[dict[str, SystemSpec], Sequence[Problem]]:
    """System specs for recognising names; none where the usual folder does not exist."""
    if not asked_for and not folder.exists():
        return {}, ()
    try:
        catalog = load_catalog(folder)
    except SpecError as failure:
        show_problems(failure.problems, err=True)
        return {}, failure.problems
    show_problems(catalog.problems, err=True)
    return catalog.system_specs, catalog.problems


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.error]


def _run_all(jobs: Callable[[], list[Job]]) -> tuple[list[Done], list[Problem]]:
    """Run every job; what one file does wrong does not stop the others."""
    done: list[Done] = []
    failed: list[Problem] = []
    try:
        waiting = jobs()
    except SpecError as failure:
        show_problems(failure.problems, err=True)
        return done, list(failure.problems)
    with click.progressbar(waiting, file=sys.stderr, hidden=len(waiting) <= _MANY, label="files") as steps:
        for job in steps:
            try:
                done.append(job.run())
            except SpecError as failure:
                failed += failure.problems
            except OSError as failure:
                failed.append(_cannot_write(job.read, failure))
    show_problems(failed, err=True)
    if len(waiting) <= _MANY:
        for one in done:
            note = " (unchanged)" if one.unchanged else ""
            click.echo(printable(f"{one.read} → {one.written}: {plural(len(one.spec.mappings), 'mapping')}{note}"))
    return done, failed


def _written(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as failure:
        show_problems([_cannot_write(path, failure)], err=True)
        sys.exit(1)


def _cannot_write(path: Path, failure: OSError) -> Problem:
    where = f" {failure.filename}" if failure.filename else ""
    return error("unwritable", Place(path), f"cannot write{where}: {failure.strerror or failure}")
