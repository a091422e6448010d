import json
import socket

import pytest
from click.testing import CliRunner, Result

from talk_assets.cli import main
from talk_assets.sandbox import PORTS, Sandbox, VirtualClock, start

FIRST = min(PORTS.values())


@pytest.fixture(scope="module")
def port() -> int:
    """The first of six ports in a row that are free."""
    return next(first for first in range(18_701, 28_701, 10) if all(map(_is_free, range(first, first + len(PORTS)))))


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="module")
def served(port):
    with start({name: port + number - FIRST for name, number in PORTS.items()}, clock=VirtualClock()) as sandbox:
        yield sandbox


@pytest.fixture
def talk(served: Sandbox, port):
    for system in served.systems.values():
        system.reset()
    runner = CliRunner()

    def run(*arguments: str, code: int = 0) -> str:
        result: Result = runner.invoke(main, ["sandbox", *arguments], env={"TALK_SANDBOX_PORT": str(port)})
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result.output

    return run


def test_edit_shows_what_changed(talk, served) -> None:
    shown = talk("edit", "poweroffice_go.customers/1001", "Name=Acme", "MailAddress.City=Oslo")
    assert "Acme" in shown
    assert "MailAddress.City" in shown
    assert "PhoneNumber" not in shown
    assert served.systems["poweroffice_go"].look("customers", "1001").body["Name"] == "Acme"


def test_an_edit_to_the_same_value_says_so(talk) -> None:
    talk("edit", "poweroffice_go.customers/1001", "Name=Acme")
    assert "nothing changed" in talk("edit", "poweroffice_go.customers/1001", "Name=Acme")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("edit", "poweroffice_go.customers/99", "Name=A"), 1, "has no record 99"),
        (("edit", "poweroffice_go.customers/1001", "Nmae=A"), 1, "Did you mean Name?"),
        (("edit", "poweroffice_go.customers/1001", "Name"), 2, "is no PROPERTY=VALUE"),
        (("edit", "poweroffice_go.customers", "Name=A"), 2, "does not name a record"),
        (("edit", "poweroffice.customers/1", "Name=A"), 2, "There is no system"),
        (("get", "customers/1"), 2, "does not name an entity"),
        (("list", "poweroffice_go.custmers"), 1, "Did you mean customers?"),
        (("faults", "invoiced", "drop_aftr"), 1, "Did you mean drop_after?"),
        (("--size", "10x"), 2, "is no size"),
        (("start",), 1, "is in use"),
    ],
)
def test_a_mistake_is_one_line(talk, arguments, code, message) -> None:
    assert message in talk(*arguments, code=code)


def test_get_shows_a_record_as_table_or_json(talk) -> None:
    assert "Diverse kontakter" in talk("get", "poweroffice_go.customers/1")
    assert json.loads(talk("get", "poweroffice_go.customers/1", "--json"))["Id"] == 1


def test_list_shows_telling_columns_and_finds_by_value(talk) -> None:
    shown = talk("list", "invoiced.customers_company", "--limit", "3")
    assert "tax_id" in shown
    assert "3 of 43 records" in shown
    assert "1 of 1 record" in talk("list", "poweroffice_go.departments", "Code=20")
    assert "IsActive" in talk("list", "poweroffice_go.departments", "--columns", "Code,IsActive")


def test_faults_are_set_shown_and_taken_away(talk, served) -> None:
    assert "drop_after" in talk("faults", "poweroffice_go", "drop_after", "entity=customers", "operation=create", "times=1")
    assert "customers: create" in talk("faults")
    assert served.systems["poweroffice_go"].faults.rows()[0]["left"] == 1
    assert "Nothing goes wrong" in talk("faults", "--clear")
    assert "drop_before" in talk("faults", "--kinds")


def test_seed_and_reset(talk, served) -> None:
    assert "custom_pms" in talk("seed", "--size", "20", "--seed", "3")
    assert served.systems["custom_pms"].size == 20
    talk("reset")
    assert served.systems["custom_pms"].size == 100


def test_dump_goes_to_the_terminal_or_a_file(talk, tmp_path) -> None:
    assert json.loads(talk("dump", "crm_office"))["crm_office"]["contacts"]
    talk("dump", "--out", str(tmp_path / "all.json"))
    assert json.loads((tmp_path / "all.json").read_text("utf-8")).keys() >= {"poweroffice_go", "invoiced"}
    assert "Cannot write" in talk("dump", "--out", str(tmp_path / "no" / "all.json"), code=1)


def test_state_and_requests(talk) -> None:
    assert "customers_person" in talk("state")
    assert "Outcome" in talk("requests", "invoiced")


@pytest.mark.usefixtures("served")
def test_a_port_that_is_said_before_the_command_is_said_to_it(port) -> None:
    """It was taken and forgotten, and another sandbox was asked."""
    result = CliRunner().invoke(main, ["sandbox", "--first-port", str(port), "get", "poweroffice_go.customers/1"])
    assert "Diverse kontakter" in result.output


def test_a_sandbox_that_does_not_run_is_said_so() -> None:
    result = CliRunner().invoke(main, ["sandbox", "state", "--first-port", "19901"])
    assert result.exit_code == 1
    assert "No sandbox answers" in result.output
    assert "talk sandbox" in result.output
