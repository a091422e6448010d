"""Changes to an API that takes its time: with the durable protocol, beside bare httpx, which keeps nothing, and dlt."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.measure import Contestant, Result, Stopwatch, contest, in_child, server

_SETTINGS = ((0.005, 1), (0.005, 8), (0.005, 32), (0.05, 1), (0.05, 8), (0.05, 32))
_BRIEF = ((0.005, 32), (0.05, 32))
SYSTEMS = ("shop", "desk")
_SLOW = 500
"""Changes that are enough where requests go out one after another."""
_DLT = "dlt, custom destination"
_WAYS = {
    "talk_assets": "benchmarks.deliver:durable",
    "bare httpx, threads": "benchmarks.rivals.bare:in_threads",
    "bare httpx, async": "benchmarks.rivals.bare:in_a_loop",
    _DLT: "benchmarks.rivals.with_dlt:deliver",
}


def run(changes: int, *, brief: bool = False, runs: int = 3) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for latency, concurrency in _BRIEF if brief else _SETTINGS:
        count = changes if concurrency > 8 else min(changes, _SLOW * concurrency)
        systems = {"shop": [[1, count + 1, True]], "desk": [[1, count + 1, False]]}
        with tempfile.TemporaryDirectory() as folder, server("book", {"systems": systems, "latency": latency}) as url:
            settings = {"url": url, "changes": count, "concurrency": concurrency, "folder": folder}
            in_child("benchmarks.deliver:prepare", settings)
            chosen = list(_WAYS.items())[: 2 if brief else None]
            ways = [Contestant(_name(way, latency, concurrency), work) for way, work in chosen]
            found |= contest(ways, settings, runs=runs)
    return found


def ratios(results: Mapping[str, Result]) -> dict[str, float]:
    found: dict[str, float] = {}
    for latency, concurrency in _SETTINGS:
        took = {way: one.seconds for way in _WAYS if (one := results.get(_name(way, latency, concurrency)))}
        if not took:
            continue
        at = f"at {latency * 1000:.0f} ms, {concurrency} in flight"
        found[f"of the ceiling {at}"] = min(took[way] for way in took if way.startswith("bare")) / took["talk_assets"]
        if _DLT in took:
            found[f"times as fast as dlt {at}"] = took[_DLT] / took["talk_assets"]
    return found


def prepare(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    """A hub in which every customer of one system is due for a new phone number in the other."""
    from benchmarks.shop import opened  # noqa: PLC0415 - what a contestant does not use does not count as its memory
    from talk_assets.sync.cycle import cycle  # noqa: PLC0415

    folder = Path(settings["folder"])
    with watch.running(), opened(SYSTEMS, folder / "built.duckdb", settings["url"]) as world:
        report = cycle(world, dry=True)
    if report.planned.ready != settings["changes"]:
        raise SystemExit(f"not every customer is due: {report}")


def durable(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    """The deliver stage: every intent safe before its request leaves, every answer kept."""
    from benchmarks.shop import opened  # noqa: PLC0415
    from talk_assets.sync.deliver import deliver  # noqa: PLC0415

    with tempfile.TemporaryDirectory(dir=settings["folder"]) as folder:
        hub = Path(folder) / "hub.duckdb"
        shutil.copyfile(Path(settings["folder"]) / "built.duckdb", hub)
        start_anew(settings["url"])
        with opened(SYSTEMS, hub, settings["url"], concurrency=settings["concurrency"]) as world:
            with watch.running():
                done = deliver(world)
            watch.counts["most in flight"] = requests(settings["url"])["most in flight"]
            if done.done != settings["changes"] or watch.counts["most in flight"] > settings["concurrency"]:
                raise SystemExit(f"not everything was delivered within the limit: {done}, {watch.counts}")


def start_anew(url: str) -> None:
    """Every contestant finds the records as they were."""
    urlopen(f"{url}/reset").read()  # noqa: S310 - our own loopback


def requests(url: str) -> dict[str, int]:
    """What was asked of each system since then."""
    return json.loads(urlopen(f"{url}/requests").read())  # noqa: S310 - likewise


def _name(way: str, latency: float, concurrency: int) -> str:
    return f"{way}, {latency * 1000:.0f} ms, {concurrency} in flight"
