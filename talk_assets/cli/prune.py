"""`talk prune`: nothing is kept longer than needed."""

from datetime import timedelta

import click

from talk_assets.cli.options import as_who, at_hub, login, ports_of, say, told
from talk_assets.hub.upkeep.compact import compact_if_due
from talk_assets.hub.upkeep.prune import prune
from talk_assets.operator.project import quiet_hub

_DAYS = 90
_LONGEST = 36_500


@click.command(name="prune")
@click.option(
    "--days",
    type=click.IntRange(1, _LONGEST),
    envvar="TALK_KEEP_DAYS",
    default=_DAYS,
    show_default=True,
    help="Keep what is younger than this; or TALK_KEEP_DAYS.",
)
@as_who
@at_hub
@click.pass_context
@told
def command(ctx: click.Context, days: int, who: str | None, hub: str) -> None:
    """Let go of what is over and older than so many days: the history, finished writes, settled conflicts, released holds.

    What systems hold, what is agreed and what waits stays, however old it is. The history can still be verified, with every
    head that was noted before.
    """
    with quiet_hub(hub, ports_of(ctx)) as opened:
        before, name = opened.now() - timedelta(days=days), login(who)
        run = f"prune-{opened.ids.new()[:6]}"
        gone = opened.run(lambda: prune(opened, before, f"by {name}", run), "prune")
        compact_if_due(opened)
    counts = ", ".join(f"{count:,} {table}" for table, count in gone.items() if count)
    say(f"from before {before:%Y-%m-%d}, gone are {counts}" if counts else f"nothing is over and from before {before:%Y-%m-%d}")
