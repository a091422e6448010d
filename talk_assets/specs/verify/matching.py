"""Match rules must recognise the same thing, and nothing else."""

from collections.abc import Iterator

from talk_assets.specs.problems import Problem, Severity, error
from talk_assets.specs.resolve import Endpoint, Resolved, ResolvedMapping, ResolvedMatch, read_cell
from talk_assets.specs.topology import components
from talk_assets.specs.verify.types import obstacle


def check(resolved: Resolved) -> Iterator[Problem]:
    for mapping in resolved.mappings:
        if mapping.creates and not _recognises(mapping):
            yield Problem(
                "no-match-rule",
                Severity.warning,
                mapping.place("source"),
                f"{mapping} creates without looking for a match: what both systems hold already would stand there twice",
                "add a match rule on a number, code, e-mail or organisation number",
            )
        yield from _said_twice(mapping)
        for rule in mapping.matches:
            yield from _rule(mapping, rule)
    yield from _never_linked(resolved)


def _recognises(mapping: ResolvedMapping) -> bool:
    """Whether it has a match rule; one with an empty cell, or one that depends on what nobody can tell, is none."""
    rules = mapping.spec.match or ()
    bound = {match.index for match in mapping.matches}
    return any(
        number in bound or all(_binds(cell) or rule.added for pair in rule.pairs for cell in pair)
        for number, rule in enumerate(rules)
    )


def _binds(cell: str) -> bool:
    return bool(cell.strip()) and not read_cell(cell).dependants


def _said_twice(mapping: ResolvedMapping) -> Iterator[Problem]:
    first: dict[frozenset[object], ResolvedMatch] = {}
    for rule in mapping.matches:
        same = first.setdefault(frozenset((source.identity, target.identity) for source, target in rule.pairs), rule)
        if same is not rule:
            yield Problem(
                "match-twice",
                Severity.warning,
                mapping.place("match", rule.index),
                f"this match rule stands here already, on line {mapping.place('match', same.index).line}",
                "leave one of them out",
            )


def _never_linked(resolved: Resolved) -> Iterator[Problem]:
    """Mappings that neither create nor match wait for links that nothing makes, unless other mappings lead round."""
    linking = [mapping for mapping in resolved.mappings if mapping.creates or _recognises(mapping)]
    groups = components(resolved.entities, ((mapping.source.key, mapping.target.key) for mapping in linking))
    group_of = {key: number for number, keys in enumerate(groups) for key in keys}
    for mapping in resolved.mappings:
        if group_of[mapping.source.key] != group_of[mapping.target.key]:
            yield Problem(
                "never-linked",
                Severity.warning,
                mapping.place("create"),
                f"{mapping} creates nothing and has no match rule: none of its records can ever be linked",
                "add a match rule",
            )


def _rule(mapping: ResolvedMapping, rule: ResolvedMatch) -> Iterator[Problem]:
    for number, (source, target) in enumerate(rule.pairs):
        place = mapping.place("match", rule.index, *(("all", number) if rule.spec.all else ("source",)))
        if source.is_key != target.is_key or (source.is_key and source.entity.key != target.entity.key):
            yield Problem(
                "match-id",
                Severity.warning,
                place,
                f"{source} and {target}: an id that a system gives itself says nothing about another system's record",
            )
        elif (source.spec.references or target.spec.references) and not _name_the_same(source, target):
            yield Problem(
                "match-id",
                Severity.warning,
                place,
                f"{source} and {target}: the id of another record says nothing about a record of another system",
                "match on what people know the record by: a number, a code, an e-mail address",
            )
        for end in (source, target):
            if end.spec.access == "write_only":
                yield error("match-type", place, f"{end} never comes back from its API: nothing is ever recognised by it")
        if found := obstacle(source.spec, target.spec):
            yield error("match-type", place, f"{source} and {target} cannot be compared: {found.reason}")
    place = mapping.place("match", rule.index)
    endpoints = [endpoint for pair in rule.pairs for endpoint in pair if not endpoint.is_key]
    if nullable := [endpoint for endpoint in endpoints if endpoint.spec.nullable]:
        yield Problem(
            "match-nullable",
            Severity.note,
            place,
            f"{_names(nullable)} may be empty; records without a value are never matched by this rule",
        )
    recognised = {endpoint.entity.key for pair in rule.pairs for endpoint in pair if endpoint.spec.unique or endpoint.is_key}
    if doubtful := [endpoint for endpoint in endpoints if endpoint.entity.key not in recognised]:
        yield Problem(
            "match-not-unique",
            Severity.warning,
            place,
            f"{_names(doubtful)} need not be unique; records that share {'values' if rule.spec.all else 'a value'} "
            "are not linked but shown as ambiguous",
        )


def _name_the_same(source: Endpoint, target: Endpoint) -> bool:
    """Within one system two references can name the same record."""
    return source.entity.system is target.entity.system and bool({*source.spec.references} & {*target.spec.references})


def _names(endpoints: list[Endpoint]) -> str:
    return " and ".join(map(str, endpoints))
