"""A system spec must fit itself: every name it uses is one of its own."""

import re
from collections.abc import Iterable, Iterator

from talk_assets.specs.naming import squash
from talk_assets.specs.problems import Place, Problem, did_you_mean, error, shown
from talk_assets.specs.read import Loaded
from talk_assets.specs.resolve import EntityRef, Resolved, unknown_property
from talk_assets.specs.system import Entity, SystemSpec
from talk_assets.specs.writing import SearchableReference, UniqueReference
from talk_assets.specs.yaml12 import Trail

MARK_LENGTH = 32
_MARK: Trail = ("mark",)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def check(resolved: Resolved) -> Iterator[Problem]:
    systems = resolved.catalog.systems.values()
    yield from _called_alike((loaded.spec.system, loaded.spec, loaded, ()) for loaded in systems)
    for loaded in systems:
        entities = loaded.spec.entities.items()
        yield from _called_alike((name, entity, loaded, ("entities", name)) for name, entity in entities)
        for name in loaded.spec.entities:
            yield from _entity(loaded, resolved.entities[f"{loaded.spec.system}.{name}"], resolved)


def _entity(loaded: Loaded[SystemSpec], entity: EntityRef, resolved: Resolved) -> Iterator[Problem]:
    trail: Trail = ("entities", entity.name)
    spec = entity.spec
    for path, where in _properties_named(entity):
        if path not in spec.properties:
            yield unknown_property(entity, path, loaded.place(*trail, *where))
    yield from _templates(loaded, entity)
    yield from _not_yet_known(loaded, entity)
    yield from _names_no_record(loaded, entity)
    other = resolved.entities.get(f"{loaded.spec.system}.{spec.joins.entity}") if spec.joins else None
    if spec.joins and other and spec.joins.by not in other.spec.properties:
        yield unknown_property(other, spec.joins.by, loaded.place(*trail, "joins", "by"))
    for number, path in enumerate(spec.joins.owns if spec.joins and other else ()):
        if other and path in spec.properties and path not in other.spec.properties:
            yield unknown_property(other, path, loaded.place(*trail, "joins", "owns", number))
    for name, where in _entities_named(entity):
        if name not in loaded.spec.entities:
            yield error(
                "unknown-entity",
                loaded.place(*trail, *where),
                f"{loaded.spec.system} has no entity {name!r}",
                did_you_mean(name, loaded.spec.entities),
            )
    if spec.client is not None and spec.client not in loaded.spec.clients:
        yield error(
            "unknown-client",
            loaded.place(*trail, "client"),
            f"{loaded.spec.system} has no client {spec.client!r}",
            did_you_mean(spec.client, loaded.spec.clients) or f"known are {', '.join(loaded.spec.clients)}",
        )
    yield from _mark(loaded, entity)
    yield from _inside_another(loaded, entity)
    yield from _aliases(loaded, entity)


def _templates(loaded: Loaded[SystemSpec], entity: EntityRef) -> Iterator[Problem]:
    for template, where in _paths(entity):
        place = loaded.place("entities", entity.name, *where)
        if "://" in template:
            message = f"{shown(template)} is a whole address; a path is read below base_url"
            yield error("bad-setting", place, message, "leave out what base_url says")
        elif {"{", "}"} & {*_PLACEHOLDER.sub("", template)}:
            yield error("bad-setting", place, f"a brace is missing in {shown(template)}", "for example customers/{id}")
        for path in _PLACEHOLDER.findall(template):
            if path not in entity.spec.properties:
                yield unknown_property(entity, path, place)


def _not_yet_known(loaded: Loaded[SystemSpec], entity: EntityRef) -> Iterator[Problem]:
    """What an address needs of a record that is still to be listed or made."""
    spec = entity.spec
    for path in _PLACEHOLDER.findall(spec.list.path):
        place = loaded.place("entities", entity.name, "list", "path")
        yield error(
            "bad-setting", place, f"a listing has no record yet that {{{path}}} could be filled in from", "say `params`"
        )
    if "?" in spec.list.path:
        place = loaded.place("entities", entity.name, "list", "path")
        yield error(
            "bad-setting", place, f"{shown(spec.list.path)} holds a query, which every page has of its own", "say `params`"
        )
    for path in _PLACEHOLDER.findall(spec.create.path) if spec.create else ():
        if path in spec.properties and spec.properties[path].access == "read_only":
            place = loaded.place("entities", entity.name, "create", "path")
            message = f"{path} is read-only: a record that is to be made has none yet that {{{path}}} could be filled in from"
            yield error("bad-setting", place, message, "leave it out, or say what `access` it has")


def _names_no_record(loaded: Loaded[SystemSpec], entity: EntityRef) -> Iterator[Problem]:
    """An update may name its record in the body; all else that is for one record names it in the address."""
    by_body = {("create", "path"), ("list", "path")}
    update = entity.spec.update
    if update and (update.style == "post" or entity.spec.key in update.also):
        by_body.add(("update", "path"))
    for template, where in _paths(entity):
        if where not in by_body and not {"{", "}"} & {*template}:
            place = loaded.place("entities", entity.name, *where)
            hint = f"for example {template.rstrip('/')}/{{{entity.spec.key}}}"
            yield error("bad-setting", place, f"{shown(template)} is for one record and does not say which", hint)


