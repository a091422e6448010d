"""What a record says of itself → the keys by which match rules know it again.

A key is the XXH3 of the normal text, 64 bits wide: the same in every version of every library, which Polars' and DuckDB's own
hashes are not, as fast to join as a number, and no personal data in the table of keys. Among a million keys on either side
of a rule, two different texts meet with a chance of 1 to 18 million.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

import polars as pl
from xxhash import xxh3_64_intdigest

from talk_assets.specs.property import Property
from talk_assets.sync.meaning.counting import holds
from talk_assets.sync.meaning.marks import later_marks
from talk_assets.sync.meaning.model import EntityModel, Made, MatchModel
from talk_assets.sync.meaning.values import opinion

Kind = Literal["email", "organisation_number", "phone", "decimal", "digits", "plain", "text"]

KEYS = pl.Schema({"rule": pl.Int32, "side": pl.String, "key": pl.UInt64, "entity": pl.String, "id": pl.String})
_UNKNOWN: Final[Mapping[str, EntityModel]] = MappingProxyType({})
_FIRST: Final[Mapping[str, int]] = MappingProxyType({})
_SPREAD = 0x9E3779B97F4A7C15
_BEYOND_ASCII = r"[^\x00-\x7F]"
_NORWEGIAN = r"^(?:FORETAKSREGISTERET)?(?:ORG(?:ANISASJONS)?(?:NUMMER|NR|NO)?)?(?:NO)?([0-9]+)(?:MVA)?(?:FORETAKSREGISTERET)?$"
_FOLDS = {small: folded for small in map(chr, range(0x80, 0xFB18)) if small.islower() and (folded := small.casefold()) != small}
"""What case-folding does beyond lower-casing: ß is ss, ς is σ."""


def match_keys(
    entity: EntityModel,
    vals_wide: pl.DataFrame,
    rules: Sequence[MatchModel],
    entities: Mapping[str, EntityModel] = _UNKNOWN,
    generations: Mapping[str, int] = _FIRST,
) -> pl.DataFrame:
    """The keys of records, from their ids (`#id`) and one column of text per property; a record without a value has no key.

    With the other entities at hand, a format that only one end of a pair declares serves both. Marks are of the generations
    that are given, or the first.
    """
    compared = [(rule, side, parts) for rule in rules for side, parts in _sides(rule, entity, entities)]
    texts = [
        *((rule, side, _key(rule, side, parts)) for rule, side, parts in compared),
        *(
            (rule, "source", pl.lit(_said(_shown_by_made(rule.made, rule, vals_wide, generations))))
            for rule in rules
            if rule.made and rule.source == entity.key
        ),
    ]
    if not texts:
        return KEYS.to_frame()
    places = pl.DataFrame(
        [(str(place), rule.number, side) for place, (rule, side, _) in enumerate(texts)],
        schema={"place": pl.String, "rule": pl.Int32, "side": pl.String},
        orient="row",
    )
    found = (
        with_normal(vals_wide, dict.fromkeys(part for _, _, parts in compared for part in parts))
        .select(pl.col("#id").alias("id"), *(text.alias(str(place)) for place, (_, _, text) in enumerate(texts)))
        .unpivot(index="id", variable_name="place", value_name="text")
        .drop_nulls("text")
        .join(places, on="place", maintain_order="left")
        .with_columns(entity=pl.lit(entity.key))
    )
    hashes = pl.Series("key", [xxh3_64_intdigest(text) for text in found["text"].cast(pl.Binary)], pl.UInt64)
    return found.with_columns(hashes).select(KEYS.names())


def _shown_by_made(made: Made, rule: MatchModel, vals_wide: pl.DataFrame, generations: Mapping[str, int]) -> pl.Series:
    """What shows in a record that it was made from one of these."""
    first = made.formula.over(vals_wide)
    later = later_marks(rule.source, rule.target, generations) if made.is_mark else {}
    return vals_wide["#id"].replace_strict(later, default=first, return_dtype=pl.String) if later else first


def _said(texts: pl.Series) -> pl.Series:
    """What cannot be computed says nothing."""
    return texts.to_frame("text").select(pl.when(opinion(pl.col("text"))).then("text")).to_series()


def in_one(keys: pl.DataFrame) -> pl.DataFrame:
    """id, known_by: of one entity, all keys of each record in one number, which is another one when any of them is."""
    # Each place has an odd factor of its own, so that two keys that change places are not the same.
    place = pl.col("rule").cast(pl.UInt64) * 2 + (pl.col("side") == "target").cast(pl.UInt64)
    factor = (place + 1) * _SPREAD | 1
    return keys.group_by("id").agg(known_by=(pl.col("key") * factor).sum())


def _sides(
    rule: MatchModel, entity: EntityModel, entities: Mapping[str, EntityModel]
) -> Iterator[tuple[str, list[tuple[str, Kind]]]]:
    """For each side of a rule on which the entity stands: its properties, and what they are. On the source's side of one for
    records that were made there is none.
    """
    if rule.made:
        if rule.target == entity.key:
            yield "target", [(rule.made.path, "plain")]
        return
    for side, own, other in (("source", rule.source, rule.target), ("target", rule.target, rule.source)):
        if own == entity.key:
            parts: list[tuple[str, Kind]] = []
            for ends in rule.pairs:
                mine, theirs = ends if side == "source" else reversed(ends)
                kinds = {kind_of(entity.prop(mine))}
                if other in entities:
                    kinds.add(kind_of(entities[other].prop(theirs)))
                parts.append((mine, min(kinds, key=list(_FORMS).index)))
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


def with_normal(texts: pl.DataFrame, wanted: Iterable[tuple[str, Kind]]) -> pl.DataFrame:
    """Texts, with a column beside them for each of the wanted properties, as values of a kind: the form in which they are
    equal when they mean the same; null where they say nothing.
    """
    # One step after the other: in one expression, what stands in it twice is worked out twice.
    wanted = list(wanted)
    is_ascii = _ascii(texts, {path for path, kind in wanted if kind == "text"})
    forms = texts.with_columns(_form(path, kind, is_ascii=path in is_ascii) for path, kind in wanted)
    return forms.with_columns(_telling(path, kind) for path, kind in wanted)


def form_name(path: str, kind: Kind) -> str:
    """Of a column with such forms, as no property is called."""
    return f"#{kind} {path}"


def _ascii(texts: pl.DataFrame, paths: Collection[str]) -> frozenset[str]:
    """Those of some columns whose letters need no folding."""
    strange = texts.select(pl.col(sorted(paths)).str.contains(_BEYOND_ASCII).any()) if paths else pl.DataFrame()
    return frozenset(name for name in strange.columns if not strange[name].item())


@cache
def _form(path: str, kind: Kind, *, is_ascii: bool) -> pl.Expr:
    value = pl.col(path)
    form = _spaced(value.str.to_lowercase()) if is_ascii and kind == "text" else _FORMS[kind](value)
    return form.alias(form_name(path, kind))


@cache
def _telling(path: str, kind: Kind) -> pl.Expr:
    form = pl.col(form_name(path, kind))
    match kind:
        case "email":
            # `-` and `n/a` are none.
            says = form.str.contains("@", literal=True)
        case "organisation_number" | "phone":
            says = form.str.contains("[1-9]")
        case _:
            says = form != ""
    return pl.when(opinion(pl.col(path)) & says).then(form).alias(form_name(path, kind))


def _key(rule: MatchModel, side: str, parts: Sequence[tuple[str, Kind]]) -> pl.Expr:
    text = _joined([pl.col(form_name(*part)) for part in parts])
    depends = rule.depends[0 if side == "source" else 1]
    return pl.when(holds(depends)).then(text) if depends else text


def _joined(parts: list[pl.Expr]) -> pl.Expr:
    """Several texts as one; their lengths keep `a|bc` from being `ab|c`."""
    if len(parts) == 1:
        return parts[0]
    return pl.concat_str([piece for part in parts for piece in (part.str.len_bytes().cast(pl.String), pl.lit(":"), part)])


def _email(value: pl.Expr) -> pl.Expr:
    """Lower-cased, not folded: straße@ and strasse@ are two mailboxes."""
    return value.str.normalize("NFC").str.strip_chars().str.to_lowercase()


def _organisation_number(value: pl.Expr) -> pl.Expr:
    """Digits only, for Norway's. Another country's letters stay: the same digits are another organisation there."""
    return value.str.to_uppercase().str.replace_all(r"[^0-9A-Z]+", "").str.replace(_NORWEGIAN, "${1}")


def _phone(value: pl.Expr) -> pl.Expr:
    """Norway's without their country code; others keep theirs with its plus, so that +46 701234 is not Norway's 46701234."""
    return value.str.replace_all(r"\(0\)|[^0-9+]", "").str.replace(r"^(?:\+|00)", "+").str.replace(r"^\+47", "")


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


_FORMS: Final[Mapping[Kind, Callable[[pl.Expr], pl.Expr]]] = {
    "email": _email,
    "organisation_number": _organisation_number,
    "phone": _phone,
    "decimal": _decimal,
    "digits": _digits,
    "plain": _as_it_is,
    "text": _text,
}
"""Of two kinds that are compared with each other, the first here serves both."""
