"""Values that a property takes and that nothing else holds, so that a crossed wire is noticed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from talk_assets.specs.resolve import Endpoint

_COUNTRIES = ("SE", "DK", "FI", "DE", "NL", "FR", "ES", "IT", "PL", "IS", "BE", "AT", "CH", "PT", "IE", "EE", "LV", "LT")
_CURRENCIES = ("SEK", "DKK", "EUR", "USD", "GBP", "CHF", "PLN")
_FIRST_DAY = date(1990, 1, 1)
_FIRST_NUMBER = 50_000
_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)


class Values:
    """Never gives the same value twice, but for codes and yes or no, where it gives another than before."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._countries, self._currencies = _round(_COUNTRIES), _round(_CURRENCIES)
        self._taken: dict[str, int] = {}

    def take(self, entity: str, path: str, number: int) -> None:
        """Note a whole number that is in use, so that new ones continue its series."""
        self._taken[f"{entity}.{path}"] = max(number, self._taken.get(f"{entity}.{path}", 0))

    def new(self, ends: Sequence[Endpoint], before: Any = None) -> Any:
        """A value that all of these properties take; `before` is what one of them holds."""
        number = next(self._numbers)
        if choices := next((list(end.spec.values) for end in ends if end.spec.values), None):
            return choices[(choices.index(before) + 1) % len(choices) if before in choices else number % len(choices)]
        kinds = {end.spec.type for end in ends}
        for kind in ("boolean", "date", "integer", "decimal"):
            if kind in kinds:
                return self._of_type(kind, ends, number, before)
        text = self._text(ends, number)
        return text if text != before else self.new(ends, before)

    def _of_type(self, kind: str, ends: Sequence[Endpoint], number: int, before: Any) -> Any:
        match kind:
            case "boolean":
                return not before if isinstance(before, bool) else any(end.spec.default is True for end in ends)
            case "date":
                return _FIRST_DAY + timedelta(days=17 * number)
            case "integer":
                series = max((self._taken.get(str(end), 0) for end in ends), default=0) or _FIRST_NUMBER
                return series + 500 + number
            case _:
                return Decimal(number) + Decimal("0.25")

    def _text(self, ends: Sequence[Endpoint], number: int) -> str:
        known = next((end.spec.format for end in ends if end.spec.format in _FORMATS), None)
        if known:
            return _FORMATS[known](number)
        formats = {end.spec.format for end in ends}
        if "country_code" in formats:
            return next(self._countries)
        if "currency_code" in formats:
            return next(self._currencies)
        names = {end.path.rsplit(".", 1)[-1].casefold() for end in ends}
        if "gtin" in names:
            return gtin(number)
        longest = min((end.spec.max_length for end in ends if end.spec.max_length), default=100)
        # A code may lack room or leave for anything but plain letters.
        plain = f"QA{number}" if names & {"code", "number"} else f"Æ{ends[0].path.rsplit('.', 1)[-1]}-{number}"
        return plain[-longest:]


def organisation_number(index: int) -> str:
    """A number of nine digits whose last one checks the others, as Norway's do (modulo 11)."""
    for last in range(10):
        eight = f"{91_000_000 + index * 10 + last}"
        check = -sum(int(digit) * weight for digit, weight in zip(eight, _WEIGHTS, strict=True)) % 11
        if check < 10:
            return f"{eight}{check}"
    raise AssertionError(index)


def gtin(index: int) -> str:
    """A GTIN-13 with its check digit."""
    twelve = f"70{9_000_000_000 + index}"
    check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve)) % 10
    return f"{twelve}{check}"


_FORMATS: Mapping[str, Callable[[int], str]] = {
    "email": lambda number: f"qa{number}@example.no",
    "phone": lambda number: f"+47 {40_000_000 + number * 7}",
    "url": lambda number: f"https://qa{number}.example.no",
    "organisation_number": organisation_number,
    "postal_code": lambda number: f"{1000 + number}",
    "digits": str,
}


def told(value: Any) -> str | None:
    """A value in the form in which equal values are equal texts."""
    match value:
        case None | "":
            return None
        case bool():
            return str(value).lower()
        case date():
            return value.isoformat()[:10]
        case Decimal() | float():
            return f"{Decimal(str(value)).normalize():f}"
        case _:
            return str(value)


def _round(values: Sequence[str]) -> Iterator[str]:
    while True:
        yield from values
