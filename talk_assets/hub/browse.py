"""The hub for people with a SQL prompt: one schema per system, one typed view per entity."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256

from talk_assets.hub.hub import Hub
from talk_assets.hub.tables import meta
from talk_assets.hub.text import literal, pointer, quoted
from talk_assets.specs.resolve import EntityRef

_PUBLISHED = "views"
_RESERVED = frozenset({"main", "temp", "system", "information_schema", "pg_catalog"})
_ZONE = "[0-9]:[0-9].*([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""A time with an offset is shown in UTC, one without as it stands, a number as the UNIX time that it is."""
_TYPES = {"integer": "BIGINT", "decimal": "DECIMAL(38, 9)", "boolean": "BOOLEAN", "date": "DATE"}


def publish(hub: Hub, entities: Iterable[EntityRef]) -> list[str]:
    """Make the views that these specs describe, and drop those of specs that are gone; gives the names of what changed."""
    wanted = {(_schema(entity), entity.name): _definition(entity) for entity in entities}
    prints = {f"{schema}.{name}": sha256(text.encode()).hexdigest() for (schema, name), text in wanted.items()}
    there: dict[str, str] = json.loads(meta.get(hub, _PUBLISHED) or "{}")
    if prints == there:
        return []
    changed = sorted({name for name, _ in prints.items() ^ there.items()})

    def replace() -> None:
        for name in there.keys() - prints.keys():
            schema, _, view = name.partition(".")
            hub.write(f"DROP VIEW IF EXISTS {quoted(schema)}.{quoted(view)}")
        for schema in sorted({schema for schema, _ in wanted}):
            hub.write(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
        for (schema, name), text in wanted.items():
            if there.get(f"{schema}.{name}") != prints[f"{schema}.{name}"]:
                hub.write(f"CREATE OR REPLACE VIEW {quoted(schema)}.{quoted(name)} AS {text}")
        meta.put(hub, _PUBLISHED, json.dumps(prints, sort_keys=True))

    hub.run(replace, "publish views")
    hub.settle()
    return changed


def _schema(entity: EntityRef) -> str:
    name = entity.system.system
    return f"{name}_" if name in _RESERVED else name


def _definition(entity: EntityRef) -> str:
    columns = ",\n    ".join(_columns(entity))
    return (
        f"SELECT\n    {columns}\nFROM main.records r\n"
        f"LEFT JOIN main.members m ON m.entity = r.entity AND m.id = r.id\nWHERE r.entity = {literal(entity.key)}"
    )


def _columns(entity: EntityRef) -> Iterator[str]:
    taken = {"cluster"}
    yield "m.cluster"
    for path, kind in entity.types.items():
        name = path
        # DuckDB's names do not tell capitals from small letters.
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        yield f"{_typed(path, kind)} AS {quoted(name)}"


def _typed(path: str, kind: str) -> str:
    text = f"json_extract_string(r.body, {literal(pointer(path))})"
    if kind == "datetime":
        zoned = f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
        plain = f"coalesce(TRY_CAST({text} AS TIMESTAMP), make_timestamp(TRY_CAST({text} AS BIGINT) * 1000000))"
        return f"CASE WHEN regexp_matches({text}, '{_ZONE}') THEN {zoned} ELSE {plain} END"
    return f"TRY_CAST({text} AS {_TYPES[kind]})" if kind in _TYPES else text