def _mark(loaded: Loaded[SystemSpec], entity: EntityRef) -> Iterator[Problem]:
    for name, longest, where in _marks(entity.spec):
        prop = entity.spec.properties.get(name)
        if prop is None:
            continue
        place = loaded.place("entities", entity.name, *where)
        if (
            prop.type != "string"
            or prop.values
            or prop.access == "read_only"
            or (where == _MARK and prop.access == "write_only")
        ):
            yield error(
                "bad-setting", place, f"{name} cannot keep a mark", "name a text that can be written when a record is made"
            )
        elif (room := min(longest or MARK_LENGTH, prop.max_length or MARK_LENGTH)) < MARK_LENGTH:
            yield error("bad-setting", place, f"{name} holds {room} characters", f"a mark has {MARK_LENGTH} of them")


def _marks(spec: Entity) -> Iterator[tuple[str, int | None, Trail]]:
    """The properties that are to keep what a new record was made from, and what is said to fit there."""
    if spec.mark:
        yield spec.mark, None, _MARK
    if isinstance(spec.idempotency, UniqueReference | SearchableReference):
        yield spec.idempotency.property, spec.idempotency.max_length, ("idempotency", "property")


def _inside_another(loaded: Loaded[SystemSpec], entity: EntityRef) -> Iterator[Problem]:
    """One place of a record cannot hold both a value and an object with values of its own."""
    for path in entity.spec.properties:
        steps = path.split(".")
        above = (".".join(steps[:depth]) for depth in range(1, len(steps)))
        if whole := next((one for one in above if one in entity.spec.properties), None):
            yield error(
                "inside-another",
                loaded.key_place("entities", entity.name, "properties", path),
                f"{path!r} lies inside {whole!r}, which is a property of {entity} as well: a record cannot hold both",
                f"declare either {whole!r} as a whole or the properties inside it",
            )


def _properties_named(entity: EntityRef) -> Iterator[tuple[str, Trail]]:
    spec = entity.spec
    archived = spec.archive.set if spec.archive and spec.archive.set else {}
    single: list[tuple[str | None, Trail]] = [
        (spec.key, ("key",)),
        (spec.mark, ("mark",)),
        (spec.modified, ("modified",)),
        (spec.created, ("created",)),
        (getattr(spec.parent, "property", None), ("parent", "property")),
        (getattr(spec.joins, "property", None), ("joins", "property")),
        (getattr(spec.list.cursor, "property", None), ("list", "cursor", "property")),
        (
            spec.concurrency.property if spec.concurrency and spec.concurrency.type == "version" else None,
            ("concurrency", "property"),
        ),
        (getattr(spec.idempotency, "property", None), ("idempotency", "property")),
        (getattr(spec.idempotency, "created", None), ("idempotency", "created")),
    ]
    yield from ((path, where) for path, where in single if path)
    yield from ((path, ("where", path)) for path in spec.where)
    yield from ((path, ("archive", "set", path)) for path in archived)
    yield from ((one.property, ("limitations", number, "property")) for number, one in enumerate(spec.limitations))
    misses = spec.list.cursor.misses if spec.list.cursor else ()
    yield from ((path, ("list", "cursor", "misses", number)) for number, path in enumerate(misses))
    also = spec.update.also if spec.update else ()
    yield from ((path, ("update", "also", number)) for number, path in enumerate(also))
    yield from ((path, ("joins", "owns", number)) for number, path in enumerate(spec.joins.owns if spec.joins else ()))


def _paths(entity: EntityRef) -> Iterator[tuple[str, Trail]]:
    spec = entity.spec
    yield spec.list.path, ("list", "path")
    if spec.get:
        yield spec.get.path, ("get", "path")
        if spec.get.moved_to:
            yield spec.get.moved_to.path, ("get", "moved_to", "path")
    if spec.create:
        yield spec.create.path, ("create", "path")
    if spec.update:
        yield spec.update.path, ("update", "path")
    if spec.archive and spec.archive.delete:
        yield spec.archive.delete, ("archive", "delete")


def _entities_named(entity: EntityRef) -> Iterator[tuple[str, Trail]]:
    if entity.spec.parent:
        yield entity.spec.parent.entity, ("parent", "entity")
    if entity.spec.joins:
        yield entity.spec.joins.entity, ("joins", "entity")
    for path, prop in entity.spec.properties.items():
        for number, name in enumerate(prop.references):
            yield name, ("properties", path, "references", number)


def _aliases(loaded: Loaded[SystemSpec], entity: EntityRef) -> Iterator[Problem]:
    owners: dict[str, str] = dict.fromkeys(entity.spec.properties, "a property of its own")
    for path, prop in entity.spec.properties.items():
        for number, alias in enumerate(prop.aliases):
            if alias in owners:
                place: Place = loaded.place("entities", entity.name, "properties", path, "aliases", number)
                yield error("twice", place, f"{alias!r} is already {owners[alias]} in {entity}")
            owners.setdefault(alias, f"another name of {path!r}")


def _called_alike(named: Iterable[tuple[str, SystemSpec | Entity, Loaded[SystemSpec], Trail]]) -> Iterator[Problem]:
    """Documents name systems and entities in any spelling, and must mean one of them."""
    named = list(named)
    owners = {squash(key): key for key, *_ in named}
    for key, spec, loaded, trail in named:
        places: list[tuple[str, Trail]] = [
            (spec.title, ("title",)),
            *((name, ("names", n)) for n, name in enumerate(spec.names)),
        ]
        for name, where in places:
            owner = owners.setdefault(squash(name), key)
            if squash(name) and owner != key:
                place = loaded.place(*trail, *where)
                yield error(
                    "twice", place, f"{shown(name)} is a name of {owner} already", "a document could mean either of them"
                )
