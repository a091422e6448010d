"""`talk sandbox`: the five systems as servers on this machine."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
from click.core import ParameterSource
from rich.table import Table
from rich.text import Text

from talk_assets.cli.show import json_text, plural, printable
from talk_assets.cli.tables import cell, console
from talk_assets.sandbox import PORTS, PortTaken, Sandbox
from talk_assets.sandbox import start as start_sandbox
from talk_assets.sandbox.remote import NotRunning, Refused, Remote

P = ParamSpec("P")
T = TypeVar("T")

_FIRST_PORT = min(PORTS.values())
_SYSTEMS = [name for name in PORTS if not name.endswith("_v1")]
_TELLING = (
    "number", "ordernumber", "salesorderno", "code", "activitycode", "name", "firstname", "givenname", "lastname",
    "familyname", "subject", "organizationnumber", "organisationnumber", "organisation_number", "tax_id", "customerid",
    "customer", "emailaddress", "email", "phonenumber", "phone", "directphone", "mailaddress.city", "address.city", "city",
    "salesorderdate", "orderdate", "startdate", "status",
)  # fmt: skip
_COLUMNS = 6


class _Size(click.ParamType):
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+)([kM]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no size such as 100, 10k or 1M.", param, ctx)
        return int(match[1]) * {"": 1, "k": 1_000, "M": 1_000_000}[match[2]]


_Port = click.option(
    "--first-port", type=click.IntRange(1024, 65_000), default=_FIRST_PORT, show_default=True, envvar="TALK_SANDBOX_PORT",
    help="The first of six ports in a row.",
)  # fmt: skip


def _told(command: Callable[P, T]) -> Callable[P, T]:
    """Says a user's mistake in one line."""

    @wraps(command)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (NotRunning, Refused, PortTaken) as mistake:
            raise click.ClickException(printable(str(mistake))) from None

    return told


def _starting(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        _Port,
        click.option("--size", type=_Size(), default="100", show_default=True, help="How many companies: 100, 10k, 1M."),
        click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed, other records."),
        click.option(
            "--rate-limits/--no-rate-limits", default=True, help="Refuse whoever asks too often, as the real ones do."
        ),
    ):
        command = option(command)
    return command


