"""What is missing before anything runs is said in words, all at once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from talk_assets.cli import main
from talk_assets.operator.project import Ports

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
