"""Where a hub is: a DuckDB file, memory, or a DuckLake with its catalog."""

import importlib.util
import re
from dataclasses import dataclass
from os.path import realpath
from pathlib import Path

import duckdb

from talk_assets.hub.errors import BadUrl
from talk_assets.hub.text import literal
from talk_assets.systems.redaction import MASK

_CATALOGS = {"sqlite": ("sqlite_scanner",), "duckdb": (), "postgres": ("postgres_scanner",)}
_KIND = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
"""Of an address. One letter is a drive."""
_ALLOWED = "a hub is duckdb:PATH, ducklake:sqlite:PATH, ducklake:duckdb:PATH or ducklake:postgres:CONNECTION?data=PATH"
_PASSWORD = re.compile(r"""(?i)(password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|(?:(?!\?data=)[^\s"])+)|(://[^/?#:@\s]*:)[^\s"/]+(?=@)""")
"""As Postgres is told it, in words or in an address."""
_JOURNALS = ("", "-wal", "-shm", "-journal", ".wal")
ROW_GROUP = 20_480
"""Rows that a file keeps together."""


@dataclass(frozen=True)
class Address:
    url: str
    catalog: str | None = None
    """Of a DuckLake: what kind of database holds its catalog."""
    path: Path | None = None
    """The file that must be private to its owner: of the hub or of its catalog."""
    target: str = ":memory:"
    data: str | None = None
    """Of a DuckLake: where its Parquet files are."""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """`duckdb:PATH`, a plain path, `:memory:`, or `ducklake:sqlite:PATH`, `ducklake:duckdb:PATH` and
        `ducklake:postgres:CONNECTION`, each with `?data=PATH` where its files are not beside the catalog.
        """
        if url in (":memory:", "duckdb::memory:"):
            return cls(url)
        if url.startswith("ducklake:"):
            return cls._lake(url)
        if (kind := _KIND.match(url)) and kind[1] != "duckdb":
            raise BadUrl(f"there are no hubs at addresses that begin with {kind[0]!r}; {_ALLOWED}")
        path = _file(url.removeprefix("duckdb:"))
        if not path.name or path.is_dir():
            raise BadUrl(f"{url!r} is no place for a hub, since that is no path of a file; {_ALLOWED}")
        if not path.parent.is_dir():
            raise BadUrl(f"no folder {path.parent} for the hub {path.name}: make it first")
        return cls(url, None, path, str(path))

    @classmethod
    def _lake(cls, url: str) -> "Address":
        catalog, _, rest = url.removeprefix("ducklake:").partition(":")
        where, _, data = rest.partition("?data=")
        if catalog not in _CATALOGS or not where:
            raise BadUrl(f"the address of a DuckLake does not say which catalog it has, and where; {_ALLOWED}")
        if catalog == "postgres":
            if not data:
                raise BadUrl("the address of a DuckLake in Postgres says where its files are: add ?data=PATH")
            return cls(url, catalog, None, f"ducklake:postgres:{where}", data)
        path = _file(where)
        if not path.parent.is_dir():
            raise BadUrl(f"no folder {path.parent} for the catalog {path.name}: make it first")
        prefix = "ducklake:sqlite:" if catalog == "sqlite" else "ducklake:"
        return cls(url, catalog, path, f"{prefix}{path}", data or f"{path}.files")

    @property
    def place(self) -> str:
        """As people are told it."""
        return str(self.path) if self.path else without_password(self.url)

    @property
    def is_lake(self) -> bool:
        return self.catalog is not None

    @property
    def is_file(self) -> bool:
        return self.path is not None and not self.is_lake

    @property
    def is_shared(self) -> bool:
        """Whether several processes may have it open at once."""
        return self.catalog not in (None, "duckdb")

    @property
    def one_process(self) -> bool:
        """Whether a lock must keep other processes out."""
        return self.path is not None and not self.is_shared

    @property
    def spill(self) -> Path | None:
        """Where rows that do not fit into memory go: beside the hub, for its owner only."""
        return self.path and self.path.with_name(f"{self.path.name}.tmp")

    def extensions(self) -> tuple[str, ...]:
        if self.catalog is None:
            return ()
        remote = ("httpfs",) if self.data and "://" in self.data else ()
        return (*_CATALOGS[self.catalog], *remote, "ducklake")

    def attach(self) -> str:
        # A batch of rows goes to its place at once where it fills groups of rows, and a few rows are found by unpacking theirs.
        options = ["STORAGE_VERSION 'v1.5.0'", f"ROW_GROUP_SIZE {ROW_GROUP}"] if not self.is_lake else []
        if self.is_lake:
            # Small changes kept in the catalog as text would break at the zero byte that stands for an absent property.
            options += [f"DATA_PATH {literal(self.data or '')}", "DATA_INLINING_ROW_LIMIT 0"]
        if self.catalog == "sqlite":
            options += ["META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 5000"]
        return f"ATTACH {literal(self.target)} AS hub" + (
            f" ({', '.join(options)})" if options and self.target != ":memory:" else ""
        )

    def reachable(self) -> list[str]:
        """The settings that say which files stay reachable once the others are not."""
        settings: list[str] = []
        if self.is_lake and self.data:
            folder = self.data if self.data.endswith("/") else f"{self.data}/"
            settings.append(f"SET allowed_directories = [{literal(folder)}]")
        if self.is_lake and self.path:
            files = ", ".join(literal(f"{self.path}{suffix}") for suffix in _JOURNALS)
            settings.append(f"SET allowed_paths = [{files}]")
        return settings


def _file(named: str) -> Path:
    """The file itself, and no link to it: locks and what is written anew lie beside it, under whatever name it is used."""
    try:
        path = Path(realpath(Path(named).expanduser()))
        # What is not UTF-8, DuckDB cannot be told.
        str(path).encode()
    except UnicodeEncodeError:
        raise BadUrl(
            f"the path of the hub, {named!r}, is not UTF-8, or this locale is not: set LC_ALL=C.UTF-8, or put the hub elsewhere"
        ) from None
    except ValueError:
        raise BadUrl(f"{named!r} is no place for a hub, since that is no path of a file; {_ALLOWED}") from None
    return path


def without_password(text: str) -> str:
    """Of the database that holds a catalog; DuckDB repeats all that it was told of it."""
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}{MASK}", text)


def extension(name: str) -> str:
    """The file of an extension that was installed as a Python package; nothing is downloaded."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or not found.submodule_search_locations:
        package = f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
        raise BadUrl(f"this hub needs DuckDB's extension {name}: install the package {package}")
    file = Path(found.submodule_search_locations[0]) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.is_file():
        raise BadUrl(f"the installed extension {name} is not for DuckDB {duckdb.__version__}: {file} is missing")
    return str(file)
