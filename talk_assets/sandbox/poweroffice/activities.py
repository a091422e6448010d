"""The rules of version 1 for activities, and for their being joined to projects."""

from talk_assets.sandbox.poweroffice.books import Books
from talk_assets.sandbox.shape import Complaint, Flat

BILLABLE = 100
_TYPES = (100, 200, 250, 300, 301, 302, 400, 500, 600, 700)
_FLAGS = (
    "isLockedHourType",
    "requireExternalComment",
    "requireProject",
    "useEmployeeDefaultHourType",
    "useRegularHoursHourType",
)


def activity(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    del before
    for path in ("activityType", "code", "name"):
        if after.get(path) in (None, ""):
            raise Complaint(path, "required", f"{path} is required.")
    if after["activityType"] not in _TYPES:
        raise Complaint("activityType", "value", f"{after['activityType']} is no activity type.")
    if after.get("productCode") and after["activityType"] != BILLABLE:
        raise Complaint("productCode", "value", "Only billable activities take a product code.")
    if holder := books.holder("timetrackingactivity", "code", after["code"], own_id):
        raise Complaint("code", "used", f"An activity with code '{after['code']}' already exists (id {holder.id}).")
    defaults = {"isActive": True} | dict.fromkeys(_FLAGS, False)
    return {**after, **{path: value for path, value in defaults.items() if after.get(path) is None}}


def joined(books: Books, before: Flat | None, after: Flat, own_id: str | None) -> Flat:
    del before
    code, project_id = after.get("activityCode"), after.get("projectId")
    if not code:
        raise Complaint("activityCode", "required", "activityCode is required.")
    if not books.collections["timetrackingactivity"].find("code", code):
        raise Complaint("activityCode", "missing", f"There is no activity with code '{code}'.")
    if books.collections["projects"].get(str(project_id)) is None:
        raise Complaint("projectId", "missing", f"There is no project with id {project_id}.")
    others = books.collections["projectactivity"].find("projectId", project_id)
    if any(other.body["activityCode"] == code and other.id != own_id for other in others):
        raise Complaint("activityCode", "used", f"The activity '{code}' is already part of the project.")
    return after
