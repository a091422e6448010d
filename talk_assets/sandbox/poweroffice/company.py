"""The settings of the one company behind the client key: what references outside the ten entities lead to."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    id: int
    code: str | int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Vat:
    id: int
    code: str
    rate: float


def _by_id(*rows: Row) -> Mapping[int, Row]:
    return {row.id: row for row in rows}


TABLES: Mapping[str, Mapping[int, Row]] = {
    "payment_terms": _by_id(Row(1, 14), Row(2, 30), Row(3, 10), Row(4, 45), Row(5, 60), Row(6, 0)),
    "delivery_terms": _by_id(Row(1, "EXW"), Row(2, "FCA"), Row(3, "DAP"), Row(4, "DDP")),
    "branding_themes": _by_id(Row(1, "STD"), Row(2, "KAMPANJE")),
    "locations": _by_id(Row(1, "OSL"), Row(2, "BGO"), Row(3, "TRD")),
    "product_groups": _by_id(Row(1, "1", "Standard"), Row(2, "2", "Varer"), Row(3, "3", "Timer")),
    "accounts": _by_id(Row(30, 3000), Row(31, 3020), Row(32, 3100), Row(33, 3120), Row(34, 3200)),
    "dimensions": {},
}
CONTACT_GROUPS = (1, 2, 3, 1001, 1002)
CURRENCIES = ("NOK", "SEK", "DKK", "EUR", "USD", "GBP", "CHF", "PLN")
VAT_OF_ACCOUNT = {
    30: Vat(3, "3", 25.0),
    31: Vat(3, "3", 25.0),
    32: Vat(5, "5", 0.0),
    33: Vat(5, "5", 0.0),
    34: Vat(6, "6", 0.0),
}
STANDARD_ACCOUNT, VAT_FREE_ACCOUNT = 30, 32
STANDARD_GROUP = 1

CLIENT_ID = "6a2f1c54-8f0e-4c58-9d3b-2f7a5e1b9c10"
CLIENT_NAME = "Talk Demobedrift AS"
SUBSCRIPTIONS = ("Accounting", "Invoicing", "Project", "Time")
PRIVILEGES = (
    "Customer_Full",
    "ContactPerson_Full",
    "Department_Full",
    "Employee_Full",
    "Product_Full",
    "Project_Full",
    "SalesOrders_Full",
    "OutgoingInvoice",
    "TimeTracking_Full",
)
