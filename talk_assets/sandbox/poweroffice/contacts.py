"""The rules for customers, employees and contact persons."""

from typing import Any

from talk_assets.sandbox.poweroffice.books import Books, address, check_email, check_hidden, need, with_defaults
from talk_assets.sandbox.poweroffice.company import CONTACT_GROUPS, CURRENCIES
from talk_assets.sandbox.shape import Complaint, Flat

_FIRST_CUSTOMER_NUMBER, _FIRST_EMPLOYEE_NUMBER = 10_000, 1
_SERIES = 10_000  # how many numbers a series has room for beyond those given out
_NEW_CUSTOMER: dict[str, Any] = {
    "ContactGroupIds": [],
    "CurrencyCode": "NOK",
    "DoNotAddLatePaymentFees": False,
    "DoNotAddLatePaymentInterest": False,
    "DoNotAutomatePaymentNotifications": False,
    "InvoiceDeliveryType": "PdfByEmail",
    "IsActive": True,
    "IsArchived": False,
    "IsPerson": False,
    "IsVatFree": False,
    "SendPaymentReminders": True,
    "TransferToDebtCollectionAgency": True,
    "UseInvoiceFee": True,
}
_NEW_EMPLOYEE: dict[str, Any] = {"ContactGroupIds": [], "InternationalIdReportToAltinn": False, "IsArchived": False}


def customer(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    if before is None:
        after = with_defaults(after, _NEW_CUSTOMER)
    if after.get("IsPerson"):
        need(after, "FirstName", "LastName")
        after["Name"] = f"{after['FirstName']} {after['LastName']}"
    else:
        need(after, "Name")
    after = address(before, after)
    check_hidden(after, before)
    check_email(after, "EmailAddress", "InvoiceEmailAddress", "PaymentReminderEmailAddress")
    _check_groups(after)
    _check_delivery(before, after)
    if after.get("CurrencyCode") not in (None, *CURRENCIES):
        raise Complaint("CurrencyCode", "missing", f"Currency with code = '{after['CurrencyCode']}' not found.")
    if not -1000 <= (after.get("Allowance") or 0) <= 100:
        raise Complaint("Allowance", "value", "Allowance must be between -1000 and 100.")
    if (after.get("BillableRate") or 0) < 0:
        raise Complaint("BillableRate", "value", "BillableRate must be a positive number.")
    books.keep_reference_unique("customers", "ExternalImportReference", "contact", after, own_id)
    if after.get("IsArchived") and own_id and not (before or {}).get("IsArchived") and books.has_invoices(own_id):
        raise Complaint("IsArchived", "value", "The contact has ledger balances and can not be archived.")
    return _numbered(books, "customers", before, after, own_id, _FIRST_CUSTOMER_NUMBER, books.last_customer_number)


def employee(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    if before is None:
        after = with_defaults(after, _NEW_EMPLOYEE)
    need(after, "FirstName", "LastName")
    after = address(before, after)
    check_hidden(after, before)
    check_email(after, "EmailAddress")
    _check_groups(after)
    if after.get("InternationalIdReportToAltinn") and not after.get("InternationalIdCountryCode"):
        raise Complaint("InternationalIdCountryCode", "required", "InternationalIdCountryCode is required to report to Altinn.")
    books.keep_reference_unique("employees", "ExternalImportReference", "contact", after, own_id)
    return _numbered(books, "employees", before, after, own_id, _FIRST_EMPLOYEE_NUMBER, books.last_employee_number)


def contact_person(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    if before is None:
        after = with_defaults(after, {"IsActive": True, "IsDefault": False})
    need(after, "FirstName", "LastName")
    check_email(after, "EmailAddress")
    books.keep_reference_unique("contactperson", "ExternalCode", "contact person", after, own_id)
    parent = books.collections["customers"].get(str(after.get("ContactId")))
    if parent is None:
        raise Complaint("ContactId", "missing", f"Contact with id = {after.get('ContactId')} not found.")
    if parent.body.get("IsPerson"):
        raise Complaint("ContactId", "value", f"Contact with id = {parent.id} is a person and can not have contact persons.")
    return address(before, after)


def _check_groups(flat: Flat) -> None:
    unknown = [group for group in flat.get("ContactGroupIds") or [] if group not in CONTACT_GROUPS]
    if unknown:
        raise Complaint(
            "ContactGroupIds", "missing", f"Could not find contact group(s) with id = {', '.join(map(str, unknown))}."
        )


def _check_delivery(before: Flat | None, after: Flat) -> None:
    way = after.get("InvoiceDeliveryType")
    if way in ("AvtaleGiro", "Efaktura") and way != (before or {}).get("InvoiceDeliveryType"):
        raise Complaint("InvoiceDeliveryType", "value", f"InvoiceDeliveryType can not be set to {way}.")
    if way == "PdfByEmail" and not (after.get("EmailAddress") or after.get("InvoiceEmailAddress")):
        message = "EmailAddress or InvoiceEmailAddress must be set when InvoiceDeliveryType is PdfByEmail."
        raise Complaint("InvoiceDeliveryType", "value", message)
    if way == "EHF" and not after.get("OrganizationNumber"):
        raise Complaint("InvoiceDeliveryType", "value", "OrganizationNumber must be set when InvoiceDeliveryType is EHF.")
    fallback = "PdfByEmail" if after.get("EmailAddress") else "Print"
    for path in ("NoticeOfDebtCollectionDeliveryType", "ReminderDeliveryType"):
        if before is None and after.get(path) is None:
            after[path] = fallback


def _numbered(books: Books, entity: str, before: Flat | None, after: Flat, own_id: str | None, first: int, last: int) -> Flat:
    number = after.get("Number")
    if before is None and number is None:
        return after | {"Number": books.next_number(entity, last)}
    if number is None:
        raise Complaint("Number", "required", "Number is required.")
    if before is not None and number == before.get("Number"):
        return after
    if not first <= number <= last + _SERIES:
        raise Complaint("Number", "value", f"Number {number} is not within a number series for {entity}.")
    if holder := books.holder(entity, "Number", number, own_id):
        raise Complaint("Number", "used", f"Number {number} is already in use on (contact) Id = {holder.id}.")
    return after
