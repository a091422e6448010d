"""Documents → spec files → documents, many at a time; what fails is said and the rest goes on."""

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import NoReturn

from pydantic import ValidationError

from talk_assets.specs import yaml12
from talk_assets.specs.catalog import SUFFIXES, nothing_found, spec_files
from talk_assets.specs.convert import NotADocument, document_from_spec, names_and_keys, spec_from_document
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.document import parse, render
from talk_assets.specs.emit import dataflow_yaml, scalar
from talk_assets.specs.files import LIMIT, files_below, read_text, write_whole
from talk_assets.specs.naming import squash
from talk_assets.specs.problems import Place, Problem, Severity, SpecError, did_you_mean, error, shown
from talk_assets.specs.read import Loaded, build, is_system
from talk_assets.specs.schema import modeline_target
from talk_assets.specs.system import SystemSpec

_USUAL = ".txt"
_ENDING = ".yaml"
_LONGEST_NAME = 255


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
    found = files_below(source)
    documents = tuple(path for path in found.files if path.suffix not in SUFFIXES or path == source)
    problems = (*found.problems, *map(_skipped, filter(_begins_like_a_document, sorted({*found.files} - {*documents}))))
    if not documents:
        nothing = nothing_found(source, "document", "documents are text files whose names do not begin with a dot")
        return _failed((*problems, nothing))
    return [
        *_failed(problems),
        *(
            Job(path, lambda path=path, target=target: _import(path, target, systems, replace=replace))
            for path, target in _targets(documents, source, out).items()
        ),
    ]


def unrecognised(done: Iterable[Done], systems: Mapping[str, SystemSpec]) -> Iterator[Problem]:
    """The names of systems that got a key of their own, and those that got the key of another, each told once."""
    called: dict[tuple[str, ...], str] = {}
    for one in done:
        for name, keys in names_and_keys(one.spec) if one.spec.document else ():
            key, is_system = keys[-1], len(keys) == 1
            if keys[0] in systems:
                continue
            if is_system and keys not in called:
                todo = f"add it to the `names` of its system spec, or begin systems/{key}.yaml by `talk specs draft {key}`"
                yield Problem(
                    "unknown-system",
                    Severity.warning,
                    Place(one.read, 2),
                    f"no system spec knows the name {shown(name)}; the key {key} stands for it",
                    " ".join(filter(None, (did_you_mean(key, systems), todo))),
                )
            if squash(first := called.setdefault(keys, name)) != squash(name) and (*keys, name) not in called:
                called[*keys, name] = name
                yield Problem(
                    "same-name",
                    Severity.warning,
                    Place(one.read, 2),
                    f"the key {key} stands for {shown(name)} and for {shown(first)}: the two would be one",
                    "describe both in system specs, by their names, and import again",
                )


def _begins_like_a_document(path: Path) -> bool:
    try:
        return read_text(path).startswith("==")
    except SpecError:
        return False


def _skipped(path: Path) -> Problem:
    message = f"files ending in {path.suffix} are taken for specs; this one begins like a document and was left out"
    return Problem("skipped", Severity.note, Place(path), message, "name it alone, or rename it")


def _failed(problems: Iterable[Problem]) -> list[Job]:
    """What could not be looked into, as jobs that say so."""

    def say(problem: Problem) -> NoReturn:
        raise SpecError(problem)

    return [Job(problem.place.file, lambda problem=problem: say(problem)) for problem in problems]


def _targets(documents: Sequence[Path], source: Path, out: Path) -> dict[Path, Path]:
    """A spec file for each document: the one that was made of it, whatever that is called by now, or a new one, whatever lies
    beside it: `a.yaml` for a.txt, `a.rst.yaml` for a.rst.
    """
    folders = {path: out / (path.parent.relative_to(source) if path != source else "") for path in documents}
    there = {folder: _made_before(folder) for folder in {*folders.values()}}
    found = {path: there[folder][path.name] for path, folder in folders.items() if path.name in there[folder]}
    taken = {_same_file(target) for target in found.values()}
    for path in sorted({*documents} - {*found}, key=lambda path: (path.suffix != _USUAL, path)):
        folder = folders[path]
        name = path.stem if path.suffix == _USUAL else path.name
        names = chain((name,), (f"{name}.{number}" for number in count(2)))
        target = next(target for name in names if (target := folder / _fitting(name)) and _same_file(target) not in taken)
        taken.add(_same_file(target))
        found[path] = target
    return {path: found[path] for path in documents}


def _made_before(folder: Path) -> dict[str, Path]:
    """The specs in a folder by the names of their documents; of several for one, that which is called like it."""
    try:
        specs = [path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file()]
    except OSError:
        return {}
    named = [(document, path) for path in specs if (document := _document_of(path))]
    return dict(sorted(named, key=lambda one: (one[1].stem == Path(one[0]).stem, one[1])))


def _document_of(spec: Path) -> str | None:
    """The name of the document that a spec was made of, as far as it can be read."""
    try:
        match yaml12.parse(read_text(spec), spec).data:
            case {"document": {"file": str() as name}}:
                return name
    except SpecError:
        pass
    return None


