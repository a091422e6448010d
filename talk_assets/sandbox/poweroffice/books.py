"""What the rules of single entities may ask about everything else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from talk_assets.sandbox.shape import Complaint, Flat
from talk_assets.sandbox.store import Collection, Stored

_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
_ADDRESS = ("AddressLine1", "AddressLine2", "City", "CountryCode", "ZipCode")


@dataclass(frozen=True)
class Books:
    collections: Mapping[str, Collection]
    settings: Mapping[str, Any]
    last_customer_number: int
    last_employee_number: int

    def holder(self, entity: str, path: str, value: Any, own_id: str | None) -> Stored | None:
        """Another record that has `value` already."""
        return next((s for s in self.collections[entity].find(path, value) if s.id != own_id), None)

    def keep_reference_unique(self, entity: str, path: str, word: str, flat: Flat, own_id: str | None) -> None:
        value = flat.get(path)
        if value and (holder := self.holder(entity, path, value, own_id)):
            raise Complaint(path, "used", f"{path} is already in use. '{value}' is used on ({word}) Id = {holder.id}.")

    def keep_code_unique(self, entity: str, word: str, flat: Flat, own_id: str | None) -> None:
        value = flat.get("Code")
        if value is not None and (holder := self.holder(entity, "Code", value, own_id)):
            raise Complaint("Code", "used", f"{word} with code = '{value}' already exists (Id = {holder.id}).")

    def next_number(self, entity: str, last: int) -> int:
        """The next free number behind the last that was there from the start."""
        number = last + 1 + self.collections[entity].given_ids
        while self.collections[entity].find("Number", number):
            number += 1
        return number

    def has_invoices(self, customer_id: str) -> bool:
        return bool(self.collections["outgoing_invoices"].find("CustomerId", int(customer_id)))


def need(flat: Flat, *paths: str) -> None:
    missing = [path for path in paths if not flat.get(path)]
    if missing:
        raise Complaint(missing[0], "required", " ".join(f"{path} is required." for path in missing))


def with_defaults(flat: Flat, defaults: Mapping[str, Any]) -> Flat:
    return {**defaults, **{path: value for path, value in flat.items() if value is not None or path not in defaults}}


def check_email(flat: Flat, *paths: str) -> None:
    for path in paths:
        value = flat.get(path)
        if value and not _EMAIL.fullmatch(value.strip()):
            raise Complaint(path, "email", f"{path} '{value}' is not a valid e-mail address.")


def address(before: Flat | None, after: Flat) -> Flat:
    """An address is whole when it comes into being; a country left out is Norway."""
    paths = [f"MailAddress.{name}" for name in _ADDRESS]
    if all(after.get(path) is None for path in paths):
        return {path: value for path, value in after.items() if not path.startswith("MailAddress.")}
    if before is None or all(before.get(path) is None for path in paths):
        need(after, "MailAddress.City", "MailAddress.ZipCode")
    country = after.get("MailAddress.CountryCode") or "NO"
    if not re.fullmatch(r"[A-Za-z]{2}", country):
        raise Complaint("MailAddress.CountryCode", "value", f"CountryCode '{country}' is not a valid ISO 3166-1 alfa-2 code.")
    return after | {"MailAddress.CountryCode": country.upper()}


def check_hidden(flat: Flat, before: Flat | None) -> None:
    """Whoever writes back what only stood for a number destroys the number: refused."""
    number = flat.get("NationalIdNumber")
    if number and number != (before or {}).get("NationalIdNumber") and not re.fullmatch(r"[0-9]{11}", number):
        raise Complaint("NationalIdNumber", "value", "NationalIdNumber is not a valid Norwegian national identity number.")
    if flat.get("InternationalIdNumber") == "hidden":
        raise Complaint("InternationalIdNumber", "value", "InternationalIdNumber is not valid.")
    if flat.get("Gender") == "Hidden":
        raise Complaint("Gender", "value", "Gender can not be set to Hidden.")
