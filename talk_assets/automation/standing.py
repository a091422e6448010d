"""Whether runs may begin: the specs are sound, and ask for what Dagster has loaded. Runs read them anew, the graph does not."""

from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg

from talk_assets.assets.graph import Graph, delivered_key, entity_key
from talk_assets.assets.invalid import GROUP
from talk_assets.automation.jobs import agreed_keys
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.files import files_below
from talk_assets.specs.problems import Problem, Severity, SpecError
from talk_assets.specs.resolve import resolve
from talk_assets.specs.verify import verify

WhyNot = Callable[[], str]
"""Why nothing may run; nothing where it may."""
_BROKEN = f"specs have errors: see the group {GROUP}, or `talk specs check`"
_BROKEN_SINCE = "specs were edited and have errors, and nothing runs until they are mended: see `talk specs check`"
_MOVED = "specs ask for other entities or mappings than are loaded, and nothing runs until the code location is reloaded"
_Stamps = tuple[tuple[Path, int, int], ...]


class Standing:
    """Of a folder of specs, from before it is read."""

    def __init__(self, specs: Path) -> None:
        self._specs = specs
        self._looked_at = _stamps(specs)
        self._why_not = ""

    def why_not(self, graph: Graph, problems: Sequence[Problem]) -> WhyNot:
        """`graph`, `problems`: what was read."""
        is_broken = _are_broken(problems)

        def why_not() -> str:
            return _BROKEN if is_broken else self._edited(graph)

        return why_not

    def _edited(self, loaded: Graph) -> str:
        stamps = _stamps(self._specs)
        if stamps != self._looked_at:
            resolved = resolve(load_catalog(self._specs))
            if _are_broken(verify(resolved)):
                self._why_not = _BROKEN_SINCE
            else:
                self._why_not = _MOVED if _asks_for_others(Graph(resolved), loaded) else ""
            self._looked_at = stamps
        return self._why_not


def _asks_for_others(now: Graph, loaded: Graph) -> bool:
    """What was taken away cannot be run, and an entity that nobody reads stops all planning; one mapping more does no harm."""
    return not _keys(loaded) <= _keys(now) or not {*now.subject_of} <= {*loaded.subject_of}


def _keys(graph: Graph) -> set[dg.AssetKey]:
    return {
        *(entity_key(entity) for entity in graph.entities),
        *agreed_keys(graph),
        *(delivered_key(entity) for entity in graph.written),
    }


def _are_broken(problems: Sequence[Problem]) -> bool:
    return any(problem.severity is Severity.error for problem in problems)


def _stamps(specs: Path) -> _Stamps:
    """Which files there are, and when each was written."""
    try:
        found = [(path, path.stat()) for path in files_below(specs).files]
    except (OSError, SpecError):
        return ()
    return tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in found)
