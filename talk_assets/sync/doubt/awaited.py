"""Whose records could tell that a thing has a record somewhere already. Pure."""

from collections.abc import Collection, Iterable

from talk_assets.sync.meaning.model import Model


def could_tell(model: Model, unread: Collection[str], there: Collection[str], target: str) -> tuple[str, ...]:
    """Of entities that were never read, those a record of which might be recognised as a thing that has records `there`, and
    be, or lead on to, the one that it has in `target`.

    What rules say of records that were read is said. So what is still to be found out begins at an entity that was not: from
    there on it goes by rules, and between entities that were read by mappings too, since their records can have been linked
    by anything.
    """
    ruled = [(rule.source, rule.target) for rule in model.matches]
    linked = [(one.source, one.target) for one in model.mappings if not {one.source, one.target} & {*unread}]
    first = {other for key in there for other in _beside(ruled, key)} & {*unread} - {*there}
    return tuple(key for key in sorted(first) if target in _reached([*ruled, *linked], key, there))


def _reached(ways: Collection[tuple[str, str]], start: str, beyond: Collection[str]) -> set[str]:
    """Without those `beyond`, and what only they lead to."""
    found, waiting = {start}, [start]
    while waiting:
        new = {*_beside(ways, waiting.pop())} - found - {*beyond}
        found |= new
        waiting += new
    return found


def _beside(ways: Iterable[tuple[str, str]], key: str) -> Iterable[str]:
    return (other for way in ways if key in way for other in way if other != key)
