"""How the names in documents relate to the keys of systems and entities."""

import hashlib
import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import count
from typing import TypeVar

from talk_assets.specs.document import grammar

_Thing = TypeVar("_Thing", bound=Hashable)
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "Æ": "Ae", "Ø": "O", "Å": "A", "ß": "ss"})
_QUALIFIER = re.compile(r" \((\w+) data\)$")


def squash(name: str) -> str:
    """Two spellings of one name squash to the same text: `PowerOffice GO`, `Powerofficego`."""
    return _letters(name.casefold().removesuffix(".com"))


def _letters(folded: str) -> str:
    return re.sub(r"[\W_]", "", folded)


def slug(name: str) -> str:
    """A key for a name: plain lower case, `unnamed` and what tells it from others where nothing is left."""
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS)).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not key:
        spelt = unicodedata.normalize("NFKC", name).casefold().encode(errors="surrogatepass")
        return f"unnamed_{hashlib.sha256(spelt).hexdigest()[:8]}"
    return (key if key[0].isalpha() else f"x_{key}")[:63].rstrip("_")


def distinct(names: Iterable[tuple[_Thing, str]]) -> dict[_Thing, str]:
    """Each thing's name; what comes later under a name that is taken gets a number."""
    found: dict[_Thing, str] = {}
    taken: set[str] = set()
    for thing, name in names:
        free = name if name not in taken else next(f"{name}_{n}" for n in count(2) if f"{name}_{n}" not in taken)
        found[thing] = free
        taken.add(free)
    return found


def title_names(title: str) -> tuple[str, str]:
    """Source and target name of a title, parted at the first ` to `."""
    source, _, target = grammar.route(title).partition(" to ")
    return source, target


def title_splits(title: str) -> Iterator[tuple[str, str]]:
    """Every way to read a title; more than one where a name itself holds ` to `."""
    route = grammar.route(title)
    for found in re.finditer("(?= to )", route):
        yield route[: found.start()], route[found.start() + len(" to ") :]


def title_names_with(title: str, targets: Iterable[str]) -> tuple[str, str]:
    """Of all ways to read a title, the first whose second name is one of `targets`; else that of `title_names`."""
    route = grammar.route(title)
    ends = [f" to {target}" for target in targets]
    longest = max((end for end in ends if route.endswith(end)), key=len, default=None)
    return (route.removesuffix(longest), longest.removeprefix(" to ")) if longest else title_names(title)


def default_label(system_name: str, entity_key: str) -> str:
    """The label a document gives an entity unless the spec says otherwise."""
    words = entity_key.replace("_", " ")
    return f"{system_name} {words[0].upper()}{words[1:]}"


def entity_words(label: str, system_name: str) -> str:
    """The entity in a label `<system> <entity>`, when only the title tells how the system is called."""
    if not system_name:
        return label.removeprefix(" ")
    words = label.split(" ")
    qualifier = _QUALIFIER.search(label)
    countable = len(words) - (2 if qualifier else 0)
    target = squash(system_name)
    beginnings = dict(_beginnings(words[: countable - 1], target))
    whole = [count for count, length in beginnings.items() if length == len(target)]
    shortened = [count for count, length in beginnings.items() if length]
    if fitting := whole or shortened:
        return " ".join(words[fitting[-1] :])
    return " ".join(words[1:]) or label


def _beginnings(words: Sequence[str], name: str) -> Iterator[tuple[int, int]]:
    """With how many words a squashed name may begin, and how much of it they are."""
    yield 0, 0
    so_far = 0
    for number, word in enumerate(words, 1):
        if name.startswith(last := squash(word), so_far):
            yield number, so_far + len(last)
        if not name.startswith(letters := _letters(word.casefold()), so_far):
            return
        so_far += len(letters)


def find_named(name: str, candidates: Iterable[tuple[str, Sequence[str]]]) -> str | None:
    """The key whose names include `name`, whatever the spelling."""
    wanted = squash(name)
    return next((key for key, names in candidates if wanted and wanted in map(squash, (key, *names))), None)
