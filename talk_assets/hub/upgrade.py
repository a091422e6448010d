"""A hub of an older program → this one's."""

from typing import TYPE_CHECKING

import polars as pl

from talk_assets.hub import schema, seal

if TYPE_CHECKING:
    from talk_assets.hub.hub import Hub

_AT_ONCE = 100_000
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
    hub.write("UPDATE meta SET value = ? WHERE key = 'schema'", [str(schema.VERSION)])


def _seal_anew(hub: "Hub") -> None:
    """Rows had no salts, and nobody could have noted a head."""
    number, before = 0, seal.START
    while not (
        rows := hub.read("SELECT * FROM history WHERE number > ? ORDER BY number LIMIT ?", [number, _AT_ONCE])
    ).is_empty():
        number = rows["number"][-1]
        hub.write("DELETE FROM history t USING batch WHERE t.number = batch.number", batch=rows.select("number"))
        hub.write("INSERT INTO history BY NAME SELECT * FROM batch", batch=seal.sealed(hub, rows))
    chain = []
    for batch, count, content in seal.contents(hub).iter_rows():
        before = seal.link(before, content)
        chain.append((batch, count, content, before))
    hub.write("DELETE FROM chain")
    linked = pl.DataFrame(chain, schema=schema.FRAMES["chain"], orient="row")
    hub.write("INSERT INTO chain BY NAME SELECT * FROM batch", batch=linked)
