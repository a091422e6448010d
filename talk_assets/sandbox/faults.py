"""What can go wrong, where, and how often: set by a test or a person, drawn by the seed."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

OPERATIONS = ("list", "get", "create", "update", "delete", "token", "send")


@dataclass(frozen=True, slots=True)
class Kind:
    meaning: str
    options: Mapping[str, Any]
    """Names of the further settings, each with what holds where it is left out."""


KINDS: Mapping[str, Kind] = {
    "latency": Kind("answers late", {"seconds": 1.0}),
    "drop_before": Kind("closes the connection and has done nothing", {}),
    "drop_after": Kind("does it, then closes the connection without an answer", {}),
    "throttle": Kind("429, with the header Retry-After where `retry_after` is given", {"retry_after": None}),
    "error": Kind("an error of the server; after doing it with `after_commit`", {"status": 503, "after_commit": False}),
    "answer": Kind(
        "a status and body of your own, as JSON or, in `text`, as it stands, and nothing done",
        {"status": 200, "body": {}, "text": None, "media": "application/json"},
    ),
    "html": Kind("200 with a web page; after doing it with `after_commit`", {"after_commit": False}),
    "redirect": Kind("302 to a page for logging in", {"status": 302, "location": "https://login.invalid/"}),
    "truncate": Kind("the answer's text ends early", {"keep": 0.5}),
    "cut_off": Kind("the connection closes in the middle of the answer", {"keep": 0.5}),
    "drip": Kind("the answer comes a few bytes at a time", {"seconds": 0.5, "bytes": 1}),
    "bomb": Kind("the answer unpacks to very much", {"megabytes": 100}),
    "edit": Kind(
        "while the request is under way, a person edits a record: `record` such as customers/1001; `late`: after the deed",
        {"record": "", "changes": {}, "late": False},
    ),
    "show": Kind("a property is shown with another value", {"property": "", "value": None}),
    "omit": Kind("a property is not shown", {"property": ""}),
    "shrink": Kind("a list shows only its first part", {"keep": 0.5}),
    "empty": Kind("a list shows nothing", {}),
    "lag": Kind("a list shows what was true some seconds ago; with `get`, so does a record", {"seconds": 5.0, "get": False}),
    "drift": Kind("later pages of a list have moved by some rows", {"rows": 1}),
    "loop": Kind("a list says that there is one more page, for ever", {}),
    "skew": Kind("the server's clock is off", {"seconds": 300.0}),
    "coarse": Kind("stamps tell whole steps of so many seconds only", {"seconds": 1.0}),
    "normalise": Kind(
        "a property is stored otherwise than sent: trim, upper, lower, title, round:N, cut:N", {"property": "", "rule": "trim"}
    ),
    "ignore": Kind("what is sent for a property is left aside without a word", {"property": ""}),
    "time_in_dates": Kind("dates come with a time", {}),
}
_STANDING = ("skew", "coarse", "normalise", "ignore", "lag", "time_in_dates")


class BadFault(Exception):
    """A fault that makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    entity: str | None = None
    operation: str | None = None
    times: int | None = None
    """How many requests it hits; None: until it is taken away."""
    skip: int = 0
    """How many matching requests it lets pass first."""
    probability: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def option(self, name: str) -> Any:
        return self.options.get(name, KINDS[self.kind].options[name])

    def fits(self, entity: str, operation: str) -> bool:
        return self.entity in (None, entity) and self.operation in (None, operation)


@dataclass(frozen=True, slots=True)
class Effects:
    """The faults that hit one request."""

    faults: Sequence[Fault] = ()

    def first(self, kind: str) -> Fault | None:
        return next((fault for fault in self.faults if fault.kind == kind), None)

    def every(self, kind: str) -> list[Fault]:
        return [fault for fault in self.faults if fault.kind == kind]


CALM = Effects()


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None
    skip: int
    hits: int = 0


