"""Text files in and out: bounded, decoded strictly, written whole or not at all."""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from talk_assets.specs.problems import Place, Problem, Severity, SpecError, error

LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Found:
    """The files below a folder, and what of it could not be looked into."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()


def files_below(source: Path) -> Found:
    """Every file below a folder but hidden ones, or the one file that is named; in a fixed order."""
    kind = _kind(source)
    if stat.S_ISREG(kind):
        return Found((source,))
    if not stat.S_ISDIR(kind):
        raise SpecError(error("unreadable", Place(source), "this is neither a file nor a folder"))
    files: list[Path] = []
    problems: list[Problem] = []

    def unreadable(failure: OSError) -> None:
        problems.append(_unreadable(Path(failure.filename or source), failure))

    for at, folders, names in os.walk(source, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        problems += [_not_followed(link) for link in (Path(at, name) for name in folders) if link.is_symlink()]
        for path in (Path(at, name) for name in names if not name.startswith(".")):
            try:
                regular = stat.S_ISREG(_kind(path))
            except SpecError as failure:
                problems += failure.problems
                continue
            if regular:
                files.append(path)
            else:
                problems.append(error("unreadable", Place(path), "this is neither a file nor a folder"))
    return Found(tuple(sorted(files)), tuple(problems))


def _not_followed(link: Path) -> Problem:
    message = "links to folders are not followed; what lies there was not looked at"
    return Problem("not-followed", Severity.warning, Place(link), message, "name that folder itself")


def _kind(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError as failure:
        advice = "" if path.is_absolute() else "go to the folder that has it, such as that of your project, or name it in full"
        raise SpecError(error("unreadable", Place(path), "there is no such file or folder", advice)) from failure
    except (OSError, ValueError) as failure:
        raise SpecError(_unreadable(path, failure)) from failure


def _unreadable(path: Path, failure: OSError | ValueError) -> Problem:
    reason = failure.strerror if isinstance(failure, OSError) else None
    return error("unreadable", Place(path), f"it cannot be read: {reason or failure}")


def read_text(path: Path, limit: int = LIMIT) -> str:
    """The file's text, line ends kept; a SpecError where it cannot be one of ours."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
            size = max(os.fstat(file.fileno()).st_size, len(data))
    except OSError as failure:
        raise SpecError(_unreadable(path, failure)) from failure
    if size > limit:
        message = f"the file has {size:,} bytes, more than the {limit:,} that such a file may have"
        raise SpecError(error("too-large", Place(path), message))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as failure:
        before = data[: failure.start].decode("utf-8")
        place = Place(path, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise SpecError(
            error("not-text", place, f"byte 0x{data[failure.start]:02x} is not UTF-8 text", "save the file as UTF-8")
        ) from failure


def write_whole(path: Path, text: str) -> None:
    """Write beside the target and rename, so that a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".talk-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as failure:
        Path(temporary).unlink(missing_ok=True)
        raise OSError(failure.errno, failure.strerror, str(path)) from failure
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
