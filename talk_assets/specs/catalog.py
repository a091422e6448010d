"""A folder of specs, read whole: what can be used, and what is wrong with the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from talk_assets.specs import yaml12
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.files import Found, files_below, read_text
from talk_assets.specs.problems import Place, Problem, SpecError, error
from talk_assets.specs.read import Loaded, build, is_system, stands_among_systems
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.yaml12 import Tree

SUFFIXES = {".yaml", ".yml"}


@dataclass(frozen=True)
class Catalog:
    systems: Mapping[str, Loaded[SystemSpec]]
    dataflows: tuple[Loaded[DataflowSpec], ...]
    problems: tuple[Problem, ...]
    """Why files could not be read; they are missing above."""
    folder: Path | None = None
    """Where the dataflows were read."""
    unusable: frozenset[str] = frozenset()
    """What the systems may be called that files describe which could not be read."""

    @property
    def system_specs(self) -> dict[str, SystemSpec]:
        return {key: loaded.spec for key, loaded in self.systems.items()}


def load_catalog(folder: Path, systems_elsewhere: Path | None = None) -> Catalog:
    """Everything below `folder`; where no file there is to describe a system, those of `systems_elsewhere` are taken."""
    catalog, has_systems = _load(folder)
    if has_systems or systems_elsewhere is None or not systems_elsewhere.exists():
        return catalog
    others, _ = _load(systems_elsewhere)
    problems = (*catalog.problems, *others.problems)
    return Catalog(others.systems, catalog.dataflows, problems, folder, catalog.unusable | others.unusable)


def _load(folder: Path) -> tuple[Catalog, bool]:
    """And whether files there describe systems, or should, though none may be readable."""
    systems: dict[str, Loaded[SystemSpec]] = {}
    dataflows: list[Loaded[DataflowSpec]] = []
    problems: list[Problem] = []
    unusable: set[str] = set()
    has_systems = False
    found = spec_files(folder)
    problems += found.problems
    if not found.files:
        problems.append(nothing_found(folder, "spec", "specs are YAML files: name the folder that holds them"))
    for path in found.files:
        names, is_one = {path.stem}, stands_among_systems(path)
        try:
            tree = yaml12.parse(read_text(path), path)
            if is_one := is_system(tree):
                names |= _declared(tree)
                _add_system(systems, build(tree, SystemSpec))
            else:
                dataflows.append(build(tree, DataflowSpec))
        except SpecError as failure:
            problems += failure.problems
            unusable |= names
        has_systems |= is_one
    return Catalog(MappingProxyType(systems), tuple(dataflows), tuple(problems), folder, frozenset(unusable)), has_systems


def _declared(tree: Tree) -> set[str]:
    return {str(tree.data["system"])} if isinstance(tree.data, dict) and "system" in tree.data else set()


def spec_files(folder: Path) -> Found:
    """The spec files below a folder, or the one file that is named."""
    found = files_below(folder)
    return Found(tuple(path for path in found.files if path.suffix in SUFFIXES or path == folder), found.problems)


def nothing_found(folder: Path, kind: str, suggestion: str) -> Problem:
    return error("nothing-found", Place(folder), f"there is no {kind} here", suggestion)


def _add_system(systems: dict[str, Loaded[SystemSpec]], loaded: Loaded[SystemSpec]) -> None:
    key = loaded.spec.system
    if key in systems:
        first = systems[key].file
        raise SpecError(error("twice", loaded.place("system"), f"the system {key!r} is described twice, first in {first}"))
    systems[key] = loaded
