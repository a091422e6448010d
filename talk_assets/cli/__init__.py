"""`talk`: the command line."""

import contextlib
import errno
import io
import os
import sys
from typing import Any

import click

from talk_assets.cli.lazy import LazyGroup

_COMMANDS = {
    "apply": ("talk_assets.cli.apply", "Make a plan that `talk plan` showed, and nothing else."),
    "approve": ("talk_assets.cli.approve", "Let a mass change that a guard holds pass once."),
    "backup": ("talk_assets.cli.backup", "Copy the hub, also while it is in use."),
    "conflicts": ("talk_assets.cli.conflicts", "Contradictions between systems, and which value won."),
    "demo": ("talk_assets.cli.demo", "All of it on this machine, in a browser: five systems, Dagster, a first sync."),
    "history": ("talk_assets.cli.history", "What happened, and whether that was changed since."),
    "holds": ("talk_assets.cli.holds", "What waits for a person, and what to do about it."),
    "link": ("talk_assets.cli.link", "Say that two records are the same thing."),
    "person": ("talk_assets.cli.person", "What the hub holds about a person: shown, erased, kept out."),
    "plan": ("talk_assets.cli.plan", "What would be written, and why, under a hash."),
    "prune": ("talk_assets.cli.prune", "Let go of what is over and was long ago."),
    "qa": ("talk_assets.cli.qa", "Work through the dataflow documents as the checklists they are."),
    "restore": ("talk_assets.cli.restore", "Put a backup in the place of the hub."),
    "retry": ("talk_assets.cli.retry", "Try again what a system refused."),
    "sandbox": ("talk_assets.cli.sandbox", "The five systems as servers on this machine, to try things on."),
    "simulate": ("talk_assets.cli.simulate", "The engine under seeded users, faults and crashes, against an oracle."),
    "specs": ("talk_assets.cli.specs", "Dataflow documents and the specs made of them."),
    "status": ("talk_assets.cli.status", "How everything stands: what was read, is kept, waits and happened last."),
    "sync": ("talk_assets.cli.sync", "Read all systems, agree, and write, until nothing is left to do."),
    "undo": ("talk_assets.cli.undo", "Put back what a run wrote, where nobody has changed it since."),
    "unlink": ("talk_assets.cli.unlink", "Say that a record is another thing than what it is linked with."),
    "why": ("talk_assets.cli.why", "Why a record or a property is as it is, and why not."),
}


_FULL = (errno.ENOSPC, errno.EDQUOT)


class _Talk(LazyGroup):
    def main(self, *args: Any, **kwargs: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            return super().main(*args, **kwargs)
        except OSError as failure:
            if failure.errno not in _FULL:
                raise
            click.echo(f"talk: cannot write: {failure.strerror}", err=True)
            # What is left unsaid would be tried once more at the end of the process.
            with contextlib.suppress(io.UnsupportedOperation):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


@click.group(cls=_Talk, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="talk-assets")
def main() -> None:
    """Two-way synchronisation of business systems, as dataflow documents describe it."""
