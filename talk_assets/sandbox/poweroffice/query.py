"""The parameters of a list: paging, field choice, order, and each entity's own filters. Any other name is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from talk_assets.sandbox.calls import Call, Refused
from talk_assets.sandbox.clock import NotAStamp, parse_stamp
from talk_assets.sandbox.poweroffice.problems import problem
from talk_assets.sandbox.shape import Shape

PAGE_SIZE, MAX_PAGE_SIZE = 5000, 20_000
_RESOURCE = ("fields", "maxpagesize", "orderby", "pagenumber", "pagesize", "usedatabasevalidation")


@dataclass(frozen=True, slots=True)
class Filter:
    kind: str
    path: str = ""
    source: str = ""
    """The entity whose code or number is given, where that is not this one's."""
    code: str = ""


@dataclass(frozen=True)
class Query:
    page: int = 1
    size: int = PAGE_SIZE
    fields: Sequence[str] | None = None
    order: Sequence[tuple[str, bool]] = ()
    """Property and whether it falls."""
    filters: Mapping[str, tuple[Filter, Any]] = field(default_factory=dict)
    text: str = ""


def _filters(table: str) -> dict[str, Filter]:
    return {name.lower(): Filter(*rest) for name, *rest in (line.split() for line in table.strip().splitlines())}


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "customers": _filters("""
contactGroupIds groups ContactGroupIds
customerCreatedDateTimeOffsetGreaterThan created
customerNos numbers Number
externalImportReference text ExternalImportReference
externalNos numbers ExternalNumber
lastChangedDateTimeOffsetGreaterThan since
"""),
    "contactperson": _filters("""
contactIds ids ContactId customers Id
createdDateTimeOffsetGreaterThan created
externalCodes texts ExternalCode
lastChangedDateTimeOffsetGreaterThan since
"""),
    "departments": _filters("""
codes texts Code
createdDateTimeOffsetGreaterThan created
createdFromImportJournalId text CreatedFromImportJournalId
isActive bool IsActive
lastChangedDateTimeOffsetGreaterThan since
managerEmployeeNo coded ManagerEmployeeId employees Number
name contains Name
"""),
    "employees": _filters("""
contactGroupIds groups ContactGroupIds
employeeCreatedDateTimeOffsetGreaterThan created
employeeNos numbers Number
externalImportReference text ExternalImportReference
externalNos numbers ExternalNumber
lastChangedDateTimeOffsetGreaterThan since
"""),
    "product": _filters("""
codes texts Code
createdDateTimeOffsetGreaterThan created
isArchived bool IsArchived
lastChangedDateTimeOffsetGreaterThan since
stockOnHandLastChangedDatetimeOffsetGreaterThan stock
names texts Name
productGroupCodes coded ProductGroupId product_groups Code
type text ProductType
"""),
    "projects": _filters("""
createdDateTimeOffsetGreaterThan created
customerNos coded CustomerId customers Number
departmentCodes coded DepartmentId departments Code
excludeArchivedProject flag
includeSubProjects flag
lastChangedDateTimeOffsetGreaterThan since
name contains Name
projectBillingMethod text ProjectBillingMethod
projectCodes texts Code
projectManagerEmployeeNos coded ProjectManagerEmployeeId employees Number
status text ProjectStatus
"""),
    "salesorders": _filters("""
customerNos coded CustomerId customers Number
departmentCodes coded DepartmentId departments Code
includeSubProject flag
lastChangedDateTimeOffsetGreaterThan since
onlyCreatedByCurrentIntegration flag
orderStatus text SalesOrderStatus
projectCodes coded ProjectId projects Code
showInherited flag
"""),
    "outgoing_invoices": _filters("""
lastChangedDateTimeOffsetGreaterThan since
"""),
    "salesorderlines": {},
}


