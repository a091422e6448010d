"""What a record says of itself → the keys by which match rules know it again.

A key is the XXH3 of the normal text, 64 bits wide: the same in every version of every library, which Polars' and DuckDB's own
hashes are not, as fast to join as a number, and no personal data in the table of keys. Among a million keys on either side
of a rule, two different texts meet with a chance of 1 to 18 million.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import polars as pl
from xxhash import xxh3_64_intdigest

from talk_assets.specs.system import Property
from talk_assets.sync.model import EntityModel, Made, MatchModel
from talk_assets.sync.values import opinion

Kind = Literal["email", "organisation_number", "phone", "decimal", "digits", "plain", "text"]

KEYS = pl.Schema({"rule": pl.Int32, "side": pl.String, "key": pl.UInt64, "entity": pl.String, "id": pl.String})
_UNKNOWN: Final[Mapping[str, EntityModel]] = MappingProxyType({})
_BEYOND_ASCII = r"[^\x00-\x7F]"
_NORWEGIAN = r"^(?:FORETAKSREGISTERET)?(?:ORG(?:ANISASJONS)?(?:NUMMER|NR|NO)?)?(?:NO)?([0-9]+)(?:MVA)?(?:FORETAKSREGISTERET)?$"
_FOLDS = {small: folded for small in map(chr, range(0x80, 0xFB18)) if small.islower() and (folded := small.casefold()) != small}
"""What case-folding does beyond lower-casing: ß is ss, ς is σ."""


def match_keys(
    entity: EntityModel, vals_wide: pl.DataFrame, rules: Sequence[MatchModel], entities: Mapping[str, EntityModel] = _UNKNOWN
) -> pl.DataFrame:
    """The keys of records, from their ids (`#id`) and one column of text per property; a record without a value has no key.

    With the other entities at hand, a format that only one end of a pair declares serves both.
    """
    is_ascii = _ascii(vals_wide)
    texts = [
        *(
            (rule, side, _joined([normal(pl.col(path), kind, is_ascii=path in is_ascii) for path, kind in parts]))
            for rule in rules
            if not rule.made
            for side, parts in _sides(rule, entity, entities)
        ),
        *((rule, side, text) for rule in rules if rule.made for side, text in _made(rule, rule.made, entity, vals_wide)),
    ]
    if not texts:
        return KEYS.to_frame()
    places = pl.DataFrame(
        [(str(place), rule.number, side) for place, (rule, side, _) in enumerate(texts)],
        schema={"place": pl.String, "rule": pl.Int32, "side": pl.String},
        orient="row",
    )
    found = (
        vals_wide.select(pl.col("#id").alias("id"), *(text.alias(str(place)) for place, (_, _, text) in enumerate(texts)))
        .unpivot(index="id", variable_name="place", value_name="text")
        .drop_nulls("text")
        .join(places, on="place", maintain_order="left")
        .with_columns(entity=pl.lit(entity.key))
    )
    hashes = pl.Series("key", [xxh3_64_intdigest(text) for text in found["text"].cast(pl.Binary)], pl.UInt64)
    return found.with_columns(hashes).select(KEYS.names())


def _made(rule: MatchModel, made: Made, entity: EntityModel, vals_wide: pl.DataFrame) -> Iterator[tuple[str, pl.Expr]]:
    """On the source's side what a record made from it is given, on the target's what it holds."""
    if rule.source == entity.key:
        yield "source", pl.lit(made.formula.over(vals_wide))
    if rule.target == entity.key:
        yield "target", normal(pl.col(made.path), "plain")


def _sides(
    rule: MatchModel, entity: EntityModel, entities: Mapping[str, EntityModel]
) -> Iterator[tuple[str, list[tuple[str, Kind]]]]:
    """For each side of a rule on which the entity stands: its properties, and what they are."""
    for side, own, other in (("source", rule.source, rule.target), ("target", rule.target, rule.source)):
        if own == entity.key:
            parts: list[tuple[str, Kind]] = []
            for ends in rule.pairs:
                mine, theirs = ends if side == "source" else reversed(ends)
                kinds = {kind_of(entity.prop(mine))}
                if other in entities:
                    kinds.add(kind_of(entities[other].prop(theirs)))
                parts.append((mine, min(kinds, key=list(_NORMAL).index)))
            yield side, parts


def kind_of(prop: Property) -> Kind:
    """What decides how the values of a property are compared."""
    match prop.format, prop.type:
        case ("email" | "organisation_number" | "phone" | "digits") as kind, _:
            return kind
        case _, "integer":
            return "digits"
        case _, "decimal":
            return "decimal"
        case _, "string":
            return "text"
        case _:
            return "plain"


def _ascii(texts: pl.DataFrame) -> frozenset[str]:
    """The columns whose letters need no folding."""
    strange = texts.select(pl.all().cast(pl.String).str.contains(_BEYOND_ASCII).any())
    return frozenset(name for name in strange.columns if not strange[name].item())


def normal(value: pl.Expr, kind: Kind, *, is_ascii: bool = False) -> pl.Expr:
    """The form in which values of a kind are equal when they mean the same; null where they say nothing."""
    said = pl.when(opinion(value)).then(value)
    form = _spaced(said.str.to_lowercase()) if is_ascii and kind == "text" else _NORMAL[kind](said)
    return pl.when(form != "").then(form)


def _joined(parts: list[pl.Expr]) -> pl.Expr:
    """Several texts as one; their lengths keep `a|bc` from being `ab|c`."""
    if len(parts) == 1:
        return parts[0]
    return pl.concat_str([piece for part in parts for piece in (part.str.len_bytes().cast(pl.String), pl.lit(":"), part)])


def _email(value: pl.Expr) -> pl.Expr:
    """Lower-cased, not folded: straße@ and strasse@ are two mailboxes. `-` and `n/a` are none."""
    address = value.str.normalize("NFC").str.strip_chars().str.to_lowercase()
    return pl.when(address.str.contains("@", literal=True)).then(address)


def _organisation_number(value: pl.Expr) -> pl.Expr:
    """Digits only, for Norway's. Another country's letters stay: the same digits are another organisation there."""
    bare = value.str.to_uppercase().str.replace_all(r"[^0-9A-Z]+", "")
    number = bare.str.replace(_NORWEGIAN, "${1}")
    return pl.when(number.str.contains("[1-9]")).then(number)


def _phone(value: pl.Expr) -> pl.Expr:
    """Norway's without their country code; others keep theirs with its plus, so that +46 701234 is not Norway's 46701234."""
    dialled = value.str.replace_all(r"\(0\)|[^0-9+]", "").str.replace(r"^(?:\+|00)", "+").str.replace(r"^\+47", "")
    return pl.when(dialled.str.contains("[1-9]")).then(dialled)


def _digits(value: pl.Expr) -> pl.Expr:
    bare = value.str.to_lowercase().str.replace_all(r"\s+", "")
    return bare.str.replace(r"^\+?0*([0-9])", "${1}").str.replace(r"^-0*([0-9])", "-${1}").str.replace("^-0$", "0")


def _decimal(value: pl.Expr) -> pl.Expr:
    short = value.str.replace(r"^(\s*[-+]?[0-9]+\.[0-9]*?)0+(\s*)$", "${1}${2}").str.replace(r"\.(\s*)$", "${1}")
    return _digits(short)


def _text(value: pl.Expr) -> pl.Expr:
    composed = value.str.normalize("NFC").str.to_lowercase().str.replace_many(_FOLDS).str.normalize("NFC")
    return _spaced(composed)


def _spaced(value: pl.Expr) -> pl.Expr:
    return value.str.replace_all(r"\s+", " ").str.strip_chars()


def _as_it_is(value: pl.Expr) -> pl.Expr:
    return value


_NORMAL: Final[Mapping[Kind, Callable[[pl.Expr], pl.Expr]]] = {
    "email": _email,
    "organisation_number": _organisation_number,
    "phone": _phone,
    "decimal": _decimal,
    "digits": _digits,
    "plain": _as_it_is,
    "text": _text,
}
"""Of two kinds that are compared with each other, the first here serves both."""
