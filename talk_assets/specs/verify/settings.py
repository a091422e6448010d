"""What a system spec says about addresses, hours, secrets and fixed values must be possible."""

import calendar
import re
import zoneinfo
from collections.abc import Iterator, Sequence

from talk_assets.specs.client import ApiKey, Client
from talk_assets.specs.problems import Place, Problem, did_you_mean, error, shown
from talk_assets.specs.reach import BadAddress, HoldsLogin, allowed
from talk_assets.specs.read import Loaded
from talk_assets.specs.resolve import Resolved
from talk_assets.specs.system import Entity, SystemSpec
from talk_assets.specs.verify.values import bad_value, constant_misfit, mistyped
from talk_assets.specs.writing import IdempotencyKey
from talk_assets.specs.yaml12 import Trail

_CRON_NAMES = {"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_FIELDS: Sequence[tuple[str, int, int, Sequence[str]]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_CRON_END = "[0-9]{1,4}|[a-z]{3}"
_CRON_PART = re.compile(
    rf"(\*|(?P<first>{_CRON_END})(-(?P<last>{_CRON_END}))?)(/(?P<step>[0-9]{{1,4}}))?", re.IGNORECASE | re.ASCII
)
_LEAP_YEAR = 2024
_ADDRESS = "for example https://api.example.com/v1"
_WHOLE = re.compile(r"([a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET_NAME = re.compile(
    r"authori[sz]ation|cookie|token|secret|passw|(api|access|subscription)[-_]?key|credential|^(x-)?key$", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"(bearer|basic|token)\s+\S+|(sk|pk|ghp|xox[bp])[-_]\S{6,}|(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/_=-]{24,}", re.IGNORECASE
)


def check(resolved: Resolved) -> Iterator[Problem]:
    for loaded in resolved.catalog.systems.values():
        yield from _hours(loaded)
        yield from _clients(loaded)
        yield from _headers(loaded)
        for name, entity in loaded.spec.entities.items():
            yield from _allowed_values(loaded, name, entity)
            yield from _fixed_values(loaded, name, entity)


def _hours(loaded: Loaded[SystemSpec]) -> Iterator[Problem]:
    for key in ("schedule", "full_sweep"):
        if mistake := cron_mistake(getattr(loaded.spec, key)):
            yield error("bad-setting", loaded.place(key), f"{key} is no cron line: {mistake}", 'for example "*/5 * * * *"')
    zone = loaded.spec.time_zone
    if not _is_zone(zone):
        hint = did_you_mean(zone, sorted(zoneinfo.available_timezones())) or "for example Europe/Oslo"
        yield error("bad-setting", loaded.place("time_zone"), f"there is no time zone {shown(zone)}", hint)


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def cron_mistake(line: str) -> str:
    """What is wrong with a cron line; empty when nothing is."""
    if line in _CRON_NAMES:
        return ""
    fields = line.split()
    if len(fields) != len(_CRON_FIELDS):
        return f"it has {len(fields)} fields, five were expected"
    chosen: list[set[int]] = []
    for text, (what, least, most, names) in zip(fields, _CRON_FIELDS, strict=True):
        parts = [_chosen(part, least, most, names) for part in text.split(",")]
        if not all(parts):
            return f"{shown(text)} is no {what} ({least} to {most})"
        chosen.append(set().union(*parts))
    _, _, days, months, _ = chosen
    if min(days) > max(calendar.monthrange(_LEAP_YEAR, month)[1] for month in months):
        return f"no month of {shown(fields[3])} has a day {min(days)}"
    return ""


def _chosen(part: str, least: int, most: int, names: Sequence[str]) -> set[int]:
    """The numbers that a part of a field stands for; none where it is no such part."""
    found = _CRON_PART.fullmatch(part)
    if not found or (found["step"] and not int(found["step"])):
        return set()
    first = _number(found["first"], least, names) if found["first"] else least
    alone = found["first"] and not found["last"] and not found["step"]
    last = first if alone else _number(found["last"], least, names) if found["last"] else most
    if first is None or last is None or not (least <= first <= most and least <= last <= most):
        return set()
    step = int(found["step"] or 1)
    return {*range(first, last + 1, step)} if first <= last else {*range(first, most + 1, step), *range(least, last + 1, step)}


def _number(text: str, least: int, names: Sequence[str]) -> int | None:
    if text.isdigit():
        return int(text)
    return names.index(text.lower()) + least if text.lower() in names else None


def _clients(loaded: Loaded[SystemSpec]) -> Iterator[Problem]:
    for name, client in loaded.spec.clients.items():
        for where, url in _addresses(client):
            place = loaded.place("clients", name, *where)
            try:
                allowed(url, private=client.allow_private_network)
            except HoldsLogin:
                yield _secret(place, "the address holds a login")
            except BadAddress as failure:
                yield error("bad-setting", place, f"{where[-1]} is no address that can be used: {failure}", _ADDRESS)
        for header, value in client.headers.items():
            if isinstance(value, str):
                yield from _header_value(loaded.place("clients", name, "headers", header), header, value)
    for name, entity in loaded.spec.entities.items():
        for param, value in entity.list.params.items():
            if _looks_secret(param, value):
                place = loaded.place("entities", name, "list", "params", param)
                yield _secret(place, f"the parameter {param} seems to hold a secret")


def _header_value(place: Place, header: str, value: str) -> Iterator[Problem]:
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        hint = "write it in ASCII, on one line and without spaces around it"
        yield error("bad-setting", place, f"the header {header} has a value that no header carries", hint)
    elif _looks_secret(header, value):
        yield _secret(place, f"the header {header} seems to hold a secret")


def _addresses(client: Client) -> Iterator[tuple[Trail, str]]:
    yield ("base_url",), client.base_url
    token_url = getattr(client.auth, "token_url", "")
    # Anything else is read from base_url and stays there.
    if _WHOLE.match(token_url):
        yield ("auth", "token_url"), token_url


def _headers(loaded: Loaded[SystemSpec]) -> Iterator[Problem]:
    for header, place in _headers_named(loaded):
        if not _HEADER.fullmatch(header):
            yield error("bad-setting", place, f"{shown(header)} is no name of a header", "for example X-Account")


def _headers_named(loaded: Loaded[SystemSpec]) -> Iterator[tuple[str, Place]]:
    for name, client in loaded.spec.clients.items():
        if isinstance(client.auth, ApiKey):
            yield client.auth.header, loaded.place("clients", name, "auth", "header")
        yield from ((header, loaded.key_place("clients", name, "headers", header)) for header in client.headers)
    for name, entity in loaded.spec.entities.items():
        if isinstance(entity.idempotency, IdempotencyKey):
            yield entity.idempotency.header, loaded.place("entities", name, "idempotency", "header")


def _looks_secret(name: str, value: str) -> bool:
    return bool(value) and bool(_SECRET_NAME.search(name) or _SECRET_VALUE.fullmatch(value))


def _secret(place: Place, message: str) -> Problem:
    return error("secret", place, message, "say {env: NAME} in a header, or `auth`, and set that variable")


def _allowed_values(loaded: Loaded[SystemSpec], name: str, entity: Entity) -> Iterator[Problem]:
    for path, prop in entity.properties.items():
        trail = ("entities", name, "properties", path, "values")
        for number, value in enumerate(prop.values):
            if found := mistyped(prop, value):
                is_list = isinstance(prop.values, tuple)
                place = loaded.place(*trail, number) if is_list else loaded.key_place(*trail, value)
                yield bad_value(place, value, f"{name}.{path}", found)


def _fixed_values(loaded: Loaded[SystemSpec], name: str, entity: Entity) -> Iterator[Problem]:
    """Defaults, and the values that tell a shared endpoint's entities apart."""
    for path, prop in entity.properties.items():
        for key, value in (("default", prop.default), ("empty_as", prop.empty_as)):
            is_nothing = key == "empty_as" and value == ""
            if value is not None and not is_nothing and (found := constant_misfit(prop, value)):
                yield bad_value(loaded.place("entities", name, "properties", path, key), value, f"{name}.{path}", found)
    archived = entity.archive.set if entity.archive and entity.archive.set else {}
    for where, values in (("where", entity.where), ("archive", archived)):
        for path, given in values.items():
            prop = entity.properties.get(path)
            for number, value in enumerate(given if isinstance(given, tuple) else (given,)):
                if prop is None or value is None or not (found := constant_misfit(prop, value)):
                    continue
                steps = ("set", path) if where == "archive" else (path, number)
                yield bad_value(loaded.place("entities", name, where, *steps), value, f"{name}.{path}", found)
