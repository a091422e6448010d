import httpx
import pytest

from tests.sandbox.clients import Clients, patch, replace

PRINTED = {"InvoiceDeliveryType": "Print"}
COMPANY = {"Name": "Blåbær AS", **PRINTED}
ADDRESS = {"City": "Ålesund", "ZipCode": "6002"}


def created(go: httpx.Client, **values) -> dict:
    answer = go.post("Customers", json=COMPANY | values)
    assert answer.status_code == 201, answer.text
    return answer.json()


def refused(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    assert answer.json()["title"] in (
        "Customer validation error(s)",
        "Employee validation error(s)",
        "Contact person validation error(s)",
    )
    return answer.json()["detail"]


def test_a_post_is_201_with_the_whole_record(go: httpx.Client) -> None:
    new = created(go)
    assert go.get(f"Customers/{new['Id']}").json() == new
    assert (new["IsPerson"], new["CurrencyCode"], new["IsActive"], new["SendPaymentReminders"]) == (False, "NOK", True, True)


def test_without_an_address_for_invoices_only_print_is_taken(go: httpx.Client) -> None:
    assert "EmailAddress or InvoiceEmailAddress" in refused(go.post("Customers", json={"Name": "A"}))
    assert go.post("Customers", json={"Name": "A", "InvoiceEmailAddress": "a@b.example"}).status_code == 201
    assert go.post("Customers", json={"Name": "A", "EmailAddress": "a@b.example"}).json()["InvoiceDeliveryType"] == "PdfByEmail"


def test_taking_the_last_address_away_is_refused_while_invoices_go_there(go: httpx.Client) -> None:
    new = created(go, EmailAddress="a@b.example", InvoiceDeliveryType="PdfByEmail")
    assert refused(patch(go, f"Customers/{new['Id']}", {"op": "remove", "path": "/EmailAddress"}))


def test_a_company_needs_a_name_and_a_person_two(go: httpx.Client) -> None:
    assert "Name is required" in refused(go.post("Customers", json=PRINTED))
    assert "LastName is required" in refused(go.post("Customers", json={"IsPerson": True, "FirstName": "Åse", **PRINTED}))
    person = {"IsPerson": True, "FirstName": "Åse", "LastName": "Lie", **PRINTED}
    assert go.post("Customers", json=person).json()["Name"] == "Åse Lie"


@pytest.mark.parametrize("way", ["AvtaleGiro", "Efaktura"])
def test_some_ways_of_delivery_can_only_be_read(go: httpx.Client, way) -> None:
    assert way in refused(go.post("Customers", json=COMPANY | {"InvoiceDeliveryType": way}))


def test_ehf_needs_an_organisation_number(go: httpx.Client) -> None:
    assert refused(go.post("Customers", json=COMPANY | {"InvoiceDeliveryType": "EHF"}))
    created(go, InvoiceDeliveryType="EHF", OrganizationNumber="810000007")


def test_numbers_come_from_a_series(go: httpx.Client) -> None:
    first, second = created(go)["Number"], created(go)["Number"]
    assert second == first + 1
    assert created(go, Number=first + 50)["Number"] == first + 50
    assert "number series" in refused(go.post("Customers", json=COMPANY | {"Number": 5}))
    assert "already in use" in refused(go.post("Customers", json=COMPANY | {"Number": first}))


def test_an_external_reference_in_use_is_400_and_names_the_holder(go: httpx.Client) -> None:
    holder = created(go, ExternalImportReference="ABC123")
    expected = f"ExternalImportReference is already in use. 'ABC123' is used on (contact) Id = {holder['Id']}."
    assert refused(go.post("Customers", json=COMPANY | {"ExternalImportReference": "ABC123"})) == expected
    other = created(go)
    assert refused(patch(go, f"Customers/{other['Id']}", replace("/ExternalImportReference", "ABC123"))) == expected


def test_an_external_reference_is_unique_within_its_class_only(go: httpx.Client) -> None:
    created(go, ExternalImportReference="ABC123")
    employee = {"FirstName": "Åse", "LastName": "Lie", "ExternalImportReference": "ABC123"}
    assert go.post("Employees", json=employee).status_code == 201


def test_a_record_is_found_by_its_external_reference(go: httpx.Client) -> None:
    holder = created(go, ExternalImportReference="X-1")
    assert [row["Id"] for row in go.get("Customers", params={"externalImportReference": "X-1"}).json()] == [holder["Id"]]


def test_a_reference_of_more_than_fifty_characters_is_refused(go: httpx.Client) -> None:
    assert refused(go.post("Customers", json=COMPANY | {"ExternalImportReference": "x" * 51}))


def test_codes_may_stand_for_ids_and_wrong_ones_are_404(go: httpx.Client) -> None:
    new = created(go, DepartmentCode="20", PaymentTerm=30)
    assert (new["DepartmentId"], new["DepartmentCode"], new["PaymentTermId"]) == (12, "20", 2)
    answer = go.post("Customers", json=COMPANY | {"DepartmentCode": "Avdeling10"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Department with code = 'Avdeling10' not found.")
    assert go.post("Customers", json=COMPANY | {"DepartmentId": 999}).status_code == 404
    assert go.post("Customers", json=COMPANY | {"CurrencyCode": "XXX"}).status_code == 404


def test_an_id_counts_for_more_than_a_code(go: httpx.Client) -> None:
    assert created(go, DepartmentId=13, DepartmentCode="20")["DepartmentCode"] == "30"


def test_a_new_address_needs_city_and_zip_code_and_is_norwegian(go: httpx.Client) -> None:
    assert "ZipCode" in refused(go.post("Customers", json=COMPANY | {"MailAddress": {"City": "Oslo"}}))
    address = created(go, MailAddress=ADDRESS)["MailAddress"]
    assert (address["CountryCode"], address["City"]) == ("NO", "Ålesund")
    assert {"Id", "LastChangedDateTimeOffset"} <= address.keys()


def test_without_an_address_there_is_none_to_change_but_one_can_be_added(go: httpx.Client) -> None:
    new = created(go)
    assert "MailAddress" not in new
    assert "was not found" in refused(patch(go, f"Customers/{new['Id']}", replace("/MailAddress/City", "Oslo")))
    added = patch(go, f"Customers/{new['Id']}", {"op": "add", "path": "/MailAddress", "value": ADDRESS})
    assert added.json()["MailAddress"]["City"] == "Ålesund"


def test_an_address_edit_moves_the_stamp_of_the_address_and_not_the_customers(clients: Clients, go: httpx.Client) -> None:
    old = go.get("Customers/1001").json()
    clients.sandbox.clock.advance(60)
    new = patch(go, "Customers/1001", replace("/MailAddress/City", "Vadsø")).json()
    assert new["MailAddress"]["City"] == "Vadsø"
    assert new["LastChangedDateTimeOffset"] == old["LastChangedDateTimeOffset"]
    assert new["MailAddress"]["LastChangedDateTimeOffset"] > old["MailAddress"]["LastChangedDateTimeOffset"]
    since = {"lastChangedDateTimeOffsetGreaterThan": "2026-01-01T00:00:00Z"}
    assert (
        1001 not in [row["Id"] for row in go.get("Customers", params=since).json() or []]
        if go.get("Customers", params=since).content
        else True
    )


def test_any_other_edit_moves_the_stamp(go: httpx.Client) -> None:
    old = go.get("Customers/1001").json()
    assert (
        patch(go, "Customers/1001", replace("/Name", "Ny")).json()["LastChangedDateTimeOffset"]
        > old["LastChangedDateTimeOffset"]
    )


def test_national_id_numbers_are_hidden_and_must_not_be_written_back(go: httpx.Client) -> None:
    person = go.get("Customers", params={"OrderBy": "IsPerson desc", "PageSize": 1}).json()[0]
    assert person["NationalIdNumber"] == "hidden"
    assert refused(patch(go, f"Customers/{person['Id']}", replace("/NationalIdNumber", "hidden")))
    assert go.get("Employees").json()[0]["Gender"] == "Hidden"


def test_a_special_privilege_shows_hidden_numbers(clients: Clients, go: httpx.Client) -> None:
    clients.setting("poweroffice_go", show_hidden_numbers=True)
    assert go.get("Employees").json()[0]["NationalIdNumber"].isdecimal()


def test_read_only_and_unknown_members_are_refused(go: httpx.Client) -> None:
    assert "'Id'" in refused(go.post("Customers", json=COMPANY | {"Id": 5}))
    assert "'Nmae'" in refused(go.post("Customers", json=COMPANY | {"Nmae": "A"}))


def test_names_of_members_are_taken_in_any_case(go: httpx.Client) -> None:
    assert go.post("Customers", json={"name": "A", "invoiceDeliveryType": "Print"}).json()["Name"] == "A"


@pytest.mark.parametrize(
    "values", [{"Number": "abc"}, {"Name": 5}, {"IsArchived": "yes"}, {"CustomerSince": "soon"}, {"Allowance": 101}]
)
def test_values_of_the_wrong_type_are_400(go: httpx.Client, values) -> None:
    refused(go.post("Customers", json=COMPANY | values))


def test_a_body_that_is_no_json_is_400_and_a_wrong_media_type_415(go: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    assert go.post("Customers", content=b"{", headers=headers).status_code == 400
    assert go.post("Customers", content=b"[]", headers=headers).status_code == 400
    assert go.post("Customers", content=b"Name=A", headers={"content-type": "text/plain"}).status_code == 415


def test_a_date_with_a_time_is_cut(go: httpx.Client) -> None:
    assert created(go, CustomerSince="2026-11-21T13:00:00")["CustomerSince"] == "2026-11-21"


def test_a_customer_without_ties_can_be_deleted_and_answers_200(go: httpx.Client) -> None:
    new = created(go)
    answer = go.delete(f"Customers/{new['Id']}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert go.get(f"Customers/{new['Id']}").status_code == 404
    assert go.delete(f"Customers/{new['Id']}").status_code == 404


def test_a_customer_in_use_cannot_be_deleted(go: httpx.Client) -> None:
    answer = go.delete("Customers/1001")
    assert (answer.status_code, answer.json()["title"]) == (409, "Customer conflict")
    assert answer.json()["detail"] == "Customer with id = 1001 is in use and cannot be deleted."


def test_a_contact_person_belongs_to_one_customer(go: httpx.Client) -> None:
    new = go.post("ContactPersons/1001", json={"FirstName": "Åse", "LastName": "Lie"})
    assert new.status_code == 201
    person = new.json()
    assert person["ContactId"] == 1001
    assert go.get(f"ContactPersons/1001/{person['Id']}").json() == person
    assert go.get(f"ContactPersons/1002/{person['Id']}").status_code == 404
    assert refused(patch(go, f"ContactPersons/1001/{person['Id']}", replace("/ContactId", 1002)))


def test_contact_persons_need_a_company_that_exists(go: httpx.Client) -> None:
    person = {"FirstName": "Åse", "LastName": "Lie"}
    assert go.post("ContactPersons/99999", json=person).status_code == 404
    private = go.get("Customers", params={"OrderBy": "IsPerson desc", "PageSize": 1}).json()[0]
    assert "is a person" in refused(go.post(f"ContactPersons/{private['Id']}", json=person))


def test_an_external_code_in_use_names_the_contact_person(go: httpx.Client) -> None:
    person = {"FirstName": "Åse", "LastName": "Lie", "ExternalCode": "K-1"}
    holder = go.post("ContactPersons/1001", json=person).json()["Id"]
    assert refused(go.post("ContactPersons/1002", json=person)).endswith(f"'K-1' is used on (contact person) Id = {holder}.")
    assert [row["Id"] for row in go.get("ContactPersons", params={"externalCodes": "K-1"}).json()] == [holder]


def test_a_contact_persons_email_is_checked(go: httpx.Client) -> None:
    assert "e-mail" in refused(go.post("ContactPersons/1001", json={"FirstName": "A", "LastName": "B", "EmailAddress": "a@b"}))


def test_only_one_contact_person_is_the_default(go: httpx.Client) -> None:
    new = go.post("ContactPersons/1001", json={"FirstName": "A", "LastName": "B", "IsDefault": True}).json()
    rows = go.get("ContactPersons", params={"contactIds": "1001"}).json()
    assert [row["Id"] for row in rows if row["IsDefault"]] == [new["Id"]]


def test_customers_and_employees_share_one_row_of_ids(go: httpx.Client) -> None:
    customer = created(go)["Id"]
    employee = go.post("Employees", json={"FirstName": "A", "LastName": "B"}).json()["Id"]
    assert employee == customer + 1
    assert go.get(f"Employees/{customer}").status_code == 404


def test_an_employee_needs_both_names_and_gets_a_number(go: httpx.Client) -> None:
    assert refused(go.post("Employees", json={"FirstName": "A"}))
    assert go.post("Employees", json={"FirstName": "A", "LastName": "B"}).json()["Number"] > 100


def test_a_customer_with_open_invoices_cannot_be_archived(go: httpx.Client) -> None:
    order = go.get("SalesOrders").json()[0]
    assert go.post(f"SalesOrders/{order['Id']}/createAndSendInvoice").status_code == 202
    assert "ledger balances" in refused(patch(go, f"Customers/{order['CustomerId']}", replace("/IsArchived", value=True)))