class Faults:
    """The faults of one system. The same seed and the same requests give the same faults."""

    def __init__(self, seed: int, entities: Mapping[str, str]) -> None:
        self._entities = entities
        self._seed = seed
        self._armed: dict[int, _Armed] = {}
        self._next = 1
        self._random = random.Random(seed)  # noqa: S311 - faults, not secrets

    def add(self, fault: Fault) -> int:
        key = self._next
        self._next += 1
        self._armed[key] = _Armed(fault, fault.times, fault.skip)
        return key

    def remove(self, key: int) -> bool:
        return self._armed.pop(key, None) is not None

    def clear(self) -> None:
        self._armed.clear()
        self._random.seed(self._seed)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"id": key, **asdict(armed.fault), "left": armed.left, "hits": armed.hits} for key, armed in self._armed.items()
        ]

    def strike(self, entity: str, operation: str) -> Effects:
        """The faults that hit this request; those with a number of times are used up by it."""
        return Effects([armed.fault for armed in list(self._armed.values()) if self._hits(armed, entity, operation)])

    def standing(self, entity: str) -> Effects:
        """The faults that also hold for what a person does in the system itself."""
        return Effects(
            [
                a.fault
                for a in self._armed.values()
                if a.fault.kind in _STANDING and a.fault.fits(entity, a.fault.operation or "")
            ]
        )

    def _hits(self, armed: _Armed, entity: str, operation: str) -> bool:
        fault = armed.fault
        if armed.left == 0 or not fault.fits(entity, operation):
            return False
        if armed.skip:
            armed.skip -= 1
            return False
        if fault.probability < 1 and self._random.random() >= fault.probability:
            return False
        armed.hits += 1
        if armed.left is not None:
            armed.left -= 1
        return True

    def parse(self, raw: Any) -> Fault:
        """A fault from JSON, checked as what a person wrote."""
        if not isinstance(raw, dict):
            raise BadFault('A fault is an object such as {"kind": "drop_after", "entity": "customers", "times": 1}.')
        rest = dict(raw)
        kind = rest.pop("kind", None)
        _one_of("kind", kind, KINDS)
        entity, operation = rest.pop("entity", None), rest.pop("operation", None)
        if entity is not None:
            _one_of("entity", entity, self._entities)
            entity = self._entities[entity]
        if operation is not None:
            _one_of("operation", operation, OPERATIONS)
        times, skip, probability = rest.pop("times", None), rest.pop("skip", 0), rest.pop("probability", 1.0)
        if times is not None and not (_is_whole(times) and times > 0):
            raise BadFault(f"`times` is a whole number above 0, not {times!r}.")
        if not (_is_whole(skip) and skip >= 0):
            raise BadFault(f"`skip` is a whole number, not {skip!r}.")
        if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
            raise BadFault(f"`probability` lies between 0 and 1, not {probability!r}.")
        options = {**rest.pop("options", {}), **rest}
        _check_options(kind, options)
        return Fault(kind, entity, operation, times, skip, float(probability), options)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _one_of(what: str, value: Any, known: Mapping[str, Any] | Sequence[str]) -> None:
    if value not in known:
        near = get_close_matches(str(value), list(known), 1)
        hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(known)}."
        raise BadFault(f"No {what} {value!r}.{hint}")


def _check_options(kind: str, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        _one_of(f"option of {kind}", name, KINDS[kind].options)
        _check_option(name, value, KINDS[kind].options[name])
    for name, default in KINDS[kind].options.items():
        if default == "" and not options.get(name):
            raise BadFault(f"{kind} needs `{name}`.")
    rule = options.get("rule", "trim")
    if not re.fullmatch(r"trim|upper|lower|title|(round|cut):\d+", rule):
        raise BadFault(f"No rule {rule!r}. Known: trim, upper, lower, title, round:N, cut:N.")


def _check_option(name: str, value: Any, default: Any) -> None:
    if isinstance(default, bool):
        fits = isinstance(value, bool)
    elif isinstance(default, int | float):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        fits = default is None or isinstance(default, dict) or isinstance(value, str)
    if not fits:
        raise BadFault(f"`{name}` does not take {value!r}; without it, it is {default!r}.")
