"""What may not become half as good: ratios of one run and of CPU time, so that a busy or a slow machine changes little."""

from collections.abc import Mapping, Sequence
from typing import Any

AT_LEAST: Mapping[tuple[str, str], float] = {
    ("collect", "times as fast as dlt, tuned"): 2.5,
    ("deliver", "of the ceiling at 5 ms, 32 in flight"): 0.41,
    ("deliver", "of the ceiling at 50 ms, 32 in flight"): 0.39,
}
"""Half of what the small sizes came to, in CPU time."""
AT_MOST: Mapping[tuple[str, str], float] = {
    ("collect", "times the floor"): 4.2,
    ("collect", "times the floor that keeps the text"): 3.5,
    ("cycle", "times as long without news as at the smallest size"): 2.5,
    ("cycle", "times as long for 100 news as at the smallest size"): 2.5,
    ("cycle", "times as long for only news as everything anew"): 40,
    ("load", "requests for each unavoidable one, half of each in all"): 1.5,
}
"""Twice that."""


def problems(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which ratios are beyond their bounds."""
    told: list[str] = []
    for one in found:
        for name, value in one["cpu_ratios"].items():
            key = (one["benchmark"], name)
            if value < AT_LEAST.get(key, value):
                told.append(f"{one['benchmark']} {one['size']:,}: {value:.2f} {name}, and {AT_LEAST[key]} is the least")
            if value > AT_MOST.get(key, value):
                told.append(f"{one['benchmark']} {one['size']:,}: {value:.2f} {name}, and {AT_MOST[key]} is the most")
    return told
