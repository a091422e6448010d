"""`talk`: the command line."""

import click

from talk_assets.cli.lazy import LazyGroup

_COMMANDS = {
    "demo": ("talk_assets.cli.demo", "Show what there is, on the five dataflow documents."),
    "sandbox": ("talk_assets.cli.sandbox", "The five systems as servers on this machine, to try things on."),
    "specs": ("talk_assets.cli.specs", "Dataflow documents and the specs made of them."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="talk-assets")
def main() -> None:
    """Two-way synchronisation of business systems, as dataflow documents describe it."""
