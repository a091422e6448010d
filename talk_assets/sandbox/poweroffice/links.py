"""References between PowerOffice's entities, by id, and by the code or number that a POST may give instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from talk_assets.sandbox.poweroffice.company import TABLES
from talk_assets.sandbox.shape import Complaint, Flat
from talk_assets.sandbox.store import Collection

NONE = -1
"""On orders: expressly none, instead of what would be inherited."""


@dataclass(frozen=True, slots=True)
class Link:
    id_path: str
    twin: str
    source: str
    word: str
    code: str = "Code"
    """The property of the source that the twin holds."""
    can_be_none: bool = False


def _links(*rows: str) -> tuple[Link, ...]:
    found = []
    for row in rows:
        id_path, twin, source, word, *rest = row.split()
        code = next((part for part in rest if part != "none"), "Code")
        found.append(Link(id_path, "" if twin == "-" else twin, source, word, code, "none" in rest))
    return tuple(found)


LINKS: Mapping[str, Sequence[Link]] = {
    "customers": _links(
        "DeliveryTermId DeliveryTerm delivery_terms DeliveryTerm",
        "DepartmentId DepartmentCode departments Department",
        "InvoiceBrandingThemeId InvoiceBrandingThemeCode branding_themes BrandingTheme",
        "PaymentTermId PaymentTerm payment_terms PaymentTerm",
        "SalesPersonEmployeeId SalesPersonEmployeeNumber employees Employee Number",
    ),
    "departments": _links("ManagerEmployeeId ManagerEmployeeNo employees Employee Number"),
    "employees": _links(
        "DepartmentId DepartmentCode departments Department",
        "LocationId LocationCode locations Location",
        "ManagerEmployeeId ManagerEmployeeNo employees Employee Number",
    ),
    "product": _links(
        "OptionalSalesAccountId OptionalSalesAccount accounts Account",
        "ProductGroupId ProductGroupCode product_groups ProductGroup",
        "StandardSalesAccountId StandardSalesAccount accounts Account",
    ),
    "projects": _links(
        "BrandingThemeId BrandingThemeCode branding_themes BrandingTheme",
        "CustomerId CustomerNo customers Customer Number",
        "ContactPersonId - contactperson ContactPerson",
        "DeliveryTermId DeliveryTerm delivery_terms DeliveryTerm",
        "DepartmentId DepartmentCode departments Department",
        "LocationId LocationCode locations Location",
        "ParentProjectId ParentProjectCode projects Project",
        "PaymentTermId PaymentTerms payment_terms PaymentTerm",
        "ProjectManagerEmployeeId ProjectManagerEmployeeNo employees Employee Number",
    ),
    "salesorders": _links(
        "BrandingThemeId BrandingThemeCode branding_themes BrandingTheme none",
        "CustomerId CustomerNo customers Customer Number",
        "CustomerReferenceContactPersonId - contactperson ContactPerson",
        "DeliveryTermId DeliveryTerm delivery_terms DeliveryTerm none",
        "DepartmentId DepartmentCode departments Department none",
        "Dim1Id Dim1Code dimensions Dimension none",
        "Dim2Id Dim2Code dimensions Dimension none",
        "Dim3Id Dim3Code dimensions Dimension none",
        "LocationId LocationCode locations Location none",
        "PaymentTermId PaymentTerm payment_terms PaymentTerm",
        "ProjectId ProjectCode projects Project none",
        "SalesPersonEmployeeId SalesPersonEmployeeNumber employees Employee Number",
    ),
    "salesorderlines": _links(
        "DepartmentId DepartmentCode departments Department none",
        "Dim1Id Dim1Code dimensions Dimension none",
        "Dim2Id Dim2Code dimensions Dimension none",
        "Dim3Id Dim3Code dimensions Dimension none",
        "LocationId LocationCode locations Location none",
        "ProductId ProductCode product Product",
        "ProjectId ProjectCode projects Project none",
        "SellersReferenceEmployeeId SellersReferenceEmployeeNo employees Employee Number",
    ),
}


class References:
    def __init__(self, collections: Mapping[str, Collection]) -> None:
        self._collections = collections

    def resolved(self, entity: str, flat: Flat) -> Flat:
        """With ids instead of codes, all of them leading somewhere. An id counts for more than a code."""
        flat = dict(flat)
        for link in LINKS.get(entity, ()):
            code = flat.pop(link.twin, None)
            given = flat.get(link.id_path)
            if given is None and code is not None:
                flat[link.id_path] = self._id_of(entity, link, code)
            elif given is not None and not self._exists(link, given):
                raise _missing(entity, link, "id", given)
        return flat

    def show(self, entity: str, shown: dict[str, Any]) -> None:
        """Puts the code or number beside every id."""
        for link in LINKS.get(entity, ()):
            if link.twin and (value := shown.get(link.id_path)) is not None:
                shown[link.twin] = self._code_of(link, value)

    def by_code(self, source: str, code: str, value: Any) -> int | None:
        found = self._collections[source].find(code, value)
        return int(found[0].id) if found else None

    def _exists(self, link: Link, value: int) -> bool:
        if value == NONE and link.can_be_none:
            return True
        return (
            value in TABLES[link.source]
            if link.source in TABLES
            else self._collections[link.source].get(str(value)) is not None
        )

    def _id_of(self, entity: str, link: Link, code: Any) -> int:
        if str(code) == str(NONE) and link.can_be_none:
            return NONE
        if link.source in TABLES:
            found = next((row.id for row in TABLES[link.source].values() if row.code == code), None)
        else:
            found = self.by_code(link.source, link.code, code)
        if found is None:
            raise _missing(entity, link, "number" if isinstance(code, int) else "code", code)
        return found

    def _code_of(self, link: Link, value: int) -> Any:
        if value == NONE and link.can_be_none:
            return str(NONE)
        if link.source in TABLES:
            row = TABLES[link.source].get(value)
            return row.code if row else None
        stored = self._collections[link.source].get(str(value))
        return stored.body.get(link.code) if stored else None


def _missing(entity: str, link: Link, what: str, value: Any) -> Complaint:
    shown = value if isinstance(value, int) else f"'{value}'"
    code = "reference" if entity == "product" else "missing"  # no 404 is published for products
    return Complaint(link.id_path, code, f"{link.word} with {what} = {shown} not found.")
