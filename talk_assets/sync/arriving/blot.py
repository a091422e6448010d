"""A system's own words, without what they say about a person: progress and logs are read by others than the hub is."""

import re

from talk_assets.hub.tables import records
from talk_assets.sync.world import World

MASK = "***"
_LOOKS_PERSONAL = re.compile(r"[^\s@'\"<>,;:]+@[^\s@'\"<>,;:]+\.\w+|\+?\d(?:[ -]?\d){7,}")
"""Addresses and long numbers of whom the hub does not know."""


def blotted(world: World, words: str) -> str:
    """What records hold in personal properties is blotted out, word by word. Not the code of a country, which is
    nobody's, and a word of many languages.
    """
    held: set[str] = set()
    for key, entity in world.model.entities.items():
        personal = [path for path, prop in entity.spec.properties.items() if prop.personal and prop.format != "country_code"]
        if personal:
            held |= records.said(world.hub, key, personal, words)
    if held:
        longest_first = sorted(held, key=lambda value: (-len(value), value))
        whole = "|".join(map(re.escape, longest_first))
        words = re.sub(rf"(?<!\w)(?:{whole})(?!\w)", MASK, words, flags=re.IGNORECASE)
    return _LOOKS_PERSONAL.sub(MASK, words)
