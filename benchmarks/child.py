"""One run of one contestant, in a process of its own."""

import json
import sys
from importlib import import_module

from benchmarks.measure import Stopwatch, told


def main() -> None:
    work, settings = sys.argv[1:]
    module, _, name = work.partition(":")
    if not module.endswith("with_dlt"):
        # dlt brings it and nobody else has it: where it is found, DuckDB has it filter frames, and it fails at texts of Polars.
        sys.modules["pyarrow"] = None  # type: ignore[assignment]
    watch = Stopwatch()
    getattr(import_module(module), name)(watch, json.loads(settings))
    sys.stdout.write(f"\n{told(watch)}\n")


if __name__ == "__main__":
    main()
