"""How PowerOffice and the gateway in front of it say no."""

from collections.abc import Mapping

from talk_assets.sandbox.calls import Answer, json_answer
from talk_assets.sandbox.shape import Complaint

WORDS = {
    "customers": "Customer",
    "contactperson": "Contact person",
    "departments": "Department",
    "employees": "Employee",
    "product": "Product",
    "projects": "Project",
    "salesorders": "Sales order",
    "salesorderlines": "Sales order line",
    "outgoing_invoices": "Outgoing invoice",
    "timetrackingactivity": "Activity",
    "projectactivity": "Project activity",
}
_STATUS = {"missing": 404, "in_use": 409}


def problem(status: int, title: str, detail: str) -> Answer:
    return json_answer(status, {"title": title, "status": status, "detail": detail})


def refusal(entity: str, complaint: Complaint) -> Answer:
    word = WORDS[entity]
    title = f"{word} conflict" if complaint.code == "in_use" else f"{word} validation error(s)"
    return problem(_STATUS.get(complaint.code, 400), title, complaint.message)


def not_found(entity: str, record_id: str) -> Answer:
    return problem(404, "Object(s) not found", f"{WORDS[entity]} with id = {record_id} not found.")


def gateway(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """What the gateway answers before PowerOffice hears of a request."""
    return json_answer(status, {"statusCode": status, "message": message}, headers)
