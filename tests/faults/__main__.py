"""Kill processes for longer than the suite does.

uv run python -m tests.faults             # every named point for every kind of API
uv run python -m tests.faults --random 300 --lake   # any moment, with a hub that is a DuckLake
"""

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.kills import POINTS, field, killed_at


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--random", type=int, metavar="N", help="kill N processes at any moment instead")
    options.add_argument("--lake", action="store_true", help="with a hub that is a DuckLake")
    asked = options.parse_args()
    count = asked.random
    chance = random.Random(count)  # noqa: S311 - a simulation, not a secret
    with tempfile.TemporaryDirectory() as folder, field(Path(folder), lake=asked.lake) as one:
        if count:
            died = 0
            for _ in range(count):
                one.stir()
                died += one.run(seconds=chance.uniform(0.1, 1.5)) == -signal.SIGKILL
            one.settle()
            told = f"{died} of {count} processes were killed at any moment"
        else:
            passed = killed_at(one, POINTS)
            told = f"{len(POINTS) - len(passed)} processes were killed, each at a point of its own; never came to: {passed}"
        problems = one.problems()
    sys.stdout.write("\n".join([told, *(problems or ["nothing was lost, and nothing made twice"])]) + "\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
