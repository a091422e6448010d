"""The hub's tables: a module for each group of them, whose functions take the hub and Polars frames.

- `records` – upsert(batch[entity, id, digest, body, modified?, edited_at?, listed_at?, written_at?, shape, vals], describe?)
  → [entity, id, is_new] of what was news; news, since, of, counts, unlisted, miss, forget, holding
- `shapes` – shape_of(entity, columns, fields) → Shape; shapes() by number; reshape(shape, describe) after a spec changed
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
  erase([number]); `seal` – what makes it unchangeable
- `holds` – put, still, release, approve, approved, is_approved, use_approval
- `tombstones` – bury, of, in_clusters, lift; `suppressed` – add, put, holds, lift; `never` – add, pairs, lift;
  `ambiguous` – replace, of, every, counts
- `cursors` – position(consumer); move(consumer, expected=, to=) in the transaction of what was made of the step;
  `meta` – get, put
- `checks` – check(): what must hold whatever happens
"""
