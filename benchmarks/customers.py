"""Customers as an API shows them: 20 properties with a nested address, some 750 bytes of JSON; for a number always the same."""

from collections.abc import Mapping
from typing import Any

_CITIES = ("Oslo", "Bergen", "Trondheim", "Stavanger", "Drammen", "Fredrikstad", "Kristiansand", "Tromsø", "Ålesund", "Bodø")
_STREETS = ("Storgata", "Kirkegata", "Skolegata", "Havnegata", "Industriveien", "Fjellveien", "Strandgata")
_WORDS = [
    "delivers",
    "weekdays",
    "before",
    "noon",
    "invoices",
    "accounts",
    "department",
    "purchase",
    "order",
    "number",
    "asked",
    "spring",
    "frame",
    "agreement",
    "quarterly",
    "prices",
    "sales",
    "follows",
    "up",
    "holidays",
    "contract",
    "renewed",
    "discount",
    "volume",
    "warehouse",
    "pallet",
    "carrier",
    "signature",
    "reminder",
    "credit",
]


def _note(number: int) -> str:
    """Words that are other ones for each customer, so that texts are packed no better than real ones."""
    return " ".join(_WORDS[(number * 2_654_435_761 >> 2 * place) % len(_WORDS)] for place in range(16))


def customer(number: int, id_: int, *, version: int = 1, phone: str = "") -> dict[str, Any]:
    return {
        "id": id_,
        "number": 10_000_000 + number,
        "name": f"{_CITIES[number % 10]} Handel og Service {number} AS",
        "organisationNumber": f"{900_000_000 + number}",
        "email": f"post@kunde{number}.example.no",
        "invoiceEmail": f"faktura@kunde{number}.example.no",
        "phone": phone or f"+47 {40_000_000 + number}",
        "website": f"https://www.kunde{number}.example.no",
        "address": {
            "line1": f"{_STREETS[number % 7]} {number % 190 + 1}",
            "line2": f"Oppgang {number % 5 + 1}",
            "postalCode": f"{number % 9990:04}",
            "city": _CITIES[number % 10],
            "countryCode": "NO",
        },
        "currency": "NOK",
        "creditLimit": number % 500 * 1000 + 0.5,
        "paymentDays": 14,
        "contact": f"Kari Nordmann {number}",
        "notes": _note(number),
        "active": True,
        "reference": None,
        "version": version,
        "modifiedAt": f"2026-11-{number % 20 + 1:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
    }


COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("id", "number", "paymentDays", "version"), "BIGINT"),
    **dict.fromkeys(("name", "organisationNumber", "email", "invoiceEmail", "phone", "website"), "VARCHAR"),
    **{f"address.{name}": "VARCHAR" for name in ("line1", "line2", "postalCode", "city", "countryCode")},
    **dict.fromkeys(("currency", "contact", "notes", "reference", "modifiedAt"), "VARCHAR"),
    "creditLimit": "DOUBLE",
    "active": "BOOLEAN",
}
"""As somebody would keep them in a table by hand."""


def table(columns: Mapping[str, str]) -> str:
    """The statement that makes such a table."""
    return "CREATE TABLE customers ({})".format(", ".join(f'"{name}" {kind}' for name, kind in columns.items()))
