"""A hub of an older program → this one's."""

from typing import TYPE_CHECKING

import polars as pl

from talk_assets.hub import schema, seal

if TYPE_CHECKING:
    from talk_assets.hub.hub import Hub

_TO_3 = (
    "ALTER TABLE history ADD COLUMN IF NOT EXISTS salt VARCHAR",
    "ALTER TABLE chain ADD COLUMN IF NOT EXISTS content VARCHAR",
    "ALTER TABLE tombstones DROP COLUMN IF EXISTS shape",
    "ALTER TABLE tombstones DROP COLUMN IF EXISTS vals",
)


def upgrade(hub: "Hub", version: int) -> None:
    for definition in schema.definitions():
        hub.write(definition)
    if version < 3:
        for statement in _TO_3:
            hub.write(statement)
        _seal_anew(hub)
    if version < 4:
        hub.write("ALTER TABLE members ADD COLUMN IF NOT EXISTS known_by UBIGINT")
    hub.write("UPDATE meta SET value = ? WHERE key = 'schema'", [str(schema.VERSION)])


def _seal_anew(hub: "Hub") -> None:
    """Rows had no salts, and nobody could have noted a head."""
    before, chain = seal.START, []
    for batch in hub.read("SELECT DISTINCT batch FROM history ORDER BY batch")["batch"]:
        rows, content = seal.sealed(hub.read("SELECT * FROM history WHERE batch = ?", [batch]))
        before = seal.link(before, content)
        chain.append((batch, rows.height, content, before))
        hub.write("DELETE FROM history WHERE batch = ?", [batch])
        hub.write("INSERT INTO history BY NAME SELECT * FROM batch", batch=rows)
    hub.write("DELETE FROM chain")
    linked = pl.DataFrame(chain, schema=schema.FRAMES["chain"], orient="row")
    hub.write("INSERT INTO chain BY NAME SELECT * FROM batch", batch=linked)
