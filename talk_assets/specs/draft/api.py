"""An API's description → what a system spec says of its clients and lists, as far as it can be told."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from talk_assets.specs.draft.schemas import Described, Description, Node, is_count
from talk_assets.specs.naming import distinct, slug, squash

Keys = dict[str, Any]
_VERSION = re.compile(r"(api|v\d+(\.\d+)*)", re.IGNORECASE)
_NAMED = re.compile(r"\{([^}]+)\}")
_TAIL = re.compile(r"(/\{[^}]+\})*(\.json)?/?$")
"""What a record's address has behind that of its list."""
_ROWS = ("data", "items", "results", "value", "values", "records", "entries", "list")
_PAGE = ("page", "pagenumber", "pageno", "pageindex")
_SKIP = ("offset", "skip", "startat")
_CURSOR = ("cursor", "pagetoken", "after", "startingafter", "nextcursor", "continuationtoken")
_SIZE = ("pagesize", "perpage", "limit", "size", "top", "take", "count", "maxresults")
_NEXT_LINKS = ("next", "nextlink", "odatanextlink", "nextpageurl", "nextpage", "linksnext", "pagingnextlink")
_NEXT_CURSORS = ("nextcursor", "nextpagetoken", "cursor", "after", "pagingnextafter", "metanextcursor", "paginationnextcursor")
_SINCE = re.compile(r"(since|after|greaterthan|from|gte?)$")
_STAMP = re.compile(r"(modif|updat|chang|lastedit)")
_MADE = re.compile(r"^(date)?creat")
_USUAL_SIZE, _MOST = 100, 1_000
"""Rows in one page, where a description says nothing, or says more than anybody wants at once."""


@dataclass(frozen=True)
class Collection:
    """A list of records."""

    path: str
    keys: Keys
    """What a system spec says of the entity, but its properties."""
    key: str
    properties: Mapping[str, Described]
    made_with: Mapping[str, Described] | None
    """What is taken where a record is made."""
    changed_with: Mapping[str, Described] | None
    """What is taken where it is changed; nothing where that are steps of change."""
    paginator: Keys | None


@dataclass(frozen=True)
class Api:
    base_url: str | None
    auth: Keys | None
    paginator: Keys | None
    """How most lists page."""
    collections: Mapping[str, Collection]
    """By a key made of the path."""


@dataclass(frozen=True)
class _Place:
    """Where the records of one list are read, made and changed."""

    base: str
    """What all of its paths begin with."""
    path: str
    listing: Node
    maker: str
    making: Node
    single: str
    one: Node

    def named_so(self, path: str, properties: Mapping[str, Described]) -> str:
        """Below the base address, with properties in place of parameters."""
        head, tail = path[: len(self.base)], path[len(self.base) :]
        return (head + _NAMED.sub(lambda found: f"{{{_id_of(found[1], properties)}}}", tail)).lstrip("/")


def described(data: Node, system: str) -> Api:
    """All lists of records that the description of an API tells of, and how to reach it."""
    told = Description(data)
    paths = {path: told.node(item) for path, item in told.node(data.get("paths")).items() if isinstance(path, str)}
    found = [one for place in _places(paths) if (one := _collection(told, place))]
    named = distinct((one.path, _key(one.path)) for one in found)
    paged = Counter(repr(one.paginator) for one in found if one.paginator).most_common(1)
    usual = next((one.paginator for one in found if paged and repr(one.paginator) == paged[0][0]), None)
    return Api(_base_url(told), _auth(told, system.upper()), usual, {named[one.path]: one for one in found})


def _places(paths: Mapping[str, Node]) -> Iterator[_Place]:
    """Those that lie within nothing else come first."""
    beside: dict[str, list[str]] = {}
    for path in sorted(paths, key=lambda path: path.count("{")):
        beside.setdefault(_TAIL.sub("", path), []).append(path)
    for base, (path, *below) in sorted(beside.items(), key=lambda one: one[0].count("{")):
        if "{" in path[len(base) :]:
            continue
        single = next((one for one in below if paths[one].keys() & {"get", "patch", "put", "delete"}), "")
        maker = next((one for one in (path, *below) if one != single and "post" in paths[one]), "")
        yield _Place(base, path, paths[path], maker, paths.get(maker, {}), single, paths.get(single, {}))


def _key(path: str) -> str:
    steps = (step for step in reversed(_TAIL.sub("", path).split("/")) if step and not _VERSION.fullmatch(step))
    return slug(next(steps, path))