def parse(entity: str, of: Shape, call: Call) -> Query:
    known = FILTERS[entity]
    plain: dict[str, str] = {}
    filters: dict[str, tuple[Filter, Any]] = {}
    for name, value in call.arguments():
        lower = name.lower()
        if lower in known:
            if value != "":
                filters[lower] = (known[lower], _value(name, known[lower], value, of))
        elif lower in _RESOURCE:
            plain[lower] = value
        else:
            raise _bad("Invalid query parameter(s)", f"'{name}' is not a valid query parameter.")
    size = _whole("PageSize", plain.get("pagesize"), PAGE_SIZE)
    if size > MAX_PAGE_SIZE:
        raise _bad("Invalid query parameter(s)", f"PageSize can not be larger than {MAX_PAGE_SIZE}.")
    return Query(
        page=_whole("PageNumber", plain.get("pagenumber"), 1),
        size=size,
        fields=_fields(plain.get("fields"), of),
        order=_order(plain.get("orderby"), of),
        filters=filters,
        text=f"{plain.get('orderby')}|{sorted((name, value) for name, value in call.arguments() if name.lower() in known)}",
    )


def _value(name: str, found: Filter, text: str, of: Shape) -> Any:
    match found.kind:
        case "since" | "created" | "stock":
            return _stamp(name, text)
        case "bool" | "flag":
            return _bool(name, text)
        case "text":
            return _enumerated(name, text, of.properties[found.path].values)
        case "texts":
            return [part.strip() for part in text.split(",") if part.strip()]
        case "numbers":
            return _ranges(name, text)
        case "groups" | "ids":
            return _positive(name, text)
        case "coded":
            codes = [part.strip() for part in text.split(",") if part.strip()]
            return codes if found.code == "Code" else [_one_number(name, code) for code in codes]
        case _:
            return text


def _bad(title: str, detail: str) -> Refused:
    return Refused(problem(400, title, detail))


def _cast(detail: str) -> Refused:
    return _bad("Unable to cast object(s)", detail)


def _stamp(name: str, text: str) -> int:
    try:
        return parse_stamp(text)
    except NotAStamp:
        raise _cast(f"The value '{text}' is not valid for {name}.") from None


def _bool(name: str, text: str) -> bool:
    if text.strip().lower() not in ("true", "false"):
        raise _cast(f"The value '{text}' is not valid for {name}.")
    return text.strip().lower() == "true"


def _enumerated(name: str, text: str, values: Sequence[str]) -> str:
    if not values:
        return text
    match = next((value for value in values if value.lower() == text.strip().lower()), None)
    if match is None:
        raise _cast(f"The value '{text}' is not valid for {name}.")
    return match


def _one_number(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise _cast(f"The value '{text}' is not valid for {name}.")
    return int(text)


def _positive(name: str, text: str) -> list[int]:
    if "-" in text:
        raise _cast(
            f"{name} contains negative numbers and/or range of numbers. '-' is not allowed, "
            "only comma ',' separated single positive numbers are allowed."
        )
    return [_one_number(name, part.strip()) for part in text.split(",") if part.strip()]


def _ranges(name: str, text: str) -> list[tuple[int, int]]:
    """`10000-11000, 12000, 13000-` as pairs of first and last."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        low = _one_number(name, first.strip())
        high = (_one_number(name, last.strip()) if last.strip() else 2**63) if dash else low
        found.append((low, high))
    return found


def _whole(name: str, text: str | None, default: int) -> int:
    if text is None or text == "":
        return default
    if not text.isdecimal() or not 1 <= int(text[:12]) < 2**31:
        raise _bad("Invalid query parameter(s)", f"The value '{text}' is not valid for {name}.")
    return int(text)


def _fields(text: str | None, of: Shape) -> list[str] | None:
    return [_property("Fields", part.strip(), of) for part in text.split(",") if part.strip()] or None if text else None


def _order(text: str | None, of: Shape) -> list[tuple[str, bool]]:
    found = []
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        name, _, direction = part.partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise _bad("Invalid query parameter(s)", f"'{part}' is not valid for OrderBy.")
        found.append((_property("OrderBy", name, of), direction.strip().lower() == "desc"))
    return found


def _property(parameter: str, name: str, of: Shape) -> str:
    groups = {group.lower(): group for group in of.groups}
    found = of.by_lower.get(name.lower())
    if name.lower() in groups and parameter == "Fields":
        return groups[name.lower()]
    if found is None or not found.shown or "." in found.path:
        raise _bad("Invalid query parameter(s)", f"'{name}' is not a valid field for {parameter}.")
    return found.path
