"""`talk specs` as a person uses it: a folder of documents in, specs, findings, and the documents back."""

import errno
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from talk_assets.cli import main
from talk_assets.cli.options import told
from talk_assets.specs.files import LIMIT
from tests.specs.samples import ALPHA, BETA, EMPTY_DOCUMENT, EVERY_SENTENCE, SOUND_FLOW


def talk(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_bytes(text.encode())
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_of_documents_comes_back_byte_for_byte(tmp_path: Path):
    documents = write(
        tmp_path / "in", a__txt=EVERY_SENTENCE, b__rst=EVERY_SENTENCE.replace("\n", "\r\n"), b__txt=EMPTY_DOCUMENT
    )
    write(documents / "older", a__txt=EMPTY_DOCUMENT)
    imported = talk("specs", "import", documents, "--out", tmp_path / "specs")
    assert imported.exit_code == 0
    assert "4 documents imported with 6 mappings; 0 files refused" in imported.output
    assert sorted(tree(tmp_path / "specs")) == ["a.yaml", "b.rst.yaml", "b.yaml", "older/a.yaml"]
    rendered = talk("specs", "render", tmp_path / "specs", "--out", tmp_path / "out")
    assert rendered.exit_code == 0
    assert tree(tmp_path / "out") == tree(documents)


def test_one_document_can_be_imported_and_rendered_alone(tmp_path: Path):
    write(tmp_path, a__txt=EVERY_SENTENCE)
    assert talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs").exit_code == 0
    assert talk("specs", "render", tmp_path / "specs" / "a.yaml", "--out", tmp_path / "out").exit_code == 0
    assert tree(tmp_path / "out") == {"a.txt": EVERY_SENTENCE.encode()}


def test_what_is_wrong_with_one_file_does_not_stop_the_others(tmp_path: Path):
    documents = write(
        tmp_path / "in",
        good__txt=EVERY_SENTENCE,
        truncated__txt=EVERY_SENTENCE[:2000],
        foreign__rst="Title\n=====\n\n.. toctree::\n",
        empty__txt="",
    )
    (documents / "junk.bin").write_bytes(bytes(range(256)))
    with (documents / "huge.txt").open("wb") as huge:
        huge.truncate(50 * 1024 * 1024)
    result = talk("specs", "import", documents, "--out", tmp_path / "specs")
    assert result.exit_code == 1
    assert "1 document imported with 3 mappings; 5 files refused" in result.output
    assert "truncated.txt:48:1: error [document] no table follows" in result.output
    assert "foreign.rst:1:1: error [document] a bar of = above the title was expected, found 'Title'" in result.output
    assert "empty.txt:1:1: error [document] the file is empty" in result.output
    assert "junk.bin:2:118: error [not-text] byte 0x80 is not UTF-8 text" in result.output
    assert f"huge.txt:1:1: error [too-large] the file has 52,428,800 bytes, more than the {LIMIT:,}" in result.output
    assert sorted(tree(tmp_path / "specs")) == ["good.yaml"]


def test_importing_again_keeps_what_was_added(tmp_path: Path):
    write(tmp_path, a__txt=EVERY_SENTENCE)
    specs = tmp_path / "specs"
    talk("specs", "import", tmp_path / "a.txt", "--out", specs)
    spec = specs / "a.yaml"
    ours = spec.read_text().replace(
        "    properties:\n", "    properties:\n      - {source: phone, target: phone, added: true}\n", 1
    )
    spec.write_text(ours)
    again = talk("specs", "import", tmp_path / "a.txt", "--out", specs)
    assert again.exit_code == 0
    assert "1 of them unchanged" in again.output
    assert spec.read_text() == ours


def test_what_was_rendered_is_imported_to_where_its_specs_are_whatever_they_are_called(tmp_path: Path):
    specs, documents = tmp_path / "specs", tmp_path / "documents"
    shutil.copytree("mapping_specs/dataflows", specs)
    before = {path: path.read_bytes() for path in specs.iterdir()}
    talk("specs", "render", specs, "--out", documents)
    said = talk("specs", "import", documents, "--out", specs).output
    assert "5 documents imported with 18 mappings, 5 of them unchanged" in said
    assert {path: path.read_bytes() for path in specs.rglob("*")} == before
    (documents / "custompms_customerp.txt").write_bytes((documents / "004_622346d7c5c212df.txt").read_bytes())
    assert "custompms_customerp.2.yaml" in talk("specs", "import", documents, "--out", specs).output


def test_a_document_that_changed_does_not_overwrite_a_spec_unless_asked(tmp_path: Path):
    write(tmp_path, a__txt=EVERY_SENTENCE)
    specs = tmp_path / "specs"
    talk("specs", "import", tmp_path / "a.txt", "--out", specs)
    before = tree(specs)
    newer = EVERY_SENTENCE.replace("2024-11-13", "2024-12-24")
    write(tmp_path, a__txt=newer)
    refused = talk("specs", "import", tmp_path / "a.txt", "--out", specs)
    assert refused.exit_code == 1
    assert "a.yaml:1:1: error [exists]" in refused.output
    assert tree(specs) == before
    assert talk("specs", "import", tmp_path / "a.txt", "--out", specs, "--replace").exit_code == 0
    talk("specs", "render", specs, "--out", tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.txt": newer.encode()}


def test_an_imported_spec_names_systems_and_entities_that_are_known(tmp_path: Path):
    write(tmp_path / "systems", alpha__yaml=ALPHA, beta__yaml=BETA)
    write(tmp_path, a__txt=EVERY_SENTENCE)
    talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs", "--systems", tmp_path / "systems")
    spec = (tmp_path / "specs" / "a.yaml").read_text()
    assert "source: alpha\ntarget: beta\n" in spec
    assert "  - source: company\n    target: customer_organisation_data\n" in spec
    assert "  - source: deal\n    target: order\n" in spec


@pytest.mark.parametrize(("out", "home"), [("mine/dataflows", "mine"), ("mine", "mine")])
def test_an_import_knows_the_systems_that_stand_beside_it(tmp_path: Path, out: str, home: str):
    write(tmp_path / "mine" / "systems", alpha__yaml=ALPHA, beta__yaml=BETA)
    write(tmp_path, a__txt=EVERY_SENTENCE)
    result = talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / out)
    assert "source: alpha\ntarget: beta\n" in (tmp_path / out / "a.yaml").read_text()
    assert result.output.endswith(f"next: uv run talk specs check {tmp_path / home}\n")
    assert "unknown-system" not in talk("specs", "check", tmp_path / home).output
    assert "`systems` in or beside --out, else mapping_specs/systems" in " ".join(
        talk("specs", "import", "--help").output.split()
    )


def test_names_of_systems_that_nobody_recognised_are_told_once(tmp_path: Path):
    write(tmp_path / "systems", alpha__yaml=ALPHA.replace("title: Alpha CRM", "title: Alpha", 1), beta__yaml=BETA)
    write(tmp_path / "in", a__txt=EVERY_SENTENCE, b__txt=EMPTY_DOCUMENT)
    result = talk("specs", "import", tmp_path / "in", "--out", tmp_path / "specs")
    assert result.exit_code == 0
    assert result.output.count("unknown-system") == 1
    assert "a.txt:2:1: warning [unknown-system] no system spec knows the name 'Alpha CRM'; the key alpha_crm" in result.output
    assert "did you mean alpha? add it to the `names` of its system spec" in result.output


def imported_before_its_systems(tmp_path: Path) -> tuple[Path, tuple[str | Path, ...]]:
    """A spec made of a document when nothing was known of one of its systems, and how it is imported again."""
    write(tmp_path, a__txt=EVERY_SENTENCE)
    again = ("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs", "--systems", tmp_path / "systems")
    write(tmp_path / "systems", beta__yaml=BETA)
    talk(*again)
    firm = ALPHA.replace("  company:\n    title: Company\n", "  firm:\n    title: Company\n").replace("[company]", "[firm]")
    write(tmp_path / "systems", alpha__yaml=firm)
    return tmp_path / "specs" / "a.yaml", again


def test_a_spec_that_nobody_edited_follows_the_names_of_systems_that_were_described_later(tmp_path: Path):
    spec, again = imported_before_its_systems(tmp_path)
    assert "source: alpha_crm\ntarget: beta\n" in spec.read_text()
    done = talk(*again)
    assert done.exit_code == 0
    assert "unchanged" not in done.output
    assert "source: alpha\ntarget: beta\n" in spec.read_text()
    assert "  - source: firm\n" in spec.read_text()
    assert "1 of them unchanged" in talk(*again).output
    talk("specs", "render", spec, "--out", tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.txt": EVERY_SENTENCE.encode()}


def test_a_spec_that_was_edited_keeps_its_names_and_is_told_the_new_ones(tmp_path: Path):
    spec, again = imported_before_its_systems(tmp_path)
    spec.write_text(f"{spec.read_text()}# ours\n")
    refused = talk(*again)
    assert refused.exit_code == 1
    assert "a.yaml:5:9: error [exists] 'alpha_crm' is called alpha since its system spec was written" in refused.output
    assert "say `source: firm` beside `labels: {source: Alpha CRM Company}`" in refused.output
    assert spec.read_text().endswith("# ours\n")
    followed = spec.read_text().replace("source: alpha_crm", "source: alpha").replace("- source: company", "- source: firm")
    spec.write_text(followed.replace("labels: {", "labels: {source: Alpha CRM Company, ", 1))
    assert "1 of them unchanged" in talk(*again).output


def test_render_refuses_a_spec_without_a_document_and_two_with_one_name(tmp_path: Path):
    specs = write(tmp_path / "specs", own__yaml=SOUND_FLOW, broken__yaml="source: [")
    write(tmp_path, a__txt=EVERY_SENTENCE)
    talk("specs", "import", tmp_path / "a.txt", "--out", specs)
    shutil.copy(specs / "a.yaml", specs / "twin.yaml")
    result = talk("specs", "render", specs, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "own.yaml:4:3: error [no-document]" in result.output
    assert "broken.yaml:2:1: error [yaml]" in result.output
    assert "twin.yaml:2:9: error [twice]" in result.output
    assert sorted(tree(tmp_path / "out")) == ["a.txt"]


@pytest.mark.parametrize("name", ["../outside.txt", "..", "/etc/passwd", "a/b.txt"])
def test_a_spec_cannot_make_render_write_elsewhere(tmp_path: Path, name: str):
    specs = tmp_path / "specs"
    write(tmp_path, a__txt=EVERY_SENTENCE)
    talk("specs", "import", tmp_path / "a.txt", "--out", specs)
    (specs / "a.yaml").write_text((specs / "a.yaml").read_text().replace("file: a.txt", f"file: '{name}'"))
    result = talk("specs", "render", specs, "--out", tmp_path / "deep" / "out")
    assert result.exit_code == 1
    assert "error [value] file: must match" in result.output
    assert not (tmp_path / "deep").exists()


def test_check_prints_all_errors_and_exits_1(tmp_path: Path):
    write(tmp_path / "systems", alpha__yaml=ALPHA, beta__yaml=BETA)
    write(tmp_path, flow__yaml=SOUND_FLOW.replace("[name, name]", "[nmae, name]").replace("[email, mail]", "[email, mial]"))
    result = talk("specs", "check", tmp_path)
    assert result.exit_code == 1
    assert (
        "flow.yaml:10:10: error [unknown-property] alpha.company has no property 'nmae' (did you mean name?)" in result.output
    )
    assert result.output.count("[unknown-property]") == 4
    assert result.output.splitlines()[-1].startswith(
        "2 mappings in 1 dataflow, 7 documented and 1 added row, 2 match rules; 2 systems,"
    )


def test_check_json_says_the_same(tmp_path: Path):
    write(tmp_path / "systems", alpha__yaml=ALPHA, beta__yaml=BETA)
    write(tmp_path, flow__yaml=SOUND_FLOW.replace("[name, name]", "[nmae, name]"))
    result = talk("specs", "check", tmp_path, "--json", "--least", "error")
    told = json.loads(result.output)
    assert result.exit_code == 1
    assert (told["systems"], told["entities"], told["mappings"], told["subjects"]) == (2, 6, 2, 2)
    assert told["problems"][0] == {
        "code": "required-missing",
        "severity": "error",
        "file": str(tmp_path / "flow.yaml"),
        "line": 5,
        "column": 13,
        "message": "beta.customer cannot be created without name, and nothing gives it a value",
        "suggestion": "add a row for name, an entry in `on_create`, or a `default` in the system spec",
    }
    assert [(problem["code"], problem["line"], problem["column"]) for problem in told["problems"][1:]] == [
        ("unknown-property", 10, 10)
    ]
    told = json.loads(talk("specs", "check", "mapping_specs", "--json").output)
    assert {problem["severity"] for problem in told["problems"]} == {"warning", "note"}
    assert {problem["suggestion"] for problem in told["problems"]} >= {None}
    assert "" not in {problem["suggestion"] for problem in told["problems"]}


def test_sound_specs_pass_the_check(tmp_path: Path):
    write(tmp_path / "systems", alpha__yaml=ALPHA, beta__yaml=BETA)
    write(tmp_path, flow__yaml=SOUND_FLOW)
    assert talk("specs", "check", tmp_path).exit_code == 0


@pytest.mark.parametrize("text", ["system: [", "system: custom_erp\n", "", "- a\n"])
def test_systems_of_one_s_own_that_cannot_be_read_are_not_replaced_by_the_templates(tmp_path: Path, text: str):
    write(tmp_path / "systems", custom_erp__yaml=text)
    write(tmp_path, flow__yaml=SOUND_FLOW)
    result = talk("specs", "check", tmp_path)
    assert result.exit_code == 1
    assert "; 0 systems, 0 entities" in result.output
    assert "0 systems" not in talk("specs", "check", tmp_path / "flow.yaml").output


@pytest.mark.parametrize("command", ["check", "graph"])
def test_a_folder_that_is_not_there_is_named(command: str):
    result = talk("specs", command, "no/such/folder")
    assert result.exit_code == 1
    assert "no/such/folder:1:1: error [unreadable] there is no such file or folder" in result.output
    assert "go to the folder that has it" in result.output


@pytest.mark.parametrize("command", ["import", "render"])
def test_a_source_that_is_not_there_is_named(command: str, tmp_path: Path):
    result = talk("specs", command, "no/such/folder", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "no/such/folder:1:1: error [unreadable] there is no such file or folder" in result.output


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    write(tmp_path, a__txt=EVERY_SENTENCE, out="a file")
    result = talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "error [unwritable] cannot write" in result.output


def test_a_document_that_is_called_like_a_spec_is_left_out_with_a_note(tmp_path: Path):
    source = write(tmp_path / "in", a__txt=EVERY_SENTENCE, b__yaml=EVERY_SENTENCE, c__yaml=SOUND_FLOW)
    result = talk("specs", "import", source, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "b.yaml:1:1: note [skipped]" in result.output
    assert "c.yaml" not in result.output
    assert "1 document imported with 3 mappings; 0 files refused" in result.output


def test_names_without_a_latin_letter_get_keys_of_their_own(tmp_path: Path):
    title = "Система to 会計 Dataflow"
    bar = "=" * len(title)
    text = EMPTY_DOCUMENT.replace("Alpha CRM to Beta", "Система to 会計").replace("==========================", bar)
    write(tmp_path, a__txt=text)
    assert talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "out").exit_code == 0
    keys = re.findall("^(?:source|target): (.*)$", (tmp_path / "out" / "a.yaml").read_text(), re.MULTILINE)
    assert len(set(keys)) == 2
    assert all(re.fullmatch("unnamed_[0-9a-f]{8}", key) for key in keys)


def test_a_folder_that_links_to_itself_is_named(tmp_path: Path):
    write(tmp_path, a__txt=EVERY_SENTENCE)
    (tmp_path / "loop").symlink_to("loop")
    result = talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "loop")
    assert result.exit_code == 1
    assert "leads back to itself" in result.output


def test_what_a_terminal_cannot_show_is_replaced(tmp_path: Path):
    write(tmp_path, a__txt=EVERY_SENTENCE)
    asked = ["specs", "import", str(tmp_path / "a.txt"), "--out", str(tmp_path / "out")]
    result = CliRunner(charset="latin-1").invoke(main, asked, catch_exceptions=False)
    assert result.exit_code == 0
    assert "a.txt ? " in result.output


def test_an_output_that_is_full_is_said_in_one_line_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    with (tmp_path / "output").open("wb") as output:

        class Full(io.StringIO):
            def write(self, _: str) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            def fileno(self) -> int:
                return output.fileno()

        monkeypatch.setattr(sys, "stdout", Full())
        with pytest.raises(SystemExit) as ended:
            main(["--help"])
        assert (ended.value.code, capsys.readouterr().err) == (1, f"talk: cannot write: {os.strerror(errno.ENOSPC)}\n")
        os.write(output.fileno(), b"what was left unsaid, at the end of the process")
    assert (tmp_path / "output").read_bytes() == b""


def test_who_has_read_enough_of_an_output_is_told_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    @click.command()
    @told
    def long() -> None:
        click.echo("the first of many lines")

    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(SystemExit) as ended:
        long.main([])
    assert (ended.value.code, capsys.readouterr().err) == (1, "")


def test_control_characters_of_a_document_never_reach_the_terminal(tmp_path: Path):
    write(tmp_path, a__txt=EVERY_SENTENCE.replace("Every Alpha", "Every \x1b[31mAlpha", 1))
    result = talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "out")
    assert "\x1b" not in result.output
    assert "\\x1b[31m" in result.output


def test_the_graph_calls_nothing_by_a_word_of_mermaid(tmp_path: Path):
    """A system called `end` broke the drawing, and a subject called `default` coloured everything."""
    write(tmp_path, alpha__yaml=ALPHA.replace("system: alpha", "system: end"), beta__yaml=BETA)
    specs = {path: path.read_text().replace("subject: customer", "subject: default") for path in tmp_path.glob("*.yaml")}
    for path, text in specs.items():
        path.write_text(text)
    write(tmp_path, flow__yaml=SOUND_FLOW.replace("source: alpha", "source: end"))
    graph = talk("specs", "graph", tmp_path).output
    assert '  subgraph end_["Alpha CRM"]\n    end__company["Company"]\n' in graph
    assert "  class end__company,beta__customer default_\n" in graph


def test_the_graph_shows_systems_entities_subjects_and_mappings(tmp_path: Path):
    write(tmp_path / "systems", alpha__yaml=ALPHA, beta__yaml=BETA)
    write(tmp_path, flow__yaml=SOUND_FLOW)
    graph = talk("specs", "graph", tmp_path).output
    assert graph.startswith("flowchart LR\n")
    assert '  subgraph alpha["Alpha CRM"]\n    alpha__company["Company"]\n' in graph
    assert '  alpha__company -->|"5 + 0 rows"| beta__customer\n' in graph
    assert "  class alpha__company,beta__customer customer\n" in graph


def test_schemas_are_written(tmp_path: Path):
    assert talk("specs", "schema", "--out", tmp_path / "schema").exit_code == 0
    assert sorted(tree(tmp_path / "schema")) == ["dataflow.json", "system.json"]
    write(tmp_path, a__txt=EVERY_SENTENCE)
    talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "dataflows")
    assert (
        (tmp_path / "dataflows" / "a.yaml").read_text().startswith("# yaml-language-server: $schema=../schema/dataflow.json\n")
    )


def test_many_documents_are_imported_with_one_line_of_summary(tmp_path: Path):
    documents = tmp_path / "in"
    documents.mkdir()
    for number in range(60):
        (documents / f"{number:03}.txt").write_text(EVERY_SENTENCE)
    result = talk("specs", "import", documents, "--out", tmp_path / "specs")
    assert "60 documents imported with 180 mappings; 0 files refused" in result.output
    assert result.output.count("→") == 0


def test_the_whole_tool_has_help():
    assert "specs" in talk("--help").output
    assert {"check", "import", "render", "schema", "graph"} <= set(talk("specs", "--help").output.split())


def test_render_is_not_fooled_by_what_the_document_says(tmp_path: Path):
    tricky = EVERY_SENTENCE.replace("Contact", "Contact # {a: b} & 'x'")
    tricky = tricky.replace("\n" + "-" * 33 + "\n", "\n" + "-" * (33 + 2 * len(" # {a: b} & 'x'")) + "\n")
    write(tmp_path, a__txt=tricky)
    talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs")
    talk("specs", "render", tmp_path / "specs", "--out", tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.txt": tricky.encode()}
