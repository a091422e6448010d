"""`talk demo`: all of it on this machine, in a browser."""

import sys
from pathlib import Path

import click

from talk_assets.automation.jobs import SYNC
from talk_assets.cli.options import say, tell, told
from talk_assets.cli.sync import told_attention
from talk_assets.demo.place import first_port, taken
from talk_assets.demo.show import Show, opened
from talk_assets.operator.qa.live import LiveMapping, LiveReport
from talk_assets.sandbox import PORTS

_FOLDER = Path(".talk/demo")
_SPECS = Path("mapping_specs")


@click.command(name="demo")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=_FOLDER,
    show_default=True,
    help="Where it keeps everything, from one run to the next.",
)
@click.option("--headless", is_flag=True, help="Work until nothing is left to do, say what it came to, and stop.")
@click.option("--fresh", is_flag=True, help="Start over: forget what the folder holds.")
@click.option(
    "--size", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many companies, in a fresh one."
)
@told
def command(folder: Path, size: int, *, headless: bool, fresh: bool) -> None:
    """The five systems of the sandbox, Dagster beside them with its sensors and schedules on, and a first sync. Ctrl-C stops
    everything.

    With --headless it exits 0 when everything is in sync that can be, and 1 otherwise.
    """
    with taken(folder) as place:
        if fresh:
            place.forget()
        with opened(place, size, tell) as show:
            run = show.dagster.launch(SYNC)
            if headless:
                tell(f"the first sync is launched: {show.dagster.url}/runs/{run}")
                show.wait_until_quiet(tell)
                report, attention = show.outcome(_SPECS)
                writes = show.writes()
            else:
                _introduce(show, run)
                _stay(show)
                return
    _summarise(report, attention, writes)
    sys.exit(int(not report.is_passed))


def _introduce(show: Show, run: str) -> None:
    record = "poweroffice_go.customers/1001"
    port = first_port(show.sandbox.ports)
    other_port = f"export TALK_SANDBOX_PORT={port}; " if port != first_port(PORTS) else ""
    say(f"\n{show.dagster.url}/asset-groups  the graph")
    say(f"{show.dagster.url}/runs/{run}  the first sync, under way\n")
    say("Try, in another terminal here:")
    say(f"  {other_port}uv run talk sandbox get {record}")
    say(f"  {other_port}uv run talk sandbox edit {record} Name='Acme AS'     a user edits in one system")
    say(f"  watch {show.dagster.url}/runs                            it is read, agreed and written elsewhere, in ten seconds")
    say(f"  export TALK_HUB={show.place.hub_url}")
    say(f"  uv run talk why {record} Name                         where the value comes from, and who has it")
    say("  uv run talk status                                              how everything stands")
    say("  uv run talk holds                                               what waits for a person")
    say("  uv run talk undo                                                the runs that wrote, each of which can be put back")
    say("  uv run talk qa --live                                           the documents, as a checklist")
    say("\nCtrl-C stops all of it. It goes on from there next time; --fresh starts over.")


def _stay(show: Show) -> None:
    try:
        show.stay()
    except KeyboardInterrupt:
        say()


def _summarise(report: LiveReport, attention: dict[str, int], writes: int) -> None:
    title = ""
    for mapping in report.mappings:
        if mapping.title != title:
            title = mapping.title
            say(f"\n{title}")
        say(f"  {'✓' if mapping.is_passed else '✗'} {mapping.source} → {mapping.target}: {_told(mapping)}")
    for problem in report.problems:
        say(problem)
    passed = sum(one.is_passed for one in report.mappings)
    say(f"\n{passed} of {len(report.mappings)} mappings in sync; {writes:,} writes were sent")
    for kind, count in attention.items():
        say(f"waits for a person: {told_attention(kind, count)}")


def _told(mapping: LiveMapping) -> str:
    explained = sum(sum(row.reasons.values()) for row in mapping.rows)
    differing = sum(row.differ for row in mapping.rows)
    differ = f", {differing} values differ, {explained} of them explained" if differing else ""
    return f"{mapping.linked} of {mapping.records} linked{differ}"
