"""Folders as they are: odd names, names that meet, what cannot be read, and nothing at all."""

import os
import sys
from pathlib import Path

import dagster as dg
import pytest

from talk_assets.definitions import definitions
from talk_assets.specs.catalog import load_catalog
from talk_assets.specs.document import Document, Every, Section, render
from talk_assets.specs.files import LIMIT, write_whole
from talk_assets.specs.resolve import resolve
from talk_assets.specs.verify import verify
from tests.specs.samples import ALPHA, BETA, EMPTY_DOCUMENT, EVERY_SENTENCE, SOUND_FLOW
from tests.specs.test_cli import talk, tree, write

posix = pytest.mark.skipif(os.name == "nt", reason="such names do not exist here")


@posix
def test_a_backslash_in_a_name_stops_nothing(tmp_path: Path):
    documents = write(tmp_path / "in", good__txt=EVERY_SENTENCE)
    (documents / "a\\b.txt").write_text(EMPTY_DOCUMENT)
    assert talk("specs", "import", documents, "--out", tmp_path / "specs").exit_code == 0
    assert talk("specs", "render", tmp_path / "specs", "--out", tmp_path / "out").exit_code == 0
    assert tree(tmp_path / "out") == tree(documents)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names themselves")
def test_a_name_that_is_no_text_is_refused_and_the_others_go_on(tmp_path: Path):
    documents = write(tmp_path / "in", good__txt=EVERY_SENTENCE)
    Path(os.fsdecode(os.fsencode(documents) + b"/bad\xffname.txt")).write_text(EMPTY_DOCUMENT)
    result = talk("specs", "import", documents, "--out", tmp_path / "specs")
    assert result.exit_code == 1
    assert "error [file-name] a spec cannot hold this file's name" in result.output
    assert sorted(tree(tmp_path / "specs")) == ["good.yaml"]


@posix
def test_the_longest_name_there_can_be_is_imported_and_comes_back(tmp_path: Path):
    documents = tmp_path / "in"
    documents.mkdir()
    for name in ("x" * 252, "y" * 251 + ".rst", "é" * 126):
        (documents / name).write_text(EMPTY_DOCUMENT)
    assert talk("specs", "import", documents, "--out", tmp_path / "specs").exit_code == 0
    assert talk("specs", "render", tmp_path / "specs", "--out", tmp_path / "out").exit_code == 0
    assert tree(tmp_path / "out") == tree(documents)


