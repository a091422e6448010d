"""What is done to a hub as a whole.

- `backup` – backup(path), restore(address, file)
- `about` – all that is held about some records: gather, erase
- `prune` – prune(before)
- `compact` – compact_later, compact_if_due: what was deleted leaves the file too
"""
