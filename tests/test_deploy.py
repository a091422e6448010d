"""The examples of deploy/: what listens, who knows secrets, and that every command in them can be given."""

import asyncio
import configparser
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import dagster as dg
import httpx
import pytest
import yaml
from dagster._cli import create_dagster_cli
from dagster._daemon.cli import create_dagster_daemon_cli
from dagster_webserver.cli import dagster_webserver

from talk_assets.cli import main

DEPLOY = Path("deploy")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
OURS = ("code", "daemon", "webserver")
PROGRAMS: dict[str, click.Command] = {
    "talk": main,
    "dagster": create_dagster_cli(),
    "dagster-daemon": create_dagster_daemon_cli(),
    "dagster-webserver": dagster_webserver,
}


def unit(path: Path) -> configparser.ConfigParser:
    # A key may stand several times; the last is enough for what is looked at here.
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment]
    parsed.read(path, encoding="utf-8")
    return parsed


def started() -> dict[str, str]:
    units = {path.stem: unit(path)["Service"]["ExecStart"] for path in UNITS}
    return units | {f"compose {name}": COMPOSE["services"][name]["command"] for name in OURS}


@pytest.mark.parametrize(("name", "line"), started().items())
def test_what_is_started_can_be_started(name: str, line: str):
    words = shlex.split(line)
    if words[:2] == ["/bin/sh", "-c"]:
        words = shlex.split(words[2].removeprefix("exec "))
    program, arguments = Path(words[0]).name, words[1:]
    command = PROGRAMS[program]
    while isinstance(command, click.Group):
        context = click.Context(command, info_name=program)
        command, arguments = command.get_command(context, arguments[0]) or pytest.fail(f"{name}: {line}"), arguments[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, line in started().items() if "--host" in line])
def test_s10_s11_nothing_of_dagsters_listens_beyond_this_machine(name: str, line: str):
    assert "--host 127.0.0.1 " in line, name


def test_s10_only_the_proxy_can_be_reached_in_containers():
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert all(services[name]["network_mode"] == "service:proxy" for name in OURS)


def test_what_the_image_is_made_of_is_sent_to_be_built():
    """One left out of the exceptions in .dockerignore, and nobody could build the image."""
    ignored, *kept = Path(".dockerignore").read_text(encoding="utf-8").split()
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [path for line in lines if line.startswith("COPY ") for path in line.split()[1:-1]]
    assert ignored == "*"
    assert sorted(f"!{path}" for path in copied) == sorted(kept)
    assert all(Path(path).exists() for path in copied)


def test_in_containers_nobody_is_asked_before_he_can_answer():
    services = COMPOSE["services"]
    waits_for = {name: one["depends_on"] for name, one in services.items() if "depends_on" in one}
    ready = {"condition": "service_healthy"}
    assert waits_for == {"code": {"postgres": ready}, "daemon": {"code": ready}, "webserver": {"code": ready}}
    assert all("healthcheck" in services[name] for name in ("postgres", "code"))


def test_the_proxy_asks_for_a_login_in_words_that_every_caddy_knows():
    """Those that Debian and Ubuntu bring do not know `basic_auth`, and do not start with it."""
    directives = [line.strip() for line in (DEPLOY / "Caddyfile").read_text(encoding="utf-8").splitlines()]
    assert "basicauth {" in directives


_LAUNCH = "mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename } }"
_JOB = {"repositoryLocationName": "talk", "repositoryName": "__repository__", "jobName": "sync"}


@pytest.mark.parametrize(
    ("flags", "answer"), [(["--read-only"], "UnauthorizedError"), ([], "PipelineNotFoundError")], ids=["read only", "as usual"]
)
def test_s10_a_webserver_for_looking_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], answer: str
):
    """Dagster's own command, up to where it would serve; the webserver without the flag would look for the job."""
    served: list[tuple[str, str, bool]] = []

    async def ask(app: Any, host: str) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as client:
            query = {"query": _LAUNCH, "variables": {"p": {"selector": _JOB, "mode": "default", "runConfigData": {}}}}
            launched = (await client.post("/graphql", json=query)).json()["data"]["launchRun"]["__typename"]
            told = (await client.post("/graphql", json={"query": "{ permissions { value } }"})).json()["data"]["permissions"]
        served.append((host, launched, any(one["value"] for one in told)))

    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    # What would change this process for all that comes after.
    for name in ("configure_loggers", "setup_interrupt_handlers"):
        monkeypatch.setattr(f"dagster_webserver.cli.{name}", lambda *_, **__: None)
    monkeypatch.setattr("dagster_webserver.cli.uvicorn.run", lambda app, *, host, **_: asyncio.run(ask(app, host)))
    dagster_webserver.main([*flags, "--empty-workspace", "--port", "3999"], standalone_mode=False)
    assert served == [("127.0.0.1", answer, not flags)]


def test_s07_secrets_are_named_and_only_the_code_knows_them():
    knowing = [path.stem for path in UNITS if "secrets.env" in path.read_text(encoding="utf-8")]
    assert knowing == ["talk-code", "talk-sync"]
    assert [name for name, service in COMPOSE["services"].items() if "secrets.env" in service.get("env_file", [])] == ["code"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_s18_services_run_as_a_user_of_their_own_and_keep_their_files_to_it(path: Path):
    service = unit(path)["Service"]
    assert service["User"] == "talk"
    assert (service["UMask"], service["StateDirectoryMode"]) == ("0077", "0700")
    assert (service["NoNewPrivileges"], service["ProtectSystem"]) == ("yes", "strict")


def test_every_timer_has_its_service():
    timers = sorted((DEPLOY / "systemd").glob("*.timer"))
    assert timers
    assert all(path.with_suffix(".service").is_file() for path in timers)


def test_dagster_takes_its_settings(tmp_path: Path):
    settings = yaml.safe_load((DEPLOY / "dagster.postgres.yaml").read_text(encoding="utf-8"))
    assert list(settings.pop("storage")) == ["postgres"]
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_monitoring_enabled
        assert not instance.telemetry_enabled


def test_dagsters_postgres_is_of_the_version_of_dagster():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    pinned = next(line for line in project["tool"]["uv"]["constraint-dependencies"] if line.startswith("dagster=="))
    major, minor, patch = map(int, pinned.partition("==")[2].split("."))
    assert major == 1
    # Dagster's libraries are numbered sixteen minors ahead of it.
    wanted = f"dagster-postgres==0.{minor + 16}.{patch}"
    for page in (DEPLOY / "Dockerfile", Path("docs/operating.md")):
        assert wanted in page.read_text(encoding="utf-8"), page
