"""What was erased and is not to come back: keys as salted hashes, so that the list itself names nobody."""

import hashlib
import secrets
from collections.abc import Collection, Iterable

import polars as pl

from talk_assets.hub.hub import Hub
from talk_assets.hub.rows import add as add_rows
from talk_assets.hub.rows import remove, whole
from talk_assets.hub.schema import FRAMES
from talk_assets.hub.tables import meta

_SALT = "suppression salt"


def salt(hub: Hub) -> str | None:
    """Nothing while nothing was ever erased."""
    return meta.get(hub, _SALT)


def salted(hub: Hub, given: str | None = None) -> str:
    """The hub's salt, which is made or taken over when there is none; only inside a transaction."""
    made = salt(hub) or given or secrets.token_hex(16)
    meta.put(hub, _SALT, made)
    return made


def address(text: str) -> str:
    """An e-mail address in the form that is compared."""
    return text.strip().casefold()


def key_of(salt_: str, text: str) -> str:
    """Of a record, `system.entity/id`, or of an e-mail address."""
    return hashlib.blake2b(text.encode(), key=bytes.fromhex(salt_), digest_size=16).hexdigest()


def add(hub: Hub, texts: Iterable[str]) -> None:
    """Suppress these from now on, as one erasure."""
    used, erasure = salted(hub), hub.ids.new()
    put(hub, ((key_of(used, text), erasure) for text in texts))


def put(hub: Hub, keys: Iterable[tuple[str, str]]) -> None:
    """Keys with their erasures, without those that are suppressed already."""
    rows = pl.DataFrame(sorted(keys), schema={"key": pl.String, "erasure": pl.String}, orient="row").unique("key", keep="first")
    known = every(hub)["key"].to_list()
    fresh = rows.filter(~pl.col("key").is_in(known))
    add_rows(hub, "suppressed", fresh.with_columns(at=pl.lit(hub.now(), FRAMES["suppressed"]["at"])))


def every(hub: Hub) -> pl.DataFrame:
    """`key`, `erasure`, `at`."""
    return whole(hub, "suppressed").sort("erasure", "key")


def lift(hub: Hub, text: str) -> int:
    """Let all come back that was erased together with this; gives how many keys that were."""
    used = salt(hub)
    if used is None:
        return 0
    erasures = every(hub).filter(pl.col("key") == key_of(used, text)).select("erasure").unique()
    return remove(hub, "suppressed", erasures)


def holds(hub: Hub) -> Collection[str]:
    """The keys of all that is suppressed."""
    return frozenset(hub.read("SELECT key FROM suppressed")["key"])
