"""The sentences and fixed marks of dataflow documents, said once for parser and renderer."""

from talk_assets.specs.document.model import Before, Condition, Connected, Every

TITLE_END = " Dataflow"
GENERATED = "Generated: "
HEADINGS = ("Introduction", "Introduction.")
HEADING_LINE = "-" * 12
TABLE = (".. list-table::", "   :header-rows: 1", "")
FIRST_CELL = "   * - "
NEXT_CELL = "     - "
PROPERTY = " Property"
DATA_TYPE = " Data Type"
NO_MATCH_START = "If no matching "
OPEN_ENDED = "it  will be synchronized with a"


def route(title: str) -> str:
    """The `X to Y` of a title."""
    return title.removesuffix(TITLE_END)


def is_title(line: str) -> bool:
    return line.endswith(TITLE_END) and " to " in route(line)


def names_route(route: str) -> str:
    return f"from {route}."


def introduction(route: str) -> str:
    return (
        f"This technical document provides a detailed overview of the Sesam Talk data flow {names_route(route)} "
        "It serves as a QA checklist for testing purposes and is the intellectual property of Sesam.io AS. "
        "The content contains confidential information regulated under an NDA agreement, and sharing or "
        "distributing it without written permission is prohibited."
    )


def heading(a: str, b: str) -> str:
    return f"{a} to {b}"


def every(a: str, b: str) -> str:
    return f"Every {a} will be synchronized with a {b}."


def before(a: str, b: str) -> str:
    return f"Before any synchronization can take place, a link between a {a} and a {b} must be established."


def condition_end(b: str) -> str:
    return f", {OPEN_ENDED} {b}."


def rule(kind: Every | Before | Condition, a: str, b: str) -> str:
    match kind:
        case Every():
            return every(a, b)
        case Before():
            return before(a, b)
        case Condition(text):
            return text + condition_end(b)


def connected_start(a: str, b: str) -> str:
    return f"A new {b} will be created from a {a} if it is connected to a "


CONNECTED_INTO = " that is synchronized into "


def connected(connection: Connected, a: str, b: str) -> str:
    return f"{connected_start(a, b)}{join_items(connection.items)}{CONNECTED_INTO}{connection.into}."


def join_items(items: tuple[str, ...]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])}, or {items[-1]}"


def split_items(text: str) -> tuple[str, ...]:
    """The inverse of `join_items`: whatever the items hold, joining them again gives `text`."""
    head, last_is, last = text.rpartition(", or ")
    return (*head.split(", "), last) if last_is else (text,)


def match_or_create(a: str, b: str) -> tuple[str, str]:
    return (
        f"If a matching {b} already exists, the {a} will be merged with the existing one.",
        f"{NO_MATCH_START}{b} is found, a new {b} will be created.",
    )


def merge(a: str, b: str) -> str:
    return f"A {a} will merge with a {b} if one of the following property combinations match:"


def once(a: str, b: str) -> str:
    return (
        f"Once a link between a {a} and a {b} is established, it will keep in sync between the two systems, "
        "regardless of where it is edited."
    )


def properties(a: str, b: str) -> str:
    return f"The following properties are synchronized between a {a} and a {b}:"
