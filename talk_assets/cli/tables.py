"""Tables, for people at a terminal and for whatever reads their lines."""

import shutil
import sys
import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from talk_assets.cli.show import printable

_ANY = 100_000


def is_terminal() -> bool:
    return sys.stdout.isatty()


def console() -> Console:
    """As wide as the terminal; where there is none, each row is one line, whatever is in it."""
    return Console(width=None if is_terminal() else _ANY, soft_wrap=False, highlight=False)


def print_fitting(whole: Table, short: Table) -> None:
    """A table, or one that says less where the terminal is too narrow for it."""
    at = console()
    wanted = at.measure(whole, options=at.options.update(max_width=_ANY)).maximum
    at.print(whole if wanted <= at.width else short)


def folded(text: str) -> str:
    """For a terminal: broken between words, and what goes on stands further to the right. Elsewhere as it is."""
    if not is_terminal():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    within = textwrap.TextWrapper(width, subsequent_indent=f"{indent}    ", break_long_words=False, break_on_hyphens=False)
    return within.fill(line)


def cell(text: object) -> Text:
    """A value from data, as a table may show it: nothing in it is markup, moves the cursor or begins a line."""
    return Text(printable(str(text)).replace("\n", "↵"), overflow="fold")


def table(*heads: str, title: str | None = None) -> Table:
    """A table whose cells fold; heads with a `#` before them stand to the right."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for head in heads:
        made.add_column(head.removeprefix("#"), overflow="fold", justify="right" if head.startswith("#") else "left")
    return made
