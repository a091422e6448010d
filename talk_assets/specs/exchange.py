"""Documents → spec files → documents, many at a time; what fails is said and the rest goes on."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from talk_assets.specs import yaml12
from talk_assets.specs.catalog import spec_files
from talk_assets.specs.convert import NotADocument, document_from_spec, spec_from_document
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.document import parse, render
from talk_assets.specs.emit import dataflow_yaml
from talk_assets.specs.files import read_text, write_whole
from talk_assets.specs.problems import Place, SpecError, error
from talk_assets.specs.read import Loaded, build, is_system
from talk_assets.specs.schema import modeline_target
from talk_assets.specs.system import SystemSpec


@dataclass(frozen=True)
class Done:
    """One file that was read and what became of it."""

    read: Path
    written: Path
    spec: DataflowSpec
    unchanged: bool = False


@dataclass(frozen=True)
class Job:
    """One file to convert: `run` does it, or raises SpecError."""

    read: Path
    run: Callable[[], Done]


def import_jobs(source: Path, out: Path, systems: Mapping[str, SystemSpec], *, replace: bool) -> list[Job]:
    """One job for each document at `source`; names of spec files follow names of documents."""
    found = [(path, path.relative_to(source).parent if source.is_dir() else Path()) for path in _documents(source)]
    stems = Counter((folder, path.stem) for path, folder in found)
    jobs: list[Job] = []
    for path, folder in found:
        name = path.stem if stems[folder, path.stem] == 1 else path.name
        target = out / folder / f"{name}.yaml"
        jobs.append(Job(path, lambda path=path, target=target: _import(path, target, systems, replace=replace)))
    return jobs


def render_jobs(source: Path, out: Path) -> list[Job]:
    """One job for each dataflow spec at `source`; documents get the names they came with."""
    taken: dict[Path, Path] = {}
    return [
        Job(path, lambda path=path: _render(path, out / (path.parent.relative_to(source) if source.is_dir() else ""), taken))
        for path in spec_files(source)
        if not _is_system_file(path, source)
    ]


def _documents(source: Path) -> Iterator[Path]:
    if not source.exists():
        raise SpecError(error("unreadable", Place(source), "there is no such file or folder"))
    if source.is_file():
        yield source
        return
    for path in sorted(source.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        if path.is_file() and not hidden:
            yield path


def _import(path: Path, target: Path, systems: Mapping[str, SystemSpec], *, replace: bool) -> Done:
    text = read_text(path)
    spec = spec_from_document(parse(text, path), path.name, systems)
    written = dataflow_yaml(spec, modeline_target(target.resolve().parent))
    _prove(path, text, build(yaml12.parse(written, target), DataflowSpec).spec)
    if target.exists() and not replace:
        kept = _kept(target)
        if kept and render(document_from_spec(kept)) == text:
            return Done(path, target, kept, unchanged=True)
        raise SpecError(
            error(
                "exists",
                Place(target),
                f"this spec stands here already and says something else than {path.name}; it is left as it is",
                "import into another folder and compare, or say --replace to lose what was added here",
            )
        )
    write_whole(target, written)
    return Done(path, target, spec)


def _prove(path: Path, text: str, spec: DataflowSpec) -> None:
    """A spec that would not give its document back is never written."""
    again = render(document_from_spec(spec))
    if again == text:
        return
    number = next((n for n, (a, b) in enumerate(zip(text.splitlines(), again.splitlines(), strict=False), 1) if a != b), 1)
    raise SpecError(error("round-trip", Place(path, number), "the document would not come back from its spec as it is"))


def _kept(target: Path) -> DataflowSpec | None:
    try:
        spec = build(yaml12.parse(read_text(target), target), DataflowSpec).spec
    except SpecError:
        return None
    return spec if spec.document else None


def _is_system_file(path: Path, source: Path) -> bool:
    """Whether a folder's file is a system spec, which has no document; unreadable files are for the job to report."""
    if path == source:
        return False
    try:
        return is_system(yaml12.parse(read_text(path), path))
    except SpecError:
        return False


def _render(path: Path, folder: Path, taken: dict[Path, Path]) -> Done:
    loaded: Loaded[DataflowSpec] = build(yaml12.parse(read_text(path), path), DataflowSpec)
    try:
        text = render(document_from_spec(loaded.spec))
    except NotADocument as failure:
        raise SpecError(error("no-document", loaded.place("mappings"), failure.reason)) from failure
    document = loaded.spec.document
    target = folder / (document.file if document else path.name)
    if target in taken:
        raise SpecError(
            error(
                "twice", loaded.place("document", "file"), f"{taken[target]} already rendered to {target.name} in this folder"
            )
        )
    taken[target] = path
    write_whole(target, text)
    return Done(path, target, loaded.spec)
