"""The store: one hub per tenant, in a DuckDB file or a DuckLake.

Open it with `open_hub(url)`; read whenever, write inside `with hub.transaction("name"):` or `hub.run(work, "name")`, HTTP
outside and after `hub.rest()`. An engine works inside `with turn(url, patience):`, so that there is one at a time. What is in
it stands in `tables`, what is done to a hub as a whole in `upkeep`.

- `packing` – pack(frame, columns) → the texts of each row as one, which `vals`, `base` and `accepted` are; unpack, flat
- `browse` – publish(entities): a typed view per entity, for people

Whole tables are frames with the schema `FRAMES[table]`; times are UTC without a zone. Every row written in a transaction
carries its number, `hub.seq`; a consumer that has read everything up to `hub.position()` keeps that number as its cursor.
"""

from talk_assets.hub.address import ROW_GROUP
from talk_assets.hub.connection import Patience, turn
from talk_assets.hub.errors import BadUrl, Busy, Contradiction, Fenced, HubError, NewerHub
from talk_assets.hub.hub import Hub
from talk_assets.hub.opening import open_hub
from talk_assets.hub.ports import Crashpoint, Ids, RandomIds, Tell, no_crash
from talk_assets.hub.schema import FRAMES
from talk_assets.hub.tables.shapes import Describe, Shape

__all__ = [
    "FRAMES",
    "ROW_GROUP",
    "BadUrl",
    "Busy",
    "Contradiction",
    "Crashpoint",
    "Describe",
    "Fenced",
    "Hub",
    "HubError",
    "Ids",
    "NewerHub",
    "Patience",
    "RandomIds",
    "Shape",
    "Tell",
    "no_crash",
    "open_hub",
    "turn",
]
