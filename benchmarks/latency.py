"""An edit in one system until it stands in three others, through Dagster, with the settings of `talk demo`."""

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import Contestant, Result, Stopwatch, contest

_NAME = "edit to edit"
_EDITED = ("poweroffice_go", "customers", "Name")
_SEEN = (("custom_pms", "customer", "name"), ("custom_erp", "customer", "name"), ("invoiced", "customers_company", "name"))
_COMPANIES = 20
_PATIENCE = 300.0
_LOOK = 0.2


def run(edits: int, *, brief: bool = False, runs: int = 3) -> dict[str, Result]:
    """One demo, and so many edits one after another: each is a measurement of its own."""
    del brief, runs
    return contest([Contestant(_NAME, "benchmarks.latency:edits")], {"edits": edits}, runs=1)


def ratios(results: Mapping[str, Result]) -> dict[str, float]:
    counts = results[_NAME].counts
    return {"p95 for each p50": counts["p95"] / counts["p50"]}


def edits(watch: Stopwatch, settings: Mapping[str, Any]) -> None:
    from talk_assets.automation.jobs import SYNC  # noqa: PLC0415 - what a contestant does not use does not count as its memory
    from talk_assets.demo.place import taken  # noqa: PLC0415
    from talk_assets.demo.show import opened  # noqa: PLC0415
    from talk_assets.sandbox.remote import Remote  # noqa: PLC0415

    def tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    took: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        taken(Path(folder)) as place,
        opened(place, _COMPANIES, tell) as show,
    ):
        show.dagster.launch(SYNC)
        show.wait_until_quiet(tell)
        systems = {name: Remote(name, port) for name, port in show.sandbox.ports.items()}
        system, entity, path = _EDITED
        ids = [one["id"] for one in systems[system].records(entity, 100, 0, {})["records"]]
        with watch.running():
            for number in range(settings["edits"]):
                name = f"Edited {number} AS"
                began = time.monotonic()
                systems[system].edit(entity, str(ids[number % len(ids)]), {path: name})
                while not all(systems[there].records(kind, 1, 0, {prop: name})["records"] for there, kind, prop in _SEEN):
                    if time.monotonic() - began > _PATIENCE:
                        raise SystemExit(f"{name!r} is not everywhere after {_PATIENCE:g} seconds")
                    show.dagster.let_pass(_LOOK)
                took.append(time.monotonic() - began)
                tell(f"{name}: {took[-1]:.1f} s")
    watch.counts |= {"p50": statistics.median(took), "p95": statistics.quantiles(took, n=20, method="inclusive")[-1]}
