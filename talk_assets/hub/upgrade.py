"""A hub of an older program → this one's."""

import polars as pl

from talk_assets.hub import schema
from talk_assets.hub.hub import Hub
from talk_assets.hub.packing import in_sql, shortened_in_sql
from talk_assets.hub.tables import seal

_TO_3 = (
    "ALTER TABLE history ADD COLUMN IF NOT EXISTS salt VARCHAR",
    "ALTER TABLE chain ADD COLUMN IF NOT EXISTS content VARCHAR",
    "ALTER TABLE tombstones DROP COLUMN IF EXISTS shape",
    "ALTER TABLE tombstones DROP COLUMN IF EXISTS vals",
)

_PACKED = {
    "records": {"vals": "vals"},
    "members": {"base": "base", "accepted": "accepted"},
    "golden": {
        **{name: name for name in ("vals", "versions", "origins", "trails")},
        "times": "list_transform(times, lambda one: epoch_us(one))",
    },
}
"""By table: what became one text of lists, and of which."""


def upgrade(hub: Hub, version: int) -> None:
    for definition in schema.definitions(in_file=hub.address.is_file):
        hub.write(definition)
    if version < 3:
        for statement in _TO_3:
            hub.write(statement)
        _seal_anew(hub)
    if version < 4:
        hub.write("ALTER TABLE members ADD COLUMN IF NOT EXISTS known_by UBIGINT")
    if version < 5:
        _pack(hub)
    if version < 6:
        _hint(hub)
    if version < 7:
        short = ", ".join(f"{name} = {shortened_in_sql(name)}" for name in ("origins", "times"))
        hub.write(f"UPDATE golden SET {short}")  # noqa: S608 - our own names
        # Old rows have left room in the file, and a new one has smaller blocks.
        hub.note(schema.TO_COMPACT, "yes")
    if version < 8:
        hub.write("ALTER TABLE intents ADD COLUMN IF NOT EXISTS run VARCHAR")
        hub.write("ALTER TABLE intents ADD COLUMN IF NOT EXISTS taken BIGINT[]")
    if version < 9:
        hub.write("ALTER TABLE holds ADD COLUMN IF NOT EXISTS candidates VARCHAR[]")
    hub.write("UPDATE meta SET value = ? WHERE key = 'schema'", [str(schema.VERSION)])


def _pack(hub: Hub) -> None:
    """What a record holds was a list once, of a text for each property."""
    for table, columns in _PACKED.items():
        others = ", ".join(name for name in schema.FRAMES[table] if name not in columns)
        packed = ", ".join(f"{in_sql(text)} AS {name}" for name, text in columns.items())
        hub.write(f"ALTER TABLE {table} RENAME TO {table}_of_lists")
        hub.write(schema.definition(table, in_file=hub.address.is_file))
        hub.write(f"INSERT INTO {table} BY NAME SELECT {others}, {packed} FROM {table}_of_lists")  # noqa: S608
        hub.write(f"DROP TABLE {table}_of_lists")


def _hint(hub: Hub) -> None:
    for table in filter(schema.has_hint, schema.TABLES):
        hub.write(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS hint UINTEGER")
        hub.write(f"UPDATE {table} SET hint = {schema.HINT}")  # noqa: S608


def _seal_anew(hub: Hub) -> None:
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
