"""`talk backup`: a copy of the hub that is a hub itself."""

from pathlib import Path

import click

from talk_assets.cli.options import at_hub, ports_of, say, told
from talk_assets.hub.address import without_password
from talk_assets.hub.upkeep.backup import backup
from talk_assets.operator.project import existing_hub


@click.command(name="backup")
@click.argument("path", type=click.Path(path_type=Path))
@at_hub
@click.pass_context
@told
def command(ctx: click.Context, path: Path, hub: str) -> None:
    """Copy the hub as it is now to the new file PATH. The copy is a hub itself, and `talk restore` goes back to it.

    While a synchronisation writes, this waits for its turn. Logins that rotate are kept beside the hub and are not in the copy.
    """
    with existing_hub(hub, ports_of(ctx)) as opened:
        backup(opened, path)
    say(f"{path}: all that {without_password(hub)} held, {path.stat().st_size / 1e6:.1f} MB, for your eyes only")