def test_what_cannot_be_written_is_named_itself_not_its_temporary_file(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken") as failure:
        write_whole(tmp_path / "taken", "text")
    assert failure.value.filename == str(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_names_that_meet_become_specs_of_their_own(tmp_path: Path):
    names = ["a.txt", "a.rst", "a.txt.rst", "1.10", "1.10.rst", "b", "b.txt", "B.txt"]
    documents = tmp_path / "in"
    documents.mkdir()
    for name in names:
        (documents / name).write_text(EMPTY_DOCUMENT)
    for _ in range(2):
        result = talk("specs", "import", documents, "--out", tmp_path / "specs")
        assert result.exit_code == 0, result.output
        assert sorted(tree(tmp_path / "specs")) == [
            *("1.10.rst.yaml", "1.10.yaml", "B.yaml", "a.rst.yaml", "a.txt.rst.yaml", "a.yaml", "b.2.yaml", "b.3.yaml"),
        ]
    talk("specs", "render", tmp_path / "specs", "--out", tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == sorted(names)


@pytest.mark.parametrize(
    ("source", "entities", "key", "says"),
    [
        ("Engine", ["Order"], "engine_system", "begin systems/engine_system.yaml by `talk specs draft engine_system`"),
        ("Bêta", ["Order"], "beta", "the key beta stands for 'Beta' and for 'Bêta': the two would be one"),
        (
            "Alpha",
            ["Order", "注文 Order"],
            "alpha",
            "the key order stands for '注文 Order' and for 'Order': the two would be one",
        ),
    ],
)
def test_names_that_would_get_a_key_that_is_taken_are_told(
    tmp_path: Path, source: str, entities: list[str], key: str, says: str
):
    sections = tuple(Section(f"{source} {name}", f"Beta {name}", "Beta", Every()) for name in entities)
    write(tmp_path, a__txt=render(Document(f"{source} to Beta Dataflow", "2000-01-01 00:00:00", sections)))
    result = talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs")
    assert says in result.output
    assert f"source: {key}\n" in (tmp_path / "specs" / "a.yaml").read_text()


def test_a_document_has_the_same_spec_whatever_lies_beside_it(tmp_path: Path):
    documents = write(tmp_path / "in", a__txt=EMPTY_DOCUMENT)
    talk("specs", "import", documents, "--out", tmp_path / "specs")
    write(documents, a__rst=EMPTY_DOCUMENT)
    assert talk("specs", "import", documents, "--out", tmp_path / "specs").exit_code == 0
    assert sorted(tree(tmp_path / "specs")) == ["a.rst.yaml", "a.yaml"]


def test_a_folder_can_be_imported_into_itself_twice(tmp_path: Path):
    documents = write(tmp_path / "in", a__txt=EMPTY_DOCUMENT)
    for _ in range(2):
        assert talk("specs", "import", documents, "--out", documents).exit_code == 0
    assert sorted(tree(documents)) == ["a.txt", "a.yaml"]


def test_dataflows_whose_names_meet_are_told_apart(tmp_path: Path):
    folder = tmp_path / "dataflows"
    for name in ("flow.yaml", "older/flow.yaml", "a b.yaml", "a_b.yaml", "顧客.yaml", "注文.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SOUND_FLOW)
    write(tmp_path / "systems", alpha__yaml=ALPHA, beta__yaml=BETA)
    resolved = resolve(load_catalog(tmp_path))
    assert sorted({mapping.dataflow for mapping in resolved.mappings}) == [
        *("a_b", "a_b_2", "flow", "older_flow", "unnamed_266125dd", "unnamed_40b3e4e1"),
    ]
    problems = verify(resolved)
    assert [problem.place.file.name for problem in problems if problem.code == "same-name"] == ["a_b.yaml"]
    dg.Definitions.validate_loadable(definitions(tmp_path))


def test_broken_files_of_one_name_are_told_apart_in_dagster(tmp_path: Path):
    for name in ("one/x.yaml", "two/x.yaml", "a b.yaml", "a_b.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("source: [")
    loaded = definitions(tmp_path)
    dg.Definitions.validate_loadable(loaded)
    assert len({spec.key for spec in loaded.resolve_all_asset_specs()}) == 4


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be looked into, for whoever runs the tests."""
    folder = tmp_path / "in" / "closed"
    folder.mkdir(parents=True)
    scan = os.scandir

    def refusing(path: str | Path) -> object:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return folder


@pytest.mark.parametrize("arguments", [("check",), ("graph",), ("import", "--out", "specs"), ("render", "--out", "out")])
def test_a_folder_that_cannot_be_read_is_an_error(closed: Path, arguments: tuple[str, ...]):
    write(closed.parent, a__txt=EMPTY_DOCUMENT)
    out = [str(closed.parent.parent / one) if one in ("specs", "out") else one for one in arguments[1:]]
    result = talk("specs", arguments[0], closed.parent, *out)
    assert result.exit_code == 1
    assert "closed:1:1: error [unreadable] it cannot be read: Permission denied" in result.output


def test_a_file_in_a_folder_that_cannot_be_entered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refusing(path: Path, **_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refusing)
    result = talk("specs", "import", tmp_path / "x.txt", "--out", tmp_path / "specs", "--systems", tmp_path)
    assert result.exit_code == 1
    assert "x.txt:1:1: error [unreadable] it cannot be read: Permission denied" in result.output


@posix
def test_what_is_no_file_is_named_and_never_opened(tmp_path: Path):
    documents = write(tmp_path / "in", a__txt=EMPTY_DOCUMENT)
    os.mkfifo(documents / "pipe")
    result = talk("specs", "import", documents, "--out", tmp_path / "specs")
    assert result.exit_code == 1
    assert "pipe:1:1: error [unreadable] this is neither a file nor a folder" in result.output
    result = talk("specs", "import", "/dev/zero", "--out", tmp_path / "specs")
    assert result.exit_code == 1
    assert "/dev/zero:1:1: error [unreadable] this is neither" in result.output


@posix
def test_a_link_to_a_folder_is_not_passed_over_without_a_word(tmp_path: Path):
    documents = write(tmp_path / "in", a__txt=EMPTY_DOCUMENT)
    write(tmp_path / "elsewhere", b__txt=EMPTY_DOCUMENT)
    (documents / "more").symlink_to(tmp_path / "elsewhere")
    result = talk("specs", "import", documents, "--out", tmp_path / "specs")
    assert result.exit_code == 0
    assert "more:1:1: warning [not-followed] links to folders are not followed" in result.output
    assert "1 document imported with 0 mappings; 0 files refused" in result.output


@pytest.mark.parametrize("command", [("check",), ("graph",), ("import", "--out", "x"), ("render", "--out", "x")])
def test_where_there_is_nothing_nothing_is_proved(tmp_path: Path, command: tuple[str, ...]):
    (tmp_path / ".hidden.txt").write_text(EMPTY_DOCUMENT)
    result = talk("specs", command[0], tmp_path, *command[1:])
    assert result.exit_code == 1
    assert "error [nothing-found] there is no" in result.output


def test_system_specs_that_were_asked_for_must_be_there(tmp_path: Path):
    write(tmp_path, a__txt=EMPTY_DOCUMENT)
    result = talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs", "--systems", "/nonexistent")
    assert result.exit_code == 1
    assert "/nonexistent:1:1: error [unreadable] there is no such file or folder" in result.output


@pytest.mark.long
def test_a_spec_that_would_be_too_large_to_read_is_not_written(tmp_path: Path):
    row = '   * - a\\b"c\n     - d\n     - ["decimal","_."]\n'
    many = EVERY_SENTENCE.replace("   * - born\n     - dateOfBirth\n     - N/A\n", row * ((LIMIT - 9000) // len(row)))
    write(tmp_path, a__txt=many)
    result = talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs")
    assert result.exit_code == 1
    assert "error [too-large] its spec would have" in result.output
    assert not (tmp_path / "specs").exists()


def test_render_writes_nothing_that_import_refuses(tmp_path: Path):
    write(tmp_path, a__txt=EMPTY_DOCUMENT)
    talk("specs", "import", tmp_path / "a.txt", "--out", tmp_path / "specs")
    spec = tmp_path / "specs" / "a.yaml"
    spec.write_text(spec.read_text().replace("title: Alpha CRM to Beta Dataflow", "title: Foo"))
    result = talk("specs", "render", spec, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "error [round-trip] the document this renders to could not be imported again" in result.output
    assert not (tmp_path / "out").exists()