def _collection(told: Description, place: _Place) -> Collection | None:
    answer = told.response(place.listing.get("get"))
    found = _rows(told, answer, "", 2)
    if not found:
        return None
    selector, row = found
    record = told.response(place.one.get("get"))
    holder = _holder(told, record, row)
    whole = told.schema(record["properties"][holder]) if holder else record
    properties = {**told.properties(row), **(told.properties(whole) if record["properties"] else {})}
    listed = told.parameters(place.listing, place.listing.get("get"))
    queries = {name: schema for (where, name), schema in listed.items() if where == "query"}
    single = place.named_so(place.single, properties)
    made, made_with = _making(told, place.named_so(place.maker, properties), place.making, row)
    changed, changed_with = _changing(told, single, place.one, row)
    said: dict[str, Keys] = {
        "list": _listing(place.path.lstrip("/"), selector, queries, properties),
        "get": {"path": single} | ({"data_selector": holder} if holder else {}) if "get" in place.one else {},
        "create": made,
        "update": changed,
        "archive": {"delete": single} if "delete" in place.one else {},
    }
    keys: Keys = {name: value for name, value in said.items() if value}
    keys |= _care(told, place.making.get("post"), place.one.get("patch") or place.one.get("put")) | _stamps(properties)
    key = _id_of((_NAMED.findall(place.single) or ["id"])[-1], properties)
    return Collection(place.path, keys, key, properties, made_with, changed_with, _paginator(told, queries, answer))


def _rows(told: Description, answer: Node, prefix: str, depth: int) -> tuple[str | None, Node] | None:
    """Where an answer holds its records, and what they are."""
    if answer.get("type") == "array" or "items" in answer:
        row = told.schema(answer.get("items"))
        return (prefix or None, row) if row["properties"] else None
    names = sorted(answer["properties"], key=lambda name: (name not in _ROWS, str(name)))
    members = [(f"{prefix}.{name}" if prefix else str(name), told.schema(answer["properties"][name])) for name in names]
    lists = [found for at, member in members if "items" in member and (found := _rows(told, member, at, 0))]
    if lists and (len(lists) == 1 or names[0] in _ROWS):
        return lists[0]
    within = [found for at, member in members if depth and not lists and (found := _rows(told, member, at, depth - 1))]
    return within[0] if len(within) == 1 else None


def _holder(told: Description, answer: Node, row: Node) -> str | None:
    """Which member of an answer holds the record; none: it is the record."""
    names = row["properties"].keys()
    if names & answer["properties"].keys():
        return None
    members = ((str(name), told.schema(value)) for name, value in answer["properties"].items())
    return next((name for name, member in members if names & member["properties"].keys()), None)


def _id_of(parameter: str, properties: Mapping[str, Described]) -> str:
    """The property that a path's parameter means, such as `customerId` the property `Id`."""
    spelt = {squash(name): name for name in reversed([*properties])}
    wanted = squash(parameter)
    return (
        spelt.get(wanted) or spelt.get("id") or next((name for one, name in spelt.items() if wanted.endswith(one)), parameter)
    )


def _listing(path: str, selector: str | None, queries: Mapping[str, Node], properties: Mapping[str, Described]) -> Keys:
    stamps = {squash(name): name for name, one in properties.items() if one.keys["type"] == "datetime"}
    news = ((name, _stamp(squash(name), stamps)) for name in queries)
    cursor = next(({"property": stamp, "param": name} for name, stamp in news if stamp), None)
    return {"path": path} | ({"data_selector": selector} if selector else {}) | ({"cursor": cursor} if cursor else {})


def _stamp(parameter: str, stamps: Mapping[str, str]) -> str | None:
    """The stamp of edits that a parameter such as `updatedSince` asks by: `updated_at`."""
    bare = _SINCE.sub("", parameter)
    if bare in ("", parameter):
        return None
    return next((name for one, name in stamps.items() if _STAMP.search(one) and bare in one), None)


def _making(told: Description, path: str, item: Node, row: Node) -> tuple[Keys, Mapping[str, Described] | None]:
    if "post" not in item:
        return {}, None
    codes = told.answers(item["post"])
    answers = {} if not codes or 201 in codes else {"answers": codes[0]}
    envelope, taken = _taken(told, item["post"], row)
    return {"path": path} | envelope | answers, taken


def _changing(told: Description, path: str, one: Node, row: Node) -> tuple[Keys, Mapping[str, Described] | None]:
    for method, style in (("patch", "merge_patch"), ("put", "put"), ("post", "post")):
        if method in one:
            envelope, taken = _taken(told, one[method], row)
            if not taken and any("json-patch" in kind for kind in told.media(one[method])):
                return {"path": path, "style": "json_patch"}, None
            return {"path": path, "style": style} | envelope, taken
    return {}, None


