"""`python -m benchmarks WHAT`: measures, prints a table or JSON, and with --check says whether a ratio has become bad."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from benchmarks import collect, cycle, deliver, latency, load
from benchmarks.check import problems
from benchmarks.measure import Result, load_average


@dataclass(frozen=True)
class Benchmark:
    sizes: Mapping[str, tuple[int, ...]]
    run: Callable[..., dict[str, Result]]
    ratios: Callable[[Mapping[str, Result]], dict[str, float]]


BENCHMARKS: Mapping[str, Benchmark] = {
    "collect": Benchmark({"small": (10_000,), "medium": (100_000,), "full": (100_000, 1_000_000)}, collect.run, collect.ratios),
    "cycle": Benchmark({"small": (2_000,), "medium": (100_000,), "full": (1_000_000,)}, cycle.run, cycle.ratios),
    "deliver": Benchmark({"small": (1_024,), "medium": (4_096,), "full": (10_000,)}, deliver.run, deliver.ratios),
    "load": Benchmark({"small": (60,), "medium": (2_000,), "full": (100_000,)}, load.run, load.ratios),
    # Its pace is Dagster's, and its minutes are too many for a small run of everything.
    "latency": Benchmark({"small": (), "medium": (10,), "full": (50,)}, latency.run, latency.ratios),
}


def main() -> int:
    asked = _asked()
    names = list(BENCHMARKS) if asked.what == "all" else [asked.what]
    found = []
    for name in names:
        one = BENCHMARKS[name]
        for size in _sizes(one, asked.size):
            before = load_average()
            results = one.run(size, brief=asked.size == "small", runs=asked.runs)
            ratios = one.ratios(results)
            used = one.ratios({told: replace(result, seconds=result.cpu) for told, result in results.items()})
            found.append(
                {"benchmark": name, "size": size, "load": before, "results": results, "ratios": ratios, "cpu_ratios": used}
            )
            if not asked.json:
                _show(name, size, before, results, ratios)
    wrong = problems(found) if asked.check else []
    if asked.json:
        sys.stdout.write(json.dumps([*found, {"problems": wrong}] if asked.check else found, default=asdict, indent=1) + "\n")
    for line in wrong:
        sys.stderr.write(f"slower than it was: {line}\n")
    return 1 if wrong else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", choices=[*BENCHMARKS, "all"], nargs="?", default="all")
    parser.add_argument("--size", default="medium", help="small, medium, full, or numbers such as 10000,100000")
    parser.add_argument("--runs", type=int, default=3, help="of each contestant; what is shown are medians")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a ratio is half as good as it should be")
    return parser.parse_args()


def _sizes(one: Benchmark, asked: str) -> tuple[int, ...]:
    return one.sizes[asked] if asked in one.sizes else tuple(int(number) for number in asked.split(","))


def _show(name: str, size: int, load: float, results: Mapping[str, Result], ratios: Mapping[str, float]) -> None:
    lines = [f"{name}, {size:,} (load of the machine before: {load:.1f})", f"{'':44} {'seconds':>9} {'CPU':>9} {'peak MB':>8}"]
    for result in results.values():
        told = ", ".join(f"{key} {value:,.3g}" for key, value in result.counts.items())
        lines.append(f"{result.name:44} {result.seconds:9.3f} {result.cpu:9.3f} {result.peak_mb:8,.0f}  {told}")
    lines += [f"  {value:9.2f} {told}" for told, value in ratios.items()]
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
