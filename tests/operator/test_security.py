"""Rules S7, S16 and S21 where people look: in the hub, in the systems, and on the terminal."""

from typing import Any

import pytest

from talk_assets.hub import FRAMES, open_hub
from talk_assets.operator import planning, syncing
from talk_assets.sync.cycle import Cycle, cycle
from talk_assets.sync.world import World
from tests.operator.desk import Desk

ACME = "poweroffice_go.customers/1001"


def test_s07_no_secret_is_in_the_hub(desk: Desk) -> None:
    secrets = [value for name, value in desk.sandbox.variables.items() if not name.endswith("_URL")]
    with open_hub(desk.hub) as hub:
        kept = {table: hub.read(f"SELECT * FROM {table}").write_json() for table in FRAMES}  # noqa: S608 - our own names
    assert "prepared" in kept["intents"]
    assert len(secrets) > 5
    assert not [(table, secret) for table, text in kept.items() for secret in secrets if secret in text]


@pytest.mark.parametrize(
    ("arguments", "module"), [(["sync", "--dry-run", "--cycles", "1"], syncing), (["plan"], planning)], ids=["sync", "plan"]
)
def test_s16_what_only_looks_could_not_write_if_it_had_a_bug(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, arguments: list[str], module: Any
) -> None:
    def forgetful(world: World, *, dry: bool, **options: Any) -> Cycle:
        assert dry
        return cycle(world, **options)

    name = desk.record(ACME)["Name"]
    desk.edit(ACME, {"Name": f"Looked at by {arguments[0]}"})
    desk.forget_requests()
    with monkeypatch.context() as patched:
        patched.setattr(module, "cycle", forgetful)
        desk.talk(*arguments)
    assert desk.writes() == []
    assert "Looked at by" in str(desk.record(ACME))
    desk.edit(ACME, {"Name": name})
    desk.talk("sync")
    assert desk.record(ACME)["Name"] == name


def test_s21_no_value_steers_the_terminal(desk: Desk) -> None:
    name = desk.record(ACME)["Name"]
    desk.edit(ACME, {"Name": "\x1b[2JVask"})
    desk.talk("sync", "--dry-run")
    for command in (["plan", "--offline"], ["why", ACME, "Name"], ["why", ACME]):
        told = desk.talk(*command)
        assert "\N{REPLACEMENT CHARACTER}[2JVask" in told
        assert "\x1b" not in told
    desk.edit(ACME, {"Name": name})
    desk.talk("sync")
