"""The conformance suite, on the sandbox: it passes what is so, and fails what is declared wrongly."""

import json
import random
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner

from talk_assets.cli.conform import command
from talk_assets.sandbox.serve import Sandbox, start
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.system import SystemSpec
from talk_assets.systems.conform.finding import Finding, Result
from talk_assets.systems.conform.suite import conform
from tests.systems.sandbox_clock import SharedClock
from tests.systems.support import ENVIRON, VirtualClock, answer
from tests.systems.support import spec as system

SPECS = Path("mapping_specs")
SYSTEMS = sorted(load_catalog(SPECS).system_specs)


class Run(SharedClock):
    """What all runs share, so that a login that rotates goes on and no two make the same records."""

    def __init__(self, sandbox: Sandbox, state: Path) -> None:
        super().__init__(sandbox)
        self.seeds = count(1)
        self.state = state


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start(size=120) as running:
        yield running


@pytest.fixture(scope="module")
def clock(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(sandbox, tmp_path_factory.mktemp("state"))


def found(spec: SystemSpec, sandbox: Sandbox, clock: Run, *entities: str, writes: bool = True) -> list[Finding]:
    chance = random.Random(next(clock.seeds))  # noqa: S311 - test data
    return list(
        conform(spec, sandbox.variables, clock=clock, chance=chance, entities=entities, writes=writes, state=clock.state)
    )


def failed(findings: list[Finding]) -> list[str]:
    return [f"{one.entity} {one.declaration}: {one.reason}" for one in findings if one.result is Result.failed]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_of_the_sandbox_does_what_its_spec_declares(system: str, sandbox: Sandbox, clock: Run):
    findings = found(load_catalog(SPECS).system_specs[system], sandbox, clock)
    assert failed(findings) == []
    tried = {one.declaration for one in findings if one.result is Result.passed}
    assert any(name.startswith("idempotency") for name in tried)
    assert any(name.startswith("concurrency") for name in tried)
    assert "update: emptied" in tried


ETAG = {"concurrency": {"type": "etag"}}
NO_KEYS = {"idempotency": {"type": "key", "header": "Idempotency-Key", "window_seconds": 3600}}
NOT_SEARCHED = {"idempotency": {"type": "reference", "property": "phone", "max_length": 64, "param": "phone"}}
EXCLUSIVE = {
    "property": "LastChangedDateTimeOffset",
    "param": "lastChangedDateTimeOffsetGreaterThan",
    "comparison": ">=",
}
WRONG: list[tuple[str, str, Mapping[str, Any], str]] = [
    ("custom_erp", "customer", NO_KEYS, "2 records came of one create"),
    ("custom_erp", "customer", NOT_SEARCHED, "There is no parameter phone"),
    ("custom_erp", "customer", {"update": {"path": "customers/{id}", "style": "merge_patch"}}, "update: merge_patch"),
    ("custom_erp", "customer", {"create": {"path": "customers", "answers": 200}}, "answers 201, declared is 200"),
    ("custom_pms", "project", ETAG, "Send the version"),
    ("poweroffice_go", "projects", {"list": {"path": "Projects", "cursor": EXCLUSIVE}}, "it is `>`"),
    ("custom_pms", "project", {"list": {"path": "projects", "data_selector": "items"}}, "no 'items'"),
    ("custom_pms", "project", {"get": {"path": "tasks/{id}"}}, "project get"),
    ("crm_office", "contacts", ETAG, "overwritten"),
    ("poweroffice_go", "departments", {"archive": {"delete": "Departments/{Id}/nowhere"}}, "archive"),
    ("poweroffice_go", "projectactivity", {"get": {"path": "ProjectActivity/{id}"}}, "should be a 404 or 410"),
]


@pytest.mark.parametrize(("system", "entity", "lie", "told"), WRONG)
def test_a_wrong_declaration_fails(system: str, entity: str, lie: Mapping[str, Any], told: str, sandbox: Sandbox, clock: Run):
    plain = yaml.safe_load((SPECS / "systems" / f"{system}.yaml").read_text(encoding="utf-8"))
    plain["entities"][entity] |= lie
    problems = failed(found(SystemSpec.model_validate(plain), sandbox, clock, entity))
    assert any(told in problem for problem in problems), problems


class Shop:
    """One collection in memory, whose e-mail addresses are unique and whose values are emptied by "" alone."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.rows: dict[str, dict[str, Any]] = {"0": {"id": "0", "email": "first@example.com", "note": None, **self._stamps()}}

    def _stamps(self) -> dict[str, str]:
        return {"made": self.clock.now().isoformat(), "touched": self.clock.now().isoformat()}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        id_ = request.url.path.rpartition("/things")[2].strip("/")
        if id_ and id_ not in self.rows:
            return answer({}, 404)
        if request.method == "GET":
            return answer(self.rows[id_] if id_ else list(self.rows.values()))
        given = {path: value for path, value in json.loads(request.content).items() if value is not None}
        if any(row["email"] == given.get("email") for row in self.rows.values() if row["id"] != id_):
            return answer({"error": "that address is taken"}, 422)
        row = self.rows.get(id_) or {"id": str(len(self.rows)), **self._stamps()}
        self.clock.sleep(1)
        touched = {"touched": self.clock.now().isoformat()}
        self.rows[row["id"]] = row | {path: value or None for path, value in given.items()} | touched
        return answer(self.rows[row["id"]], 200 if id_ else 201)

    def failed(self, note: Mapping[str, Any]) -> list[str]:
        properties = {
            "id": {"type": "string", "access": "read_only"},
            "email": {"type": "string", "format": "email", "unique": True, "required": True},
            "note": {"type": "string", **note},
            "made": {"type": "datetime", "access": "read_only"},
        }
        natural = {"type": "natural_key", "property": "email"}
        entity = {"properties": properties, "idempotency": natural, "created": "made"}
        findings = conform(
            system(entity=entity),
            ENVIRON,
            clock=self.clock,
            chance=random.Random(1),  # noqa: S311 - test data
            writes=True,
            transport=lambda _base, _certificates: httpx.MockTransport(self),
        )
        return failed(list(findings))


def test_what_is_unique_is_made_up_anew_for_each_record_and_records_of_before_are_not_taken_for_new_ones():
    assert [one for one in Shop().failed({"empty_as": ""}) if "update: merge_patch" not in one] == []


def test_what_its_system_works_out_unsaid_is_told_with_what_to_declare():
    [told] = Shop().failed({"empty_as": ""})
    assert told.endswith("also changed touched; declare what its system works out `access: read_only`")


def test_a_value_that_null_does_not_empty_is_found():
    told = [one for one in Shop().failed({}) if "emptied" in one]
    assert len(told) == 1
    assert told[0].startswith("things update: emptied: note was emptied and reads 'conform ")
    assert told[0].endswith("; say by `empty_as` what its API has for nothing")


def test_nothing_is_written_unless_asked_for(sandbox: Sandbox, clock: Run):
    findings = found(load_catalog(SPECS).system_specs["custom_pms"], sandbox, clock, "task", writes=False)
    assert [one.declaration for one in findings] == ["list", "paginator", "list.cursor", "get", "get: gone", "writes"]
    assert findings[-1].result is Result.skipped


def test_the_command_shows_what_it_found(sandbox: Sandbox, tmp_path: Path):
    run = CliRunner(env={**sandbox.variables, "TALK_STATE": str(tmp_path)})
    shown = run.invoke(command, ["custom_pms", "--entity", "task"])
    assert shown.exit_code == 0, shown.output
    assert "passed   task  list.cursor" in shown.output
    assert "5 passed, 0 failed, 1 skipped" in shown.output
    plain = run.invoke(command, ["custom_pms", "--entity", "task", "--json"])
    assert {json.loads(line)["result"] for line in plain.output.splitlines()} == {"passed", "skipped"}
    assert "did you mean" in run.invoke(command, ["custom_pmz"]).output
    assert "has no entity 'x'" in run.invoke(command, ["custom_pms", "--entity", "x"]).output
    bare = CliRunner(env={"CUSTOM_PMS_TOKEN": "", "TALK_STATE": str(tmp_path)}).invoke(command, ["custom_pms"])
    assert "CUSTOM_PMS_TOKEN" in bare.output
    assert bare.exit_code == 1
