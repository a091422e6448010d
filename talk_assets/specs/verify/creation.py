"""A record can only be created when all it needs is there."""

from collections.abc import Iterator

from talk_assets.specs.dataflow import Expression, WhenCondition, WhenConnected
from talk_assets.specs.model import Constant, as_text
from talk_assets.specs.problems import Problem, Severity, error, shown
from talk_assets.specs.resolve import EntityRef, Resolved, ResolvedMapping, unknown_property
from talk_assets.specs.verify.transforms import compiled_or_problem
from talk_assets.specs.verify.values import Misfit, bad_value, constant_misfit


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        yield from _rule(mapping)
        yield from _on_create(mapping)
        yield from _cannot_update(mapping)
        if mapping.creates:
            yield from _required(mapping)


def _rule(mapping: ResolvedMapping) -> Iterator[Problem]:
    create = mapping.spec.create
    if mapping.creates and mapping.target.spec.create is None:
        yield error(
            "cannot-create",
            mapping.place("create"),
            f"{mapping} creates records, but {mapping.target} has no `create` in its system spec",
        )
    if isinstance(create, WhenCondition | WhenConnected) and create.when:
        found = compiled_or_problem(create.when, mapping.source, None, "boolean")
        if isinstance(found, tuple):
            yield error(found[0], mapping.place("create", "when"), found[1], found[2])
    elif isinstance(create, WhenCondition) or (isinstance(create, WhenConnected) and create.condition is not None):
        yield Problem(
            "unbound-condition",
            Severity.warning,
            mapping.place("create"),
            f"the condition {shown(create.condition or '')} is bound to no expression; until it is, {mapping} writes nothing",
            f"add `when:` with an expression over {mapping.source}",
        )
    for entity in mapping.connected:
        if not _refers(entity, mapping.source):
            yield Problem(
                "not-connected",
                Severity.warning,
                mapping.place("create"),
                f"no property of {entity} refers to {mapping.source}; nothing is created on its account",
                "give a property of it `references` in the system spec",
            )


def _refers(entity: EntityRef, to: EntityRef) -> bool:
    return any(to.name in prop.references for prop in entity.spec.properties.values())


def _cannot_update(mapping: ResolvedMapping) -> Iterator[Problem]:
    """Links keep in step for ever, so both sides of a row must be able to take an edit."""
    for entity, side, way in ((mapping.source, "source", "to_source"), (mapping.target, "target", "to_target")):
        carried = [row for row in mapping.rows if row.spec.direction in ("both", way) and not row.is_identity]
        written = [end for row in carried for end in (row.sources if side == "source" else row.targets)]
        if entity.spec.update is None and any(end.spec.access in ("read_write", "write_only") for end in written):
            yield Problem(
                "cannot-update",
                Severity.warning,
                mapping.place(side),
                f"{entity} has no `update` in its system spec: an edit on the other side of {mapping} never arrives there",
                "describe its `update` there" + ("" if side == "target" else ", or give the rows `direction: to_target`"),
            )


def _on_create(mapping: ResolvedMapping) -> Iterator[Problem]:
    if mapping.spec.on_create and not mapping.creates:
        yield Problem(
            "never-given",
            Severity.warning,
            mapping.loaded.key_place("mappings", mapping.index, "on_create"),
            f"{mapping} creates nothing, so what `on_create` says is given to no record",
            "leave it out, or say another `create` than never",
        )
    written = {end.path: row for row in mapping.rows if row.spec.direction != "to_source" for end in row.targets}
    for name, value in mapping.spec.on_create.items():
        place = mapping.place("on_create", name)
        path = mapping.target.find(name)
        if path is None:
            yield unknown_property(mapping.target, name, mapping.loaded.key_place("mappings", mapping.index, "on_create", name))
        elif mapping.target.prop(path).access == "read_only":
            yield error("never-written", place, f"{mapping.target}.{path} is read-only and cannot be given on create")
        elif isinstance(value, Expression):
            found = compiled_or_problem(value.expression, mapping.source, None, mapping.target.prop(path).type)
            if isinstance(found, tuple):
                yield error(found[0], place, found[1], found[2])
        elif misfit := constant_misfit(mapping.target.prop(path), value) or _elsewhere(mapping.target, path, value):
            yield bad_value(place, value, f"{mapping.target}.{path}", misfit)
        if path in written:
            yield Problem(
                "given-twice",
                Severity.warning,
                mapping.loaded.key_place("mappings", mapping.index, "on_create", name),
                f"{mapping.target}.{path} is given here and by the row from {written[path].spec.source}",
                "leave one of them out",
            )


def _elsewhere(target: EntityRef, path: str, value: Constant) -> Misfit | None:
    """Why a record that is made with this value would be none of the target's."""
    its_own = target.spec.where.get(path, (value,))
    allowed = ", ".join(as_text(one) for one in its_own if one is not None)
    return None if value in its_own else Misfit("`where` tells such records from these", f"its records have {allowed}")


def _required(mapping: ResolvedMapping) -> Iterator[Problem]:
    target = mapping.target
    rows = [row for row in mapping.rows if row.spec.direction != "to_source" and not row.is_identity]
    written = {endpoint.path for row in rows for endpoint in row.targets}
    given = {target.find(name) for name in mapping.spec.on_create}
    fixed = {path for path, values in target.spec.where.items() if values[0] is not None}
    joined = {target.spec.joins.property, *target.spec.joins.owns} if target.spec.joins else set()
    for path, prop in target.spec.properties.items():
        covered = path in written | given | fixed | joined or prop.default is not None
        if prop.required and prop.access != "read_only" and not covered:
            yield error(
                "required-missing",
                mapping.place("target"),
                f"{target} cannot be created without {path}, and nothing gives it a value",
                f"add a row for {path}, an entry in `on_create`, or a `default` in the system spec",
            )
