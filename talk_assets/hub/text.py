"""Values and names inside statements, where a parameter cannot stand."""


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def pointer(path: str) -> str:
    """A dotted path as DuckDB's JSON functions take it."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path.split("."))
