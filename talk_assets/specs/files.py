"""Text files in and out: bounded, decoded strictly, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from talk_assets.specs.problems import Place, SpecError, error

LIMIT = 4 * 1024 * 1024


def read_text(path: Path) -> str:
    """The file's text, line ends kept; a SpecError where it cannot be one of ours."""
    start = Place(path)
    try:
        size = path.stat().st_size
        if size > LIMIT:
            raise SpecError(
                error("too-large", start, f"the file has {size:,} bytes, more than the {LIMIT:,} a document or spec may have")
            )
        data = path.read_bytes()
    except OSError as failure:
        raise SpecError(error("unreadable", start, f"the file cannot be read: {failure.strerror or failure}")) from failure
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
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
