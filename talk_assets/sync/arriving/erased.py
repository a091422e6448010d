"""What a person asked to have erased is not taken in again, whatever systems still list."""

from collections.abc import Collection

import polars as pl

from talk_assets.hub.tables import records, suppressed
from talk_assets.sync.world import World


def without_erased(world: World, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    """News (`entity`, `id`, `body`, `is_new`, …) without what somebody asked to have erased. A record that the hub knows was
    not, whichever address it is given later.
    """
    keys = frozenset() if rows.is_empty() else suppressed.holds(world.hub)
    if not keys:
        return rows
    return rows.join(among(world, key, rows.filter("is_new"), keys), on=["entity", "id"], how="anti")


def among(world: World, key: str, rows: pl.DataFrame, keys: Collection[str]) -> pl.DataFrame:
    """Those (`entity`, `id`) of an entity's rows whose name, or an e-mail address in them, is one of the suppressed keys."""
    salt = suppressed.salt(world.hub)
    if salt is None:
        return rows.select("entity", "id").clear()
    return meant(pl.concat([names(rows), addresses(world, key, rows)]), keys, salt)


def meant(told: pl.DataFrame, keys: Collection[str], salt: str) -> pl.DataFrame:
    """Those (`entity`, `id`) of which a `text` is one of the suppressed keys."""
    hashed = pl.Series([suppressed.key_of(salt, text) for text in told["text"]], dtype=pl.String)
    return told.filter(hashed.is_in(list(keys))).select("entity", "id").unique()


def names(rows: pl.DataFrame) -> pl.DataFrame:
    """What records (`entity`, `id`) are called in the list: `entity`, `id`, `text`."""
    return rows.select("entity", "id", text=pl.format("{}/{}", "entity", "id"))


def addresses(world: World, key: str, rows: pl.DataFrame | None = None) -> pl.DataFrame:
    """The e-mail addresses in an entity's rows (`entity`, `id`, `body`), or in all its records, ready to be compared:
    `entity`, `id`, `text`. Of an entity that no mapping names any more, whatever may be one.
    """
    hub, paths = world.hub, _email_paths(world, key)
    found = records.texts_in(hub, key, paths) if rows is None else records.texts(hub, rows, paths)
    told = found if paths is not None else found.filter(pl.col("text").str.contains("@", literal=True))
    return told.with_columns(pl.Series("text", map(suppressed.address, told["text"]), dtype=pl.String))


def _email_paths(world: World, key: str) -> list[str] | None:
    if key not in world.model.entities:
        return None
    return [path for path, prop in world.entity(key).spec.properties.items() if prop.format == "email"]
