"""`talk`: the command line."""

import importlib

import click

_COMMANDS = {
    "demo": ("talk_assets.cli.demo", "Show what there is, on the five dataflow documents."),
    "specs": ("talk_assets.cli.specs", "Dataflow documents and the specs made of them."),
}


class _LazyGroup(click.Group):
    """Loads a command's module when it is used, so that help comes at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        if cmd_name not in _COMMANDS:
            return None
        return importlib.import_module(_COMMANDS[cmd_name][0]).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="talk-assets")
def main() -> None:
    """Two-way synchronisation of business systems, as dataflow documents describe it."""
