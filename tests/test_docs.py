"""The documentation speaks of what there is."""

import re
from pathlib import Path

import click

from talk_assets.cli.specs import command


def test_every_finding_is_documented():
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path("talk_assets/specs").rglob("*.py"))
    source += Path("talk_assets/cli/specs.py").read_text(encoding="utf-8")
    codes = set(re.findall(r'(?:error|Problem)\(\s*"([a-z0-9-]+)"', source))
    documented = set(re.findall(r"`([a-z-]+)`", Path("docs/specs.md").read_text(encoding="utf-8")))
    assert codes <= documented, f"docs/specs.md does not mention {sorted(codes - documented)}"


def test_every_command_of_the_readme_exists():
    text = Path("README.md").read_text(encoding="utf-8")
    assert isinstance(command, click.Group)
    assert set(re.findall(r"talk specs ([a-z]+)", text)) == set(command.commands)


def test_every_link_of_the_documentation_leads_somewhere():
    for page in (Path("README.md"), Path("CONTRIBUTING.md"), *Path("docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"
