"""A spec with errors takes none of the others off the graph: it shows as an asset that says what is wrong."""

from collections.abc import Iterator, Sequence

import dagster as dg

from talk_assets.assets.graph import file_link
from talk_assets.specs.naming import distinct, slug
from talk_assets.specs.problems import Problem, Severity

GROUP = "invalid_specs"


def invalid_specs(problems: Sequence[Problem]) -> Iterator[dg.AssetSpec]:
    errors = [problem for problem in problems if problem.severity is Severity.error]
    files = sorted({problem.place.file for problem in errors})
    keys = distinct((file, slug(file.stem)) for file in files)
    for file in files:
        here = [problem for problem in errors if problem.place.file == file]
        said = "\n".join(f"- {problem}" for problem in here)
        yield dg.AssetSpec(
            key=[GROUP, keys[file]],
            group_name=GROUP,
            description=f"{file} has errors. Nothing is read or written until they are mended and the definitions reloaded.\n\n"
            f"{said}",
            kinds={"yaml"},
            metadata=file_link(file, here[0].place.line, "broken spec"),
        )