def _taken(told: Description, operation: Any, row: Node) -> tuple[Keys, Mapping[str, Described]]:
    """What is sent, and inside of what."""
    body = told.body(operation)
    holder = _holder(told, body, row)
    return ({"envelope": holder}, told.properties(body["properties"][holder])) if holder else ({}, told.properties(body))


def _care(told: Description, making: Any, changing: Any) -> Keys:
    headers = [name for place, name in told.parameters(making) if place == "header"]
    key = next((name for name in headers if "idempoten" in name.lower()), None)
    guards = [name.lower() for place, name in told.parameters(changing) if place == "header"]
    sure = {"type": "key", "header": key, "window_seconds": 86_400} if key else {"type": "at_most_once"}
    return ({"concurrency": {"type": "etag"}} if "if-match" in guards else {}) | ({"idempotency": sure} if making else {})


def _stamps(properties: Mapping[str, Described]) -> Keys:
    times = [name for name, one in properties.items() if one.keys["type"] == "datetime" and "." not in name]
    modified = next((name for name in times if _STAMP.search(squash(name))), None)
    created = next((name for name in times if _MADE.search(squash(name))), None)
    return {name: value for name, value in (("modified", modified), ("created", created)) if value}


def _paginator(told: Description, queries: Mapping[str, Node], answer: Node) -> Keys | None:
    spelt = {squash(name): name for name in queries}
    size = _first(_SIZE, spelt)
    sized = {"size_param": size, "size": _page_size(queries[size])} if size else {"size": _USUAL_SIZE}
    if page := _first(_PAGE, spelt):
        begins = {"first_page": 0} if 0 in (queries[page].get("minimum"), queries[page].get("default")) else {}
        return {"type": "page_number", "page_param": page} | sized | begins
    if (skip := _first(_SKIP, spelt)) and size:
        return {"type": "offset", "offset_param": skip, "limit_param": size, "size": _page_size(queries[size])}
    # A name may have dots in it, as `@odata.nextLink` has.
    held = {squash(path): path for path in (*told.properties(answer), *map(str, answer["properties"]))}
    if (cursor := _first(_CURSOR, spelt)) and (token := _first(_NEXT_CURSORS, held)):
        return {"type": "cursor", "cursor_param": cursor, "next": token} | sized
    if link := _first(_NEXT_LINKS, held):
        return {"type": "next_link", "next": link} | sized
    return None


def _first(wanted: Sequence[str], there: Mapping[str, str]) -> str | None:
    return next((there[one] for one in wanted if one in there), None)


def _page_size(schema: Node) -> int:
    told = (schema.get("maximum"), schema.get("default"))
    return next((one for one in told if is_count(one, _MOST)), _USUAL_SIZE)


def _base_url(told: Description) -> str | None:
    servers = told.data.get("servers")
    if isinstance(servers, list) and servers:
        url = told.node(servers[0]).get("url")
        return url.rstrip("/") if isinstance(url, str) and url.startswith("https://") else None
    host, base = told.data.get("host"), told.data.get("basePath") or ""
    return f"https://{host}{base}".rstrip("/") if isinstance(host, str) and isinstance(base, str) else None


def _auth(told: Description, prefix: str) -> Keys | None:
    schemes = told.node(told.node(told.data.get("components")).get("securitySchemes")) or told.node(
        told.data.get("securityDefinitions")
    )
    return next((found for scheme in schemes.values() for found in _logins(told, told.node(scheme), prefix)), None)


def _logins(told: Description, scheme: Node, prefix: str) -> Iterator[Keys]:
    def secret(name: str) -> Keys:
        return {"env": f"{prefix}_{name}"}

    kind, way = scheme.get("type"), str(scheme.get("scheme")).lower()
    if kind == "apiKey" and scheme.get("in") == "header" and (header := scheme.get("name")):
        yield {"type": "api_key", "header": str(header), "key": secret("API_KEY")}
    elif kind == "basic" or (kind == "http" and way == "basic"):
        yield {"type": "basic", "username": secret("USERNAME"), "password": secret("PASSWORD")}
    elif kind == "http" and way == "bearer":
        yield {"type": "bearer", "token": secret("TOKEN")}
    elif kind == "oauth2":
        flows = told.node(scheme.get("flows")) or {str(scheme.get("flow")): scheme}
        of = {"client_id": secret("CLIENT_ID"), "client_secret": secret("CLIENT_SECRET")}
        for name, flow in flows.items():
            address = told.node(flow).get("tokenUrl")
            if isinstance(address, str) and name in ("clientCredentials", "application"):
                yield {"type": "oauth2_client_credentials", "token_url": address} | of
            elif isinstance(address, str) and name in ("authorizationCode", "accessCode"):
                yield {"type": "oauth2_refresh_token", "token_url": address} | of | {"refresh_token": secret("REFRESH_TOKEN")}
