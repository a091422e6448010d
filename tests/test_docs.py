"""The documentation speaks of what there is, and of all of it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from talk_assets.cli import main

PAGES = (*map(Path, ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted(Path("docs").glob("*.md")))
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?:sudo .* )?(?:uv run |\S*/bin/)?talk(?= |$)(.*)")


def test_every_finding_is_documented():
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path("talk_assets/specs").rglob("*.py"))
    source += Path("talk_assets/cli/specs.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'(?:error|Problem)\(\s*"([a-z0-9-]+)"', source))
    documented = set(re.findall(r"`([a-z-]+)`", Path("docs/specs.md").read_text(encoding="utf-8")))
    assert codes <= documented, f"docs/specs.md does not mention {sorted(codes - documented)}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path):
    for link in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in headings(target), f"{page}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_test_that_is_named_exists(page: Path):
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path("tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"def (test_\w+)\(", source))


def test_every_security_rule_has_a_row_and_names_what_shows_it():
    page = Path("docs/security.md").read_text(encoding="utf-8")
    rows = {int(number): row for number, row in re.findall(r"^\| S(\d+) \|(.*)\|$", page, re.MULTILINE)}
    assert list(rows) == list(range(1, 29))
    assert "missing" not in page.lower()
    shown = {number: row.split(" | ")[-1].strip() for number, row in rows.items()}
    silent = {number for number, cell in shown.items() if not cell.startswith("`test_")}
    # No spreadsheets are written.
    assert silent == {19}
    assert shown[19].startswith("nothing to show: ")


def test_every_fault_has_a_row_and_no_cell_is_empty():
    page = Path("docs/faults.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\| [A-Z]\d+ \|.*$", page, re.MULTILINE)
    ]
    kinds = {"R": 42, "W": 28, "P": 13, "O": 16}
    assert [name for name, *_ in rows] == [f"{kind}{number}" for kind, count in kinds.items() for number in range(1, count + 1)]
    assert all(len(row) == 4 and all(row) for row in rows)
    unshown = {name: done for name, _, done, shown in rows if "`test_" not in shown}
    assert {name: done.partition(":")[0] for name, done in unshown.items()} == {"W11": "cannot occur"}


def test_the_asset_test_that_is_shown_is_one_of_ours():
    (shown,) = re.findall(
        r"^```python\n(.*?)^```$", Path("docs/dagster.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert shown == Path("tests/assets/test_sample.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_with_its_options_exists(page: Path):
    for words in commands(page.read_text(encoding="utf-8")):
        command, rest = found(words)
        known = {name for one in lineage(words) for param in one.params for name in (*param.opts, *param.secondary_opts)}
        strange = {word.partition("=")[0] for word in rest if word.startswith("-")} - known - {"--help", "-h"}
        assert not strange, f"{page}: talk {' '.join(words)}: {command.name} has no {strange}"


def test_every_command_is_documented():
    told = {
        tuple(one.name for one in lineage(words)[1:]) for page in PAGES for words in commands(page.read_text(encoding="utf-8"))
    }
    missing = {path for path in every(main) if path not in told}
    assert not missing, f"no page shows {sorted(missing)}"


def commands(text: str) -> Iterator[list[str]]:
    """The words after `talk` of every command in a code block or a code span."""
    lines = [line for block in _FENCED.findall(text) for line in block.splitlines()]
    spans = re.findall(r"`([^`]+)`", _FENCED.sub("", text))
    for line in (*lines, *(" ".join(span.split()) for span in spans)):
        if shown := _COMMAND.match(line.partition(" #")[0].strip()):
            yield [word for word in shlex.split(shown[1]) if word != "&"]


def lineage(words: list[str]) -> list[click.Command]:
    """The commands that the words name, each inside the one before."""
    at: list[click.Command] = [main]
    for word in words:
        group = at[-1]
        if not isinstance(group, click.Group) or word.startswith("-"):
            break
        inner = group.get_command(click.Context(group), word)
        assert inner, f"there is no command `talk {' '.join(words)}`"
        at.append(inner)
    return at


def found(words: list[str]) -> tuple[click.Command, list[str]]:
    line = lineage(words)
    return line[-1], words[len(line) - 1 :]


def every(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        inner = group.get_command(context, name)
        if isinstance(inner, click.Group):
            yield from every(inner, (*above, name))
        if not isinstance(inner, click.Group) or inner.invoke_without_command:
            yield (*above, name)


def headings(page: Path) -> set[str]:
    lines = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