@click.group(name="sandbox", invoke_without_command=True)
@_starting
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """The five systems as servers on this machine. Without a command: starts them, until Ctrl-C."""
    # What is said before a command is said to it.
    said = {name: value for name, value in options.items() if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    ctx.default_map = dict.fromkeys(command.commands, said)
    if ctx.invoked_subcommand is None:
        _run(**options)


@command.command()
@_starting
def start(**options: Any) -> None:
    """Start the five systems and leave them running until Ctrl-C."""
    _run(**options)


@_told
def _run(*, first_port: int, size: int, seed: int, rate_limits: bool) -> None:
    ports = {name: first_port + port - _FIRST_PORT for name, port in PORTS.items()}
    try:
        sandbox = start_sandbox(ports, seed, size, rate_limits=rate_limits)
    except PortTaken as taken:
        raise click.ClickException(f"{taken} Is a sandbox running already? Others: --first-port 9701.") from None
    with sandbox:
        _introduce(sandbox, "" if first_port == _FIRST_PORT else f" --first-port {first_port}")
        try:
            sandbox.wait()
        except KeyboardInterrupt:
            click.echo("\nStopped.")


def _introduce(sandbox: Sandbox, elsewhere: str) -> None:
    table = Table("System", "Address", box=None, header_style="bold")
    for system in sandbox.systems.values():
        table.add_row(system.title, sandbox.urls[system.name])
    shown = console()
    shown.print(table)
    shown.print("\nFor whoever is to talk to them:\n", style="dim")
    for name, value in sandbox.variables.items():
        click.echo(f"export {name}={value}")
    click.echo(f"\nEdit as a person would:  talk sandbox{elsewhere} edit poweroffice_go.customers/1001 Name=Acme")
    click.echo("Ctrl-C stops.")


@command.command()
@_Port
@_told
def state(first_port: int) -> None:
    """Show how many records each system holds."""
    table = Table("System", "Entity", "Records", header_style="bold")
    for remote in _remotes((), first_port):
        found = remote.state()
        for entity, count in found["entities"].items():
            table.add_row(remote.system, entity, f"{count:,}")
    console().print(table)


@command.command()
@click.argument("record", metavar="SYSTEM.ENTITY/ID")
@click.argument("changes", nargs=-1, required=True, metavar="PROPERTY=VALUE...")
@_Port
@_told
def edit(record: str, changes: Sequence[str], first_port: int) -> None:
    """Change a record as a person would in that system: talk sandbox edit poweroffice_go.customers/1001 Name=Acme
    MailAddress.City=Oslo. A value left out empties the property.
    """
    system, entity, record_id = _record(record)
    wanted = _pairs(changes)
    remote = _remote(system, first_port)
    before, after = remote.record(entity, record_id), remote.edit(entity, record_id, wanted)
    old, new = _dotted(before), _dotted(after)
    table = Table("Property", "Before", "After", title=record, title_justify="left", header_style="bold")
    for path in [path for path in {**new, **old} if old.get(path) != new.get(path)]:
        table.add_row(path, _cell(old.get(path)), _cell(new.get(path)))
    if table.row_count:
        console().print(table)
    else:
        click.echo(f"{record} held that already; nothing changed.")


@command.command()
@click.argument("record", metavar="SYSTEM.ENTITY/ID")
@click.option("--all", "everything", is_flag=True, help="Show empty properties too.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@_Port
@_told
def get(record: str, first_port: int, *, everything: bool, as_json: bool) -> None:
    """Show one record."""
    system, entity, record_id = _record(record)
    found = _remote(system, first_port).record(entity, record_id)
    if as_json:
        click.echo(json_text(found))
        return
    table = Table("Property", "Value", title=record, title_justify="left", header_style="bold")
    for path, value in _dotted(found).items():
        if everything or value not in (None, "", [], {}):
            table.add_row(path, _cell(value))
    console().print(table)


@command.command(name="list")
@click.argument("entity", metavar="SYSTEM.ENTITY")
@click.argument("conditions", nargs=-1, metavar="PROPERTY=VALUE...")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0)
@click.option("--columns", help="Properties to show, with commas between them.")
@_Port
@_told
def list_(entity: str, conditions: Sequence[str], limit: int, offset: int, columns: str | None, first_port: int) -> None:
    """Show the records of an entity, or those that have the given values."""
    system, name, _ = _place(entity)
    found = _remote(system, first_port).records(name, limit, offset, _pairs(conditions))
    rows = [(row["id"], _dotted(row["record"])) for row in found["records"]]
    shown = [column.strip() for column in columns.split(",")] if columns else _telling([row for _, row in rows])
    table = Table("Id", *shown, header_style="bold")
    for record_id, row in rows:
        table.add_row(cell(record_id), *(_cell(row.get(column)) for column in shown))
    console().print(table)
    click.echo(f"{len(rows):,} of {plural(found['total'], 'record')}")


@command.command()
@click.option("--size", type=_Size(), help="How many companies: 100, 10k, 1M.")
@click.option("--seed", type=click.IntRange(0), help="Another seed, other records.")
@_Port
@_told
def seed(first_port: int, size: int | None, seed: int | None) -> None:
    """Put new records into all five systems, in place of what they hold."""
    for remote in _remotes((), first_port):
        found = remote.seed(seed, size)
        click.echo(f"{remote.system}: {plural(sum(found['entities'].values()), 'record')}")


@command.command()
@click.argument("systems", nargs=-1, type=click.Choice(_SYSTEMS))
@_Port
@_told
def reset(systems: Sequence[str], first_port: int) -> None:
    """Put all systems, or those named, back to their start, and take all faults away."""
    for remote in _remotes(systems, first_port):
        remote.reset()
        click.echo(f"{remote.system} is as it was at the start.")


@command.command()
@click.argument("system", type=click.Choice(_SYSTEMS), required=False)
@click.argument("fault", nargs=-1, metavar="[KIND [OPTION=VALUE...]]")
@click.option("--clear", is_flag=True, help="Take the faults away.")
@click.option("--kinds", is_flag=True, help="Show what can go wrong.")
@_Port
@_told
def faults(system: str | None, fault: Sequence[str], first_port: int, *, clear: bool, kinds: bool) -> None:
    """Show what goes wrong, or let something go wrong: talk sandbox faults poweroffice_go drop_after entity=customers
    operation=create times=1.
    """
    remotes = _remotes([system] if system else (), first_port)
    if kinds:
        _show_kinds(remotes[0].faults()["kinds"])
        return
    if clear:
        for remote in remotes:
            remote.clear_faults()
    if fault:
        remotes[0].add_fault({"kind": fault[0], **{name: _value(text) for name, text in _pairs(fault[1:]).items()}})
    _show_faults(remotes)


@command.command()
@click.argument("system", type=click.Choice(_SYSTEMS))
@click.option("--last", type=click.IntRange(1), default=20, show_default=True)
@_Port
@_told
def requests(system: str, last: int, first_port: int) -> None:
    """Show the latest requests that a system got."""
    table = Table("#", "Time", "Request", "Status", "Outcome", header_style="bold")
    for row in _remote(system, first_port).requests()[-last:]:
        request = f"{row['method']} {row['path']}{'?' + row['query'] if row['query'] else ''}"
        table.add_row(str(row["number"]), row["time"][11:23], _cell(request), _cell(row["status"]), row["outcome"])
    console().print(table)


@command.command()
@click.argument("systems", nargs=-1, type=click.Choice(_SYSTEMS))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of the terminal.")
@_Port
@_told
def dump(systems: Sequence[str], out: Path | None, first_port: int) -> None:
    """Print everything that the systems hold, as JSON."""
    held = {remote.system: remote.dump() for remote in _remotes(systems, first_port)}
    text = json_text(held)
    if out is None:
        click.echo(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise click.ClickException(f"Cannot write {out}: {error.strerror}.") from None


def _remote(system: str, first_port: int) -> Remote:
    return Remote(system, first_port + PORTS[system] - _FIRST_PORT)


def _remotes(systems: Sequence[str], first_port: int) -> list[Remote]:
    return [_remote(system, first_port) for system in systems or _SYSTEMS]


def _place(text: str) -> tuple[str, str, str]:
    where, _, record_id = text.partition("/")
    system, dot, entity = where.partition(".")
    if not dot or not entity:
        raise click.UsageError(f"{text!r} does not name an entity, such as poweroffice_go.customers.")
    if system not in _SYSTEMS:
        raise click.UsageError(f"There is no system {system!r}, only {', '.join(_SYSTEMS)}.")
    return system, entity, record_id


def _record(text: str) -> tuple[str, str, str]:
    system, entity, record_id = _place(text)
    if not record_id:
        raise click.UsageError(f"{text!r} does not name a record, such as poweroffice_go.customers/1001.")
    return system, entity, record_id


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    wrong = next((text for text in texts if "=" not in text[1:]), None)
    if wrong is not None:
        raise click.UsageError(f"{wrong!r} is no PROPERTY=VALUE.")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _dotted(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in record.items():
        found |= _dotted(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {f"{prefix}{name}": value}
    return found


def _telling(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns that tell a person most."""
    filled = {
        path: n for n, path in enumerate(dict.fromkeys(p for row in rows for p, value in row.items() if value is not None))
    }
    scores = {path: _TELLING.index(path.lower()) if path.lower() in _TELLING else len(_TELLING) for path in filled}
    plain = [path for path in filled if path.lower() != "id" and any(isinstance(row.get(path), str | int) for row in rows)]
    return sorted(plain, key=lambda path: (scores[path], path.count("."), filled[path]))[:_COLUMNS]


def _cell(value: Any) -> Text:
    shown = {None: "", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    text = shown if shown is not None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return cell(text)


def _show_faults(remotes: Sequence[Remote]) -> None:
    table = Table("System", "#", "Kind", "Where", "Left", "Hits", "Options", header_style="bold")
    for remote in remotes:
        for row in remote.faults()["faults"]:
            where = f"{row['entity'] or 'anything'}: {row['operation'] or 'any operation'}"
            left = "until cleared" if row["left"] is None else str(row["left"])
            options = ", ".join(f"{name}={value}" for name, value in row["options"].items())
            table.add_row(remote.system, str(row["id"]), row["kind"], where, left, str(row["hits"]), _cell(options))
    if table.row_count:
        console().print(table)
    else:
        click.echo("Nothing goes wrong. What could: talk sandbox faults --kinds")


def _show_kinds(kinds: Mapping[str, Mapping[str, Any]]) -> None:
    table = Table("Kind", "What happens", "Options", header_style="bold")
    for name, kind in kinds.items():
        table.add_row(name, kind["meaning"], _cell(", ".join(f"{option}={value}" for option, value in kind["options"].items())))
    console().print(table)
    click.echo("With each: entity=, operation= (list, get, create, update, delete, token, send), times=, skip=, probability=")
