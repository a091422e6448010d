"""Files that only their owner may read, made so by whichever library makes them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

_turn = RLock()
_OWNER_ONLY = 0o077


@contextmanager
def private_files() -> Iterator[None]:
    """DuckDB cannot be told the mode of the files it makes, so the process is, for a moment."""
    with _turn:
        before = os.umask(_OWNER_ONLY)
        try:
            yield
        finally:
            os.umask(before)


def make_private(path: Path) -> None:
    """Take from others what an older program or a careless copy has given them."""
    if path.exists() and path.stat().st_mode & _OWNER_ONLY:
        path.chmod(path.stat().st_mode & ~_OWNER_ONLY)
