"""The hub's tables. Portable between a DuckDB file and a DuckLake: no keys, no sequences, no defaults."""

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from talk_assets.hub.errors import HubError
from talk_assets.hub.text import quoted

VERSION = 9
"""Raised with every change of a table; an older program refuses a newer hub."""

TO_COMPACT = "to compact"
"""The name of the fact that there is much in the file which was deleted."""
_COLUMNS: dict[str, str] = {
    "meta": "key VARCHAR, value VARCHAR",
    "cursors": "consumer VARCHAR, position VARCHAR",
    "shapes": "shape INTEGER, entity VARCHAR, columns VARCHAR[], fields VARCHAR[]",
    "records": (
        "entity VARCHAR, id VARCHAR, shape INTEGER, digest UBIGINT, modified VARCHAR, edited_at TIMESTAMP, body VARCHAR, "
        "vals VARCHAR, seq BIGINT, listed_at TIMESTAMP, written_at TIMESTAMP, missed INTEGER, missed_at TIMESTAMP, "
        "hint UINTEGER"
    ),
    "members": (
        "entity VARCHAR, id VARCHAR, cluster BIGINT, how VARCHAR, since TIMESTAMP, shape INTEGER, base VARCHAR, "
        "accepted VARCHAR, seq BIGINT, known_by UBIGINT, hint UINTEGER"
    ),
    "golden": (
        "cluster BIGINT, subject VARCHAR, shape INTEGER, vals VARCHAR, versions VARCHAR, origins VARCHAR, "
        "times VARCHAR, trails VARCHAR, seq BIGINT"
    ),
    "keys": "rule INTEGER, side VARCHAR, key UBIGINT, entity VARCHAR, id VARCHAR",
    "changes": (
        "entity VARCHAR, cluster BIGINT, id VARCHAR, kind VARCHAR, mapping VARCHAR, paths VARCHAR[], before VARCHAR[], "
        "after VARCHAR[], fields VARCHAR[], versions BIGINT[], state VARCHAR, reason VARCHAR, plan_hash VARCHAR, seq BIGINT"
    ),
    "intents": (
        "id VARCHAR, kind VARCHAR, cluster BIGINT, entity VARCHAR, record_id VARCHAR, mapping VARCHAR, prepared VARCHAR, "
        "paths VARCHAR[], before VARCHAR[], after VARCHAR[], fields VARCHAR[], versions BIGINT[], state VARCHAR, "
        "attempts INTEGER, first_sent_at TIMESTAMP, last_sent_at TIMESTAMP, missed_at TIMESTAMP, error VARCHAR, "
        "reference VARCHAR, pre_version VARCHAR, epoch VARCHAR, plan_hash VARCHAR, run VARCHAR, "
        "taken BIGINT[], seq BIGINT"
    ),
    "conflicts": (
        "number BIGINT, at TIMESTAMP, run VARCHAR, cluster BIGINT, field VARCHAR, kind VARCHAR, entity VARCHAR, id VARCHAR, "
        "value VARCHAR, base VARCHAR, edited_at TIMESTAMP, won BOOLEAN, seq BIGINT"
    ),
    "history": (
        "number BIGINT, batch BIGINT, at TIMESTAMP, run VARCHAR, kind VARCHAR, cluster BIGINT, entity VARCHAR, id VARCHAR, "
        "path VARCHAR, before VARCHAR, after VARCHAR, reason VARCHAR, salt VARCHAR, digest VARCHAR"
    ),
    "chain": "batch BIGINT, rows BIGINT, content VARCHAR, digest VARCHAR",
    "holds": (
        "number BIGINT, kind VARCHAR, entity VARCHAR, cluster BIGINT, field VARCHAR, id VARCHAR, reason VARCHAR, "
        "since TIMESTAMP, plan_hash VARCHAR, candidates VARCHAR[], state VARCHAR, seq BIGINT"
    ),
    "approvals": "plan_hash VARCHAR, who VARCHAR, at TIMESTAMP, used_at TIMESTAMP",
    "tombstones": "entity VARCHAR, id VARCHAR, cluster BIGINT, at TIMESTAMP",
    "never": "entity VARCHAR, id VARCHAR, other_entity VARCHAR, other_id VARCHAR, who VARCHAR, at TIMESTAMP",
    "suppressed": "key VARCHAR, erasure VARCHAR, at TIMESTAMP",
    "ambiguous": "rule INTEGER, entity VARCHAR, id VARCHAR, candidates VARCHAR[], since TIMESTAMP",
}
_REQUIRED = frozenset({"key", "consumer", "shape", "entity", "id", "cluster", "rule", "number", "batch", "plan_hash"})
_OPTIONAL = frozenset(
    {
        *("members.shape", "changes.id", "changes.plan_hash", "intents.cluster", "intents.plan_hash"),
        *("history.cluster", "history.entity", "history.id", "holds.entity", "holds.cluster", "holds.id", "holds.plan_hash"),
        *("conflicts.id", "conflicts.entity", "tombstones.cluster"),
    }
)
PACKED = frozenset({"vals", "base", "accepted", "versions", "origins", "times", "trails"})
"""Columns of several texts in one."""
_SINGLY = PACKED | {"entity", "id"}
"""Texts of which one is looked for among many. In a file, they are packed so that it can be read without those beside it."""
HINT = "(md5_number_lower(entity || '/' || id) & 4294967295)::UINTEGER"
"""Some number of a record's whole name. Few numbers are found among millions in a fifth of the time that few names take; hardly
any two names of a hub have the same one, and which row was meant is seen by its name then. It is not in frames.
"""
_DTYPES: dict[str, pl.DataType] = {
    "BIGINT": pl.Int64(),
    "BOOLEAN": pl.Boolean(),
    "INTEGER": pl.Int32(),
    "TIMESTAMP": pl.Datetime("us"),
    "UBIGINT": pl.UInt64(),
    "VARCHAR": pl.String(),
}


