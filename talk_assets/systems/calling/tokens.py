"""Where rotated login tokens are kept between runs: written whole before they are used, readable by their owner only."""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from talk_assets.systems.errors import BadSetup
from talk_assets.systems.own_file import replace_own


@dataclass(frozen=True)
class StoredToken:
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_at: float
    """Time of day, in seconds."""
    seed: str
    """Digest of the first refresh token: when that one is replaced in the environment, this row is void."""


class TokenStore(Protocol):
    @property
    def place(self) -> str:
        """For people: where it is kept."""
        ...

    def lock(self) -> AbstractContextManager[object]:
        """Held while refreshing, so that one of several processes does it."""
        ...

    def load(self) -> StoredToken | None: ...

    def save(self, token: StoredToken) -> None:
        """Returns once the token survives a crash."""
        ...


class MemoryTokens:
    def __init__(self) -> None:
        self.place = "in memory"
        self._token: StoredToken | None = None
        self._lock = threading.Lock()

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._lock:
            yield

    def load(self) -> StoredToken | None:
        return self._token

    def save(self, token: StoredToken) -> None:
        self._token = token


class FileTokens:
    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self._path = path

    def lock(self) -> AbstractContextManager[object]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(f"{self._path}.lock", timeout=120, mode=0o600)

    def load(self) -> StoredToken | None:
        try:
            text = self._path.read_text()
        except FileNotFoundError:
            return None
        if self._path.stat().st_mode & 0o077:
            raise BadSetup(f"{self._path} holds a login token and others may read it: chmod 600 {self._path}")
        try:
            return StoredToken(**json.loads(text))
        except (ValueError, TypeError):
            raise BadSetup(f"{self._path} is damaged: remove it and log in anew") from None

    def save(self, token: StoredToken) -> None:
        replace_own(self._path, json.dumps(asdict(token)))
