"""`talk restore`: back to a backup."""

from pathlib import Path

import click

from talk_assets.cli.options import in_project, say
from talk_assets.operator.project import Project


@click.command(name="restore")
@click.argument("path", type=click.Path(path_type=Path))
@in_project
def command(project: Project, path: Path) -> None:
    """Put a copy of the backup PATH in the place of the hub, which is kept beside it. Stop whatever runs `talk sync` or Dagster
    first: what goes on from a hub that has gone back does so without anybody having looked.

    Who was erased since the backup was made is erased again. What was linked, unlinked or approved since is forgotten.
    """
    kept = project.restore(path)
    say(f"{project.hub_url} holds what {path} held{f'; what it held before is in {kept}' if kept else ''}")
    say("look before anything is written: `talk sync --dry-run`, then `talk plan --offline`. What it would create may be there")
    say("already: `talk link` says so")
