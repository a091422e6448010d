"""`talk simulate`: the engine under seeded users, faults and crashes."""

import sys
import time
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from talk_assets.cli.show import json_text, printable
from talk_assets.cli.specs import SPECS
from talk_assets.simulate.campaign import Campaign, run
from talk_assets.simulate.planted import BUDGET, Hunt, hunts
from talk_assets.simulate.schedule import draw
from talk_assets.simulate.shrink import Story, shrink
from talk_assets.simulate.topology import is_playable
from talk_assets.simulate.trial import Outcome
from talk_assets.specs.problems import SpecError

_TOLD = 3
"""Failing seeds that are shrunk to a story; the others are only named."""


@click.command(name="simulate")
@click.option("--seeds", type=click.IntRange(1), default=20, show_default=True, help="How many schedules.")
@click.option("--first-seed", type=click.IntRange(0), default=1, show_default=True, help="The first of them.")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="How many at once.")
@click.option("--planted", is_flag=True, help="Put known bugs into the engine, one at a time: each must be found.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(seeds: int, first_seed: int, jobs: int, *, planted: bool, as_json: bool) -> None:
    """Run the whole engine against the five systems in this process, while people edit, answers get lost and processes die.

    Each seed is one schedule and always the same one. What must hold is checked against what really happened, which the
    engine never sees. A seed that breaks a promise is told as a short story, and the exit code is 1.
    """
    if not _is_playable():
        raise click.UsageError(
            f"it plays with the five systems of the project's own {SPECS}, and those here are others: run it in its checkout"
        )
    if planted:
        _drill(jobs, as_json=as_json)
        return
    found, started = Campaign(), time.monotonic()
    for outcome in run(range(first_seed, first_seed + seeds), SPECS, jobs):
        found.add(outcome)
        if outcome.violations and not as_json:
            click.echo(f"seed {outcome.seed}: {printable(': '.join(outcome.violations[0]))}")
    found.seconds = time.monotonic() - started
    found.failed.sort(key=lambda outcome: outcome.seed)
    stories = [shrink(draw(outcome.seed, SPECS), outcome) for outcome in found.failed[:_TOLD]]
    if as_json:
        click.echo(json_text(_as_json(found, stories)))
    else:
        _show(found, stories)
    sys.exit(int(bool(found.failed)))


def _is_playable() -> bool:
    try:
        return is_playable(SPECS)
    except SpecError:
        return False


def _as_json(found: Campaign, stories: list[Story]) -> dict[str, Any]:
    return {
        "schedules": found.schedules,
        "seconds": round(found.seconds, 1),
        **found.counts,
        "per_minute": {name: round(rate, 1) for name, rate in found.rates().items()},
        "violations": [_violation(outcome) for outcome in found.failed],
        "stories": [asdict(story) for story in stories],
        "traces": {str(seed): trace for seed, trace in sorted(found.traces.items())},
    }


def _violation(outcome: Outcome) -> dict[str, Any]:
    return {"seed": outcome.seed, "broken": [{"invariant": name, "words": words} for name, words in outcome.violations]}


def _show(found: Campaign, stories: list[Story]) -> None:
    table = Table("", "in all", "per minute", box=None, header_style="bold")
    rates = found.rates()
    for name, count in {"schedules": found.schedules, **found.counts}.items():
        table.add_row({"things": "clusters"}.get(name, name), f"{count:,}", f"{rates[name]:,.0f}")
    Console().print(table)
    for story in stories:
        click.echo(f"\nseed {story.seed} breaks {story.invariant}: {printable(story.words)}")
        for line in story.events:
            click.echo(f"  {printable(line)}")
        click.echo(f"  again: talk simulate --seeds 1 --first-seed {story.seed}")
    others = [str(outcome.seed) for outcome in found.failed[len(stories) :]]
    if others:
        click.echo(f"\nalso broken: seeds {', '.join(others)}")
    click.echo(f"\n{len(found.failed)} of {found.schedules} seeds break a promise, in {found.seconds:.0f} seconds")


def _drill(jobs: int, *, as_json: bool) -> None:
    done: list[Hunt] = []
    for one in hunts(SPECS, jobs):
        done.append(one)
        if not as_json:
            click.echo(f"{one.bug}: {f'found in {one.schedules}' if one.invariant else 'NOT FOUND'}", err=True)
    missed = [one for one in done if not one.invariant]
    if as_json:
        click.echo(json_text([asdict(one) for one in done]))
    else:
        table = Table("bug", "what it does", "breaks", "seed", "schedules", box=None, header_style="bold")
        for one in sorted(done, key=lambda one: one.bug):
            table.add_row(one.bug, one.words, one.invariant or "NOT FOUND", str(one.seed or ""), str(one.schedules))
        Console().print(table)
        click.echo(f"\n{len(done) - len(missed)} of {len(done)} planted bugs were found, each within {BUDGET} schedules")
    sys.exit(int(bool(missed)))
