"""`talk specs draft`: a first spec of a system that has none."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from talk_assets.cli.show import plural, printable, show_problems
from talk_assets.specs.catalog import Catalog, load_catalog
from talk_assets.specs.draft.api import Api, described
from talk_assets.specs.draft.draft import Draft, draft, draft_yaml
from talk_assets.specs.draft.wanted import wanted
from talk_assets.specs.files import read_text, write_whole
from talk_assets.specs.problems import Place, SpecError, did_you_mean, error
from talk_assets.specs.read import SYSTEMS, build
from talk_assets.specs.schema import modeline_target
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.yaml12 import parse

_SPECS = Path("mapping_specs")
_Path = click.Path(path_type=Path)
_LIMIT = 64 * 1024 * 1024
"""What a description may have; the largest that are published have a dozen megabytes."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@click.command(name="draft")
@click.argument("system")
@click.option("--openapi", type=_Path, help="The API's description: OpenAPI 3 or Swagger 2, in JSON or YAML.")
@click.option("--specs", type=_Path, default=_SPECS, show_default=True, help="Folder of the specs.")
@click.option("--out", type=_Path, show_default="SYSTEM.yaml in `systems` of --specs", help="File to write.")
def command(system: str, openapi: Path | None, specs: Path, out: Path | None) -> None:
    """Write a first spec of SYSTEM, to be looked through: the entities and properties that dataflows name.

    With --openapi, how to list, read, make and change them is taken from the API's description, and all of their properties
    with their types. Where no dataflow names the system, all lists that the description tells of become entities. What had to
    be guessed says CHANGE THIS.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", system):
        raise click.BadParameter(f"{system!r} is no key of a system: lower case letters, digits and _", param_hint="SYSTEM")
    target = out or specs / SYSTEMS / f"{system}.yaml"
    try:
        made = _drafted(system, openapi, specs, target)
    except SpecError as failure:
        show_problems(failure.problems, err=True)
        sys.exit(1)
    for name in made.missing:
        click.echo(printable(f"not in {openapi}: {name}"), err=True)
    entities = made.spec["entities"].values()
    count = sum(len(entity["properties"]) for entity in entities)
    click.echo(
        printable(f"{target}: {plural(len(entities), 'entity')} with {plural(count, 'property')}; ")
        + f"CHANGE THIS stands at {plural(len(made.remarks), 'place')}"
    )
    click.echo(f"next: look through them, then uv run talk specs check {printable(str(specs))}")


def _drafted(system: str, openapi: Path | None, specs: Path, target: Path) -> Draft:
    if target.exists():
        raise SpecError(
            error("exists", Place(target), "there is such a file already", "say --out for another one, and compare")
        )
    catalog = load_catalog(specs) if specs.exists() or not openapi else Catalog({}, (), ())
    show_problems(catalog.problems, err=True)
    api = _described(openapi, system) if openapi else None
    asked = wanted(system, catalog)
    if not asked.entities and not (api and api.collections):
        raise SpecError(_nothing(system, catalog, openapi))
    made = draft(system, asked, api)
    text = draft_yaml(made, modeline_target(target.parent, "system.json"))
    build(parse(text, target), SystemSpec)
    try:
        write_whole(target, text)
    except OSError as failure:
        raise SpecError(error("unwritable", Place(target), f"cannot write: {failure.strerror or failure}")) from failure
    return made


def _nothing(system: str, catalog: Catalog, openapi: Path | None) -> Any:
    named = sorted({key for loaded in catalog.dataflows for key in (loaded.spec.source, loaded.spec.target)})
    where = Place(openapi or catalog.folder or _SPECS)
    if openapi:
        return error("nothing-found", where, f"no dataflow names {system}, and no list of records is described here")
    guess = did_you_mean(system, named) or (f"they name {', '.join(named)}" if named else "import a document first")
    return error("unknown-system", where, f"no dataflow here names {system}", f"{guess}; or give its --openapi")


def _described(path: Path, system: str) -> Api:
    text = read_text(path, _LIMIT)
    try:
        data = json.loads(text) if text.lstrip()[:1] == "{" else yaml.load(text, _LOADER)  # noqa: S506 - the safe loader
    except (ValueError, yaml.YAMLError, RecursionError) as failure:
        reason = "nested too deeply" if isinstance(failure, RecursionError) else str(failure).splitlines()[0]
        raise SpecError(error("openapi", Place(path), f"neither JSON nor YAML: {reason}")) from failure
    if not isinstance(data, dict) or not isinstance(data.get("paths"), dict):
        raise SpecError(error("openapi", Place(path), "no description of an API: `paths` were expected"))
    return described(data, system)
