"""A cycle over linked clusters with some news: what each stage takes, and how it grows, beside recomputing everything."""

import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Contestant, Result, Stopwatch, contest, in_child

NEWS = (0, 100, 10_000)
_SIZES = (10_000, 100_000, 1_000_000)


def run(clusters: int, *, brief: bool = False, runs: int = 3) -> dict[str, Result]:
    """At this size and at those below it, with no, few, many and only news; and everything anew, as a script would."""
    sizes = [size for size in _SIZES if size < clusters][-2:] or [clusters // 10]
    found: dict[str, Result] = {}
    for size in (*sizes, clusters):
        with tempfile.TemporaryDirectory() as folder:
            news = sorted({count for count in (*NEWS, size) if count <= size} - ({10_000} if brief else set()))
            in_child("benchmarks.cycle:prepare", {"folder": folder, "clusters": size})
            ours = [Contestant(_ours(size, count), "benchmarks.cycle:one", {"news": count}) for count in news]
            script = Contestant(_script(size), "benchmarks.rivals.recompute:cycle", {"news": size})
            found |= contest([*ours, script], {"folder": folder, "clusters": size}, runs=runs)
    return found


def ratios(results: Mapping[str, Result]) -> dict[str, float]:
    seconds = {name: one.seconds for name, one in results.items()}
    sizes = sorted({int(name.split(" of ")[1].replace(",", "")) for name in seconds if " of " in name})
    small, large = sizes[0], sizes[-1]
    found = {
        "times as long without news as at the smallest size": seconds[_ours(large, 0)] / seconds[_ours(small, 0)],
        "times as long for 100 news as at the smallest size": seconds[_ours(large, 100)] / seconds[_ours(small, 100)],
        "times as long for only news as everything anew": seconds[_ours(large, large)] / seconds[_script(large)],
        "times as fast for 100 news as everything anew": seconds[_script(large)] / seconds[_ours(large, 100)],
        "exponent in clusters, without news": _exponent(seconds[_ours(large, 0)] / seconds[_ours(small, 0)], large / small),
        "exponent in clusters, 100 news": _exponent(seconds[_ours(large, 100)] / seconds[_ours(small, 100)], large / small),
        "exponent in news, at the largest size": _exponent(
            seconds[_ours(large, large)] / seconds[_ours(large, 100)], large / 100
        ),
    }
    if (many := _ours(large, 10_000)) in seconds:
        found["times as fast for 10,000 news as everything anew"] = seconds[_script(large)] / seconds[many]
    return found


def prepare(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    """Only once for each size: the hub, and what the script starts from."""
    from benchmarks.estate import build  # noqa: PLC0415 - what a contestant does not use does not count as its memory
    from benchmarks.rivals.recompute import dump  # noqa: PLC0415

    folder = Path(settings["folder"])
    with watch.running():
        build(folder / "built.duckdb", settings["clusters"])
    dump(folder, settings["clusters"])


def one(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    """What is left of a cycle without its requests, in a hub of its own."""
    from benchmarks.estate import EDITED, keep, opened, read  # noqa: PLC0415
    from talk_assets.sync.linking import link_stage  # noqa: PLC0415
    from talk_assets.sync.merging import merge_stage  # noqa: PLC0415
    from talk_assets.sync.planning import plan_stage  # noqa: PLC0415

    clusters, news = settings["clusters"], settings["news"]
    with tempfile.TemporaryDirectory(dir=settings["folder"]) as folder:
        hub = Path(folder) / "hub.duckdb"
        shutil.copyfile(Path(settings["folder"]) / "built.duckdb", hub)
        # A large copy is on its way to the disk for seconds, in the way of whoever reads it.
        os.sync()
        edits = list(read(EDITED, range(1, clusters + 1, clusters // news), edited=True)) if news else []
        with opened(hub) as world:
            with watch.running():
                with watch.part("keep"):
                    keep(world, EDITED, edits)
                with watch.part("link"):
                    link_stage(world)
                with watch.part("merge"):
                    merged = merge_stage(world)
                with watch.part("plan"):
                    planned = plan_stage(world, seen=merged.seen)
            due = planned.ready + planned.held
            if merged.changed != news or due != 3 * news:
                raise SystemExit(f"{news} records changed, and the plan is {planned} after {merged}")


def _ours(clusters: int, news: int) -> str:
    return f"{news:,} news of {clusters:,}"


def _script(clusters: int) -> str:
    return f"everything anew in Polars of {clusters:,}"


def _exponent(ratio: float, growth: float) -> float:
    return math.log(ratio) / math.log(growth)
