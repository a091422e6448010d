"""Sales orders: their heads, their lines, and what both add up to."""

from collections.abc import Mapping, Sequence
from typing import Any

from talk_assets.sandbox.poweroffice.books import Books, with_defaults
from talk_assets.sandbox.poweroffice.company import CURRENCIES, STANDARD_ACCOUNT, VAT_FREE_ACCOUNT, VAT_OF_ACCOUNT
from talk_assets.sandbox.poweroffice.work import check_contact_person
from talk_assets.sandbox.shape import Complaint, Flat
from talk_assets.sandbox.store import Body

LINES_KEY = "_lines"
"""Where a head keeps its lines; never shown under this name."""

_FROM_PROJECT = ("DepartmentId", "CustomerId", "PaymentTermId", "DeliveryTermId", "LocationId", "BrandingThemeId", "ContractNo")
_FROM_CUSTOMER = ("DepartmentId", "PaymentTermId", "DeliveryTermId", "CurrencyCode", "SalesPersonEmployeeId")


def order(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    if before is None:
        after = with_defaults(after, {"SalesOrderStatus": "Draft", "IsCreatedByCurrentIntegration": False, LINES_KEY: ()})
    locked = (
        before is not None and before.get("SalesOrderStatus") == "Confirmed" and after.get("SalesOrderStatus") == "Confirmed"
    )
    if locked and after != before:
        raise Complaint(
            "SalesOrderStatus",
            "locked",
            "The sales order is confirmed and can not be edited. Set SalesOrderStatus to Draft first.",
        )
    if after.get("CurrencyCode") not in (None, *CURRENCIES):
        raise Complaint("CurrencyCode", "missing", f"Currency with code = '{after['CurrencyCode']}' not found.")
    for entity in ("salesorders", "outgoing_invoices"):
        books.keep_reference_unique(entity, "ExternalImportReference", "sales order", after, own_id)
    check_contact_person(books, after, "CustomerReferenceContactPersonId")
    if after.get("RelatedInvoiceNo") is not None and not any((line.get("Quantity") or 0) < 0 for line in after[LINES_KEY]):
        raise Complaint("RelatedInvoiceNo", "value", "RelatedInvoiceNo can only be set on credit notes.")
    return after


def line(books: Books, before: Flat | None, after: Flat, others: Sequence[Mapping[str, Any]]) -> Flat:
    """One line among the others of its order."""
    if before is None:
        after = with_defaults(after, {"LineType": "Normal", "SortOrder": len(others)})
    found = books.collections["product"].get(str(after.get("ProductId"))) if after.get("ProductId") is not None else None
    if found:
        if after.get("Quantity") is None:
            raise Complaint("Quantity", "required", "Quantity is required when a product is set.")
        if before is None:
            inherited = {
                "ProductUnitPrice": "UnitPrice",
                "ProductUnitCost": "UnitCost",
                "Description": "Name",
                "UnitOfMeasureCode": "UnitOfMeasureCode",
            }
            after = {**after, **{path: found.body.get(name) for path, name in inherited.items() if after.get(path) is None}}
    reference = after.get("ExternalImportReference")
    holder = next((other for other in others if reference and other.get("ExternalImportReference") == reference), None)
    if holder:
        message = f"ExternalImportReference is already in use. '{reference}' is used on (sales order line) Id = {holder['Id']}."
        raise Complaint("ExternalImportReference", "used", message)
    return after


def priced(books: Books, head: Body, of: Mapping[str, Any]) -> dict[str, Any]:
    """A line with its amounts. Its VAT follows from the product's account; without a product there is none."""
    net = round((of.get("Quantity") or 0) * (of.get("ProductUnitPrice") or 0) * (1 - (of.get("Allowance") or 0) / 100), 2)
    product = books.collections["product"].get(str(of.get("ProductId"))) if of.get("ProductId") is not None else None
    if product is None:
        return {**of, "NetAmount": net, "VatAmount": 0.0, "TotalAmount": net}
    customer = books.collections["customers"].get(str(head.get("CustomerId")))
    standard = of.get("UseStandardSalesAccount")
    if standard is None:
        standard = not (customer and customer.body.get("IsVatFree"))
    chosen = product.body.get("StandardSalesAccountId") or STANDARD_ACCOUNT
    vat = VAT_OF_ACCOUNT[chosen if standard else product.body.get("OptionalSalesAccountId") or VAT_FREE_ACCOUNT]
    amount = round(net * vat.rate / 100, 2)
    return {
        **of,
        "NetAmount": net,
        "TotalAmount": round(net + amount, 2),
        "VatAmount": amount,
        "VatCode": vat.code,
        "VatId": vat.id,
        "VatRate": vat.rate,
    }


def totals(books: Books, head: Body) -> dict[str, Any]:
    lines = [priced(books, head, of) for of in head.get(LINES_KEY, ())]
    person = books.collections["contactperson"].get(str(head.get("CustomerReferenceContactPersonId")))
    reference = f"{person.body['FirstName']} {person.body['LastName']}" if person else head.get("CustomerReference")
    return {
        "CustomerReference": reference,
        "LineCount": len(lines),
        "NetAmount": round(sum(of["NetAmount"] for of in lines), 2),
        "TotalAmount": round(sum(of["TotalAmount"] for of in lines), 2),
    }


def inherited(books: Books, head: Body) -> dict[str, Any]:
    """The values a head has not itself, as the user interface shows them: from its project, then its customer."""
    found: dict[str, Any] = {}
    project = books.collections["projects"].get(str(head.get("ProjectId")))
    customer_id = head.get("CustomerId") or (project.body.get("CustomerId") if project else None)
    customer = books.collections["customers"].get(str(customer_id))
    for source, paths in ((project, _FROM_PROJECT), (customer, _FROM_CUSTOMER)):
        for path in paths:
            if source and head.get(path) is None and found.get(path) is None:
                found[path] = source.body.get(path)
    if head.get("CurrencyCode") is None and found.get("CurrencyCode") is None:
        found["CurrencyCode"] = "NOK"
    return found
