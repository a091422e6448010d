"""The shipped system specs and the sandbox tell of the same properties, though neither knows the other."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from talk_assets.sandbox import VirtualClock
from talk_assets.sandbox.poweroffice.tables import SHAPES as POWEROFFICE
from talk_assets.sandbox.serve import systems

SPECS = Path(__file__).parents[2] / "mapping_specs" / "systems"
HELD = systems(VirtualClock(), 1, 60)
# What the API takes or shows and no mapping can use, with the reason.
BESIDE = {
    "invoiced": {"object", "voided"},  # the kind of an object; how an invoice became void
    "crm_office": set(),
}


def entities() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path in sorted(SPECS.glob("*.yaml")):
        spec = yaml.safe_load(path.read_text("utf-8"))
        for name, entity in spec["entities"].items():
            yield spec["system"], name, entity


CASES = list(entities())


@pytest.mark.parametrize(("system", "name", "entity"), CASES, ids=[f"{system}.{name}" for system, name, _ in CASES])
def test_every_property_of_a_spec_is_one_of_the_sandbox(system, name, entity) -> None:
    held = HELD[system]
    collection = held.entity(name).collection
    known = set(held.shapes[collection].properties) | {"status"}
    # A property may be a part of what the sandbox takes as one object.
    told = {path if path in known else path.partition(".")[0] for path in entity["properties"]}
    missing = told - known
    assert not missing
    unused = known - told - BESIDE.get(system, set()) - {"status"}
    assert not unused


@pytest.mark.parametrize(("system", "name", "entity"), CASES, ids=[f"{system}.{name}" for system, name, _ in CASES])
def test_spec_and_sandbox_agree_on_who_may_write_what(system, name, entity) -> None:
    held = HELD[system]
    shape = held.shapes[held.entity(name).collection]
    for path, spec in entity["properties"].items():
        if path not in shape.properties:
            continue
        prop = shape.properties[path]
        access = spec.get("access", "read_write")
        writable = {"read_only": (False, False), "create_only": (True, False), "write_only": (True, False)}.get(
            access, (True, True)
        )
        if (system, path) in {("poweroffice_go", "ContactId"), ("poweroffice_go", "name"), ("poweroffice_go", "projectId")}:
            continue  # part of the address of the request, or written on another record
        assert (prop.on_create, prop.on_update) == writable, path


def test_every_patchable_property_of_poweroffice_is_shown() -> None:
    for shape in POWEROFFICE.values():
        assert all(prop.shown for prop in shape.properties.values() if prop.on_update)


def test_the_paths_of_the_specs_are_served() -> None:
    for system, name, entity in CASES:
        prefix = {
            "poweroffice_go": "/" if entity.get("client") == "v1" else "/v2/",
            "custom_erp": "/api/",
            "custom_pms": "/v1/",
        }.get(system, "/")
        served = {re.sub(r"\{\w+\}", "{}", operation.path) for operation in HELD[system].operations()}
        for what in ("list", "get", "create", "update"):
            path = re.sub(r"\{\w+\}", "{}", HELD[system].canonical(prefix + entity[what]["path"]))
            assert path in served, (system, name, what, path)
