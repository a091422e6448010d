"""The start of PowerOffice GO: the accounts, which know most, and most of it right."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from talk_assets.sandbox.seed.draw import Draw
from talk_assets.sandbox.seed.norway import ACTIVITIES, DEPARTMENTS
from talk_assets.sandbox.seed.rows import Rows, by_number, never, numbered, uuid_at, with_uuids
from talk_assets.sandbox.seed.world import Address, World
from talk_assets.sandbox.store import Collection, Nothing

_FIRST_CONTACT, _FIRST_PERSON, _FIRST_DEPARTMENT = 1000, 300_001, 11
_FIRST_PRODUCT, _FIRST_PROJECT, _FIRST_ACTIVITY, _FIRST_JOINED = 5001, 2000, 901, 70_001
_ORDERS, _LINES, _TOPIC = 11, 12, 13
_ADDRESS_IDS, _SUBLEDGER_IDS = 5_000_000, 8_000_000


class Start:
    """The collections, and where the numbers that PowerOffice gives out go on."""

    def __init__(self, seed: int, size: int) -> None:
        world = World(seed, size)
        self._world = world
        self._companies = world.part((0, 80))
        self._persons = world.part((0, 80), of=world.persons)
        self._contacts = world.part((0, 50))
        self._employees = world.part((0, 80), of=world.employees)
        self._products = world.part((0, 80), of=world.products)
        self._projects = world.part((0, 70), of=world.projects)
        self._orders = world.part((0, 60), of=world.orders)
        self._first_person_number = 10_001 + 2 * size
        self._customers = 1 + len(self._companies) + len(self._persons)
        self.last_customer_number = self._first_person_number + len(self._persons)
        self.last_employee_number = 101 + 2 * world.employees
        self.next_contact_id = _FIRST_CONTACT + self._customers + len(self._employees)

    def collections(self) -> Mapping[str, Collection]:
        employees = numbered(
            len(self._employees), self._employee_id(0), self._employee, self._numbers(101, 0, len(self._employees))
        )
        products = {"Code": by_number(self._products.place, 1, "P-")}
        projects = {"Code": self._project_place, "ExternalNumber": never}
        rows: dict[str, Any] = {
            "departments": numbered(len(DEPARTMENTS), _FIRST_DEPARTMENT, self._department),
            "employees": employees,
            "customers": _with_first(self._customers, _FIRST_CONTACT, self._customer, self._customer_finders()),
            "contactperson": numbered(
                len(self._contacts), _FIRST_PERSON, self._contact, {"ExternalCode": never, "ContactId": self._contacts_of}
            ),
            "product": numbered(len(self._products), _FIRST_PRODUCT, self._product, products),
            "projects": _with_first(1 + len(self._projects), _FIRST_PROJECT, self._project, projects),
            "salesorders": with_uuids(len(self._orders), _ORDERS, self._order, {"ExternalImportReference": never}),
            "outgoing_invoices": Nothing(),
            "timetrackingactivity": numbered(len(ACTIVITIES), _FIRST_ACTIVITY, self._activity),
            "projectactivity": numbered(
                1 + 2 * len(self._projects), _FIRST_JOINED, self._joined, {"projectId": self._joined_of}
            ),
        }
        return {name: Collection(name, seeded) for name, seeded in rows.items()}

    # Finding by what an index gives away

    @staticmethod
    def _numbers(first: int, before: int, count: int) -> dict[str, Callable[[Any], Sequence[int]]]:
        def place(value: Any) -> Sequence[int]:
            return [before + value - first] if isinstance(value, int) and 0 <= value - first < count else ()

        return {"Number": place, "ExternalImportReference": never, "ExternalNumber": never}

    def _customer_finders(self) -> dict[str, Callable[[Any], Sequence[int]]]:
        companies = self._numbers(10_000, 0, 1 + len(self._companies))
        persons = self._numbers(self._first_person_number, 1 + len(self._companies), len(self._persons))
        return companies | {"Number": lambda value: [*companies["Number"](value), *persons["Number"](value)]}

    def _project_place(self, code: Any) -> Sequence[int]:
        if code == "INTERN":
            return (0,)
        main, _, part = str(code).partition(".")
        return [1 + place for place in by_number(self._projects.place, 1999 if part else 2000)(main)]

    def _contacts_of(self, customer_id: Any) -> Sequence[int]:
        place = self._contacts.place(customer_id - _FIRST_CONTACT - 1) if isinstance(customer_id, int) else None
        return () if place is None else (place,)

    def _joined_of(self, project_id: Any) -> Sequence[int]:
        if project_id == 1:
            return (0,)
        place = project_id - _FIRST_PROJECT - 1
        return (1 + 2 * place, 2 + 2 * place) if 0 <= place < len(self._projects) else ()

    # Ids

    def _customer_id(self, company: int) -> int | None:
        place = self._companies.place(company)
        return None if place is None else _FIRST_CONTACT + 1 + place

    def _employee_id(self, place: int) -> int:
        return _FIRST_CONTACT + self._customers + place

    def _contact_id(self, company: int) -> int | None:
        place = self._contacts.place(company)
        return None if place is None else _FIRST_PERSON + place

    # Records

    def _department(self, place: int) -> dict[str, Any]:
        code, name = DEPARTMENTS[place]
        return {"Code": code, "IsActive": True, "Name": name}

    def _customer(self, place: int) -> dict[str, Any]:
        if place == 0:
            return _customer(1, 10_000) | {"Name": "Diverse kontakter", "InvoiceDeliveryType": "Print"}
        customer_id = _FIRST_CONTACT + place
        if place > len(self._companies):
            index = self._persons.at(place - 1 - len(self._companies))
            person = self._world.person(index)
            return _customer(customer_id, self._first_person_number + place - 1 - len(self._companies)) | {
                "DateOfBirth": person.born.isoformat(),
                "EmailAddress": person.email,
                "FirstName": person.first_name,
                "IsPerson": True,
                "LastName": person.last_name,
                "MailAddress": _address(person.address, customer_id),
                "Name": f"{person.first_name} {person.last_name}",
                "NationalIdNumber": f"{person.born:%d%m%y}{10_000 + index % 90_000}",
                "PhoneNumber": person.phone,
            }
        index = self._companies.at(place - 1)
        company = self._world.company(index)
        rest = {"InvoiceEmailAddress": company.invoice_email} if company.invoice_email else {}
        return (
            _customer(customer_id, company.number)
            | rest
            | {
                "CustomerSince": "2024-01-15",
                "DepartmentId": _FIRST_DEPARTMENT + Draw(self._world.seed, _TOPIC, index).below(len(DEPARTMENTS)),
                "EmailAddress": company.email,
                "LegalName": company.name,
                "MailAddress": _address(company.address, customer_id),
                "Name": company.name,
                "OrganizationNumber": company.organisation_number,
                "PaymentTermId": 1,
                "PhoneNumber": company.phone,
                "WebsiteUrl": company.website,
            }
        )

    def _contact(self, place: int) -> dict[str, Any]:
        index = self._contacts.at(place)
        person = self._world.contact(index)
        return {
            "ContactId": self._customer_id(index),
            "EmailAddress": person.email,
            "FirstName": person.first_name,
            "IsActive": True,
            "IsDefault": True,
            "LastName": person.last_name,
            "PhoneNumber": person.phone,
            "Title": person.job,
        }

    def _employee(self, place: int) -> dict[str, Any]:
        index = self._employees.at(place)
        person = self._world.employee(index)
        manager = {"ManagerEmployeeId": self._employee_id(index // 4)} if index else {}
        return manager | {
            "ContactGroupIds": [],
            "DateOfBirth": person.born.isoformat(),
            "DepartmentId": _FIRST_DEPARTMENT + index % len(DEPARTMENTS),
            "EmailAddress": person.email,
            "FirstName": person.first_name,
            "Gender": ("Female", "Male")[index % 2],
            "HiredDate": (person.born + timedelta(days=7000)).isoformat(),
            "InternationalIdReportToAltinn": False,
            "IsArchived": False,
            "JobTitle": person.job,
            "LastName": person.last_name,
            "LocationId": 1 + index % 3,
            "MailAddress": _address(person.address, self._employee_id(place)),
            "NationalIdNumber": f"{person.born:%d%m%y}{10_000 + index % 90_000}",
            "Number": 101 + index,
            "PhoneNumber": person.phone,
            "SubledgerAccountId": _SUBLEDGER_IDS + self._employee_id(place),
        }

    def _product(self, place: int) -> dict[str, Any]:
        product = self._world.product(self._products.at(place))
        stock = {"StockOnHand": float(place % 200), "StockAvailable": float(place % 200)} if product.is_stock else {}
        return stock | {
            "Code": product.code,
            "Description": product.description,
            "Gtin": product.gtin,
            "IsArchived": False,
            "IsStockItem": product.is_stock,
            "Name": product.name,
            "ProductGroupId": 2 if product.is_stock else 3,
            "ProductType": "Product" if product.is_stock else "Service",
            "UnitCost": product.cost,
            "UnitOfMeasureCode": "EA" if product.is_stock else "HUR",
            "UnitPrice": product.price,
        }

    def _project(self, place: int) -> dict[str, Any]:
        if place == 0:
            return _project("INTERN", "Internt") | {"IsBillable": False, "IsInternal": True}
        project = self._world.project(self._projects.at(place - 1))
        if project.parent is not None:
            own: dict[str, Any] = {"ParentProjectId": _FIRST_PROJECT + place - 1}
        else:
            own = {
                "CustomerId": self._customer_id(project.company),
                "DepartmentId": _FIRST_DEPARTMENT + place % len(DEPARTMENTS),
            }
            person = self._contact_id(project.company)
            own |= {"ContactPersonId": person} if person else {}
        manager = self._employees.place(project.manager)
        own |= {} if manager is None else {"ProjectManagerEmployeeId": self._employee_id(manager)}
        dates = {"StartDate": project.starts.isoformat(), "EndDate": project.ends.isoformat()}
        return _project(project.code, project.name) | own | dates | {"BudgetedHours": project.hours, "Progress": place % 101}

    def _order(self, place: int) -> dict[str, Any]:
        order = self._world.order(self._orders.at(place))
        product = self._world.product(order.product)
        line = {
            "Id": uuid_at(_LINES, place),
            "Description": product.name,
            "LineType": "Normal",
            "ProductId": _FIRST_PRODUCT + order.product,
            "ProductUnitCost": product.cost,
            "ProductUnitPrice": product.price,
            "Quantity": order.quantity,
            "SortOrder": 0,
        }
        person = self._contact_id(order.company)
        named = {"CustomerReferenceContactPersonId": person} if person else {}
        return named | {
            "CurrencyCode": "NOK",
            "CustomerId": self._customer_id(order.company),
            "DeliveryDate": (order.day + timedelta(days=14)).isoformat(),
            "ImportedOrderNo": order.number,
            "IsCreatedByCurrentIntegration": False,
            "PurchaseOrderReference": order.purchase_order,
            "SalesOrderDate": order.day.isoformat(),
            "SalesOrderNo": 1 + place,
            "SalesOrderStatus": "Confirmed" if place % 12 == 11 else "Draft",
            "_lines": (line,),
        }

    def _activity(self, place: int) -> dict[str, Any]:
        code, name, kind = ACTIVITIES[place]
        flags = (
            "isLockedHourType",
            "requireExternalComment",
            "requireProject",
            "useEmployeeDefaultHourType",
            "useRegularHoursHourType",
        )
        return {"activityType": kind, "code": code, "isActive": True, "name": name, **dict.fromkeys(flags, False)}

    def _joined(self, place: int) -> dict[str, Any]:
        if place == 0:
            return {"activityCode": "300", "projectId": 1}
        project, second = divmod(place - 1, 2)
        return {"activityCode": ACTIVITIES[(project + 2 * second) % 4][0], "projectId": _FIRST_PROJECT + 1 + project}


def _with_first(
    count: int, before: int, body: Callable[[int], dict[str, Any]], finders: Mapping[str, Callable[[Any], Sequence[int]]]
) -> Rows:
    """Records with the ids 1, `before` + 1, `before` + 2, …"""

    def place_of(record_id: str) -> int | None:
        if not record_id.isdecimal() or len(record_id) > 18:
            return None
        return 0 if record_id == "1" else max(-1, int(record_id) - before)

    return Rows(count, lambda place: str(before + place if place else 1), place_of, body, finders)


def _customer(customer_id: int, number: int | None) -> dict[str, Any]:
    return {
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
        "NoticeOfDebtCollectionDeliveryType": "Print",
        "Number": number,
        "ReminderDeliveryType": "Print",
        "SendPaymentReminders": True,
        "SubledgerAccountId": _SUBLEDGER_IDS + customer_id,
        "TransferToDebtCollectionAgency": True,
        "UseInvoiceFee": True,
    }


def _project(code: str, name: str) -> dict[str, Any]:
    return {
        "AllowAllActivities": True,
        "AllowAllEmployees": True,
        "AttachExpenseVouchersWhenBilling": False,
        "Code": code,
        "DenyTimeTracking": False,
        "ExpenseMarkupEnabled": False,
        "HourlyRateMarkupEnabled": False,
        "IsActive": True,
        "IsBillable": True,
        "IsInternal": False,
        "Name": name,
        "ProjectBillingMethod": "Time",
        "ProjectStatus": "Active",
    }


def _address(address: Address, contact_id: int) -> dict[str, Any]:
    second = {"AddressLine2": address.line2} if address.line2 else {}
    return second | {
        "AddressLine1": address.line1,
        "City": address.city,
        "CountryCode": address.country,
        "Id": _ADDRESS_IDS + contact_id,
        "LastChangedDateTimeOffset": "2025-10-01T08:00:00.0000000+00:00",
        "ZipCode": address.zip_code,
    }
