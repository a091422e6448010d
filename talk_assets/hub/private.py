"""Files that only their owner may read, made so by whichever library makes them."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

from talk_assets.hub.errors import HubError

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


def require_own(path: Path) -> None:
    """A hub of somebody else is not opened: who owns a file reads what goes into it, and decides what comes out."""
    if path.exists() and (owner := path.stat().st_uid) != os.geteuid():
        raise HubError(
            f"{path} belongs to {_name(owner)}, and this runs as {_name(os.geteuid())}: run it as {_name(owner)}, "
            "or, if the hub is to be yours, make it so with chown"
        )


def _name(user: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(user).pw_name
    return f"user {user}"


def make_private(path: Path) -> None:
    """Take from others what an older program or a careless copy has given them."""
    if path.exists() and path.stat().st_mode & _OWNER_ONLY:
        path.chmod(path.stat().st_mode & ~_OWNER_ONLY)
