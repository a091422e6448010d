"""Tables, for people at a terminal and for whatever reads their lines."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from talk_assets.cli.show import printable

_ANY = 100_000


def console() -> Console:
    """As wide as the terminal; where there is none, each row is one line, whatever is in it."""
    return Console(width=None if sys.stdout.isatty() else _ANY, soft_wrap=False, highlight=False)


def cell(text: object) -> Text:
    """A value from data, as a table may show it: nothing in it is markup, moves the cursor or begins a line."""
    return Text(printable(str(text)).replace("\n", "↵"), overflow="fold")


def table(*heads: str, title: str | None = None) -> Table:
    """A table whose cells fold; heads with a `#` before them stand to the right."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for head in heads:
        made.add_column(head.removeprefix("#"), overflow="fold", justify="right" if head.startswith("#") else "left")
    return made