def _same_file(path: Path) -> str:
    """What is equal for names that some file systems take for one."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _fitting(name: str) -> str:
    """A spec file's name, cut where a file system would refuse it."""
    whole = os.fsencode(name)
    if len(whole) + len(_ENDING) <= _LONGEST_NAME:
        return name + _ENDING
    digest = hashlib.sha256(whole).hexdigest()[:8]
    return f"{whole[: _LONGEST_NAME - 20].decode(errors='ignore')}_{digest}{_ENDING}"


def render_jobs(source: Path, out: Path) -> list[Job]:
    """One job for each dataflow spec at `source`; documents get the names they came with."""
    taken: dict[Path, Path] = {}
    found = spec_files(source)
    specs = [path for path in found.files if not _is_system_file(path, source)]
    if not specs:
        nothing = nothing_found(source, "mapping spec", "name the folder that documents were imported to")
        return _failed((*found.problems, nothing))
    return [
        *_failed(found.problems),
        *(
            Job(path, lambda path=path: _render(path, out / (path.parent.relative_to(source) if path != source else ""), taken))
            for path in specs
        ),
    ]


def _import(path: Path, target: Path, systems: Mapping[str, SystemSpec], *, replace: bool) -> Done:
    text = read_text(path)
    try:
        spec = spec_from_document(parse(text, path), path.name, systems)
    except ValidationError as failure:
        raise SpecError(
            error("file-name", Place(path), "a spec cannot hold this file's name, which is no UTF-8 text", "rename the file")
        ) from failure
    written = dataflow_yaml(spec, modeline_target(_real_folder(target)))
    if (size := len(written.encode())) > LIMIT:
        message = f"its spec would have {size:,} bytes, more than the {LIMIT:,} a spec may have"
        raise SpecError(error("too-large", Place(path), message, "split the document"))
    _prove(path, text, build(yaml12.parse(written, target), DataflowSpec).spec)
    if target.exists() and not replace:
        kept = _kept(target)
        if kept and render(document_from_spec(kept.spec)) == text:
            renamed = tuple(_renamed(kept, spec, systems))
            if not renamed:
                return Done(path, target, kept.spec, unchanged=True)
            if read_text(target) != dataflow_yaml(kept.spec, modeline_target(_real_folder(target))):
                raise SpecError(*renamed)
            # Nothing was added here, and an import would call it otherwise now.
            write_whole(target, written)
            return Done(path, target, spec)
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


def _real_folder(target: Path) -> Path:
    """Where links on the way to a file lead; only one that leads back to itself is a link still."""
    folder = Path(os.path.realpath(target.parent))
    if any(path.is_symlink() for path in (folder, *folder.parents)):
        message = "a link on the way to this file leads back to itself"
        raise SpecError(error("unwritable", Place(target), message, "name another folder"))
    return folder


def _prove(path: Path, text: str, spec: DataflowSpec) -> None:
    """A spec that would not give its document back is never written."""
    again = render(document_from_spec(spec))
    if again == text:
        return
    number = next((n for n, (a, b) in enumerate(zip(text.splitlines(), again.splitlines(), strict=False), 1) if a != b), 1)
    raise SpecError(error("round-trip", Place(path, number), "the document would not come back from its spec as it is"))


def _prove_back(loaded: Loaded[DataflowSpec], text: str) -> None:
    """A document that could not be imported again is never written."""
    try:
        parse(text, loaded.file)
    except SpecError as failure:
        message = f"the document this renders to could not be imported again: {failure.problems[0].message}"
        raise SpecError(error("round-trip", loaded.place("document"), message)) from failure


def _kept(target: Path) -> Loaded[DataflowSpec] | None:
    try:
        loaded = build(yaml12.parse(read_text(target), target), DataflowSpec)
    except SpecError:
        return None
    return loaded if loaded.spec.document else None


def _renamed(kept: Loaded[DataflowSpec], spec: DataflowSpec, systems: Mapping[str, SystemSpec]) -> Iterator[Problem]:
    """What a spec that is there calls by a key that nothing has, and system specs written since by another."""
    for side in ("source", "target"):
        key, new = getattr(kept.spec, side), getattr(spec, side)
        entities = systems[new].entities if new in systems else {}
        if key not in systems and new in systems:
            yield _old_key(kept.place(side), side, key, new)
        for number, (before, now) in enumerate(zip(kept.spec.mappings, spec.mappings, strict=True)):
            old_name, name = getattr(before, side), getattr(now, side)
            if name in entities and old_name not in (systems[key].entities if key in systems else entities):
                yield _old_key(kept.place("mappings", number, side), side, old_name, name, getattr(now.labels, side))


def _old_key(place: Place, side: str, old: str, new: str, label: str | None = None) -> Problem:
    message = f"{shown(old)} is called {new} since its system spec was written; this spec was edited and is left as it is"
    beside = f" beside `labels: {{{side}: {scalar(label)}}}`" if label else ""
    return error("exists", place, message, f"say `{side}: {new}`{beside}, or say --replace to lose what was added here")


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
    name = document.file if document else path.name
    target = folder / name
    if target.name != name:
        message = f"{shown(name)} leads out of its folder on this system"
        raise SpecError(error("file-name", loaded.place("document", "file"), message, "give the document a plain name"))
    _prove_back(loaded, text)
    if target in taken:
        raise SpecError(
            error(
                "twice", loaded.place("document", "file"), f"{taken[target]} already rendered to {target.name} in this folder"
            )
        )
    taken[target] = path
    write_whole(target, text)
    return Done(path, target, loaded.spec)
