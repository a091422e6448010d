"""`talk why`: why something is as it is, in plain words."""

import dataclasses
from collections.abc import Iterable

import click

from talk_assets.cli.options import as_json, in_project, say, say_json
from talk_assets.operator.names import cut, plain_values, property_named, record_named, shown, told_values
from talk_assets.operator.project import Project
from talk_assets.operator.why import Story, explain_record, moment
from talk_assets.operator.why_property import Property, explain_property

_DIRECTIONS = {"both": "↔", "to_target": "→", "to_source": "←", "identity": "is"}


@click.command(name="why")
@click.argument("record", metavar="SYSTEM.ENTITY/ID")
@click.argument("prop", metavar="[PROPERTY]", required=False)
@as_json
@in_project
def command(project: Project, record: str, prop: str | None, *, as_json: bool) -> None:
    """Say what a record is linked with, what is on its way and what is not; or where the value of one PROPERTY comes from, who
    has it, what it lost against, and why not. Asks the hub only, so it works while the systems do not.
    """
    with project.offline() as world:
        key, id_ = record_named(world, record)
        story = (
            explain_property(
                project, world, key, id_, property_named(world, key, prop), plain_values if as_json else told_values
            )
            if prop is not None
            else explain_record(world, key, id_)
        )
    if as_json:
        say_json(dataclasses.asdict(story))
    elif isinstance(story, Property):
        _show_property(story)
    else:
        _show_record(story)


def _show_record(story: Story) -> None:
    say(story.record)
    if story.members:
        click.echo(click.style("\nLinked", bold=True))
        for member in story.members:
            say(f"  {member.record}  since {moment(member.since)}")
            say(f"      {member.linked}")
    _list("On its way, or held", story.pending, "nothing: everything it should hold, it holds")
    _list("Why not", map(str, story.missing))
    _list("Not certain", (line for doubt in story.doubts for line in doubt.lines))
    _list("Conflicts", story.conflicts)
    _list("What happened", story.history)
    _list("Also", story.notes)


def _show_property(story: Property) -> None:
    say(f"{story.record}  {story.path} = {shown(story.value) if story.is_kept else '(not kept)'}")
    for agreed in story.agreed:
        say(f"\nagreed ({agreed.field}, version {agreed.version}): {shown(agreed.value)}")
        say(f"  it comes from {agreed.origin or 'nobody yet'}, edited at {moment(agreed.edited_at)}")
        if agreed.before:
            say(f"  before: {'; '.join(f'{cut(shown(one.value))} of {one.record}' for one in agreed.before)}")
    if story.places:
        click.echo(click.style("\nWho has it", bold=True))
        for place in story.places:
            say(f"  {place.record}  {place.path} = {shown(place.value)}")
            say(f"      version {place.version}, {place.status}")
    _list("What lost", story.lost)
    _list(
        "Rows that carry it",
        (
            f"{row.place}: {row.source} {_DIRECTIONS.get(row.direction, row.direction)} {row.target}"
            f"{'' if row.documented else ' (added)'}"
            for row in story.rows
        ),
    )
    _list("Why not", story.notes)


def _list(title: str, lines: Iterable[str], otherwise: str = "") -> None:
    found = list(lines) or ([otherwise] if otherwise else [])
    if found:
        click.echo(click.style(f"\n{title}", bold=True))
        for line in found:
            say(f"  {line}")
