"""The rules for departments, products and projects."""

from typing import Any

from talk_assets.sandbox.poweroffice.books import Books, need, with_defaults
from talk_assets.sandbox.poweroffice.company import STANDARD_GROUP
from talk_assets.sandbox.shape import Complaint, Flat

_NEW_PROJECT: dict[str, Any] = {
    "AllowAllActivities": True,
    "AllowAllEmployees": True,
    "AttachExpenseVouchersWhenBilling": False,
    "DenyTimeTracking": False,
    "ExpenseMarkupEnabled": False,
    "HourlyRateMarkupEnabled": False,
    "IsActive": True,
    "IsInternal": False,
    "ProjectBillingMethod": "Time",
    "ProjectStatus": "Active",
}


def department(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    if before is None:
        after = with_defaults(after, {"IsActive": False})
    need(after, "Name")
    books.keep_code_unique("departments", "Department", after, own_id)
    return after


def product(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    if not books.settings["standard_sales_account"]:
        raise Complaint(
            "StandardSalesAccountId", "setting", "A standard sales account must be set in the invoice settings of the client."
        )
    if before is None:
        group = {"ProductGroupId": STANDARD_GROUP, "ProductType": "Product", "IsArchived": False, "IsStockItem": False}
        after = with_defaults(after, group)
        if after.get("Code") is None:
            after["Code"] = _free_code(books, "product")
    need(after, "Name", "Code")
    books.keep_code_unique("product", "Product", after, own_id)
    stock_sent = after.get("StockOnHand") is not None and after.get("StockOnHand") != (before or {}).get("StockOnHand")
    if not after.get("IsStockItem"):
        if stock_sent:
            raise Complaint("StockOnHand", "value", "StockOnHand can only be set when IsStockItem is true.")
        after["StockOnHand"] = None
    return after


def project(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    if before is None:
        after = with_defaults(after, _NEW_PROJECT)
        after = with_defaults(after, {"IsBillable": not after.get("IsInternal")})
        if after.get("Code") is None:
            after["Code"] = _free_code(books, "projects")
    need(after, "Name", "Code")
    after = _placed(books, before, after, own_id)
    books.keep_code_unique("projects", "Project", after, own_id)
    if not 0 <= (after.get("Progress") or 0) <= 100:
        raise Complaint("Progress", "value", "Progress must be between 0 and 100.")
    check_contact_person(books, after, "ContactPersonId")
    return after


def check_contact_person(books: Books, flat: Flat, path: str) -> None:
    """A contact person counts only with the customer it belongs to."""
    person = books.collections["contactperson"].get(str(flat.get(path))) if flat.get(path) is not None else None
    if person and person.body.get("ContactId") != flat.get("CustomerId"):
        raise Complaint(
            path,
            "value",
            f"Contact person with id = {person.id} does not belong to the customer with id = {flat.get('CustomerId')}.",
        )


def _placed(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    """A sub-project's code is its parent's, a full stop, and its own part: so a full stop means just that."""
    parent_id, code = after.get("ParentProjectId"), after["Code"]
    moved = before is None or parent_id != before.get("ParentProjectId") or code != before.get("Code")
    if not moved:
        return after
    if parent_id is None:
        if "." in code:
            raise Complaint("Code", "value", "Code can not contain '.', which is reserved for sub-projects.")
        return after
    parent = books.collections["projects"].get(str(parent_id))
    if parent is None or parent.id == own_id or parent.body.get("ParentProjectId") is not None:
        raise Complaint("ParentProjectId", "value", f"Project with id = {parent_id} can not be a parent.")
    part = (
        code.removeprefix(f"{parent.body['Code']}.").rpartition(".")[2]
        if before
        else code.removeprefix(f"{parent.body['Code']}.")
    )
    if "." in part:
        raise Complaint("Code", "value", "Code can not contain '.', which is reserved for sub-projects.")
    return after | {"Code": f"{parent.body['Code']}.{part}"}


def _free_code(books: Books, entity: str) -> str:
    number = 10_001 + len(books.collections[entity].seeded) + books.collections[entity].given_ids
    while books.holder(entity, "Code", str(number), None):
        number += 1
    return str(number)
