"""The first synchronisation of five systems: how long it takes, and how many of its requests could be left out."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Contestant, Result, Stopwatch, contest, server

SYSTEMS = ("north", "east", "south", "west", "centre")
_PAGE = 1000
_CASES = {"one full, four empty": "empty", "half of each in all": "overlapping"}


def run(records: int, *, brief: bool = False, runs: int = 3) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for name, case in list(_CASES.items())[1:] if brief else _CASES.items():
        held = _held(case, records)
        with server("book", {"systems": held}) as url:
            found |= contest(
                [Contestant(name, "benchmarks.load:first")],
                {"url": url, "unavoidable": _unavoidable(held), "records": len(_everybody(held))},
                runs=runs,
            )
    return found


def ratios(results: Mapping[str, Result]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, one in results.items():
        found[f"requests for each unavoidable one, {name}"] = one.counts["requests"] / one.counts["unavoidable"]
        found[f"records in step a second, {name}"] = one.counts["in step"] / one.seconds
    return found


def first(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    """Cycles until nothing is left to do."""
    from benchmarks.deliver import requests, start_anew  # noqa: PLC0415
    from benchmarks.shop import opened  # noqa: PLC0415 - what a contestant does not use does not count as its memory
    from talk_assets.operator.syncing import sync  # noqa: PLC0415

    start_anew(settings["url"])
    with tempfile.TemporaryDirectory() as folder, opened(SYSTEMS, Path(folder) / "hub.duckdb", settings["url"]) as world:
        with watch.running():
            report = sync(world)
        sent = requests(settings["url"])
        in_step = sum(line.read + line.created for line in report.lines)
        if report.ending != "quiet" or in_step != settings["records"] * len(SYSTEMS):
            raise SystemExit(f"not in step: {report}")
    watch.counts["requests"] = sum(count for name, count in sent.items() if " " in name and not name.startswith("most"))
    watch.counts["unavoidable"] = settings["unavoidable"]
    watch.counts["in step"] = in_step


def _held(case: str, records: int) -> dict[str, list[list[Any]]]:
    if case == "empty":
        return {name: [[1, records + 1, False]] if name == SYSTEMS[0] else [] for name in SYSTEMS}
    half = records // 2
    return {
        name: [[1, half + 1, False], [half * (place + 1) + 1, half * (place + 2) + 1, False]]
        for place, name in enumerate(SYSTEMS)
    }


def _everybody(held: Mapping[str, list[list[Any]]]) -> set[int]:
    return {number for ranges in held.values() for first, last, _ in ranges for number in range(first, last)}


def _unavoidable(held: Mapping[str, list[list[Any]]]) -> int:
    """Everything that is there has to be listed once, and everything that is not has to be made once."""
    everybody = len(_everybody(held))
    there = {name: sum(last - first for first, last, _ in ranges) for name, ranges in held.items()}
    return sum(max(-(-count // _PAGE), 1) + everybody - count for count in there.values())
