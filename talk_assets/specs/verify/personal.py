"""What says something about a person says so in every system that it is written to."""

from collections.abc import Iterator

from talk_assets.specs.problems import Problem, Severity
from talk_assets.specs.resolve import Resolved


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        for row in mapping.rows:
            for way, read, written in (("to_target", row.sources, row.targets), ("to_source", row.targets, row.sources)):
                goes = row.spec.direction in ("both", way) and not row.is_identity
                said = next((one for one in read if one.spec.personal), None) if goes else None
                for one in (one for one in written if said and not one.spec.personal):
                    yield Problem(
                        "not-personal",
                        Severity.note,
                        mapping.row_place(row, way.removeprefix("to_")),
                        f"{said} is personal, and {one}, to which it is written, is not: samples and logs show it there",
                        f"mark {one} as `personal`",
                    )
