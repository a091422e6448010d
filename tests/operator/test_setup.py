"""What is missing before anything runs is said in words, all at once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from talk_assets.cli import main
from talk_assets.operator.project import Ports
from talk_assets.specs.catalog import load_catalog
from talk_assets.systems.secrets import names

SPECS = str(Path("mapping_specs").absolute())


def said(*arguments: str, ports: Ports | None = None) -> str:
    result = CliRunner().invoke(main, arguments, obj=ports or Ports(environ={}))
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    return result.stderr


def test_all_missing_variables_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = said("sync", "--specs", SPECS)
    for name in ("INVOICED_API_KEY", "CUSTOM_ERP_API_KEY", "POWEROFFICE_GO_CLIENT_KEY"):
        assert name in message
    assert "talk sandbox" in message
    assert not (tmp_path / ".talk").exists()


def test_all_addresses_that_cannot_be_used_are_named_with_what_to_set(tmp_path: Path) -> None:
    addresses = {
        "CUSTOM_ERP_URL": ("ftp://erp.example", "it begins neither with https:// nor with http://"),
        "CUSTOM_PMS_URL": ("https://", "no host comes after https://"),
        "CRM_OFFICE_URL": ("https://crm example", "a space, a backslash or a control character is in it"),
        "INVOICED_URL": ("https://kari:hemmelig@api.example", "it carries a user or a password"),
        "POWEROFFICE_GO_URL": ("https://[", "it cannot be read: "),
    }
    secrets = {name: "x" for system in load_catalog(Path(SPECS)).system_specs.values() for name in names(system)}
    ports = Ports(environ={**secrets, **{name: url for name, (url, _) in addresses.items()}})
    place = ["--hub", f"duckdb:{tmp_path / 'hub.duckdb'}", "--state", str(tmp_path)]
    message = said("sync", "--specs", SPECS, *place, ports=ports)
    for name, (_, problem) in addresses.items():
        assert f"the address in {name} cannot be used: {problem}" in message
    assert "unset it for https://" in message
    ports = Ports(environ={name: url for name, (url, _) in addresses.items()})
    both = said("sync", "--specs", SPECS, *place, ports=ports)
    (line,) = [line for line in both.splitlines() if "CUSTOM_ERP_URL" in line]
    assert "CUSTOM_ERP_API_KEY" in line
    assert "hemmelig" not in message
    assert not (tmp_path / "hub.duckdb").exists()


@pytest.mark.parametrize("command", [["why", "a.b/1"], ["holds"], ["conflicts"], ["approve", "x"], ["plan", "--offline"]])
def test_without_a_hub_there_is_nothing_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert "run `talk sync` first" in said(*command, "--specs", SPECS)
    assert list(tmp_path.iterdir()) == []


def test_specs_with_errors_stop_everything(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("source: a\ntarget: b\nmapings: []\n")
    message = said("sync", "--specs", str(tmp_path))
    assert "broken.yaml:3:1: error [unknown-key]" in message
    assert "talk specs check" in message


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "there is no such file or folder" in said("sync", "--specs", str(tmp_path / "nowhere"))
    assert "there is no" in said("sync", "--specs", str(tmp_path))


def test_a_hub_that_cannot_be_is_said(tmp_path: Path) -> None:
    hub = str(tmp_path / "nowhere" / "hub.duckdb")
    assert "make it first" in said("holds", "--specs", SPECS, "--hub", hub)


@pytest.mark.parametrize(
    "hub", ["foo:/x/hub", "postgres://kari:hemmelig@db/hub", "ducklake:foo:/x?pass=hemmelig", "duckdb:", "ducklake:"]
)
def test_an_address_that_no_hub_can_have_is_told_with_those_that_it_can(hub: str) -> None:
    message = said("holds", "--specs", SPECS, "--hub", hub)
    assert all(known in message for known in ("duckdb:PATH", "ducklake:sqlite:PATH", "--hub", "TALK_HUB"))
    assert "hemmelig" not in message
