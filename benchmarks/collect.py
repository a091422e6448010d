"""Pages of JSON from a loopback API into a DuckDB file: the engine, what a user would pick instead, and the floor."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Contestant, Result, Stopwatch, contest, server

OURS = Contestant("talk_assets", "benchmarks.collect:first_load")
AGAIN = Contestant("talk_assets, nothing new", "benchmarks.collect:no_news")
FLOOR = Contestant("floor: fetch, split, decode, hash, insert", "benchmarks.rivals.floor:collect")
KEEPING = Contestant("the same floor, keeping the text", "benchmarks.rivals.floor:collect", {"keep_text": True})
BY_HAND = Contestant("by hand: httpx, json, polars, duckdb", "benchmarks.rivals.by_hand:collect")
TUNED = Contestant("dlt, tuned", "benchmarks.rivals.with_dlt:collect", {"tuned": True})
DEFAULT = Contestant("dlt, default", "benchmarks.rivals.with_dlt:collect")
_SLOW_FROM = 200_000
"""Records beyond which dlt's defaults would take a quarter of an hour."""


def run(records: int, *, brief: bool = False, runs: int = 3) -> dict[str, Result]:
    contestants = [OURS, AGAIN, FLOOR, KEEPING, BY_HAND, TUNED]
    if not brief and records < _SLOW_FROM:
        contestants.append(DEFAULT)
    with server("prepared", {"records": records}) as url:
        return contest(contestants, {"url": url, "records": records}, runs=runs)


def ratios(results: Mapping[str, Result]) -> dict[str, float]:
    """How many times as fast as others, and how many times the floor."""
    ours = results[OURS.name].seconds
    faster = {one.name: results[one.name].seconds / ours for one in (BY_HAND, TUNED, DEFAULT) if one.name in results}
    return {f"times as fast as {name}": value for name, value in faster.items()} | {
        "times the floor": ours / results[FLOOR.name].seconds,
        "times the floor that keeps the text": ours / results[KEEPING.name].seconds,
    }


def first_load(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    _collected(watch, settings, again=False)


def no_news(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    """A full reading of what is stored already."""
    _collected(watch, settings, again=True)


def _collected(watch: Stopwatch, settings: Mapping[str, Any], *, again: bool) -> None:
    from benchmarks.shop import opened  # noqa: PLC0415 - what a contestant does not use does not count as its memory
    from talk_assets.sync.collect import collect  # noqa: PLC0415

    with (
        tempfile.TemporaryDirectory() as folder,
        opened(("shop", "desk"), Path(folder) / "hub.duckdb", settings["url"]) as world,
    ):
        if again:
            collect(world, "shop.customers")
        with watch.running():
            done = collect(world, "shop.customers", full=again)
        if done.seen != settings["records"] or done.new != (0 if again else settings["records"]) or not done.complete:
            raise SystemExit(f"not what was to be collected: {done}")
