"""Rules S7 and S21 where people look: in the hub, and on the terminal."""

from talk_assets.hub import FRAMES, Hub
from tests.operator.desk import Desk

ACME = "poweroffice_go.customers/1001"


def test_s07_no_secret_is_in_the_hub(desk: Desk) -> None:
    secrets = [value for name, value in desk.sandbox.variables.items() if not name.endswith("_URL")]
    with Hub.open(desk.hub) as hub:
        kept = {table: hub.read(f"SELECT * FROM {table}").write_json() for table in FRAMES}  # noqa: S608 - our own names
    assert "prepared" in kept["intents"]
    assert len(secrets) > 5
    assert not [(table, secret) for table, text in kept.items() for secret in secrets if secret in text]


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
