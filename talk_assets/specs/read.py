"""YAML files → spec objects; everything wrong with a file is said at once, each at its place."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from talk_assets.specs import yaml12
from talk_assets.specs.client import Secret
from talk_assets.specs.dataflow import DataflowSpec
from talk_assets.specs.files import read_text
from talk_assets.specs.problems import Place, Problem, SpecError, did_you_mean, error, plural, shown
from talk_assets.specs.system import SystemSpec
from talk_assets.specs.yaml12 import Step, Tree

Spec = TypeVar("Spec", bound=BaseModel)

_KINDS: Mapping[type[BaseModel], str] = {SystemSpec: "system spec", DataflowSpec: "mapping spec"}
SYSTEMS = "systems"
"""The folder that system specs usually lie in."""
_SHORT_ROW: Mapping[Step, int] = {"source": 0, "target": 1, "type": 2}
"""Where the members of a row stand when it is written as a list."""

_QUOTED = re.compile("'([^']*)'")


@dataclass(frozen=True)
class Loaded(Generic[Spec]):
    """A spec and where each of its values stands."""

    spec: Spec
    tree: Tree

    @property
    def file(self) -> Path:
        return self.tree.file

    def place(self, *trail: Step) -> Place:
        return self.tree.place(*_written(self.tree, trail))

    def key_place(self, *trail: Step) -> Place:
        return self.tree.key_place(*trail)


def load_system(path: Path) -> Loaded[SystemSpec]:
    return build(yaml12.parse(read_text(path), path), SystemSpec)


def is_system(tree: Tree) -> bool:
    """By its keys; a file that has none of either kind is what its folder holds."""
    keys = tree.data.keys() if isinstance(tree.data, dict) else set()
    return "system" in keys or (not keys & DataflowSpec.model_fields.keys() and stands_among_systems(tree.file))


def stands_among_systems(path: Path) -> bool:
    return path.absolute().parent.name == SYSTEMS


def build(tree: Tree, model: type[Spec]) -> Loaded[Spec]:
    if not isinstance(tree.data, dict):
        raise SpecError(error("spec", tree.place(), f"a {_KINDS.get(model, 'spec')} was expected: keys and their values"))
    try:
        return Loaded(model.model_validate(tree.data), tree)
    except ValidationError as failure:
        raise SpecError(*(_problem(tree, model, details) for details in failure.errors())) from failure


def _written(tree: Tree, trail: yaml12.Trail) -> yaml12.Trail:
    """`trail` with the names of a row's members replaced by their places, where the row is written as a list."""
    written: yaml12.Trail = ()
    data: Any = tree.data
    for step in trail:
        place = _SHORT_ROW[step] if isinstance(data, list) and step in _SHORT_ROW else step
        written = (*written, place)
        data = _child(data, place)
    return written


def _child(data: Any, step: Step) -> Any:
    if isinstance(data, dict):
        return data.get(step)
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        return data[step]
    return None


def _problem(tree: Tree, model: type[BaseModel], details: ErrorDetails) -> Problem:
    trail = _without_tags(tree, details["loc"])
    key = trail[-1] if trail else ""
    match details["type"]:
        case "extra_forbidden":
            known = {name for one in _models_at(model, trail[:-1]) for name in one.model_fields}
            return error(
                "unknown-key",
                tree.key_place(*trail),
                f"the key {shown(str(key))} is not known here; known are {', '.join(sorted(known))}",
                did_you_mean(str(key), known),
            )
        case "missing":
            what = f"item {key + 1}" if isinstance(key, int) else f"the key {shown(key)}"
            return error("missing-key", tree.place(*trail[:-1]), f"{what} is missing here")
        case "model_type" if details.get("ctx", {}).get("class_name") == "Secret":
            message = f"{_where(trail)}a secret never stands in a spec"
            return error("secret", tree.place(*trail), message, "write {env: NAME} and set that variable")
        case _ if key == "env" and Secret in _models_at(model, trail[:-1]):
            message = "env: no variable has such a name; what stands here may be the secret itself, so it is not repeated"
            return error(
                "secret", tree.place(*trail), message, "write the name of a variable, in capitals, and set that variable"
            )
        case _:
            found = details["input"]
            said = f", found {shown(_as_written(found))}" if not isinstance(found, dict | list) else ""
            message = f"{_where(trail)}{_sentence(details)}{said}"
            return error("value", tree.place(*_written(tree, trail)), message, _meant(details))


def _meant(details: ErrorDetails) -> str:
    """The closest of the words that may stand in a place."""
    context, found = details.get("ctx", {}), details["input"]
    match details["type"]:
        case "literal_error" if isinstance(found, str):
            return did_you_mean(found, _QUOTED.findall(context["expected"]))
        case "union_tag_invalid" if isinstance(found, dict):
            return did_you_mean(context["tag"], _QUOTED.findall(context["expected_tags"]))
        case _:
            return ""


def _where(trail: yaml12.Trail) -> str:
    """The last key on the way, and which of its items is meant."""
    last = max((number for number, step in enumerate(trail) if isinstance(step, str)), default=None)
    if last is None:
        return ""
    items = "".join(f"[{step + 1}]" for step in trail[last + 1 :] if isinstance(step, int))
    return f"{trail[last]}{items}: "


def _as_written(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


_EXPECTED = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys and values",
    "mapping_type": "must be a mapping of keys and values",
    "model_type": "must be a mapping of keys and values",
    "string_too_short": "must not be empty",
}


def _sentence(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "string_pattern_mismatch":
            return f"must match {context['pattern']}"
        case "literal_error":
            return f"must be {context['expected']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
        case "too_short":
            return f"must have at least {plural(context['min_length'], 'entry')}"
        case "union_tag_invalid" if "()" in context["discriminator"]:
            return f"must be {context['expected_tags'].replace(chr(39), '').replace(', ', ' or ')}"
        case "union_tag_invalid" | "union_tag_not_found":
            return f"must have a `type` of {context.get('expected_tags', 'a known kind')}"
        case kind:
            return _EXPECTED.get(kind, details["msg"].removeprefix("Value error, "))


def _without_tags(tree: Tree, location: Iterable[Step]) -> yaml12.Trail:
    """Pydantic's location with the steps left out that name a branch of a union instead of a place in the file."""
    trail: yaml12.Trail = ()
    data: Any = tree.data
    steps = list(location)
    for number, step in enumerate(steps):
        written = _SHORT_ROW[step] if isinstance(data, list) and step in _SHORT_ROW else step
        child = _child(data, written)
        exists = (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(written, int))
        if exists:
            trail, data = (*trail, step), child
        elif number == len(steps) - 1 and isinstance(data, dict) and isinstance(step, str) and step.isidentifier():
            trail = (*trail, step)
    return trail


def _models_at(model: type[BaseModel], location: Iterable[Step]) -> list[type[BaseModel]]:
    """What may stand at a location, over all branches of unions on the way."""
    models = [model]
    steps = iter(location)
    for step in steps:
        fields = [one.model_fields[step] for one in models if isinstance(step, str) and step in one.model_fields]
        if fields:
            models = [found for field in fields for found in _models_in(field.annotation)]
            if any(get_origin(field.annotation) is Mapping for field in fields):
                # A name that is free to choose, and may be that of a key.
                next(steps, None)
    return models


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]
