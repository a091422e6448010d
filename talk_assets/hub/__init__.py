"""The store: one hub per tenant, in a DuckDB file or a DuckLake.

Open it with `open_hub(url)`; read whenever, write inside `with hub.transaction("name"):` or `hub.run(work, "name")`, HTTP
outside and after `hub.rest()`. An engine works inside `with turn(url, patience):`, so that there is one at a time. Each table
group is a module whose functions take the hub and Polars frames:

- `records` – upsert(batch[entity, id, digest, body, modified?, edited_at?, listed_at?, written_at?, shape, vals], describe?)
  → [entity, id, is_new] of what was news; news, since, of, counts, unlisted, miss, forget, holding
- `shapes` – shape_of(entity, columns, fields) → Shape; shapes() by number; reshape(shape, describe) after a spec changed
- `packing` – pack(frame, columns) → the texts of each row as one, which `vals`, `base` and `accepted` are; unpack, flat
- `members` – new_clusters(n); link([entity, id, cluster, how, since]); unlink; touch;
  agree([entity, id, shape?, base?, accepted?]); of([cluster]); whole, clusters_of([entity, id]); ids_in([cluster, entity?]);
  know([entity, id, known_by]), known([entity, id]), taken([entity, id]); counts; since(seq).
  `UNKNOWN` in a base: never agreed on
- `cells` – touched(since) → [cluster]; sides([cluster]) → SIDES; then, without the hub: wide(rows, "vals" | "base", shapes,
  columns), long(rows, shapes) → CELLS, accepted(rows, shapes) → ACCEPTED, accepted_in(rows, shape, shapes), and back:
  folded(accepted, records)
- `golden` – put(GOLDEN + subject) → [cluster] that changed; of([cluster]) → GOLDEN + subject; values([cluster]) without
  how they came about; rows, unpacked; holding(values); since(seq); counts; forget
- `keys` – put([rule, side, key, entity, id]); forget; holders([rule, key]) → … + cluster; hit, rules_of
- `changes` – replace(planned, scope=[cluster]) → what is new or different; mark, drop, sendable,
  of(entity?, state?), released, counts
- `intents` – begin, mark([id, …]), of, unfinished(entity?), in_states, in_clusters, done_in(run), runs(limit),
  runs_named(begin), counts
- `conflicts` – append(CONFLICTS, run) → [number, cluster, field]; of, number, recent
- `history` – append(rows[kind, …], run); of([cluster]), about([entity, id]), after(number), verify(head?), head, export(path),
  erase([number]); `seal` – what makes it unchangeable; `about` – all that is held about some records: gather, erase;
  `suppressed` – add, put, holds, lift; `prune` – prune(before)
- `compact` – compact_later, compact_if_due: what was deleted leaves the file too
- `holds` – put, still, release, approve, approved, is_approved, use_approval
- `tombstones` – bury, of, in_clusters, lift; `ambiguous` – replace, of, every, counts; `meta` – get, put;
  `never` – add, pairs, lift
- `cursors` – position(consumer); move(consumer, expected=, to=) in the transaction of what was made of the step
- `browse` – publish(entities): a typed view per entity, for people; `checks` – check(); `backup` – backup(path),
  restore(address, file)

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
from talk_assets.hub.shapes import Describe, Shape

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
