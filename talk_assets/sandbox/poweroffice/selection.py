"""From the filters and the order of a list call to the records it is about."""

from collections.abc import Callable
from typing import Any

from talk_assets.sandbox.calls import Refused
from talk_assets.sandbox.clock import NotAStamp, parse_stamp
from talk_assets.sandbox.faults import Effects
from talk_assets.sandbox.listing import Matches, matches
from talk_assets.sandbox.poweroffice.company import CONTACT_GROUPS, TABLES
from talk_assets.sandbox.poweroffice.office import Office
from talk_assets.sandbox.poweroffice.problems import WORDS, problem
from talk_assets.sandbox.poweroffice.query import Filter, Query
from talk_assets.sandbox.store import Stored, value_at

_NATURAL = ([], [("LastChangedDateTimeOffset", False)], [("LastChangedDateTimeOffset", False), ("Id", False)])
Test = Callable[[Stored], bool]


def selected(office: Office, entity: str, query: Query, effects: Effects) -> Matches:
    after = next((value for found, value in query.filters.values() if found.kind == "since"), None)
    equal: dict[str, list[Any]] = {}
    tests: list[Test] = []
    for name, (found, value) in query.filters.items():
        match found.kind:
            case "text" | "bool":
                equal[found.path] = [value]
            case "texts" if name != "projectcodes" or not _flag(query, "includesubprojects"):
                equal[found.path] = value
            case "coded":
                equal[found.path] = _ids_of(office, entity, found, value)
            case "ids":
                equal[found.path] = _existing(office, found, value)
            case "numbers" if all(low == high for low, high in value):
                equal[found.path] = [low for low, _ in value]
            case "since":
                pass
            case _:
                tests.append(_test(name, found, value))
    wanted = (lambda stored: all(test(stored) for test in tests)) if tests else None
    found = matches(office.collections[entity], office.view(entity, effects), effects, after=after, equal=equal, wanted=wanted)
    return found if list(query.order) in _NATURAL else _ordered(office, entity, found, query)


def _flag(query: Query, name: str) -> bool:
    return name in query.filters and bool(query.filters[name][1])


def _ids_of(office: Office, entity: str, found: Filter, codes: list[Any]) -> list[int]:
    """The ids behind codes or numbers; one that does not exist is a 404, even in a list."""
    ids = []
    for code in codes:
        if found.source in TABLES:
            known = next((row.id for row in TABLES[found.source].values() if row.code == code), None)
        else:
            known = office.references.by_code(found.source, found.code, code)
        if known is None and entity not in ("departments", "product"):
            word = WORDS.get(found.source, found.source)
            what = f"number = {code}" if isinstance(code, int) else f"code = '{code}'"
            raise Refused(problem(404, "Object(s) not found", f"{word} with {what} not found."))
        ids += [] if known is None else [known]
    return ids


def _existing(office: Office, found: Filter, ids: list[int]) -> list[int]:
    missing = [str(one) for one in ids if office.collections[found.source].get(str(one)) is None]
    if missing:
        raise Refused(problem(404, "Object(s) not found", f"Could not find contact(s) with id = {', '.join(missing)}."))
    return ids


def _test(name: str, found: Filter, value: Any) -> Test:
    match found.kind:
        case "created":
            return lambda stored: stored.created > value
        case "numbers":
            return lambda stored: any(low <= (value_at(stored.body, found.path) or -1) <= high for low, high in value)
        case "contains":
            return lambda stored: value.casefold() in (value_at(stored.body, found.path) or "").casefold()
        case "texts":
            return lambda stored: any(_is_part(stored, code) for code in value)
        case "groups":
            return _in_groups(value)
        case "stock":
            return lambda stored: _stock_stamp(stored) > value
        case _:
            return _flag_test(name, value=value)


def _is_part(stored: Stored, code: str) -> bool:
    own = stored.body.get("Code") or ""
    return own == code or own.startswith(f"{code}.")


def _in_groups(groups: list[int]) -> Test:
    missing = [str(group) for group in groups if group not in CONTACT_GROUPS]
    if missing:
        raise Refused(problem(404, "Object(s) not found", f"Could not find contact group(s) with id = {', '.join(missing)}."))
    return lambda stored: bool(set(stored.body.get("ContactGroupIds") or ()) & set(groups))


def _stock_stamp(stored: Stored) -> int:
    try:
        return parse_stamp(stored.body.get("StockOnHandLastChangedDatetimeOffset") or "")
    except NotAStamp:
        return 0


def _flag_test(name: str, *, value: bool) -> Test:
    if value and name == "excludearchivedproject":
        return lambda stored: stored.body.get("ProjectStatus") != "Archived"
    if value and name == "onlycreatedbycurrentintegration":
        return lambda stored: bool(stored.body.get("IsCreatedByCurrentIntegration"))
    return lambda _: True


def _ordered(office: Office, entity: str, found: Matches, query: Query) -> Matches:
    rows = list(found.all())
    for path, falling in reversed(query.order):
        rows.sort(key=_key(office, entity, path), reverse=falling)
    return Matches(records=rows)


def _key(office: Office, entity: str, path: str) -> Callable[[Stored], tuple[bool, Any]]:
    if path == "Id":
        return lambda stored: (True, (len(stored.id), stored.id))
    if path == "LastChangedDateTimeOffset":
        return lambda stored: (True, stored.changed)
    kinds = (int, float, str)

    def key(stored: Stored) -> tuple[bool, Any]:
        value = office.showing.shown(entity, stored, reveal=True).get(path)
        return value is not None, value if isinstance(value, kinds) else repr(value)

    return key
