"""Values that stand in specs must be values of the properties they are for, and lead back to where they came from."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from talk_assets.specs.model import Constant, as_text
from talk_assets.specs.problems import Place, Problem, Severity, did_you_mean, error, few, shown
from talk_assets.specs.property import Property
from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping, ResolvedRow

_FLAGS = ("true", "false")
_KINDS_OF_CONSTANT: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "decimal": (int, float, str),
    "boolean": (bool,),
    "date": (str,),
    "datetime": (str,),
    "json": (str,),
}
_EXAMPLES = {
    "string": '"text"',
    "integer": "1",
    "decimal": "1.5",
    "boolean": "true",
    "date": '"2024-02-29"',
    "datetime": '"2024-02-29T12:00:00"',
    "json": '"[]"',
}


@dataclass(frozen=True)
class Misfit:
    """Why a property cannot hold a value, and what it could hold."""

    reason: str
    hint: str


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        for row in mapping.rows:
            if uncarried := list(_uncarried(mapping, row)):
                yield from uncarried
            elif len(row.sources) == len(row.targets) == 1:
                yield from _differing_values(mapping, row) if row.spec.values is None else _value_map(mapping, row)


def words(prop: Property) -> tuple[str, ...]:
    """The allowed values as rows name them: where the system spec says what they mean, by that."""
    return prop.values if isinstance(prop.values, tuple) else tuple(prop.values.values())


def meant(prop: Property, value: Constant) -> str:
    """What rows and expressions call a value that a spec writes as the API does."""
    text = as_text(value)
    return text if isinstance(prop.values, tuple) else prop.values.get(text, text)


def mistyped(prop: Property, text: str) -> Misfit | None:
    """Why what a text says is not of a property's type; None when it is."""
    return _not_a(prop) if _canonical(prop, text) is None else None


def misfit(prop: Property, text: str, allowed: Collection[str]) -> Misfit | None:
    """Why a property cannot hold what a text says; None when it can."""
    if found := mistyped(prop, text):
        return found
    if prop.values:
        hint = did_you_mean(text, allowed) or f"allowed are {', '.join(allowed)}"
        return None if text in allowed else Misfit("it is none of the allowed ones", hint)
    if prop.max_length is not None and len(text) > prop.max_length:
        return Misfit(f"it has {len(text)} characters, allowed are {prop.max_length}", "shorten it")
    return None


def constant_misfit(prop: Property, value: Constant) -> Misfit | None:
    """Why a property cannot be given a constant, which is sent as it stands; None when it can."""
    flag_is_meant = prop.type == "boolean"
    if not isinstance(value, _KINDS_OF_CONSTANT[prop.type]) or isinstance(value, bool) != flag_is_meant:
        return _not_a(prop)
    return misfit(prop, as_text(value), prop.values)


def bad_value(place: Place, value: Constant, of: str, found: Misfit) -> Problem:
    return error("bad-value", place, f"{shown(as_text(value))} is no value of {of}: {found.reason}", found.hint)


def _not_a(prop: Property) -> Misfit:
    article = "an" if prop.type[0] in "aeiou" else "a"
    return Misfit(f"it is not {article} {prop.type}", f"for example {_EXAMPLES[prop.type]}")


def _canonical(prop: Property, text: str) -> object | None:
    """What a text says as a value of a property, so that 1 and 1.0 are the same number; None where it says nothing."""
    try:
        match prop.type:
            case "integer":
                return int(text) if text.removeprefix("-").isdecimal() and text.isascii() else None
            case "decimal":
                number = Decimal(text)
                return number if number.is_finite() else None
            case "boolean":
                return text if text in _FLAGS else None
            case "date":
                return dt.date.fromisoformat(text)
            case "datetime":
                return dt.datetime.fromisoformat(text)
            case _:
                return text
    except (ValueError, InvalidOperation):
        return None


def _sameness(prop: Property, text: str) -> object:
    found = _canonical(prop, text)
    return text if found is None else found


def _uncarried(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    """Between systems a value is what it means, and that has to be of its property's type."""
    for side, endpoints in (("source", row.sources), ("target", row.targets)):
        for end in endpoints:
            strange = [word for word in words(end.spec) if mistyped(end.spec, word)]
            if strange and not isinstance(end.spec.values, tuple):
                yield error(
                    "bad-value",
                    mapping.row_place(row, side),
                    f"{end} is {end.spec.type}, and its values mean {few(strange)}: no row can carry that",
                    "list them in the system spec without what they mean, and say in the row's `values` what each is called",
                )


def _value_map(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    (source, target), values = row.pair, row.spec.values or {}
    there: dict[object, str] = {}
    back: dict[object, str] = {}
    for key, value in values.items():
        place = mapping.place("properties", row.index, "values", key)
        key_place = mapping.loaded.key_place("mappings", mapping.index, "properties", row.index, "values", key)
        text = as_text(value)
        for endpoint, one, where in ((source, key, key_place), (target, text, place)):
            if found := misfit(endpoint.spec, one, words(endpoint.spec)):
                yield bad_value(where, one, str(endpoint), found)
        given, made = _sameness(source.spec, key), _sameness(target.spec, text)
        if given in there:
            yield error(
                "not-bijective",
                key_place,
                f"{shown(there[given])} and {shown(key)} are the same value of {source}; what becomes of it is unknown",
                "leave one of them out",
            )
        elif made in back and row.spec.direction != "to_target":
            yield error(
                "not-bijective",
                place,
                f"both {shown(back[made])} and {shown(key)} become {shown(text)}; the way back is unknown",
                "give each value a counterpart of its own"
                + (", or say `direction: to_target`" if row.spec.direction == "both" else ""),
            )
        there.setdefault(given, key)
        back.setdefault(made, key)
    if values:
        yield from _without_counterpart(mapping, row, source, set(values), "to_target")
        yield from _without_counterpart(mapping, row, target, set(map(as_text, values.values())), "to_source")


def _without_counterpart(
    mapping: ResolvedMapping, row: ResolvedRow, endpoint: Endpoint, told: set[str], way: str
) -> Iterator[Problem]:
    """Values that a property may hold and the map does not name, where they would have to cross."""
    allowed = _FLAGS if endpoint.spec.type == "boolean" else words(endpoint.spec)
    left_out = [value for value in allowed if value not in told]
    if left_out and row.spec.direction in ("both", way):
        yield Problem(
            "values-missing",
            Severity.warning,
            mapping.place("properties", row.index, "values"),
            f"{endpoint} may also hold {few(left_out)}, which the map does not name; such records are held back",
            "name a counterpart for each, or give the row a `direction`"
            if row.spec.direction == "both"
            else "name a counterpart",
        )


def _differing_values(mapping: ResolvedMapping, row: ResolvedRow) -> Iterator[Problem]:
    source, target = row.pair
    one, other = set(words(source.spec)), set(words(target.spec))
    if row.is_plain and one and other and one != other:
        only = few(sorted(one ^ other), most=5)
        yield Problem(
            "values-differ",
            Severity.warning,
            mapping.row_place(row),
            f"{source} and {target} do not allow the same values (only one side knows {only})",
            "give the row `values`",
        )