def _dtype(kind: str) -> pl.DataType:
    return pl.List(_DTYPES[kind.removesuffix("[]")]) if kind.endswith("[]") else _DTYPES[kind]


def _read(columns: str) -> dict[str, str]:
    return dict(column.split(" ") for column in columns.split(", "))


TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType({name: _read(columns) for name, columns in _COLUMNS.items()})
FRAMES: Mapping[str, pl.Schema] = MappingProxyType(
    {
        name: pl.Schema({column: _dtype(kind) for column, kind in columns.items() if column != "hint"})
        for name, columns in TABLES.items()
    }
)
"""What a whole table is as a frame."""


def has_hint(table: str) -> bool:
    return "hint" in TABLES[table]


def column_list(table: str) -> str:
    """The columns of a frame of this table, for SQL."""
    return ", ".join(map(quoted, FRAMES[table]))


def definitions(*, in_file: bool = False) -> list[str]:
    """The statements that make the tables of an empty hub: one that is portable, or that is a file of DuckDB."""
    return [definition(table, in_file=in_file) for table in TABLES]


def definition(table: str, *, in_file: bool = False) -> str:
    columns = ", ".join(_column(table, *one, in_file=in_file) for one in TABLES[table].items())
    return f"CREATE TABLE IF NOT EXISTS {table} ({columns})"


def _column(table: str, name: str, kind: str, *, in_file: bool) -> str:
    required = name in _REQUIRED and f"{table}.{name}" not in _OPTIONAL
    singly = in_file and kind == "VARCHAR" and name in _SINGLY
    return f"{quoted(name)} {kind}{' NOT NULL' if required else ''}{' USING COMPRESSION dict_fsst' if singly else ''}"


def fit(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with the types of a table's columns. Times with a zone become UTC without one; an unknown column is an error."""
    dtypes = FRAMES[table]
    if frame.schema.items() <= dtypes.items():
        return frame
    strange = [name for name in frame.columns if name not in dtypes]
    if strange:
        raise HubError(f"the hub's {table} have no {', '.join(strange)}; they have {', '.join(dtypes)}")
    return frame.select(_fitted(name, frame.schema[name], dtypes[name]) for name in frame.columns)


def _fitted(name: str, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(given, pl.Datetime) and given.time_zone is not None:
        column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return column if given == wanted else column.cast(wanted)
