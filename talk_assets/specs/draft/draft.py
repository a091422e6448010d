"""What dataflows name and what an API's description tells → a first system spec, with a remark at all that was guessed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from talk_assets.specs.draft.api import Api, Collection, Keys
from talk_assets.specs.draft.schemas import Described
from talk_assets.specs.draft.wanted import Wanted, WantedEntity, singular, words
from talk_assets.specs.emit import scalar
from talk_assets.specs.naming import squash
from talk_assets.specs.yaml12 import Trail

_SPREAD: tuple[Trail, ...] = (
    (),
    ("clients",),
    ("clients", "*"),
    ("entities",),
    ("entities", "*"),
    ("entities", "*", "properties"),
)
"""What is written a line for each member; all else stands in one line."""


@dataclass(frozen=True)
class Draft:
    spec: Mapping[str, Any]
    remarks: Mapping[Trail, str]
    """What was guessed, by where it stands."""
    missing: tuple[str, ...]
    """Entities, and properties of the others, that dataflows name and the description does not have."""


def draft(system: str, wanted: Wanted, api: Api | None) -> Draft:
    """Of the entities that dataflows name; where they name none, of all lists that the description tells of."""
    remarks: dict[Trail, str] = {}
    missing: list[str] = []
    lists = api.collections if api else {}
    whole = [key for key, one in lists.items() if "{" not in one.path]
    asked = wanted.entities or {key: WantedEntity(words(key), singular(key), {}, {}) for key in whole or lists}
    entities: dict[str, Keys] = {}
    for name, entity in asked.items():
        at: Trail = ("entities", name)
        found = _list_of(name, entity, lists)
        if api and not found:
            missing.append(name)
        if found and squash(singular(found)) not in {squash(singular(name)), squash(singular(entity.title))}:
            remarks[*at, "list"] = f"the list of {found} was taken for it: say by `where` which of its records are meant"
        told = lists[found] if found else None
        if told and "{" in told.path:
            remarks[*at, "list"] = "what stands in braces is no property: put in whose records are meant"
        keys = _described(told, api) if told else _guessed(name, entity)
        properties, unknown = _properties(entity, told, str(keys.get("key", "id")), asked)
        remarks |= {(*at, "list"): "the address, and where the answer holds the records (`data_selector`)"} if not told else {}
        remarks |= {(*at, "idempotency"): "how to find out what became of a lost answer"} if "idempotency" in keys else {}
        if told:
            remarks |= {(*at, "properties", path): "the description has none of that name" for path in unknown}
        else:
            remarks[*at, "properties"] = "their types, and which are required or read-only"
        missing += (f"{name}.{path}" for path in unknown if told)
        entities[name] = {"title": entity.title, "subject": entity.subject, **keys, "properties": properties}
    known = [name for name in wanted.names if name]
    title = known[0] if known else words(system)
    others = [name for name in wanted.names if name != title]
    head = {"system": system, "title": title} | ({"names": others} if others else {})
    rhythm = {"schedule": "*/10 * * * *", "full_sweep": "15 2 * * *"}
    clients = {"main": _client(system, api, remarks)}
    return Draft({**head, **rhythm, "clients": clients, "entities": entities}, remarks, tuple(missing))


def draft_yaml(made: Draft, schema: str | None) -> str:
    lines = [
        *([f"# yaml-language-server: $schema={schema}", "#"] if schema else []),
        "# A draft. CHANGE THIS stands where something was guessed: look it up in what the API's makers say, then",
        f"# `talk specs check` and `talk specs conform {made.spec['system']}`.",
        *_lines(made.spec, (), made.remarks),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _list_of(name: str, entity: WantedEntity, lists: Mapping[str, Collection]) -> str | None:
    """The list that is called so; else the longest whose name it begins with, as `customers_person` does with `customers`."""
    spelt = {squash(singular(key)): key for key in reversed([*lists])}
    for one in (name, entity.title):
        if found := spelt.get(squash(singular(one))):
            return found
    begins = [one for one in spelt if len(one) > 2 and squash(name).startswith(one)]
    return spelt[max(begins, key=len)] if begins else None


def _described(told: Collection, api: Api | None) -> Keys:
    own = told.paginator if api and told.paginator != api.paginator else None
    return ({"key": told.key} if told.key != "id" else {}) | ({"paginator": own} if own else {}) | told.keys


def _guessed(name: str, entity: WantedEntity) -> Keys:
    key = next((path for path in entity.types if squash(path) == "id"), "id")
    one = f"{name}/{{{key}}}"
    reading: Keys = {"list": {"path": name}, "get": {"path": one}}
    writing: Keys = {"create": {"path": name}, "update": {"path": one, "style": "merge_patch"}}
    return ({"key": key} if key != "id" else {}) | reading | writing | {"idempotency": {"type": "at_most_once"}}


def _properties(
    entity: WantedEntity, told: Collection | None, key: str, entities: Mapping[str, WantedEntity]
) -> tuple[dict[str, Keys], list[str]]:
    """And which of those that dataflows name the description does not have."""
    owners = {squash(singular(name)): name for name in entities}
    found: dict[str, Keys] = {key: {"type": "string", "access": "read_only"}}
    if told:
        made_only = {path: one for path, one in (told.made_with or {}).items() if path not in told.properties}
        for path, one in (*told.properties.items(), *made_only.items()):
            found[path] = {**one.keys, **_use(path, one, told), **_by_name(path, one.keys["type"], owners)}
    found[key] = {**found[key], "nullable": False, "unique": True}
    spelt = {squash(path): path for path in found}
    unknown: list[str] = []
    for path, kind in entity.types.items():
        if path in found:
            continue
        if other := spelt.get(squash(path)):
            found[other] = {**found[other], "aliases": [*found[other].get("aliases", ()), path]}
        else:
            found[path] = {"type": kind, **_by_name(path, kind, owners)}
            unknown.append(path)
    for path, named in entity.references.items():
        at = path if path in found else spelt[squash(path)]
        found[at] = {**found[at], "references": list(named)}
    return found, unknown


def _use(path: str, one: Described, told: Collection) -> Keys:
    """What may be done with it. Of steps of change nobody says what they may change: what may be given may be."""
    made, changed = told.made_with, told.changed_with
    given = made.get(path) if made else None
    is_needed = {"required": True} if given and given.required else {}
    is_full = {"nullable": False} if given and given.required and not (given.nullable or one.nullable) else {}
    if path not in told.properties:
        return {"access": "write_only", **is_needed}
    if one.read_only or ((made or changed) and not given and path not in (changed or {})):
        return {"access": "read_only"}
    only_once = {"access": "create_only"} if given and changed and path not in changed else {}
    return {**only_once, **is_full, **is_needed}


def _by_name(path: str, kind: str, owners: Mapping[str, str]) -> Keys:
    """What its name alone says: whose id it holds, or that it says how to reach somebody."""
    name = squash(path.rpartition(".")[2])
    named = [one for one in owners if name.endswith("id") and name.removesuffix("id").endswith(one)]
    if kind in ("string", "integer") and named:
        return {"references": [owners[max(named, key=len)]]}
    if kind == "string" and "email" in name:
        return {"format": "email", "personal": True}
    return {"format": "phone", "personal": True} if kind == "string" and "phone" in name else {}


def _client(system: str, api: Api | None, remarks: dict[Trail, str]) -> Keys:
    at: Trail = ("clients", "main")
    prefix = system.upper()
    base_url, auth, paginator = (api.base_url, api.auth, api.paginator) if api else (None, None, None)
    if not base_url:
        remarks[*at, "base_url"] = "where the API's paths begin"
    if not auth:
        remarks[*at, "auth"] = "api_key, basic, bearer, oauth2_client_credentials or oauth2_refresh_token"
    if not paginator:
        remarks[*at, "paginator"] = "page_number, offset, cursor, next_link or single_page"
    remarks[*at, "limits"] = "what the API allows"
    return {
        "base_url": base_url or f"https://{system.replace('_', '-')}.example.com/api",
        "base_url_env": f"{prefix}_URL",
        "auth": auth or {"type": "bearer", "token": {"env": f"{prefix}_TOKEN"}},
        "paginator": paginator or {"type": "page_number", "page_param": "page", "size_param": "per_page", "size": 100},
        "limits": {"requests": 5, "per_seconds": 1, "concurrency": 4},
    }


def _lines(members: Mapping[str, Any], at: Trail, remarks: Mapping[Trail, str]) -> Iterator[str]:
    indent = "  " * len(at)
    for name, value in members.items():
        here = (*at, name)
        remark = f"  # CHANGE THIS: {remarks[here]}" if here in remarks else ""
        if isinstance(value, Mapping) and value and _is_spread(here):
            yield f"{indent}{scalar(name)}:{remark}"
            yield from _lines(value, here, remarks)
        else:
            yield f"{indent}{scalar(name)}: {_flow(value)}{remark}"
        if here in (("full_sweep",), ("clients",)) or at == ("entities",):
            yield ""


def _is_spread(at: Trail) -> bool:
    return any(
        len(one) == len(at) and all(wanted in ("*", step) for wanted, step in zip(one, at, strict=True)) for one in _SPREAD
    )


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(name)}: {_flow(one)}' for name, one in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    return scalar(value) if isinstance(value, str) else json.dumps(value)
